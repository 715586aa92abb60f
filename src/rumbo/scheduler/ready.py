"""What may run: a queue by priority, then age, for each worker that may run it; never rescanned, never sorted whole."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rumbo.scheduler.records import TaskRecord

Rank = tuple[float, int]
"""Smaller goes first: (minus the priority, place in the order of first sight)."""


def rank(task: TaskRecord) -> Rank:
    """Where a task stands in the order of work."""
    return (-task.priority, task.order)


class ReadyQueues:
    """A heap for each audience: a worker's own tasks, and one for each pool that assistants serve.

    A task stands in the queue of everybody who may run it, and its record says under which priority (`queued`). An
    entry that the record does not confirm is stale and is dropped when it comes to the top. So taking a task out of
    all other queues, or raising its priority, costs nothing but a new entry.
    """

    __slots__ = ("_heaps",)

    def __init__(self) -> None:
        self._heaps: dict[str, list[tuple[float, int, str]]] = {}

    def open(self, audience: str, tasks: Iterable[TaskRecord]) -> None:
        """Begin to keep a queue for an audience, with the tasks that are ready for it now."""
        if audience not in self._heaps:
            self._heaps[audience] = []
            for task in tasks:
                self.push(task, (audience,))

    def close(self, audience: str) -> None:
        """Drop the queue of an audience that is gone."""
        self._heaps.pop(audience, None)

    def is_open(self, audience: str) -> bool:
        """Whether a queue is kept for this audience."""
        return audience in self._heaps

    def push(self, task: TaskRecord, audiences: Iterable[str]) -> None:
        """Put a task in line for all who may run it. Audiences without a queue are passed over."""
        task.queued = task.priority
        entry = (-task.priority, task.order, task.id)
        for audience in audiences:
            heap = self._heaps.get(audience)
            if heap is not None:
                heappush(heap, entry)

    def pop(self, audiences: Sequence[str], tasks: Mapping[str, TaskRecord]) -> TaskRecord | None:
        """Take the first task in line for any of these audiences, or None. It stands in no queue any more."""
        best: list[tuple[float, int, str]] | None = None
        for audience in audiences:
            heap = self._heaps.get(audience)
            if not heap:
                continue
            while heap:
                top = heap[0]
                task = tasks.get(top[2])
                if task is not None and task.queued == -top[0]:
                    if best is None or top < best[0]:
                        best = heap
                    break
                heappop(heap)
        if best is None:
            return None
        task = tasks[heappop(best)[2]]
        task.queued = None
        return task

    def lengths(self) -> dict[str, int]:
        """Entries in each queue, stale ones included. For inspection."""
        return {audience: len(heap) for audience, heap in self._heaps.items()}
