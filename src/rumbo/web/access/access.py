"""All that the gate stands on: the terms, the book with tokens and changes, and who has signed in."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from rumbo.web.access.callers import ANYBODY, NOBODY, Callers
from rumbo.web.access.limits import Rates
from rumbo.web.access.sessions import Sessions
from rumbo.web.access.trail import Trail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from rumbo.access import AccessBook, AuditEntry, Token
    from rumbo.clock import Clock
    from rumbo.web.access.callers import Caller

    T = TypeVar("T")

_DAY = 86_400.0
_BURST = 10.0
"""So many seconds' worth of requests may come at once."""
_FAILURES, _FAILURES_A_SECOND = 10.0, 0.2
"""So often an address may be sent away without being known, at once and later, before it is told to wait."""


class AccessTerms(NamedTuple):
    """What a server asks of those who ask it."""

    asks: bool = False
    """Tokens are asked for. If not, everybody may do everything."""
    names: frozenset[str] | None = frozenset()
    """While tokens are not asked for: names by which it may be called, besides the usual ones; in lower case. None: by
    any name."""
    rate: float = 100.0
    """Requests a second, on average, that are answered for one token, or one address without a token; 0: any number."""
    fresh: float = 2.0
    """Seconds for which tokens are believed to be as they were read, which is how long a revoked one may be good."""
    audit_days: float = 365.0
    """For so long changes are kept in the audit log."""


DEFAULT_TERMS = AccessTerms()


class Access:
    """Who may ask a server.

    Args:
        book: the server's own; used by one thread of ours at a time, and closed with this.
    """

    def __init__(self, book: AccessBook, clock: Clock, terms: AccessTerms = DEFAULT_TERMS) -> None:
        self.terms = terms
        self.clock = clock
        self.sessions = Sessions()
        self.rates = Rates(terms.rate, terms.rate * _BURST)
        self.failures = Rates(_FAILURES_A_SECOND, _FAILURES)
        self.trail = Trail(self.note, clock)
        self._book = book
        self._thread = ThreadPoolExecutor(1, "rumbo-access")
        self.callers = Callers(self.tokens, self.sessions, clock, terms.fresh)
        self._forgot_at = -_DAY

    async def caller(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Who asks."""
        shows = b"authorization" in headers or b"cookie" in headers
        found = await self.callers.by_headers(headers) if shows else None
        if found is not None:
            return found
        return NOBODY if self.terms.asks else ANYBODY

    async def note(self, entry: AuditEntry) -> None:
        """Write down a change; once a day, forget what is too old. Raises `StoreError`."""
        if entry.at - self._forgot_at >= _DAY:
            self._forgot_at = entry.at
            before = entry.at - self.terms.audit_days * _DAY
            await self._in_thread(lambda: self._book.forget(before))
        await self._in_thread(lambda: self._book.note(entry))

    async def entries(self, after: str | None, limit: int) -> list[AuditEntry]:
        """The audit log, the latest first. Raises `StoreError`."""
        return await self._in_thread(lambda: self._book.entries(after, limit))

    async def tokens(self) -> list[Token]:
        """All tokens, the oldest first. Raises `StoreError`."""
        return await self._in_thread(self._book.tokens)

    async def _in_thread(self, ask: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, ask)

    def close(self) -> None:
        """Let go of the book."""
        self._thread.shutdown()
        self._book.close()
