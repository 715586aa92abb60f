"""The addresses of what has happened: read from the history, in threads, so that the scheduler never waits for them."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import StringConstraints

from rumbo.history import RUN_SORTS, SORTS, TASK_SORTS
from rumbo.web.api import shapes
from rumbo.web.api.shapes import (
    Attempt,
    Cell,
    Chapter,
    Durations,
    Failure,
    Graph,
    Grid,
    Listing,
    Neighbours,
    Node,
    Run,
    RunTask,
    Task,
    Underway,
)
from rumbo.web.api.terms import VIEWER, After, Id, Limit, Moment, Text

if TYPE_CHECKING:
    from rumbo.history import AttemptRow, History, RunRow, RunTaskRow, TaskRow
    from rumbo.web.api.readers import Readers

_MOST = 200_000
RunStatus = Literal["running", "done", "failed", "incomplete", "cancelled", "crashed"]
StateName = Literal[
    "pending", "running", "parked", "batched", "done", "failed", "disabled", "cancelled", "unknown", "lost"
]
Pair = Annotated[str, StringConstraints(pattern=r"^[^=]+=[\s\S]*$", max_length=1000)]
Place = Annotated[
    str | None,
    Query(pattern=r"^\[[0-9]{1,12}(\.[0-9]{1,9})?, ?[0-9]{1,18}\]$", description="`next` of the page before."),
]
Sort = Annotated[str, Query(pattern=f"^-?({'|'.join(SORTS)})$", description="After a `-`, the other way round.")]
RunSort = Annotated[str, Query(pattern=f"^-?({'|'.join(RUN_SORTS)})$", description="After a `-`, the other way round.")]
TaskSort = Annotated[
    str, Query(pattern=f"^-?({'|'.join(TASK_SORTS)})$", description="After a `-`, the other way round.")
]


def past(readers: Readers) -> APIRouter:
    """The routes."""
    router = APIRouter()
    states = States(readers)

    @router.get("/runs", tags=["runs"], **VIEWER)
    def list_runs(
        status: RunStatus | None = None,
        search: Text = None,
        sort: RunSort = "-new",
        after: After = None,
        limit: Limit = 50,
    ) -> Listing[Run]:
        """Runs, narrowed down by status, or a text in id, roots, command, user or host."""
        with readers.one() as history:
            page = history.runs(status, after, limit, search, sort)
            return Listing(rows=[run_of(history, row) for row in page.rows], next=page.next)

    @router.get("/runs/{run}", tags=["runs"], **VIEWER)
    def get_run(run: Id) -> Run:
        """One run, by its id, the beginning of it, or `last`."""
        with readers.one() as history:
            return run_of(history, history.run(run))

    @router.get("/runs/{run}/families", tags=["runs"], **VIEWER)
    def count_by_family(run: Id) -> dict[str, dict[str, int]]:
        """How many tasks of each family are in each state."""
        with readers.one() as history:
            return history.counts_by_family(history.run(run))

    @router.get("/runs/{run}/tasks", tags=["runs"], **VIEWER)
    def list_run_tasks(
        run: Id,
        state: Annotated[list[StateName] | None, Query()] = None,
        family: Text = None,
        search: Text = None,
        sort: Sort = "plan",
        after: After = None,
        limit: Limit = 100,
    ) -> Listing[RunTask]:
        """Tasks of a run, narrowed down by states, family, or a text in id or parameters."""
        with readers.one() as history:
            page = history.run_tasks(history.run(run), state or (), family, search, after, limit, sort)
            return Listing(rows=[run_task_of(row) for row in page.rows], next=page.next)

    @router.get("/runs/{run}/tasks/{task}", tags=["runs"], **VIEWER)
    def get_run_task(run: Id, task: Id) -> RunTask:
        """One task of a run."""
        with readers.one() as history:
            return run_task_of(history.run_task(history.run(run), task))

    @router.get("/runs/{run}/tasks/{task}/attempts", tags=["runs"], **VIEWER)
    def list_attempts(run: Id, task: Id) -> list[Attempt]:
        """All attempts that a run made at a task."""
        with readers.one() as history:
            row = history.run(run)
            return [attempt_of(each) for each in history.attempts(row, history.run_task(row, task).position)]

    @router.get("/runs/{run}/tasks/{task}/neighbours", tags=["runs"], **VIEWER)
    def list_neighbours(run: Id, task: Id, limit: Limit = 100) -> Neighbours:
        """The tasks of a run that a task needs, and those that need it."""
        with readers.one() as history:
            row = history.run(run)
            at = history.run_task(row, task)
            below = list(at.dependencies)
            above = [each.position for each in history.outline(row, _MOST) if at.position in each.dependencies]
            return Neighbours(
                needs=[run_task_of(each) for each in history.run_tasks_at(row, below[:limit])],
                needed_by=[run_task_of(each) for each in history.run_tasks_at(row, above[:limit])],
                is_cut=max(len(below), len(above)) > limit,
            )

    @router.get("/runs/{run}/graph", tags=["runs"], **VIEWER)
    def draw_run(run: Id, limit: Annotated[int, Query(ge=1, le=10_000)] = 1000) -> Graph:
        """The plan of a run; its first tasks if there are more than `limit`."""
        with readers.one() as history:
            page = history.run_tasks(history.run(run), limit=limit)
            return graph_of(page.rows, page.next is not None)

    @router.get("/runs/{run}/running", tags=["runs"], **VIEWER)
    def list_running(run: Id, limit: Limit = 100) -> list[Attempt]:
        """Attempts of a run that are under way."""
        with readers.one() as history:
            return [attempt_of(each) for each in history.running(history.run(run), limit)]

    @router.get("/tasks", tags=["tasks"], **VIEWER)
    def list_tasks(
        state: Annotated[list[StateName] | None, Query()] = None,
        family: Text = None,
        search: Text = None,
        param: Annotated[list[Pair] | None, Query(max_length=20, description="NAME=VALUE")] = None,
        worker: Text = None,
        sort: TaskSort = "-new",
        after: After = None,
        skip: Annotated[int, Query(ge=0, le=1_000_000_000, description="Leave out so many rows.")] = 0,
        limit: Limit = 50,
    ) -> Listing[Task]:
        """Tasks over all runs, the newest first or in another order, narrowed down."""
        params = dict(each.split("=", 1) for each in param or ())
        with readers.one() as history:
            page = history.tasks(family, params, search, state or (), worker, sort, after, skip, limit)
            return Listing(rows=[task_of(row) for row in page.rows], next=page.next)

    @router.get("/tasks/{task}", tags=["tasks"], **VIEWER)
    def get_task(task: Id) -> Task:
        """One task over all runs, by its id or the beginning of it."""
        with readers.one() as history:
            return task_of(history.task(task))

    @router.get("/tasks/{task}/story", tags=["tasks"], **VIEWER)
    def tell_story(task: Id, after: After = None, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> Listing[Chapter]:
        """What became of a task, run by run, the latest first, with all attempts."""
        with readers.one() as history:
            page = history.story(history.task(task), after, limit)
            rows = [
                Chapter(
                    run=run_of(history, each.run, is_counted=False),
                    task=run_task_of(each.task),
                    attempts=[attempt_of(attempt) for attempt in each.attempts],
                )
                for each in page.rows
            ]
            return Listing(rows=rows, next=page.next)

    @router.get("/families", tags=["tasks"], **VIEWER)
    def list_families() -> list[str]:
        """Names of all families of tasks."""
        with readers.one() as history:
            return history.families()

    @router.get("/families/states", tags=["tasks"], **VIEWER)
    def count_states() -> dict[str, dict[str, int]]:
        """How many tasks of each family are in each state, over all runs; a few seconds old at most."""
        return states.counts()

    @router.get("/families/{family}/grid", tags=["tasks"], **VIEWER)
    def lay_out_grid(
        family: Id, x: Text = None, y: Text = None, limit: Annotated[int, Query(ge=1, le=100_000)] = 20_000
    ) -> Grid:
        """The newest tasks of a family, counted by the values of one or two parameters and by state."""
        with readers.one() as history:
            names = history.parameters(family)
            across = x or (names[0] if names else "")
            cells = history.grid(family, across, y or None, limit)
            rows = [Cell.model_validate(each) for each in cells]
            return Grid(family=family, parameters=names, x=across, y=y or "", cells=rows)

    @router.get("/running", tags=["attempts"], **VIEWER)
    def list_underway(limit: Limit = 100) -> list[Underway]:
        """Attempts that are under way in any run, the oldest first, with how long such ones take."""
        with readers.one() as history:
            rows: list[tuple[str, AttemptRow]] = []
            for run in history.runs("running", None, 100).rows:
                rows += [(run.id, each) for each in history.running(run, limit)]
            rows.sort(key=lambda row: row[1].started)
            typical = _typical(history, {row.family for _, row in rows[:limit]})
            return [Underway(run=run, expected=typical.get(row.family), **_attempt(row)) for run, row in rows[:limit]]

    @router.get("/failures", tags=["attempts"], **VIEWER)
    def list_failures(family: Text = None, after: Place = None, limit: Limit = 50) -> Listing[Failure]:
        """Attempts that did not end well, over all runs, the latest first."""
        with readers.one() as history:
            page = history.failures(family, after, limit)
            return Listing(rows=_with_runs(history, page.rows), next=page.next)

    @router.get("/slowest", tags=["attempts"], **VIEWER)
    def list_slowest(family: Text = None, since: Moment = 0.0, limit: Limit = 20) -> list[Failure]:
        """The attempts that took longest, among those of a second or more."""
        with readers.one() as history:
            return _with_runs(history, history.slowest(family, since, limit))

    @router.get("/statistics", tags=["attempts"], **VIEWER)
    def tell_durations(
        family: Text = None,
        since: Moment = 0.0,
        until: Annotated[float | None, Query(ge=0, le=1e11, allow_inf_nan=False)] = None,
        hours: Annotated[int, Query(ge=1, le=100_000)] = 24,
    ) -> list[Durations]:
        """How attempts of each family went, period by period of so many hours (UTC)."""
        with readers.one() as history:
            return [Durations.model_validate(row) for row in history.durations(family, since, until, hours)]

    return router


class States:
    """Counts of all tasks, kept for a moment, since many may look at them and they take long to count."""

    def __init__(self, readers: Readers, lasting: float = 3.0) -> None:
        self._readers = readers
        self._lasting = lasting
        self._lock = Lock()
        self._counted = -1e9
        self._counts: dict[str, dict[str, int]] = {}

    def counts(self) -> dict[str, dict[str, int]]:
        """By family and state."""
        with self._lock:
            if time.monotonic() - self._counted > self._lasting:
                with self._readers.one() as history:
                    self._counts = history.states_by_family()
                self._counted = time.monotonic()
            return self._counts


def _typical(history: History, families: set[str]) -> dict[str, float]:
    """How long attempts of some families take in the middle, by the last four weeks."""
    found = {}
    for family in list(families)[:50]:
        rows = history.durations(family, time.time() - 28 * 86_400, None, 28 * 24)
        if rows:
            found[family] = rows[-1].median
    return found


def run_of(history: History, row: RunRow, is_counted: bool = True) -> Run:
    """A run for the API; one that is under way is counted as it is at this moment."""
    counts = row.counts
    if is_counted and row.ended is None:
        counts = history.counts(row)
    return Run.model_validate(row._replace(counts=counts))


def run_task_of(row: RunTaskRow) -> RunTask:
    """A task of a run for the API."""
    return RunTask.model_validate(row)


def attempt_of(row: AttemptRow) -> Attempt:
    """An attempt for the API."""
    return Attempt(**_attempt(row))


def _attempt(row: AttemptRow) -> dict[str, Any]:
    about = row._asdict() | {"has_log": row.log is not None}
    for name in ("run", "position", "log"):
        del about[name]
    return about


def _with_runs(history: History, rows: list[AttemptRow]) -> list[Failure]:
    names = history.run_ids({row.run for row in rows})
    return [Failure(run=names[row.run], **_attempt(row)) for row in rows]


def task_of(row: TaskRow) -> Task:
    """A task for the API."""
    return Task.model_validate({name: getattr(row, name) for name in Task.model_fields})


def graph_of(rows: list[RunTaskRow], is_cut: bool) -> Graph:
    """Tasks of a run as a graph."""
    ids = {row.position: row.task_id for row in rows}
    nodes = [
        Node(
            id=row.task_id,
            family=row.family,
            params=dict(row.params),
            state=row.state,
            needs=[ids[position] for position in row.dependencies if position in ids],
        )
        for row in rows
    ]
    return shapes.Graph(nodes=nodes, is_cut=is_cut)
