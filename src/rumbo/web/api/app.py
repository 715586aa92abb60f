"""The API as an application: its parts together, and errors in the one shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from rumbo import __version__
from rumbo.errors import RumboError
from rumbo.web.api.access import access_routes
from rumbo.web.api.alerts import alerts
from rumbo.web.api.artifacts import artifacts
from rumbo.web.api.changes import changes
from rumbo.web.api.configuration import configuration
from rumbo.web.api.drawings import drawings
from rumbo.web.api.output import output
from rumbo.web.api.past import past
from rumbo.web.api.present import present
from rumbo.web.api.requests import requests
from rumbo.web.api.terms import VIEWER
from rumbo.web.problems import answer_http, problem_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from rumbo.artifacts.sight import Folders
    from rumbo.ports import Letter
    from rumbo.server.daemon import Daemon
    from rumbo.web.access.access import Access
    from rumbo.web.api.readers import Readers
    from rumbo.web.api.shapes import Setting
    from rumbo.web.feed import Feed
    from rumbo.web.pulse import Pulse
    from rumbo.web.work import Logs

_ABOUT = (
    "Runs, tasks, attempts, logs, workers and resources of a Rumbo server. What lies in the past is read from the "
    "history, which follows the scheduler by less than a second."
)


class Watch(NamedTuple):
    """Those who watch the server for the API, and what they know that it does not."""

    feed: Feed
    pulse: Pulse
    configuration: Callable[[], list[Setting]]
    """The settings in force, secrets masked."""
    folders: Folders
    """Where the server may look at what tasks made."""
    undelivered: Callable[[], list[Letter]]
    """Alerts on their way."""


def make_api(daemon: Daemon, readers: Readers, logs: Logs, access: Access, watch: Watch) -> FastAPI:
    """The application, to be mounted at ``/api/v1``. Its ``state.guarded`` are all routes, each with an ``x-role``."""
    api = FastAPI(
        title="Rumbo",
        version=__version__,
        description=_ABOUT,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        root_path_in_servers=False,
    )
    parts = (
        present(daemon, watch.pulse),
        past(readers),
        artifacts(readers, watch.folders),
        drawings(readers),
        changes(daemon),
        requests(daemon, readers),
        output(daemon, readers, logs, watch.feed),
        configuration(watch.configuration),
        alerts(watch.undelivered),
        access_routes(access),
    )
    for router in parts:
        api.include_router(router)
    api.add_exception_handler(RumboError, _answer_error)
    api.add_exception_handler(RequestValidationError, _answer_invalid)
    api.add_exception_handler(HTTPException, answer_http)

    @api.get("/docs", include_in_schema=False, **VIEWER)
    async def docs() -> HTMLResponse:
        return HTMLResponse(_page(api.openapi()))

    @api.get("/openapi.json", include_in_schema=False, **VIEWER)
    async def schema() -> JSONResponse:
        return JSONResponse(api.openapi())

    own = [route for route in api.routes if isinstance(route, APIRoute)]
    api.state.guarded = [*own, *(route for router in parts for route in router.routes)]
    return api


async def _answer_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RumboError)
    return problem_of(error, request.url.path)


async def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = [{"where": list(each["loc"]), "what": each["msg"]} for each in error.errors()]
    first = wrong[0]
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": f"{'.'.join(map(str, first['where']))}: {first['what']}.",
        "instance": request.url.path,
        "errors": wrong,
    }
    return JSONResponse(body, 422, media_type="application/problem+json")


def _page(schema: dict[str, Any]) -> str:
    """The addresses as a page that needs nothing from elsewhere."""
    import html

    rows = []
    for path, methods in schema["paths"].items():
        for method, about in methods.items():
            asked = ", ".join(each["name"] for each in about.get("parameters", ()) if each["in"] == "query")
            rows.append(
                f"<tr><td>{method.upper()}<td><code>/api/v1{html.escape(path)}</code>"
                f"<td>{html.escape(about.get('summary', ''))}<td>{html.escape(asked)}<td>{about.get('x-role', '')}"
            )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Rumbo's API</title>"
        "<style>body{font:16px system-ui;margin:2rem;max-width:75rem}td,th{text-align:left;padding:.3rem .8rem;"
        "border-bottom:1px solid #8884}</style>"
        f"<h1>Rumbo's API</h1><p>{html.escape(_ABOUT)} The schema: <a href=openapi.json>openapi.json</a>."
        f"<table><tr><th><th>address<th>what<th>query<th>role{''.join(rows)}</table></html>"
    )
