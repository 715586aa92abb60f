"""Who needs whom, in both directions, with a counter of missing dependencies in each task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rumbo.scheduler.records import State, TaskRecord, TaskSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

_FEW = 4
_DONE, _UNKNOWN = State.DONE, State.UNKNOWN


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

    def connect(self, task: TaskRecord, needs: tuple[str, ...], now: float) -> list[TaskRecord]:
        """Let ``task`` wait for ``needs`` and for nothing else; gives the tasks it does not wait for any more."""
        before = task.waits_for
        if needs == before:
            return []
        unique = dict.fromkeys(needs)
        tasks = self.tasks
        missing = 0
        for id in unique:
            dependency = tasks.get(id)
            if dependency is None:
                dependency = self.meet(TaskSpec(id, state=_UNKNOWN, runnable=False), now)
            _link(dependency, task.id)
            if dependency.state is not _DONE:
                missing += 1
        # The tuple is shared with the description whenever it can be: there may be a million of them.
        task.waits_for = needs if len(unique) == len(needs) else tuple(unique)
        task.missing = missing
        dropped = [tasks[id] for id in before if id not in unique]
        for dependency in dropped:
            _unlink(dependency, task.id)
        return dropped

    def hand_down_priority(self, described: Iterable[TaskRecord]) -> list[TaskRecord]:
        """Hand the priority of tasks down to all that they wait for; gives the tasks whose priority rose.

        Begins with the highest, so that none is raised twice, however the tasks were listed.
        """
        tasks = self.tasks
        raised: list[TaskRecord] = []
        for task in sorted(described, key=_by_priority):
            open_ends = [task]
            while open_ends:
                dependent = open_ends.pop()
                priority = dependent.priority
                for id in dependent.waits_for:
                    dependency = tasks[id]
                    if dependency.priority < priority:
                        dependency.priority = priority
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
        """Drop a task on which nothing depends; gives the tasks it needed, which may be unwanted now too."""
        needed = [self.tasks[id] for id in task.waits_for]
        for dependency in needed:
            _unlink(dependency, task.id)
        del self.tasks[task.id]
        return needed


def _link(dependency: TaskRecord, id: str) -> None:
    known = dependency.dependents
    if isinstance(known, dict):
        known[id] = None
    elif id not in known:
        dependency.dependents = (*known, id) if len(known) < _FEW else dict.fromkeys((*known, id))


def _unlink(dependency: TaskRecord, id: str) -> None:
    known = dependency.dependents
    if isinstance(known, dict):
        del known[id]
    else:
        dependency.dependents = tuple([each for each in known if each != id])


def _by_priority(task: TaskRecord) -> float:
    return -task.priority
