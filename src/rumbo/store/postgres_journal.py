"""A journal in PostgreSQL, kept by one server at a time; another may stand by and take its place.

Who keeps the journal holds an advisory lock, which the database lets go of when that server's connection ends. A server
that lost its connection may only go on if nobody has taken its place meanwhile.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from rumbo.errors import StoreBusy, StoreError, StoreTakenOver
from rumbo.store.journal import DatabaseJournal
from rumbo.store.postgres import STATE, Postgres, name_of
from rumbo.store.state_file import LOOK_EVERY, bring_up_to_date

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rumbo.ports import Entry

_LOCK = "1920298850, 1"
"""The two numbers of the lock: the letters ``rumb``, and what it is for."""


class PostgresJournal(DatabaseJournal):
    """`Journal` in a database on a server.

    Args:
        stand_by: called before each new look at whether the journal is free; None: do not wait for it.

    Raises:
        StoreBusy: another server keeps it.
        StoreTooNew: a newer Rumbo wrote it.
        StoreError: the database cannot be reached, or not be used.
    """

    def __init__(self, url: str, stand_by: Callable[[float], object] | None = None) -> None:
        self._url = url
        self._keeper = f"{os.uname().nodename} {os.getpid()} {os.urandom(4).hex()}"
        server = self._server = Postgres(url, STATE)
        try:
            bring_up_to_date(server, server.name)
            while not _take_lock(server):
                if stand_by is None:
                    raise StoreBusy(
                        f"Another server ({_keeper(server)}) works on {server.name}: stop it first, let this one wait "
                        "for its place with --standby, or name another database with --state."
                    )
                stand_by(LOOK_EVERY)
            server.execute(
                "INSERT INTO keepers (number, name) SELECT coalesce(max(number), 0) + 1, ? FROM keepers",
                (self._keeper,),
            )
        except BaseException:
            server.close()
            raise
        super().__init__(server, server.name)

    def append(self, entries: Sequence[Entry]) -> None:
        """Write entries in one transaction, over a new connection if the last one was lost.

        Raises:
            StoreTakenOver: another server keeps the journal now.
            StoreError: they could not be written; none of them was, unless the connection was lost at the last moment.
        """
        if self._server.is_broken:
            self._connect_again()
        super().append(entries)

    def close(self) -> None:
        """Let go of the journal, so that another server can have it at once, and of the database."""
        if not self._server.is_broken:
            # A database may take a moment to notice that a connection is closed, and would hold the lock for so long.
            with suppress(StoreError):
                self._server.execute(f"SELECT pg_advisory_unlock({_LOCK})")
        super().close()

    def _connect_again(self) -> None:
        lost = self._server.process
        server = Postgres(self._url, STATE)
        try:
            if not _take_lock(server):
                if _holder(server) != lost:
                    raise self._taken_over(server)
                # Our own connection of before: the database has not noticed yet that it is gone.
                server.execute("SELECT pg_terminate_backend(?)", (lost,))
                _wait_for_lock(server)
            if _keeper(server) != self._keeper:
                raise self._taken_over(server)
        except BaseException:
            server.close()
            raise
        self._server = self._db = server

    def _taken_over(self, server: Postgres) -> StoreTakenOver:
        return StoreTakenOver(
            f"Another server ({_keeper(server)}) has taken this one's place at {name_of(self._url)} while it was cut "
            "off from the database."
        )


def _take_lock(server: Postgres) -> bool:
    (is_ours,) = server.execute(f"SELECT pg_try_advisory_lock({_LOCK})").fetchone() or (False,)
    return bool(is_ours)


def _wait_for_lock(server: Postgres) -> None:
    end = time.monotonic() + 5.0
    while not _take_lock(server):
        if time.monotonic() > end:
            raise StoreBusy(f"the journal in {server.name} is held by a connection that does not end")
        time.sleep(0.05)


def _holder(server: Postgres) -> int:
    """The database's process that holds the lock; 0 if none does."""
    classid, objid = _LOCK.split(", ")
    row = server.execute(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = ? AND objid = ? "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        (int(classid), int(objid)),
    ).fetchone()
    return int(row[0]) if row is not None else 0


def _keeper(server: Postgres) -> str:
    row = server.execute("SELECT name FROM keepers ORDER BY number DESC LIMIT 1").fetchone()
    return str(row[0]) if row is not None else "nobody"
