"""Attempts in threads of this process; asynchronous ones together in one event loop, in a thread of its own."""

from __future__ import annotations

import os
import threading
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any

from rumbo.errors import AttemptCancelled, AttemptTimedOut
from rumbo.executors.kinds import Allowances, is_async
from rumbo.executors.streams import flush_standard_streams
from rumbo.executors.switch import Switch, printing_to
from rumbo.ports import Ended, Message, Said
from rumbo.scheduler.records import Outcome

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Mapping

    from rumbo.executors.kinds import Limit
    from rumbo.pipeline.task import Task
    from rumbo.ports import Logs, Order, Page, Runner, Spool


class _Attempt:
    """One attempt, as its thread and its owner both see it."""

    __slots__ = ("begin", "deadline", "future", "inbox", "is_async", "limit", "order", "task", "thread", "verdict")

    def __init__(self, order: Order, task: Task, begin: Callable[..., Any]) -> None:
        self.order = order
        self.task = task
        self.is_async = is_async(task)
        self.begin = begin
        self.inbox: SimpleQueue[Message] = SimpleQueue()
        self.thread: int | None = None
        self.future: Any = None
        self.deadline: float | None = None
        self.limit: Limit | None = None
        self.verdict: tuple[Outcome, str] | None = None
        """What its end will mean, because we brought it about."""


class ThreadExecutor:
    """`Executor` over threads: for tasks that mostly wait, share memory, or cannot be forked.

    A thread cannot be ended from outside. A timeout or a cancellation raises `AttemptTimedOut` or `AttemptCancelled` at
    the next line of Python that the task's thread executes; a call that blocks outside of Python is not interrupted.

    Args:
        runner: carries out the attempts.
        size: number of threads.
        logs: where the output of attempts is kept; None leaves it alone.
        together: how many asynchronous attempts may be under way at once.
        keeps_rest: keep what cannot be told apart too, all together until the end; else it goes where it went before.
    """

    def __init__(
        self, runner: Runner, size: int, logs: Logs | None = None, together: int = 100, keeps_rest: bool = True
    ) -> None:
        self._runner = runner
        self._logs = logs
        self._keeps_rest = keeps_rest
        self._spool: Spool | None = None
        self._switch = Switch()
        self._allowances = Allowances()
        self._kept: list[tuple[int, int]] = []
        """The process's own output, put aside while attempts' output is kept."""
        self._size = size
        self._together = together
        self._lines: SimpleQueue[_Attempt | None] = SimpleQueue()
        self._news: SimpleQueue[tuple[_Attempt | None, Ended | Said | None]] = SimpleQueue()
        self._active: dict[int, _Attempt] = {}
        self._threads: list[threading.Thread] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self, tasks: Mapping[str, Task]) -> None:
        """Start the threads. What they print by themselves is kept for each attempt; all else for all together."""
        if self._logs is not None:
            self._switch.install()
        self._spool = None if self._logs is None or not self._keeps_rest else self._logs.open_spool("threads")
        if self._spool is not None:
            flush_standard_streams()
            self._kept = [(number, os.dup(number)) for number in (1, 2)]
            self._spool.redirect(1, 2)
        for number in range(self._size):
            thread = threading.Thread(target=self._serve, name=f"rumbo-{number + 1}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def room(self) -> int:
        """Idle threads; and one more while asynchronous attempts could begin although all threads are busy."""
        in_loop = sum(attempt.is_async for attempt in self._active.values())
        busy = len(self._active) - in_loop
        if busy < self._size:
            return self._size - busy
        return 1 if in_loop and in_loop < self._together and busy == self._size else 0

    def start(self, order: Order, task: Task) -> None:
        """Put an attempt in line for a thread."""
        self._enter(_Attempt(order, task, self._runner.start))

    def resume(self, order: Order, task: Task) -> None:
        """Put a parked attempt in line for a thread; its generator may go on in another one than it began in."""
        self._enter(_Attempt(order, task, self._runner.resume))

    def _enter(self, attempt: _Attempt) -> None:
        self._active[attempt.order.lease] = attempt
        attempt.limit = self._allowances.limit(attempt.order.lease, attempt.task)
        if attempt.limit is not None:
            attempt.deadline = monotonic() + attempt.limit.seconds
        if attempt.is_async:
            self._let_loop(attempt)
        else:
            self._lines.put(attempt)

    def stop(self, lease: int, outcome: Outcome) -> None:
        """Raise `AttemptCancelled` in the attempt's thread."""
        attempt = self._active.get(lease)
        if attempt is not None:
            self._interrupt(attempt, outcome, f"{attempt.task} was stopped on request.")

    def drop(self, lease: int) -> None:
        """Close a parked generator."""
        self._runner.drop(lease)

    def deliver(self, lease: int, message: Message) -> None:
        """Leave a message where the attempt looks for it."""
        attempt = self._active.get(lease)
        if attempt is not None:
            attempt.inbox.put(message)

    def wait(self, timeout: float | None) -> list[Ended | Said]:
        """What the threads told, waiting for the first of it."""
        until = None if timeout is None else monotonic() + timeout
        while True:
            moments = [attempt.deadline for attempt in self._active.values() if attempt.deadline is not None]
            if until is not None:
                moments.append(until)
            left = max(min(moments) - monotonic(), 0.0) if moments else None
            try:
                news = [self._news.get(timeout=left)]
            except Empty:
                self._enforce_deadlines()
                if until is not None and monotonic() >= until:
                    return []
                continue
            while not self._news.empty():
                news.append(self._news.get())
            return [self._settle(attempt, event) for attempt, event in news if event is not None]

    def _settle(self, attempt: _Attempt | None, event: Ended | Said) -> Ended | Said:
        if attempt is None or isinstance(event, Said):
            return event
        del self._active[attempt.order.lease]
        self._allowances.note(event)
        if attempt.verdict is not None and event.outcome is not Outcome.DONE:
            return Ended(event.lease, *attempt.verdict, log=event.log)
        return event

    def _enforce_deadlines(self) -> None:
        now = monotonic()
        for attempt in self._active.values():
            if attempt.deadline is not None and attempt.deadline <= now:
                attempt.deadline = None
                self._interrupt(attempt, Outcome.TIMED_OUT, attempt.limit.message if attempt.limit is not None else "")

    def _interrupt(self, attempt: _Attempt, outcome: Outcome, message: str) -> None:
        if attempt.verdict is not None:
            return
        attempt.verdict = (outcome, message)
        if attempt.future is not None:
            attempt.future.cancel()
        elif attempt.thread is not None:
            import ctypes

            error = AttemptTimedOut if outcome is Outcome.TIMED_OUT else AttemptCancelled
            # Takes effect at the thread's next line of Python; there is no gentler way into a running thread.
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(attempt.thread), ctypes.py_object(error))

    def listen(self) -> None:
        """Nothing to get ready: whoever waits here waits for a queue."""

    def wake(self) -> None:
        """End a wait."""
        self._news.put((None, None))

    def close(self) -> None:
        """Let idle threads end; those that still run end with the process."""
        for _ in self._threads:
            self._lines.put(None)
        for attempt in self._active.values():
            self._interrupt(attempt, Outcome.CANCELLED, f"{attempt.task} was stopped on request.")
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
        for thread in self._threads:
            thread.join(timeout=1.0 if self._active else None)
        self._switch.remove()
        flush_standard_streams()
        for number, kept in self._kept:
            os.dup2(kept, number)
            os.close(kept)
        self._kept = []

    # -- in the threads -----------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while (attempt := self._lines.get()) is not None:
            try:
                self._carry_out(attempt)
            except (AttemptCancelled, AttemptTimedOut, KeyboardInterrupt) as error:
                # The interruption came between the attempt's last line and ours.
                ended = Ended(attempt.order.lease, Outcome.CANCELLED, f"interrupted: {error!r}")
                self._news.put((attempt, ended))

    def _carry_out(self, attempt: _Attempt) -> None:
        lease = attempt.order.lease
        if attempt.verdict is not None:
            self._news.put((attempt, Ended(lease, *attempt.verdict)))
            return
        page = self._open_page(attempt)
        with printing_to(page):
            attempt.thread = threading.get_ident()
            result = attempt.begin(lease, attempt.task, self)
            attempt.thread = None
            if not isinstance(result, Ended):
                # A plain run() that returned a coroutine of another function: this thread sees it through.
                import asyncio

                result = asyncio.run(_wait_for(result))
        self._news.put((attempt, _with_log(result, page)))

    def _open_page(self, attempt: _Attempt) -> Page | None:
        if self._logs is None:
            return None
        return self._logs.open_page(attempt.order.tasks[0], attempt.order.attempt)

    def _let_loop(self, attempt: _Attempt) -> None:
        """Let an asynchronous attempt begin in the event loop, which gets a thread of its own the first time."""
        import asyncio

        lease = attempt.order.lease
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="rumbo-loop", daemon=True).start()

        page = self._open_page(attempt)

        async def carry_out() -> Ended:
            with printing_to(page):
                result = attempt.begin(lease, attempt.task, self)
                ended: Ended = result if isinstance(result, Ended) else await result
            return ended

        def tell(future: Any) -> None:
            ended = Ended(lease, Outcome.CANCELLED, "cancelled") if future.cancelled() else future.result()
            self._news.put((attempt, _with_log(ended, page)))

        attempt.future = asyncio.run_coroutine_threadsafe(carry_out(), self._loop)
        attempt.future.add_done_callback(tell)

    # -- Voice --------------------------------------------------------------------------------------------------------

    def finishing(self, lease: int) -> None:
        """What comes here when the time is over is an exception, which the attempt itself takes."""

    def say(self, lease: int, kind: str, value: str) -> None:
        """Pass on what a task says."""
        self._news.put((None, Said(lease, kind, value)))

    def hear(self, lease: int, timeout: float | None) -> Message | None:
        """The next message to a task."""
        attempt = self._active.get(lease)
        if attempt is None:
            return None
        try:
            return attempt.inbox.get(timeout=timeout) if timeout != 0 else attempt.inbox.get_nowait()
        except Empty:
            return None


def _with_log(ended: Ended, page: Page | None) -> Ended:
    return ended if page is None else ended._replace(log=page.harvest() or "")


async def _wait_for(attempt: Awaitable[Ended]) -> Ended:
    return await attempt
