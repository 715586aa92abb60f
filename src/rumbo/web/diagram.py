"""A run's tasks as a drawing: where each box lies, by task or by family, and which way the arrows go.

Tasks of one family that need the same and are needed by the same stand together in a block, with one arrow for all of
them: ten thousand equal tasks are a square to look at, and not a ladder of a hundred screens.
"""

from __future__ import annotations

from math import ceil, sqrt
from typing import TYPE_CHECKING, NamedTuple

from rumbo.layout import layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TASK = (184.0, 26.0)
FAMILY = (216.0, 52.0)
GAP = 6.0
"""Between the boxes of a block."""
FEW = 6
"""So many equal tasks are still drawn one by one."""


class Drawn(NamedTuple):
    """Boxes as ``x, y, width, height`` one after the other, and arrows as ``from, to, x, y, x, y ...``."""

    width: float
    height: float
    boxes: list[float]
    arrows: list[list[float]]


class Outline(NamedTuple):
    """What is to be drawn: for each task its family, and the places of the tasks that it needs."""

    families: tuple[str, ...]
    needs: tuple[tuple[int, ...], ...]


class Diagrams:
    """Drawings, of which the latest few are kept by what is drawn: states may change, boxes stay where they are."""

    def __init__(self, most: int = 8) -> None:
        self._most = most
        self._kept: dict[tuple[Outline, bool], Drawn] = {}

    def draw(self, outline: Outline, is_by_family: bool = False) -> Drawn:
        """The drawing of an outline."""
        key = (outline, is_by_family)
        drawn = self._kept.pop(key, None)
        if drawn is None:
            drawn = draw_families(outline) if is_by_family else draw_tasks(outline)
        self._kept[key] = drawn
        while len(self._kept) > self._most:
            self._kept.pop(next(iter(self._kept)), None)
        return drawn


def draw_families(outline: Outline) -> Drawn:
    """A box for each family, in the order in which families come first."""
    names = list(dict.fromkeys(outline.families))
    number = {name: place for place, name in enumerate(names)}
    arrows: dict[tuple[int, int], None] = {}
    for family, needs in zip(outline.families, outline.needs, strict=True):
        for needed in needs:
            below = outline.families[needed]
            if below != family:
                arrows[number[below], number[family]] = None
    found = layout({str(place): FAMILY for place in range(len(names))}, [(str(a), str(b)) for a, b in arrows])
    boxes = [value for place in range(len(names)) for value in found.places[str(place)]]
    return Drawn(
        found.width, found.height, boxes, [_arrow(int(a), int(b), route) for (a, b), route in found.routes.items()]
    )


def draw_tasks(outline: Outline) -> Drawn:
    """A box for each task."""
    blocks = _blocks(outline)
    block_of = {task: number for number, tasks in enumerate(blocks) for task in tasks}
    sizes = {str(number): _size(len(tasks)) for number, tasks in enumerate(blocks)}
    arrows = {
        (str(block_of[needed]), str(block_of[task])): None
        for task, needs in enumerate(outline.needs)
        for needed in needs
    }
    found = layout(sizes, arrows)
    boxes = [0.0] * (4 * len(outline.needs))
    for number, tasks in enumerate(blocks):
        left, top, width, _ = found.places[str(number)]
        across = max(round((width + GAP) / (TASK[0] + GAP)), 1)
        for place, task in enumerate(tasks):
            row, column = divmod(place, across)
            x, y = left + column * (TASK[0] + GAP), top + row * (TASK[1] + GAP)
            boxes[4 * task : 4 * task + 4] = (x, y, *TASK)
    drawn = [_arrow(blocks[int(a)][0], blocks[int(b)][0], route) for (a, b), route in found.routes.items()]
    return Drawn(found.width, found.height, boxes, drawn)


def _blocks(outline: Outline) -> list[list[int]]:
    """Tasks in groups, each of a family, with the same neighbours; small groups are taken apart."""
    needed_by: list[list[int]] = [[] for _ in outline.needs]
    for task, needs in enumerate(outline.needs):
        for needed in needs:
            needed_by[needed].append(task)
    groups: dict[tuple[str, frozenset[int], frozenset[int]], list[int]] = {}
    for task, needs in enumerate(outline.needs):
        key = (outline.families[task], frozenset(needs), frozenset(needed_by[task]))
        groups.setdefault(key, []).append(task)
    found: list[list[int]] = []
    for tasks in groups.values():
        found += [tasks] if len(tasks) > FEW else [[task] for task in tasks]
    return found


def _size(tasks: int) -> tuple[float, float]:
    """How large a block is: about a square."""
    width, height = TASK[0] + GAP, TASK[1] + GAP
    across = max(ceil(sqrt(tasks * height / width)), 1)
    return across * width - GAP, ceil(tasks / across) * height - GAP


def _arrow(first: int, second: int, route: Iterable[tuple[float, float]]) -> list[float]:
    """An arrow without the points at which it only stands still."""
    arrow: list[float] = [first, second]
    before = None
    for point in route:
        if point != before:
            arrow += (round(point[0], 1), round(point[1], 1))
        before = point
    return arrow


def around(needs: Sequence[Sequence[int]], focus: int, up: int, down: int) -> list[int]:
    """The places of the tasks within so many steps of one: what it needs (up), and what needs it (down)."""
    needed_by: list[list[int]] = [[] for _ in needs]
    for task, needed in enumerate(needs):
        for each in needed:
            needed_by[each].append(task)
    found = {focus}
    for neighbours, steps in ((needs, up), (needed_by, down)):
        layer = {focus}
        for _ in range(steps):
            layer = {each for task in layer for each in neighbours[task]} - found
            found |= layer
    return sorted(found)
