"""The addresses of how things stand at this moment: asked of the scheduler itself, so they are small and quick."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, HTTPException, Query

from rumbo import __version__
from rumbo.scheduler.reasons import reason_of, sentence
from rumbo.scheduler.views import connected, neighbourhood
from rumbo.web.api.shapes import (
    Beat as BeatShape,
)
from rumbo.web.api.shapes import (
    Change,
    Graph,
    Held,
    Holder,
    Lease,
    Live,
    Node,
    Reason,
    Resource,
    Status,
    Wait,
    Wanted,
    Worker,
)
from rumbo.web.api.shapes import (
    Pulse as PulseShape,
)
from rumbo.web.api.terms import VIEWER, Id
from rumbo.web.api.waits import waits
from rumbo.web.pulse import LENGTH

if TYPE_CHECKING:
    from rumbo.scheduler.machine import Machine
    from rumbo.scheduler.records import TaskRecord, WorkerRecord
    from rumbo.server.coordinator import Coordinator
    from rumbo.server.daemon import Daemon
    from rumbo.web.pulse import Pulse

_MOST_HOLDERS = 100
_MOST_CHANGES = 50


def present(daemon: Daemon, pulse: Pulse) -> APIRouter:
    """The routes."""
    router = APIRouter()

    @router.get("/status", tags=["server"], **VIEWER)
    async def tell_status() -> Status:
        """How the server is."""
        coordinator = daemon.coordinator
        return Status(
            version=__version__,
            started=daemon.started,
            now=time.time(),
            is_paused=coordinator.machine.paused,
            trouble=daemon.trouble,
            tasks=daemon.counters.states(coordinator.machine),
            workers=len(connected(coordinator.machine)),
            runs=len(coordinator.runs),
        )

    @router.get("/workers", tags=["workers"], **VIEWER)
    async def list_workers() -> list[Worker]:
        """All connected workers."""
        return [_worker(daemon, each) for each in connected(daemon.coordinator.machine)]

    @router.get("/workers/{worker}", tags=["workers"], **VIEWER)
    async def get_worker(worker: Id) -> Worker:
        """One worker."""
        record = daemon.coordinator.machine.workers.get(worker)
        if record is None or not record.pools:
            raise HTTPException(404, f"There is no worker {worker!r} connected.")
        return _worker(daemon, record)

    @router.get("/resources", tags=["resources"], **VIEWER)
    async def list_resources() -> list[Resource]:
        """All resources that workers share, with those who hold them."""
        return _resources(daemon.coordinator.machine)

    @router.get("/waiting", tags=["tasks"], **VIEWER)
    async def list_waiting() -> list[Wait]:
        """What waits, by family and by what it waits for."""
        return await waits(daemon.coordinator.machine)

    @router.get("/pulse", tags=["server"], **VIEWER)
    async def tell_pulse() -> PulseShape:
        """How much ended and how much was under way in each stretch of the last hour."""
        beats = [BeatShape.model_validate(each) for each in pulse.beats(time.time())]
        return PulseShape(length=LENGTH, beats=beats)

    @router.get("/tasks/{task}/live", tags=["tasks"], **VIEWER)
    async def get_live(task: Id) -> Live:
        """A task as the scheduler sees it: its state, and what it waits for."""
        return live(daemon.coordinator, _known(daemon, task))

    @router.get("/tasks/{task}/graph", tags=["tasks"], **VIEWER)
    async def draw_around(
        task: Id, limit: Annotated[int, Query(ge=1, le=1000)] = 200, upstream: bool = True, downstream: bool = False
    ) -> Graph:
        """The tasks around one: what it needs, and what needs it."""
        record = _known(daemon, task)
        machine = daemon.coordinator.machine
        found: dict[str, None] = {record.id: None}
        for is_wanted, direction in ((upstream, True), (downstream, False)):
            if is_wanted:
                found.update(dict.fromkeys(neighbourhood(machine, task, limit + 1, direction)))
        kept = dict.fromkeys(list(found)[:limit])
        nodes = [_node(machine.tasks[id], kept) for id in kept if id in machine.tasks]
        return Graph(nodes=nodes, is_cut=len(found) > limit)

    return router


def _known(daemon: Daemon, task: str) -> TaskRecord:
    record = daemon.coordinator.machine.tasks.get(task)
    if record is None:
        raise HTTPException(404, f"The scheduler knows no task {task!r} (any more).")
    return record


def _node(task: TaskRecord, kept: dict[str, None]) -> Node:
    return Node(
        id=task.id,
        family=task.spec.family,
        params={},
        state=task.state.name.lower(),
        needs=[id for id in task.waits_for if id in kept],
    )


def live(coordinator: Coordinator, task: TaskRecord) -> Live:
    """A task as the scheduler sees it."""
    machine = coordinator.machine
    lease = machine.leases.get(task.lease)
    reason = reason_of(machine, task.id)
    told = task.story[-2 * _MOST_CHANGES :]
    return Live(
        state=task.state.name.lower(),
        why=sentence(reason),
        reason=Reason(
            kind=reason.kind.value,
            values=dict(reason.values),
            waits_for=[Wanted(task_id=id, state=state.name.lower()) for id, state in reason.waits_for],
        ),
        priority=task.priority,
        run=task.run,
        attempts=task.attempts,
        missing=task.missing,
        retry_at=task.retry_at,
        disabled_until=task.disabled_until,
        resources=dict(task.spec.resources),
        pool=task.spec.pool,
        lease=Lease(number=lease.number, worker=lease.worker, attempt=lease.attempt) if lease is not None else None,
        accepts_messages=task.spec.accepts_messages and (lease is None or lease.worker in coordinator.seats),
        story=[Change(at=float(at), cause=str(cause)) for at, cause in zip(told[::2], told[1::2], strict=True)],
    )


def _worker(daemon: Daemon, record: WorkerRecord) -> Worker:
    coordinator = daemon.coordinator
    seat = coordinator.seats.get(record.id)
    heard = daemon.seen.get(record.id)
    info = seat.info if seat is not None else None
    running = []
    for number in record.leases:
        lease = coordinator.machine.leases[number]
        running += [Held(task_id=id, attempt=lease.attempt, lease=number) for id in lease.tasks]
    return Worker(
        id=record.id,
        kind="luigi" if seat is None else "agent" if record.assistant else "run",
        host=info.host if info is not None else "",
        user=info.user if info is not None else "",
        pid=info.pid if info is not None else 0,
        started=info.started if info is not None else 0.0,
        slots=seat.slots if seat is not None else 0,
        version=info.version if info is not None else "",
        folder=info.folder if info is not None else "",
        pools=list(record.pools),
        is_draining=seat is not None and seat.is_draining,
        is_disabled=record.disabled,
        silent=max(time.monotonic() - heard, 0.0) if heard is not None else 0.0,
        capacity=dict(record.capacity),
        used=dict(record.used),
        refused=list(record.refused),
        running=running,
        wants=len(record.tasks),
    )


def _resources(machine: Machine) -> list[Resource]:
    held: dict[str, list[Holder]] = {}
    for lease in machine.leases.values():
        for name, amount in lease.resources.items():
            holders = held.setdefault(name, [])
            if len(holders) < _MOST_HOLDERS:
                holders.append(Holder(task_id=lease.tasks[0], amount=amount))
    resources = machine.resources
    names = sorted({*resources.capacity, *resources.used, *held})
    return [
        Resource(name=name, total=resources.total(name), used=resources.used.get(name, 0.0), held_by=held.get(name, []))
        for name in names
    ]
