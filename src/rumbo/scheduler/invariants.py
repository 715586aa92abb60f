"""What must hold after every command. Run after every step of every test; never in production."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rumbo.scheduler.records import State, place_of
from rumbo.scheduler.resources import DUST
from rumbo.scheduler.transitions import HELD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rumbo.scheduler.machine import Machine
    from rumbo.scheduler.records import Audience, Lease, TaskRecord, WorkerRecord


class InvariantBroken(AssertionError):
    """The machine's state contradicts itself."""


def check(machine: Machine) -> None:
    """Raise `InvariantBroken`, naming every contradiction, if there is one."""
    found = [
        *(f"{task.id}: {what}" for task in machine.tasks.values() for what in _of_task(machine, task)),
        *(f"lease {lease.number}: {what}" for lease in machine.leases.values() for what in _of_lease(machine, lease)),
        *(f"{worker.id}: {what}" for worker in machine.workers.values() for what in _of_worker(machine, worker)),
        *_of_resources(machine),
    ]
    if found:
        raise InvariantBroken("\n".join(found))


def _of_task(machine: Machine, task: TaskRecord) -> Iterator[str]:
    yield from _of_edges(machine, task)
    yield from _of_place(machine, task)
    yield from _of_timers(task)
    if (task.state in HELD) != bool(task.lease):
        yield f"is {task.state.name} with lease {task.lease}"
    if task.lease and task.lease not in machine.leases:
        yield f"holds lease {task.lease}, which is over"
    for id in task.stakeholders:
        if id not in machine.workers or task.id not in machine.workers[id].tasks:
            yield f"has stakeholder {id}, which does not know it"
    for id in task.runners:
        if id not in task.stakeholders:
            yield f"can be run by {id}, which has no stake in it"
    if not (task.stakeholders or task.lease or task.dependents) and task.forget_at is None:
        yield "is wanted by nobody and will never be forgotten"
    if len(task.story) % 2:
        yield "its story is torn"


def _of_edges(machine: Machine, task: TaskRecord) -> Iterator[str]:
    tasks = machine.tasks
    for id in task.waits_for:
        if id not in tasks or task.id not in tasks[id].dependents:
            yield f"waits for {id}, which does not know it"
        elif tasks[id].priority < task.priority:
            yield f"has priority {task.priority}, which it did not hand down to {id}"
    for id in task.dependents:
        if id not in tasks or task.id not in tasks[id].waits_for:
            yield f"has dependent {id}, which does not wait for it"
    missing = sum(id not in tasks or tasks[id].state is not State.DONE for id in task.waits_for)
    if missing != task.missing:
        yield f"counts {task.missing} missing dependencies, there are {missing}"


def _of_place(machine: Machine, task: TaskRecord) -> Iterator[str]:
    is_ready = not task.missing and (task.state is State.PARKED or (task.state is State.PENDING and task.spec.runnable))
    if task.queued is None:
        if is_ready:
            yield "is ready but stands in no line"
        return
    if not is_ready:
        yield f"is in line although {task.state.name} with {task.missing} missing"
        return
    if task.queued != place_of(task):
        yield f"stands in line under {task.queued[:2]}, and belongs at {place_of(task)[:2]}"
    if task.state is State.PARKED:
        audiences: list[Audience] = (
            [("parked", machine.leases[task.lease].worker)] if task.lease in machine.leases else []
        )
    else:
        audiences = [*task.runners]
        if task.spec.portable and any(_serves(worker, task) for worker in machine.workers.values()):
            audiences.append(("pool", task.spec.pool, task.spec.module))
    for audience in audiences:
        if task not in machine.ready.standing(audience):
            yield f"is missing in the line of {audience}"
    key = task.spec.batch
    if key is not None and key.limit != 1 and task.state is State.PENDING and task not in machine.batches.standing(key):
        yield "is missing in the line of its batch"


def _serves(worker: WorkerRecord, task: TaskRecord) -> bool:
    return worker.assistant and task.spec.pool in worker.pools and task.spec.module not in worker.refused


def _of_timers(task: TaskRecord) -> Iterator[str]:
    if task.retry_at is not None and task.state is not State.FAILED:
        yield f"is {task.state.name} and has a retry planned"
    if task.promised and task.retry_at is None:
        yield "was promised a retry that is not planned"
    if task.disabled_until is not None and task.state is not State.DISABLED:
        yield f"is {task.state.name} and disabled until {task.disabled_until}"


def _of_lease(machine: Machine, lease: Lease) -> Iterator[str]:
    worker = machine.workers.get(lease.worker)
    if worker is None or lease.number not in worker.leases:
        yield f"belongs to {lease.worker}, which does not hold it"
    for id in lease.tasks:
        if id not in machine.tasks or machine.tasks[id].lease != lease.number:
            yield f"is for {id}, which does not hold it"
        elif (machine.tasks[id].state is State.PARKED) != lease.parked:
            yield f"is {'parked' if lease.parked else 'active'}, and {id} is {machine.tasks[id].state.name}"
    if lease.parked and (lease.resources or lease.own):
        yield f"is parked and holds {dict(lease.resources) | dict(lease.own)}"


def _of_worker(machine: Machine, worker: WorkerRecord) -> Iterator[str]:
    for number in worker.leases:
        if number not in machine.leases:
            yield f"holds lease {number}, which is over"
    for id in worker.tasks:
        if id not in machine.tasks or worker.id not in machine.tasks[id].stakeholders:
            yield f"has a stake in {id}, which does not know it"
    held = [machine.leases[number].own for number in worker.leases if number in machine.leases]
    yield from _compare(held, worker.used)


def _of_resources(machine: Machine) -> Iterator[str]:
    resources = machine.resources
    yield from _compare([lease.resources for lease in machine.leases.values()], resources.used)
    for task, workers in resources.claims.items():
        for worker in workers:
            if worker not in machine.workers:
                yield f"{task.id} claims resources for {worker}, which is gone"
            elif not resources.can_ever_fit(task, machine.workers[worker]):
                yield f"{task.id} claims more than there is"


def _compare(holdings: Iterable[Mapping[str, float]], counted: Mapping[str, float]) -> Iterator[str]:
    held: dict[str, float] = {}
    for holding in holdings:
        for name, amount in holding.items():
            held[name] = held.get(name, 0.0) + amount
    for name in sorted(held.keys() | counted.keys()):
        if abs(held.get(name, 0.0) - counted.get(name, 0.0)) > 10 * DUST:
            yield f"resource {name}: leases hold {held.get(name, 0.0):g}, counted {counted.get(name, 0.0):g}"
