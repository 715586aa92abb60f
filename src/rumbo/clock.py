"""Where the time comes from: the one place that reads the clock, and a clock that stands still for tests."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Clock(Protocol):
        """What tells the time to everything that is not pure."""

        def now(self) -> float:
            """Seconds since the epoch (UTC); never runs backwards within a process."""
            ...


class SystemClock:
    """The machine's clock, held from running backwards when the machine's time is corrected."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = 0.0

    def now(self) -> float:
        """Seconds since the epoch (UTC); a correction to an earlier time holds the clock until time catches up."""
        now = time.time()
        if now < self._last:
            return self._last
        self._last = now
        return now


class ManualClock:
    """A clock that moves only when told. For tests and simulations."""

    __slots__ = ("_now",)

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now

    def now(self) -> float:
        """The time that was last set."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` go by. A negative number is a mistake and raises ``ValueError``."""
        if seconds < 0:
            raise ValueError(f"A clock cannot run backwards (advance by {seconds} s).")
        self._now += seconds
