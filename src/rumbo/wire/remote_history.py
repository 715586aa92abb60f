"""The history of a server, asked over its API from anywhere. It knows runs and tasks by their ids, not by numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rumbo.artifacts.report import Report, Seen, Share
from rumbo.artifacts.sight import Fate, Sight
from rumbo.errors import ProtocolError
from rumbo.history import Artifact, AttemptRow, Chapter, MadeRow, NotInHistory, Page, RunRow, RunTaskRow, TaskRow
from rumbo.wire.connection import NotThere, path_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rumbo.wire.connection import Connection

_MOST = 1000
"""Rows that the server gives at a time."""
_PIECE = 1 << 20


class RemoteHistory:
    """Answers what commands about the past ask. Raises `SchedulerUnreachable` and its kin besides `StoreError`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ids: dict[tuple[str, int], str] = {}
        """The tasks of runs that were told of, by run and position."""

    def __enter__(self) -> RemoteHistory:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._connection.close()

    # -- runs ---------------------------------------------------------------------------------------------------------

    def runs(self, status: str | None = None, after: str | None = None, limit: int = 50) -> Page[RunRow]:
        """Runs, the latest first, all or of one status."""
        return self._pages("/runs", _run, limit, after, status=status)

    def run(self, which: str = "last") -> RunRow:
        """One run: the ``last`` one, or by its id or its beginning."""
        return _run(self._ask(f"/runs/{path_part(which)}"))

    def counts_by_family(self, run: RunRow) -> dict[str, dict[str, int]]:
        """How many tasks of each family are in each state."""
        found: dict[str, dict[str, int]] = self._ask(f"/runs/{path_part(run.id)}/families")
        return found

    def run_tasks(
        self, run: RunRow, states: Sequence[str] = (), after: str | None = None, limit: int = 100
    ) -> Page[RunTaskRow]:
        """Tasks of a run in the order of its plan, those in some states or all."""
        page = self._pages(f"/runs/{path_part(run.id)}/tasks", _run_task, limit, after, state=list(states))
        self._ids.update(((run.id, task.position), task.task_id) for task in page.rows)
        return page

    def attempts(self, run: RunRow, position: int) -> list[AttemptRow]:
        """All attempts that a run made at one of its tasks, of which this history has told."""
        task = self._ids[run.id, position]
        found = self._ask(f"/runs/{path_part(run.id)}/tasks/{path_part(task)}/attempts")
        return [_attempt(each) for each in found]

    # -- tasks --------------------------------------------------------------------------------------------------------

    def families(self) -> list[str]:
        """Names of all families."""
        found: list[str] = self._ask("/families")
        return found

    def tasks(
        self, family: str | None = None, params: Mapping[str, str] | None = None, limit: int = 50
    ) -> Page[TaskRow]:
        """Tasks over all runs, the newest first, narrowed down."""
        pairs = [f"{name}={value}" for name, value in (params or {}).items()]
        return self._pages("/tasks", _task, limit, None, family=family, param=pairs)

    def task(self, task_id: str) -> TaskRow:
        """One task, by its id or the beginning of it."""
        found: list[TaskRow] = self._pages("/tasks", _task, 20, None, search=task_id).rows
        near = [each for each in found if each.id == task_id] or [each for each in found if each.id.startswith(task_id)]
        if len(near) != 1:
            raise NotInHistory(f"There is no task {task_id!r} in the history of {self._connection.url}, or several.")
        return near[0]

    def story(self, task: TaskRow, after: str | None = None, limit: int = 20) -> Page[Chapter]:
        """What became of a task, run by run, the latest first."""
        page = self._pages(f"/tasks/{path_part(task.id)}/story", _chapter, limit, after, most=100)
        self._ids.update(((each.run.id, each.task.position), each.task.task_id) for each in page.rows)
        return page

    def artifacts(self, task: TaskRow, limit: int = 50) -> Report:
        """What a task made, and those that it needs; as it was written, and as the server sees it now."""
        told = self._ask(f"/tasks/{path_part(task.id)}/artifacts", limit=limit)
        return Report(_share(told["outputs"]), tuple([_share(each) for each in told["inputs"]]), told["more_inputs"])

    def why(self, task_id: str) -> str | None:
        """What the scheduler says of a task at this moment, in one sentence; None if it does not know it (any more)."""
        try:
            told: str = self._connection.ask("GET", f"/api/v1/tasks/{path_part(task_id)}/live")["why"]
        except NotThere:
            return None
        return told

    def read_log(
        self, run: str, task: str, attempt: int, goes_on: Callable[[], bool] | None, nap: Callable[[], object]
    ) -> Iterator[bytes]:
        """What an attempt printed, in pieces; with ``goes_on``, for as long as it says that more may come."""
        where = f"/api/v1/runs/{path_part(run)}/tasks/{path_part(task)}/attempts/{attempt}/log"
        offset = 0
        while True:
            is_on = goes_on is not None and goes_on()
            piece = self._connection.request("GET", f"{where}?offset={offset}&limit={_PIECE}")
            offset += len(piece)
            if piece:
                yield piece
            elif not is_on:
                return
            else:
                nap()

    # -- asking -------------------------------------------------------------------------------------------------------

    def _ask(self, path: str, **query: object) -> Any:
        try:
            return self._connection.ask("GET", f"/api/v1{path}", query=query)
        except NotThere as error:
            raise NotInHistory(str(error)) from error

    def _pages(
        self, path: str, row: Callable[[Any], Any], limit: int, after: str | None, most: int = _MOST, **query: object
    ) -> Page[Any]:
        rows: list[Any] = []
        while len(rows) < limit:
            answer = self._ask(path, after=after, limit=min(limit - len(rows), most), **query)
            try:
                rows += [row(each) for each in answer["rows"]]
                after = answer["next"]
            except (KeyError, TypeError) as error:
                raise ProtocolError(f"{self._connection.url}: {path} answered something else: {error!r}.") from error
            if after is None:
                break
        return Page(rows, after)


def _share(told: Any) -> Share:
    things = tuple([_seen(each) for each in told["artifacts"]])
    kept = tuple([each.artifact for each in things])
    made = MadeRow(told["task_id"], told["run"], "", told["worker"], told["attempt"], told["at"], kept, told["more"])
    return Share(told["task_id"], told["family"], told["state"], made if told["run"] else None, things)


def _seen(told: Any) -> Seen:
    sight = Sight(Fate(told["fate"]), told["size_now"], told["modified_now"])
    return Seen(Artifact(told["address"], told["size"], told["modified"]), sight)


def _run(told: Any) -> RunRow:
    return RunRow(number=0, **{**told, "roots": tuple(told["roots"])})


def _run_task(told: Any) -> RunTaskRow:
    return RunTaskRow(run=0, **{**told, "dependencies": tuple(told["dependencies"])})


def _attempt(told: Any) -> AttemptRow:
    kept = {name: value for name, value in told.items() if name != "has_log"}
    return AttemptRow(run=0, position=0, log="on the server" if told["has_log"] else None, **kept)


def _task(told: Any) -> TaskRow:
    return TaskRow(number=0, first_run=0, last_run=0, last_position=0, **told)


def _chapter(told: Any) -> Chapter:
    return Chapter(_run(told["run"]), _run_task(told["task"]), tuple([_attempt(each) for each in told["attempts"]]))
