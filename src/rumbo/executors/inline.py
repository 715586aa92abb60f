"""Attempts in this very thread, one at a time; asynchronous ones together in one event loop."""

from __future__ import annotations

import os
from collections import deque
from contextlib import nullcontext
from typing import TYPE_CHECKING

from rumbo.errors import AttemptTimedOut
from rumbo.executors.kinds import Allowances, is_async
from rumbo.executors.streams import flush_standard_streams
from rumbo.executors.switch import Switch, printing_to
from rumbo.ports import Ended, Said
from rumbo.scheduler.records import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from rumbo.executors.bell import Bell
    from rumbo.executors.kinds import Limit
    from rumbo.executors.loop import AttemptLoop
    from rumbo.pipeline.task import Task
    from rumbo.ports import Logs, Message, Order, Page, Runner, Spool


class InlineExecutor:
    """`Executor` in the calling thread: the least there can be, and what a debugger likes best.

    An attempt runs inside `wait`, to its end. It cannot be ended by force; Ctrl-C, or an alarm when the task has a
    timeout, raises within its code. Asynchronous attempts share an event loop, which turns while nothing else runs.

    Args:
        runner: carries out the attempts.
        logs: where their output is kept; None leaves it alone.
        say: called with what tasks say, as they say it.
        together: how many asynchronous attempts may be under way at once.
    """

    def __init__(
        self,
        runner: Runner,
        logs: Logs | None = None,
        say: Callable[[Said], None] | None = None,
        together: int = 100,
    ) -> None:
        self._runner = runner
        self._logs = logs
        self._spool: Spool | None = None
        self._switch = Switch()
        self._allowances = Allowances()
        self._say_now = say
        self._together = together
        self._next: deque[tuple[Order, Task, bool]] = deque()
        self._said: list[Ended | Said] = []
        self._loop: AttemptLoop | None = None
        self._bell: Bell | None = None
        self._inboxes: dict[int, deque[Message]] = {}
        self._kept: list[tuple[int, int]] = []
        """The process's own output, put aside while attempts' output is kept."""

    def open(self, tasks: Mapping[str, Task]) -> None:
        """Nothing to get ready but the output."""
        if self._logs is not None:
            self._spool = self._logs.open_spool("main")
        if self._spool is not None:
            self._kept = [(number, os.dup(number)) for number in (1, 2)]
            self._spool.redirect(1, 2)

    def room(self) -> int:
        """One attempt at a time, and one more for the event loop while that has room."""
        if self._next:
            return 0
        return 1 if self._loop is None or self._loop.running < self._together else 0

    def start(self, order: Order, task: Task) -> None:
        """Put an attempt in line for the next `wait`."""
        self._next.append((order, task, False))

    def resume(self, order: Order, task: Task) -> None:
        """Put a parked attempt in line for the next `wait`."""
        self._next.append((order, task, True))

    def stop(self, lease: int, outcome: Outcome) -> None:
        """Take an attempt out of line, or cancel it in the event loop; one that runs here is past stopping."""
        for place, (order, _, _) in enumerate(self._next):
            if order.lease == lease:
                del self._next[place]
                self._said.append(Ended(lease, outcome, "stopped before it began"))
                return
        if self._loop is not None:
            self._loop.cancel(lease, outcome)

    def drop(self, lease: int) -> None:
        """Close a parked generator."""
        self._runner.drop(lease)

    def deliver(self, lease: int, message: Message) -> None:
        """Leave a message where the attempt looks for it. May be called from another thread."""
        self._inboxes.setdefault(lease, deque()).append(message)

    def wait(self, timeout: float | None) -> list[Ended | Said]:
        """Run what is in line, or let the event loop turn until an attempt in it ends."""
        if not self._said:
            if self._next:
                self._carry_out(*self._next.popleft())
            elif self._loop is not None and self._loop.running:
                self._said += self._loop.turn(timeout, None if self._bell is None else self._bell.fileno())
            elif timeout:
                self._rest(timeout)
            if self._bell is not None:
                self._bell.hush()
        said, self._said = self._said, []
        for each in said:
            if isinstance(each, Ended):
                self._allowances.note(each)
        return said

    def _rest(self, timeout: float) -> None:
        if self._bell is None:
            import time

            time.sleep(timeout)
        else:
            import select

            select.select([self._bell], [], [], timeout)

    def wake(self) -> None:
        """End a rest in `wait`; what runs there is not disturbed."""
        if self._bell is not None:
            self._bell.ring()

    def listen(self) -> None:
        """Be ready for `wake`."""
        from rumbo.executors.bell import Bell

        self._bell = Bell()

    def close(self) -> None:
        """Cancel what is left in the event loop, and give the process its own output back."""
        if self._loop is not None:
            self._loop.close()
        self._switch.remove()
        flush_standard_streams()
        for number, kept in self._kept:
            os.dup2(kept, number)
            os.close(kept)
        self._kept = []

    # -- what runs in `wait` -----------------------------------------------------------------------------------------

    def _carry_out(self, order: Order, task: Task, is_resumed: bool) -> None:
        log_of = (order.tasks[0], order.attempt)
        page = self._open_page(task, log_of)
        begin = self._runner.resume if is_resumed else self._runner.start
        limit = self._allowances.limit(order.lease, task)
        try:
            if limit is None and page is None:  # most attempts, so they are spared what the others need
                result = begin(order.lease, task, self)
            else:
                with alarm(limit) if limit is not None else nullcontext(), printing_to(page):
                    result = begin(order.lease, task, self)
        except KeyboardInterrupt:
            result = Ended(order.lease, Outcome.CANCELLED, "interrupted")
        if not isinstance(result, Ended):
            if self._loop is None:
                from rumbo.executors.loop import AttemptLoop

                self._loop = AttemptLoop()
            self._loop.add(order.lease, result, limit, page)
            return
        if self._inboxes:
            self._inboxes.pop(order.lease, None)
        if self._spool is not None:
            flush_standard_streams()
            log = self._spool.harvest(*log_of) if page is None else page.harvest()
            if log is not None:
                result = result._replace(log=log)
        self._said.append(result)

    def _open_page(self, task: Task, log_of: tuple[str, int]) -> Page | None:
        """Say whose output comes next; gives a page if the attempt will share this thread with others."""
        if self._spool is None or self._logs is None:
            return None
        if is_async(task):
            self._switch.install()
            return self._logs.open_page(*log_of)
        self._spool.begin(*log_of)
        return None

    # -- Voice --------------------------------------------------------------------------------------------------------

    def finishing(self, lease: int) -> None:
        """What comes here when the time is over is an exception, which the attempt itself takes."""

    def say(self, lease: int, kind: str, value: str) -> None:
        """What a task says is passed on at once if somebody listens, since its attempt fills this thread."""
        said = Said(lease, kind, value)
        if self._say_now is not None:
            self._say_now(said)
        else:
            self._said.append(said)

    def hear(self, lease: int, timeout: float | None) -> Message | None:
        """The next message; waited for in small steps, because it comes from another thread."""
        from time import monotonic, sleep

        inbox = self._inboxes.setdefault(lease, deque())
        deadline = None if timeout is None else monotonic() + timeout
        while not inbox:
            if deadline is not None and monotonic() >= deadline:
                return None
            sleep(0.01)
        return inbox.popleft()


def alarm(limit: Limit) -> AbstractContextManager[None]:
    """Raise `AttemptTimedOut` in this thread when the time is over, if this is the main thread of a Unix process."""
    from contextlib import contextmanager

    @contextmanager
    def armed():  # type: ignore[no-untyped-def]
        import signal
        import threading

        if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
            yield
            return

        def ring(signum: int, frame: object) -> None:
            raise AttemptTimedOut(limit.message)

        before = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, limit.seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    return armed()
