"""Who needs whom, in both directions, with a counter of missing dependencies in each task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rumbo.scheduler.records import State, TaskRecord, TaskSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

_DONE = State.DONE


class Graph:
    """All tasks by id, and the edges between them.

    An id that is needed but was never described has a record too, in state UNKNOWN, so that every edge has two ends.
    """

    __slots__ = ("_order", "tasks")

    def __init__(self) -> None:
        self.tasks: dict[str, TaskRecord] = {}
        self._order = 0

    def meet(self, spec: TaskSpec, now: float) -> TaskRecord:
        """The record of a task, made if this is the first sight of it."""
        record = self.tasks.get(spec.id)
        if record is None:
            self._order += 1
            record = self.tasks[spec.id] = TaskRecord(spec, self._order, now)
        return record

    def connect(self, task: TaskRecord, needs: Iterable[str], now: float) -> None:
        """Let ``task`` wait for ``needs`` and for nothing else."""
        wanted = tuple(dict.fromkeys(needs))
        before = task.waits_for
        if wanted == before:
            return
        tasks = self.tasks
        kept = frozenset(wanted)
        for id in before:
            if id not in kept:
                tasks[id].dependents.pop(task.id, None)
        known = frozenset(before)
        missing = 0
        for id in wanted:
            dependency = tasks.get(id)
            if dependency is None:
                dependency = self.meet(TaskSpec(id), now)
            if id not in known:
                dependency.dependents[task.id] = None
            if dependency.state is not _DONE:
                missing += 1
        task.waits_for = wanted
        task.missing = missing

    def raise_priority(self, task: TaskRecord) -> list[TaskRecord]:
        """Hand a task's priority down to all that it waits for; gives the tasks whose priority rose."""
        raised: list[TaskRecord] = []
        open_ends = [task]
        while open_ends:
            dependent = open_ends.pop()
            for id in dependent.waits_for:
                dependency = self.tasks[id]
                if dependency.priority < dependent.priority and dependency.state is not _DONE:
                    dependency.priority = dependent.priority
                    raised.append(dependency)
                    open_ends.append(dependency)
        return raised

    def path_between(self, start: str, goal: str) -> tuple[str, ...]:
        """Ids along which ``start`` waits for ``goal``, both included, by unfinished tasks; empty if it does not."""
        came_from: dict[str, str] = {start: ""}
        open_ends = [start]
        while open_ends:
            id = open_ends.pop()
            if id == goal:
                path = [id]
                while came_from[path[-1]]:
                    path.append(came_from[path[-1]])
                return tuple(reversed(path))
            task = self.tasks.get(id)
            if task is None or task.state is _DONE:
                continue
            for needed in task.waits_for:
                if needed not in came_from:
                    came_from[needed] = id
                    open_ends.append(needed)
        return ()

    def forget(self, task: TaskRecord) -> list[TaskRecord]:
        """Drop a task with its edges in both directions; gives the tasks it needed, which may be unwanted now too."""
        for id in task.dependents:
            dependent = self.tasks[id]
            dependent.waits_for = tuple([each for each in dependent.waits_for if each != task.id])
            dependent.missing -= task.state is not _DONE
        needed = [self.tasks[id] for id in task.waits_for]
        for dependency in needed:
            dependency.dependents.pop(task.id, None)
        del self.tasks[task.id]
        return needed
