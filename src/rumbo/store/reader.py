"""Questions about the history, answered with records. Nothing that is asked here changes anything.

States and outcomes are words (`done`, `failed` ...). A run whose process is gone without a word is `crashed`: that is
found out here, at the moment of asking, and what was still under way in it is `lost`.
"""

from __future__ import annotations

import json
import os
import socket
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

from rumbo.history import (
    SORTS,
    AmbiguousInHistory,
    Artifact,
    AttemptRow,
    CellRow,
    Chapter,
    DurationRow,
    MadeRow,
    NotInHistory,
    OutlineRow,
    Page,
    RunRow,
    RunTaskRow,
    TaskRow,
)
from rumbo.scheduler.records import Outcome, State
from rumbo.store import connect, keys, queries
from rumbo.store.database import is_url
from rumbo.store.ledger import positions_in
from rumbo.store.liveness import is_gone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rumbo.artifacts.report import Report
    from rumbo.drawings.timeline import Timeline
    from rumbo.store.database import Database
    from rumbo.store.queries import Row

T = TypeVar("T")

STATES = tuple(state.name.lower() for state in State)
OUTCOMES = tuple(outcome.name.lower() for outcome in Outcome)
_HELD = (State.RUNNING, State.PARKED, State.BATCHED)
_END = 1 << 62
_MOST_OUTLINED = 200_000


class HistoryReader:
    """Asks the history at a place: a folder (the `.rumbo` itself) or a PostgreSQL database's URL.

    Close it, or use it in a ``with`` statement.

    Args:
        logs: the folder that paths of logs are relative to; with a folder it is that one.

    Raises:
        connect.NoHistory: nothing has been run there yet.
        StoreTooNew, StoreError: it cannot be read.
    """

    def __init__(self, place: str, logs: str = "") -> None:
        is_server = is_url(place)
        place = place if is_server else os.path.abspath(place)
        self.name = connect.name_of(place) if is_server else place
        self.logs = os.path.abspath(logs) if logs or is_server else place
        self._db: Database = connect.open_for_reading(place)
        self._host = socket.gethostname()

    def __enter__(self) -> HistoryReader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()

    def version(self) -> int:
        """Another number whenever somebody else has written to the SQLite file. It costs next to nothing to ask."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    # -- runs ----------------------------------------------------------------------------------------------------

    def runs(
        self,
        status: str | None = None,
        after: str | None = None,
        limit: int = 50,
        text: str | None = None,
        sort: str = "-new",
    ) -> Page[RunRow]:
        """Runs, all or of one status; with a text in id, roots, command, user or host.

        They come the latest first, or in one of `RUN_SORTS`, descending after a ``-``.
        """
        asked = () if status is None else ("running",) if status == "crashed" else (status,)
        found: list[RunRow] = []
        if sort != "-new":
            skip = int(after or 0)
            rows = queries.runs(self._db, None, asked, limit + 1, text, sort, skip)
            found += (run for run in map(self._run, rows[:limit]) if status is None or run.status == status)
            return Page(found, str(skip + limit) if len(rows) > limit else None)
        before = None if after is None else int(after)
        while len(found) <= limit:
            rows = queries.runs(self._db, before, asked, limit + 1, text)
            found += (run for run in map(self._run, rows) if status is None or run.status == status)
            if len(rows) <= limit:
                break
            before = rows[-1][0]
        return _page(found, limit, lambda run: str(run.number))

    def run(self, which: str = "last") -> RunRow:
        """One run: the ``last`` one, or by its id or the beginning of it.

        Raises:
            NotInHistory: there is none.
            AmbiguousInHistory: there are several.
        """
        if which == "last":
            rows = queries.runs(self._db, None, (), 1)
            if not rows:
                raise NotInHistory(f"There is no run in {self.name} yet.")
            return self._run(rows[0])
        rows = queries.runs_by_prefix(self._db, which, 6)
        exact = [row for row in rows if row[1] == which]
        if not rows:
            raise NotInHistory(f"No run in {self.name} has an id that begins with {which!r}: see `rumbo history`.")
        if len(rows) > 1 and not exact:
            ids = ", ".join(row[1] for row in rows[:5]) + (" ..." if len(rows) > 5 else "")
            raise AmbiguousInHistory(f"Several runs have an id that begins with {which!r}: {ids}. Give more of it.")
        return self._run((exact or rows)[0])

    def _run(self, row: Row) -> RunRow:
        (
            number,
            id,
            roots,
            command,
            host,
            user,
            pid,
            process,
            folder,
            workers,
            started,
            ended,
            status,
            summary,
            counts,
        ) = row
        if status == "running" and is_gone(pid, process, host, self._host):
            status = "crashed"
        about = (number, id, tuple(json.loads(roots)), command, host, user, pid, folder, workers)
        return RunRow(*about, started, ended, status, summary, json.loads(counts))

    def run_ids(self, numbers: Iterable[int]) -> dict[int, str]:
        """The ids of runs, by their numbers."""
        return {row[0]: row[1] for row in queries.runs_by_number(self._db, sorted(set(numbers)))}

    def counts(self, run: RunRow) -> dict[str, int]:
        """How many tasks of a run are in each state, states without any left out."""
        found: dict[str, int] = {}
        for state, many in queries.counts(self._db, *keys.task_keys(run.number)):
            word = _state(state, run)
            found[word] = found.get(word, 0) + many
        return found

    def counts_by_family(self, run: RunRow) -> dict[str, dict[str, int]]:
        """The same for each family."""
        found: dict[str, dict[str, int]] = {}
        for family, state, many in queries.counts_by_family(self._db, *keys.task_keys(run.number)):
            of_family = found.setdefault(family, {})
            word = _state(state, run)
            of_family[word] = of_family.get(word, 0) + many
        return found

    # -- tasks of a run --------------------------------------------------------------------------------------------

    def run_tasks(
        self,
        run: RunRow,
        states: Sequence[str] = (),
        family: str | None = None,
        text: str | None = None,
        after: str | None = None,
        limit: int = 100,
        sort: str = "plan",
    ) -> Page[RunTaskRow]:
        """Tasks of a run, narrowed down by states, family, or a text in id or parameters.

        They come in the order of the plan, or in one of `SORTS`, descending after a ``-``.
        """
        first, last = keys.task_keys(run.number)
        wanted = _numbers_of(states, run)
        if states and not wanted:
            return Page([], None)
        which = queries.Filter(family, {}, text)
        column = sort.removeprefix("-")
        if sort != "plan" and column in SORTS:
            skip = int(after or 0)
            down = sort.startswith("-")
            rows = queries.run_tasks_sorted(self._db, first, last, wanted, which, column, down, skip, limit + 1)
            found = [_run_task(row, run) for row in rows]
            return Page(found[:limit], str(skip + limit) if len(found) > limit else None)
        if after is not None:
            first += int(after) + 1
        rows = queries.run_tasks(self._db, first, last, wanted, which, limit + 1)
        return _page([_run_task(row, run) for row in rows], limit, lambda task: str(task.position))

    def run_task(self, run: RunRow, task_id: str) -> RunTaskRow:
        """One task of a run, by its id.

        Raises:
            NotInHistory: it was not part of the run.
        """
        key = queries.position(self._db, *keys.task_keys(run.number), task_id)
        if key is None:
            raise NotInHistory(f"{task_id} was not part of run {run.id}.")
        return _run_task(queries.run_tasks_by_key(self._db, [key])[0], run)

    def run_tasks_at(self, run: RunRow, positions: Iterable[int]) -> list[RunTaskRow]:
        """Tasks of a run by their positions, in order: what another needs, for one. At most 10,000 at once."""
        wanted = [keys.task_key(run.number, position) for position in positions]
        return [_run_task(row, run) for row in queries.run_tasks_by_key(self._db, wanted[:10_000])]

    def edges(self, run: RunRow) -> dict[int, list[int]]:
        """What each task of a run needs, as positions; tasks that need nothing are left out."""
        rows = queries.edges(self._db, *keys.task_keys(run.number))
        return {keys.position_of(key): positions_in(text) for key, text in rows}

    def states(self, run: RunRow) -> bytes:
        """The state of each task of a run, by position, as the number of `rumbo.scheduler.records.State`."""
        return bytes(queries.states(self._db, *keys.task_keys(run.number)))

    def outline(self, run: RunRow, limit: int = 10_000) -> list[OutlineRow]:
        """The first tasks of a run, in the order of its plan, with what they need."""
        rows = queries.outline(self._db, *keys.task_keys(run.number), limit)
        return [
            OutlineRow(
                keys.position_of(key), task_id, family, _state(state, run), verdict, tuple(positions_in(dependencies))
            )
            for key, task_id, family, state, verdict, dependencies in rows
        ]

    # -- attempts ----------------------------------------------------------------------------------------------------

    def attempts(self, run: RunRow, position: int) -> list[AttemptRow]:
        """All attempts that a run made at one of its tasks."""
        task = keys.task_key(run.number, position)
        first = keys.attempt_key(task, 0)
        return self._attempts(queries.attempts(self._db, first, first | keys.LAST_NUMBER, 1000), (run,))

    def running(self, run: RunRow, limit: int = 1000) -> list[AttemptRow]:
        """Attempts of a run that are under way."""
        return self._attempts(queries.running(self._db, *keys.attempt_keys(run.number), limit), (run,))

    def run_attempts(self, run: RunRow, limit: int = 10_000) -> list[AttemptRow]:
        """The first attempts of a run, in the order of its tasks."""
        return self._attempts(queries.attempts(self._db, *keys.attempt_keys(run.number), limit), (run,))

    def timeline(self, run: RunRow, now: float, limit: int = 10_000) -> Timeline:
        """The first attempts of a run over time; what is under way goes on until ``now``, seconds since the epoch."""
        from rumbo.drawings.timeline import Bar, timeline

        attempts = self.run_attempts(run, limit + 1)
        outline = self.outline(run, _MOST_OUTLINED)
        names = {row.position: row.task_id for row in outline}
        needs = {row.task_id: [names[each] for each in row.dependencies if each in names] for row in outline}
        bars = [
            Bar(each.task_id, each.family, each.number, each.worker, each.outcome, each.started, each.seconds)
            for each in attempts[:limit]
        ]
        return timeline(bars, needs, run.started, run.ended or now, len(attempts) > limit)

    def failures(self, family: str | None = None, after: str | None = None, limit: int = 50) -> Page[AttemptRow]:
        """Attempts that did not end well, over all runs, the latest first."""
        before = None
        if after is not None:
            started, key = json.loads(after)
            before = (float(started), int(key))
        rows = queries.failures(self._db, before, family, limit + 1)
        found = self._attempts(rows[:limit])
        more = len(rows) > limit and found
        return Page(found, json.dumps([rows[limit - 1][5], rows[limit - 1][0]]) if more else None)

    def slowest(self, family: str | None = None, since: float = 0.0, limit: int = 20) -> list[AttemptRow]:
        """The attempts that took longest, among those of a second or more."""
        return self._attempts(queries.slowest(self._db, since, family, limit))

    def _attempts(self, rows: list[Row], known: Sequence[RunRow] = ()) -> list[AttemptRow]:
        numbers = {keys.run_of(keys.task_of(row[0])) for row in rows} - {run.number for run in known}
        runs = {run.number: run for run in known}
        runs |= {run.number: run for run in map(self._run, queries.runs_by_number(self._db, sorted(numbers)))}
        return [self._attempt(row, runs[keys.run_of(keys.task_of(row[0]))]) for row in rows]

    def _attempt(self, row: Row, run: RunRow) -> AttemptRow:
        key, task_id, family, worker, outcome, started, seconds, message, log, status, progress, url = row
        return AttemptRow(
            run=run.number,
            position=keys.position_of(keys.task_of(key)),
            number=keys.number_of(key),
            task_id=task_id,
            family=family,
            worker=worker,
            outcome=_outcome(outcome, run),
            started=started,
            seconds=seconds,
            message=message or "",
            log=None if log is None else os.path.join(self.logs, log),
            status=status or "",
            progress=progress,
            tracking_url=url or "",
        )

    # -- tasks over all runs -----------------------------------------------------------------------------------------

    def tasks(
        self,
        family: str | None = None,
        params: Mapping[str, str] | None = None,
        text: str | None = None,
        states: Sequence[str] = (),
        worker: str | None = None,
        sort: str = "-new",
        after: str | None = None,
        skip: int = 0,
        limit: int = 50,
    ) -> Page[TaskRow]:
        """Tasks, narrowed down by family, values of parameters, a text in id or parameters, states, and worker.

        They come the newest first, or in one of `TASK_SORTS`, descending after a ``-``.
        """
        which = queries.Filter(family, params or {}, text, worker)
        narrowed = self._in_states(states) if states else None
        if narrowed is not None and not (narrowed.settled or narrowed.under_way or narrowed.lost):
            return Page([], None)
        column, is_descending = sort.removeprefix("-"), sort.startswith("-")
        is_by_number = sort == "-new" and not skip
        before = int(after) if is_by_number and after is not None else None
        if not is_by_number:
            skip += int(after or 0)
        found = queries.task_keys(self._db, before, which, narrowed, column, is_descending, skip, limit + 1)
        rows = {row[5]: row for row in queries.tasks_by_latest(self._db, found[:limit])}
        tasks = self._tasks([rows[key] for key in found[:limit] if key in rows])
        if len(found) <= limit or not tasks:
            return Page(tasks, None)
        return Page(tasks, str(tasks[-1].number if is_by_number else skip + limit))

    def _in_states(self, words: Sequence[str]) -> queries.InStates:
        """States given by their words, as the database has them."""
        numbers = [STATES.index(word) for word in words if word in STATES]
        settled = [number for number in numbers if number not in _HELD]
        under_way = [number for number in numbers if number in _HELD]
        lost = _HELD if "lost" in words else ()
        if not under_way and not lost:
            return queries.InStates(settled, (), (), (), 0)
        open_runs = [self._run(row) for row in queries.runs(self._db, None, ("running",), 10_000)]
        if not open_runs:
            return queries.InStates(settled, (), (), (), 0)
        crashed = [run.number for run in open_runs if run.status == "crashed"]
        return queries.InStates(settled, under_way, lost, crashed, open_runs[-1].number)

    def task(self, task_id: str) -> TaskRow:
        """One task, by its id or an unmistakable beginning of it.

        Raises:
            NotInHistory: there is none.
            AmbiguousInHistory: there are several.
        """
        rows = queries.tasks_by_prefix(self._db, task_id, 6)
        exact = [row for row in rows if row[1] == task_id]
        if not rows:
            raise NotInHistory(f"No task in {self.name} has an id that begins with {task_id!r}.")
        if len(rows) > 1 and not exact:
            ids = ", ".join(row[1] for row in rows[:5]) + (" ..." if len(rows) > 5 else "")
            raise AmbiguousInHistory(f"Several tasks have an id that begins with {task_id!r}: {ids}. Give more of it.")
        return self._tasks((exact or rows)[:1])[0]

    def families(self) -> list[str]:
        """Names of all families in the history."""
        return queries.family_names(self._db)

    def states_by_family(self) -> dict[str, dict[str, int]]:
        """How many tasks of each family are in each state, over all runs."""
        crashed = self._crashed()
        found: dict[str, dict[str, int]] = {}
        for family, state, number, many in queries.latest_states(self._db, _HELD):
            of_family = found.setdefault(family, {})
            run = crashed.get(number)
            word = STATES[state] if run is None else _state(state, run)
            of_family[word] = of_family.get(word, 0) + many
        return found

    def _crashed(self) -> dict[int, RunRow]:
        """Runs that said nothing of their end, and whose processes are gone."""
        rows = queries.runs(self._db, None, ("running",), 10_000)
        return {run.number: run for run in map(self._run, rows) if run.status == "crashed"}

    def parameters(self, family: str) -> list[str]:
        """Names of the parameters of a family, as its newest task has them."""
        newest = queries.newest_params(self._db, family)
        return [] if newest is None else list(json.loads(newest))

    def grid(self, family: str, x: str, y: str | None = None, limit: int = 20_000) -> list[CellRow]:
        """The newest tasks of a family, counted by the values of one or two parameters and by state."""
        crashed = self._crashed()
        cells: dict[tuple[str, str, str], CellRow] = {}
        for number, task_id, params, state in queries.newest_of_family(self._db, family, limit):
            values = json.loads(params)
            run = crashed.get(number)
            word = STATES[state] if run is None else _state(state, run)
            key = (values.get(x, ""), values.get(y, "") if y is not None else "", word)
            cell = cells.get(key)
            cells[key] = CellRow(*key, 1, task_id) if cell is None else cell._replace(tasks=cell.tasks + 1)
        return list(cells.values())

    def _tasks(self, rows: list[Row]) -> list[TaskRow]:
        numbers = sorted({keys.run_of(row[5]) for row in rows})
        runs = {run.number: run for run in map(self._run, queries.runs_by_number(self._db, numbers))}
        found = []
        for number, id, family, module, params, key, state, first, many, worker, started, seconds in rows:
            run = runs[keys.run_of(key)]
            about = (number, id, family, module, json.loads(params), _state(state, run), keys.run_of(first))
            found.append(TaskRow(*about, run.number, keys.position_of(key), many, worker or "", started, seconds))
        return found

    def story(self, task: TaskRow, after: str | None = None, limit: int = 20) -> Page[Chapter]:
        """What became of a task, run by run, the latest first, with all attempts."""
        rows = queries.story(self._db, task.number, _END if after is None else int(after), limit + 1)
        numbers = sorted({keys.run_of(row[0]) for row in rows})
        runs = {run.number: run for run in map(self._run, queries.runs_by_number(self._db, numbers))}
        chapters = []
        for row in rows[:limit]:
            run = runs[keys.run_of(row[0])]
            told = _run_task(row, run)
            chapters.append(Chapter(run, told, tuple(self.attempts(run, told.position))))
        return Page(chapters, str(rows[limit - 1][0]) if len(rows) > limit else None)

    # -- what tasks made -----------------------------------------------------------------------------------------------

    def made(self, task_id: str) -> MadeRow | None:
        """What a task made last, in any run; None if nothing is known of that."""
        row = queries.last_outputs(self._db, task_id)
        if row is None:
            return None
        run, host, began, attempt, worker, ended, made, found = row
        artifacts, more = _artifacts(made or found)
        if made is None:
            return MadeRow(task_id, run, host, "", 0, began, artifacts, more)
        # Workers of a server are called after their machine, their process and something random.
        machine = host if worker == "local" else worker.rsplit("-", 2)[0]
        return MadeRow(task_id, run, machine, worker, keys.number_of(attempt), ended, artifacts, more)

    def needs(self, task: TaskRow, limit: int = 100) -> tuple[list[RunTaskRow], int]:
        """What a task needed the last time that somebody asked it, and how many more there were than ``limit``."""
        found = queries.last_dependencies(self._db, task.number)
        if found is None:
            return [], 0
        number, positions = keys.run_of(found[0]), positions_in(found[1])
        run = self._run(queries.runs_by_number(self._db, [number])[0])
        return self.run_tasks_at(run, positions[:limit]), max(len(positions) - limit, 0)

    def artifacts(self, task: TaskRow, limit: int = 50) -> Report:
        """What a task made, and those that it needs: as it was written, and as it is on this machine."""
        from rumbo.artifacts.report import report
        from rumbo.artifacts.sight import look

        return report(self, task, look, limit)

    # -- durations ---------------------------------------------------------------------------------------------------

    def durations(
        self, family: str | None = None, since: float = 0.0, until: float | None = None, hours: int = 24
    ) -> list[DurationRow]:
        """How attempts of each family (or of one) went, period by period of so many hours (UTC).

        The hours in which ``since`` and ``until`` lie are counted whole.
        """
        end = 1 << 40 if until is None else int(until // 3600) + 1
        rows = queries.durations(self._db, family, int(since // 3600), end, hours)
        rows.sort(key=itemgetter(0, 1))
        return [_duration(list(of_period), hours * 3600.0) for _, of_period in groupby(rows, key=itemgetter(0, 1))]


_FAILURES = (Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST)


def _duration(rows: list[Row], length: float) -> DurationRow:
    """One record of the tallies of one family in one period."""
    octaves: dict[int, int] = {}
    failed = 0
    for _, _, _, _, *texts in rows:
        for octave, outcome, attempts in zip(*(map(int, text.split(",")) for text in texts), strict=True):
            octaves[octave] = octaves.get(octave, 0) + attempts
            if outcome in _FAILURES:
                failed += attempts
    name, period, *_ = rows[0]
    total = sum(octaves.values())
    slowest = max(row[3] for row in rows)
    return DurationRow(
        family=name,
        since=period * length,
        until=(period + 1) * length,
        attempts=total,
        failed=failed,
        mean=sum(row[2] for row in rows) / total,
        median=min(_percentile(octaves, total * 0.5), slowest),
        percentile_95=min(_percentile(octaves, total * 0.95), slowest),
        slowest=slowest,
    )


def _percentile(octaves: Mapping[int, int], below: float) -> float:
    """The duration that ``below`` attempts do not reach, as if those of an octave were spread evenly over it."""
    for octave in sorted(octaves):
        many = octaves[octave]
        if below <= many:
            return float(2.0 ** (octave - 1) * (1 + below / many))
        below -= many
    return float(2.0 ** max(octaves))


def _state(number: int, run: RunRow) -> str:
    return "lost" if run.status == "crashed" and number in _HELD else STATES[number]


def _outcome(number: int | None, run: RunRow) -> str:
    if number is not None:
        return OUTCOMES[number]
    return "lost" if run.status == "crashed" else "running"


def _numbers_of(states: Iterable[str], run: RunRow) -> list[int]:
    """Numbers of states given by their words; of those under way, a crashed run has none but lost ones."""
    found: list[int] = []
    for word in states:
        if word == "lost":
            found += _HELD if run.status == "crashed" else ()
        elif word in STATES:
            number = STATES.index(word)
            if run.status != "crashed" or number not in _HELD:
                found.append(number)
    return found


def _run_task(row: Row, run: RunRow) -> RunTaskRow:
    key, task_id, family, module, params, state, verdict, reason, dependencies, error, priority, dynamic, *rest = row
    due, attempt, outcome, started, seconds, status, progress, url = rest
    return RunTaskRow(
        run=run.number,
        position=keys.position_of(key),
        task_id=task_id,
        family=family,
        module=module,
        params=json.loads(params),
        state=_state(state, run),
        verdict=verdict,
        reason=reason,
        dependencies=tuple(positions_in(dependencies)),
        error=error or "",
        priority=priority or 0.0,
        is_dynamic=bool(dynamic),
        due=due,
        attempt=0 if attempt is None else keys.number_of(attempt),
        outcome="" if attempt is None else _outcome(outcome, run),
        started=started,
        seconds=seconds,
        status=status or "",
        progress=progress,
        tracking_url=url or "",
    )


def _artifacts(line: str) -> tuple[tuple[Artifact, ...], int]:
    """What a line of outputs says: the artifacts, and how many more there were.

    Workers write it, so it may be anything.
    """
    try:
        told = json.loads(line)
        more = told.pop() if told and isinstance(told[-1], int) else 0
        found = [_artifact(*each) for each in told]
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return (), 0
    return tuple(found), max(more, 0)


def _artifact(address: object, size: object, modified: object) -> Artifact:
    bytes_, moment = (value if isinstance(value, int | float) else -1 for value in (size, modified))
    return Artifact(
        str(address),
        int(bytes_) if 0 <= bytes_ < _MOST_BYTES else None,
        float(moment) if 0 <= moment < _LATEST else None,
    )


_MOST_BYTES = 1 << 53
_LATEST = 1e11
"""Seconds since the epoch: some thousand years from now."""


def _page(rows: list[T], limit: int, key: Callable[[T], str]) -> Page[T]:
    return Page(rows[:limit], key(rows[limit - 1]) if len(rows) > limit else None)
