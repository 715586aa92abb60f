"""The addresses by which people begin runs. The server cannot plan, since it has nobody's code: a worker does it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException, Request

from rumbo import codec
from rumbo.codec import Again, RunAnswer, RunRequest
from rumbo.ports import Foreign
from rumbo.web.api.shapes import Begun, FamilyForecast, Forecast, TaskForecast, Wish
from rumbo.web.api.terms import OPERATOR

if TYPE_CHECKING:
    from rumbo.server.daemon import Daemon
    from rumbo.web.api.readers import Readers

_PATIENCE = 120.0
"""Seconds that a worker may take to plan."""
_MEMORY = 30 * 86_400.0
"""Seconds back to which durations are looked at for a forecast."""


def requests(daemon: Daemon, readers: Readers) -> APIRouter:
    """The routes."""
    router = APIRouter()

    @router.post("/plans", tags=["runs"], **OPERATOR)
    async def preview(wish: Wish) -> Forecast:
        """What a run would do, and how long it would take. A worker (`rumbo worker`) plans it; nothing changes."""
        wanted = await asyncio.to_thread(_wanted, wish)
        worker, answer = await _ask(daemon, wanted._replace(is_preview=True))
        return await _told(worker, answer)

    @router.post("/runs", tags=["runs"], **OPERATOR)
    async def begin(wish: Wish, request: Request) -> Begun:
        """Begin a run. A worker (`rumbo worker`) plans it, and all that can do its tasks work on it."""
        wanted = await asyncio.to_thread(_wanted, wish)
        caller = request.scope["rumbo.visit"].caller
        worker, answer = await _ask(daemon, wanted._replace(asked_by=caller.name if caller.token else ""))
        return Begun(run=answer.run, forecast=await _told(worker, answer))

    def _wanted(wish: Wish) -> RunRequest:
        ids = list(dict.fromkeys(wish.tasks))
        if not ids and not wish.new:
            raise HTTPException(409, "Name at least one task, in `tasks` or in `new`.")
        known = [_known(id) for id in ids]
        modules = _modules({each.family for each in wish.new})
        fresh = [Foreign(modules[each.family], each.family, each.params) for each in wish.new]
        return RunRequest([*known, *fresh], ids, Again(wish.again))

    def _known(id: str) -> Foreign:
        """A task as it was described: by the scheduler with all its parameters, else as far as people may see them."""
        record = daemon.coordinator.machine.tasks.get(id)
        if record is not None and record.spec.module:
            if not record.spec.portable:
                raise HTTPException(409, _PRIVATE.format(id))
            return Foreign(record.spec.module, record.spec.family, record.spec.params)
        with readers.one() as history:
            row = history.task(id)
        if row.id != id:
            raise HTTPException(404, f"The history knows no task {id!r}.")
        return Foreign(row.module, row.family, row.params)

    def _modules(families: set[str]) -> dict[str, str]:
        """The modules of families, by the task of each that was seen last."""
        found: dict[str, str] = {}
        with readers.one() as history:
            for family in sorted(families):
                rows = history.tasks(family=family, limit=1).rows
                if not rows:
                    raise HTTPException(404, f"The history knows no task of the family {family!r}, nor its module.")
                found[family] = rows[0].module
        return found

    async def _told(worker: str, answer: RunAnswer) -> Forecast:
        means = await asyncio.to_thread(_means, [each.family for each in answer.families if each.run])
        return Forecast(
            worker=worker,
            families=[FamilyForecast(**each._asdict(), seconds=means.get(each.family)) for each in answer.families],
            tasks=[TaskForecast.model_validate(each) for each in answer.tasks],
            removed=answer.removed,
            removed_count=answer.removed_count,
            kept=answer.kept,
            seconds=sum(each.run * means.get(each.family, 0.0) for each in answer.families),
        )

    def _means(families: list[str]) -> dict[str, float]:
        found: dict[str, float] = {}
        since = time.time() - _MEMORY
        with readers.one() as history:
            for family in families:
                rows = history.durations(family, since, hours=int(_MEMORY // 3600))
                attempts = sum(row.attempts for row in rows)
                if attempts:
                    found[family] = sum(row.mean * row.attempts for row in rows) / attempts
        return found

    return router


async def _ask(daemon: Daemon, wanted: RunRequest) -> tuple[str, RunAnswer]:
    """Ask workers, until one does not refuse; gives its name, and its answer."""
    refusals: list[str] = []
    text = codec.encode(wanted).decode()
    for worker in _planners(daemon):
        told = await daemon.ask(worker, "request", text, _PATIENCE)
        if told is None:
            raise HTTPException(503, f"Worker {worker} has not planned it after {_PATIENCE:.0f} s; see what it prints.")
        answer: RunAnswer = codec.decode(told.encode(), RunAnswer, "answer of a worker")
        if answer.error:
            raise HTTPException(409, answer.error)
        if not answer.refused:
            return worker, answer
        refusals.append(f"{worker}: {answer.refused}")
    if refusals:
        raise HTTPException(409, "No worker that is connected can plan it. " + " ".join(refusals))
    raise HTTPException(409, _NOBODY)


def _planners(daemon: Daemon) -> list[str]:
    """The workers that plan for others; those with the least to do first."""
    machine, seats = daemon.coordinator.machine, daemon.coordinator.seats
    found = [
        worker
        for worker in machine.workers.values()
        if worker.assistant and not worker.disabled and worker.id in seats and not seats[worker.id].is_draining
    ]
    return [worker.id for worker in sorted(found, key=lambda worker: (len(worker.leases), worker.id))]


_NOBODY = (
    "No worker is connected that could plan it: start `rumbo worker` in the folder from which the modules of the tasks "
    "can be imported, or use `rumbo run` there."
)
_PRIVATE = (
    "{} has private parameters, or is of the module __main__, so only who has them can begin it: use `rumbo run` there."
)
