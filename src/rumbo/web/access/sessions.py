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
_MOST, _MOST_OF_ONE = 10_000, 100


class Session(NamedTuple):
    """One who has signed in."""

    token: str
    """Id of the token."""
    expires: float


class Sessions:
    """Those who have signed in. When there are too many, with one token or at all, whoever was first is forgotten."""

    def __init__(self, most: int = _MOST, most_of_one: int = _MOST_OF_ONE) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._by_digest: dict[bytes, Session] = {}
        """In the order in which they began, which is that in which they expire."""

    def begin(self, token: str, now: float) -> str:
        """Begin a session with a token of this id; gives what goes into the cookie. Linear in all sessions."""
        open_ones = {digest: each for digest, each in self._by_digest.items() if now < each.expires}
        same = [digest for digest, each in open_ones.items() if each.token == token]
        for digest in same[: max(len(same) - self._most_of_one + 1, 0)]:
            del open_ones[digest]
        while len(open_ones) >= self._most:
            del open_ones[next(iter(open_ones))]
        id = secrets.token_urlsafe(32)
        open_ones[_digest(id)] = Session(token, now + LASTS)
        self._by_digest = open_ones
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
