"""Tokens and the audit log in a server's state database."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from rumbo.access import AuditEntry, Role, Token
from rumbo.errors import StoreError
from rumbo.store.connect import explained
from rumbo.store.state_file import FILE, open_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.store.database import Cursor

_TOKENS = "SELECT id, name, role, digest, created, expires, revoked FROM tokens ORDER BY created, id"
_ADD = "INSERT INTO tokens (id, name, role, digest, created, expires, revoked) VALUES (?, ?, ?, ?, ?, ?, ?)"
_REVOKE = "UPDATE tokens SET revoked = ? WHERE id = ? AND revoked IS NULL"
_NOTE = (
    "INSERT INTO audit (id, at, who, role, address, method, path, outcome, summary) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ENTRIES = "SELECT id, at, who, role, address, method, path, outcome, summary FROM audit"
_LATEST = f"{_ENTRIES} ORDER BY id DESC LIMIT ?"
_BEFORE = f"{_ENTRIES} WHERE id < ? ORDER BY id DESC LIMIT ?"
_FORGET = "DELETE FROM audit WHERE at < ?"


class StateAccessBook:
    """`AccessBook` over a connection of its own, which one thread uses at a time. One that was lost is made anew."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._open()

    def _open(self) -> None:
        self._db = open_state(self._place)
        self._is_lost = False

    def tokens(self) -> list[Token]:
        """All tokens, the oldest first; those that are revoked or expired too."""
        return [Token(id, name, Role(role), *rest) for id, name, role, *rest in self._ask(_TOKENS)]

    def add(self, token: Token) -> None:
        """Keep a token."""
        self._do(_ADD, (*token[:2], str(token.role), *token[3:]))

    def revoke(self, ids: Sequence[str], at: float) -> None:
        """These tokens are good no more."""
        for id in ids:
            self._do(_REVOKE, (at, id))

    def note(self, entry: AuditEntry) -> None:
        """Write down a change. When this returns it is safe."""
        self._do(_NOTE, entry)

    def entries(self, after: str | None, limit: int) -> list[AuditEntry]:
        """The latest entries first, from below the entry with the id ``after``."""
        rows = self._ask(_LATEST, (limit,)) if after is None else self._ask(_BEFORE, (after, limit))
        return [AuditEntry(*row) for row in rows]

    def forget(self, before: float) -> None:
        """Drop the entries from before a moment."""
        self._do(_FORGET, (before,))

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()

    def _ask(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        rows: list[Any] = self._do(statement, values).fetchall()
        return rows

    def _do(self, statement: str, values: Sequence[object]) -> Cursor:
        if self._is_lost:
            self._db.close()
            self._open()
        try:
            return self._db.execute(statement, values)
        except sqlite3.Error as error:
            self._is_lost = True
            raise explained(error, FILE) from error
        except StoreError:
            self._is_lost = True
            raise
