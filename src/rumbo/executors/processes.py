"""Attempts in a pool of processes that were forked once and know every task already."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any

from rumbo.executors.channel import Channel
from rumbo.executors.kinds import Allowances, Limit, is_async
from rumbo.executors.nursery import Nursery, reference
from rumbo.executors.streams import flush_standard_streams
from rumbo.pipeline.registry import load_task
from rumbo.ports import Ended, Said
from rumbo.scheduler.records import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rumbo.executors.bell import Bell
    from rumbo.pipeline.task import Task
    from rumbo.ports import Logs, Message, Order, Runner

_GRACE = 2.0
"""Seconds between asking a process group to end (SIGTERM) and ending it (SIGKILL)."""
_NEVER = float("inf")
_AGAIN = {"start": "start", "resume": "start"}
"""A generator that is gone with its process is replayed from the start."""


class _Child:
    """What the worker knows of one child."""

    __slots__ = ("active", "channel", "deadline", "is_loop", "kill_at", "orders", "parked", "pid", "served", "slot")

    def __init__(self, slot: str, channel: Channel, is_loop: bool) -> None:
        self.slot = slot
        self.channel = channel
        self.is_loop = is_loop
        """It runs many asynchronous attempts at once instead of one attempt at a time."""
        self.pid = 0
        """0 until the nursery has told it."""
        self.active: dict[int, _Attempt] = {}
        self.orders: deque[tuple[_Attempt, tuple[Any, ...]]] = deque()
        """Parked attempts that may go on as soon as the one under way ends."""
        self.parked: set[int] = set()
        self.deadline: float | None = None
        self.kill_at: float | None = None
        self.served = 0


class _Attempt:
    """What the worker knows of one attempt."""

    __slots__ = ("is_async", "lease", "limit", "log_of", "task", "verdict")

    def __init__(self, order: Order, task: Task, limit: Limit | None) -> None:
        self.lease = order.lease
        self.task = task
        self.log_of = (order.tasks[0], order.attempt)
        self.limit = limit
        self.is_async = is_async(task)
        self.verdict: tuple[Outcome, str] | None = None
        """What its end will mean, because we brought it about."""


class ProcessExecutor:
    """`Executor` over child processes, one attempt at a time in each; asynchronous ones together in one more child.

    A child that dies costs one attempt and is replaced. Generators parked in it are replayed when their turn comes.

    Args:
        runner: carries out the attempts, in the children.
        size: number of children.
        logs: where their output is kept; None leaves it alone.
        recycle_after: a child is replaced after so many attempts; 1 gives each task a fresh process. None: never.
        together: how many asynchronous attempts may be under way at once.
        timeout: seconds that an attempt may take when its task does not say; None or 0 for ever.
    """

    def __init__(
        self,
        runner: Runner,
        size: int,
        logs: Logs | None = None,
        recycle_after: int | None = None,
        together: int = 100,
        timeout: float | None = None,
    ) -> None:
        self._runner = runner
        self._size = size
        self._logs = logs
        self._recycle_after = recycle_after
        self._together = together
        self._allowances = Allowances(timeout)
        self._known: frozenset[str] = frozenset()
        self._children: dict[str, _Child] = {}
        self._holder: dict[int, _Child] = {}
        """The child that runs, or keeps the generator of, each attempt."""
        self._overflow: deque[tuple[_Attempt, tuple[Any, ...]]] = deque()
        self._nursery: Channel
        self._nursery_pid = 0
        self._news = b""
        self._births = 0
        self._poll = select.poll()
        self._by_descriptor: dict[int, _Child] = {}
        self._happened: list[Ended | Said] = []
        self._is_closing = False
        self._has_changed = False
        """A child was replaced, so there may be room again, or somebody rang the bell."""
        self._bell: Bell | None = None

    # -- Executor -----------------------------------------------------------------------------------------------------

    def open(self, tasks: Mapping[str, Task]) -> None:
        """Fork the nursery, which must happen while this process has one thread, and the children from it."""
        self._known = frozenset(tasks)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        flush_standard_streams()  # or each child would print once more what is still in buffers
        self._nursery_pid = os.fork()
        if self._nursery_pid == 0:
            ours.close()
            os.setpgid(0, 0)
            for number in (signal.SIGINT, signal.SIGUSR1):
                signal.signal(number, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            Nursery(theirs, tasks, self._runner, self._logs).serve()
        theirs.close()
        self._nursery = Channel(ours)
        self._poll.register(ours, select.POLLIN)
        for _ in range(self._size):
            self._give_birth()

    def room(self) -> int:
        """Idle children; and one more while asynchronous attempts could begin although all children are busy."""
        idle = sum(
            not child.active and not child.is_loop and child.kill_at is None for child in self._children.values()
        )
        if idle:
            return max(idle - len(self._overflow), 0)
        return 1 if not self._overflow and self._has_loop_room() else 0

    def _has_loop_room(self) -> bool:
        loops = [child for child in self._children.values() if child.is_loop]
        return bool(loops) and len(loops[0].active) < self._together

    def start(self, order: Order, task: Task) -> None:
        """Send an attempt to the idle child with the fewest parked generators, or to the one for asynchronous ones."""
        attempt = _Attempt(order, task, self._allowances.limit(order.lease, task))
        self._begin(attempt, "start")

    def resume(self, order: Order, task: Task) -> None:
        """Let the child that keeps the generator go on with it; if that child is gone, replay in another."""
        child = self._holder.get(order.lease)
        attempt = _Attempt(order, task, self._allowances.limit(order.lease, task))
        if child is None or order.lease not in child.parked:
            self._begin(attempt, "start")
        elif child.active and not child.is_loop:
            child.orders.append((attempt, self._frame(attempt, "resume")))
        else:
            self._send(child, attempt, self._frame(attempt, "resume"))

    def stop(self, lease: int, outcome: Outcome) -> None:
        """End an attempt: its process group gets SIGTERM now and SIGKILL two seconds later."""
        child = self._holder.get(lease)
        if child is None or lease not in child.active:
            self._withdraw(lease, outcome)
            return
        attempt = child.active[lease]
        if attempt.verdict is None:
            attempt.verdict = (outcome, f"{attempt.task} was stopped on request.")
            if child.is_loop:
                child.channel.send(("stop", lease, int(outcome)))
            else:
                self._end_group(child)

    def drop(self, lease: int) -> None:
        """Let a child close the generator of a parked attempt."""
        child = self._holder.pop(lease, None)
        if child is not None:
            child.parked.discard(lease)
            child.channel.send(("drop", lease))

    def deliver(self, lease: int, message: Message) -> None:
        """Send a message to the child that runs the attempt."""
        child = self._holder.get(lease)
        if child is not None and lease in child.active:
            child.channel.send(("message", lease, message.id, message.content))

    def wait(self, timeout: float | None) -> list[Ended | Said]:
        """Look after the children until something happened that the worker must know."""
        until = None if timeout is None else monotonic() + timeout
        while not self._happened:
            moments = [moment for moment in (until, self._next_deadline()) if moment is not None]
            left = max(min(moments) - monotonic(), 0.0) * 1000 if moments else None
            # A rounded-down wait would spin for the last millisecond.
            for descriptor, _ in self._poll.poll(None if left is None else left + 1):
                self._attend(descriptor)
            self._enforce_deadlines()
            if self._has_changed or (until is not None and monotonic() >= until):
                break
        self._has_changed = False
        happened, self._happened = self._happened, []
        return happened

    def listen(self) -> None:
        """Be ready for `wake`. Called after `open`, so that children do not inherit the bell."""
        from rumbo.executors.bell import Bell

        self._bell = Bell()
        self._poll.register(self._bell, select.POLLIN)

    def wake(self) -> None:
        """End a wait."""
        if self._bell is not None:
            self._bell.ring()

    def close(self) -> None:
        """End all children and the nursery."""
        if not self._nursery_pid:
            return
        self._is_closing = True
        for child in self._children.values():
            child.channel.close()
        limit = monotonic() + _GRACE
        while self._children and self._nursery.is_open and monotonic() < limit:
            self._hear_nursery(0.05)
        self._nursery.close()
        os.waitpid(self._nursery_pid, 0)
        self._nursery_pid = 0

    # -- sending orders -----------------------------------------------------------------------------------------------

    def _begin(self, attempt: _Attempt, verb: str) -> None:
        frame = self._frame(attempt, verb)
        child = self._loop_child() if attempt.is_async else self._idle_child()
        if child is None:
            self._overflow.append((attempt, frame))
        else:
            self._send(child, attempt, frame)

    def _frame(self, attempt: _Attempt, verb: str) -> tuple[Any, ...]:
        task = attempt.task
        id = task.task_id
        travels = None if id in self._known else reference(task)
        return (verb, attempt.lease, id, travels, attempt.limit and tuple(attempt.limit), attempt.log_of)

    def _idle_child(self) -> _Child | None:
        idle = [
            child
            for child in self._children.values()
            if not child.active and not child.is_loop and child.kill_at is None
        ]
        return min(idle, key=lambda child: len(child.parked), default=None)

    def _loop_child(self) -> _Child:
        for child in self._children.values():
            if child.is_loop:
                return child
        return self._give_birth(is_loop=True)

    def _send(self, child: _Child, attempt: _Attempt, frame: tuple[Any, ...]) -> None:
        if not child.channel.send(frame):
            # It died idle, and the nursery has not told us yet; another child, or its successor, takes this.
            child.kill_at = _NEVER
            self._overflow.append((attempt, (_AGAIN[frame[0]], *frame[1:])))
            return
        child.active[attempt.lease] = attempt
        child.parked.discard(attempt.lease)
        self._holder[attempt.lease] = child
        child.served += 1
        if attempt.limit is not None and not child.is_loop:
            child.deadline = monotonic() + attempt.limit.seconds

    def _withdraw(self, lease: int, outcome: Outcome) -> None:
        """Take back an attempt that waits for a child."""
        for line in (self._overflow, *(child.orders for child in self._children.values())):
            for place, (attempt, _) in enumerate(line):
                if attempt.lease == lease:
                    del line[place]
                    self._happened.append(Ended(lease, outcome, "stopped before it began"))
                    return

    # -- children -----------------------------------------------------------------------------------------------------

    def _give_birth(self, is_loop: bool = False) -> _Child:
        """Ask the nursery for a child. Orders may be sent at once; they wait in its socket."""
        self._births += 1
        slot = f"{self._births}"
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        child = self._children[slot] = _Child(slot, Channel(ours), is_loop)
        self._by_descriptor[ours.fileno()] = child
        self._poll.register(ours, select.POLLIN)
        socket.send_fds(self._nursery.socket, [slot.encode()], [theirs.fileno()])
        theirs.close()
        # One request at a time: the nursery reads a name and its descriptor together.
        while child.pid == 0 and self._nursery.is_open:
            self._hear_nursery(None)
        return child

    def _attend(self, descriptor: int) -> None:
        if self._bell is not None and descriptor == self._bell.fileno():
            self._bell.hush()
            self._has_changed = True
            return
        if descriptor == self._nursery.fileno():
            self._hear_nursery(0.0)
            return
        child = self._by_descriptor.get(descriptor)
        if child is not None:
            self._listen(child)
            if not child.channel.is_open:
                self._poll.unregister(descriptor)
                del self._by_descriptor[descriptor]

    def _listen(self, child: _Child) -> None:
        """Take in what a child tells."""
        for frame in child.channel.receive(0.0):
            if frame[0] == "said":
                self._happened.append(Said(*frame[1:]))
            else:
                self._ended(child, *frame[1:])

    def _ended(
        self,
        child: _Child,
        lease: int,
        outcome: int,
        message: str,
        retryable: bool,
        needs: Sequence[tuple[str, Any]],
        seconds: float,
        log: str,
        outputs: str,
    ) -> None:
        attempt = child.active.pop(lease)
        if not child.is_loop:
            child.deadline = None
        if outcome == Outcome.PARKED:
            child.parked.add(lease)
        else:
            del self._holder[lease]
        try:
            tasks = tuple([load_task(*travelled) for _, travelled in needs])
        except Exception as error:  # noqa: BLE001 - whatever keeps a task from being built ends this attempt only
            self.drop(lease)
            what = ", ".join(id for id, _ in needs)
            failure = f"{attempt.task} asked for {what}, which could not be built outside of its process: {error}"
            self._happened.append(Ended(lease, Outcome.FAILED, failure, seconds=seconds, log=log))
            self._occupy(child)
            return
        if attempt.verdict is not None and outcome != Outcome.DONE:
            outcome, message = attempt.verdict
        ended = Ended(lease, Outcome(outcome), message, retryable, tasks, seconds, log, outputs=outputs)
        self._allowances.note(ended)
        self._happened.append(ended)
        self._occupy(child)

    def _occupy(self, child: _Child) -> None:
        """Give a child that has become idle what waits for it, or a rest."""
        if child.is_loop or child.kill_at is not None:
            return
        if child.orders:
            self._send(child, *child.orders.popleft())
        elif self._recycle_after is not None and child.served >= self._recycle_after and not child.parked:
            child.kill_at = monotonic() + _GRACE
            child.channel.socket.shutdown(socket.SHUT_WR)
        elif self._overflow:
            self._send(child, *self._overflow.popleft())

    def _hear_nursery(self, timeout: float | None) -> None:
        """Take in births and deaths: lines of text, read from the socket as they come."""
        if timeout is not None and not select.select([self._nursery.socket], [], [], timeout)[0]:
            return
        data = self._nursery.socket.recv(65536)
        if not data:
            self._nursery.is_open = False
            if not self._is_closing:
                self._nursery_died()
            return
        *lines, self._news = (self._news + data).split(b"\n")
        for line in lines:
            what, slot, pid, status = line.decode().split()
            if what == "born":
                self._children[slot].pid = int(pid)
            else:
                self._died(self._children.pop(slot), int(status))

    def _died(self, child: _Child, status: int) -> None:
        """A child has ended: settle what it was doing and replace it."""
        child.kill_at = _NEVER  # nothing may be sent to it any more
        self._listen(child)  # what it told before it ended counts
        descriptor = child.channel.fileno()
        if self._by_descriptor.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)
        child.channel.close()
        for lease in child.parked:
            self._holder.pop(lease, None)
        salvaged = self._logs.salvage(child.slot) if self._logs is not None else None
        for attempt in tuple(child.active.values()):
            del self._holder[attempt.lease]
            log = salvaged[1] if salvaged is not None and not child.is_loop else self._page_of(attempt)
            if attempt.verdict is not None:
                self._happened.append(Ended(attempt.lease, *attempt.verdict, log=log))
            else:
                message = f"The process that ran {attempt.task} {cause_of_death(status)}"
                code = os.waitstatus_to_exitcode(status)
                self._happened.append(Ended(attempt.lease, Outcome.FAILED, message, log=log, died=True, exit_code=code))
        for attempt, _ in child.orders:
            self._holder.pop(attempt.lease, None)
            self._overflow.append((attempt, self._frame(attempt, "start")))
        if not self._is_closing:
            self._occupy(self._give_birth(child.is_loop))
            self._has_changed = True

    def _page_of(self, attempt: _Attempt) -> str:
        """Where that lies which an attempt printed that shared a child with others."""
        return (self._logs.salvage_page(*attempt.log_of) or "") if self._logs is not None else ""

    def _nursery_died(self) -> None:
        from rumbo.errors import ProcessDied

        raise ProcessDied(
            f"The process {self._nursery_pid}, from which all worker processes are forked, is gone: somebody or the "
            "kernel killed it. What was running has been stopped; run the same command again to go on."
        )

    # -- deadlines ----------------------------------------------------------------------------------------------------

    def _next_deadline(self) -> float | None:
        moments = [
            moment
            for child in self._children.values()
            for moment in (child.deadline, child.kill_at)
            if moment is not None
        ]
        return min(moments, default=None)

    def _enforce_deadlines(self) -> None:
        now = monotonic()
        for child in self._children.values():
            if child.deadline is not None and child.deadline <= now:
                child.deadline = None
                for attempt in child.active.values():
                    attempt.verdict = (Outcome.TIMED_OUT, attempt.limit.message if attempt.limit is not None else "")
                self._end_group(child)
            elif child.kill_at is not None and child.kill_at <= now:
                child.kill_at = None
                _signal_group(child.pid, signal.SIGKILL)

    def _end_group(self, child: _Child) -> None:
        child.kill_at = monotonic() + _GRACE
        _signal_group(child.pid, signal.SIGTERM)


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        pass  # it ended by itself a moment ago


def cause_of_death(status: int) -> str:
    """How a process ended, for people, from what `waitpid` tells."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name
        why = "; the kernel does that when memory runs out, and people do it with kill -9" if number == 9 else ""
        return f"was killed by signal {number} ({name}){why}."
    code = os.waitstatus_to_exitcode(status)
    return f"ended in the middle of the attempt with exit code {code}: something called os._exit() or crashed."
