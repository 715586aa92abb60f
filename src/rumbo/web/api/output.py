"""What attempts print, also while they run; and what happens, as a stream of events."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from rumbo.scheduler.effects import AttemptEnded, StateChanged
from rumbo.web.api.terms import VIEWER, Id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from rumbo.server.daemon import Daemon
    from rumbo.web.api.readers import Readers
    from rumbo.web.work import Logs

_PIECE = 1 << 20
_NAP = 0.2
_MOST_EVENTS = 1000
"""Events that wait for one listener; when there are more, it is told that it missed some."""
_QUIET = 15.0
"""Seconds after which a line is sent though nothing happens, so that a broken connection is noticed."""


def output(daemon: Daemon, readers: Readers, logs: Logs) -> APIRouter:
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

    async def _follow(run: str, task: str, attempt: int, offset: int) -> AsyncIterator[bytes]:
        while True:
            record = daemon.coordinator.machine.tasks.get(task)
            is_under_way = record is not None and record.lease != 0 and record.attempts == attempt
            piece = await asyncio.to_thread(logs.read, run, task, attempt, offset, _PIECE)
            offset += len(piece)
            if piece:
                yield piece
            elif not is_under_way:
                return
            else:
                await asyncio.sleep(_NAP)

    @router.get("/events", tags=["server"], response_class=Response, **_text("text/event-stream"))
    async def stream_events(run: Annotated[str | None, Query(max_length=2000)] = None) -> Response:
        """What happens from now on, as server-sent events: `run`, `task`, `attempt`; `missed` when it was too much."""
        listener = Listener(run)
        daemon.watchers.append(listener.hear)

        async def events() -> AsyncIterator[bytes]:
            try:
                async for each in listener.events():
                    yield each
            finally:
                with contextlib.suppress(ValueError):
                    daemon.watchers.remove(listener.hear)

        return StreamingResponse(events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    return router


def _text(kind: str) -> dict[str, Any]:
    return VIEWER | {"responses": {**VIEWER["responses"], 200: {"content": {kind: {"schema": {"type": "string"}}}}}}


class Listener:
    """One who listens to what happens, of a run if one is named. Too slow ones miss something, and are told so."""

    def __init__(self, run: str | None) -> None:
        self._run = run
        self._waiting: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue(_MOST_EVENTS)
        self._has_missed = False

    def hear(self, facts: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        """Take what has become certain."""
        for name, arguments in facts:
            if name == "happened":
                run, effects = arguments
                if self._run in (None, run):
                    for effect in effects:
                        self._take_effect(run, effect)
            elif name in ("run_started", "run_ended") and self._run in (None, arguments[0].id):
                about = arguments[0]
                status = about.status if name == "run_ended" else "running"
                self._take("run", {"run": about.id, "status": status})

    def _take_effect(self, run: str, effect: object) -> None:
        if isinstance(effect, StateChanged):
            self._take("task", {"run": run, "task": effect.task, "state": effect.new.name.lower(), "at": effect.at})
        elif isinstance(effect, AttemptEnded):
            outcome = effect.outcome.name.lower()
            self._take("attempt", {"run": run, "task": effect.task, "attempt": effect.attempt, "outcome": outcome})

    def _take(self, kind: str, about: dict[str, Any]) -> None:
        try:
            self._waiting.put_nowait((kind, about))
        except asyncio.QueueFull:
            self._has_missed = True

    async def events(self) -> AsyncIterator[bytes]:
        """What was heard, as lines of the stream."""
        yield b": listening\n\n"
        while True:
            try:
                kind, about = await asyncio.wait_for(self._waiting.get(), _QUIET)
            except TimeoutError:
                yield b": quiet\n\n"
                continue
            yield f"event: {kind}\ndata: {json.dumps(about)}\n\n".encode()
            if self._has_missed and self._waiting.empty():
                self._has_missed = False
                yield b"event: missed\ndata: {}\n\n"
