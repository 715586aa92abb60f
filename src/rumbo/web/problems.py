"""Errors as HTTP answers, in the one shape of RFC 9457."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

from rumbo import codec
from rumbo.errors import CommandRejected, ProtocolError, RumboError, StoreError, WorkerGone
from rumbo.history import AmbiguousInHistory, NotInHistory

if TYPE_CHECKING:
    from starlette.requests import Request

_STATUS: tuple[tuple[type[RumboError], int], ...] = (
    (WorkerGone, 410),
    (CommandRejected, 409),
    (ProtocolError, 400),
    (NotInHistory, 404),
    (AmbiguousInHistory, 409),
    (StoreError, 503),
)


def problem(status: int, detail: str, instance: str = "", headers: dict[str, str] | None = None) -> Response:
    """An answer that says what went wrong: ``type``, ``title``, ``status``, ``detail`` and ``instance``."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    if instance:
        body["instance"] = instance
    return Response(codec.encode(body), status, headers, "application/problem+json")


def problem_of(error: RumboError, instance: str = "") -> Response:
    """The answer for an error of ours; one that has no place of its own here is a mistake of the server (500)."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    headers = {"Retry-After": "1"} if status == 503 else None
    return problem(status, str(error), instance, headers)


async def answer_http(request: Request, error: Exception) -> Response:
    """The handler of what Starlette and FastAPI refuse by themselves: no such address, no such method."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers) if error.headers else None
    return problem(error.status_code, str(error.detail), request.url.path, headers)
