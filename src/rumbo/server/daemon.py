"""The coordinator in time: what it is told is in the journal before it is answered, those who wait are woken, and
clocks are watched.

One event loop, one thread that writes. Each request is carried out at once and in order, and answered when the journal
holds it; many requests share one transaction (group commit). If the journal cannot be written, everything since the
last transaction is undone by reading the journal again, and nobody is told that it happened.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from rumbo import codec
from rumbo.codec import WorkReply
from rumbo.errors import CommandRejected, ProtocolError, StoreError, StoreTakenOver, WorkerGone
from rumbo.ports import Entry
from rumbo.scheduler import commands as do
from rumbo.scheduler.machine import Policy
from rumbo.server.alarm import Alarm
from rumbo.server.audience import Audience
from rumbo.server.coordinator import Coordinator, Telling
from rumbo.server.counters import Counters
from rumbo.server.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rumbo.clock import Clock
    from rumbo.ports import Chronicle, Guest, Host, Journal, RunInfo
    from rumbo.scheduler.effects import Effect
    from rumbo.server.coordinator import Seat

log = logging.getLogger("rumbo.server")


class Terms(NamedTuple):
    """How a server behaves. Times in seconds."""

    lease: float = 30.0
    """A worker that was silent for this long is taken for lost."""
    guest_lease: float = 60.0
    """Likewise, a worker that speaks another dialect (Luigi's ``worker_disconnect_delay``)."""
    longest_poll: float = 20.0
    """A request for work is answered after this long even when there is none."""
    forget_after: float = 600.0
    """A task that nobody wants is dropped after this long."""
    cooldown: float = 10.0
    """A task that was done is held for complete for so long, though a run does not find its output (yet)."""
    max_losses: int = 3
    """A task whose workers were lost this often in a row has failed."""
    reunion: float = 120.0
    """So long after its worker fell silent a run may be taken up by it again, before it is closed."""
    snapshot_bytes: int = 8 << 20
    """A snapshot is taken when the journal has grown by this much, or by twice the last snapshot."""
    patience: float = 1.0
    """Time between two tries to read the journal while it cannot be written."""


DEFAULT_TERMS = Terms()

Watcher: TypeAlias = "Callable[[Sequence[tuple[str, tuple[Any, ...]]]], None]"


class Daemon:
    """A coordinator that keeps its promises. All methods belong to one event loop.

    Args:
        chronicles: told of everything that has become certain.
        guests: makes those who speak other dialects over the machine, by the kind of their entries in the journal.
        alert_on: the events of which chronicles want to be told as alerts.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        terms: Terms = DEFAULT_TERMS,
        capacity: Mapping[str, float] | None = None,
        chronicles: Sequence[Chronicle] = (),
        guests: Mapping[str, Callable[[Host], Guest]] | None = None,
        alert_on: frozenset[str] = frozenset(),
    ) -> None:
        self.terms = terms
        self.seen: dict[str, float] = {}
        """By worker: when it was last heard of, by the monotonic clock."""
        self.trouble = ""
        """Why nothing can be carried out at this moment; empty when all is well."""
        self.commits = 0
        self.started = 0.0
        self.watchers: list[Watcher] = []
        """Each is given what has become certain, as calls of an `Observer`: (method, arguments). Must not block.

        When the daemon is told to stop, each is given nothing once, so that it can let go of those who listen to it."""
        self._journal = journal
        self._clock = clock
        self._capacity = capacity or {}
        self._audience = Audience(chronicles)
        self._alert_on = alert_on
        self.counters = Counters()
        self._facts = Facts()
        self._guests = guests or {}
        self.coordinator = self._new_coordinator()
        self._number = 0
        """Of the last entry that was carried out."""
        self._safe = 0
        """Of the last entry that is in the journal."""
        self._pending: list[Entry] = []
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._has_pending = asyncio.Event()
        self._grown = 0
        self._snapshot_size = 0
        self._polls: dict[str, asyncio.Future[None]] = {}
        self._asked: dict[str, asyncio.Future[None]] = {}
        self._writer = ThreadPoolExecutor(1, "rumbo-journal")
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._is_stopping = False
        self.is_replaced = False
        """Another server has taken this one's place; it can only end."""
        self.when_replaced: Callable[[], object] = lambda: None
        """Called then."""
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_stopping(self) -> bool:
        """Whether it takes nothing on any more."""
        return self._is_stopping

    @property
    def entries(self) -> int:
        """How many entries the journal has had."""
        return self._safe

    @property
    def journal_bytes(self) -> int:
        """By how much the journal has grown since its last snapshot."""
        return self._grown

    @property
    def polls_waiting(self) -> int:
        """How many workers wait for work."""
        return len(self._polls)

    def _new_coordinator(self) -> Coordinator:
        terms = self.terms
        policy = Policy(None, terms.cooldown, terms.forget_after, terms.max_losses)
        coordinator = Coordinator(policy, self._capacity)
        coordinator.observers = [self._facts]
        coordinator.listeners = [self.counters.observe]
        if self._alert_on:
            alarm = Alarm(coordinator, self._facts, self._alert_on)
            coordinator.observers.append(alarm)
            coordinator.listeners.append(alarm.hear)
        coordinator.guests = {kind: make(coordinator) for kind, make in self._guests.items()}
        coordinator.on_reply = self._hear_reply
        return coordinator

    # -- from start to stop -----------------------------------------------------------------------------------------

    def load(self, told: int | None = None) -> int:
        """Become what the journal says, and tell the chronicles what they do not know yet.

        Args:
            told: number of the last entry that they were told of by this daemon; None: ask them.

        Returns:
            The number of the last entry.

        Raises:
            StoreError: the journal or a chronicle cannot be read.
        """
        audience = self._audience
        if told is None:
            audience.follow(self._journal.id)
        else:
            audience.go_back(told)
        coordinator = self._new_coordinator()

        def open_runs() -> list[RunInfo]:
            return [run.info for run in coordinator.runs.values()]

        saved = self._journal.snapshot()
        number = 0
        if saved is not None:
            number, body = saved
            coordinator.restore(body)
            self._snapshot_size = len(body)
        self._grown = 0
        for entry in self._journal.entries(number):
            audience.resume(entry.number, open_runs)
            coordinator.carry_out(entry)
            number = entry.number
            self._grown += len(entry.body)
            audience.tell(number, self._facts.take())
            if coordinator.machine._last_lease != entry.lease:
                log.warning("journal: entry %d gives another result than when it was written", number)
        audience.resume(number + 1, open_runs)
        coordinator.addressed.clear()
        coordinator.machine.ready.take_stirred()
        self.counters.recount(coordinator.machine)
        self.coordinator = coordinator
        self._number = self._safe = number
        # Silence begins to count now: nobody could be heard while we were away.
        self.seen = dict.fromkeys(coordinator.machine.workers, time.monotonic())
        return number

    async def start(self) -> None:
        """Begin to watch clocks and to write."""
        self.started = self._clock.now()
        self._loop = asyncio.get_running_loop()
        self._tasks = [asyncio.create_task(each()) for each in (self._commit_for_ever, self._look_around_for_ever)]
        self._arm()

    def let_go(self) -> None:
        """Take nothing on any more, and answer those who wait. May be called from a signal handler."""
        self._is_stopping = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._answer_all)

    def _answer_all(self) -> None:
        for waiting in (*self._polls.values(), *self._asked.values()):
            _resolve(waiting)
        for watch in self.watchers:
            watch(())

    async def stop(self) -> None:
        """Answer those who wait, write everything down, and let go."""
        self._is_stopping = True
        self._answer_all()
        if self._pending and not self.is_replaced:
            await self._settled()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()
        if not self.trouble:
            await self._take_snapshot()
        self._writer.shutdown()

    # -- what workers ask -------------------------------------------------------------------------------------------

    async def work(self, body: bytes) -> WorkReply:
        """Carry out a worker's request, and answer with its orders.

        Raises:
            WorkerGone: it must join under a new name.
            ProtocolError: the request is not understood.
            StoreError: the journal cannot be written; nothing has happened.
        """
        self._refuse_in_trouble()
        request = codec.decode_request(body)
        coordinator = self.coordinator
        is_news = coordinator.is_news(request)
        try:
            seat = coordinator.work(request, self._clock.now())
        except (WorkerGone, ProtocolError):
            if request.worker not in coordinator.seats:
                raise
            self._record("work", body)
            raise
        self.seen[request.worker] = time.monotonic()
        if is_news:
            self._record("work", body, answering=request.worker)
        orders = list(seat.outbox)
        coordinator.addressed.pop(request.worker, None)
        outlook = None
        if request.wants_outlook and not orders and request.worker in coordinator.seats:
            outlook = coordinator.outlook(request.worker)
        await self._settled()
        return WorkReply(orders, seat.room, self.terms.lease, outlook)

    async def poll(self, worker: str, received: int, wait: float) -> WorkReply:
        """The orders for a worker, waited for up to ``wait`` seconds; also a sign of life.

        Raises:
            WorkerGone: it must join under a new name.
            StoreError: the journal cannot be written.
        """
        self._refuse_in_trouble()
        seat = self._seat(worker)
        self.seen[worker] = time.monotonic()
        seat.acknowledge(received)
        if not seat.outbox and seat.room > 0:
            self._offer(worker, seat.room)
        wait = min(wait, self.terms.longest_poll)
        if not seat.outbox and wait > 0 and not self._is_stopping:
            await self._wait_for_orders(worker, wait)
            seat = self._seat(worker)
            self.seen[worker] = time.monotonic()
        orders = list(seat.outbox)
        self.coordinator.addressed.pop(worker, None)
        if orders:
            await self._settled()
        return WorkReply(orders, seat.room, self.terms.lease)

    def _seat(self, worker: str) -> Seat:
        seat = self.coordinator.seats.get(worker)
        if seat is None:
            raise WorkerGone(worker)
        return seat

    async def _wait_for_orders(self, worker: str, wait: float) -> None:
        earlier = self._polls.pop(worker, None)
        if earlier is not None:
            _resolve(earlier)  # the connection over which it came may be gone
        loop = asyncio.get_running_loop()
        poll = self._polls[worker] = loop.create_future()
        timer = loop.call_later(wait, _resolve, poll)
        try:
            await poll
        finally:
            timer.cancel()
            if self._polls.get(worker) is poll:
                del self._polls[worker]

    # -- what people and other dialects ask -------------------------------------------------------------------------

    async def command(self, *commands: do.Command) -> list[Effect]:
        """Carry out commands; gives what happened, when that is certain.

        Raises:
            CommandRejected: one of them cannot be carried out.
            StoreError: the journal cannot be written; nothing has happened.
        """
        effects = self.command_now(*commands)
        await self._settled()
        return effects

    def command_now(self, *commands: do.Command) -> list[Effect]:
        """The same for a caller that awaits `settled` by itself before it tells anybody."""
        self._refuse_in_trouble()
        try:
            return self.coordinator.obey(commands, self._clock.now())
        finally:
            self._record("do", codec.encode_commands(commands))

    async def call(self, kind: str, method: str, arguments: Mapping[str, Any], worker: str = "") -> object:
        """Let a guest answer a call; gives the reply, when it is certain.

        Args:
            worker: the worker that calls, if it is one; the call is a sign of its life.

        Raises:
            ProtocolError, CommandRejected: the call makes no sense, or cannot be carried out.
            StoreError: the journal cannot be written; nothing has happened.
        """
        self._refuse_in_trouble()
        is_news = True
        try:
            reply, is_news = self.coordinator.call(kind, method, arguments, self._clock.now())
        finally:
            if is_news:
                self._record(kind, codec.encode((method, arguments)))
            if worker in self.coordinator.machine.workers:
                self.seen[worker] = time.monotonic()
        await self._settled()
        return reply

    async def tell(self, telling: Telling) -> None:
        """Put a person's word to a worker on its way. Raises as `command` does."""
        self._refuse_in_trouble()
        self.coordinator.tell(telling, self._clock.now())
        self._record("tell", codec.encode(telling))
        await self._settled()

    async def ask(self, worker: str, verb: str, text: str, patience: float) -> str | None:
        """Tell a worker something that it answers; gives the answer, or None if none came in time (seconds).

        Raises as `command` does.
        """
        id = os.urandom(8).hex()
        answered = self._asked[id] = asyncio.get_running_loop().create_future()
        try:
            await self.tell(Telling(worker, verb, text, message=id))
            await asyncio.wait_for(answered, patience)
        except TimeoutError:
            return None
        finally:
            del self._asked[id]
        if id not in self.coordinator.replies:
            self._refuse_in_trouble()  # it was not the worker that ended the wait
        return self.coordinator.replies.get(id)

    def _hear_reply(self, id: str) -> None:
        answered = self._asked.get(id)
        if answered is not None:
            _resolve(answered)

    async def attempt_log(self, run: str, task: str, attempt: int, path: str) -> None:
        """An attempt's output, or that of a stretch of it, lies in this file. Raises `StoreError` as `command` does."""
        self._refuse_in_trouble()
        self.coordinator.attempt_log(run, task, attempt, path)
        self._record("log", codec.encode((run, task, attempt, path)))
        await self._settled()

    async def settled(self) -> None:
        """Wait until all that was carried out so far is certain. Raises `StoreError` if it was undone instead."""
        await self._settled()

    def _refuse_in_trouble(self) -> None:
        if self.trouble:
            raise StoreError(self.trouble)
        if self._is_stopping:
            raise StoreError("The server is stopping; it will be back, or somebody wants it gone.")

    # -- the journal ------------------------------------------------------------------------------------------------

    def _record(self, kind: str, body: bytes, answering: str = "") -> None:
        """Note what was just carried out, and see who can go on because of it.

        Args:
            answering: the worker that is about to be answered, so that it need not be woken as well.
        """
        self._enter(kind, body)
        for run in self.coordinator.settled_runs():
            self._close_run(run, self.coordinator.at)
        self._wake(answering)
        self._arm()

    def _enter(self, kind: str, body: bytes) -> None:
        self._number += 1
        lease = self.coordinator.machine._last_lease
        self._pending.append(Entry(self._number, self.coordinator.at, kind, body, lease))
        self._has_pending.set()

    async def _settled(self) -> None:
        number = self._number
        if self._safe >= number:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((number, future))
        await future

    async def _commit_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._has_pending.wait()
            self._has_pending.clear()
            entries, self._pending = self._pending, []
            facts = self._facts.take()
            if not entries:
                continue
            try:
                await loop.run_in_executor(self._writer, self._journal.append, entries)
            except StoreError as error:
                await self._begin_again(error)
                if self.is_replaced:
                    return
                continue
            self._safe = entries[-1].number
            self.commits += 1
            self._audience.tell(self._safe, facts)
            for watch in self.watchers:
                watch(facts)
            while self._waiting and self._waiting[0][0] <= self._safe:
                _resolve(self._waiting.popleft()[1])
            self._grown += sum(len(entry.body) for entry in entries)
            if self._grown > max(self.terms.snapshot_bytes, 2 * self._snapshot_size) and not self._pending:
                await self._take_snapshot()

    async def _take_snapshot(self) -> None:
        loop = asyncio.get_running_loop()
        number = self._number
        if number != self._safe or not self._grown:
            return
        body = self.coordinator.save()
        # What comes in from here on waits for the writer, and is not part of the snapshot.
        if not await loop.run_in_executor(None, self._audience.flush, 30.0):
            return
        try:
            await loop.run_in_executor(self._writer, self._journal.save, number, body)
        except StoreError as error:
            log.warning("snapshot: %s; the journal grows until one can be taken", error)
            return
        self._grown = 0
        self._snapshot_size = len(body)

    async def _begin_again(self, error: StoreError) -> None:
        """The journal could not be written: forget all that it does not hold, and try until it can be used."""
        self.trouble = f"The server cannot write its journal, so it takes nothing on: {error}."
        log.error("%s", self.trouble)
        waiting, self._waiting = self._waiting, deque()
        for _, future in waiting:
            if not future.done():
                future.set_exception(StoreError(self.trouble))
        for poll in self._polls.values():
            _resolve(poll)
        while not self.is_replaced:
            self._pending.clear()
            self._facts.take()
            try:
                await asyncio.get_running_loop().run_in_executor(self._writer, self._journal.append, ())
                self.load(self._safe)
                self.trouble = ""
                log.warning("The journal can be written again.")
                return
            except StoreTakenOver as taken:
                self._give_way(taken)
            except StoreError:
                await asyncio.sleep(self.terms.patience)

    def _give_way(self, error: StoreTakenOver) -> None:
        self.is_replaced = True
        self.trouble = str(error)
        log.error("%s", error)
        self.when_replaced()

    # -- waking those who wait --------------------------------------------------------------------------------------

    def _offer(self, worker: str, slots: int) -> bool:
        """Give a worker that waits up to so many attempts; False when there were none for it."""
        command = do.Exchange(worker, (), slots)
        effects = self.coordinator.obey((command,), self._clock.now())
        # Without effects nothing changed, unless claims on resources were made or dropped.
        if effects or self.coordinator.machine.resources.claims:
            self._enter("do", codec.encode_commands((command,)))
        return bool(effects)

    def _wake(self, answering: str = "") -> None:
        """Offer what became ready to those who wait for it, in turn, and send them on their way."""
        coordinator = self.coordinator
        while self._polls:
            stirred = coordinator.machine.ready.take_stirred()
            if stirred is not None and not stirred:
                break
            hungry = self._hungry(stirred)
            while hungry:
                hungry = self._share_out(hungry, stirred)
        coordinator.addressed.pop(answering, None)
        for worker in coordinator.addressed:
            poll = self._polls.pop(worker, None)
            if poll is not None:
                _resolve(poll)
        coordinator.addressed.clear()

    def _share_out(self, hungry: list[str], stirred: Iterable[Any] | None) -> list[str]:
        """Give each of those who wait one attempt, or all there is to the only one; gives those who may take more."""
        seats, ready = self.coordinator.seats, self.coordinator.machine.ready
        slots = 1 if len(hungry) > 1 else seats[hungry[0]].room
        unsated = []
        for each in hungry:
            if seats[each].room <= 0:
                continue
            if self._offer(each, slots):
                if seats[each].room > 0:
                    unsated.append(each)
            elif not ready.has_any(stirred):
                return []  # a crowd need not be asked one by one when all is gone
        return unsated

    def _hungry(self, stirred: Iterable[Any] | None) -> list[str]:
        """Of those who wait, whoever may find something in a line to which something was added."""
        seats, workers = self.coordinator.seats, self.coordinator.machine.workers
        if stirred is None:
            found = list(self._polls)
        else:
            lines = set(stirred)
            own = {
                line if isinstance(line, str) else line[1] for line in lines if isinstance(line, str) or len(line) == 2
            }
            pools = {line for line in lines if not isinstance(line, str) and len(line) == 3}
            found = [each for each in own if each in self._polls]
            if pools:
                found += [
                    each
                    for each in self._polls
                    if each not in own and each in workers and not pools.isdisjoint(workers[each].serves)
                ]
        return [each for each in found if each in seats and seats[each].room > 0]

    # -- clocks -----------------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        """Set the timer to the next moment at which the machine wants to look at the time."""
        due = self.coordinator.machine.deadlines.next()
        if due is None or (self._timer is not None and not self._timer.cancelled() and self._timer_at <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        delay = max(due - self._clock.now(), 0.0) + 0.001
        self._timer = asyncio.get_running_loop().call_later(min(delay, 3600.0), self._ring)

    def _ring(self) -> None:
        self._timer = None
        if not self.trouble and not self._is_stopping:
            effects = self.coordinator.obey((do.Tick(),), self._clock.now())
            if effects:
                self._record("do", codec.encode_commands((do.Tick(),)))
                return
        self._arm()

    async def _look_around_for_ever(self) -> None:
        """See who has been silent for too long, and which runs nobody works on any more."""
        while True:
            await asyncio.sleep(max(min(self.terms.lease / 4, 5.0), 0.05))
            if self.trouble:
                continue
            now = time.monotonic()
            for worker in tuple(self.coordinator.machine.workers):
                if self.coordinator.is_detached(worker):
                    continue
                silent = now - self.seen.setdefault(worker, now)
                most = self.terms.lease if worker in self.coordinator.seats else self.terms.guest_lease
                if silent > most:
                    log.warning("worker %s was silent for %.1f s and is taken for lost", worker, silent)
                    self.lose(worker, f"its worker was silent for {most:g} s")
            for gone in self.seen.keys() - self.coordinator.machine.workers.keys():
                del self.seen[gone]
            at = self.coordinator.at = max(self.coordinator.at, self._clock.now())
            abandoned = self.coordinator.abandoned_runs(at - self.terms.reunion)
            for run in abandoned:
                self._close_run(run, at)
            if abandoned:
                self._wake()
                self._arm()

    def _close_run(self, run: str, at: float) -> None:
        """End a run that nobody else ends."""
        self.coordinator.close_run(run, at)
        self._enter("close", codec.encode(run))

    def lose(self, worker: str, message: str) -> None:
        """Take a worker for lost."""
        self.seen.pop(worker, None)
        poll = self._polls.pop(worker, None)
        if poll is not None:
            _resolve(poll)
        try:
            self.command_now(do.Lose(worker, message))
        except (CommandRejected, StoreError) as error:
            log.error("worker %s could not be taken for lost: %s", worker, error)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
