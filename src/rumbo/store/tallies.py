"""How many attempts of each family ended in each hour, how, and how long they took: kept when the attempts are pruned.

Durations are counted by octave (octave n: from 2**(n-1) to 2**n seconds), which is enough for medians and percentiles
to within a factor of two. What took no time that the clock could tell is in octave 0.
"""

from __future__ import annotations

from collections import Counter
from math import frexp
from operator import itemgetter
from typing import TYPE_CHECKING

from rumbo.store import statements

if TYPE_CHECKING:
    from rumbo.scheduler.records import Outcome
    from rumbo.store.database import Database
    from rumbo.store.statements import Value

_exponent = itemgetter(1)


class Tallies:
    """What one transaction adds to the tallies."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[tuple[int, int, int, int], list[float]] = {}

    def add(self, family: int, outcome: Outcome, ended: float, seconds: float) -> None:
        """Count one attempt. ``family`` is a place among the run's families."""
        self._add((family, int(ended // 3600), int(outcome), frexp(seconds)[1]), 1, seconds, seconds)

    def add_done(self, families: list[int], positions: list[int], seconds: list[float], ended: float) -> None:
        """Count attempts that went well and ended at about the same time."""
        hour = int(ended // 3600)
        by_family: dict[int, list[float]] = {}
        for family, each in zip(map(families.__getitem__, positions), seconds, strict=True):
            if family in by_family:
                by_family[family].append(each)
            else:
                by_family[family] = [each]
        for family, found in by_family.items():
            octaves = Counter(map(_exponent, map(frexp, found)))
            octave, attempts = octaves.popitem()
            # One row of them carries the sum and the maximum of all: nobody asks for the sum of one octave.
            self._add((family, hour, 0, octave), attempts, sum(found), max(found))
            for octave, attempts in octaves.items():
                self._add((family, hour, 0, octave), attempts, 0.0, 0.0)

    def _add(self, key: tuple[int, int, int, int], attempts: int, seconds: float, slowest: float) -> None:
        tally = self._found.setdefault(key, [0, 0.0, 0.0])
        tally[0] += attempts
        tally[1] += seconds
        tally[2] = max(tally[2], slowest)

    def enter(self, db: Database, families: dict[int, int]) -> None:
        """Add all that was counted to the database. ``families``: keys by place among the run's families."""
        values: list[Value] = []
        for (family, hour, outcome, octave), (attempts, seconds, slowest) in self._found.items():
            values += (families[family], hour, outcome, octave, int(attempts), seconds, slowest)
        if values:
            statements.add_durations(db, values)
