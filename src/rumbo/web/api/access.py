"""The addresses of those who may ask: signing in and out, the tokens there are, and who changed what."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotations
from starlette.responses import Response

from rumbo.web.access.callers import session_in
from rumbo.web.access.gate import CHALLENGE, address_of, too_often
from rumbo.web.access.sessions import COOKIE, LASTS
from rumbo.web.api.shapes import Audited, Listing, SignIn, Token, Who
from rumbo.web.api.terms import ADMIN, ANYBODY, Limit
from rumbo.web.problems import problem

if TYPE_CHECKING:
    from rumbo.web.access.access import Access
    from rumbo.web.access.callers import Caller

Earlier = Annotated[
    str | None, Query(pattern=r"^[0-9]{16}-[0-9a-f]{8}$", description="`next` of the page before.", max_length=25)
]


def access_routes(access: Access) -> APIRouter:
    """The routes."""
    router = APIRouter()

    @router.get("/session", tags=["access"], **ANYBODY)
    async def who_am_i(request: Request) -> Who:
        """Who asks, by the token or the cookie that is shown, and whether one is asked for; nobody: nulls."""
        return _who(request.scope["rumbo.visit"].caller)

    @router.post("/session", tags=["access"], response_model=Who, **ANYBODY)
    async def sign_in(request: Request, given: SignIn) -> Response:
        """Sign in with a token: a browser asks with it from then on, until it signs out or for 12 hours."""
        path, caller = request.url.path, await access.callers.by_token(given.token)
        if caller is None:
            wait = access.failures.take(address_of(request.scope), monotonic())
            if wait:
                return too_often("Too many tokens were shown that are not good.", wait, path)
            return problem(401, "This token is unknown, revoked or expired.", path, CHALLENGE)
        request.scope["rumbo.visit"].caller = caller
        answer = Response(_who(caller).model_dump_json(), media_type="application/json")
        answer.set_cookie(
            COOKIE,
            access.sessions.begin(caller.token, access.clock.now()),
            max_age=int(LASTS),
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return answer

    @router.delete("/session", tags=["access"], status_code=204, **ANYBODY)
    async def sign_out(request: Request) -> Response:
        """Sign out."""
        access.sessions.end(session_in(request.headers.get("cookie", "").encode("latin-1")))
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    @router.get("/tokens", tags=["access"], **ADMIN)
    async def list_tokens() -> list[Token]:
        """All tokens, the oldest first, those that are good no more too; not what is secret of them."""
        return [Token.model_validate(token) for token in await access.tokens()]

    @router.get("/audit", tags=["access"], **ADMIN)
    async def list_changes(after: Earlier = None, limit: Limit = 100) -> Listing[Audited]:
        """What people changed, or were refused, the latest first."""
        found = await access.entries(after, limit + 1)
        rows = [Audited.model_validate(entry) for entry in found[:limit]]
        return Listing(rows=rows, next=rows[-1].id if len(found) > limit else None)

    def _who(caller: Caller) -> Who:
        is_somebody = caller.role is not None
        return Who(
            user=caller.name if is_somebody else None,
            role=caller.role.value if caller.role is not None else None,
            asks=access.terms.asks,
        )

    return router
