"""The machine and what surrounds it: who is connected, which orders are on their way, which runs are open.

A coordinator is a function of its entries, like the machine: it has no clock and does not wait, and the same entries in
the same order make the same coordinator. So its journal is all that must be kept, and a restart is reading it again.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping  # noqa: TC003 - snapshots are read by the annotations
from typing import TYPE_CHECKING, Any, NamedTuple

from rumbo import codec
from rumbo.codec import WireOrder, WireOutlook, WorkerInfo, WorkRequest
from rumbo.errors import CommandRejected, ProtocolError, RumboError, WorkerGone
from rumbo.ports import Foreign, PlannedTask, RunEnded, RunInfo
from rumbo.scheduler import commands as do
from rumbo.scheduler import memento
from rumbo.scheduler.effects import Assigned, AttemptEnded, Forgotten, Resumed, StateChanged, StopAsked
from rumbo.scheduler.machine import Machine
from rumbo.scheduler.records import State
from rumbo.scheduler.transitions import FINISHED, HELD, Cause
from rumbo.scheduler.views import able_workers, prospects, waits_for_others

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rumbo.ports import Entry, Guest, Observer
    from rumbo.scheduler.effects import Effect
    from rumbo.scheduler.machine import Policy
    from rumbo.scheduler.records import TaskRecord

log = logging.getLogger("rumbo.server")

_REPLIES_KEPT = 1000
_QUIET = 5.0
"""Seconds for which a guest has named no more tasks before its run may be taken for over."""
_BAD = {"failed", "disabled"}


class Telling(NamedTuple):
    """Something that a person wants a worker to be told: entry kind ``tell``."""

    worker: str
    verb: str
    """``slots``, ``drain``, ``request``, or ``message`` to a running task."""
    text: str = ""
    task: str = ""
    message: str = ""


class Seat:
    """A worker as the coordinator knows it, beside what the machine knows of it."""

    __slots__ = ("info", "is_draining", "outbox", "received", "request", "room", "sent", "slots", "worker")

    def __init__(self, worker: str, info: WorkerInfo) -> None:
        self.worker = worker
        self.info = info
        self.request = 0
        """Number of its last request that was carried out."""
        self.sent = 0
        """Number of the last order for it."""
        self.received = 0
        """Number of the last order that is known to have arrived."""
        self.room = 0
        """How many attempts it could begin now, by its own word and what was given to it since."""
        self.slots = info.slots
        """How many attempts it makes at a time."""
        self.is_draining = False
        self.outbox: deque[WireOrder] = deque()
        """Orders that may not have arrived."""

    def acknowledge(self, received: int) -> None:
        """Forget the orders that have arrived."""
        self.received = max(self.received, received)
        while self.outbox and self.outbox[0].number <= received:
            self.outbox.popleft()


class OpenRun:
    """A run that is not over."""

    __slots__ = ("believed", "info", "is_detached", "orphan_since", "planned_at", "tasks", "worker")

    def __init__(self, info: RunInfo, worker: str, is_detached: bool = False) -> None:
        self.info = info
        self.worker = worker
        self.is_detached = is_detached
        """Nobody waits for its end. Its tasks are wanted by a worker of the machine that has the name of the run, and
        that neither works nor speaks."""
        self.tasks: dict[str, None] = {}
        self.believed: dict[str, None] = {}
        """Tasks that stay done, though the run does not find their outputs; for its last words, so not kept."""
        self.orphan_since: float | None = None
        """When its worker went away; what it wanted may still be done by others, and the worker may come back."""
        self.planned_at: float | None = None
        """When tasks were added to it last, for a guest's: one that never says that its run is over."""


class SeatMemento(NamedTuple):
    """What must be remembered of a `Seat`."""

    worker: str
    info: WorkerInfo
    request: int
    sent: int
    received: int
    room: int
    is_draining: bool
    outbox: list[WireOrder]
    slots: int


class RunMemento(NamedTuple):
    """What must be remembered of an `OpenRun`."""

    info: RunInfo
    worker: str
    tasks: list[str]
    orphan_since: float | None
    planned_at: float | None = None
    is_detached: bool = False


class About(NamedTuple):
    """What people may not see of a task, and who is responsible for it."""

    hidden: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()


_NOTHING = About()


class CoordinatorMemento(NamedTuple):
    """All that must be remembered of a coordinator."""

    machine: memento.Memento
    seats: list[SeatMemento]
    runs: list[RunMemento]
    replies: list[tuple[str, str]]
    guests: Mapping[str, str] = {}
    """By kind: what each remembers."""
    about: Mapping[str, About] = {}
    """By task, where there is anything."""


class Coordinator:
    """Carries out entries of the journal.

    Args:
        policy: of the machine. Whether workers are silent is not for it to find out: the daemon tells it.
        capacity: how much there is of each resource, until people change it.
    """

    def __init__(self, policy: Policy, capacity: Mapping[str, float]) -> None:
        self.machine = Machine(policy, capacity)
        self.seats: dict[str, Seat] = {}
        self.runs: dict[str, OpenRun] = {}
        self.replies: dict[str, str] = {}
        """What was answered to messages and requests, by their ids; the latest thousand."""
        self.on_reply: Callable[[str], object] = lambda id: None
        """Called with the id of what was answered."""
        self.observers: list[Observer] = []
        """Told of everything, in order."""
        self.listeners: list[Callable[[Sequence[Effect]], None]] = []
        """Given all effects as they are, whatever run they belong to."""
        self.guests: dict[str, Guest] = {}
        """Who speaks another dialect, by the kind of the entries that are for them."""
        self._about: dict[str, About] = {}
        self._runs_of: dict[str, tuple[str, ...]] = {}
        """By task: the open runs that want it."""
        self._detached_by_root: dict[str, tuple[str, ...]] = {}
        """By task: the runs that nobody watches and that have it as a root."""
        self._stirred: dict[str, None] = {}
        """Those of them of which a root was finished since somebody looked."""
        self.addressed: dict[str, None] = {}
        """Workers for which there are new orders; whoever delivers those clears it."""
        self.at = 0.0
        """When the latest entry was carried out."""

    # -- entries ----------------------------------------------------------------------------------------------------

    def carry_out(self, entry: Entry) -> None:
        """Carry out an entry of the journal once more. What was rejected then is rejected again."""
        try:
            if entry.kind == "work":
                self.work(codec.decode_request(entry.body), entry.at)
            elif entry.kind == "do":
                self.obey(codec.decode_commands(entry.body), entry.at)
            elif entry.kind == "tell":
                self.tell(codec.decode(entry.body, Telling, "word to a worker"), entry.at)
            elif entry.kind == "log":
                self.attempt_log(*codec.decode(entry.body, tuple[str, str, int, str], "log"))
            elif entry.kind == "close":
                self.close_run(codec.decode(entry.body, str, "run"), entry.at)
            elif entry.kind in self.guests:
                self._recall(entry)
        except CommandRejected:
            pass

    def _recall(self, entry: Entry) -> None:
        self.at = entry.at
        try:
            self.guests[entry.kind].carry_out(entry.body)
        except RumboError:
            pass
        except Exception:  # it ended in the same way when it came, and must not keep the server from starting
            log.exception("journal: entry %d of the kind %s", entry.number, entry.kind)

    def call(self, kind: str, method: str, arguments: Mapping[str, Any], at: float) -> tuple[Any, bool]:
        """Let a guest answer a call. Raises and gives what `Guest.call` does."""
        self.at = at
        return self.guests[kind].call(method, arguments)

    def obey(self, commands: Iterable[do.Command], at: float) -> list[Effect]:
        """Carry out commands; gives what happened.

        Raises:
            CommandRejected: one cannot be carried out. Those before it have been.
        """
        self.at = at
        effects: list[Effect] = []
        for command in commands:
            effects += self._apply(command)
            if isinstance(command, do.Lose | do.Leave):
                may_return = isinstance(command, do.Lose) and command.worker in self.seats
                self._unseat(command.worker, at if may_return else 0.0)
        return effects

    def work(self, request: WorkRequest, at: float) -> Seat:
        """Carry out what a worker says, unless that was done before.

        Raises:
            WorkerGone: the worker is not known (any more): it must join under a new name.
            ProtocolError: it says something that makes no sense here.
            CommandRejected: the machine refused a part of it; what came before that has happened.
        """
        self.at = at
        seat = self.seats.get(request.worker)
        if seat is None:
            seat = self._welcome(request)
        elif request.number > seat.request:
            seat.request = request.number
            self._hear(seat, request)
        seat.acknowledge(request.received)
        return seat

    def is_news(self, request: WorkRequest) -> bool:
        """Whether carrying out a request would change anything that must be kept."""
        seat = self.seats.get(request.worker)
        return seat is None or request.number > seat.request

    def _welcome(self, request: WorkRequest) -> Seat:
        joining = request.said[0] if request.said else None
        if not isinstance(joining, codec.Joining):
            raise WorkerGone(request.worker)
        if joining.protocol != codec.PROTOCOL:
            raise ProtocolError(
                f"The worker speaks version {joining.protocol} of the protocol and this server version "
                f"{codec.PROTOCOL}: install the same Rumbo on both sides."
            )
        self._apply(do.Join(request.worker, joining.pools, joining.assistant, joining.capacity))
        seat = self.seats[request.worker] = Seat(request.worker, joining.info)
        seat.request = request.number
        self._hear(seat, request)
        return seat

    def _hear(self, seat: Seat, request: WorkRequest) -> None:
        worker = request.worker
        reports: list[do.Report] = []
        for saying in request.said:
            if isinstance(saying, codec.Reporting):
                reports += saying.reports
                continue
            if reports:
                self._apply(do.Exchange(worker, reports, 0))
                reports = []
            self._take(seat, saying)
        if worker not in self.seats:
            return  # it has left
        seat.room = 0 if seat.is_draining else request.slots
        if reports or seat.room:
            self._apply(do.Exchange(worker, reports, seat.room))

    def _take(self, seat: Seat, saying: codec.Sayings) -> None:
        worker = seat.worker
        match saying:
            case codec.Describing():
                self._describe(worker, saying)
            case codec.Noting(lease=lease, kind="reply", value=value):
                self._keep_reply(lease, value)
            case codec.Noting():
                self._apply(do.Note(worker, saying.lease, saying.kind, saying.value))
            case codec.Shrinking():
                self._apply(do.ShrinkResources(worker, saying.lease, saying.amounts))
            case codec.Refusing():
                self._apply(do.Refuse(worker, saying.lease, saying.message))
            case codec.Beginning(run=run, is_detached=True):
                self._begin_detached(run)
            case codec.Beginning():
                self._begin(saying.run, worker)
            case codec.Replanning():
                for observer in self.observers:
                    observer.planned(saying.run, saying.nodes)
            case codec.Ending():
                self._end_run(saying.ended)
            case codec.Draining():
                seat.is_draining = True
            case codec.Leaving():
                self._apply(do.Leave(worker))
                self._unseat(worker, 0.0)

    def _begin(self, info: RunInfo, worker: str) -> None:
        """Open a run, or hand one whose worker was taken for lost to that worker's new name."""
        run = self.runs.get(info.id)
        if run is not None:
            run.worker = worker
            run.orphan_since = None
            return
        self.runs[info.id] = OpenRun(info, worker)
        for observer in self.observers:
            observer.run_started(info)

    def _begin_detached(self, info: RunInfo) -> None:
        """Open a run that needs nobody to watch it."""
        if info.id in self.runs:
            return
        self._apply(do.Join(info.id, ()))
        self.runs[info.id] = OpenRun(info, info.id, is_detached=True)
        self._note_roots(info)
        for observer in self.observers:
            observer.run_started(info)

    def _note_roots(self, info: RunInfo) -> None:
        for root in info.roots:
            self._detached_by_root[root] = (*self._detached_by_root.get(root, ()), info.id)
        self._stirred[info.id] = None  # all of it may be complete already

    def is_detached(self, worker: str) -> bool:
        """Whether a worker of the machine only stands for a run that nobody watches."""
        run = self.runs.get(worker)
        return run is not None and run.is_detached

    def tell(self, telling: Telling, at: float) -> None:
        """Put a person's word to a worker on its way.

        Raises:
            CommandRejected: there is no such worker, or nobody who would read a message.
        """
        self.at = at
        if telling.verb == "message":
            task = self.machine.tasks.get(telling.task)
            lease = self.machine.leases.get(task.lease) if task is not None else None
            if task is None or lease is None:
                raise CommandRejected(f"{telling.task} is not running, so there is nobody to read a message.")
            if not task.spec.accepts_messages:
                raise CommandRejected(
                    f"{telling.task} looks for no messages: give {task.spec.family} the attribute `accepts_messages = "
                    "True`, and let its run() read `self.scheduler_messages`."
                )
            seat = self.seats.get(lease.worker)
            if seat is None:
                raise CommandRejected(
                    f"{telling.task} is run by a worker of Luigi's, and only Luigi's API writes to those."
                )
            self._order(seat, "message", lease.number, text=telling.text, message=telling.message)
            return
        seat = self.seats.get(telling.worker)
        if seat is None:
            raise CommandRejected(f"There is no worker {telling.worker!r} connected.")
        if telling.verb == "drain":
            seat.is_draining = True
        elif telling.verb == "slots":
            seat.slots = int(telling.text)
        self._order(seat, telling.verb, text=telling.text, message=telling.message)

    def _keep_reply(self, lease: int, value: str) -> None:
        id, text = codec.decode(value.encode(), tuple[str, str], "reply to a message")
        self.replies[id] = text
        self.on_reply(id)
        while len(self.replies) > _REPLIES_KEPT:
            del self.replies[next(iter(self.replies))]

    # -- tasks and orders -------------------------------------------------------------------------------------------

    def _describe(self, worker: str, saying: codec.Describing) -> None:
        run = self.runs.get(saying.run)
        specs = [each.spec for each in saying.tasks]
        for each in saying.tasks:
            self._note_about(each.spec.id, each.hidden, each.owners)
        if run is not None:  # else it is over, and what it asked for goes on without it
            self._note_tasks(run, [spec.id for spec in specs])
            if self.observers:
                nodes = [_planned(each) for each in saying.tasks]
                for observer in self.observers:
                    observer.planned(saying.run, nodes)
            if run.is_detached:
                worker = saying.run
        self._apply(do.Register(worker, saying.run, specs, saying.is_certain))
        if run is not None:
            tasks = self.machine.tasks
            pending, done = State.PENDING, State.DONE
            stay_done = [spec.id for spec in specs if spec.state is pending and tasks[spec.id].state is done]
            run.believed.update(dict.fromkeys(stay_done))

    def about(self, id: str) -> About:
        """What people may not see of a task, and who is responsible for it."""
        return self._about.get(id, _NOTHING)

    def _note_about(self, id: str, hidden: tuple[str, ...], owners: tuple[str, ...]) -> None:
        if hidden or owners:
            self._about[id] = About(hidden, owners)

    def _note_tasks(self, run: OpenRun, ids: Sequence[str]) -> None:
        """These tasks belong to a run, from now on if not before."""
        runs_of, id_of_run = self._runs_of, (run.info.id,)
        for id in ids:
            if id not in run.tasks:
                run.tasks[id] = None
                known = runs_of.get(id)
                runs_of[id] = id_of_run if known is None else (*known, run.info.id)

    def has_planned(self, run: str, task: str) -> bool:
        """Whether a task is known to be part of a run that is open."""
        known = self.runs.get(run)
        return known is not None and task in known.tasks

    def plan(self, run: RunInfo, nodes: Sequence[PlannedTask]) -> None:
        """Tell those who watch of tasks of a guest's run, which is that of a worker of the same name."""
        if run.id not in self.runs:
            self._begin(run, run.id)
        self.runs[run.id].planned_at = self.at
        self._note_tasks(self.runs[run.id], [node.id for node in nodes])
        for node in nodes:
            self._note_about(node.id, node.hidden, node.owners)
        for observer in self.observers:
            observer.planned(run.id, nodes)

    def _apply(self, command: do.Command) -> list[Effect]:
        effects = self.machine.apply(command, self.at)
        for effect in effects:
            if type(effect) is Assigned:
                self._send_start(effect)
            elif type(effect) is Resumed:
                seat = self.seats[effect.worker]
                seat.room -= 1
                self._order(seat, "resume", effect.lease, (effect.task,))
            elif type(effect) is StopAsked:
                self._send_stop(effect, effects)
            elif type(effect) is Forgotten:
                self._runs_of.pop(effect.task, None)
                self._about.pop(effect.task, None)
        if effects:
            self._tell(effects)
            if self._detached_by_root:
                self._stir(effects)
        return effects

    def _send_start(self, given: Assigned) -> None:
        seat = self.seats.get(given.worker)
        if seat is None:
            return  # a worker that speaks another dialect, and has the effect itself
        seat.room -= 1
        tasks = [self.machine.tasks[id] for id in given.tasks]
        foreign: tuple[Foreign, ...] = ()
        is_assistant = self.machine.workers[given.worker].assistant
        is_portable = all(task.spec.portable for task in tasks)  # else only who described it has all that it takes
        if is_portable and (is_assistant or any(given.worker not in task.stakeholders for task in tasks)):
            foreign = tuple([Foreign(task.spec.module, task.spec.family, task.spec.params) for task in tasks])
        self._order(seat, "start", given.lease, given.tasks, given.attempt, foreign=foreign, run=tasks[0].run)

    def _send_stop(self, asked: StopAsked, effects: Sequence[Effect]) -> None:
        seat = self.seats.get(asked.worker)
        if seat is None:
            return
        ended = next((each for each in effects if type(each) is AttemptEnded and each.lease == asked.lease), None)
        outcome, why = (ended.outcome, ended.message) if ended is not None else (None, "")
        self._order(seat, "stop", asked.lease, (asked.task,), outcome=outcome, text=why)

    def _order(
        self, seat: Seat, verb: str, lease: int = 0, tasks: tuple[str, ...] = (), attempt: int = 1, **more: object
    ) -> None:
        seat.sent += 1
        self.addressed[seat.worker] = None
        seat.outbox.append(WireOrder(seat.sent, verb, lease, tasks, attempt, **more))  # type: ignore[arg-type]

    def outlook(self, worker: str) -> WireOutlook:
        """What a worker may still hope for. Linear in the tasks that it wants, unless others are busy with some."""
        machine = self.machine
        if waits_for_others(machine, worker):
            return WireOutlook(None, 1, 0)
        left = prospects(machine, worker)
        done: list[str] = []
        failed: dict[str, str] = {}
        withdrawn: list[str] = []
        for id in machine.workers[worker].tasks:
            task = machine.tasks[id]
            if task.state is State.DONE:
                done.append(id)
            elif task.state in (State.FAILED, State.DISABLED) and task.retry_at is None:
                failed[id] = str(task.story[-1])
            elif task.state is State.CANCELLED:
                withdrawn.append(id)
        believed = [id for run in self.runs.values() if run.worker == worker for id in run.believed]
        return WireOutlook(
            left.retries_at, left.elsewhere, left.ready, tuple(done), failed, tuple(withdrawn), tuple(believed)
        )

    # -- runs and those who watch -----------------------------------------------------------------------------------

    def _tell(self, effects: list[Effect]) -> None:
        for guest in self.guests.values():
            guest.observe(effects)
        for listen in self.listeners:
            listen(effects)
        if self.observers:
            for run, part in self._by_run(effects):
                for observer in self.observers:
                    observer.happened(run, part)

    def _by_run(self, effects: list[Effect]) -> Iterable[tuple[str, list[Effect]]]:
        """The effects that each open run is concerned with.

        That a task changed its state concerns every run that wants it; an attempt belongs to one of them, the one that
        asked for the task last.
        """
        if len(self.runs) == 1:
            return [(next(iter(self.runs)), effects)]
        parts: dict[str, list[Effect]] = {}
        for effect in effects:
            if type(effect) is StateChanged:
                concerned = self._runs_of.get(effect.task, ())
            else:
                tasks = effect.tasks if type(effect) is Assigned else (getattr(effect, "task", ""),)
                concerned = self._owner(tasks[0])
            for run in concerned:
                if run in self.runs:
                    parts.setdefault(run, []).append(effect)
        return parts.items()

    def _owner(self, id: str) -> tuple[str, ...]:
        task = self.machine.tasks.get(id)
        if task is not None and task.run in self.runs:
            return (task.run,)
        return tuple(run for run in self._runs_of.get(id, ()) if run in self.runs)[:1]

    def attempt_log(self, run: str, task: str, attempt: int, path: str) -> None:
        """An attempt's output lies in this file."""
        if run in self.runs:
            for observer in self.observers:
                observer.attempt_log(run, task, attempt, path)

    def _end_run(self, ended: RunEnded) -> None:
        run = self.runs.get(ended.id)
        if run is None:
            return
        for observer in self.observers:
            observer.run_ended(ended)
        del self.runs[ended.id]
        if run.is_detached:
            self._apply(do.Leave(ended.id))
            for root in run.info.roots:
                rest = tuple([each for each in self._detached_by_root.pop(root, ()) if each != ended.id])
                if rest:
                    self._detached_by_root[root] = rest
        for id in run.tasks:
            rest = tuple([each for each in self._runs_of.get(id, ()) if each != ended.id])
            if rest:
                self._runs_of[id] = rest
            else:
                self._runs_of.pop(id, None)

    def _unseat(self, worker: str, since: float) -> None:
        """A worker is gone, since a moment from which on it may be waited for; who left will not come back."""
        self.seats.pop(worker, None)
        for run in self.runs.values():
            if run.worker == worker:
                run.orphan_since = since

    def abandoned_runs(self, before: float) -> list[str]:
        """Runs whose worker went away ``before`` a moment, and for which nobody does anything any more.

        Linear in their tasks.
        """
        quiet = self.at - _QUIET
        return [
            id
            for id, run in self.runs.items()
            if (
                (run.orphan_since is not None and run.orphan_since <= before)
                or (run.planned_at is not None and run.planned_at <= quiet)
                or run.is_detached
            )
            and not self._is_under_way(run)
        ]

    def settled_runs(self) -> list[str]:
        """Of the runs that nobody watches: those of which a root was finished just now, and nothing is left to do.

        Others that come to their end in another way are among the abandoned ones.
        """
        stirred, self._stirred = self._stirred, {}
        return [id for id in stirred if id in self.runs and self._is_settled(self.runs[id])]

    def _is_settled(self, run: OpenRun) -> bool:
        roots = [self.machine.tasks.get(root) for root in run.info.roots]
        return all(root is None or root.state in FINISHED for root in roots) and not self._is_under_way(run)

    def _stir(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if type(effect) is StateChanged and effect.new in FINISHED:
                self._stirred.update(dict.fromkeys(self._detached_by_root.get(effect.task, ())))

    def _is_under_way(self, run: OpenRun) -> bool:
        is_detached = run.is_detached
        for id in run.tasks:
            task = self.machine.tasks.get(id)
            if task is None or (task.run != run.info.id and not is_detached):
                continue
            if task.state in HELD or task.retry_at is not None:
                return True
            if task.state is not State.PENDING or task.missing:
                continue
            # Where nobody waits, a worker may come at any time.
            if task.spec.runnable if is_detached else able_workers(self.machine, task):
                return True
        return False

    def close_run(self, id: str, at: float) -> None:
        """End a run whose worker is gone, by what became of its tasks."""
        self.at = at
        run = self.runs.get(id)
        if run is None:
            return
        counts: dict[str, int] = {}
        for each in run.tasks:
            task = self.machine.tasks.get(each)
            name = task.state.name.lower() if task is not None else "forgotten"
            if run.is_detached and task is not None and _was_complete(task, run.info.started):
                name = "complete"
            counts[name] = counts.get(name, 0) + 1
        roots = [self.machine.tasks.get(root) for root in run.info.roots or tuple(run.tasks)]
        is_done = all(root is not None and root.state is State.DONE for root in roots)
        if run.is_detached:
            status, summary = _outcome(is_done, counts)
        elif run.planned_at is not None:
            status = "done" if is_done else "failed" if counts.keys() & _BAD else "incomplete"
            summary = "Its worker has nothing more to do." if is_done else "Its worker cannot do more."
        else:
            status = "done" if is_done else "crashed"
            summary = f"Worker {run.worker} went away before its run was over"
            summary += "; others finished it." if is_done else "."
        self._end_run(RunEnded(id, at, status, summary, counts))

    # -- writing down -----------------------------------------------------------------------------------------------

    def save(self) -> bytes:
        """All that must be kept, as JSON."""
        seats = [
            SeatMemento(
                each.worker,
                each.info,
                each.request,
                each.sent,
                each.received,
                each.room,
                each.is_draining,
                list(each.outbox),
                each.slots,
            )
            for each in self.seats.values()
        ]
        runs = [
            RunMemento(each.info, each.worker, list(each.tasks), each.orphan_since, each.planned_at, each.is_detached)
            for each in self.runs.values()
        ]
        replies = list(self.replies.items())
        guests = {kind: guest.save() for kind, guest in self.guests.items()}
        saved = CoordinatorMemento(memento.save(self.machine), seats, runs, replies, guests, self._about)
        return codec.encode(saved)

    def restore(self, body: bytes) -> None:
        """Become what was saved.

        Raises:
            ProtocolError: it was saved by a version that writes it in another way.
        """
        saved: CoordinatorMemento = codec.decode(body, CoordinatorMemento, "snapshot of a server")
        self.machine = memento.restore(saved.machine, self.machine.policy)
        for each in saved.seats:
            seat = self.seats[each.worker] = Seat(each.worker, each.info)
            seat.request, seat.sent, seat.received, seat.room = each.request, each.sent, each.received, each.room
            seat.is_draining, seat.slots = each.is_draining, each.slots
            seat.outbox.extend(each.outbox)
        for one in saved.runs:
            run = self.runs[one.info.id] = OpenRun(one.info, one.worker, one.is_detached)
            run.tasks = dict.fromkeys(one.tasks)
            run.orphan_since, run.planned_at = one.orphan_since, one.planned_at
            if one.is_detached:
                self._note_roots(one.info)
            for id in one.tasks:
                self._runs_of[id] = (*self._runs_of.get(id, ()), one.info.id)
        self.replies = dict(saved.replies)
        self._about = dict(saved.about)
        for kind, guest in self.guests.items():
            guest.restore(saved.guests.get(kind, ""))


def _was_complete(task: TaskRecord, before: float) -> bool:
    """Whether a task was found complete, or had been done before a moment."""
    if task.state is not State.DONE or not task.story:
        return False
    at, cause = task.story[-2:]
    return cause == Cause.FOUND_COMPLETE or float(at) < before


def _outcome(is_done: bool, counts: Mapping[str, int]) -> tuple[str, str]:
    """Status and summary of a run that nobody watched, by the states of its tasks."""
    if is_done:
        return "done", "Workers have finished it."
    failed = sum(counts.get(state, 0) for state in _BAD)
    if failed:
        return "failed", f"{failed:,} task{'s' if failed > 1 else ''} failed."
    if counts.get("cancelled"):
        return "cancelled", "It was cancelled."
    return "incomplete", "Something is missing that must come from elsewhere, or is broken."


def _planned(described: codec.Described) -> PlannedTask:
    spec = described.spec
    params = spec.params
    if described.hidden or spec.hidden:
        hidden = {*described.hidden, *spec.hidden}
        params = {name: text for name, text in params.items() if name not in hidden}
    return PlannedTask(
        spec.id,
        spec.family,
        spec.module,
        params,
        described.verdict,
        described.reason,
        spec.dependencies,
        spec.priority,
        described.error,
        described.hidden,
        described.owners,
        outputs=described.outputs,
    )
