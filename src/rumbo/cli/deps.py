"""`rumbo deps`: what a task needs, with its outputs; or just the ways to one family of tasks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from rumbo.cli.arguments import HELP, MODULE, Option, UsageError, read
from rumbo.cli.drawings.text import state_of
from rumbo.cli.finding import finder, make_tasks
from rumbo.cli.help import help_text, option_rows
from rumbo.cli.look import Ink
from rumbo.pipeline.structure import flatten
from rumbo.wording import brief
from rumbo.worker.plan import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.pipeline.task import Task
    from rumbo.worker.plan import Node, Plan

OPTIONS = (
    MODULE,
    Option("upstream", ("--upstream", "--upstream-family"), "Only what lies between.", "FAMILY"),
    Option("json", ("--json",), "As JSON."),
    HELP,
)

ABOUT = (
    "Lists a task and all that it needs, each with its outputs; dependencies come first. With --upstream, only the "
    "tasks between it and another family: what must be made again when that family's outputs change."
)


def deps(words: Sequence[str]) -> int:
    """Carry out ``rumbo deps``; gives the exit code."""
    from rumbo import settings
    from rumbo.cli.plan import find

    in_force = settings.load()
    line = read(words, OPTIONS, finder("deps", in_force.run.module))
    if line.options.get("help"):
        usage = "rumbo deps [-m MODULE] TASK [--parameter VALUE ...] [options]"
        print(help_text(usage, ABOUT, [("Options", option_rows(OPTIONS))]))
        return 0
    if not line.wanted:
        raise UsageError("Which task? rumbo deps -m MODULE TASK; `rumbo list MODULE` shows what there is.")
    plan = find(make_tasks(line), in_force, True)
    nodes = in_order(plan)
    if family := line.options.get("upstream"):
        nodes = _between(nodes, family)
    if line.options.get("json"):
        import json

        print(json.dumps([_as_data(node) for node in nodes], indent=2))
    else:
        ink = Ink(sys.stdout)
        for node in nodes:
            trouble = f"  {ink.faint(node.reason)}" if node.verdict is Verdict.BROKEN else ""
            print(f"{ink.symbol(state_of(node))} {node.name}{trouble}")
            for output in outputs_of(node.task):
                print(f"    {ink.faint(output)}")
    return 0


def in_order(plan: Plan) -> list[Node]:
    """The nodes of a plan, dependencies first."""
    ordered: dict[str, Node] = {}
    stack = [(node, False) for node in reversed(plan.roots)]
    while stack:
        node, is_left = stack.pop()
        if is_left:
            ordered[node.id] = node
        elif node.id not in ordered:
            stack.append((node, True))
            stack += [(needed, False) for needed in reversed(node.needs) if needed.id not in ordered]
    return list(ordered.values())


def dependents_of(plan: Plan, wanted: Sequence[Node]) -> list[Node]:
    """Those of a plan's nodes that need one of some nodes, directly or not, and these nodes; dependencies first."""
    found = {node.id for node in wanted}
    kept = []
    for node in in_order(plan):
        if node.id in found or any(needed.id in found for needed in node.needs):
            found.add(node.id)
            kept.append(node)
    return kept


def _between(nodes: Sequence[Node], family: str) -> list[Node]:
    known = {node.task.get_task_family() for node in nodes}
    if family not in known:
        from difflib import get_close_matches

        near = get_close_matches(family, known, n=3, cutoff=0.5)
        advice = f"Did you mean {' or '.join(near)}?" if near else f"There is: {', '.join(sorted(known))}."
        raise UsageError(f"The task needs nothing of the family {family}. {advice}")
    found: set[str] = set()
    kept = []
    for node in nodes:
        if node.task.get_task_family() == family or any(needed.id in found for needed in node.needs):
            found.add(node.id)
            kept.append(node)
    return kept


def outputs_of(task: Task) -> list[str]:
    """A task's outputs as people know them: paths, where they have one."""
    try:
        return [str(target) for target in flatten(task.output())]
    except Exception as error:  # noqa: BLE001 - the user's code; the list goes on
        return [f"output() failed: {brief(error)}"]


def _as_data(node: Node) -> dict[str, Any]:
    return {
        "id": node.id,
        "family": node.task.get_task_family(),
        "params": node.task.to_str_params(only_public=True),
        "complete": state_of(node) == "skip",
        "outputs": outputs_of(node.task),
        "dependencies": [needed.id for needed in node.needs],
    }
