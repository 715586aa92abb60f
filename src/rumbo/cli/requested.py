"""What a worker was asked to plan, done in a process of its own: `python -m rumbo.cli.requested`.

A `RunRequest` comes in on standard input, a `RunAnswer` goes out on standard output. The user's modules are imported
and asked here, so a worker that runs other things meanwhile is neither held up nor harmed.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from rumbo.codec import Again, PlannedFamily, PlannedOne, RunAnswer, RunRequest, decode, encode
from rumbo.errors import RumboError, TaskError
from rumbo.worker.worker import CannotBuild, build

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.cli.clean import Doomed
    from rumbo.pipeline.task import Task
    from rumbo.ports import Foreign
    from rumbo.settings import Settings
    from rumbo.worker.plan import Plan

_MOST_TOLD = 200
"""Of the tasks and of the outputs in an answer: it goes into the server's journal."""


def main() -> int:
    """Answer the request on standard input."""
    # Standard output is for the answer alone: what the user's modules print goes to where errors go.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.path.insert(0, os.getcwd())
    request: RunRequest = decode(sys.stdin.buffer.read(), RunRequest, "request for a run")
    with answers:
        answers.write(encode(answer(request)))
    return 0


def answer(request: RunRequest) -> RunAnswer:
    """Do what is asked, and say what came of it."""
    from rumbo import settings

    try:
        tasks = [build(each) for each in request.tasks]
        _refuse_unknown_parameters(tasks, request.tasks)
        _see_that_they_are_the_same(tasks, request.ids)
        doomed = _outputs_to_remove(tasks, request.again)
        in_force = settings.load()
        plan, removed = _plan(tasks, doomed, in_force)
        kept = [each for each in doomed if each.task.task_id not in removed]
        doomed = [each for each in doomed if each.task.task_id in removed]
        if not request.is_preview:
            run = _run(plan, doomed, request, in_force)
            return _told(plan, doomed, kept)._replace(run=run)
        return _told(plan, doomed, kept)
    except CannotBuild as error:
        return RunAnswer(refused=str(error))
    except RumboError as error:
        return RunAnswer(error=str(error))


def _refuse_unknown_parameters(tasks: Sequence[Task], asked: Sequence[Foreign]) -> None:
    """A name that is mistyped would give the task that has the default value: another one than was meant."""
    for task, about in zip(tasks, asked, strict=True):
        names = [name for name, _ in task.get_params()]
        unknown = sorted(about.params.keys() - set(names))
        if unknown:
            raise TaskError(f"{about.family} has no parameter {unknown[0]}; it has: {', '.join(names) or 'none'}.")


def _see_that_they_are_the_same(tasks: Sequence[Task], ids: Sequence[str]) -> None:
    for task, id in zip(tasks, ids, strict=False):
        if task.task_id != id:
            raise TaskError(
                f"{id} cannot be built from what the history knows of it: it has hidden parameters, or its class has "
                f"changed meanwhile (this gives {task.task_id}). Use `rumbo run`, with all its parameters."
            )


def _outputs_to_remove(tasks: Sequence[Task], again: Again) -> list[Doomed]:
    """The outputs of the tasks that shall be made again; what comes from elsewhere could not be, so it stays."""
    from rumbo.cli.clean import outputs_there
    from rumbo.worker.plan import Plan

    if again is Again.NOTHING:
        return []
    if again is Again.BELOW:
        plan = Plan(deep=True)
        plan.find(tasks)
        tasks = [node.task for node in plan.nodes.values()]
    return outputs_there([task for task in tasks if task.run is not None and task.run is not NotImplemented])


def _plan(tasks: Sequence[Task], doomed: Sequence[Doomed], in_force: Settings) -> tuple[Plan, set[str]]:
    """The plan as it will be when outputs are gone, and the tasks whose outputs go: those that are made again by it.

    Of a task that could not be made again, as when something it needs is missing and comes from elsewhere, they stay.
    """
    from rumbo.worker.plan import Plan, Verdict

    removed = {each.task.task_id for each in doomed}
    removed -= {each.task.task_id for each in doomed if not each.is_removable}
    chosen = in_force.run
    while True:
        gone = frozenset(removed)
        plan = Plan(
            chosen.deep,
            chosen.check_threads,
            chosen.allow_collisions,
            is_removed=lambda task, gone=gone: task.task_id in gone,  # type: ignore[misc]
        )
        plan.find(tasks)
        made = {id for id in gone if id in plan.nodes and plan.nodes[id].verdict is Verdict.RUN}
        if made == gone:
            return plan, made
        removed = made


def _run(plan: Plan, doomed: Sequence[Doomed], request: RunRequest, in_force: Settings) -> str:
    """Remove the outputs and hand the run over; gives its id."""
    from rumbo.cli.clean import remove
    from rumbo.cli.run import options_of
    from rumbo.cli.wiring import hand_over, require_portable

    words = ["run", *_words(request.tasks)]
    options = options_of({"scheduler": os.environ["RUMBO_SCHEDULER"]}, in_force, words)
    require_portable(plan)  # before anything is gone
    troubles = remove(doomed)
    if troubles:
        raise TaskError(f"Nothing was begun, but some outputs may be gone: {troubles[0]}")
    roots = [node.task for node in plan.roots]
    return hand_over(roots, options, is_certain=bool(doomed), asked_by=request.asked_by).id


def _words(tasks: Sequence[Foreign]) -> list[str]:
    """The command by which a person would ask for the same."""
    words: list[str] = []
    for module in dict.fromkeys(task.module for task in tasks):
        words += ["-m", module]
    for task in tasks:
        words.append(task.family)
        for name, value in task.params.items():
            words += [f"--{name.replace('_', '-')}", value]
    return [*words, "--detach"]


def _told(plan: Plan, doomed: Sequence[Doomed], kept: Sequence[Doomed]) -> RunAnswer:
    families: dict[str, dict[str, int]] = {}
    for node in plan.nodes.values():
        counts = families.setdefault(node.task.get_task_family(), {})
        counts[str(node.verdict)] = counts.get(str(node.verdict), 0) + 1
    touched = [node for node in plan.nodes.values() if str(node.verdict) != "skip"]
    removed = [str(each.target) for each in doomed]
    return RunAnswer(
        families=[PlannedFamily(family, **counts) for family, counts in families.items()],
        tasks=[PlannedOne(node.id, node.name, str(node.verdict), node.reason) for node in touched[:_MOST_TOLD]],
        removed=removed[:_MOST_TOLD],
        removed_count=len(removed),
        kept=[str(each.target) for each in kept][:_MOST_TOLD],
    )


if __name__ == "__main__":
    sys.exit(main())
