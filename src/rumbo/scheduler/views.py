"""Questions about the machine's state that change nothing: counts, prospects, neighbourhoods."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rumbo.scheduler.records import State
from rumbo.scheduler.transitions import HELD

if TYPE_CHECKING:
    from rumbo.scheduler.machine import Machine
    from rumbo.scheduler.records import TaskRecord, WorkerRecord

_STUCK = frozenset((State.FAILED, State.DISABLED, State.CANCELLED, State.UNKNOWN))


class Prospects(NamedTuple):
    """What a worker may still hope for among the tasks it has a stake in."""

    held: int
    """Attempts that the worker has, parked ones included."""
    ready: int
    """Tasks in line for it, or waiting for resources."""
    retries_at: float | None
    """When the first retry falls due that was promised within a run; None if there is none."""
    elsewhere: int
    """Unfinished tasks that other workers hold or may begin."""


def connected(machine: Machine) -> list[WorkerRecord]:
    """The workers that work for somebody. One without any pool only stands for what somebody wants."""
    return [worker for worker in machine.workers.values() if worker.pools]


def counts(machine: Machine) -> dict[State, int]:
    """How many tasks are in each state; states without tasks are left out."""
    found: dict[State, int] = {}
    for task in machine.tasks.values():
        found[task.state] = found.get(task.state, 0) + 1
    return dict(sorted(found.items()))


def prospects(machine: Machine, worker: str) -> Prospects:
    """What is left for a worker. Linear in the tasks it has a stake in: ask when idle only."""
    record = machine.workers[worker]
    ready = elsewhere = 0
    retries_at: float | None = None
    for id in record.tasks:
        task = machine.tasks[id]
        if task.state is State.FAILED and task.promised and task.retry_at is not None:
            retries_at = task.retry_at if retries_at is None else min(retries_at, task.retry_at)
        elif task.state in HELD:
            elsewhere += machine.leases[task.lease].worker != worker
        elif task.state is State.PENDING and not task.missing and task.spec.runnable:
            if worker in task.runners:
                ready += 1
            else:
                elsewhere += _is_open_elsewhere(machine, task)
    return Prospects(len(record.leases), ready, retries_at, elsewhere)


def waits_for_others(machine: Machine, worker: str) -> bool:
    """Whether another worker holds a task that this one has a stake in. Linear in the attempts under way."""
    tasks = machine.tasks
    return any(
        lease.worker != worker and any(worker in tasks[id].stakeholders for id in lease.tasks)
        for lease in machine.leases.values()
    )


def _is_open_elsewhere(machine: Machine, task: TaskRecord) -> bool:
    return bool(able_workers(machine, task))


def able_workers(machine: Machine, task: TaskRecord) -> list[WorkerRecord]:
    """The connected workers that would be given a task: those that described it, then the assistants."""
    spec = task.spec
    found = dict.fromkeys(task.runners)
    audience = ("pool", spec.pool, spec.module)
    if spec.portable and machine.ready.is_open(audience):
        found.update(dict.fromkeys(id for id, worker in machine.workers.items() if audience in worker.serves))
    return [worker for worker in map(machine.workers.__getitem__, found) if not worker.disabled]


def is_hopeless(machine: Machine, id: str) -> bool:
    """Whether a task cannot be finished unless somebody intervenes, because something it waits for cannot."""
    seen = {id}
    open_ends = [id]
    while open_ends:
        task = machine.tasks[open_ends.pop()]
        if task.state is State.DONE or (task.state in HELD and not task.missing):
            continue
        if task.state in _STUCK and task.retry_at is None:
            return True
        if task.state is State.PENDING and not task.missing and not task.spec.runnable:
            return True
        for needed in task.waits_for:
            if needed not in seen:
                seen.add(needed)
                open_ends.append(needed)
    return False


def neighbourhood(machine: Machine, id: str, limit: int = 1000, upstream: bool = True) -> dict[str, tuple[str, ...]]:
    """Ids reached from a task, breadth first, at most ``limit``, each with those it waits for (or that wait for it)."""
    found: dict[str, tuple[str, ...]] = {}
    layer = [id] if id in machine.tasks else []
    while layer and len(found) < limit:
        following: dict[str, None] = {}
        for each in layer:
            if len(found) >= limit:
                break
            task = machine.tasks[each]
            found[each] = task.waits_for if upstream else tuple(task.dependents)
            following.update(dict.fromkeys(found[each]))
        layer = [each for each in following if each not in found]
    return found
