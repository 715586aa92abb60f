"""Who has signed in with a browser: random ids in cookies, each standing for the token it was begun with.

They are kept in memory, so a restart of the server ends them all.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import NamedTuple

COOKIE = "rumbo_session"
LASTS = 12 * 3600.0
"""Seconds after which one must sign in again."""
_MOST = 10_000


class Session(NamedTuple):
    """One who has signed in."""

    token: str
    """Id of the token."""
    expires: float


class Sessions:
    """Those who have signed in. When there are too many, whoever signed in first is forgotten."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._by_digest: dict[bytes, Session] = {}

    def begin(self, token: str, now: float) -> str:
        """Begin a session with a token of this id; gives what goes into the cookie."""
        while len(self._by_digest) >= self._most:
            del self._by_digest[next(iter(self._by_digest))]
        id = secrets.token_urlsafe(32)
        self._by_digest[_digest(id)] = Session(token, now + LASTS)
        return id

    def token_of(self, id: str, now: float) -> str | None:
        """Id of the token that a session was begun with; None: there is no such session (any more)."""
        session = self._by_digest.get(_digest(id))
        if session is None or now >= session.expires:
            return None
        return session.token

    def end(self, id: str) -> None:
        """End a session, if there is one."""
        self._by_digest.pop(_digest(id), None)


def _digest(id: str) -> bytes:
    # What is looked up is a digest, so how long it takes tells nothing of the ids that there are.
    return hashlib.sha256(id.encode("utf-8", "surrogateescape")).digest()
