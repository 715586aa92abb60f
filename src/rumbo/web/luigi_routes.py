"""The addresses of Luigi's dialect: ``/api/METHOD``, as Luigi's workers and pages ask them.

They answer as Luigi's own server does: arguments as JSON in the field ``data`` of a query or a form, the reply under
``response``, and leave for scripts of other origins only where the terms give it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from starlette.responses import Response
from starlette.routing import Route

from rumbo.errors import ProtocolError, RumboError
from rumbo.web.problems import problem, problem_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Container

    from starlette.requests import Request


class Cors(NamedTuple):
    """Which scripts from elsewhere may ask, as in Luigi's section ``[cors]``."""

    enabled: bool = False
    allowed_origins: tuple[str, ...] = ()
    allow_any_origin: bool = False
    allow_null_origin: bool = False
    max_age: int = 86_400
    allowed_methods: str = "GET, OPTIONS"
    allowed_headers: str = "Accept, Content-Type, Origin"
    exposed_headers: str = ""
    allow_credentials: bool = False

    def origin(self, asked: str | None) -> str:
        """The origin that is given leave; empty when none is."""
        if not self.enabled or asked is None:
            return ""
        if asked == "null":
            return "null" if self.allow_null_origin else ""
        if self.allow_any_origin:
            return "*"
        return asked if asked in self.allowed_origins else ""

    def headers(self, asked: str | None, is_preflight: bool) -> dict[str, str]:
        """What a browser must be told before it hands an answer to a script of this origin."""
        origin = self.origin(asked)
        if not origin:
            return {}
        headers = {"Access-Control-Allow-Origin": origin}
        if is_preflight:
            headers["Access-Control-Max-Age"] = str(self.max_age)
            headers["Access-Control-Allow-Methods"] = self.allowed_methods
            headers["Access-Control-Allow-Headers"] = self.allowed_headers
            if self.allow_credentials:
                headers["Access-Control-Allow-Credentials"] = "true"
            if self.exposed_headers:
                headers["Access-Control-Expose-Headers"] = self.exposed_headers
        return headers


NO_CORS = Cors()
MOST_BYTES = 64 << 20
"""No request of the dialect may be larger: a task with all its parameters is a few kilobytes."""


def luigi_routes(
    call: Callable[[str, dict[str, Any]], Awaitable[object]],
    methods: Container[str],
    cors: Callable[[], Cors] = lambda: NO_CORS,
) -> list[Route]:
    """``GET``, ``POST`` and ``OPTIONS`` of ``/api/METHOD``, and ``HEAD /`` for health checks.

    Args:
        call: carries a method out, by its name and its arguments; what it gives is the reply. May raise any of our
            errors.
        methods: the names of those that may be called.
        cors: who may ask from elsewhere, at this moment.
    """

    async def api(request: Request) -> Response:
        method = request.path_params["method"]
        headers = cors().headers(request.headers.get("origin"), request.method == "OPTIONS")
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
        if method not in methods:
            return problem(404, f"There is no method {method!r}.", request.url.path, headers)
        try:
            answer = await call(method, await _arguments(request))
        except RumboError as error:
            answered = problem_of(error, request.url.path)
            answered.headers.update(headers)
            return answered
        return Response(_in_json({"response": answer}), media_type="application/json", headers=headers)

    async def root(_request: Request) -> Response:
        return Response(status_code=204)

    return [
        Route("/api/{method}", api, methods=["GET", "POST", "OPTIONS"]),
        Route("/", root, methods=["HEAD"]),
    ]


async def _arguments(request: Request) -> dict[str, Any]:
    """The arguments of a call: the field ``data`` of the form, or else of the query."""
    given = request.query_params.get("data")
    if request.method == "POST":
        fields = parse_qs((await _body(request)).decode("utf-8", "replace"))
        given = fields.get("data", [given])[-1]
    try:
        arguments = json.loads(given or "{}")
    except (ValueError, RecursionError):
        raise ProtocolError("The field data is not JSON.") from None
    if not isinstance(arguments, dict):
        raise ProtocolError("The field data must be a JSON object, with an argument under each name.")
    return arguments


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise ProtocolError(f"The request is larger than {MOST_BYTES >> 20} MB.")
        parts.append(part)
    return b"".join(parts)


def _in_json(value: object) -> str:
    return json.dumps(value, default=list)
