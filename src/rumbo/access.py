"""Who may do what at a server: roles, tokens, and the book in which tokens and changes are written down.

A token is shown by whoever asks, ``rumbo_<id>_<secret>``. The server keeps its id and a digest of the whole, so that
nobody who reads the database can show it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

_PREFIX = "rumbo"


class Role(StrEnum):
    """What somebody may do."""

    VIEWER = "viewer"
    """Look at everything."""
    OPERATOR = "operator"
    """Step in as well: pause, cancel, forgive, change amounts."""
    WORKER = "worker"
    """Describe tasks and run them; look at everything."""
    ADMIN = "admin"
    """All of it, and read who changed what."""


EVERYBODY = frozenset(Role)
"""Whoever shows any token."""
OPERATORS = frozenset((Role.OPERATOR, Role.ADMIN))
WORKERS = frozenset((Role.WORKER, Role.ADMIN))
ADMINS = frozenset((Role.ADMIN,))


class Token(NamedTuple):
    """What is kept of a token. Times in seconds since the epoch."""

    id: str
    name: str
    """Who has it, for people."""
    role: Role
    digest: str
    created: float
    expires: float | None = None
    revoked: float | None = None

    def is_good(self, now: float) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked is None and (self.expires is None or now < self.expires)

    def fits(self, shown: str) -> bool:
        """Whether this is the token that was shown."""
        return hmac.compare_digest(self.digest, _digest(shown))


def issue(role: Role, name: str, now: float, expires: float | None = None) -> tuple[Token, str]:
    """A new token: what is kept of it, and what is shown, which cannot be had again."""
    id = os.urandom(4).hex()
    shown = f"{_PREFIX}_{id}_{secrets.token_urlsafe(32)}"
    return Token(id, name or f"{role}-{id}", role, _digest(shown), now, expires), shown


def id_of(shown: str) -> str:
    """The id of a token that was shown; empty if it has not the form of one."""
    prefix, _, rest = shown.partition("_")
    id, _, secret = rest.partition("_")
    return id if prefix == _PREFIX and secret else ""


def _digest(shown: str) -> str:
    # Slow hashes are for passwords, which can be guessed. Nobody guesses 256 random bits, however fast one may try,
    # and this one is computed for every request.
    return hashlib.sha256(shown.encode("utf-8", "surrogateescape")).hexdigest()


class AuditEntry(NamedTuple):
    """A change that somebody made, or was refused."""

    id: str
    """Sorts by time."""
    at: float
    who: str
    """Name of the token; ``anybody`` where none is asked for, ``command line (user)`` for commands; empty: unknown."""
    role: str
    address: str
    method: str
    path: str
    outcome: int
    """Status of the answer, as in HTTP."""
    summary: str
    """The request in short, without secrets."""


def entry_id(at: float) -> str:
    """An id for an entry of this moment; ids sort by time."""
    return f"{int(at * 1_000_000):016d}-{os.urandom(4).hex()}"


class AccessBook(Protocol):
    """Where a server keeps tokens and the audit log. All methods raise `StoreError`; they may block for a moment."""

    def tokens(self) -> list[Token]:
        """All tokens, the oldest first; those that are revoked or expired too."""
        ...

    def add(self, token: Token) -> None:
        """Keep a token."""
        ...

    def revoke(self, ids: Sequence[str], at: float) -> None:
        """These tokens are good no more."""
        ...

    def note(self, entry: AuditEntry) -> None:
        """Write down a change. When this returns it is safe."""
        ...

    def entries(self, after: str | None, limit: int) -> list[AuditEntry]:
        """The latest entries first, from below the entry with the id ``after``."""
        ...

    def forget(self, before: float) -> None:
        """Drop the entries from before a moment."""
        ...

    def close(self) -> None:
        """Let go."""
        ...
