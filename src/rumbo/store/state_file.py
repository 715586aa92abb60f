"""Opening the database in which a server keeps what it must not forget: `state.db`, beside the history.

It is another file than the history's, because its transactions are small, many and waited for, and the history's are
large and can wait.
"""

from __future__ import annotations

import os
import sqlite3

from rumbo.errors import StoreBusy, StoreError, StoreTooNew
from rumbo.store.connect import explained
from rumbo.store.place import make_folder

FILE = "state.db"
_STEPS = os.path.join(os.path.dirname(__file__), "state")


def steps() -> list[tuple[int, str]]:
    """All steps: number and path, in order."""
    names = sorted(name for name in os.listdir(_STEPS) if name.endswith(".sql"))
    return [(int(name.partition("_")[0]), os.path.join(_STEPS, name)) for name in names]


def open_state(folder: str, patience: float = 5.0) -> sqlite3.Connection:
    """Open the state database in ``folder`` (the `.rumbo` itself), made or brought up to date if need be.

    The connection is in autocommit mode and may be handed to another thread. A transaction that is committed has
    reached the disk.

    Raises:
        StoreBusy: another process holds it.
        StoreTooNew: a newer Rumbo wrote it.
        StoreError: it cannot be made, opened or understood.
    """
    path = os.path.join(folder, FILE)
    try:
        make_folder(folder)
        db = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise explained(error, path) from error
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        _bring_up_to_date(db, path)
    except sqlite3.Error as error:
        db.close()
        raise explained(error, path) from error
    except BaseException:
        db.close()
        raise
    return db


def _bring_up_to_date(db: sqlite3.Connection, path: str) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute("CREATE TABLE IF NOT EXISTS steps (number INTEGER PRIMARY KEY)")
        done = {number for (number,) in db.execute("SELECT number FROM steps")}
        known = steps()
        newer = done - {number for number, _ in known}
        if newer:
            raise StoreTooNew(
                f"The state in {path} was written by a newer Rumbo: it has step {max(newer)}, and this Rumbo knows "
                f"{known[-1][0]} and older. Upgrade Rumbo here, or name another folder with --state."
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
            db.execute("ROLLBACK")
        raise


def _apply(db: sqlite3.Connection, script: str) -> None:
    with open(script, encoding="utf-8") as file:
        for statement in file.read().split(";\n"):
            if statement.strip():
                db.execute(statement)


def lock_for_server(folder: str) -> int:
    """Keep other servers from this folder while this process lives; gives the descriptor that holds the lock.

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
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(descriptor, 64).decode("utf-8", "replace").strip()
        os.close(descriptor)
        raise StoreBusy(
            f"Another server (process {holder or 'unknown'}) works on {folder}: stop it first, or name another folder "
            "with --state."
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor
