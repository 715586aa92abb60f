"""The central scheduler as a server: Luigi's addresses over a `luigi.scheduler.Scheduler`."""

from __future__ import annotations

import datetime
import html
import logging
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from luigi import parameter
from luigi.scheduler import Scheduler
from luigi.task import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger("luigi.server")

PRUNE_EVERY = 60.0
"""Seconds between two looks at what is due."""

MOST_SHOWN = 10_000
"""Tasks on the page."""


class cors(Config):
    """The section ``[cors]``: which scripts of other origins may ask."""

    enabled = parameter.BoolParameter(default=False, description="Let scripts of other origins ask")
    allowed_origins = parameter.ListParameter(default=(), description="Those that may, unless any may")
    allow_any_origin = parameter.BoolParameter(default=False, description="All may")
    allow_null_origin = parameter.BoolParameter(default=False, description="Those without an origin may")
    max_age = parameter.IntParameter(default=86400, description="Seconds for which the leave is remembered")
    allowed_methods = parameter.Parameter(default="GET, OPTIONS", description="Ways in which they may ask")
    allowed_headers = parameter.Parameter(default="Accept, Content-Type, Origin", description="Headers they may send")
    exposed_headers = parameter.Parameter(default="", description="Headers they may read")
    allow_credentials = parameter.BoolParameter(default=False, description="They may send credentials")


class Application:
    """The addresses, for servers of either kind: it is an ASGI application, and tornado's HTTPServer takes it too."""

    def __init__(self, scheduler: Any) -> None:
        self.scheduler = scheduler
        self._asgi = _make(scheduler)

    def __call__(self, *args: Any) -> Any:
        return self._asgi(*args) if len(args) == 3 else self._answer_tornado(*args)

    def _answer_tornado(self, request: Any) -> None:
        import asyncio

        self._task = asyncio.get_running_loop().create_task(self._answer(request))

    async def _answer(self, request: Any) -> None:
        from http import HTTPStatus

        from tornado.httputil import HTTPHeaders, ResponseStartLine  # type: ignore[import-not-found, unused-ignore]

        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": request.body or b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.protocol,
            "path": request.path,
            "raw_path": request.path.encode(),
            "root_path": "",
            "query_string": (request.query or "").encode(),
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in _all(request)],
            "server": None,
            "client": None,
        }
        await self._asgi(scope, receive, send)
        body = b"".join(message.get("body", b"") for message in sent[1:])
        headers = HTTPHeaders()
        for name, value in sent[0]["headers"]:
            headers.add(name.decode("latin-1").title(), value.decode("latin-1"))
        status = sent[0]["status"]
        line = ResponseStartLine("", status, HTTPStatus(status).phrase)
        request.connection.write_headers(line, headers, body)
        request.connection.finish()


def _all(request: Any) -> Iterator[tuple[str, str]]:
    pairs: Iterator[tuple[str, str]] = request.headers.get_all()
    return pairs


def app(scheduler: Any) -> Application:
    """The addresses of a scheduler, for a server of one's own."""
    return Application(scheduler)


def _make(scheduler: Any) -> Any:
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse, RedirectResponse, Response
    from starlette.routing import Route

    from luigi._history_pages import history_routes
    from rumbo.web.luigi_routes import Cors, luigi_routes
    from rumbo.wire.luigi import METHODS

    async def call(method: str, arguments: dict[str, Any]) -> object:
        return getattr(scheduler, method)(**arguments)

    def terms() -> Cors:
        config = cors()
        allowed: tuple[str, ...] = config.allowed_origins
        origins = tuple(each for each in allowed if each not in ("*", "null"))
        return Cors(
            config.enabled,
            origins,
            config.allow_any_origin,
            config.allow_null_origin,
            config.max_age,
            config.allowed_methods,
            config.allowed_headers,
            config.exposed_headers,
            config.allow_credentials,
        )

    async def root(_request: Any) -> Any:
        # Relative, so that it holds below any path of a proxy.
        return RedirectResponse("static/visualiser/index.html", 302)

    async def page(_request: Any) -> Any:
        return HTMLResponse(_page(scheduler))

    async def metrics(_request: Any) -> Any:
        collector = scheduler._state._metrics_collector
        response = Response(collector.generate_latest() or b"")
        collector.configure_http_handler(_Handler(response))
        return response

    return Starlette(
        routes=[
            *luigi_routes(call, METHODS, terms),
            Route("/", root, methods=["GET"]),
            Route("/static/visualiser/index.html", page),
            Route("/metrics", metrics),
            *history_routes(lambda: scheduler.task_history),
        ]
    )


class _Handler:
    """What a metrics collector sets headers on."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def set_header(self, name: str, value: Any) -> None:
        self._response.headers[name] = str(value)


def _page(scheduler: Any) -> str:
    """The tasks and the workers, as they are at this moment."""
    listed = scheduler.task_list("", "", limit=False)
    rows = [
        f"<tr><td>{html.escape(task['status'])}<td>{html.escape(task['display_name'])}<td>{task['priority']}"
        for task in sorted(listed.values(), key=lambda task: (task["status"], task["display_name"]))[:MOST_SHOWN]
    ]
    workers = [
        f"<tr><td>{html.escape(worker['name'])}<td>{worker['state']}<td>{worker['num_running']}"
        f"<td>{worker['num_pending']}"
        for worker in scheduler.worker_list()
    ]
    return (
        "<!doctype html><meta charset=utf-8><title>Luigi tasks</title><style>body{font-family:sans-serif}"
        "td,th{text-align:left;padding:.1em 1em .1em 0}</style>"
        f"<h1>{len(listed)} tasks</h1><table><tr><th>status<th>task<th>priority{''.join(rows)}</table>"
        f"<h1>Workers</h1><table><tr><th>worker<th>state<th>running<th>pending{''.join(workers)}</table>"
    )


_running: Any = None


def run(
    api_port: Any = 8082, address: str | None = None, unix_socket: str | None = None, scheduler: Any = None
) -> None:
    """Serve until told to stop; then the scheduler's state is written.

    Args:
        api_port: the port.
        address: the address to listen at; by default this computer's own, which others cannot reach.
        unix_socket: a socket in the file system, instead of a port.
        scheduler: by default one that goes on where the last one stopped.
    """
    global _running
    import uvicorn

    scheduler = scheduler or Scheduler()
    scheduler.load()
    config = uvicorn.Config(
        app(scheduler),
        host=address or "127.0.0.1",
        port=int(api_port),
        uds=unix_socket,
        log_config=None,
        access_log=False,
        lifespan="off",
        interface="asgi3",  # it cannot tell by itself, as the application is no plain coroutine
        timeout_graceful_shutdown=1,
    )
    _running = uvicorn.Server(config)
    is_over = threading.Event()
    pruner = threading.Thread(target=_prune_until, args=(scheduler, is_over), daemon=True)
    pruner.start()
    if threading.current_thread() is threading.main_thread():
        # uvicorn hands signals on when it has come to its end.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: sys.exit(0))
        signal.signal(signal.SIGQUIT, lambda *_: stop())
    logger.info("Scheduler starting up")
    try:
        _running.run()
    finally:
        is_over.set()
        logger.info("Scheduler instance shutting down")
        scheduler.dump()
        _running = None


def _prune_until(scheduler: Any, is_over: threading.Event) -> None:
    while not is_over.wait(PRUNE_EVERY):
        scheduler.prune()


def stop() -> None:
    """Let the server of this process end."""
    if _running is not None:
        _running.should_exit = True


def from_utc(utcTime: str, fmt: str | None = None) -> int:
    """Seconds since the epoch of a moment as the history writes it."""
    for each in [fmt] if fmt is not None else ["%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S"]:
        try:
            return int(time.mktime(datetime.datetime.strptime(utcTime, each).timetuple()))
        except ValueError:
            continue
    raise ValueError(f"{utcTime!r} is no moment of the form YYYY-MM-DD HH:MM:SS.")
