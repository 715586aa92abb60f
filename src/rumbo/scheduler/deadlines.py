"""Timers as data: what falls due when. The shell asks for the next moment and sends a tick; nothing here waits."""

from __future__ import annotations

from enum import IntEnum
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Due(IntEnum):
    """What falls due."""

    WORKER = 0
    """A worker may have been silent for too long."""
    RETRY = 1
    """A failed task may be tried again."""
    ENABLE = 2
    """A disabled task gets another chance."""
    FORGET = 3
    """A task that nobody wants may be dropped."""


class Deadlines:
    """A heap of moments.

    An entry is a reminder, not a fact: whoever takes it looks whether it still holds. So nothing is ever removed from
    the middle, and moving a deadline is adding another.
    """

    __slots__ = ("_heap",)

    def __init__(self) -> None:
        self._heap: list[tuple[float, Due, str]] = []

    def add(self, at: float, kind: Due, key: str) -> None:
        """Remember that something falls due."""
        heappush(self._heap, (at, kind, key))

    def next(self) -> float | None:
        """The earliest moment at which a tick could change anything, or None."""
        return self._heap[0][0] if self._heap else None

    def is_due(self, now: float) -> bool:
        """Whether a tick at this moment could change anything."""
        return bool(self._heap) and self._heap[0][0] <= now

    def take(self, now: float) -> Iterator[tuple[Due, str]]:
        """Remove and give all that is due, earliest first."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            _, kind, key = heappop(heap)
            yield kind, key

    def pending(self) -> list[tuple[float, Due, str]]:
        """All reminders, earliest first."""
        return sorted(self._heap)

    def __len__(self) -> int:
        return len(self._heap)
