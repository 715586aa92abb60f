"""All SQL that writes the history: one function a statement, values always as parameters.

Many rows go into the database by one execution of one statement, never by one execution a row. SQLite's driver lets
go of the interpreter's lock for each execution and must then wait up to 5 ms to have it back from a busy main thread:
row by row, a thread writes 200 rows a second beside a run that computes.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rumbo.ports import RunEnded, RunInfo
    from rumbo.store.database import Cursor, Database

Value = str | int | float | None

_CHUNKS = (512, 64, 8, 1)
"""Rows that go into one execution. A few sizes only, so that their statements are compiled once and kept."""

MANY = 16
"""From this many rows on it pays to say once what they have in common."""


def readable(text: str) -> str:
    """The text, with what UTF-8 cannot hold (halves of surrogate pairs, from odd file names) spelled out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


# -- rows in bulk -------------------------------------------------------------------------------------------------


@cache
def _insertion(table: str, shared: tuple[str, ...], own: tuple[str, ...], rows: int, conflict: str) -> str:
    columns = ", ".join(shared + own)
    values = ", ".join([f"({', '.join('?' * len(own))})"] * rows)
    if not shared:
        return f"INSERT INTO {table} ({columns}) VALUES {values} {conflict}"
    # WHERE true: without it SQLite would read ON CONFLICT as the condition of a join.
    return (
        f"INSERT INTO {table} ({columns}) "
        f"SELECT s.*, v.* FROM (VALUES ({', '.join('?' * len(shared))})) AS s, (VALUES {values}) AS v "
        f"WHERE true {conflict}"
    )


def _insert(
    db: Database,
    table: str,
    shared: dict[str, Value],
    own: tuple[str, ...],
    values: Sequence[Value],
    conflict: str = "",
) -> None:
    """Insert rows whose ``own`` columns lie one after the other in ``values``; the ``shared`` ones are alike in all."""
    if not isinstance(db, sqlite3.Connection):
        _insert_on_server(db, table, shared, own, values, conflict)
        return
    names, common, width = tuple(shared), list(shared.values()), len(own)
    start, left = 0, len(values) // width
    for rows in _CHUNKS:
        while left >= rows:
            sql = _insertion(table, names, own, rows, conflict)
            end = start + rows * width
            _execute(db, sql, [*common, *values[start:end]])
            start, left = end, left - rows


def _insert_on_server(
    db: Database, table: str, shared: dict[str, Value], own: tuple[str, ...], values: Sequence[Value], conflict: str
) -> None:
    said = {name: value for name, value in shared.items() if value is not None}
    columns, common, width = (*said, *own), tuple(said.values()), len(own)
    rows = ((*common, *values[start : start + width]) for start in range(0, len(values), width))
    if conflict:
        marks = ", ".join("?" * len(columns))
        db.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) {conflict}", rows)
        return
    from rumbo.store.postgres import Postgres

    assert isinstance(db, Postgres)
    db.copy(table, columns, rows)


def _execute(db: Database, sql: str, values: Sequence[Value]) -> Cursor:
    try:
        return db.execute(sql, values)
    except UnicodeEncodeError:
        return db.execute(sql, [readable(value) if isinstance(value, str) else value for value in values])


# -- transactions -------------------------------------------------------------------------------------------------


@contextmanager
def transaction(db: Database) -> Iterator[None]:
    """A transaction that writes: kept at the end of the block, undone when the block raises.

    It waits for other writers at its beginning, and not halfway.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.rollback()
        raise


# -- runs ---------------------------------------------------------------------------------------------------------


def insert_run(db: Database, run: RunInfo, process: str) -> int:
    """Enter a run that begins. Gives its number."""
    row = (
        *(run.id, json.dumps(run.roots), run.command, run.host, run.user, run.pid, process, run.folder),
        *(run.workers, run.started, "running", "", "{}"),
    )
    sql = (
        'INSERT INTO runs (id, roots, command, host, "user", pid, process, folder, workers, started, status, summary, '
        "counts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number"
    )
    return int(_execute(db, sql, row).fetchone()[0])


def end_run(db: Database, number: int, ended: RunEnded) -> None:
    """Note how a run ended."""
    row = (ended.ended, ended.status, ended.summary, json.dumps(dict(ended.counts)), number)
    _execute(db, "UPDATE runs SET ended = ?, status = ?, summary = ?, counts = ? WHERE number = ?", row)


def reopen_run(db: Database, number: int) -> None:
    """A run that was over goes on."""
    _execute(
        db, "UPDATE runs SET ended = NULL, status = 'running', summary = '', counts = '{}' WHERE number = ?", [number]
    )


# -- families and tasks -------------------------------------------------------------------------------------------


def family_number(db: Database, name: str, module: str) -> int:
    """The number of a family, which is entered if it is new."""
    _execute(db, "INSERT INTO families (name, module) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, module))
    found = _execute(db, "SELECT number FROM families WHERE name = ? AND module = ?", (name, module))
    return int(found.fetchone()[0])


def worker_number(db: Database, name: str) -> int:
    """The number of a worker, which is entered if it is new."""
    _execute(db, "INSERT INTO workers (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
    return int(_execute(db, "SELECT number FROM workers WHERE name = ?", (name,)).fetchone()[0])


def last_task_number(db: Database) -> int:
    """The highest number that a task has; 0 if there is none."""
    return int(db.execute("SELECT coalesce(max(number), 0) FROM tasks").fetchone()[0])


def known_tasks(db: Database, ids: Sequence[str]) -> tuple[list[int], list[int]]:
    """Which of these tasks are known: their places in ``ids`` and, in the same order, their numbers."""
    row = db.execute(
        "SELECT json_group_array(asked.key), json_group_array(tasks.number) "
        "FROM json_each(?) AS asked JOIN tasks ON tasks.id = asked.value",
        (json.dumps(ids, ensure_ascii=False),),
    ).fetchone()
    return json.loads(row[0]), json.loads(row[1])


def insert_tasks(db: Database, family: int, values: Sequence[Value]) -> None:
    """Enter new tasks of one family: number, id, params; number, id, params; ..."""
    _insert(db, "tasks", {"family": family}, ("number", "id", "params"), values)


def refresh_params(db: Database, params: Sequence[tuple[int, str]]) -> None:
    """Give known tasks the parameters they have now, where an insignificant one has changed: number, params."""
    sql = (
        "UPDATE tasks SET params = new.params FROM (SELECT CAST(json_extract(value, '$[0]') AS BIGINT) AS number, "
        "json_extract(value, '$[1]') AS params FROM json_each(?)) AS new "
        "WHERE tasks.number = new.number AND tasks.params <> new.params"
    )
    _execute(db, sql, (json.dumps(params, ensure_ascii=False),))


# -- tasks of a run -----------------------------------------------------------------------------------------------


def insert_run_tasks_from(db: Database, shared: dict[str, Value], first: int, last: int, ahead: int) -> None:
    """Enter tasks of a run that are alike and need nothing, for all tasks from number ``first`` to ``last``.

    The key of each is its task's number and ``ahead``. No value has to cross into SQLite, so this takes half the time.
    """
    shared = {name: value for name, value in shared.items() if value is not None}
    columns, marks = ", ".join(shared), ", ".join("?" * len(shared))
    sql = (
        f"INSERT INTO run_tasks (key, task, dependencies, {columns}) "
        f"SELECT number + ?, number, '', {marks} FROM tasks WHERE number BETWEEN ? AND ?"
    )
    _execute(db, sql, (ahead, *shared.values(), first, last))


def insert_like_run_tasks(db: Database, shared: dict[str, Value], values: Sequence[Value]) -> None:
    """Enter tasks of a run that are alike but for key, task, dependencies; key, task, dependencies; ..."""
    _insert(db, "run_tasks", shared, ("key", "task", "dependencies"), values)


def insert_run_tasks(db: Database, values: Sequence[Value]) -> None:
    """Enter tasks of a run: key, task, dependencies, verdict, reason, state, error, priority, dynamic; ..."""
    own = ("key", "task", "dependencies", "verdict", "reason", "state", "error", "priority", "dynamic")
    _insert(db, "run_tasks", {}, own, values)


def plan_again(db: Database, row: tuple[str, str, str, str | None, int]) -> None:
    """Bring a task that was planned before up to date: dependencies, verdict, reason, error, key."""
    _execute(db, "UPDATE run_tasks SET dependencies = ?, verdict = ?, reason = ?, error = ? WHERE key = ?", row)


def set_state(db: Database, state: int, keys: list[int]) -> None:
    """Note that these tasks of a run are in a state now. Sorts ``keys``."""
    keys.sort()
    ragged: list[int] = []
    for first, last in ranges(keys):
        if last - first < MANY:
            ragged += range(first, last + 1)
        else:
            db.execute("UPDATE run_tasks SET state = ? WHERE key BETWEEN ? AND ?", (state, first, last))
    if ragged:
        sql = "UPDATE run_tasks SET state = ? WHERE key IN (SELECT CAST(value AS BIGINT) FROM json_each(?))"
        db.execute(sql, (state, json.dumps(ragged)))


def ranges(numbers: list[int]) -> list[tuple[int, int]]:
    """First and last of each unbroken range in sorted numbers."""
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        return [(numbers[0], numbers[-1])]
    starts = [0, *(i for i in range(1, len(numbers)) if numbers[i] != numbers[i - 1] + 1)]
    ends = [*(start - 1 for start in starts[1:]), len(numbers) - 1]
    return [(numbers[start], numbers[end]) for start, end in zip(starts, ends, strict=True)]


def set_outputs(db: Database, outputs: Sequence[tuple[int, str]]) -> None:
    """Note what tasks of a run have that nothing here makes: key, outputs."""
    sql = (
        "UPDATE run_tasks SET outputs = new.outputs FROM (SELECT CAST(json_extract(value, '$[0]') AS BIGINT) AS key, "
        "json_extract(value, '$[1]') AS outputs FROM json_each(?)) AS new WHERE run_tasks.key = new.key"
    )
    _execute(db, sql, (json.dumps(outputs, ensure_ascii=False),))


def set_due(db: Database, key: int, due: float | None) -> None:
    """Note when a task of a run will be tried or enabled again."""
    db.execute("UPDATE run_tasks SET due = ? WHERE key = ?", (due, key))


# -- attempts -----------------------------------------------------------------------------------------------------


def insert_plain_attempts(db: Database, worker: int, values: Sequence[Value], with_outputs: bool) -> None:
    """Enter a worker's attempts that went well and left no word: key, started, seconds, outputs if any has; ..."""
    own = ("key", "started", "seconds", "outputs") if with_outputs else ("key", "started", "seconds")
    _insert(db, "attempts", {"worker": worker, "outcome": 0}, own, values)


def put_attempts(db: Database, values: Sequence[Value]) -> None:
    """Enter attempts, or bring them up to date: all columns in the order of the table."""
    about = ("message", "log", "status", "progress", "tracking_url", "outputs")
    own = ("key", "worker", "outcome", "started", "seconds", *about)
    conflict = (
        "ON CONFLICT (key) DO UPDATE SET worker = excluded.worker, outcome = excluded.outcome, "
        "started = excluded.started, seconds = excluded.seconds, message = excluded.message, "
        "log = coalesce(excluded.log, attempts.log), status = excluded.status, progress = excluded.progress, "
        "tracking_url = excluded.tracking_url, outputs = excluded.outputs"
    )
    _insert(db, "attempts", {}, own, values, conflict)


def set_logs(db: Database, logs: Sequence[tuple[int, str]]) -> None:
    """Note the files of what attempts printed: key of the attempt, path."""
    sql = (
        "UPDATE attempts SET log = new.path FROM (SELECT CAST(json_extract(value, '$[0]') AS BIGINT) AS key, "
        "json_extract(value, '$[1]') AS path FROM json_each(?)) AS new WHERE attempts.key = new.key"
    )
    _execute(db, sql, (json.dumps(logs, ensure_ascii=False),))


def add_durations(db: Database, values: Sequence[Value]) -> None:
    """Add to the tallies: family, hour, outcome, octave, attempts, seconds, slowest; ..."""
    own = ("family", "hour", "outcome", "octave", "attempts", "seconds", "slowest")
    conflict = (
        "ON CONFLICT (family, hour, outcome, octave) DO UPDATE SET attempts = durations.attempts + excluded.attempts, "
        "seconds = durations.seconds + excluded.seconds, "
        "slowest = CASE WHEN excluded.slowest > durations.slowest THEN excluded.slowest ELSE durations.slowest END"
    )
    _insert(db, "durations", {}, own, values, conflict)


# -- bookmarks ----------------------------------------------------------------------------------------------------


def bookmark(db: Database, journal: str) -> int:
    """Number of the last entry of a journal that has become history; 0 if none has."""
    row = db.execute("SELECT number FROM bookmarks WHERE journal = ?", (journal,)).fetchone()
    return int(row[0]) if row is not None else 0


def set_bookmark(db: Database, journal: str, number: int) -> None:
    """Note up to which entry a journal has become history."""
    sql = (
        "INSERT INTO bookmarks (journal, number) VALUES (?, ?) "
        "ON CONFLICT (journal) DO UPDATE SET number = excluded.number"
    )
    db.execute(sql, (journal, number))


# -- what is remembered of a run that goes on ------------------------------------------------------------------------


def run_number(db: Database, id: str) -> int | None:
    """The number of a run; None if it is not known."""
    row = db.execute("SELECT number FROM runs WHERE id = ?", (id,)).fetchone()
    return int(row[0]) if row is not None else None


def tasks_of_run(db: Database, first: int, last: int) -> list[tuple[int, str, int, int, str]]:
    """Key, task's id, state, family's number and name of all tasks of a run, in order."""
    sql = (
        "SELECT run_tasks.key, tasks.id, run_tasks.state, families.number, families.name FROM run_tasks "
        "JOIN tasks ON tasks.number = run_tasks.task JOIN families ON families.number = tasks.family "
        "WHERE run_tasks.key BETWEEN ? AND ? ORDER BY run_tasks.key"
    )
    return db.execute(sql, (first, last)).fetchall()


def attempts_of_run(
    db: Database, first: int, last: int
) -> list[tuple[int, str, int | None, float, str | None, str | None, float | None, str | None]]:
    """Key, worker, outcome, started, log, status, progress and tracking URL of all attempts of a run, in order."""
    sql = (
        "SELECT attempts.key, workers.name, outcome, started, log, status, progress, tracking_url FROM attempts "
        "JOIN workers ON workers.number = attempts.worker WHERE attempts.key BETWEEN ? AND ? ORDER BY attempts.key"
    )
    return db.execute(sql, (first, last)).fetchall()


# -- forgetting ---------------------------------------------------------------------------------------------------


def delete_attempts(db: Database, first: int, last: int, limit: int) -> int:
    """Forget up to ``limit`` attempts with keys in this range. Gives how many."""
    return _delete(db, "attempts", first, last, limit)


def delete_run_tasks(db: Database, first: int, last: int, limit: int) -> int:
    """Forget up to ``limit`` tasks of a run with keys in this range. Gives how many."""
    return _delete(db, "run_tasks", first, last, limit)


def _delete(db: Database, table: str, first: int, last: int, limit: int) -> int:
    # The end of the batch is found first, because not every SQLite can delete with a limit.
    sql = f"SELECT max(key) FROM (SELECT key FROM {table} WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?) AS batch"
    end = db.execute(sql, (first, last, limit)).fetchone()[0]
    if end is None:
        return 0
    return db.execute(f"DELETE FROM {table} WHERE key BETWEEN ? AND ?", (first, end)).rowcount


def delete_run(db: Database, number: int) -> None:
    """Forget a run, whose tasks and attempts must be gone already."""
    db.execute("DELETE FROM runs WHERE number = ?", (number,))


def delete_unused_tasks(db: Database, after: int, limit: int) -> tuple[int, int]:
    """Look at ``limit`` tasks with numbers above ``after`` and forget those that no run has.

    Gives how many, and the number to go on after; 0 at the end.
    """
    sql = "SELECT max(number), count(*) FROM (SELECT number FROM tasks WHERE number > ? ORDER BY number LIMIT ?) AS x"
    end, seen = db.execute(sql, (after, limit)).fetchone()
    if end is None:
        return 0, 0
    gone = db.execute(
        "DELETE FROM tasks WHERE number > ? AND number <= ? "
        "AND NOT EXISTS (SELECT 1 FROM run_tasks WHERE task = tasks.number)",
        (after, end),
    ).rowcount
    return gone, end if seen == limit else 0
