"""Why a task waits, or why nothing more happens to it: as data, and in a sentence of English."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from rumbo.scheduler.records import State, place_of
from rumbo.scheduler.views import able_workers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rumbo.scheduler.machine import Machine
    from rumbo.scheduler.records import TaskRecord, WorkerRecord

_STUCK = frozenset((State.FAILED, State.DISABLED, State.CANCELLED, State.UNKNOWN))
_SHOWN = 3


class Why(StrEnum):
    """Kinds of reasons, each with its sentence in `SENTENCES`."""

    UNHEARD_OF = "unheard_of"
    UNDESCRIBED = "undescribed"
    DONE = "done"
    WITHDRAWN = "withdrawn"
    RUNNING = "running"
    PARKED = "parked"
    RESUMING = "resuming"
    FAILED = "failed"
    RETRY = "retry"
    SILENT = "silent"
    SWITCHED_OFF = "switched_off"
    RESTING = "resting"
    DEPENDENCIES = "dependencies"
    OUTSIDE = "outside"
    PAUSED = "paused"
    NO_WORKER = "no_worker"
    NO_IMPORT = "no_import"
    TOO_LARGE = "too_large"
    TOO_LARGE_FOR_WORKERS = "too_large_for_workers"
    IN_USE = "in_use"
    IN_USE_AT_WORKERS = "in_use_at_workers"
    KEPT = "kept"
    IN_LINE = "in_line"
    NEXT = "next"


class Reason(NamedTuple):
    """Why a task is as it is. ``values`` fill the gaps of its kind's sentence."""

    kind: Why
    values: Mapping[str, str | float] = {}
    waits_for: Sequence[tuple[str, State]] = ()
    """Some of the tasks that it waits for, the hopeless ones first."""


SENTENCES = {
    Why.UNHEARD_OF: "It is not known here.",
    Why.UNDESCRIBED: "Nobody has described it, or its description is broken.",
    Why.DONE: "It is done.",
    Why.WITHDRAWN: "It was withdrawn.",
    Why.RUNNING: "It is being run by {worker} (attempt {attempt}).",
    Why.PARKED: "Its run() waits for {missing} of {all}: {tasks}.",
    Why.RESUMING: "Its run() has what it waited for, and goes on when its worker has room.",
    Why.FAILED: "It failed {times}; it is not tried again.",
    Why.RETRY: "It failed {times}; it is tried again at {at:.0f}.",
    Why.SILENT: "Its workers fell silent {times}; it is not tried again.",
    Why.SWITCHED_OFF: "Its author switched it off.",
    Why.RESTING: "It failed {times} and rests until {at:.0f}.",
    Why.DEPENDENCIES: "It waits for {missing} of {all}: {tasks}.",
    Why.OUTSIDE: "It is brought about by somebody else, and is not there yet.",
    Why.PAUSED: "The scheduler is paused.",
    Why.NO_WORKER: "No worker that can run it is connected.",
    Why.NO_IMPORT: "No worker that can run it is connected: {workers} cannot import {module} as it is needed.",
    Why.TOO_LARGE: "It waits for resource {what!r}: it needs {needed:g}, and there is no more than {total:g}.",
    Why.TOO_LARGE_FOR_WORKERS: "It waits for resource {what!r}: it needs {needed:g}, and no worker that can run it has "
    "more than {total:g} ({worker}).",
    Why.IN_USE: "It waits for resource {what!r}: it needs {needed:g}, and of {total:g} there are {used:g} in use.",
    Why.IN_USE_AT_WORKERS: "It waits for resource {what!r}: it needs {needed:g}, and what its workers have is in use.",
    Why.KEPT: "It waits for resource {what!r}: it needs {needed:g}, and of {total:g} there are {used:g} in use and "
    "{kept:g} kept for tasks before it.",
    Why.IN_LINE: "It is ready, with {n} before it in line.",
    Why.NEXT: "It is ready, and next in line.",
}


def sentence(reason: Reason) -> str:
    """A reason in a sentence of English."""
    values = dict(reason.values)
    if "n" in values:
        values["times"] = "once" if values["n"] == 1 else f"{values['n']} times"
    if reason.waits_for:
        values["tasks"] = _listed(reason)
    return SENTENCES[reason.kind].format(**values)


def _listed(reason: Reason) -> str:
    """``A, B, C and 2 more``, the hopeless ones said so."""
    shown = [id + (f" ({state.name.lower()})" if state in _STUCK else "") for id, state in reason.waits_for]
    more = int(reason.values["missing"]) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def why_not(machine: Machine, id: str) -> str:
    """In one sentence, what a task is waiting for or why nothing more happens to it."""
    return sentence(reason_of(machine, id))


def reason_of(machine: Machine, id: str) -> Reason:
    """What a task is waiting for, or why nothing more happens to it."""
    task = machine.tasks.get(id)
    if task is None:
        return Reason(Why.UNHEARD_OF)
    if task.state in _PLAINLY:
        return Reason(_PLAINLY[task.state])
    if task.state is State.PENDING:
        return _of_pending(machine, task)
    if task.state is State.FAILED:
        return _of_failed(task)
    if task.state is State.DISABLED:
        return _of_disabled(task)
    if task.state is not State.PARKED:
        return Reason(Why.RUNNING, {"worker": machine.leases[task.lease].worker, "attempt": task.attempts})
    return _missing(Why.PARKED, machine, task) if task.missing else Reason(Why.RESUMING)


_PLAINLY = {State.UNKNOWN: Why.UNDESCRIBED, State.DONE: Why.DONE, State.CANCELLED: Why.WITHDRAWN}


def _of_failed(task: TaskRecord) -> Reason:
    number = task.losses or len(task.failures)
    if task.retry_at is None:
        return Reason(Why.SILENT if task.losses else Why.FAILED, {"n": number})
    values: dict[str, str | float] = {"n": number, "at": task.retry_at}
    if task.promised:
        values["of"] = task.spec.retry.retries + 1
    return Reason(Why.RETRY, values)


def _of_disabled(task: TaskRecord) -> Reason:
    if task.disabled_until is None:
        return Reason(Why.SWITCHED_OFF)
    return Reason(Why.RESTING, {"n": len(task.failures), "at": task.disabled_until})


def _of_pending(machine: Machine, task: TaskRecord) -> Reason:
    if task.missing:
        return _missing(Why.DEPENDENCIES, machine, task)
    if not task.spec.runnable:
        return Reason(Why.OUTSIDE)
    if machine.paused:
        return Reason(Why.PAUSED)
    able = able_workers(machine, task)
    if not able:
        return _of_nobody(machine, task)
    lacking = [machine.resources.lacking(task, worker) for worker in able]
    if all(lacking):
        return _of_lacking(machine, task, lacking[0], able)
    rivals = {id for worker in able for id in worker.tasks}
    place = place_of(task)
    ahead = sum(other.queued is not None and other.queued < place for other in map(machine.tasks.__getitem__, rivals))
    return Reason(Why.IN_LINE, {"n": ahead}) if ahead else Reason(Why.NEXT)


def _of_nobody(machine: Machine, task: TaskRecord) -> Reason:
    module = task.spec.module
    unable = [worker.id for worker in machine.workers.values() if module in worker.refused]
    if unable and task.spec.portable:
        return Reason(Why.NO_IMPORT, {"workers": ", ".join(unable[:_SHOWN]), "module": module})
    return Reason(Why.NO_WORKER)


def _of_lacking(machine: Machine, task: TaskRecord, name: str, able: Sequence[WorkerRecord]) -> Reason:
    resources = machine.resources
    needed, total, used = task.spec.resources[name], resources.total(name), resources.used.get(name, 0)
    values: dict[str, str | float] = {"what": name, "needed": needed}
    if name in able[0].capacity:
        most = max(able, key=lambda worker: worker.capacity.get(name, 0.0))
        total = most.capacity.get(name, 0.0)
        if needed > total:
            return Reason(Why.TOO_LARGE_FOR_WORKERS, values | {"total": total, "worker": most.id})
        return Reason(Why.IN_USE_AT_WORKERS, values)
    values["total"] = total
    if needed > total:
        return Reason(Why.TOO_LARGE, values)
    kept = resources.claimed(name, task)
    return Reason(Why.KEPT if kept else Why.IN_USE, values | {"used": used} | ({"kept": kept} if kept else {}))


def _missing(kind: Why, machine: Machine, task: TaskRecord) -> Reason:
    open_ends = [machine.tasks[id] for id in task.waits_for if machine.tasks[id].state is not State.DONE]
    open_ends.sort(key=lambda each: each.state not in _STUCK)
    shown = [(each.id, each.state) for each in open_ends[:_SHOWN]]
    return Reason(kind, {"missing": len(open_ends), "all": len(task.waits_for)}, shown)
