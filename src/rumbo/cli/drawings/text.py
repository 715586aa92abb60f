"""A plan as a tree of text, with many tasks of one family folded to one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rumbo.cli.look import plural
from rumbo.looks import LOOKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rumbo.cli.look import Ink
    from rumbo.worker.plan import Node, Plan

FEW = 3
"""So many tasks of one family below one task are shown one by one; more are folded."""

DEPTH = 30
"""Levels that are shown unless somebody asks for another number."""

VERDICTS = ("run", "skip", "wait", "broken")


class Style(NamedTuple):
    """How much of a tree to show."""

    ink: Ink
    unfold: bool = False
    depth: int = DEPTH
    only_state: bool = False
    """Show whether a task is complete, and not what a run would do with it."""


class _Item(NamedTuple):
    """A line to come: one task, or several of one family folded."""

    nodes: list[Node]
    prefix: str
    is_last: bool
    level: int


def tree(plan: Plan, style: Style) -> Iterator[str]:
    """The lines of the tree. A task that several need is spread out below the first of them only."""
    marks = ("├─ ", "└─ ", "│  ") if style.ink.has_symbols else ("|- ", "`- ", "|  ")
    shown: set[str] = set()
    stack = [_Item([node], "", True, 0) for node in reversed(_unique(plan.roots))]
    while stack:
        item = stack.pop()
        branch = "" if item.level == 0 else item.prefix + (marks[1] if item.is_last else marks[0])
        fresh = [node for node in item.nodes if node.id not in shown]
        below = _unique([needed for node in fresh for needed in node.needs])
        is_cut = bool(below) and item.level + 1 >= style.depth
        yield branch + _line(item.nodes, style) + _aside(item.nodes, fresh, is_cut, style)
        shown.update(node.id for node in item.nodes)
        inner = "" if item.level == 0 else item.prefix + ("   " if item.is_last else marks[2])
        if len(item.nodes) > 1 and fresh:
            yield from _exceptions(item.nodes, inner, bool(below) and not is_cut, style)
        if is_cut:
            continue
        groups = list(_groups(below, style.unfold))
        for place, nodes in enumerate(reversed(groups)):
            stack.append(_Item(nodes, inner, place == 0, item.level + 1))


def listing(nodes: Sequence[Node], ink: Ink) -> Iterator[str]:
    """Tasks line by line, with verdict and reason."""
    for node in nodes:
        yield _one(node, Style(ink))


def summary(nodes: Sequence[Node]) -> str:
    """``412 tasks: 403 run, 9 skip``."""
    return f"{plural(len(nodes), 'task')}: {tally(nodes)}"


def tally(nodes: Sequence[Node]) -> str:
    """How many of some tasks have each verdict."""
    counts = {verdict: sum(node.verdict == verdict for node in nodes) for verdict in VERDICTS}
    return ", ".join(f"{number:,} {verdict}" for verdict, number in counts.items() if number)


def _unique(nodes: Sequence[Node]) -> list[Node]:
    return list({node.id: node for node in nodes}.values())


def _groups(nodes: Sequence[Node], unfold: bool) -> Iterator[list[Node]]:
    """Tasks by family where there are many of it, else one by one; in the order in which they were required."""
    by_family: dict[str, list[Node]] = {}
    for node in nodes:
        by_family.setdefault(node.task.get_task_family(), []).append(node)
    for group in by_family.values():
        if unfold or len(group) <= FEW:
            yield from ([node] for node in group)
        else:
            yield group


def _line(nodes: Sequence[Node], style: Style) -> str:
    if len(nodes) == 1:
        return _one(nodes[0], style)
    ink = style.ink
    states = [state_of(node) if style.only_state else str(node.verdict) for node in nodes]
    worst = next(verdict for verdict in ("broken", "wait", "run", "skip") if verdict in states)
    times = "×" if ink.has_symbols else "x"  # noqa: RUF001
    family = nodes[0].task.get_task_family()
    told = f"{states.count('skip'):,} complete" if style.only_state else tally(nodes)
    return f"{ink.symbol(worst)} {ink.strong(family)} {times} {len(nodes):,}: {told}"


def _one(node: Node, style: Style) -> str:
    ink = style.ink
    verdict = state_of(node) if style.only_state else str(node.verdict)
    text = f"{ink.symbol(verdict)} {ink.strong(node.name)}"
    if style.only_state and verdict != "broken":
        return text
    # A complete task needs no words, and "complete" is what the verdict says already.
    reason = "" if node.reason == "complete" else f": {node.reason}"
    return f"{text}  {ink.paint(LOOKS[verdict].word, verdict)}{ink.faint(reason)}"


def _aside(nodes: Sequence[Node], fresh: Sequence[Node], is_cut: bool, style: Style) -> str:
    if is_cut:
        return style.ink.faint("  (and what it needs: --depth shows more)")
    if not fresh and any(node.needs for node in nodes):
        return style.ink.faint("  (see above)")
    return ""


def _exceptions(nodes: Sequence[Node], inner: str, has_below: bool, style: Style) -> Iterator[str]:
    """The few of a folded family whose verdict differs from the others': what a reader looks for."""
    counts: dict[str, list[Node]] = {}
    for node in nodes:
        counts.setdefault(str(node.verdict), []).append(node)
    if len(counts) == 1 or style.only_state:
        return
    bar = ("│ " if style.ink.has_symbols else "| ") if has_below else "  "
    for verdict in ("broken", "wait", "run"):
        few = counts.get(verdict, [])
        if few and len(few) < len(nodes) / 2:
            for node in few[:FEW]:
                yield f"{inner}{bar}  {_one(node, style)}"
            if len(few) > FEW:
                yield f"{inner}{bar}  {style.ink.faint(f'and {len(few) - FEW:,} more that {_does(verdict)}')}"


def state_of(node: Node) -> str:
    """The look of a node by whether its task is complete, whatever the plan is to do with it."""
    if node.verdict in ("skip", "broken"):
        return str(node.verdict)
    return "skip" if node.reason.startswith("complete") else "wait"


def _does(verdict: str) -> str:
    return {"run": "run", "wait": "wait", "broken": "are broken"}[verdict]
