"""What is written down of changes that people make: who, from where, what, and what came of it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from rumbo.access import AuditEntry, entry_id
from rumbo.errors import StoreError
from rumbo.settings import is_secret

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Message, Receive, Scope

    from rumbo.clock import Clock
    from rumbo.web.access.callers import Caller

log = logging.getLogger("rumbo.server")

_KEPT = 4096
"""Bytes of a body that are looked at; of a longer one nothing is written down."""
_SHOWN = 300
_MASK = "********"


class Overheard:
    """Passes a body on, and keeps its beginning."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.body = b""

    async def __call__(self) -> Message:
        """The next part."""
        message = await self._receive()
        if len(self.body) <= _KEPT:
            self.body += message.get("body", b"")[: _KEPT + 1 - len(self.body)]
        return message


class Trail:
    """Writes changes down.

    Args:
        note: writes an entry, in another thread.
    """

    def __init__(self, note: Callable[[AuditEntry], Awaitable[None]], clock: Clock) -> None:
        self._note = note
        self._clock = clock

    async def write(self, scope: Scope, caller: Caller, outcome: int, body: bytes) -> None:
        """Write down that somebody changed something, or tried to. Trouble is logged: it has happened by now."""
        at = self._clock.now()
        address = scope["client"][0] if scope.get("client") else ""
        summary = summary_of(body, scope.get("query_string", b""))
        entry = AuditEntry(
            entry_id(at),
            at,
            caller.name,
            caller.role or "",
            address,
            scope["method"],
            scope["path"][:1000],
            outcome,
            summary,
        )
        try:
            await self._note(entry)
        except StoreError as error:
            log.error("the audit log cannot be written (%s): %s", error, entry)


def summary_of(body: bytes, query: bytes = b"") -> str:
    """A request in short: the JSON that it is, or that Luigi's field ``data`` is, with secrets masked."""
    if len(body) > _KEPT or len(query) > _KEPT:
        return "(long)"
    text = body.decode("utf-8", "replace")
    fields = parse_qs(text).get("data") or parse_qs(query.decode("latin-1")).get("data")
    try:
        said = json.loads(fields[-1] if fields else text)
    except (ValueError, RecursionError):
        return ""
    shown = json.dumps(_masked(said), ensure_ascii=False) if said else ""
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"


def _masked(said: Any) -> Any:
    if isinstance(said, dict):
        return {name: _MASK if is_secret(str(name)) else _masked(value) for name, value in said.items()}
    return [_masked(each) for each in said] if isinstance(said, list) else said
