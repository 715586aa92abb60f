"""What the addresses of the API have in common: roles, errors that they may answer, parameters of pages."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from fastapi import Path, Query

from rumbo.web.api.shapes import Problem

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "content": {"application/problem+json": {}}, "description": text}
    for status, text in (
        (401, "A token is asked for, and none that is good was shown."),
        (403, "The role of the token does not suffice, or a page from elsewhere asked."),
        (404, "There is no such thing."),
        (409, "That cannot be done as things are."),
        (413, "The body is too large."),
        (422, "The request is not as it must be."),
        (429, "That was asked too often; `Retry-After` says when to ask again."),
        (503, "The server cannot do it at this moment."),
    )
}
ANYBODY: dict[str, Any] = {"openapi_extra": {"x-role": "anybody"}, "responses": ERRORS}
VIEWER: dict[str, Any] = {"openapi_extra": {"x-role": "viewer"}, "responses": ERRORS}
OPERATOR: dict[str, Any] = {"openapi_extra": {"x-role": "operator"}, "responses": ERRORS}
ADMIN: dict[str, Any] = {"openapi_extra": {"x-role": "admin"}, "responses": ERRORS}

Limit: TypeAlias = Annotated[int, Query(ge=1, le=1000, description="At most so many rows.")]
After: TypeAlias = Annotated[
    str | None, Query(pattern=r"^[0-9]{1,18}$", description="`next` of the page before; nothing for the first page.")
]
Text: TypeAlias = Annotated[str | None, Query(max_length=1000)]
Moment: TypeAlias = Annotated[float, Query(ge=0, le=1e11, allow_inf_nan=False)]
Id: TypeAlias = Annotated[str, Path(max_length=2000)]
