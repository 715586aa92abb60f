"""What the history answers: its rows, and the questions that can be asked of it.

States and outcomes are words (`done`, `failed` ...), times are seconds since the epoch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from rumbo.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rumbo.drawings.timeline import Timeline

T = TypeVar("T")


class NotInHistory(StoreError):
    """No run or task of this name is in the history."""


class AmbiguousInHistory(StoreError):
    """Several runs begin with what was given as the id of one."""


class Page(NamedTuple, Generic[T]):
    """Some rows of many. ``next`` is what to ask for the rows after them with; None: there are no more."""

    rows: list[T]
    next: str | None


class RunRow(NamedTuple):
    """One run. Status: ``running``, ``crashed``, or as it ended. Times are seconds since the epoch."""

    number: int
    id: str
    roots: tuple[str, ...]
    command: str
    host: str
    user: str
    pid: int
    folder: str
    workers: int
    started: float
    ended: float | None
    status: str
    summary: str
    counts: Mapping[str, int]


class RunTaskRow(NamedTuple):
    """A task as one run saw it, with its last attempt in that run (number 0: there was none)."""

    run: int
    """Number of the run."""
    position: int
    task_id: str
    family: str
    module: str
    params: Mapping[str, str]
    state: str
    verdict: str
    reason: str
    dependencies: tuple[int, ...]
    """Positions of what it needs."""
    error: str
    priority: float
    is_dynamic: bool
    due: float | None
    attempt: int
    outcome: str
    started: float | None
    seconds: float | None
    status: str
    progress: float | None
    tracking_url: str


class AttemptRow(NamedTuple):
    """One try at a task. Outcome: ``running``, ``lost`` (also when the run crashed), or as it ended."""

    run: int
    """Number of the run."""
    position: int
    number: int
    task_id: str
    family: str
    worker: str
    outcome: str
    started: float
    seconds: float | None
    message: str
    log: str | None
    """Absolute path of the file of what it printed."""
    status: str
    progress: float | None
    tracking_url: str


class TaskRow(NamedTuple):
    """A task over all runs. State: what became of it in the latest of them."""

    number: int
    id: str
    family: str
    module: str
    params: Mapping[str, str]
    state: str
    first_run: int
    """Number of the first run that is kept of it."""
    last_run: int
    last_position: int
    runs: int
    worker: str
    """Who made the last attempt in that run; empty: nobody."""
    started: float | None
    seconds: float | None
    """How long that attempt took; None: it runs, or there was none."""


class Chapter(NamedTuple):
    """One run in the story of a task."""

    run: RunRow
    task: RunTaskRow
    attempts: tuple[AttemptRow, ...]


class OutlineRow(NamedTuple):
    """A task in the outline of a run: what a drawing needs of it."""

    position: int
    task_id: str
    family: str
    state: str
    verdict: str
    dependencies: tuple[int, ...]


class CellRow(NamedTuple):
    """Tasks of a family that have the same values of two parameters, and are in the same state."""

    x: str
    y: str
    state: str
    tasks: int
    task_id: str
    """One of them."""


class Artifact(NamedTuple):
    """One thing that a task made, as it was told when it was new."""

    address: str
    """An absolute path on the machine that it was made on, a URL, or another name."""
    size: int | None
    """Bytes, if they were known."""
    modified: float | None
    """When it was written, by its own clock."""


class MadeRow(NamedTuple):
    """What a task made the last time that it went well, or had already if nothing here makes it."""

    task_id: str
    run: str
    """Id of the run."""
    host: str
    """The machine on which it was made, or was found."""
    worker: str
    """Who made it; empty if it was there."""
    attempt: int
    """0: it was there."""
    at: float
    """When the attempt ended, or else when the run began."""
    artifacts: tuple[Artifact, ...]
    more: int
    """So many more there were, which nobody wrote down."""


class DurationRow(NamedTuple):
    """How attempts of a family went in a period of time. Seconds, of all that ended in any way."""

    family: str
    since: float
    until: float
    attempts: int
    failed: int
    """Those that failed, timed out or were lost."""
    mean: float
    median: float
    """Right within a factor of two; so is the next."""
    percentile_95: float
    slowest: float


class History(Protocol):
    """Somebody who can be asked about the past. One thread at a time; each question may raise `StoreError`."""

    def close(self) -> None:
        """Let go of the database."""
        ...

    def runs(
        self,
        status: str | None = None,
        after: str | None = None,
        limit: int = 50,
        text: str | None = None,
        sort: str = "-new",
    ) -> Page[RunRow]:
        """Runs, all or of one status; with a text in id, roots, command, user or host; in one of `RUN_SORTS`."""
        ...

    def run(self, which: str = "last") -> RunRow:
        """One run: the ``last`` one, or by its id or its beginning. Raises `NotInHistory`, `AmbiguousInHistory`."""
        ...

    def counts(self, run: RunRow) -> dict[str, int]:
        """How many tasks of a run are in each state."""
        ...

    def counts_by_family(self, run: RunRow) -> dict[str, dict[str, int]]:
        """The same for each family."""
        ...

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
        """Tasks of a run, narrowed down; in the order of its plan, or in one of `SORTS`, descending after a ``-``."""
        ...

    def run_task(self, run: RunRow, task_id: str) -> RunTaskRow:
        """One task of a run, by its id. Raises `NotInHistory`."""
        ...

    def run_tasks_at(self, run: RunRow, positions: Iterable[int]) -> list[RunTaskRow]:
        """Tasks of a run by their positions."""
        ...

    def attempts(self, run: RunRow, position: int) -> list[AttemptRow]:
        """All attempts that a run made at one of its tasks."""
        ...

    def running(self, run: RunRow, limit: int = 1000) -> list[AttemptRow]:
        """Attempts of a run that are under way."""
        ...

    def outline(self, run: RunRow, limit: int = 10_000) -> list[OutlineRow]:
        """The first tasks of a run, in the order of its plan, with what they need."""
        ...

    def timeline(self, run: RunRow, now: float, limit: int = 10_000) -> Timeline:
        """The first attempts of a run over time; what is under way goes on until ``now``, seconds since the epoch."""
        ...

    def run_attempts(self, run: RunRow, limit: int = 10_000) -> list[AttemptRow]:
        """The first attempts of a run, in the order of its tasks."""
        ...

    def failures(self, family: str | None = None, after: str | None = None, limit: int = 50) -> Page[AttemptRow]:
        """Attempts that did not end well, over all runs, the latest first."""
        ...

    def slowest(self, family: str | None = None, since: float = 0.0, limit: int = 20) -> list[AttemptRow]:
        """The attempts that took longest."""
        ...

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
        """Tasks over all runs, narrowed down; the newest first, or in one of `TASK_SORTS`, descending after a ``-``."""
        ...

    def task(self, task_id: str) -> TaskRow:
        """One task, by its id or the beginning of it. Raises `NotInHistory`, `AmbiguousInHistory`."""
        ...

    def run_ids(self, numbers: Iterable[int]) -> dict[int, str]:
        """The ids of runs, by their numbers."""
        ...

    def families(self) -> list[str]:
        """Names of all families."""
        ...

    def states_by_family(self) -> dict[str, dict[str, int]]:
        """How many tasks of each family are in each state, over all runs. Linear in all tasks of all runs."""
        ...

    def parameters(self, family: str) -> list[str]:
        """Names of the parameters of a family, as its newest task has them."""
        ...

    def grid(self, family: str, x: str, y: str | None = None, limit: int = 20_000) -> list[CellRow]:
        """The newest tasks of a family, counted by the values of one or two parameters and by state."""
        ...

    def story(self, task: TaskRow, after: str | None = None, limit: int = 20) -> Page[Chapter]:
        """What became of a task, run by run, the latest first."""
        ...

    def made(self, task_id: str) -> MadeRow | None:
        """What a task made last; None if nothing is known of that."""
        ...

    def needs(self, task: TaskRow, limit: int = 100) -> tuple[list[RunTaskRow], int]:
        """What a task needed the last time that somebody asked it, and how many more there were."""
        ...

    def durations(
        self, family: str | None = None, since: float = 0.0, until: float | None = None, hours: int = 24
    ) -> list[DurationRow]:
        """How attempts of each family (or of one) went, period by period of so many hours (UTC)."""
        ...


RUN_SORTS = ("new", "what", "status", "took", "by")
"""What runs may be sorted by; after a ``-``, the other way round."""
SORTS = ("plan", "family", "state", "progress", "reason", "priority", "attempts", "started", "seconds")
"""What tasks of a run may be sorted by; after a ``-``, the other way round."""

TASK_SORTS = ("new", "task", "parameters", "state", "worker", "started", "seconds", "runs")
"""What tasks over all runs may be sorted by; ``new`` is the order in which they came up first."""
