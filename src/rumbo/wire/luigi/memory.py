"""What the dialect remembers beside the machine: what tasks and workers said of themselves, and counts kept ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rumbo.scheduler.records import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rumbo.scheduler.machine import Machine
    from rumbo.scheduler.records import TaskRecord


class Notes:
    """What a task, or somebody about it, has said. Most tasks share `NOTHING`."""

    __slots__ = (
        "accepts_messages",
        "expl",
        "hidden",
        "progress",
        "resources",
        "responses",
        "statistics",
        "status_message",
        "time_running",
        "tracking_url",
        "worker_running",
    )

    def __init__(self) -> None:
        self.hidden: tuple[str, ...] = ()
        """Names of the parameters that are not shown."""
        self.expl: Any = None
        """Why it failed, or what it said when it succeeded: JSON, as the worker sent it."""
        self.status_message: Any = None
        self.progress: Any = None
        self.tracking_url: Any = None
        self.accepts_messages = False
        self.time_running: float | None = None
        self.worker_running: str | None = None
        """Who has it, or had it last."""
        self.resources: dict[str, float] | None = None
        """What it held when its attempt was over."""
        self.responses: dict[str, Any] = {}
        """Its answers to messages that nobody has fetched yet."""
        self.statistics: Any = None

    def save(self) -> list[Any]:
        """All of it, as plain data."""
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def restored(cls, saved: list[Any]) -> Notes:
        """What was saved."""
        notes = cls()
        for name, value in zip(cls.__slots__, saved, strict=True):
            setattr(notes, name, tuple(value) if name == "hidden" else value)
        return notes


NOTHING = Notes()


class LuigiWorker:
    """A worker that speaks the dialect."""

    __slots__ = (
        "assistant",
        "batchers",
        "host",
        "id",
        "info",
        "is_trusted",
        "last_active",
        "last_asked",
        "messages",
        "started",
    )

    def __init__(self, id: str, now: float) -> None:
        self.id = id
        self.started = now
        self.last_active = now
        self.last_asked: float | None = None
        """When it asked for work."""
        self.assistant = False
        self.host: Any = None
        self.info: dict[str, Any] = {}
        """What it said of itself: workers, host, username, pid, first_task ..."""
        self.batchers: dict[str, tuple[tuple[str, ...], int]] = {}
        """By family: the parameters that may be batched, and how many tasks at most; 0: no limit."""
        self.messages: list[dict[str, Any]] = []
        """What it is told with its next ping."""
        self.is_trusted = False
        """It lives in this process, so its silence means nothing."""

    @property
    def slots(self) -> int:
        """How many tasks it runs at a time."""
        told = self.info.get("workers", 1)
        return told if isinstance(told, int) else 1

    def save(self) -> list[Any]:
        """All of it, as plain data."""
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def restored(cls, saved: list[Any]) -> LuigiWorker:
        """What was saved."""
        worker = cls("", 0.0)
        for name, value in zip(cls.__slots__, saved, strict=True):
            setattr(worker, name, value)
        worker.batchers = {family: (tuple(names), limit) for family, (names, limit) in worker.batchers.items()}
        return worker


class Count:
    """How many unfinished tasks a worker can run."""

    __slots__ = ("last", "open", "pending", "pending_alone", "unique")

    def __init__(self) -> None:
        self.open = 0
        """Pending or failed."""
        self.unique = 0
        """Of those: that nobody else can run."""
        self.last = 0
        """Of those: that it was the last to describe first."""
        self.pending = 0
        self.pending_alone = 0

    def add(self, runners: tuple[str, ...], is_pending: bool, sign: int, worker: str) -> None:
        """Count a task, or with ``sign`` -1 count it no more."""
        is_alone = len(runners) == 1
        self.open += sign
        if is_alone:
            self.unique += sign
        if runners[-1] == worker:
            self.last += sign
        if is_pending:
            self.pending += sign
            if is_alone:
                self.pending_alone += sign


_OPEN = (State.PENDING, State.FAILED)


class Tally:
    """Tasks by state, and counts by worker, kept up to date by what happens; so no question scans all tasks.

    Tasks that are UNKNOWN since only others have named them are not told of, and are missing from the lists here.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.by_state: list[dict[str, None]] = [{} for _ in State]
        self.counts: dict[str, Count] = {}
        self._counted: dict[str, tuple[tuple[str, ...], bool]] = {}
        self._blocked: set[str] | None = None
        for task in machine.tasks.values():
            self.by_state[task.state][task.id] = None
            self.count(task)

    def move(self, id: str, old: State, new: State) -> None:
        """A task changed its state."""
        self.by_state[old].pop(id, None)
        self.by_state[new][id] = None
        if new is State.PENDING or new is State.DISABLED or old is State.DISABLED:
            self._blocked = None
        task = self.machine.tasks.get(id)
        if task is not None:
            self.count(task)

    def forget(self, id: str) -> None:
        """A task is gone."""
        for tasks in self.by_state:
            tasks.pop(id, None)
        self._uncount(id)

    def described(self, task: TaskRecord) -> None:
        """Somebody described a task: others may run it now, and it may need something else."""
        self._blocked = None
        self.count(task)

    def count(self, task: TaskRecord) -> None:
        """Count a task anew."""
        self._uncount(task.id)
        if task.state not in _OPEN or not task.runners:
            return
        workers = self.machine.workers
        runners = tuple([id for id in task.runners if not workers[id].disabled])
        if runners:
            is_pending = task.state is State.PENDING
            self._counted[task.id] = (runners, is_pending)
            for id in runners:
                self.of(id).add(runners, is_pending, 1, id)

    def _uncount(self, id: str) -> None:
        counted = self._counted.pop(id, None)
        if counted is not None:
            for worker in counted[0]:
                self.of(worker).add(*counted, -1, worker)

    def recount(self, ids: Iterable[str]) -> None:
        """Count tasks anew, whose workers have changed."""
        for id in ids:
            task = self.machine.tasks.get(id)
            if task is not None:
                self.count(task)

    def gone(self, worker: str) -> None:
        """A worker is gone. Linear in what was counted: it happens seldom."""
        self.recount([id for id, (runners, _) in self._counted.items() if worker in runners])
        self.counts.pop(worker, None)

    def of(self, worker: str) -> Count:
        """The counts of a worker."""
        count = self.counts.get(worker)
        if count is None:
            count = self.counts[worker] = Count()
        return count

    def pending_of(self, worker: str) -> tuple[int, int, int]:
        """Unfinished tasks of a worker: all, those of nobody else, those it was the last to describe first.

        Those that wait for a disabled task are left out, since waiting for them has no end.
        """
        if len(self.counts) > len(self.machine.workers):
            for gone in self.counts.keys() - self.machine.workers.keys():
                self.gone(gone)
        count = self.of(worker)
        every, alone, last = count.open, count.unique, count.last
        for id in self._blocked_tasks():
            runners = self._counted[id][0] if id in self._counted else ()
            if worker in runners:
                every -= 1
                alone -= len(runners) == 1
                last -= runners[-1] == worker
        return every, alone, last

    def _blocked_tasks(self) -> set[str]:
        """Pending tasks that wait for a disabled one, directly or through other pending ones."""
        disabled = self.by_state[State.DISABLED]
        if not disabled:
            return set()
        if self._blocked is None:
            tasks = self.machine.tasks
            self._blocked = set()
            open_ends = list(disabled)
            while open_ends:
                for id in tasks[open_ends.pop()].dependents:
                    if id not in self._blocked and tasks[id].state is State.PENDING:
                        self._blocked.add(id)
                        open_ends.append(id)
        return self._blocked
