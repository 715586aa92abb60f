"""Who asks: by the token that is shown, or by the session that was begun with one."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64decode
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from rumbo.access import Role, id_of
from rumbo.errors import StoreError
from rumbo.web.access.sessions import COOKIE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from rumbo.access import Token
    from rumbo.clock import Clock
    from rumbo.web.access.sessions import Sessions

log = logging.getLogger("rumbo.server")

_PAUSE = 0.25
"""Seconds between two readings because of tokens that were not among those read: they may be new, or made up."""


class Caller(NamedTuple):
    """Somebody who asks."""

    name: str
    role: Role | None
    token: str = ""
    """Id of the token."""
    has_signed_in: bool = False
    """A browser shows a cookie, which it does whoever's page asks."""


NOBODY = Caller("", None)
"""Somebody who shows nothing where something is asked for."""
ANYBODY = Caller("anybody", Role.ADMIN)
"""Somebody of whom nothing is asked."""


class Callers:
    """All that may ask.

    Args:
        read: reads the tokens from the database.
        sessions: those who have signed in.
        fresh: seconds for which tokens are believed to be as they were read.
    """

    def __init__(
        self, read: Callable[[], Awaitable[list[Token]]], sessions: Sessions, clock: Clock, fresh: float
    ) -> None:
        self._read = read
        self._sessions = sessions
        self._clock = clock
        self._tokens: dict[str, Token] = {}
        self._fresh = fresh
        self._read_at = -fresh
        self._reading: asyncio.Task[None] | None = None

    async def by_headers(self, headers: Mapping[bytes, bytes]) -> Caller | None:
        """Who a request shows to be; None: it shows nothing, or nothing that is good."""
        shown = token_in(headers.get(b"authorization", b""))
        found = await self.by_token(shown) if shown else None
        if found is not None:
            return found
        # A proxy may have wanted a password of its own, and passed it on.
        session = session_in(headers.get(b"cookie", b""))
        return await self.by_session(session) if session else None

    async def by_token(self, shown: str) -> Caller | None:
        """Who shows a token; None if it is not good."""
        id = id_of(shown)
        token = await self._good(id) if id else None
        return Caller(token.name, token.role, id) if token is not None and token.fits(shown) else None

    async def by_session(self, session: str) -> Caller | None:
        """Who has signed in; None if nobody has, or the token is good no more."""
        id = self._sessions.token_of(session, self._clock.now())
        token = await self._good(id) if id else None
        return Caller(token.name, token.role, token.id, has_signed_in=True) if token is not None else None

    async def is_good(self, caller: Caller) -> bool:
        """Whether the token of somebody who asked is still good."""
        return await self._good(caller.token) is not None

    async def _good(self, id: str) -> Token | None:
        age = monotonic() - self._read_at
        if age > (self._fresh if id in self._tokens else _PAUSE):
            await asyncio.shield(self._read_again())
        elif age > self._fresh / 2:
            self._read_again()  # so that whoever asks all the time never waits for it
        token = self._tokens.get(id)
        return token if token is not None and token.is_good(self._clock.now()) else None

    def _read_again(self) -> asyncio.Task[None]:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._refresh())
        return self._reading

    async def _refresh(self) -> None:
        try:
            self._tokens = {token.id: token for token in await self._read()}
        except StoreError as error:
            # Those who work go on working: the server stands still if its database stays away.
            log.warning("tokens: %s; those that were read last stay in force", error)
        self._read_at = monotonic()


def token_in(authorization: bytes) -> str:
    """The token in an ``Authorization`` header: a bearer token, or the password of basic authentication."""
    kind, _, rest = authorization.decode("latin-1").partition(" ")
    if kind.lower() == "bearer":
        return rest.strip()
    if kind.lower() == "basic":
        try:
            return b64decode(rest.strip()).decode("utf-8", "replace").partition(":")[2]
        except ValueError:
            return ""
    return ""


def session_in(cookie: bytes) -> str:
    """The session in a ``Cookie`` header; empty if there is none."""
    for part in cookie.decode("latin-1").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""
