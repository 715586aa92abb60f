"""What attempts print, also while they run; and what happens, as a stream of events."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.responses import Response, StreamingResponse

from rumbo.errors import StoreError
from rumbo.web.api.terms import VIEWER, Id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rumbo.server.daemon import Daemon
    from rumbo.web.api.readers import Readers
    from rumbo.web.feed import Feed
    from rumbo.web.work import Logs

_PIECE = 1 << 20
_NAP = 0.2
_LOOK = 1.0
"""Seconds between two looks at the history, whether an attempt is over."""


def output(daemon: Daemon, readers: Readers, logs: Logs, feed: Feed) -> APIRouter:
    """The routes."""
    router = APIRouter()

    @router.get(
        "/runs/{run}/tasks/{task}/attempts/{attempt}/log", tags=["runs"], response_class=Response, **_text("text/plain")
    )
    async def read_log(
        run: Id,
        task: Id,
        attempt: int,
        offset: Annotated[int, Query(ge=0, le=1 << 50)] = 0,
        limit: Annotated[int, Query(ge=1, le=_PIECE)] = _PIECE,
        follow: bool = False,
    ) -> Response:
        """What an attempt printed, as bytes from `offset`; with `follow`, all of it, until the attempt is over."""
        name = await asyncio.to_thread(_check, run, task)
        if follow:
            return StreamingResponse(_follow(name, task, attempt, offset), media_type="text/plain; charset=utf-8")
        piece = await asyncio.to_thread(logs.read, name, task, attempt, offset, limit)
        headers = {"X-Next-Offset": str(offset + len(piece))}
        return Response(piece, headers=headers, media_type="text/plain; charset=utf-8")

    def _check(run: str, task: str) -> str:
        """The whole id of the run, of which the task must be a part."""
        if run in daemon.coordinator.runs:  # the history may not know of it yet
            return run
        with readers.one() as history:
            row = history.run(run)
            history.run_task(row, task)
            return row.id

    def _goes_on(run: str, task: str, attempt: int) -> bool:
        """Whether an attempt of a run without this server is under way."""
        try:
            with readers.one() as history:
                row = history.run(run)
                made = history.attempts(row, history.run_task(row, task).position)
        except StoreError:
            return False
        return any(each.number == attempt and each.outcome == "running" for each in made)

    async def _follow(run: str, task: str, attempt: int, offset: int) -> AsyncIterator[bytes]:
        asked, is_under_way = -_LOOK, True
        while True:
            if run in daemon.coordinator.runs:
                record = daemon.coordinator.machine.tasks.get(task)
                is_under_way = record is not None and record.lease != 0 and record.attempts == attempt
            elif is_under_way and monotonic() - asked >= _LOOK:
                asked = monotonic()
                is_under_way = await asyncio.to_thread(_goes_on, run, task, attempt)
            piece = await asyncio.to_thread(logs.read, run, task, attempt, offset, _PIECE)
            offset += len(piece)
            if piece:
                yield piece
            elif not is_under_way or daemon.is_stopping:
                return
            else:
                await asyncio.sleep(_NAP)

    @router.get("/events", tags=["server"], response_class=Response, **_text("text/event-stream"))
    async def stream_events(
        run: Annotated[str | None, Query(max_length=2000)] = None,
        last_event_id: Annotated[str, Header(max_length=100)] = "",
    ) -> Response:
        """What happens from now on, or since the event that the header `Last-Event-ID` names, as server-sent events:
        `run`, `plan`, `task`, `begin`, `attempt`, `note`, `retry`; `missed` when something is missing."""
        stream = feed.listen(run, last_event_id)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    return router


def _text(kind: str) -> dict[str, Any]:
    return VIEWER | {"responses": {**VIEWER["responses"], 200: {"content": {kind: {"schema": {"type": "string"}}}}}}
