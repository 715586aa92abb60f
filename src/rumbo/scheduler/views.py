"""Questions about the machine's state that change nothing: counts, reasons, neighbourhoods."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rumbo.scheduler.ready import rank
from rumbo.scheduler.records import State
from rumbo.scheduler.transitions import HELD

if TYPE_CHECKING:
    from rumbo.scheduler.machine import Machine
    from rumbo.scheduler.records import TaskRecord

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
        elif task.state is State.PENDING and not task.missing:
            if worker in task.runners:
                ready += 1
            elif task.runners:
                elsewhere += 1
    return Prospects(len(record.leases), ready, retries_at, elsewhere)


def why_not(machine: Machine, id: str) -> str:
    """In one sentence, what a task is waiting for or why nothing more happens to it."""
    task = machine.tasks.get(id)
    if task is None:
        return "It is not known here."
    match task.state:
        case State.PENDING:
            return _why_pending(machine, task)
        case State.RUNNING | State.BATCHED:
            lease = machine.leases[task.lease]
            return f"It is being run by {lease.worker} (attempt {task.attempts})."
        case State.PARKED:
            return f"Its run() waits for {_missing(machine, task)}."
        case State.FAILED:
            return f"It failed {_times(len(task.failures))}; {_next_chance(task)}."
        case State.DISABLED:
            until = task.disabled_until
            return (
                "Its author switched it off."
                if until is None
                else f"It failed {_times(len(task.failures))} and rests until {until:.0f}."
            )
        case State.UNKNOWN:
            return "Nobody has described it, or its description is broken."
        case State.DONE:
            return "It is done."
        case State.CANCELLED:
            return "It was withdrawn."


def _why_pending(machine: Machine, task: TaskRecord) -> str:
    if task.missing:
        return f"It waits for {_missing(machine, task)}."
    if not task.spec.runnable:
        return "It is brought about by somebody else, and is not there yet."
    if task.blocked_on:
        resources = machine.resources
        name = task.blocked_on
        return (
            f"It waits for resource {name!r}: it needs {task.spec.resources.get(name, 0):g}, and of"
            f" {resources.total(name):g} there are {resources.used.get(name, 0):g} in use and {resources.claimed.get(name, 0):g} claimed."
        )
    if machine.paused:
        return "The scheduler is paused."
    if not task.runners:
        return "No worker that can run it is connected."
    ahead = sum(
        other.queued is not None and rank(other) < rank(task)
        for worker in task.runners
        for other in map(machine.tasks.__getitem__, machine.workers[worker].tasks)
    )
    return f"It is ready, with {ahead} before it in line." if ahead else "It is ready, and next in line."


def _missing(machine: Machine, task: TaskRecord) -> str:
    """``3 of 24: A, B, C``, the hopeless ones first and said so."""
    open_ends = [machine.tasks[id] for id in task.waits_for if machine.tasks[id].state is not State.DONE]
    open_ends.sort(key=lambda each: each.state not in _STUCK)
    shown = [each.id + (f" ({each.state.name.lower()})" if each.state in _STUCK else "") for each in open_ends[:3]]
    more = ", ..." if len(open_ends) > 3 else ""
    return f"{len(open_ends)} of {len(task.waits_for)}: {', '.join(shown)}{more}"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _next_chance(task: TaskRecord) -> str:
    return "it is not tried again" if task.retry_at is None else f"it is tried again at {task.retry_at:.0f}"


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
