"""Which ready tasks may be done together by one attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rumbo.scheduler.ready import rank

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rumbo.scheduler.records import BatchKey, TaskRecord


class Batches:
    """The ready tasks of each batch key."""

    __slots__ = ("_ready",)

    def __init__(self) -> None:
        self._ready: dict[BatchKey, dict[str, None]] = {}

    def add(self, task: TaskRecord) -> None:
        """A batchable task has become ready."""
        if task.spec.batch is not None:
            self._ready.setdefault(task.spec.batch, {})[task.id] = None

    def remove(self, task: TaskRecord) -> None:
        """A task is no longer ready, or no longer there."""
        key = task.spec.batch
        if key is not None and key in self._ready:
            self._ready[key].pop(task.id, None)
            if not self._ready[key]:
                del self._ready[key]

    def companions(self, first: TaskRecord, worker: str, tasks: Mapping[str, TaskRecord]) -> list[TaskRecord]:
        """The tasks to do together with ``first``, best placed first, within the limit of the batch.

        They need the same amounts of the same resources, since a batch holds those of one task, and the same worker
        must be allowed to run them.
        """
        key = first.spec.batch
        if key is None or key not in self._ready:
            return []
        found = [
            task
            for task in map(tasks.__getitem__, self._ready[key])
            if task is not first and task.spec.resources == first.spec.resources and task.runners == first.runners
        ]
        found.sort(key=rank)
        return found[: key.limit - 1] if key.limit else found

    def members(self) -> dict[BatchKey, tuple[str, ...]]:
        """All keys with their ready tasks. For inspection."""
        return {key: tuple(ids) for key, ids in self._ready.items()}
