"""Many asynchronous attempts in one event loop, turned only while its owner waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rumbo.executors.switch import printing_to
from rumbo.ports import Ended
from rumbo.scheduler.records import Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from rumbo.executors.kinds import Limit
    from rumbo.ports import Page


class AttemptLoop:
    """An event loop with attempts in it. Owned by one thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._attempts: dict[asyncio.Task[Ended], int] = {}
        self._verdicts: dict[int, tuple[Outcome, str]] = {}
        self._pages: dict[int, Page] = {}

    @property
    def running(self) -> int:
        """How many attempts are under way."""
        return len(self._attempts)

    def add(self, lease: int, attempt: Awaitable[Ended], limit: Limit | None = None, page: Page | None = None) -> None:
        """Let an attempt begin at the next turn.

        Args:
            limit: after so many seconds it is cancelled; None: never.
            page: where its output goes; None leaves it alone.
        """

        async def carry_out() -> Ended:
            with printing_to(page):
                return await attempt

        task = self._loop.create_task(carry_out())
        self._attempts[task] = lease
        if page is not None:
            self._pages[lease] = page
        if limit is not None:
            self._loop.call_later(limit.seconds, self._end, task, Outcome.TIMED_OUT, limit.message)

    def cancel(self, lease: int, outcome: Outcome) -> None:
        """End an attempt at its next `await`."""
        for task, held in self._attempts.items():
            if held == lease:
                self._end(task, outcome, "stopped on request")

    def _end(self, task: asyncio.Task[Ended], outcome: Outcome, message: str) -> None:
        if not task.done():
            self._verdicts.setdefault(self._attempts[task], (outcome, message))
            task.cancel()

    def turn(self, timeout: float | None, wake: int | None = None) -> list[Ended]:
        """Let the loop run until an attempt ends or the time is up; gives those that ended.

        Args:
            wake: a file descriptor; when there is something to read from it, the turn ends too.
        """
        woken: asyncio.Future[None] = self._loop.create_future()
        if wake is not None:
            self._loop.add_reader(wake, woken.cancel)
        everything: list[asyncio.Future[Any]] = [*self._attempts, woken]
        waiting = asyncio.wait(everything, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        try:
            self._loop.run_until_complete(waiting)
        except KeyboardInterrupt:
            for task, lease in self._attempts.items():
                self._verdicts.setdefault(lease, (Outcome.CANCELLED, "interrupted"))
                task.cancel()
        finally:
            woken.cancel()
            if wake is not None:
                self._loop.remove_reader(wake)
        finished = [task for task in self._attempts if task.done()]
        return [self._outcome(task) for task in finished]

    def _outcome(self, task: asyncio.Task[Ended]) -> Ended:
        ended = self._judge(task, self._attempts.pop(task))
        page = self._pages.pop(ended.lease, None)
        return ended if page is None else ended._replace(log=page.harvest() or "")

    def _judge(self, task: asyncio.Task[Ended], lease: int) -> Ended:
        verdict = self._verdicts.pop(lease, None)
        if task.cancelled() or isinstance(task.exception(), KeyboardInterrupt):
            return Ended(lease, *(verdict or (Outcome.CANCELLED, "interrupted")))
        ended = task.result()
        # A cancelled attempt ends as a failure with CancelledError when the runner saw it first.
        return ended if verdict is None or ended.outcome is Outcome.DONE else Ended(lease, *verdict)

    def close(self) -> None:
        """Cancel all attempts, let them clean up, and close the loop."""
        for task in self._attempts:
            task.cancel()
        if self._attempts:
            self._loop.run_until_complete(asyncio.gather(*self._attempts, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()
