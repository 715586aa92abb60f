"""What must hold after every command. Run after every step of every test; never in production."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rumbo.scheduler.records import State
from rumbo.scheduler.transitions import HELD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rumbo.scheduler.machine import Machine
    from rumbo.scheduler.records import TaskRecord


class InvariantBroken(AssertionError):
    """The machine's state contradicts itself."""


def check(machine: Machine) -> None:
    """Raise `InvariantBroken`, naming every contradiction, if there is one."""
    found = [
        *(f"{task.id}: {what}" for task in machine.tasks.values() for what in _of_task(machine, task)),
        *_of_leases(machine),
        *_of_resources(machine),
    ]
    if found:
        raise InvariantBroken("\n".join(found))


def _of_task(machine: Machine, task: TaskRecord) -> Iterator[str]:
    tasks = machine.tasks
    for id in task.waits_for:
        if id not in tasks or task.id not in tasks[id].dependents:
            yield f"waits for {id}, which does not know it"
    for id in task.dependents:
        if id not in tasks or task.id not in tasks[id].waits_for:
            yield f"has dependent {id}, which does not wait for it"
    missing = sum(tasks[id].state is not State.DONE for id in task.waits_for)
    if missing != task.missing:
        yield f"counts {task.missing} missing dependencies, there are {missing}"
    if (task.state in HELD) != bool(task.lease):
        yield f"is {task.state.name} with lease {task.lease}"
    if task.lease and task.lease not in machine.leases:
        yield f"holds lease {task.lease}, which is over"
    if task.queued is not None and (task.missing or task.state not in (State.PENDING, State.PARKED)):
        yield f"is in line although {task.state.name} with {task.missing} missing"
    if task.queued is not None and task.blocked_on:
        yield "is in line and waits for a resource at once"
    if _should_be_in_line(task) and task.queued is None and not task.blocked_on:
        yield "is ready but stands in no line"
    for id in task.waits_for:
        if tasks[id].priority < task.priority and tasks[id].state is not State.DONE:
            yield f"has priority {task.priority}, which it did not hand down to {id}"
    if len(task.story) % 2:
        yield "its story is torn"


def _should_be_in_line(task: TaskRecord) -> bool:
    if task.missing:
        return False
    return task.state is State.PARKED or (task.state is State.PENDING and task.spec.runnable)


def _of_leases(machine: Machine) -> Iterator[str]:
    for number, lease in machine.leases.items():
        worker = machine.workers.get(lease.worker)
        if worker is None or number not in worker.leases:
            yield f"lease {number} belongs to {lease.worker}, which does not hold it"
        for id in lease.tasks:
            if machine.tasks[id].lease != number:
                yield f"lease {number} is for {id}, which holds {machine.tasks[id].lease}"
        parked = [machine.tasks[id].state is State.PARKED for id in lease.tasks]
        if lease.parked != all(parked) or lease.parked != any(parked):
            yield f"lease {number} is parked: {lease.parked}, its tasks: {parked}"
    for worker in machine.workers.values():
        for number in worker.leases:
            if number not in machine.leases:
                yield f"{worker.id} holds lease {number}, which is over"
        for id in worker.tasks:
            if id not in machine.tasks or worker.id not in machine.tasks[id].stakeholders:
                yield f"{worker.id} has a stake in {id}, which does not know it"


def _of_resources(machine: Machine) -> Iterator[str]:
    held: dict[str, float] = {}
    for lease in machine.leases.values():
        for name, amount in lease.resources.items():
            held[name] = held.get(name, 0.0) + amount
    for name in held.keys() | machine.resources.used.keys():
        if abs(held.get(name, 0.0) - machine.resources.used.get(name, 0.0)) > 1e-6:
            yield f"resource {name}: leases hold {held.get(name, 0.0)}, counted {machine.resources.used.get(name, 0.0)}"
    for name, amount in machine.resources.claimed.items():
        if amount < 0:
            yield f"resource {name}: {amount} claimed"
    for task in machine.tasks.values():
        if task.blocked_on and not any(
            entry[2] == task.id for entry in machine.resources.waiting.get(task.blocked_on, ())
        ):
            yield f"{task.id} waits for {task.blocked_on}, whose line does not have it"
