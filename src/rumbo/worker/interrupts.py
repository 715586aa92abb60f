"""Signals, while a run is under way: once drains, twice stops."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType
    from typing import Any

    from rumbo.worker.worker import Worker


class Interrupts:
    """Takes signals for a worker for the time of a `with` block, in the main thread; elsewhere does nothing.

    SIGINT (Ctrl-C): the first lets what runs finish, the second stops it. SIGTERM stops at once, and so does SIGHUP,
    which comes when the terminal is closed, unless `nohup` keeps it away. SIGUSR1 drains, as Luigi's workers do.

    Args:
        worker: what to drain and stop.
        runs_here: attempts run in this very thread, so stopping them means raising KeyboardInterrupt in their code.
        tell: called with a sentence for the person at the terminal.
    """

    def __init__(self, worker: Worker, runs_here: bool, tell: Callable[[str], None]) -> None:
        self._worker = worker
        self._runs_here = runs_here
        self._tell = tell
        self._before: dict[signal.Signals, Any] = {}
        self.received = 0
        """How many signals asked for an end."""

    def __enter__(self) -> Interrupts:
        handlers = {signal.SIGINT: self._interrupt, signal.SIGTERM: self._terminate, signal.SIGUSR1: self._drain}
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            handlers[signal.SIGHUP] = self._terminate
        try:
            for number, handler in handlers.items():
                self._before[number] = signal.signal(number, handler)
        except ValueError:
            pass  # not the main thread: signals are somebody else's business
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _interrupt(self, signum: int, frame: FrameType | None) -> None:
        self.received += 1
        if self.received == 1:
            self._worker.drain()
            self._tell("Finishing what runs, and nothing more; press Ctrl-C again to stop now.")
        else:
            self._stop()

    def _terminate(self, signum: int, frame: FrameType | None) -> None:
        self.received += 1
        self._stop()

    def _stop(self) -> None:
        self._worker.stop()
        self._tell("Stopping.")
        if self._runs_here:
            raise KeyboardInterrupt

    def _drain(self, signum: int, frame: FrameType | None) -> None:
        self._worker.drain()
        self._tell("Finishing what runs, and nothing more.")
