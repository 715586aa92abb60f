"""What a drawing of a plan shows: boxes and arrows, one for each task, or for each family when there are many."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rumbo.worker.plan import Node, Plan

MANY = 60
"""Plans with more tasks than this are drawn by family, unless somebody asks for all."""


ORDER = ("broken", "failed", "cancelled", "wait", "run", "done", "skip")
"""Which look stands for several: the first of these that any of them has."""


class Box(NamedTuple):
    """A task, or all tasks of a family."""

    key: str
    title: str
    lines: tuple[str, ...]
    counts: Mapping[str, int]
    """Look (of a verdict, or of what became of it) -> how many tasks have it."""
    is_root: bool

    @property
    def look(self) -> str:
        """The one that matters most."""
        return next(each for each in ORDER if self.counts.get(each))


class Picture(NamedTuple):
    """Boxes, and arrows from what is needed to what needs it."""

    boxes: list[Box]
    arrows: list[tuple[str, str]]


def verdict_of(node: Node) -> str:
    """The look of what a run would do with a node."""
    return str(node.verdict)


def picture(plan: Plan, unfold: bool = False, look_of: Callable[[Node], str] = verdict_of) -> Picture:
    """The picture of a plan, each node with one of the looks in `ORDER`."""
    nodes = list(plan.nodes.values())
    if unfold or len(nodes) <= MANY:
        return _by_task(plan, nodes, look_of)
    return _by_family(plan, nodes, look_of)


def _by_task(plan: Plan, nodes: Sequence[Node], look_of: Callable[[Node], str]) -> Picture:
    roots = {node.id for node in plan.roots}
    boxes = []
    for node in nodes:
        params = node.task.to_str_params(only_public=True)
        lines = tuple(f"{name}={_short(value, 28)}" for name, value in list(params.items())[:3])
        boxes.append(Box(node.id, node.task.get_task_family(), lines, {look_of(node): 1}, node.id in roots))
    return Picture(boxes, [(needed.id, node.id) for node in nodes for needed in dict.fromkeys(node.needs)])


def _by_family(plan: Plan, nodes: Sequence[Node], look_of: Callable[[Node], str]) -> Picture:
    roots = {node.task.get_task_family() for node in plan.roots}
    families: dict[str, dict[str, int]] = {}
    arrows: dict[tuple[str, str], None] = {}
    for node in nodes:
        family = node.task.get_task_family()
        counts = families.setdefault(family, dict.fromkeys(ORDER, 0))
        counts[look_of(node)] += 1
        for needed in node.needs:
            below = needed.task.get_task_family()
            if below != family:
                arrows[below, family] = None
    boxes = []
    for family, counts in families.items():
        seen = {verdict: number for verdict, number in counts.items() if number}
        total = sum(seen.values())
        tally = ", ".join(f"{number:,} {verdict}" for verdict, number in seen.items())
        boxes.append(Box(family, family if total == 1 else f"{family} × {total:,}", (tally,), seen, family in roots))  # noqa: RUF001
    return Picture(boxes, list(arrows))


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
