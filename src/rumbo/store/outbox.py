"""Alerts on their way, in the state database of a server: they outlive its death, and that of their receivers."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rumbo import codec
from rumbo.errors import StoreError
from rumbo.ports import Alert, Letter
from rumbo.store.connect import explained
from rumbo.store.state_file import FILE, open_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_COLUMNS = "sink, body, due, tries, error, given_up"


class StateOutbox:
    """`Outbox` in a state database, over a connection of its own. One that was lost is made anew.

    Args:
        place: where the state is, as `open_state` takes it. Raises what that raises.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._db = open_state(place)
        self._lock = threading.Lock()
        self._is_lost = False
        self._is_closed = False

    def bookmark(self, journal: str) -> int:
        """Number of the last entry of a journal whose letters were put; 0 if none was."""
        with self._reading():
            row = self._db.execute("SELECT number FROM letters_bookmarks WHERE journal = ?", (journal,)).fetchone()
        return int(row[0]) if row is not None else 0

    def put(self, letters: Sequence[Letter], journal: str = "", number: int = 0) -> None:
        """Keep letters, and with them up to which entry the journal was read. One that is kept already stays."""
        rows = [
            (letter.sink, letter.alert.id, letter.alert.at, letter.due, place, 0, "", 0, codec.encode(letter.alert))
            for place, letter in enumerate(letters)
        ]
        with self._writing():
            self._db.executemany(
                "INSERT INTO letters (sink, id, at, due, place, tries, error, given_up, body) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sink, id) DO NOTHING",
                rows,
            )
            if journal:
                self._db.execute(
                    "INSERT INTO letters_bookmarks (journal, number) VALUES (?, ?) "
                    "ON CONFLICT (journal) DO UPDATE SET number = excluded.number",
                    (journal, number),
                )

    def due(self, sink: str, now: float, most: int) -> list[Letter]:
        """Letters to a sink that are to be sent by now, the first ones first."""
        with self._reading():
            rows = self._db.execute(
                f"SELECT {_COLUMNS} FROM letters WHERE sink = ? AND given_up = 0 AND due <= ? "
                "ORDER BY due, at, place LIMIT ?",
                (sink, now, most),
            ).fetchall()
        return [_letter(*row) for row in rows]

    def next_due(self, sink: str) -> float | None:
        """When the next letter to a sink is to be sent; None if there is none."""
        with self._reading():
            row = self._db.execute("SELECT min(due) FROM letters WHERE sink = ? AND given_up = 0", (sink,)).fetchone()
        return None if row[0] is None else float(row[0])

    def delivered(self, letters: Sequence[Letter]) -> None:
        """Forget letters that have arrived."""
        with self._writing():
            self._db.executemany("DELETE FROM letters WHERE sink = ? AND id = ?", [letter.key for letter in letters])

    def keep(self, letters: Sequence[Letter]) -> None:
        """Note what letters say of themselves now: when they are due again, or that they are given up."""
        rows = [(letter.due, letter.tries, letter.error, int(letter.is_given_up), *letter.key) for letter in letters]
        with self._writing():
            self._db.executemany(
                "UPDATE letters SET due = ?, tries = ?, error = ?, given_up = ? WHERE sink = ? AND id = ?", rows
            )

    def undelivered(self) -> list[Letter]:
        """All letters, by when they are due; those that were given up last."""
        with self._reading():
            rows = self._db.execute(f"SELECT {_COLUMNS} FROM letters ORDER BY given_up, due, at, place").fetchall()
        return [_letter(*row) for row in rows]

    def counts(self) -> tuple[int, int]:
        """How many letters wait, and how many were given up."""
        with self._reading():
            found = dict(self._db.execute("SELECT given_up, count(*) FROM letters GROUP BY given_up").fetchall())
        return int(found.get(0, 0)), int(found.get(1, 0))

    def forget(self, before: float) -> int:
        """Forget what was given up and happened before a moment; gives how many letters."""
        with self._writing():
            return self._db.execute("DELETE FROM letters WHERE given_up = 1 AND at < ?", (before,)).rowcount

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            self._is_closed = True
            self._db.close()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Nobody else on this connection meanwhile; the journal can be written."""
        with self._lock:
            self._be_connected()
            try:
                yield
            except sqlite3.Error as error:
                self._is_lost = True
                raise explained(error, FILE) from error
            except StoreError:
                self._is_lost = True
                raise

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """The same, and all or nothing."""
        with self._reading():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.rollback()
                raise

    def _be_connected(self) -> None:
        if self._is_closed:
            raise StoreError("the outbox is closed")
        if self._is_lost:
            self._db.close()
            self._db = open_state(self._place)
            self._is_lost = False


def _letter(sink: str, body: bytes, due: float, tries: int, error: str, given_up: int) -> Letter:
    return Letter(sink, codec.decode(bytes(body), Alert, "alert"), due, tries, error, bool(given_up))
