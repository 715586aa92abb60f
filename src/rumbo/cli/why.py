"""`rumbo why`: why a task would run or not, what it waits for, and what became of it lately."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rumbo.cli.arguments import HELP, MODULE, Option, UsageError, read
from rumbo.cli.finding import failure_text, finder, make_tasks
from rumbo.cli.help import help_text, option_rows
from rumbo.cli.look import Ink, plural
from rumbo.pipeline.structure import flatten

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rumbo.cli.past import Archive
    from rumbo.worker.plan import Node

OPTIONS = (
    MODULE,
    Option("deep", ("--deep",), "Look below complete tasks too."),
    Option("scheduler", ("--scheduler",), "Address of a server (`rumbo serve`) to ask too.", "URL"),
    HELP,
)

ABOUT = (
    "Tells why a task would run, or why not: which of its outputs are missing, what it waits for down to the first "
    "cause, and what became of it in the last runs; with a server, also what that says of it at this moment. "
    "Nothing runs. TASK is written as for `rumbo run`."
)

_CAUSES = 5
_RUNS = 3
_MEANINGS = {"run": "would run", "skip": "would be skipped", "wait": "cannot run", "broken": "is broken"}


def why(words: Sequence[str]) -> int:
    """Carry out ``rumbo why``; gives the exit code."""
    from rumbo import settings
    from rumbo.cli.plan import find

    in_force = settings.load()
    line = read(words, OPTIONS, finder("why", in_force.run.module))
    if line.options.get("help"):
        usage = "rumbo why [-m MODULE] TASK [--parameter VALUE ...] [options]"
        print(help_text(usage, ABOUT, [("Options", option_rows(OPTIONS))]))
        return 0
    if not line.wanted:
        raise UsageError("Which task? rumbo why -m MODULE TASK; `rumbo list MODULE` shows what there is.")
    plan = find(make_tasks(line), in_force, line.options.get("deep", False))
    ink = Ink(sys.stdout)
    for node in plan.roots:
        for text in _reasons(node, ink):
            print(text)
        for text in _past(node, ink, line.options.get("scheduler", in_force.scheduler.url)):
            print(text)
    return 0


def _reasons(node: Node, ink: Ink) -> Iterator[str]:
    verdict = str(node.verdict)
    yield f"{ink.symbol(verdict)} {ink.strong(node.name)} {ink.paint(_MEANINGS[verdict], verdict)}: {node.reason}."
    if verdict == "broken":
        for line in failure_text(node.traceback).split("\n"):
            yield f"    {line}"
        return
    missing = _missing_outputs(node)
    if missing and verdict != "skip":
        more = f" and {len(missing) - 3:,} more" if len(missing) > 3 else ""
        yield f"  It has not made: {', '.join(missing[:3])}{more}"
    causes = list(_causes(node))
    if causes:
        yield f"  {_because(verdict)}:"
        yield from (f"    {ink.symbol(str(each.verdict))} {each.name}: {each.reason}" for each in causes[:_CAUSES])
        if len(causes) > _CAUSES:
            yield f"    and {plural(len(causes) - _CAUSES, 'task')} more"


def _missing_outputs(node: Node) -> list[str]:
    try:
        return [str(target) for target in flatten(node.task.output()) if not target.exists()]
    except Exception:  # noqa: BLE001 - the user's code; the reason of the plan tells of it
        return []


def _because(verdict: str) -> str:
    return {"wait": "The first causes", "run": "Made before it, to begin with"}.get(verdict, "Below it")


def _causes(node: Node) -> Iterator[Node]:
    """Where the trouble, or the work, begins: what stands below a task and needs nothing more of its own kind."""
    kinds = {"wait": ("wait", "broken"), "run": ("run",)}.get(str(node.verdict), ())
    seen = {node.id}
    stack = [node]
    while stack:
        current = stack.pop()
        below = [needed for needed in current.needs if needed.verdict in kinds]
        if not below and current is not node:
            yield current
        for needed in reversed(below):
            if needed.id not in seen:
                seen.add(needed.id)
                stack.append(needed)


def _past(node: Node, ink: Ink, scheduler: str) -> Iterator[str]:
    """What a server says of the task, and the last runs that had to do with it; nothing when there is no history."""
    import os

    from rumbo.store.connect import DATABASE, FOLDER

    if not scheduler and not os.path.exists(os.path.join(FOLDER, DATABASE)):
        return
    from rumbo.cli.past import open_history, server
    from rumbo.wire.remote_history import RemoteHistory

    if not scheduler:
        with open_history() as reader:
            yield from _story(node, reader, ink)
        return
    with RemoteHistory(server(scheduler)) as archive:
        told = archive.why(node.id)
        yield f"  The server: {told}" if told is not None else "  The server does not know it (any more)."
        yield from _story(node, archive, ink)


def _story(node: Node, archive: Archive, ink: Ink) -> Iterator[str]:
    from rumbo.cli.show import story_lines
    from rumbo.history import NotInHistory

    try:
        story = archive.story(archive.task(node.id), limit=_RUNS)
    except NotInHistory:
        yield "  No run has had to do with it yet."
        return
    yield "  The last runs:"
    for chapter in story.rows:
        yield from (f"  {line}" for line in story_lines(chapter, ink))
