"""The borders of the house: what each floor may ask of adapters, and the records that cross.

Every method says what must hold, what it raises and what may be None. Adapters need not inherit from these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Iterator, Sequence

    from rumbo.pipeline.task import Task
    from rumbo.scheduler.commands import Command, Report
    from rumbo.scheduler.effects import Effect
    from rumbo.scheduler.machine import Machine
    from rumbo.scheduler.records import Outcome, TaskSpec


class RunInfo(NamedTuple):
    """One request to build some roots, as it begins."""

    id: str
    roots: tuple[str, ...]
    command: str
    host: str
    user: str
    pid: int
    folder: str
    workers: int
    started: float


class RunEnded(NamedTuple):
    """How a run ended. Status is ``done``, ``failed``, ``incomplete`` (something is missing that we cannot make),
    ``cancelled`` or ``crashed``."""

    id: str
    ended: float
    status: str
    summary: str
    counts: Mapping[str, int]


class PlannedTask(NamedTuple):
    """One node of a plan. Verdict is ``run``, ``skip``, ``wait`` or ``broken``; the reason is for people."""

    id: str
    family: str
    module: str
    params: Mapping[str, str]
    verdict: str
    reason: str
    dependencies: tuple[str, ...]
    priority: float
    error: str
    hidden: tuple[str, ...] = ()
    """Names of the parameters that people do not see; they are not among the others."""
    owners: tuple[str, ...] = ()
    """Who is to hear of its failures, besides those who hear of all."""
    batched: tuple[str, ...] = ()
    """Names of the parameters in which tasks may differ that are done together."""
    outputs: str = ""
    """What it has, as `rumbo.worker.outputs` writes it, if it is complete and nothing here could have made it."""


class Observer(Protocol):
    """Somebody who watches a run: the history, a live view, a summary.

    Called from the one thread that drives the run. An observer must not block and must not raise: it reports its own
    trouble by itself.
    """

    def run_started(self, run: RunInfo) -> None:
        """A run begins. Called once, before all others."""
        ...

    def planned(self, run_id: str, nodes: Sequence[PlannedTask]) -> None:
        """Nodes of the plan, dependencies first. Called again for what running tasks ask for."""
        ...

    def happened(self, run_id: str, effects: Sequence[Effect]) -> None:
        """What the scheduler decided and learned, in order. The hottest call: put the list aside and return."""
        ...

    def attempt_log(self, run_id: str, task_id: str, attempt: int, path: str) -> None:
        """An attempt left output in the file at ``path``."""
        ...

    def run_ended(self, run: RunEnded) -> None:
        """The run is over. Called once, unless the process is killed."""
        ...

    def close(self) -> None:
        """Write what is still to be written and let go. Called once, last."""
        ...


class Foreign(NamedTuple):
    """Enough to build a task that the worker did not describe itself."""

    module: str
    family: str
    params: Mapping[str, str]


class Message(NamedTuple):
    """A message from a person to a running task."""

    id: str
    content: str


class Chronicle(Protocol):
    """Where a server's journal becomes history, a little later."""

    def follow(self, journal: str) -> int:
        """Become the history of a journal, given its id; gives the number of its last entry that was written."""
        ...

    def resume(self, runs: Sequence[RunInfo]) -> None:
        """Go on with runs that were under way at that entry."""
        ...

    def tell(self, number: int, facts: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        """All that follows from the journal up to entry ``number``, since the last time.

        They are calls of an `Observer`, and ``alert`` with an `Alert`; each takes what it cares for.
        """
        ...

    def flush(self, timeout: float | None = None) -> bool:
        """Write all that was told, and wait for it up to ``timeout`` seconds. False: it is not (yet) written."""
        ...


class Alert(NamedTuple):
    """Something that people, or their programs, want to be told."""

    id: str
    """The same whenever it is sent, so that who gets it twice can tell."""
    event: str
    """One of `rumbo.alerts.Event`."""
    at: float
    """Seconds since the epoch."""
    run: str = ""
    task: str = ""
    """Its id; empty if the alert is about a run or a worker."""
    family: str = ""
    params: Mapping[str, str] = {}
    """Those that may be shown."""
    group: str = ""
    """What the task has in common with others that it may be done together with."""
    owners: tuple[str, ...] = ()
    """Addresses of those who are responsible for it."""
    worker: str = ""
    attempt: int = 0
    message: str = ""
    """Why: a sentence or a traceback, cut at a length."""
    log: str = ""
    """The end of what the attempt printed."""
    link: str = ""
    """Address of the page that tells more; empty if there is none."""


class Sink(Protocol):
    """Where alerts go: a mail server, a service, a program that listens."""

    @property
    def name(self) -> str:
        """What tells it from other sinks; it stays the same from one start to the next, and holds no secret."""
        ...

    def send(self, alerts: Sequence[Alert]) -> None:
        """Deliver one message about these alerts, at least one.

        May block for a bounded time. Raises `SinkError` if it is not known to have arrived; then it is sent again.
        """
        ...


class Letter(NamedTuple):
    """An alert on its way to one sink."""

    sink: str
    alert: Alert
    due: float
    """When it is to be sent, or to be sent again."""
    tries: int = 0
    error: str = ""
    """Why the last try failed."""
    is_given_up: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from other letters."""
        return self.sink, self.alert.id


class Outbox(Protocol):
    """Letters that are not delivered yet, and those that were given up. May be used by several threads.

    Every method raises `StoreError` if nothing could be read or written.
    """

    def bookmark(self, journal: str) -> int:
        """Number of the last entry of a journal whose letters were put; 0 if none was."""
        ...

    def put(self, letters: Sequence[Letter], journal: str = "", number: int = 0) -> None:
        """Keep letters, and with them up to which entry the journal was read. One that is kept already stays."""
        ...

    def due(self, sink: str, now: float, most: int) -> list[Letter]:
        """Letters to a sink that are to be sent by now, the first ones first."""
        ...

    def next_due(self, sink: str) -> float | None:
        """When the next letter to a sink is to be sent; None if there is none."""
        ...

    def delivered(self, letters: Sequence[Letter]) -> None:
        """Forget letters that have arrived."""
        ...

    def keep(self, letters: Sequence[Letter]) -> None:
        """Note what letters say of themselves now: when they are due again, or that they are given up."""
        ...

    def undelivered(self) -> list[Letter]:
        """All letters, by when they are due; those that were given up last."""
        ...

    def forget(self, before: float) -> int:
        """Forget what was given up and happened before a moment; gives how many letters."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class Order(NamedTuple):
    """What a scheduler tells a worker to do: begin an attempt, go on with a parked one, or stop one."""

    verb: str
    """``start``, ``resume`` or ``stop``; from a server also ``message``, ``slots``, ``drain`` and ``request``."""
    lease: int
    tasks: tuple[str, ...]
    attempt: int = 1
    ended: tuple[Outcome, str] | None = None
    """With ``stop``: how the attempt has ended, and why, if the scheduler has ended it already."""
    outcome: Outcome | None = None
    """With ``stop``: how an attempt that runs shall be said to have ended; None: it was cancelled."""
    foreign: tuple[Foreign, ...] = ()
    """What each task is, if the worker did not describe it."""
    run: str = ""
    """The run that wants the task; empty: the worker's own."""
    message: Message | None = None
    """With ``message``: what to hand to the running task. With ``request``: what to plan."""
    slots: int = 0
    """With ``slots``: how many attempts the worker shall make at a time."""


class Outlook(NamedTuple):
    """What is left of the tasks a worker asked for, when there is nothing to do for it right now."""

    retries_at: float | None
    """When the first retry falls due that was promised within the run; None if none."""
    elsewhere: int
    """Tasks it waits for that another worker is running or may run; at least so many."""
    blocked: int
    """Tasks in line for it that wait for a resource or for the scheduler to go on after a pause."""
    done: tuple[str, ...] = ()
    """Tasks it wants that are done, if others may have done some of them."""
    failed: Mapping[str, str] = {}
    """Likewise, tasks that have failed, each with why."""
    withdrawn: tuple[str, ...] = ()
    """Likewise, tasks that somebody has cancelled."""
    believed: tuple[str, ...] = ()
    """Those of the done ones that had been done just before, so that their missing outputs are not believed yet."""


class SchedulerPort(Protocol):
    """How a worker talks with its scheduler, in this process or far away."""

    def register(self, run: str, specs: Sequence[TaskSpec]) -> None:
        """Describe tasks, dependencies before dependents or not. Describing a task again brings it up to date."""
        ...

    def exchange(self, reports: Sequence[Report], slots: int, wait: float) -> list[Order]:
        """Hand in what became of attempts, take up to ``slots`` new orders; also the sign of life.

        May block up to ``wait`` seconds for an order to come. Orders to stop do not count as slots.
        """
        ...

    def note(self, lease: int, kind: str, value: str) -> None:
        """Pass on what a running task says about itself. A lease that is over is ignored."""
        ...

    def shrink(self, lease: int, amounts: Mapping[str, float]) -> None:
        """Give back part of what a running task holds."""
        ...

    def refuse(self, lease: int, message: str) -> None:
        """Say that a task which somebody else described cannot be built here; it goes to others."""
        ...

    def drain(self) -> None:
        """Say that nothing new is wanted any more."""
        ...

    def outlook(self) -> Outlook:
        """What is left to hope for. Linear in the worker's unfinished tasks, so asked only when idle."""
        ...

    def leave(self) -> None:
        """Give back all leases and go. Tasks that nobody else wants are forgotten in time."""
        ...


class Entry(NamedTuple):
    """One line of a server's journal: something that was asked of it and that changed what it knows."""

    number: int
    """From 1, without gaps."""
    at: float
    """Seconds since the epoch; the moment that counts when the entry is carried out again."""
    kind: str
    body: bytes
    lease: int
    """The last lease that had been granted when it was carried out, by which a disagreement is noticed."""


class Journal(Protocol):
    """What a server has promised to remember. Written before it answers."""

    @property
    def id(self) -> str:
        """What tells this journal from all others."""
        ...

    def snapshot(self) -> tuple[int, bytes] | None:
        """The latest snapshot, with the number of the entry after which it was taken; None if there is none."""
        ...

    def entries(self, after: int) -> Iterator[Entry]:
        """The entries with higher numbers, in order."""
        ...

    def append(self, entries: Sequence[Entry]) -> None:
        """Write entries, all or none. When this returns they are safe; raises `StoreError` if they are not."""
        ...

    def save(self, number: int, body: bytes) -> None:
        """Keep a snapshot taken after the entry with this number, and forget what it makes superfluous."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class Host(Protocol):
    """A server as its guests see it."""

    machine: Machine
    at: float
    """The moment of what is being carried out, in seconds since the epoch."""

    def obey(self, commands: Iterable[Command], at: float) -> list[Effect]:
        """Carry out commands; gives what happened. Raises `CommandRejected`."""
        ...

    def has_planned(self, run: str, task: str) -> bool:
        """Whether a task is known to be part of a run that is open."""
        ...

    def plan(self, run: RunInfo, nodes: Sequence[PlannedTask]) -> None:
        """Tell those who watch of tasks of a run, which is opened if it is not open."""
        ...


class Guest(Protocol):
    """Who speaks another dialect with workers of its own, over the machine of a `Host`.

    What it does must follow from the calls in their order and their moments: after a restart they are carried out
    again.
    """

    def call(self, method: str, arguments: Mapping[str, Any]) -> tuple[Any, bool]:
        """Answer a call; gives the reply, and whether it must be remembered. Raises `RumboError`."""
        ...

    def carry_out(self, body: bytes) -> object:
        """A call from the journal once more: JSON of the method and the arguments. Raises `RumboError`."""
        ...

    def observe(self, effects: Sequence[Effect]) -> None:
        """What happened to the machine, whoever caused it."""
        ...

    def save(self) -> str:
        """What must be remembered beside the machine."""
        ...

    def restore(self, saved: str) -> None:
        """Remember what was saved, or nothing if it is empty, with the machine that the host has now."""
        ...


class Ended(NamedTuple):
    """What became of an attempt, or of a stretch of it up to a ``yield``, as its executor tells."""

    lease: int
    outcome: Outcome
    message: str = ""
    retryable: bool = True
    needs: tuple[Task, ...] = ()
    """With PARKED: the tasks that ``run()`` yielded and that are not complete."""
    seconds: float = 0.0
    """Time spent in this stretch."""
    log: str = ""
    """Path of the file with what the attempt printed; empty if it printed nothing or nobody keeps it."""
    died: bool = False
    """The process that made the attempt died, and the message says how."""
    exit_code: int | None = None
    """Its exit code then; minus the signal that ended it."""
    outputs: str = ""
    """With DONE: what the task has made, as `rumbo.worker.outputs` writes it."""


class Said(NamedTuple):
    """What a task says: ``message``, ``progress``, ``tracking_url``, ``resources`` it gives back, or a ``reply``."""

    lease: int
    kind: str
    value: str


class Voice(Protocol):
    """How a running attempt speaks to the world, wherever it runs."""

    def say(self, lease: int, kind: str, value: str) -> None:
        """Pass on what the task says."""
        ...

    def hear(self, lease: int, timeout: float | None) -> Message | None:
        """The next message to the task; None if there is none within ``timeout`` seconds (None: wait forever)."""
        ...


class Runner(Protocol):
    """What carries out attempts inside a process. It keeps the generators of parked ones.

    Executors do not know what an attempt is; they are given a runner.
    """

    def start(self, lease: int, task: Task, voice: Voice) -> Ended | Awaitable[Ended]:
        """Run an attempt to its end or to a ``yield`` that must wait. Never raises, but for KeyboardInterrupt."""
        ...

    def resume(self, lease: int, task: Task, voice: Voice) -> Ended | Awaitable[Ended]:
        """Go on with a parked attempt; one that this process does not have is replayed from its beginning."""
        ...

    def drop(self, lease: int) -> None:
        """Close the generator of a parked attempt that will not go on."""
        ...


class Spool(Protocol):
    """Where the output of one process goes, an attempt at a time."""

    def redirect(self, *descriptors: int) -> None:
        """Let these descriptors of the process (1 and 2, usually) write here from now on."""
        ...

    def begin(self, task_id: str, attempt: int) -> None:
        """Say whose output comes next."""
        ...

    def harvest(self, task_id: str, attempt: int) -> str | None:
        """The attempt is over: the path of the file with its output, or None if there was none."""
        ...


class Page(Protocol):
    """Where the output of one attempt goes that shares its process with others."""

    def write(self, data: bytes) -> bool:
        """Keep something; False if that is not possible. May be called from several threads."""
        ...

    def harvest(self) -> str | None:
        """The attempt is over: the path of the file with its output, or None if there was none."""
        ...


class Logs(Protocol):
    """Where the output of a run's attempts is kept."""

    def open_page(self, task_id: str, attempt: int) -> Page:
        """A page for one attempt, or for a stretch of it."""
        ...

    def salvage_page(self, task_id: str, attempt: int) -> str | None:
        """The path of what an attempt with a page printed before its process died; None if it was nothing."""
        ...

    def open_spool(self, slot: str) -> Spool | None:
        """A spool for one process, known by its slot; None if there can be none."""
        ...

    def salvage(self, slot: str) -> tuple[str, str] | None:
        """What a process that died left: the name of its attempt's log, and its path; None if nothing."""
        ...


class Executor(Protocol):
    """Where a worker lets attempts happen. Driven by one thread."""

    def open(self, tasks: Mapping[str, Task]) -> None:
        """Get ready. Called once, after planning and before any thread is started, with all tasks of the plan."""
        ...

    def room(self) -> int:
        """How many more attempts it can begin at this moment."""
        ...

    def start(self, order: Order, task: Task) -> None:
        """Begin an attempt. Returns at once; the outcome comes from `wait`."""
        ...

    def resume(self, order: Order, task: Task) -> None:
        """Go on with a parked attempt, in the process that has it if that is still there."""
        ...

    def stop(self, lease: int, outcome: Outcome) -> None:
        """End an attempt by force, with all processes it started; its outcome will be ``outcome``."""
        ...

    def drop(self, lease: int) -> None:
        """Let go of a parked attempt that will not go on."""
        ...

    def deliver(self, lease: int, message: Message) -> None:
        """Hand a message to a running attempt; without effect if it is over."""
        ...

    def wait(self, timeout: float | None) -> list[Ended | Said]:
        """What happened, waiting up to ``timeout`` seconds (None: until something does) if nothing has yet."""
        ...

    def listen(self) -> None:
        """Be ready for `wake`. Called after `open`."""
        ...

    def wake(self) -> None:
        """End a `wait` under way, or the next one. May be called from any thread."""
        ...

    def close(self) -> None:
        """End everything, by force where it must be. Nothing is left running."""
        ...
