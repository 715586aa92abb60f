"""The two addresses at which workers talk with the server.

They are the hottest part of the server, so they decode with msgspec and stay out of FastAPI's way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from rumbo import codec
from rumbo.errors import RumboError
from rumbo.web.problems import problem, problem_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from rumbo.server.daemon import Daemon


def work_routes(daemon: Daemon) -> list[Route]:
    """``POST /api/v1/work``: what a worker has to say; ``GET /api/v1/work/orders``: what there is for it to do."""

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

    return [
        Route("/api/v1/work", work, methods=["POST"]),
        Route("/api/v1/work/orders", orders, methods=["GET"]),
    ]
