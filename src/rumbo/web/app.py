"""The application: all routes of the server, and the daemon that lives as long as it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rumbo.web.problems import answer_http, problem
from rumbo.web.work import Logs, work_routes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from rumbo.server.daemon import Daemon, Watcher


def make_app(
    daemon: Daemon,
    logs: Logs,
    more: Sequence[BaseRoute] = (),
    around: Sequence[Middleware] = (),
    watchers: Sequence[Watcher] = (),
) -> Starlette:
    """The application over a daemon that has loaded its journal.

    Args:
        more: routes beside those of workers, and /health and /ready.
        around: what every request goes through first, the outermost first.
        watchers: told of what has become certain, from the start on.
    """

    @asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        daemon.watchers += watchers
        await daemon.start()
        yield
        await daemon.stop()

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(request: Request) -> Response:
        if daemon.trouble:
            return problem(503, daemon.trouble, request.url.path)
        return JSONResponse({"status": "ready"})

    routes: list[BaseRoute] = [
        *work_routes(daemon, logs),
        Route("/health", health),
        Route("/ready", ready),
        *more,
    ]
    return Starlette(routes=routes, middleware=around, lifespan=life, exception_handlers={HTTPException: answer_http})
