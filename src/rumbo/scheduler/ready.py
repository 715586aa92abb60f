"""What may run: lines by priority, then age, for each audience that may run it; never rescanned, never sorted whole."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from rumbo.scheduler.records import Audience, Place, TaskRecord

Needs = tuple[tuple[str, float], ...]
"""Amounts of resources, sorted by name: what all tasks in one line need."""


def needs_of(task: TaskRecord) -> Needs:
    """Under which needs a task stands in line."""
    resources = task.spec.resources
    return tuple(sorted(resources.items())) if resources else ()


class ReadyQueues:
    """For each audience its lines, one for each mix of resources.

    Tasks with equal needs stand in one line, because when the first of them does not fit, none behind it does. So a
    request looks at the heads of the lines, however long they are, and nobody has to be woken when resources come free.

    A task stands in the lines of everybody who may run it, and its record holds its place (`queued`). A place that the
    record does not confirm is stale, and is dropped when it comes to the head. So taking a task out of all lines, or
    raising its priority, costs nothing but a new place.
    """

    __slots__ = ("_is_all_stirred", "_lines", "_stirred")

    def __init__(self) -> None:
        self._lines: dict[Audience, dict[Needs, list[Place]]] = {}
        self._stirred: dict[Audience, None] = {}
        self._is_all_stirred = False

    def stir_all(self) -> None:
        """Something came free that tasks in any line may have waited for."""
        self._is_all_stirred = True

    def take_stirred(self) -> Iterable[Audience] | None:
        """For whom there may be something new since the last time; None: for everybody.

        So a shell knows whom of those that wait for work to look at, without asking for each of them.
        """
        stirred, self._stirred = self._stirred, {}
        if self._is_all_stirred:
            self._is_all_stirred = False
            return None
        return stirred

    def open(self, audience: Audience, tasks: Iterable[TaskRecord] = ()) -> None:
        """Begin to keep lines for an audience, with the tasks that are ready for it now."""
        self._lines[audience] = {}
        for task in tasks:
            self.admit(task, audience)

    def admit(self, task: TaskRecord, audience: Audience) -> None:
        """Give a task that is in line already its place in the lines of one more audience."""
        if task.queued is not None and audience in self._lines:
            self._stirred[audience] = None
            heappush(self._lines[audience].setdefault(needs_of(task), []), task.queued)

    def close(self, audience: Audience) -> None:
        """Drop the lines of an audience that is gone."""
        self._lines.pop(audience, None)

    def is_open(self, audience: Audience) -> bool:
        """Whether lines are kept for this audience."""
        return audience in self._lines

    def push(self, task: TaskRecord, audiences: Iterable[Audience]) -> None:
        """Put a task in line for all who may run it. Audiences without lines are passed over."""
        place = task.queued = (-task.priority, task.order, task)
        needs = needs_of(task) if task.spec.resources else ()
        for audience in audiences:
            lines = self._lines.get(audience)
            if lines is not None:
                self._stirred[audience] = None
                line = lines.get(needs)
                if line is None:
                    lines[needs] = [place]
                else:
                    heappush(line, place)

    def first(self, audiences: Sequence[Audience], passed_over: Container[Needs] = ()) -> TaskRecord | None:
        """The task that comes first of all that these audiences may run, but for those with needs to pass over."""
        best: Place | None = None
        for audience in audiences:
            lines = self._lines.get(audience)
            if not lines:
                continue
            emptied: tuple[Needs, ...] = ()
            for needs, line in lines.items():
                while line:
                    place = line[0]
                    if place[2].queued is place:
                        if (best is None or place < best) and needs not in passed_over:
                            best = place
                        break
                    heappop(line)
                else:
                    emptied += (needs,)
            for needs in emptied:
                del lines[needs]
        return None if best is None else best[2]

    def has_any(self, audiences: Iterable[Audience] | None) -> bool:
        """Whether any task stands in line for one of these audiences; None: for anybody."""
        return self.first(tuple(self._lines if audiences is None else audiences)) is not None

    def leading(self, audiences: Sequence[Audience], count: int) -> list[TaskRecord]:
        """The first so many tasks that these audiences may run, in the order of work. They stay in line."""
        lines = [line for each in audiences for line in self._lines.get(each, {}).values() if line]
        heads = [(line[0], number, 0) for number, line in enumerate(lines)]
        heapify(heads)
        found: dict[str, TaskRecord] = {}
        while heads and len(found) < count:
            place, number, index = heappop(heads)
            if _is_fresh(place):
                found[place[2].id] = place[2]
            line = lines[number]
            for below in range(2 * index + 1, min(2 * index + 3, len(line))):
                heappush(heads, (line[below], number, below))
        return list(found.values())

    def wants_resources(self, audiences: Iterable[Audience]) -> bool:
        """Whether a task that these audiences may run may need any resources."""
        return any(needs for audience in audiences for needs in self._lines.get(audience, ()))

    def standing(self, audience: Audience) -> list[TaskRecord]:
        """All tasks in line for an audience, in the order of work. For inspection."""
        lines = self._lines.get(audience, {})
        return [place[2] for place in sorted(place for line in lines.values() for place in line) if _is_fresh(place)]

    def length(self, audience: Audience) -> int:
        """Number of places kept for an audience, stale ones included. For inspection."""
        return sum(map(len, self._lines.get(audience, {}).values()))


def _is_fresh(place: Place) -> bool:
    return place[2].queued is place
