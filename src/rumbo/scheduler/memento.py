"""A machine as plain data, and a machine made from it: what a shell writes down so that it can go on after a restart.

Only facts are kept. Lines, counters and what is in use follow from them and are made anew. A restored machine answers
every command as the first one would have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from rumbo.scheduler.deadlines import Due
from rumbo.scheduler.machine import Machine
from rumbo.scheduler.records import Lease, State, TaskRecord, TaskSpec, WorkerRecord

if TYPE_CHECKING:
    from rumbo.scheduler.machine import Policy


class TaskMemento(NamedTuple):
    """What must be remembered of a `TaskRecord`, which describes the fields."""

    spec: TaskSpec
    state: State
    order: int
    first_seen: float
    priority: float
    waits_for: tuple[str, ...] | None
    """None: the same as its declared dependencies."""
    stakeholders: tuple[str, ...]
    runners: tuple[str, ...] | None
    """None: all stakeholders."""
    run: str
    lease: int
    attempts: int
    retries_used: int
    losses: int
    failures: tuple[float, ...]
    retry_at: float | None
    promised: bool
    disabled_until: float | None
    forget_at: float | None
    story: list[float | str]


class LeaseMemento(NamedTuple):
    """What must be remembered of a `Lease`."""

    number: int
    worker: str
    tasks: tuple[str, ...]
    attempt: int
    deadline: float | None
    parked: bool
    resources: Mapping[str, float]
    own: Mapping[str, float]
    withdrawn: tuple[str, ...]


class WorkerMemento(NamedTuple):
    """What must be remembered of a `WorkerRecord`, its tasks in the order in which it took a stake in them."""

    id: str
    pools: tuple[str, ...]
    assistant: bool
    capacity: Mapping[str, float]
    refused: tuple[str, ...]
    seen: float
    disabled: bool
    tasks: tuple[str, ...]


class Memento(NamedTuple):
    """All that must be remembered of a machine."""

    now: float
    last_lease: int
    last_order: int
    paused: bool
    capacity: Mapping[str, float]
    workers: list[WorkerMemento]
    tasks: list[TaskMemento]
    leases: list[LeaseMemento]
    claims: list[tuple[str, tuple[str, ...]]]
    """Tasks that claim resources, and the workers for which they do."""
    deadlines: list[tuple[float, Due, str]]


def save(machine: Machine) -> Memento:
    """A machine as plain data. Linear in what it holds."""
    return Memento(
        machine._now,
        machine._last_lease,
        machine.graph._order,
        machine.paused,
        dict(machine.resources.capacity),
        [_save_worker(worker) for worker in machine.workers.values()],
        [_save_task(task) for task in machine.tasks.values()],
        [_save_lease(lease) for lease in machine.leases.values()],
        [(task.id, tuple(workers)) for task, workers in machine.resources.claims.items() if task.id in machine.tasks],
        machine.deadlines.pending(),
    )


def restore(memento: Memento, policy: Policy) -> Machine:
    """A machine that goes on where the one that was saved stood."""
    machine = Machine(policy, memento.capacity)
    machine._now = memento.now
    machine._last_lease = memento.last_lease
    machine.graph._order = memento.last_order
    machine.paused = memento.paused
    for saved in memento.workers:
        machine.workers[saved.id] = _worker(saved)
    for each in memento.tasks:
        machine.tasks[each.spec.id] = _task(each, machine)
    for held in memento.leases:
        _restore_lease(machine, held)
    for id, workers in memento.claims:
        machine.resources.claims[machine.tasks[id]] = dict.fromkeys(workers)
    _tie_edges(machine)
    _open_lines(machine)
    for at, kind, key in memento.deadlines:
        machine.deadlines.add(at, kind, key)
    return machine


def _save_worker(worker: WorkerRecord) -> WorkerMemento:
    return WorkerMemento(
        worker.id,
        worker.pools,
        worker.assistant,
        worker.capacity,
        tuple(worker.refused),
        worker.seen,
        worker.disabled,
        tuple(worker.tasks),
    )


def _save_task(task: TaskRecord) -> TaskMemento:
    return TaskMemento(
        task.spec,
        task.state,
        task.order,
        task.first_seen,
        task.priority,
        None if task.waits_for == task.spec.dependencies else task.waits_for,
        task.stakeholders,
        None if task.runners == task.stakeholders else task.runners,
        task.run,
        task.lease,
        task.attempts,
        task.retries_used,
        task.losses,
        task.failures,
        task.retry_at,
        task.promised,
        task.disabled_until,
        task.forget_at,
        task.story,
    )


def _save_lease(lease: Lease) -> LeaseMemento:
    return LeaseMemento(
        lease.number,
        lease.worker,
        lease.tasks,
        lease.attempt,
        lease.deadline,
        lease.parked,
        lease.resources,
        lease.own,
        lease.withdrawn,
    )


def _worker(saved: WorkerMemento) -> WorkerRecord:
    worker = WorkerRecord(saved.id, saved.pools, saved.assistant, saved.seen)
    worker.capacity = saved.capacity
    worker.refused = dict.fromkeys(saved.refused)
    worker.disabled = saved.disabled
    worker.tasks = dict.fromkeys(saved.tasks)
    return worker


def _task(saved: TaskMemento, machine: Machine) -> TaskRecord:
    task = TaskRecord(saved.spec, saved.order, saved.first_seen)
    task.state = saved.state
    task.priority = saved.priority
    task.waits_for = saved.spec.dependencies if saved.waits_for is None else saved.waits_for
    # Most tasks have one stakeholder, and share its tuple.
    is_alone = len(saved.stakeholders) == 1
    task.stakeholders = machine.workers[saved.stakeholders[0]].alone if is_alone else saved.stakeholders
    task.runners = task.stakeholders if saved.runners is None else saved.runners
    task.run = saved.run
    task.lease = saved.lease
    task.attempts = saved.attempts
    task.retries_used = saved.retries_used
    task.losses = saved.losses
    task.failures = saved.failures
    task.retry_at = saved.retry_at
    task.promised = saved.promised
    task.disabled_until = saved.disabled_until
    task.forget_at = saved.forget_at
    task.story = saved.story
    return task


def _restore_lease(machine: Machine, saved: LeaseMemento) -> None:
    lease = Lease(saved.number, saved.worker, saved.tasks, saved.attempt, saved.deadline)
    lease.parked = saved.parked
    lease.withdrawn = saved.withdrawn
    worker = machine.workers[saved.worker]
    machine.leases[saved.number] = lease
    worker.leases[saved.number] = None
    machine.resources.take_back(lease, saved.resources, saved.own, worker)


def _tie_edges(machine: Machine) -> None:
    """Tie each task to those that wait for it, and count what it waits for."""
    graph, now = machine.graph, machine._now
    for task in list(machine.tasks.values()):
        needs, task.waits_for = task.waits_for, ()
        graph.connect(task, needs, now)


def _open_lines(machine: Machine) -> None:
    for worker in machine.workers.values():
        machine.ready.open(worker.id)
        machine.ready.open(worker.parked)
    machine._serve_pools()
    for task in machine.tasks.values():
        machine._enqueue(task)
