"""The two addresses at which workers talk with the server.

They are the hottest part of the server, so they decode with msgspec and stay out of FastAPI's way.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from rumbo import codec
from rumbo.errors import RumboError
from rumbo.web.problems import problem, problem_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from rumbo.server.daemon import Daemon


class Logs(Protocol):
    """Where the output of attempts is kept."""

    def write(self, run: str, task: str, attempt: int, offset: int, data: bytes) -> str:
        """Keep a piece of output that belongs at ``offset``; gives the path. May raise OSError."""
        ...

    def read(self, run: str, task: str, attempt: int, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset``; empty at the end. May raise OSError."""
        ...


def work_routes(daemon: Daemon, logs: Logs) -> list[Route]:
    """``POST /api/v1/work``: what a worker has to say; ``GET /api/v1/work/orders``: what there is for it to do;
    ``POST /api/v1/work/log``: a piece of what an attempt printed."""

    async def work(request: Request) -> Response:
        try:
            body = await request.body()
            reply = await daemon.work(body)
        except ClientDisconnect:
            return Response(status_code=499)
        except RumboError as error:
            return problem_of(error, request.url.path)
        return Response(codec.encode(reply), media_type="application/json")

    async def orders(request: Request) -> Response:
        query = request.query_params
        try:
            worker, received, wait = query["worker"], int(query.get("received", 0)), float(query.get("wait", 0))
        except (KeyError, ValueError):
            return problem(400, "Give worker=NAME, received=NUMBER and wait=SECONDS.", request.url.path)
        try:
            reply = await daemon.poll(worker, received, wait)
        except RumboError as error:
            return problem_of(error, request.url.path)
        return Response(codec.encode(reply), media_type="application/json")

    async def log(request: Request) -> Response:
        query = request.query_params
        try:
            run, task = query["run"], query["task"]
            attempt, offset = int(query["attempt"]), int(query.get("offset", 0))
        except (KeyError, ValueError):
            return problem(400, "Give run=ID, task=ID, attempt=NUMBER and offset=BYTES.", request.url.path)
        try:
            body = await request.body()
            path = await asyncio.to_thread(logs.write, run, task, attempt, offset, body)
            if query.get("last"):
                await daemon.attempt_log(run, task, attempt, path)
        except ClientDisconnect:
            return Response(status_code=499)
        except OSError as error:
            return problem(503, f"The output cannot be kept ({error.strerror}).", request.url.path)
        except RumboError as error:
            return problem_of(error, request.url.path)
        return Response(status_code=204)

    return [
        Route("/api/v1/work/log", log, methods=["POST"]),
        Route("/api/v1/work", work, methods=["POST"]),
        Route("/api/v1/work/orders", orders, methods=["GET"]),
    ]
