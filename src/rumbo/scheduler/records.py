"""What the machine knows: tasks, workers and leases, and the closed sets of words it says about them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple


class State(IntEnum):
    """Where a task stands. Integers, because they are hashed and compared in the hottest paths."""

    PENDING = 0
    """Known and unfinished: it waits for dependencies, resources, a retry's turn or a worker."""
    RUNNING = 1
    """One attempt is under way, under a lease."""
    PARKED = 2
    """Its generator waits, in the worker that began it, for dependencies that it asked for."""
    BATCHED = 3
    """It is being done together with others of its family, by one attempt for them all."""
    DONE = 4
    """A worker said that it is complete."""
    FAILED = 5
    """Its last attempt failed. It may have a moment at which it becomes pending again."""
    DISABLED = 6
    """It failed too often, or its author switched it off."""
    CANCELLED = 7
    """Somebody withdrew it."""
    UNKNOWN = 8
    """Another task needs it and nobody has described it, or its description is broken."""


_UNKNOWN = State.UNKNOWN


class Outcome(IntEnum):
    """How an attempt ended, or paused."""

    DONE = 0
    """`run()` came to its end."""
    FAILED = 1
    """`run()` raised, or the process that ran it died."""
    PARKED = 2
    """`run()` asked for more dependencies and waits for them. The attempt goes on."""
    RELEASED = 3
    """The worker gave the task back unstarted, or before it was finished, through no fault of the task's."""
    TIMED_OUT = 4
    """It took longer than the task allows."""
    CANCELLED = 5
    """It was stopped because somebody withdrew the task."""
    LOST = 6
    """The worker fell silent, and its lease ran out."""


class RetryPolicy(NamedTuple):
    """What to do with a task that failed. Times in seconds."""

    retries: int = 0
    """Further attempts granted after the first, within the run that asked for the task."""
    delay: float = 0.0
    """Wait before the first retry."""
    factor: float = 2.0
    """Each further wait is this many times the one before."""
    max_delay: float = 3600.0
    """No wait is longer than this."""
    delays: tuple[float, ...] = ()
    """Waits spelled out; the last one is used again. Takes the place of delay and factor."""
    disable_after: int | None = None
    """Disable the task at this many failures within the window."""
    window: float | None = None
    """How far back failures count. None: forever."""
    hard_timeout: float | None = None
    """Disable the task when it fails this long or longer after its first failure."""
    disable_for: float = 86_400.0
    """A disabled task is given another chance after this long."""
    reopen_after: float | None = None
    """A task out of retries becomes pending again after this long. None: only when asked."""

    def wait(self, failures: int) -> float:
        """Seconds to wait after failure number ``failures`` (from 1)."""
        if self.delays:
            return self.delays[min(failures, len(self.delays)) - 1]
        # The exponent is bounded, because a float cannot hold 2.0 ** 1100.
        return min(self.delay * self.factor ** min(failures - 1, 64), self.max_delay)


NO_RETRIES = RetryPolicy()
NO_RESOURCES: Mapping[str, float] = {}
NO_PARAMS: Mapping[str, str] = {}


class BatchKey(NamedTuple):
    """Tasks with equal keys may be done together by one attempt."""

    family: str
    params: tuple[tuple[str, str], ...]
    """The parameters that must agree, sorted by name."""
    limit: int
    """At most this many tasks together; 0: no limit."""


class TaskSpec(NamedTuple):
    """A task as a worker describes it."""

    id: str
    family: str = ""
    module: str = ""
    params: Mapping[str, str] = NO_PARAMS
    """Serialised parameters, enough to build the task elsewhere. Private ones are not among them."""
    dependencies: tuple[str, ...] = ()
    state: State = State.PENDING
    """PENDING, DONE (already complete), DISABLED (by its author) or UNKNOWN (its description broke)."""
    runnable: bool = True
    """False: somebody else must bring it about (an external task)."""
    priority: float = 0
    resources: Mapping[str, float] = NO_RESOURCES
    retry: RetryPolicy = NO_RETRIES
    batch: BatchKey | None = None
    pool: str = "default"
    """Only workers that serve this pool are given the task."""
    portable: bool = True
    """False: only those who described it can build it, because it has private parameters or its module has no name
    elsewhere. Assistants leave it alone."""
    hidden: tuple[str, ...] = ()
    """Names of the parameters that are shown to nobody."""
    accepts_messages: bool = True
    """Whether its run() looks for messages; True also where that is not known."""


class TaskRecord:
    """A task as the machine sees it. Only the machine writes to it."""

    __slots__ = (
        "attempts",
        "dependents",
        "disabled_until",
        "failures",
        "first_seen",
        "forget_at",
        "id",
        "lease",
        "losses",
        "missing",
        "order",
        "priority",
        "promised",
        "queued",
        "retries_used",
        "retry_at",
        "run",
        "runners",
        "spec",
        "stakeholders",
        "state",
        "story",
        "waits_for",
    )

    def __init__(self, spec: TaskSpec, order: int, now: float) -> None:
        self.id = spec.id
        self.spec = spec
        self.state = _UNKNOWN
        self.order = order
        """Place in the order of first sight; breaks ties between equal priorities."""
        self.first_seen = now
        self.priority = spec.priority
        """The task's own priority, or a dependent's if that is higher."""
        self.waits_for: tuple[str, ...] = ()
        """Ids of all dependencies, declared first, then those asked for while running."""
        self.dependents: tuple[str, ...] | dict[str, None] = ()
        """Ids of the tasks that wait for this one, in order of registration. A few are kept in a tuple, since most
        tasks have few and a dictionary of one takes four times the memory; many in a dictionary."""
        self.missing = 0
        """How many of `waits_for` are not done."""
        self.stakeholders: tuple[str, ...] = ()
        """Workers that want this task done."""
        self.runners: tuple[str, ...] = ()
        """Those of them that can run it."""
        self.run = ""
        """The run that asked for it last."""
        self.lease = 0
        """Number of the lease it is held under, 0 for none."""
        self.attempts = 0
        self.retries_used = 0
        self.losses = 0
        self.failures: tuple[float, ...] = ()
        """Moments of the failures that still count."""
        self.retry_at: float | None = None
        self.promised = False
        """The retry at `retry_at` was granted for this run, so the run waits for it."""
        self.disabled_until: float | None = None
        self.forget_at: float | None = None
        """When the record may be forgotten because nobody wants it any more."""
        self.queued: Place | None = None
        """Its place in the lines of those who may run it; None when it stands in none."""
        self.story: list[float | str] = []
        """Time and cause of each change, in turn: [t0, cause0, t1, cause1, ...]."""

    def __repr__(self) -> str:
        return f"<{self.id} {self.state.name} missing={self.missing}>"


Audience = str | tuple[str, str] | tuple[str, str, str]
"""Who takes tasks from a line: a worker by its id; ``("parked", its id)`` for what it began and can go on with;
``("pool", name, module)`` for the assistants that serve a pool and can import the module."""

Place = tuple[float, int, TaskRecord]
"""A place in the order of work: minus the priority, the order of first sight, the task. Smaller goes first."""


def place_of(task: TaskRecord) -> Place:
    """Where a task stands in the order of work, or would stand if it were in line."""
    return (-task.priority, task.order, task)


class Lease:
    """The machine's leave to make one attempt at one task, or at a batch of tasks."""

    __slots__ = ("attempt", "deadline", "number", "own", "parked", "resources", "tasks", "withdrawn", "worker")

    def __init__(self, number: int, worker: str, tasks: tuple[str, ...], attempt: int, deadline: float | None) -> None:
        self.number = number
        self.worker = worker
        self.tasks = tasks
        self.attempt = attempt
        self.deadline = deadline
        self.parked = False
        self.resources: Mapping[str, float] = NO_RESOURCES
        """What it holds at this moment of what all workers share; nothing while parked."""
        self.own: Mapping[str, float] = NO_RESOURCES
        """The same, of what its worker has of its own."""
        self.withdrawn: tuple[str, ...] = ()
        """Those of its tasks that somebody withdrew; the worker was told to stop."""


class WorkerRecord:
    """A worker as the machine sees it."""

    __slots__ = (
        "alone",
        "assistant",
        "capacity",
        "disabled",
        "id",
        "leases",
        "parked",
        "pools",
        "refused",
        "seen",
        "serves",
        "tasks",
        "used",
    )

    def __init__(self, id: str, pools: tuple[str, ...], assistant: bool, now: float) -> None:
        self.id = id
        self.alone = (id,)
        """Shared by all tasks that nobody else has a stake in."""
        self.parked: Audience = ("parked", id)
        self.serves: tuple[Audience, ...] = ()
        """Whose lines it takes from, what it can go on with first."""
        self.pools = pools
        self.assistant = assistant
        """It also runs what others asked for."""
        self.capacity: Mapping[str, float] = NO_RESOURCES
        """What it has of its own."""
        self.used: dict[str, float] = {}
        """How much of that its leases hold."""
        self.refused: dict[str, None] = {}
        """Modules that it cannot import as they are needed."""
        self.seen = now
        self.disabled = False
        self.leases: dict[int, None] = {}
        """Numbers of its leases, in the order they were granted."""
        self.tasks: dict[str, None] = {}
        """Ids of the tasks it has a stake in."""
