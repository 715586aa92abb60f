"""A scheduler far away: what the worker says is sent, what the server orders is kept, and nothing is lost between.

Two threads talk with the server while the worker's own thread works. One sends what there is to say, as soon as there
is something, and everything that has come together meanwhile with it. The other waits for orders. Either may find the
server gone; then it tries again, ever more rarely, for as long as it was told to.

A worker whose tasks are short asks for more of them than it can begin, so that it need not wait for the network between
two of them; how many follows from how long they take, and what waits too long here is given back for others.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from rumbo import codec
from rumbo.codec import Described, WorkerInfo, WorkRequest
from rumbo.errors import AccessDenied, ProtocolError, SchedulerUnreachable, WorkerGone
from rumbo.ports import Foreign, Message, Order, Outlook
from rumbo.scheduler.commands import Report
from rumbo.scheduler.effects import Assigned, AttemptEnded, Noted, Refused, StateChanged
from rumbo.scheduler.records import NO_RESOURCES, Outcome, State
from rumbo.wire.connection import ServerDown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rumbo.clock import Clock
    from rumbo.codec import Sayings, WireOrder, WireOutlook, WorkReply
    from rumbo.ports import PlannedTask, RunEnded, RunInfo
    from rumbo.scheduler.effects import Effect
    from rumbo.scheduler.records import TaskSpec
    from rumbo.wire.connection import Connection

_HORIZON = 0.02
"""Seconds of work that may wait here."""
_MOST_AHEAD = 512
_TOO_LONG = 0.25
"""Seconds after which what waits here goes back."""
_FEW = 8
"""With no more than this to do at hand, ends of tasks are told at once."""
_LINGER = 0.01
"""Seconds for which they are gathered otherwise."""
_CHUNK = 2000
"""Tasks that are described in one request."""


class Patience(NamedTuple):
    """How a worker bears a server that does not answer. Times in seconds."""

    total: float = 86_400.0
    """For so long it tries again."""
    first: float = 0.1
    """Before the second try, and twice as long before each further one."""
    longest: float = 15.0


class _Held(NamedTuple):
    """An attempt that this worker has begun, or parked."""

    order: Order
    since: float


class RemoteScheduler:
    """`SchedulerPort` and `Observer` over a server.

    Args:
        connection: to the server.
        worker: the worker's id; a worker that was taken for lost joins again under another one made from it.
        info: for people.
        watch: told of what happens to this worker's own attempts, as far as it knows by itself.
        pools: the pools it serves.
        assistant: whether it also runs what others asked for.
        capacity: what it has of its own.
        patience: with a server that does not answer.
    """

    def __init__(
        self,
        connection: Connection,
        worker: str,
        info: WorkerInfo,
        clock: Clock,
        watch: Callable[[Sequence[Effect]], None],
        pools: tuple[str, ...] = ("default",),
        assistant: bool = False,
        capacity: Mapping[str, float] = NO_RESOURCES,
        patience: Patience = Patience(),  # noqa: B008 - a value
    ) -> None:
        self.worker = worker
        self.trouble = ""
        """Why the server cannot be reached at this moment; empty when it can."""
        self._name = worker
        self._times_joined = 0
        self._connection = connection
        self._info = info
        self._clock = clock
        self._watch = watch
        self._pools = pools
        self._assistant = assistant
        self._capacity = capacity
        self._patience = patience
        self._wake: Callable[[], None] = lambda: None
        self._say: Callable[[str], None] = lambda sentence: None
        # What follows is shared by the threads, under the lock.
        self._lock = threading.Condition()
        self._said: list[Sayings] = []
        self._reports: list[Report] = []
        self._number = 0
        self._received = 0
        self._arrived: deque[tuple[Order, float]] = deque()
        self._urgent: deque[Order] = deque()
        self._held: dict[int, _Held] = {}
        self._room = 0
        """How many attempts more the server thinks that we could begin."""
        self._slots = 0
        """How many attempts the worker could begin now."""
        self._ahead = 0
        self._pace: float | None = None
        """Seconds that attempts took lately."""
        self._lease = 30.0
        self._contact = monotonic()
        """When we last knew that the server did not go on without us."""
        self._is_fenced = False
        self._failure: Exception | None = None
        self._is_closing = False
        self._is_draining = False
        self._outlook: WireOutlook | None = None
        self._outlook_asked = 0
        self._outlook_known = 0
        self._run: RunInfo | None = None
        self._is_detached = False
        """Others work on the run."""
        self._planned: dict[str, PlannedTask] = {}
        self._described: dict[str, tuple[str, Described]] = {}
        """All that was described here, by id, with the run; said again to a server that has lost us."""
        self._is_busy = False
        """A request is on its way."""
        self._sending: list[Sayings] = []
        """What it says."""
        self._asked_now = 0
        """Up to which question about the outlook it asks."""
        self._threads: list[threading.Thread] = []

    # -- beginning and end ------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Join, once, without trying again.

        Raises:
            SchedulerUnreachable: no scheduler answers, or it refuses us.
            ProtocolError: what answers is no scheduler of ours, or speaks another version.
        """
        self._said.append(self._joining())
        self._send_once()

    def start(self, wake: Callable[[], None], say: Callable[[str], None] = lambda sentence: None) -> None:
        """Begin to talk in threads of their own; no child may be forked after this.

        Args:
            wake: ends the wait of the worker's thread; called from another one.
            say: called with sentences for the person at the terminal.
        """
        self._wake, self._say = wake, say
        for target in (self._talk, self._listen):
            thread = threading.Thread(target=target, name=f"rumbo-{target.__name__.strip('_')}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _beginning(self, run: RunInfo) -> codec.Beginning:
        return codec.Beginning(run, self._is_detached)

    def _joining(self) -> codec.Joining:
        return codec.Joining(codec.PROTOCOL, self._info, self._pools, self._assistant, self._capacity)

    def entrust(
        self, run: RunInfo, nodes: Sequence[PlannedTask], specs: Sequence[TaskSpec], is_certain: bool = False
    ) -> None:
        """Hand a whole run to the server, for others to work on, and go. Instead of `start`; needs no threads.

        Args:
            is_certain: what is missing is known to be, however lately it was done.

        Raises:
            SchedulerUnreachable: the server could not be reached for longer than patience lasts.
        """
        with self._lock:
            self._run, self._is_detached = run, True
            self._planned.update((node.id, node) for node in nodes)
            # All of it in one request: half a run would begin, and end, without its roots.
            self._said.append(self._beginning(run))
            self._say_what_they_are(run.id, specs, is_certain)
        self._send_patiently()
        self._said.append(codec.Leaving())
        with suppress(WorkerGone):
            self._send_once()
        self._connection.close()

    # -- SchedulerPort: the worker's thread ---------------------------------------------------------------------------

    def register(self, run: str, specs: Sequence[TaskSpec]) -> None:
        """Describe tasks, of which those who watch were told just before."""
        with self._lock:
            self._say_what_they_are(run, specs)
            self._lock.notify_all()

    def _say_what_they_are(self, run: str, specs: Sequence[TaskSpec], is_certain: bool = False) -> None:
        described = [self._describe(spec) for spec in specs]
        for each in described:
            # An assistant lives long, and what it describes is others' business, if they can run it.
            if not self._assistant or not each.spec.portable:
                self._described[each.spec.id] = (run, each)
        for start in range(0, len(described), _CHUNK):
            self._said.append(codec.Describing(run, described[start : start + _CHUNK], is_certain))
        self._planned.clear()

    def _describe(self, spec: TaskSpec) -> Described:
        node = self._planned.get(spec.id)
        if node is None:
            return Described(spec, "run", "")
        hidden: tuple[str, ...] = ()
        if len(node.params) != len(spec.params):
            hidden = tuple([name for name in spec.params if name not in node.params])
        return Described(spec, node.verdict, node.reason, node.error, hidden, node.owners, node.outputs)

    def exchange(self, reports: Sequence[Report], slots: int, wait: float) -> list[Order]:
        """Hand in reports and take orders that have arrived. Never blocks: a wait of the executor ends when more come.

        Raises:
            SchedulerUnreachable: the server could not be reached for longer than patience lasts.
            ProtocolError: it is another one than before.
        """
        now = monotonic()
        effects: list[Effect] = []
        with self._lock:
            if self._failure is not None:
                raise self._failure
            for report in reports:
                self._take_report(report, now, effects)
            orders = list(self._urgent)
            self._urgent.clear()
            while slots and self._arrived:
                order, _ = self._arrived.popleft()
                slots -= 1
                orders.append(order)
                self._held[order.lease] = _Held(order, now)
                if order.verb == "start":
                    self._tell_of_start(order, effects)
            self._slots = slots
            if self._must_speak() and not self._can_linger():
                self._lock.notify_all()
        if effects:
            self._watch(effects)
        return orders

    def _take_report(self, report: Report, now: float, effects: list[Effect]) -> None:
        held = self._held.get(report.lease)
        if held is None:
            return  # begun before the server lost us; a successor may have the task
        if report.outcome is not Outcome.PARKED:
            del self._held[report.lease]
            seconds = now - held.since
            self._tell_of_end(held.order, report, seconds, effects)
            if report.outcome is Outcome.DONE:
                self._remember_done(held.order)
            report = report._replace(seconds=seconds)
            self._pace = seconds if self._pace is None else 0.8 * self._pace + 0.2 * seconds
            self._ahead = min(int(_HORIZON * self._info.slots / max(self._pace, 1e-6)), _MOST_AHEAD)
        self._reports.append(report)

    def _remember_done(self, order: Order) -> None:
        for id in order.tasks:
            known = self._described.get(id)
            if known is not None:
                run, described = known
                self._described[id] = (run, described._replace(spec=described.spec._replace(state=State.DONE)))

    def note(self, lease: int, kind: str, value: str) -> None:
        """Pass on what a running task says about itself."""
        with self._lock:
            held = self._held.get(lease)
            if held is None:
                return
            self._flush_reports()
            self._said.append(codec.Noting(lease, kind, value))
            self._lock.notify_all()
        self._watch([Noted(id, lease, kind, value, self._clock.now()) for id in held.order.tasks])

    def answer(self, id: str, text: str) -> None:
        """Answer a request. May be called by any thread."""
        with self._lock:
            self._said.append(codec.Noting(0, "reply", codec.encode((id, text)).decode()))
            self._lock.notify_all()

    def shrink(self, lease: int, amounts: Mapping[str, float]) -> None:
        """Give back part of what a running task holds."""
        with self._lock:
            if lease in self._held:
                self._said.append(codec.Shrinking(lease, amounts))
                self._lock.notify_all()

    def refuse(self, lease: int, message: str) -> None:
        """A task that somebody else described cannot be built here."""
        with self._lock:
            held = self._held.pop(lease, None)
            if held is None:
                return
            self._said.append(codec.Refusing(lease, message))
            self._lock.notify_all()
        now, order = self._clock.now(), held.order
        self._watch(
            [
                Refused(self.worker, id, of.module, message, now)
                for id, of in zip(order.tasks, order.foreign, strict=False)
            ]
        )

    def drain(self) -> None:
        """Take nothing new any more, and give back what waits here."""
        with self._lock:
            if not self._is_draining:
                self._is_draining = True
                self._said.append(codec.Draining())
                self._give_back(0.0)
                self._lock.notify_all()

    def outlook(self) -> Outlook:
        """What is left to hope for, asked of the server once all reports have arrived there."""
        with self._lock:
            self._outlook_asked += 1
            mine = self._outlook_asked
            self._lock.notify_all()
            while self._outlook_known < mine and self._failure is None and not self._arrived and not self._urgent:
                if not self._lock.wait(0.25):
                    # It takes long: let the worker look after itself, and ask again.
                    return Outlook(None, 1, 0)
            if self._failure is not None:
                raise self._failure
            known = self._outlook
            if known is None or self._arrived or self._urgent:
                return Outlook(None, 1, 0)
        return Outlook(*known)

    def running(self) -> list[tuple[str, str, int]]:
        """Run, first task and number of the attempts under way here."""
        with self._lock:
            own = self._run.id if self._run is not None else ""
            orders = [held.order for held in self._held.values()]
        return [(order.run or own, order.tasks[0], order.attempt) for order in orders]

    def leave(self) -> None:
        """Say no more; `close` says goodbye, when all has been told."""

    # -- Observer: what people will want to know ----------------------------------------------------------------------

    def run_started(self, run: RunInfo) -> None:
        """A run begins."""
        with self._lock:
            self._run = run
            self._said.append(self._beginning(run))

    def planned(self, run_id: str, nodes: Sequence[PlannedTask]) -> None:
        """Nodes of the plan; those that are new are described in a moment."""
        with self._lock:
            again = [node for node in nodes if node.id in self._described]
            self._planned.update((node.id, node) for node in nodes)
            if again:
                self._said.append(codec.Replanning(run_id, again))

    def happened(self, run_id: str, effects: Sequence[Effect]) -> None:
        """What happens is known at the server."""

    def attempt_log(self, run_id: str, task_id: str, attempt: int, path: str) -> None:
        """Output goes to the server by another way."""

    def run_ended(self, run: RunEnded) -> None:
        """The run is over."""
        with self._lock:
            self._flush_reports()
            self._said.append(codec.Ending(run))
            self._lock.notify_all()

    def close(self) -> None:
        """Tell the rest, say goodbye, and let go."""
        with self._lock:
            self._give_back(0.0)
            self._flush_reports()
            self._said.append(codec.Leaving())
            self._is_closing = True
            self._lock.notify_all()
        for thread in self._threads[:1]:
            thread.join()
        self._connection.close()

    # -- what is known here of our own attempts -----------------------------------------------------------------------

    def _tell_of_start(self, order: Order, effects: list[Effect]) -> None:
        now = self._clock.now()
        effects.append(Assigned(self.worker, order.lease, order.tasks, order.attempt, None, now))
        state = State.RUNNING if len(order.tasks) == 1 else State.BATCHED
        effects += [StateChanged(id, State.PENDING, state, "given to a worker", now) for id in order.tasks]

    def _tell_of_end(self, order: Order, report: Report, seconds: float, effects: list[Effect]) -> None:
        now = self._clock.now()
        state = _STATES[report.outcome]
        for id in order.tasks:
            effects.append(
                AttemptEnded(id, order.attempt, order.lease, self.worker, report.outcome, report.message, now, seconds)
            )
            effects.append(StateChanged(id, State.RUNNING, state, "attempt ended", now))

    # -- the thread that sends ----------------------------------------------------------------------------------------

    def _must_speak(self) -> bool:
        if self._said or self._reports or self._outlook_asked > self._outlook_known:
            return True
        return not self._is_draining and self._room == 0 and self._wanted() > 0

    def _wanted(self) -> int:
        """How many attempts to ask for."""
        if self._is_draining:
            return 0
        return max(self._slots + self._ahead - len(self._arrived), 0)

    def _can_linger(self) -> bool:
        """Whether there is only to say how tasks ended, and enough to do meanwhile: then more of it goes together."""
        if self._said or self._outlook_asked > self._outlook_known or self._is_closing:
            return False
        return len(self._arrived) > max(self._ahead // 2, _FEW)

    def _talk(self) -> None:
        try:
            while True:
                with self._lock:
                    self._await_words()
                    if self._is_closing and not self._said and not self._reports:
                        return
                self._send_patiently()
        except Exception as error:  # noqa: BLE001 - the worker's thread is the one to fail
            self._fail(error)

    def _await_words(self) -> None:
        """Wait until there is something to say that will not wait longer; the lock is held."""
        while not self._is_closing:
            if self._must_speak() and not self._can_linger():
                return
            was_told = self._lock.wait(_LINGER if self._arrived else None)
            self._give_back(_TOO_LONG)
            if not was_told and self._must_speak():
                return

    def _give_back(self, age: float) -> None:
        """Give back what has waited here for longer: the tasks before it take longer than it seemed."""
        limit = monotonic() - age
        while self._arrived and self._arrived[0][1] <= limit and self._arrived[0][0].verb == "start":
            order, _ = self._arrived.popleft()
            self._reports.append(Report(order.lease, Outcome.RELEASED, "given back unstarted"))
            self._ahead = 0

    def _flush_reports(self) -> None:
        """Keep the order in which things are said."""
        if self._reports:
            self._said.append(codec.Reporting(self._reports))
            self._reports = []

    def _send_patiently(self) -> None:
        delay, until = self._patience.first, monotonic() + self._patience.total
        while True:
            try:
                self._send_once()
            except WorkerGone:
                self._join_again()
            except AccessDenied:
                raise
            except SchedulerUnreachable as error:
                self._bear(error)
                if monotonic() >= until:
                    raise
                # Chance keeps a hundred workers from coming back in the same instant.
                _nap(delay * random.uniform(0.5, 1.0))
                delay = min(2 * delay, self._patience.longest)
            else:
                return

    def _bear(self, error: SchedulerUnreachable) -> None:
        """Note that the server does not answer; a server that is down gives nobody our tasks."""
        if isinstance(error, ServerDown):
            self._contact = monotonic()
        if not self.trouble:
            self.trouble = str(error)
            self._say(f"{error} What runs goes on; it is tried again.")
        self._fence()

    def _send_once(self) -> None:
        """Send what there is to say, all of it as one request that keeps its number until it is answered."""
        with self._lock:
            if not self._is_busy:
                self._flush_reports()
                self._number += 1
                self._is_busy = True
                self._asked_now = self._outlook_asked
                self._sending = self._said
                self._said = []
            request = WorkRequest(
                self.worker,
                self._number,
                self._received,
                self._wanted(),
                self._sending,
                self._asked_now > self._outlook_known,
            )
        began = monotonic()
        answer = self._connection.request("POST", "/api/v1/work", codec.encode(request), 30.0)
        reply = codec.decode_reply(answer)
        with self._lock:
            self._is_busy = False
            self._sending = []
            if request.wants_outlook:
                self._outlook = reply.outlook
                self._outlook_known = self._asked_now
            self._take(reply, began, reply.room)

    def _take(self, reply: WorkReply, began: float, room: int) -> None:
        """Take in what the server answered; the lock is held."""
        self._contact = max(self._contact, began)
        self._is_fenced = False
        self._lease = reply.lease
        self._room = room
        if self.trouble:
            self.trouble = ""
            self._say("The scheduler answers again.")
        now = monotonic()
        for wired in reply.orders:
            if wired.number > self._received:
                self._received = wired.number
                self._accept(_order(wired), now)
        self._lock.notify_all()
        if self._arrived or self._urgent or self._outlook_known:
            self._wake()

    def _accept(self, order: Order, now: float) -> None:
        if order.verb == "resume":
            # It was begun here, so it goes before what was not.
            self._arrived.appendleft((order, now))
        elif order.verb == "start":
            self._arrived.append((order, now))
        elif order.verb == "stop" and self._withdraw(order.lease):
            self._reports.append(Report(order.lease, Outcome.CANCELLED, "stopped before it began"))
        else:
            self._urgent.append(order)

    def _withdraw(self, lease: int) -> bool:
        """Take an attempt out of those that wait here."""
        for place, (order, _) in enumerate(self._arrived):
            if order.lease == lease and order.verb == "start":
                del self._arrived[place]
                return True
        return False

    # -- losing the server, and being lost ----------------------------------------------------------------------------

    def _fence(self) -> None:
        """Stop what runs when we have been cut off for so long that the server may give it to others."""
        with self._lock:
            if self._is_fenced or monotonic() - self._contact < 0.9 * self._lease:
                return
            self._is_fenced = True
            self._stop_all("the scheduler could not be reached for as long as the lease lasts")
        self._wake()

    def _stop_all(self, why: str) -> None:
        while self._arrived:
            order, _ = self._arrived.popleft()
            if order.lease not in self._held:
                self._reports.append(Report(order.lease, Outcome.RELEASED, "given back unstarted"))
        for held in self._held.values():
            stop = Order("stop", held.order.lease, held.order.tasks, held.order.attempt, (Outcome.LOST, why))
            self._urgent.append(stop._replace(outcome=Outcome.RELEASED))

    def _join_again(self) -> None:
        """The server took us for lost: drop what we were doing, and come back under a new name with what is left."""
        with self._lock:
            self._say("The scheduler took this worker for lost; it joins again.")
            self._stop_all("the scheduler took its worker for lost, and may have given it to another")
            self._held.clear()
            unsaid = [each for each in (*self._sending, *self._said) if isinstance(each, codec.Ending | codec.Leaving)]
            self._times_joined += 1
            self.worker = f"{self._name}~{self._times_joined + 1}"
            self._number = self._received = self._room = 0
            self._is_busy = False
            self._reports = []
            self._said = [self._joining()]
            if self._run is not None:
                self._said.append(self._beginning(self._run))
            by_run: dict[str, list[Described]] = {}
            for run, described in self._described.values():
                by_run.setdefault(run, []).append(described)
            for run, tasks in by_run.items():
                for start in range(0, len(tasks), _CHUNK):
                    self._said.append(codec.Describing(run, tasks[start : start + _CHUNK]))
            if self._is_draining:
                self._said.append(codec.Draining())
            self._said += unsaid
        self._wake()

    def _fail(self, error: Exception) -> None:
        with self._lock:
            self._failure = error
            self._lock.notify_all()
        self._wake()

    # -- the thread that listens --------------------------------------------------------------------------------------

    def _listen(self) -> None:
        delay = self._patience.first
        while not self._is_closing and self._failure is None:
            with self._lock:
                worker, received = self.worker, self._received
                wait = max(min(20.0, self._lease / 3), 0.05)
            if not worker or not self._number:
                _nap(0.05)
                continue
            began = monotonic()
            try:
                answer = self._connection.request(
                    "GET",
                    f"/api/v1/work/orders?worker={worker}&received={received}&wait={wait:.3f}",
                    timeout=wait + max(self._lease / 3, 1.0),
                )
                reply = codec.decode_reply(answer)
            except WorkerGone:
                with self._lock:
                    if worker == self.worker and not self._is_closing:
                        # Speaking finds out the same, and knows what to do.
                        self._outlook_asked += 1
                        self._lock.notify_all()
                _nap(delay)
            except AccessDenied as error:
                self._fail(error)  # the token was good when we joined, so it was revoked
            except (SchedulerUnreachable, ProtocolError) as error:
                if isinstance(error, SchedulerUnreachable):
                    self._bear(error)
                _nap(delay * random.uniform(0.5, 1.0))
                delay = min(2 * delay, self._patience.longest)
            else:
                delay = self._patience.first
                with self._lock:
                    if worker == self.worker:
                        # It may be older than what the last request said of our room, so it can only take some away.
                        self._take(reply, began, min(self._room, reply.room))


_STATES = {
    Outcome.DONE: State.DONE,
    Outcome.FAILED: State.FAILED,
    Outcome.TIMED_OUT: State.FAILED,
    Outcome.CANCELLED: State.CANCELLED,
    Outcome.RELEASED: State.PENDING,
    Outcome.LOST: State.PENDING,
}


def _order(wired: WireOrder) -> Order:
    ended = (wired.outcome, wired.text) if wired.outcome is not None else None
    foreign = tuple([Foreign(*each) for each in wired.foreign])
    message = Message(wired.message, wired.text) if wired.verb in ("message", "request") else None
    slots = int(wired.text) if wired.verb == "slots" else 0
    return Order(wired.verb, wired.lease, wired.tasks, wired.attempt, ended, None, foreign, wired.run, message, slots)


def _nap(seconds: float) -> None:
    """Wait without disturbing anybody."""
    threading.Event().wait(seconds)
