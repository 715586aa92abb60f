"""The journal of a server: every request that changed something, in order, and now and then a snapshot of it all."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

from rumbo.ports import Entry
from rumbo.store.connect import explained
from rumbo.store.database import DatabaseTrouble
from rumbo.store.state_file import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rumbo.errors import StoreError
    from rumbo.store.database import Database

_PART = 4 << 20
"""Bytes of a snapshot that go into one row."""


class DatabaseJournal:
    """`Journal` in a state database. Each method may be called from any thread, from one at a time."""

    def __init__(self, db: Database, name: str = FILE, lock: int | None = None) -> None:
        self._db = db
        self._name = name
        self._lock = lock
        """Descriptor of the file that keeps other servers away."""

    @property
    def id(self) -> str:
        """What tells this journal from all others."""
        return str(self._db.execute("SELECT id FROM identity").fetchone()[0])

    def snapshot(self) -> tuple[int, bytes] | None:
        """The latest snapshot, with the number of the entry after which it was taken; None if there is none."""
        rows = self._db.execute(
            "SELECT number, body FROM snapshots WHERE number = (SELECT max(number) FROM snapshots) ORDER BY part"
        ).fetchall()
        return (rows[0][0], b"".join(body for _, body in rows)) if rows else None

    def entries(self, after: int) -> Iterator[Entry]:
        """The entries with higher numbers than ``after``, in order."""
        for row in self._db.execute(
            "SELECT number, at, kind, body, lease FROM journal WHERE number > ? ORDER BY number", (after,)
        ):
            yield Entry(*row)

    def append(self, entries: Sequence[Entry]) -> None:
        """Write entries in one transaction. When this returns they are on the disk.

        Raises:
            StoreError: they could not be written; none of them was.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT INTO journal (number, at, kind, body, lease) VALUES (?, ?, ?, ?, ?)", entries)
            self._db.execute("COMMIT")
        except (sqlite3.Error, DatabaseTrouble) as error:
            self._undo()
            raise _told(error, self._name) from error

    def save(self, number: int, body: bytes) -> None:
        """Keep a snapshot taken after the entry with this number, and forget what it makes superfluous.

        Raises:
            StoreError: it could not be written; all is as it was.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM snapshots")
            parts = [
                (number, part, body[start : start + _PART]) for part, start in enumerate(range(0, len(body), _PART))
            ]
            self._db.executemany("INSERT INTO snapshots (number, part, body) VALUES (?, ?, ?)", parts)
            self._db.execute("DELETE FROM journal WHERE number <= ?", (number,))
            self._db.execute("COMMIT")
        except (sqlite3.Error, DatabaseTrouble) as error:
            self._undo()
            raise _told(error, self._name) from error

    def _undo(self) -> None:
        if self._db.in_transaction:
            self._db.rollback()

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _told(error: sqlite3.Error | DatabaseTrouble, name: str) -> StoreError:
    return error if isinstance(error, DatabaseTrouble) else explained(error, name)
