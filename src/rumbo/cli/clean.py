"""`rumbo clean`: removes the outputs of tasks, and on demand all that was made from them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from rumbo.cli.arguments import HELP, MODULE, Option, UsageError, read
from rumbo.cli.finding import finder, make_tasks
from rumbo.cli.help import help_text, option_rows
from rumbo.cli.look import Ink, is_terminal, plural
from rumbo.errors import TaskError
from rumbo.pipeline.structure import flatten
from rumbo.wording import brief
from rumbo.worker.completeness import wrong_output

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rumbo.pipeline.task import Task
    from rumbo.settings import Settings

OPTIONS = (
    MODULE,
    Option("downstream", ("--downstream",), "Also what was made from it, down to the last TASK."),
    Option("dry_run", ("-n", "--dry-run"), "Only show what would be removed."),
    Option("yes", ("-y", "--yes"), "Do not ask."),
    HELP,
)

ABOUT = (
    "Removes the outputs of a task, so that it runs again when it is needed next. What goes is shown first, and you "
    "are asked. With --downstream, all that was made from them goes too, down to the task that is named last:\n"
    "`rumbo clean -m flights CleanDay --date 2013-02-03 --downstream FlightReport`."
)


class Doomed(NamedTuple):
    """An output that is there."""

    task: Task
    target: Any

    @property
    def is_removable(self) -> bool:
        """Whether the target knows how to go away."""
        return callable(getattr(self.target, "remove", None))


def clean(words: Sequence[str]) -> int:
    """Carry out ``rumbo clean``; gives the exit code."""
    from rumbo import settings

    in_force = settings.load()
    line = read(words, OPTIONS, finder("clean", in_force.run.module))
    flags = line.options
    if flags.get("help"):
        usage = "rumbo clean [-m MODULE] TASK [--parameter VALUE ...] [--downstream ROOT [--parameter VALUE ...]]"
        print(help_text(usage, ABOUT, [("Options", option_rows(OPTIONS))]))
        return 0
    tasks = make_tasks(line)
    if not tasks:
        raise UsageError("Which task? rumbo clean -m MODULE TASK; `rumbo list MODULE` shows what there is.")
    if flags.get("downstream"):
        tasks = _with_downstream(tasks, in_force)
    found = outputs_there(tasks)
    if not _preview(found, Ink(sys.stdout)):
        return 0
    if flags.get("dry_run"):
        return 0
    if not flags.get("yes") and not _agrees():
        print("Nothing was removed.")
        return 0
    doomed = [each for each in found if each.is_removable]
    troubles = remove(doomed)
    for trouble in troubles:
        print(trouble, file=sys.stderr)
    print(f"Removed {plural(len(doomed) - len(troubles), 'output')}.")
    return 1 if troubles else 0


def _with_downstream(tasks: Sequence[Task], settings: Settings) -> list[Task]:
    from rumbo.cli.deps import dependents_of
    from rumbo.cli.plan import find

    if len(tasks) < 2:
        raise UsageError(
            "--downstream needs to know how far to look: name the task at the end of it last, as in "
            f"rumbo clean {tasks[0].get_task_family()} ... --downstream ROOT."
        )
    *wanted, root = tasks
    plan = find([root], settings, True)
    nodes = []
    for task in wanted:
        node = plan.nodes.get(task.task_id)
        if node is None:
            raise UsageError(f"{root} does not need {task}, so nothing of what it needs was made from that.")
        nodes.append(node)
    return [node.task for node in dependents_of(plan, nodes)]


def outputs_there(tasks: Iterable[Task]) -> list[Doomed]:
    """The outputs of tasks that exist, each once.

    Raises:
        TaskError: the user's code does not say which they are, or whether they exist.
    """
    found: dict[str, Doomed] = {}
    for task in tasks:
        try:
            there = [target for target in flatten(task.output()) if target.exists()]
        except Exception as error:
            raise wrong_output(task) or TaskError(f"{task}: its outputs cannot be asked: {brief(error)}.") from error
        for target in there:
            found.setdefault(str(target), Doomed(task, target))
    return list(found.values())


def _preview(found: Sequence[Doomed], ink: Ink) -> bool:
    """Show what is to go; false when there is nothing."""
    for each in found:
        mark = ink.symbol("cancelled") if each.is_removable else ink.symbol("disabled")
        why = "" if each.is_removable else "  (it has no remove(), so it stays)"
        print(f"{mark} {each.target}  {ink.faint(f'{each.task}{why}')}")
    if not any(each.is_removable for each in found):
        print("There is nothing to remove.")
        return False
    return True


def _agrees() -> bool:
    if not is_terminal(sys.stdin):
        raise UsageError("Nothing was removed, since nobody can be asked here: say --yes if you are sure.")
    try:
        return input("Remove these? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def remove(doomed: Sequence[Doomed]) -> list[str]:
    """Remove outputs; gives a sentence for each that could not be."""
    troubles = []
    # What was made last goes first: if this is broken off, nothing that is left was made from something gone.
    for each in reversed(doomed):
        try:
            each.target.remove()
        except Exception as error:  # noqa: BLE001 - a target may be anything; the others are still to be removed
            troubles.append(f"{each.target} could not be removed: {type(error).__name__}: {error}")
    return troubles
