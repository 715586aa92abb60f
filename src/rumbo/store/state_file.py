"""Opening the database in which a server keeps what it must not forget: `state.db`, beside the history, or PostgreSQL.

It is another file than the history's, because its transactions are small, many and waited for, and the history's are
large and can wait.
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

from rumbo.errors import StoreBusy, StoreError, StoreTooNew
from rumbo.store.connect import explained
from rumbo.store.database import Database, is_url
from rumbo.store.place import make_folder

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = "state.db"
LOOK_EVERY = 0.5
"""Seconds between two looks of a server that stands by."""
_STEPS = os.path.join(os.path.dirname(__file__), "state")


def steps() -> list[tuple[int, str]]:
    """All steps: number and path, in order."""
    names = sorted(name for name in os.listdir(_STEPS) if name.endswith(".sql"))
    return [(int(name.partition("_")[0]), os.path.join(_STEPS, name)) for name in names]


def open_state(place: str, patience: float = 5.0) -> Database:
    """Open the state at a place (a folder, the `.rumbo` itself, or a PostgreSQL database's URL), made or brought up to
    date if need be.

    The connection is in autocommit mode and may be handed to another thread. A transaction that is committed has
    reached the disk.

    Raises:
        StoreBusy: another process holds it.
        StoreTooNew: a newer Rumbo wrote it.
        StoreError: it cannot be made, opened or understood.
    """
    if is_url(place):
        return _open_on_server(place, patience)
    path = os.path.join(place, FILE)
    try:
        make_folder(place)
        # It has parameters that are shown to nobody, so it is for nobody else to read. SQLite's other files follow it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        db = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise explained(error, path) from error
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        bring_up_to_date(db, path)
    except sqlite3.Error as error:
        db.close()
        raise explained(error, path) from error
    except BaseException:
        db.close()
        raise
    return db


def _open_on_server(url: str, patience: float) -> Database:
    from rumbo.store.postgres import STATE, Postgres

    db = Postgres(url, STATE, patience)
    try:
        bring_up_to_date(db, db.name)
    except BaseException:
        db.close()
        raise
    return db


def bring_up_to_date(db: Database, name: str) -> None:
    """Carry out the steps that a state database has not had yet.

    Raises:
        StoreTooNew: a newer Rumbo wrote it.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute("CREATE TABLE IF NOT EXISTS steps (number INTEGER PRIMARY KEY)")
        done = {number for (number,) in db.execute("SELECT number FROM steps")}
        known = steps()
        newer = done - {number for number, _ in known}
        if newer:
            raise StoreTooNew(
                f"The state in {name} was written by a newer Rumbo: it has step {max(newer)}, and this Rumbo knows "
                f"{known[-1][0]} and older. Upgrade Rumbo here, or name another place with --state."
            )
        for number, script in known:
            if number not in done:
                _apply(db, script)
                db.execute("INSERT INTO steps VALUES (?)", (number,))
        if not done:
            db.execute("INSERT INTO identity VALUES (?)", (os.urandom(8).hex(),))
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.rollback()
        raise


def _apply(db: Database, script: str) -> None:
    with open(script, encoding="utf-8") as file:
        for statement in file.read().split(";\n"):
            if statement.strip():
                db.execute(statement)


def lock_for_server(folder: str, stand_by: Callable[[float], object] | None = None) -> int:
    """Keep other servers from this folder while this process lives; gives the descriptor that holds the lock.

    Args:
        stand_by: called before each new look at whether another server still works on it; None: do not wait for it.

    Raises:
        StoreBusy: another server works on it; its pid is named.
    """
    import fcntl

    path = os.path.join(folder, "server.lock")
    try:
        make_folder(folder)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(f"The folder {folder} cannot be written ({error.strerror}).") from error
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            if stand_by is not None:
                stand_by(LOOK_EVERY)
                continue
            holder = os.read(descriptor, 64).decode("utf-8", "replace").strip()
            os.close(descriptor)
            raise StoreBusy(
                f"Another server (process {holder or 'unknown'}) works on {folder}: stop it first, let this one wait "
                "for its place with --standby, or name another folder with --state."
            ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor
