"""Questions about the machine's state that change nothing: counts, reasons, neighbourhoods."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rumbo.scheduler.records import State, place_of
from rumbo.scheduler.transitions import HELD

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def why_not(machine: Machine, id: str) -> str:
    """In one sentence, what a task is waiting for or why nothing more happens to it."""
    task = machine.tasks.get(id)
    if task is None:
        return "It is not known here."
    if task.state in _PLAINLY:
        return _PLAINLY[task.state]
    if task.state is State.PENDING:
        return _why_pending(machine, task)
    if task.state is State.FAILED:
        return _why_failed(task)
    if task.state is State.DISABLED:
        return _why_disabled(task)
    if task.state is not State.PARKED:
        return f"It is being run by {machine.leases[task.lease].worker} (attempt {task.attempts})."
    if task.missing:
        return f"Its run() waits for {_missing(machine, task)}."
    return "Its run() has what it waited for, and goes on when its worker has room."


_PLAINLY = {
    State.UNKNOWN: "Nobody has described it, or its description is broken.",
    State.DONE: "It is done.",
    State.CANCELLED: "It was withdrawn.",
}


def _why_failed(task: TaskRecord) -> str:
    trouble = (
        f"Its workers fell silent {_times(task.losses)}" if task.losses else f"It failed {_times(len(task.failures))}"
    )
    if task.retry_at is None:
        return f"{trouble}; it is not tried again."
    return f"{trouble}; it is tried again at {task.retry_at:.0f}."


def _why_disabled(task: TaskRecord) -> str:
    if task.disabled_until is None:
        return "Its author switched it off."
    return f"It failed {_times(len(task.failures))} and rests until {task.disabled_until:.0f}."


def _why_pending(machine: Machine, task: TaskRecord) -> str:
    if task.missing:
        return f"It waits for {_missing(machine, task)}."
    if not task.spec.runnable:
        return "It is brought about by somebody else, and is not there yet."
    if machine.paused:
        return "The scheduler is paused."
    able = able_workers(machine, task)
    if not able:
        return _why_nobody(machine, task)
    lacking = [machine.resources.lacking(task, worker) for worker in able]
    if all(lacking):
        return _why_lacking(machine, task, lacking[0], able)
    rivals = {id for worker in able for id in worker.tasks}
    place = place_of(task)
    ahead = sum(other.queued is not None and other.queued < place for other in map(machine.tasks.__getitem__, rivals))
    return f"It is ready, with {ahead} before it in line." if ahead else "It is ready, and next in line."


def _why_nobody(machine: Machine, task: TaskRecord) -> str:
    module = task.spec.module
    unable = [worker.id for worker in machine.workers.values() if module in worker.refused]
    if unable and task.spec.portable:
        return (
            f"No worker that can run it is connected: {', '.join(unable[:3])} cannot import {module} as it is needed."
        )
    return "No worker that can run it is connected."


def _why_lacking(machine: Machine, task: TaskRecord, name: str, able: Sequence[WorkerRecord]) -> str:
    resources = machine.resources
    needed, total, used = task.spec.resources[name], resources.total(name), resources.used.get(name, 0)
    if name in able[0].capacity:
        most = max(able, key=lambda worker: worker.capacity.get(name, 0.0))
        if needed > most.capacity.get(name, 0.0):
            return (
                f"It waits for resource {name!r}: it needs {needed:g}, and no worker that can run it has more than "
                f"{most.capacity.get(name, 0.0):g} ({most.id})."
            )
        return f"It waits for resource {name!r}: it needs {needed:g}, and what its workers have is in use."
    if needed > total:
        return f"It waits for resource {name!r}: it needs {needed:g}, and there is no more than {total:g}."
    kept = resources.claimed(name, task)
    reserved = f" and {kept:g} kept for tasks before it" if kept else ""
    return f"It waits for resource {name!r}: it needs {needed:g}, and of {total:g} there are {used:g} in use{reserved}."


def _missing(machine: Machine, task: TaskRecord) -> str:
    """``5 of 24: A, B, C and 2 more``, the hopeless ones first and said so."""
    open_ends = [machine.tasks[id] for id in task.waits_for if machine.tasks[id].state is not State.DONE]
    open_ends.sort(key=lambda each: each.state not in _STUCK)
    shown = [each.id + (f" ({each.state.name.lower()})" if each.state in _STUCK else "") for each in open_ends[:3]]
    more = f" and {len(open_ends) - 3} more" if len(open_ends) > 3 else ""
    return f"{len(open_ends)} of {len(task.waits_for)}: {', '.join(shown)}{more}"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


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
