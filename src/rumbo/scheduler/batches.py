"""Which ready tasks may be done together by one attempt."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rumbo.scheduler.records import BatchKey, Place, TaskRecord


class Batches:
    """For each batch key a line of the tasks in it that are ready, best placed first.

    As in `ReadyQueues`, a place that its task does not confirm is stale, and is dropped when it is met.
    """

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines: dict[BatchKey, list[Place]] = {}

    def add(self, task: TaskRecord) -> None:
        """A task has just taken its place in line."""
        key = task.spec.batch
        if key is not None and key.limit != 1 and task.queued is not None:
            heappush(self._lines.setdefault(key, []), task.queued)

    def companions(self, first: TaskRecord) -> list[TaskRecord]:
        """The tasks to do together with ``first``, best placed first, within the limit of the batch.

        They need the same amounts of the same resources, since a batch holds those of one task, and are open to the
        same workers. Looks at no more tasks than it takes, but for those that differ in this.
        """
        key = first.spec.batch
        if key is None or key not in self._lines:
            return []
        line = self._lines[key]
        found: list[TaskRecord] = []
        unlike: list[Place] = []
        while line and (not key.limit or len(found) < key.limit - 1):
            place = heappop(line)
            task = place[2]
            if task is first or task.queued is not place:
                continue
            if _are_alike(task, first):
                found.append(task)
            else:
                unlike.append(place)
        for place in unlike:
            heappush(line, place)
        if not line:
            del self._lines[key]
        return found

    def standing(self, key: BatchKey) -> list[TaskRecord]:
        """The tasks in line under a key, in the order of work. For inspection."""
        return [place[2] for place in sorted(self._lines.get(key, ())) if place[2].queued is place]


def _are_alike(one: TaskRecord, other: TaskRecord) -> bool:
    return (
        one.runners == other.runners
        and one.spec.pool == other.spec.pool
        and one.spec.resources == other.spec.resources
        and one.spec.portable == other.spec.portable
    )
