"""Forgetting: old runs, their tasks, attempts and logs, in small steps that let others write in between.

Tallies of durations stay: they are small, and they are what is asked of old times. A run that is still going on is
never forgotten, whatever its age.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, NamedTuple

from rumbo.store import connect, keys, queries, statements
from rumbo.store.liveness import is_gone
from rumbo.store.logs import LOGS, log_folder, remove_logs

if TYPE_CHECKING:
    from collections.abc import Callable

    from rumbo.store.database import Database

_STARTED = 10
"""Place of a run's beginning in its row."""
_STEP = 5_000
"""Rows that are deleted in one transaction: some ten milliseconds."""


class Pruned(NamedTuple):
    """What was forgotten."""

    runs: int
    attempts: int
    tasks: int
    """Tasks that no run has any more."""
    log_folders: int
    log_bytes: int = 0


class OldRun(NamedTuple):
    """A run that a policy would forget."""

    id: str
    started: float
    log_bytes: int


class Sizes(NamedTuple):
    """The bytes that the memory of a folder takes on the disk."""

    database: int
    logs: int


def sizes(folder: str) -> Sizes:
    """What the memory in ``folder`` takes."""
    database = sum(_size(os.path.join(folder, connect.DATABASE + ending)) for ending in ("", "-wal", "-shm"))
    return Sizes(database, _size_of_tree(os.path.join(folder, LOGS)))


def old_runs(
    folder: str, now: float, keep_runs: int | None = None, keep_days: float | None = None, patience: float = 5.0
) -> list[OldRun]:
    """The runs that `prune` would forget, the oldest first. Nothing is changed.

    Raises:
        StoreError, ValueError: as `prune`.
    """
    _check(keep_runs, keep_days)
    db = connect.open_for_reading(folder, patience)
    try:
        return [_old_run(folder, row) for row in _over(db, now, keep_runs, keep_days)]
    finally:
        db.close()


def _old_run(folder: str, row: queries.Row) -> OldRun:
    _, id, *_ = row
    return OldRun(id, row[_STARTED], _size_of_tree(log_folder(folder, id)))


def _over(db: Database, now: float, keep_runs: int | None, keep_days: float | None) -> list[queries.Row]:
    """The runs that are over and beyond what is to be kept."""
    before = None if keep_days is None else now - keep_days * 86_400
    host = socket.gethostname()
    return [row for row in queries.old_runs(db, before, keep_runs) if not _is_going_on(row, host)]


def _check(keep_runs: int | None, keep_days: float | None) -> None:
    if (keep_runs or 0) < 0 or (keep_days or 0) < 0:
        raise ValueError(f"Nothing can be kept for less than no time (keep_runs={keep_runs}, keep_days={keep_days}).")


def prune(
    place: str,
    now: float,
    keep_runs: int | None = None,
    keep_days: float | None = None,
    patience: float = 5.0,
    logs: str = "",
) -> Pruned:
    """Forget runs beyond the latest ``keep_runs``, and those that began ``keep_days`` ago or earlier.

    The space is used again by later runs; the file does not shrink. Folders of logs without a run (the run was killed
    before its first fact was written) go when they are older than a day.

    Args:
        place: the folder of the history, or the URL of its database.
        logs: the folder with the logs; that of the history, if it is empty.

    Raises:
        StoreError: the database cannot be opened, read or written.
        ValueError: ``keep_runs`` or ``keep_days`` is negative.
    """
    _check(keep_runs, keep_days)
    db = connect.open_for_writing(place, patience)
    folder = logs or place
    try:
        runs = attempts = log_folders = log_bytes = 0
        for row in _over(db, now, keep_runs, keep_days):
            number, id, *_ = row
            attempts += _forget_run(db, number)
            log_bytes += _size_of_tree(log_folder(folder, id))
            log_folders += remove_logs(folder, id)
            runs += 1
        tasks = _forget_unused_tasks(db) if runs else 0
        log_folders += _remove_stray_logs(db, folder, now - 86_400)
        return Pruned(runs, attempts, tasks, log_folders, log_bytes)
    finally:
        db.close()


def _is_going_on(row: queries.Row, this_host: str) -> bool:
    _, _, _, _, host, _, pid, process, _, _, _, _, status, *_ = row
    return status == "running" and not is_gone(pid, process, host, this_host)


def _size(path: str) -> int:
    try:
        return os.stat(path, follow_symlinks=False).st_size
    except OSError:
        return 0


def _size_of_tree(path: str) -> int:
    return sum(_size(os.path.join(parent, name)) for parent, _, names in os.walk(path) for name in names)


def _forget_run(db: Database, number: int) -> int:
    attempts = _in_steps(db, lambda: statements.delete_attempts(db, *keys.attempt_keys(number), _STEP))
    _in_steps(db, lambda: statements.delete_run_tasks(db, *keys.task_keys(number), _STEP))
    with statements.transaction(db):
        statements.delete_run(db, number)
    return attempts


def _in_steps(db: Database, delete: Callable[[], int]) -> int:
    total = 0
    while True:
        with statements.transaction(db):
            gone = delete()
        total += gone
        if not gone:
            return total


def _forget_unused_tasks(db: Database) -> int:
    total = after = 0
    while True:
        with statements.transaction(db):
            gone, after = statements.delete_unused_tasks(db, after, _STEP)
        total += gone
        if not after:
            return total


def _remove_stray_logs(db: Database, folder: str, before: float) -> int:
    removed = 0
    try:
        entries = list(os.scandir(os.path.join(folder, LOGS)))
    except FileNotFoundError:
        return 0
    for entry in entries:
        known = any(row[1] == entry.name for row in queries.runs_by_prefix(db, entry.name, 10))
        if not known and entry.is_dir(follow_symlinks=False) and entry.stat().st_mtime < before:
            removed += remove_logs(folder, entry.name)
    return removed
