"""Those who follow a server's journal, each from where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rumbo.ports import Chronicle, RunInfo


class Audience:
    """Tells chronicles what has become certain, and none of them anything twice."""

    def __init__(self, chronicles: Sequence[Chronicle]) -> None:
        self._chronicles = chronicles
        self._told: list[int] = []
        """Of each: number of the last entry that it knows."""
        self._waiting: set[int] = set()
        """Those that have not gone on yet with the runs that were under way."""

    def follow(self, journal: str) -> None:
        """Ask each how far it knows a journal. Raises `StoreError` if one cannot say."""
        self._told = [chronicle.follow(journal) for chronicle in self._chronicles]
        self._waiting = set(range(len(self._told)))

    def go_back(self, number: int) -> None:
        """The journal is read again; all that comes up to this entry was told."""
        self._told = [max(told, number) for told in self._told]

    def resume(self, number: int, runs: Callable[[], Sequence[RunInfo]]) -> None:
        """Let those go on with open runs for whom the next entry, with this number, is news."""
        for place in sorted(self._waiting):
            if self._told[place] < number:
                self._waiting.discard(place)
                self._chronicles[place].resume(runs())

    def tell(self, number: int, facts: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        """What follows from the journal up to this entry, to all who do not know it."""
        for place, chronicle in enumerate(self._chronicles):
            if self._told[place] < number:
                self._told[place] = number
                chronicle.tell(number, facts)

    def flush(self, timeout: float) -> bool:
        """Have all of them write what they were told. False: one has not (yet)."""
        return all(chronicle.flush(timeout) for chronicle in self._chronicles)
