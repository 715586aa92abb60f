"""The gate that every request comes through: who asks, and whether they may.

Looked at in turn: how often they have asked, whether a page from elsewhere asks through them, their role, how much they
send. What is let in is handed on with a `Visit` in its scope. What people change, or were refused, is written down
before they are told.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from rumbo.access import EVERYBODY, Role
from rumbo.web.access import limits
from rumbo.web.access.origins import comes_from_elsewhere, is_own_name
from rumbo.web.access.rules import READING
from rumbo.web.access.trail import Overheard
from rumbo.web.problems import problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from rumbo.web.access.access import Access
    from rumbo.web.access.callers import Caller
    from rumbo.web.access.rules import Rule, Rules
    from rumbo.web.access.trail import Trail

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="Rumbo"'}
"""Not Basic, though that is understood: a browser would ask for a password, and show it for every page from then on."""


class Visit:
    """A request that was let in: by whom. Whoever signs in becomes somebody else on the way."""

    __slots__ = ("caller",)

    def __init__(self, caller: Caller) -> None:
        self.caller = caller


class Gate:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, access: Access, rules: Rules) -> None:
        self._app = app
        self._access = access
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or send it away."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        rule = await self._rules.find(scope)
        headers = dict(scope["headers"])
        caller = await self._access.caller(headers)
        visit = scope["rumbo.visit"] = Visit(caller)
        refusal = self._refusal(rule, scope, headers, caller)
        answer = refusal or self._app
        bounded = limits.bounded(receive, rule.most)
        if rule.is_written and (refusal is None or refusal.status_code != 429):  # all of those could fill the disk
            overheard = Overheard(bounded)
            await answer(scope, overheard, _Written(self._access.trail, visit, scope, overheard, send))
        elif refusal is None and caller.token:
            await _Watched(self._access, caller, send).answer(self._app, scope, bounded)
        else:
            await answer(scope, bounded, send)

    def _refusal(self, rule: Rule, scope: Scope, headers: Mapping[bytes, bytes], caller: Caller) -> Response | None:
        """The answer to a request that is sent away; None: it is let in."""
        access, path, address = self._access, scope["path"], address_of(scope)
        is_allowed = rule.roles is None or caller.role in rule.roles
        if access.terms.asks and access.terms.rate and not (rule.is_work and is_allowed):
            wait = access.rates.take(caller.token or address, monotonic())
            if wait:
                return too_often("You have asked too often.", wait, path)
        refused = self._stranger(rule, scope, headers, caller)
        if refused is None and not is_allowed:
            refused = _not_allowed(rule, path, caller, b"authorization" in headers)
        if refused is not None and not caller.token and (rule.is_change or b"authorization" in headers):
            wait = access.failures.take(address, monotonic())
            if wait:
                return too_often("Too much was refused to this address.", wait, path)
        if refused is None and limits.announced(headers) > rule.most:
            return problem(413, limits.too_large(rule.most), path)
        return refused

    def _stranger(self, rule: Rule, scope: Scope, headers: Mapping[bytes, bytes], caller: Caller) -> Response | None:
        """The answer to a page from elsewhere; None if it is none."""
        terms = self._access.terms
        if not terms.asks and terms.names is not None and rule.roles is not None:
            host = headers.get(b"host", b"").decode("latin-1")
            if host and not is_own_name(host, terms.names):
                return problem(403, _STRANGE_NAME % host, scope["path"])
        if rule.is_change or scope["method"] not in READING:
            from_elsewhere = comes_from_elsewhere(headers)
            if from_elsewhere or (from_elsewhere is None and caller.has_signed_in):
                return problem(403, _FROM_ELSEWHERE, scope["path"])
        return None


def _not_allowed(rule: Rule, path: str, caller: Caller, has_shown_one: bool) -> Response:
    roles = [role for role in Role if role in (rule.roles or ())]
    if not roles:
        return problem(403, "There is no rule for this address, so nobody may ask it.", path)
    needed = "This takes a token"
    if rule.roles != EVERYBODY:
        needed += f" of the role {', '.join(roles[:-1])}{' or ' if roles[:-1] else ''}{roles[-1]}"
    if caller.role is not None:
        return problem(403, f"{needed}; yours, {caller.name}, is of the role {caller.role}.", path)
    if has_shown_one:
        return problem(401, f"{needed}; the one that was shown is unknown, revoked or expired.", path, CHALLENGE)
    return problem(401, f"{needed}, shown as bearer token or as password.", path, CHALLENGE)


class _Watched:
    """Sends an answer that may be long in coming, or have no end, for as long as the token is good."""

    def __init__(self, access: Access, caller: Caller, send: Send) -> None:
        self._access = access
        self._caller = caller
        self._send = send
        self._has_begun = self._is_over = False

    async def answer(self, app: ASGIApp, scope: Scope, receive: Receive) -> None:
        """Let the application answer."""
        path = scope["path"]
        try:
            await app(scope, receive, self)
        except _Revoked:
            await problem(401, "The token was revoked meanwhile.", path, CHALLENGE)(scope, receive, self._send)

    async def __call__(self, message: Message) -> None:
        """Send a part of it."""
        if self._is_over:
            return  # as a server does when the connection is gone
        if await self._access.callers.is_good(self._caller):
            self._has_begun = True
            await self._send(message)
            return
        self._is_over = True
        if not self._has_begun:
            raise _Revoked
        # Whoever listens for the end of the connection hears of it now from the server, and stops.
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


class _Revoked(Exception):
    """The token was revoked before the answer began."""


class _Written:
    """Sends an answer on once the change is written down."""

    def __init__(self, trail: Trail, visit: Visit, scope: Scope, overheard: Overheard, send: Send) -> None:
        self._trail = trail
        self._visit = visit
        # What is mounted may change its scope on the way.
        self._scope = {name: scope.get(name) for name in ("client", "method", "path", "query_string")}
        self._overheard = overheard
        self._send = send

    async def __call__(self, message: Message) -> None:
        """Send a part of the answer; before the first one, write."""
        if message["type"] == "http.response.start":
            await self._trail.write(self._scope, self._visit.caller, message["status"], self._overheard.body)
        await self._send(message)


_FROM_ELSEWHERE = (
    "A page of another site asked for this, so it was refused: changes are only taken from pages of this server, and "
    "from programs."
)
_STRANGE_NAME = (
    "This server is not known as %r, so it does not answer: a page from elsewhere may be behind it. If the name is "
    "yours, add it to names in the table [server]."
)


def too_often(why: str, wait: int, path: str) -> Response:
    """The answer to somebody who must wait for so many seconds."""
    return problem(429, f"{why} Ask again in {wait} s.", path, {"Retry-After": str(wait)})


def address_of(scope: Scope) -> str:
    """Where a request comes from; empty for a socket in the file system."""
    client = scope.get("client")
    return client[0] if client else ""
