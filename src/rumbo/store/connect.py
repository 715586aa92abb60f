"""Opening the database of a folder: for one who writes (made or brought up to date if need be), for many who read."""

from __future__ import annotations

import os
import sqlite3
import time

from rumbo.errors import StoreBusy, StoreError
from rumbo.store import versions
from rumbo.store.database import Database, DatabaseTrouble, is_url
from rumbo.store.place import make_folder

FOLDER = ".rumbo"
"""Name of the folder of memory, in the folder where a pipeline is run."""

DATABASE = "rumbo.db"

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_PASSING = _BUSY | {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class NoHistory(StoreError):
    """There is no database where one was looked for: nothing has been run there yet."""


def open_for_writing(place: str, patience: float = 5.0) -> Database:
    """Open the history at a place: a folder (the `.rumbo` itself) or the URL of a PostgreSQL database.

    What is missing is made.

    The connection is in autocommit mode, may be handed to another thread, and waits up to ``patience`` seconds for
    other writers.

    Raises:
        StoreBusy: another process held the database for all of that time.
        StoreTooNew: a newer Rumbo wrote it.
        StoreError: it cannot be made, opened or understood. `is_passing` of the cause tells whether to try again.
    """
    if is_url(place):
        return _open_on_server(place, patience)
    path = os.path.join(place, DATABASE)
    try:
        make_folder(place)
        db = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise explained(error, path) from error
    try:
        _prepare(db, path, patience)
    except sqlite3.Error as error:
        db.close()
        raise explained(error, path) from error
    except BaseException:
        db.close()
        raise
    return db


def open_for_reading(place: str, patience: float = 5.0) -> Database:
    """Open the history at a place so that nothing can be changed through the connection.

    Raises:
        NoHistory: there is none.
        StoreTooNew: a newer Rumbo wrote it.
        StoreError: it cannot be read or understood.
    """
    if is_url(place):
        return _open_on_server(place, patience, is_reader=True)
    path = os.path.join(place, DATABASE)
    if not os.path.exists(path):
        raise NoHistory(f"There is no history in {os.path.dirname(place) or '.'}: nothing has been run there yet.")
    try:
        db = _connect_to_read(path, patience)
    except sqlite3.Error as error:
        raise explained(error, path) from error
    try:
        version = versions.version_of(db)
        if not version:
            raise NoHistory(f"The history in {path} is empty: nothing has been run there yet.")
        versions.check_version(version, path)
        if version != versions.REVISIONS[-1]:
            db.close()
            open_for_writing(place, patience).close()
            db = _connect_to_read(path, patience)
    except sqlite3.Error as error:
        db.close()
        raise explained(error, path) from error
    except StoreError as error:
        db.close()
        raise (error if path in str(error) else _not_ours(error, path)) from error
    return db


def is_passing(error: BaseException | None) -> bool:
    """Whether the trouble may be gone when tried again: a lock, a full disk, a server that is away."""
    if isinstance(error, DatabaseTrouble):
        return error.is_passing
    if isinstance(error, sqlite3.Error):
        return _code(error) in _PASSING
    return isinstance(error, OSError) and error.strerror is not None and "space" in error.strerror.lower()


def explained(error: Exception, path: str) -> StoreError:
    """The same trouble in words: which file, what happened, what to do."""
    if isinstance(error, OSError):
        what = error.strerror or str(error)
        return StoreError(f"the folder {os.path.dirname(path)} cannot be written ({what})")
    code = _code(error)
    if code in _BUSY:
        return StoreBusy(f"another program keeps {path} locked")
    if code == sqlite3.SQLITE_FULL:
        return StoreError(f"the disk that holds {path} is full")
    if code in _DAMAGED:
        return StoreError(
            f"{path} is damaged or is not a database ({error}). Move it away, with its -wal and -shm files, "
            "and the next run begins a new history"
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StoreError(f"{path} cannot be {'opened' if code == sqlite3.SQLITE_CANTOPEN else 'written'} ({error})")
    return StoreError(f"{path} cannot be used ({error})")


def _code(error: BaseException) -> int:
    """SQLite's primary result code; 1 (a general error) when Python itself raised."""
    return int(getattr(error, "sqlite_errorcode", 1)) & 0xFF


def _not_ours(error: StoreError, path: str) -> StoreError:
    return StoreError(f"{path} is not a history of Rumbo: {error}. Move it away to begin a new one")


def name_of(place: str) -> str:
    """A place as messages name it."""
    if is_url(place):
        from rumbo.store.postgres import name_of as name_of_url

        return name_of_url(place)
    return os.path.join(place, DATABASE)


def _open_on_server(url: str, patience: float, is_reader: bool = False) -> Database:
    from rumbo.store.postgres import HISTORY, Postgres

    db = Postgres(url, HISTORY, patience)
    try:
        version = versions.version_on_server(db)
        if version:
            versions.check_version(version, db.name, "name another database with --state")
        elif is_reader:
            raise NoHistory(f"The history in {db.name} is empty: nothing has been run for it yet.")
        if version != versions.REVISIONS[-1]:
            versions.migrate_on_server(url)
        if is_reader:
            db.execute("SET default_transaction_read_only TO on")
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: str, patience: float) -> None:
    db.execute("PRAGMA page_size = 8192")  # for a new file only; fewer, larger pages are written faster
    _use_wal(db, patience)
    # In WAL mode this survives the death of every process; only a power cut may lose the last moments.
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA wal_autocheckpoint = 4000")
    try:
        version = versions.version_of(db) or _create(db)
    except StoreError as error:
        raise _not_ours(error, path) from error
    versions.check_version(version, path)
    if version != versions.REVISIONS[-1]:
        _migrate(path)


def _use_wal(db: sqlite3.Connection, patience: float) -> None:
    """Switch to write-ahead logging. SQLite does not wait for others here, so we do."""
    end = time.monotonic() + patience
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if _code(error) not in _BUSY or time.monotonic() >= end:
                raise
            time.sleep(0.02)


def _create(db: sqlite3.Connection) -> str:
    """Make the tables, unless another process did so while we waited for our turn."""
    db.execute("BEGIN IMMEDIATE")
    try:
        version = versions.version_of(db)
        if not version:
            versions.create(db)
            version = versions.REVISIONS[-1]
        db.execute("COMMIT")
    except BaseException:
        db.rollback()
        raise
    return version


def _migrate(path: str) -> None:
    try:
        versions.migrate(path)
    except Exception as error:  # whatever a migration raises, the history can only be left alone
        raise StoreError(
            f"{path} could not be brought up to date ({error}). It was left as it was; "
            "move it away to begin a new history"
        ) from error


def _connect_to_read(path: str, patience: float) -> sqlite3.Connection:
    from urllib.parse import quote

    uri = f"file:{quote(os.path.abspath(path))}?mode=ro"
    db = sqlite3.connect(uri, uri=True, timeout=patience, isolation_level=None, check_same_thread=False)
    try:
        db.execute("SELECT 1 FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError:
        db.close()
        if os.path.exists(path + "-wal"):
            raise
        # A reader of a WAL database makes its -shm file. In a folder where it cannot, and where no writer is at
        # work (or there would be a -wal file), the file does not change and can be read as it is.
        db = sqlite3.connect(
            f"{uri}&immutable=1", uri=True, timeout=patience, isolation_level=None, check_same_thread=False
        )
    db.execute("PRAGMA mmap_size = 1073741824")
    return db
