"""All SQL that reads the history: one function a question, values always as parameters.

Pages go by keys, and by an offset only where people choose the order. Rows come out as SQLite gives them; `reader`
makes records of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rumbo.store import keys
from rumbo.store.ledger import params_json
from rumbo.store.statements import readable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rumbo.store.database import Database

Row = tuple[Any, ...]


class Filter(NamedTuple):
    """What tasks are narrowed down by."""

    family: str | None = None
    params: Mapping[str, str] = {}
    """Values that parameters must have."""
    text: str | None = None
    """Something in the id or in the parameters; small and capital letters are alike."""
    worker: str | None = None
    """Who made an attempt at it in that run."""


EVERYTHING = Filter()

_RUN = (
    'number, id, roots, command, host, "user", pid, process, folder, workers, started, ended, status, summary, counts'
)


# -- runs ---------------------------------------------------------------------------------------------------------


_WHO = "\"user\" || '@' || host"
_RUN_ORDERS = {
    "new": "number",
    "what": "roots",
    "status": "status",
    "took": "coalesce(ended, 1e12) - started",  # what is under way takes longest, as far as anybody knows
    "by": _WHO,
}


def runs(
    db: Database,
    before: int | None,
    statuses: Sequence[str],
    limit: int,
    text: str | None = None,
    sort: str = "-new",
    skip: int = 0,
) -> list[Row]:
    """Runs in an order of `history.RUN_SORTS`; those that began before run number ``before``, and of these statuses
    (none: of all); without the first ``skip`` of them.

    With a text, those that have it in their id, roots or command, or in who ran them and where.
    """
    where = ["true"]
    values: list[Any] = []
    if before is not None:
        where.append("number < ?")
        values.append(before)
    if statuses:
        where.append(f"status IN ({_marks(statuses)})")
        values += statuses
    if text:
        columns = ("id", "roots", "command", _WHO)
        where.append("(" + " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in columns) + ")")
        values += [_within(text)] * len(columns)
    way = "DESC" if sort[0] == "-" else "ASC"
    order = f"{_RUN_ORDERS[sort.lstrip('-')]} {way}, number {way}"
    sql = f"SELECT {_RUN} FROM runs WHERE {' AND '.join(where)} ORDER BY {order} LIMIT ? OFFSET ?"
    return db.execute(sql, (*values, limit, skip)).fetchall()


def runs_by_prefix(db: Database, prefix: str, limit: int) -> list[Row]:
    """Runs whose ids begin like this, the latest first."""
    sql = f"SELECT {_RUN} FROM runs WHERE id >= ? AND id < ? ORDER BY number DESC LIMIT ?"
    return db.execute(sql, (prefix, prefix + "\U0010ffff", limit)).fetchall()


def runs_by_number(db: Database, numbers: Sequence[int]) -> list[Row]:
    """These runs, in no order."""
    return db.execute(f"SELECT {_RUN} FROM runs WHERE number IN ({_marks(numbers)})", tuple(numbers)).fetchall()


def old_runs(db: Database, before: float | None, beyond: int | None) -> list[Row]:
    """Runs that began before a moment, or that are not among the latest ``beyond``; the oldest first."""
    where, values = ["false"], []
    if before is not None:
        where.append("started < ?")
        values.append(before)
    if beyond is not None:
        where.append("number <= (SELECT number FROM runs ORDER BY number DESC LIMIT 1 OFFSET ?)")
        values.append(beyond)
    return db.execute(f"SELECT {_RUN} FROM runs WHERE {' OR '.join(where)} ORDER BY number", values).fetchall()


# -- tasks of runs ------------------------------------------------------------------------------------------------

_RUN_TASK = (
    "SELECT rt.key, t.id, f.name, f.module, t.params, rt.state, rt.verdict, rt.reason, rt.dependencies, rt.error, "
    "rt.priority, rt.dynamic, rt.due, a.key, a.outcome, a.started, a.seconds, a.status, a.progress, a.tracking_url "
    "FROM run_tasks AS rt {index} JOIN tasks AS t ON t.number = rt.task JOIN families AS f ON f.number = t.family "
    "LEFT JOIN attempts AS a ON a.key = (SELECT max(key) FROM attempts WHERE key BETWEEN rt.key << "
    f"{keys.NUMBER_BITS} AND (rt.key << {keys.NUMBER_BITS}) + {keys.LAST_NUMBER}) "
)


def run_tasks(
    db: Database,
    first: int,
    last: int,
    states: Sequence[int],
    which: Filter,
    limit: int,
) -> list[Row]:
    """Tasks of a run, in the order of its plan, with keys from ``first`` to ``last``."""
    where, values = _of_run(first, last, states, which)
    sql = f"{_RUN_TASK.format(index='NOT INDEXED')} WHERE {' AND '.join(where)} ORDER BY rt.key LIMIT ?"
    return db.execute(sql, (*values, limit)).fetchall()


_SORTED_BY = {
    "plan": "rt.key",
    "family": "f.name",
    "state": "rt.state",
    "progress": "a.progress",
    "reason": "rt.reason",
    "priority": "rt.priority",
    "attempts": f"a.key & {keys.LAST_NUMBER}",
    "started": "a.started",
    "seconds": "a.seconds",
}


def run_tasks_sorted(
    db: Database,
    first: int,
    last: int,
    states: Sequence[int],
    which: Filter,
    column: str,
    is_descending: bool,
    skip: int,
    limit: int,
) -> list[Row]:
    """Tasks of a run in another order than that of its plan. Looks at all of them, so it is the slower way."""
    where, values = _of_run(first, last, states, which)
    order = f"{_SORTED_BY[column]} {'DESC' if is_descending else 'ASC'} NULLS LAST, rt.key"
    sql = f"{_RUN_TASK.format(index='NOT INDEXED')} WHERE {' AND '.join(where)} ORDER BY {order} LIMIT ? OFFSET ?"
    return db.execute(sql, (*values, limit, skip)).fetchall()


def _of_run(first: int, last: int, states: Sequence[int], which: Filter) -> tuple[list[str], list[Any]]:
    where = ["rt.key BETWEEN ? AND ?"]
    if states:
        where.append(f"rt.state IN ({_marks(states)})")
    return _narrowed(where, [first, last, *states], which)


def run_tasks_by_key(db: Database, wanted: Sequence[int]) -> list[Row]:
    """These tasks of runs, by their keys, in the order of keys."""
    sql = f"{_RUN_TASK.format(index='')} WHERE rt.key IN ({_marks(wanted)}) ORDER BY rt.key"
    return db.execute(sql, tuple(wanted)).fetchall()


def story(db: Database, task: int, before: int, limit: int) -> list[Row]:
    """What became of a task in the runs it was part of, the latest first; keys below ``before``."""
    sql = f"{_RUN_TASK.format(index='INDEXED BY run_tasks_story')} WHERE rt.task = ? AND rt.key < ? "
    return db.execute(sql + "ORDER BY rt.key DESC LIMIT ?", (task, before, limit)).fetchall()


def position(db: Database, first: int, last: int, task_id: str) -> int | None:
    """The key that a task has in a run, if it is part of it."""
    sql = "SELECT key FROM run_tasks WHERE task = (SELECT number FROM tasks WHERE id = ?) AND key BETWEEN ? AND ?"
    row = db.execute(sql, (task_id, first, last)).fetchone()
    return None if row is None else int(row[0])


def counts(db: Database, first: int, last: int) -> list[Row]:
    """How many tasks of a run are in each state."""
    sql = "SELECT state, count(*) FROM run_tasks NOT INDEXED WHERE key BETWEEN ? AND ? GROUP BY state"
    return db.execute(sql, (first, last)).fetchall()


def counts_by_family(db: Database, first: int, last: int) -> list[Row]:
    """Family, state and how many tasks of a run they have, in the order of families."""
    sql = (
        "SELECT f.name, c.state, CAST(sum(c.many) AS BIGINT) FROM "
        "(SELECT t.family, rt.state, count(*) AS many FROM run_tasks AS rt "
        "NOT INDEXED JOIN tasks AS t ON t.number = rt.task WHERE rt.key BETWEEN ? AND ? GROUP BY t.family, rt.state) "
        "AS c JOIN families AS f ON f.number = c.family GROUP BY f.name, c.state ORDER BY f.name, c.state"
    )
    return db.execute(sql, (first, last)).fetchall()


def edges(db: Database, first: int, last: int) -> list[Row]:
    """Key and dependencies of the tasks of a run that need anything."""
    sql = "SELECT key, dependencies FROM run_tasks NOT INDEXED WHERE key BETWEEN ? AND ? AND dependencies <> ''"
    return db.execute(sql, (first, last)).fetchall()


def states(db: Database, first: int, last: int) -> list[int]:
    """The states of all tasks of a run, in the order of its plan."""
    sql = "SELECT state FROM run_tasks NOT INDEXED WHERE key BETWEEN ? AND ? ORDER BY key"
    return [state for (state,) in db.execute(sql, (first, last))]


def outline(db: Database, first: int, last: int, limit: int) -> list[Row]:
    """Key, id, family, state, verdict and dependencies of the first tasks of a run."""
    sql = (
        "SELECT rt.key, t.id, f.name, rt.state, rt.verdict, rt.dependencies FROM run_tasks AS rt NOT INDEXED "
        "JOIN tasks AS t ON t.number = rt.task JOIN families AS f ON f.number = t.family "
        "WHERE rt.key BETWEEN ? AND ? ORDER BY rt.key LIMIT ?"
    )
    return db.execute(sql, (first, last, limit)).fetchall()


# -- tasks --------------------------------------------------------------------------------------------------------

_LATEST = "rt.key = (SELECT max(key) FROM run_tasks WHERE task = t.number)"
_TASK = (
    "SELECT t.number, t.id, f.name, f.module, t.params, rt.key, rt.state, "
    "(SELECT min(key) FROM run_tasks WHERE task = t.number), (SELECT count(*) FROM run_tasks WHERE task = t.number), "
    "w.name, a.started, a.seconds FROM {source} JOIN families AS f ON f.number = t.family "
    f"LEFT JOIN attempts AS a ON a.key = (SELECT max(key) FROM attempts WHERE key BETWEEN rt.key << {keys.NUMBER_BITS} "
    f"AND (rt.key << {keys.NUMBER_BITS}) + {keys.LAST_NUMBER}) LEFT JOIN workers AS w ON w.number = a.worker"
)


class InStates(NamedTuple):
    """Which states tasks may be in. Of a run that crashed, what was under way is lost."""

    settled: Sequence[int]
    """States that do not depend on whether the run goes on."""
    under_way: Sequence[int]
    """States that only a run which goes on has."""
    lost: Sequence[int]
    """The same states, of runs that crashed."""
    crashed: Sequence[int]
    """Numbers of the runs that crashed."""
    oldest: int
    """Number of the oldest run that has not ended: older ones have nothing under way, and nothing lost."""


_OF_LAST_ATTEMPT = (
    "(SELECT {what} FROM attempts AS a WHERE a.key BETWEEN "
    f"rt.key << {keys.NUMBER_BITS} AND (rt.key << {keys.NUMBER_BITS}) + {keys.LAST_NUMBER} ORDER BY a.key DESC LIMIT 1)"
)
_TASKS_BY = {
    "new": "t.number",
    "task": "t.id",
    "parameters": "t.params",
    "state": "rt.state",
    "worker": _OF_LAST_ATTEMPT.format(what="(SELECT name FROM workers WHERE number = a.worker)"),
    "started": _OF_LAST_ATTEMPT.format(what="a.started"),
    "seconds": _OF_LAST_ATTEMPT.format(what="a.seconds"),
    "runs": "latest.runs",
}


def task_keys(
    db: Database,
    before: int | None,
    which: Filter,
    states: InStates | None,
    column: str,
    is_descending: bool,
    skip: int,
    limit: int,
) -> list[int]:
    """The latest keys, as tasks of runs, of tasks over all runs, in an order; numbers of tasks below ``before``."""
    source, where = _tasks_from(states, column)
    values: list[Any] = []
    if before is not None:
        where.append("t.number < ?")
        values.append(before)
    if states is not None:
        condition, more = _in_states(states)
        where.append(condition)
        values += more
    where, values = _narrowed(where, values, which)
    direction = "DESC" if is_descending else "ASC"
    order = f"{_TASKS_BY[column]} {direction}" + ("" if column == "new" else " NULLS LAST, t.number DESC")
    sql = f"SELECT rt.key FROM {source} WHERE {' AND '.join(where)} ORDER BY {order} LIMIT ? OFFSET ?"
    return [key for (key,) in db.execute(sql, (*values, limit, skip))]


def _tasks_from(states: InStates | None, column: str) -> tuple[str, list[str]]:
    """Where to look for tasks with what became of them at last, and on which conditions; so that it takes least."""
    by_run = "CROSS JOIN tasks AS t ON t.number = rt.task"
    if states is not None and column != "runs":
        if _is_trouble(states):
            return f"run_tasks AS rt INDEXED BY run_tasks_trouble {by_run}", ["rt.state > 4", _LATEST]
        if not states.settled:
            return f"run_tasks AS rt NOT INDEXED {by_run}", [f"rt.key >= {keys.task_key(states.oldest, 0)}", _LATEST]
    if column in ("new", "task"):
        return "tasks AS t CROSS JOIN run_tasks AS rt", [_LATEST]
    # All of them have to be looked at. So the index goes first, from end to end: that is the quickest way.
    latest = "SELECT max(key) AS key, count(*) AS runs FROM run_tasks INDEXED BY run_tasks_story GROUP BY task"
    return f"({latest}) AS latest CROSS JOIN run_tasks AS rt ON rt.key = latest.key {by_run}", ["true"]


def _is_trouble(states: InStates) -> bool:
    return bool(states.settled) and min(states.settled) > 4 and not states.under_way and not states.lost


def _in_states(states: InStates) -> tuple[str, list[int]]:
    crashed = f"rt.key >> {keys.POSITION_BITS} IN ({_marks(states.crashed)})"
    choices, values = [f"rt.state IN ({_marks(states.settled)})"], [*states.settled]
    if states.under_way:
        goes_on = f"NOT {crashed}" if states.crashed else "true"  # what is not in (NULL) is not known to be so
        choices.append(f"(rt.state IN ({_marks(states.under_way)}) AND {goes_on})")
        values += [*states.under_way, *states.crashed]
    if states.lost:
        choices.append(f"(rt.state IN ({_marks(states.lost)}) AND {crashed})")
        values += [*states.lost, *states.crashed]
    return f"({' OR '.join(choices)})", values


def tasks_by_latest(db: Database, wanted: Sequence[int]) -> list[Row]:
    """Tasks over all runs with what became of them at last, by their latest keys as tasks of runs; in no order."""
    source = "run_tasks AS rt JOIN tasks AS t ON t.number = rt.task"
    sql = f"{_TASK.format(source=source)} WHERE rt.key IN ({_marks(wanted)})"
    return db.execute(sql, tuple(wanted)).fetchall()


def tasks_by_prefix(db: Database, prefix: str, limit: int) -> list[Row]:
    """Tasks whose ids begin like this, in the order of ids."""
    source = "tasks AS t CROSS JOIN run_tasks AS rt"
    sql = f"{_TASK.format(source=source)} WHERE {_LATEST} AND t.id >= ? AND t.id < ? ORDER BY t.id LIMIT ?"
    return db.execute(sql, (prefix, prefix + "\U0010ffff", limit)).fetchall()


def newest_params(db: Database, family: str) -> str | None:
    """The parameters of the newest task of a family."""
    sql = (
        "SELECT params FROM tasks WHERE family IN (SELECT number FROM families WHERE name = ?) "
        "ORDER BY number DESC LIMIT 1"
    )
    row = db.execute(sql, (family,)).fetchone()
    return None if row is None else str(row[0])


def family_names(db: Database) -> list[str]:
    """All families there are, in order."""
    return [name for (name,) in db.execute("SELECT DISTINCT name FROM families ORDER BY name")]


def latest_states(db: Database, held: Sequence[int]) -> list[Row]:
    """Family, state, run and how many tasks; the run (else 0) only for states in which it may have crashed."""
    sql = (
        f"SELECT f.name, rt.state, CASE WHEN rt.state IN ({_marks(held)}) THEN rt.key >> {keys.POSITION_BITS} ELSE 0 "
        "END, count(*) FROM (SELECT max(key) AS key FROM run_tasks INDEXED BY run_tasks_story GROUP BY task) AS latest "
        "JOIN run_tasks AS rt ON rt.key = latest.key JOIN tasks AS t ON t.number = rt.task "
        "JOIN families AS f ON f.number = t.family GROUP BY 1, 2, 3"
    )
    return db.execute(sql, tuple(held)).fetchall()


def newest_of_family(db: Database, family: str, limit: int) -> list[Row]:
    """Latest run, id, parameters and latest state of the newest tasks of a family."""
    sql = (
        f"SELECT rt.key >> {keys.POSITION_BITS}, t.id, t.params, rt.state FROM tasks AS t CROSS JOIN run_tasks AS rt "
        f"WHERE t.family IN (SELECT number FROM families WHERE name = ?) AND {_LATEST} ORDER BY t.number DESC LIMIT ?"
    )
    return db.execute(sql, (family, limit)).fetchall()


def _narrowed(where: list[str], values: list[Any], which: Filter) -> tuple[list[str], list[Any]]:
    where, values = list(where), list(values)
    if which.family is not None:
        where.append("t.family IN (SELECT number FROM families WHERE name = ?)")
        values.append(which.family)
    for name, value in which.params.items():
        # Parameters are written without spaces, and a quote within a value is escaped: this text is in the JSON if and
        # only if the parameter has this value.
        where.append("instr(t.params, ?) > 0")
        values.append(readable(params_json({name: value})[1:-1]))
    if which.text:
        where.append("(t.id LIKE ? ESCAPE '\\' OR t.params LIKE ? ESCAPE '\\')")
        values += [_within(which.text)] * 2
    if which.worker:
        where.append(
            f"rt.key IN (SELECT key >> {keys.NUMBER_BITS} FROM attempts "
            "WHERE worker IN (SELECT number FROM workers WHERE name = ?))"
        )
        values.append(which.worker)
    return where, values


# -- what tasks made ----------------------------------------------------------------------------------------------


def last_outputs(db: Database, task_id: str) -> Row | None:
    """Of the last time that a task told of its outputs: the run's id, host and beginning, the attempt's key, worker
    and end, the outputs that it made, and those that were there when the run was planned."""
    sql = (
        "SELECT r.id, r.host, r.started, a.key, w.name, a.started + a.seconds, a.outputs, rt.outputs "
        "FROM run_tasks AS rt INDEXED BY run_tasks_story "
        "LEFT JOIN attempts AS a ON a.key = (SELECT max(key) FROM attempts WHERE key BETWEEN rt.key << "
        f"{keys.NUMBER_BITS} AND (rt.key << {keys.NUMBER_BITS}) + {keys.LAST_NUMBER} AND outputs IS NOT NULL) "
        f"LEFT JOIN workers AS w ON w.number = a.worker JOIN runs AS r ON r.number = rt.key >> {keys.POSITION_BITS} "
        "WHERE rt.task = (SELECT number FROM tasks WHERE id = ?) AND (a.key IS NOT NULL OR rt.outputs IS NOT NULL) "
        "ORDER BY rt.key DESC LIMIT 1"
    )
    row: Row | None = db.execute(sql, (task_id,)).fetchone()
    return row


def last_dependencies(db: Database, task: int) -> Row | None:
    """Key and dependencies of a task in the last run that asked it what it needs."""
    sql = (
        "SELECT key, dependencies FROM run_tasks INDEXED BY run_tasks_story "
        "WHERE task = ? AND dependencies <> '' ORDER BY key DESC LIMIT 1"
    )
    row: Row | None = db.execute(sql, (task,)).fetchone()
    return row


# -- attempts -----------------------------------------------------------------------------------------------------

_ATTEMPT = (
    "SELECT a.key, t.id, f.name, w.name, a.outcome, a.started, a.seconds, a.message, a.log, a.status, a.progress, "
    "a.tracking_url FROM attempts AS a {index} "
    f"CROSS JOIN run_tasks AS rt ON rt.key = a.key >> {keys.NUMBER_BITS} "
    "JOIN tasks AS t ON t.number = rt.task JOIN families AS f ON f.number = t.family "
    "JOIN workers AS w ON w.number = a.worker "
)


def attempts(db: Database, first: int, last: int, limit: int) -> list[Row]:
    """Attempts with keys from ``first`` to ``last``, in their order."""
    sql = f"{_ATTEMPT.format(index='')} WHERE a.key BETWEEN ? AND ? ORDER BY a.key LIMIT ?"
    return db.execute(sql, (first, last, limit)).fetchall()


def running(db: Database, first: int, last: int, limit: int) -> list[Row]:
    """Attempts of a run that have not ended, the oldest key first."""
    sql = f"{_ATTEMPT.format(index='')} WHERE a.key BETWEEN ? AND ? AND a.outcome IS NULL ORDER BY a.key LIMIT ?"
    return db.execute(sql, (first, last, limit)).fetchall()


def failures(db: Database, before: tuple[float, int] | None, family: str | None, limit: int) -> list[Row]:
    """Attempts that did not end well, the latest first; older than (started, key) ``before``."""
    where = ["a.outcome > 0"]
    values: list[Any] = []
    if before is not None:
        where.append("a.started <= ? AND (a.started, a.key) < (?, ?)")
        values += [before[0], *before]
    if family is not None:
        where.append("t.family IN (SELECT number FROM families WHERE name = ?)")
        values.append(family)
    sql = f"{_ATTEMPT.format(index='INDEXED BY attempts_trouble')} WHERE {' AND '.join(where)} "
    return db.execute(sql + "ORDER BY a.started DESC, a.key DESC LIMIT ?", (*values, limit)).fetchall()


def slowest(db: Database, since: float, family: str | None, limit: int) -> list[Row]:
    """The slowest attempts since a moment, among those of a second or more."""
    where = ["a.seconds >= 1", "a.started >= ?"]
    values: list[Any] = [since]
    if family is not None:
        where.append("t.family IN (SELECT number FROM families WHERE name = ?)")
        values.append(family)
    sql = f"{_ATTEMPT.format(index='INDEXED BY attempts_slow')} WHERE {' AND '.join(where)} "
    return db.execute(sql + "ORDER BY a.seconds DESC LIMIT ?", (*values, limit)).fetchall()


def durations(db: Database, family: str | None, since: int, until: int, hours: int) -> list[Row]:
    """Family (name), period, seconds, slowest, and the octaves, outcomes and attempts of its tallies, as text each.

    A period is ``hours`` hours long. A name that two modules have gives two rows.
    """
    where = ["d.hour >= ?", "d.hour < ?"]
    values: list[Any] = [since, until]
    if family is not None:
        where.append("d.family IN (SELECT number FROM families WHERE name = ?)")
        values.append(family)
    # A row for each tally would be ten times as many; and by the hour itself the table is in order already.
    period = "d.hour" if hours == 1 else f"d.hour / {int(hours)}"
    sql = (
        f"SELECT (SELECT name FROM families WHERE number = d.family), {period}, sum(d.seconds), max(d.slowest), "
        "group_concat(d.octave), group_concat(d.outcome), group_concat(d.attempts) "
        f"FROM durations AS d WHERE {' AND '.join(where)} GROUP BY d.family, {period}"
    )
    return db.execute(sql, values).fetchall()


def _within(text: str) -> str:
    """The pattern of what has a text in it."""
    return "%" + readable(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values)) or "NULL"  # nothing is among none, and () is not for every database
