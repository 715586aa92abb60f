"""Ranges: the same task for every day of a span, and only for the days that are still missing.

    rumbo run -m ranges RangeDaily --of Rainfall --start 2026-03-01 --stop 2026-03-08 --days-back 36500

RangeDaily is part of Rumbo and works with any task that has one parameter for a date; it has sisters for hours,
minutes and months. `--stop` itself is not part of the span. A range reaches 100 days back from today unless
`--days-back` says more, so that an early start does not make it look at years. Delete a day's file and run again:
that day is back.
"""

from __future__ import annotations

import datetime as dt
import random

import rumbo
from rumbo.pipeline.ranges import RangeDaily

__all__ = ["Rainfall", "RangeDaily"]


class Rainfall(rumbo.Task):
    """A day's rain, in millimetres."""

    date: dt.date

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"out/rain/{self.date}.txt")

    def run(self) -> None:
        with self.output().open("w") as out:
            out.write(f"{random.Random(str(self.date)).randint(0, 30)}\n")
