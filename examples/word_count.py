"""Word count: tasks that need each other's outputs, the smallest pipeline that deserves the name.

    rumbo run -m word_count WordCount --days 3

A text per day, made here so that nothing need be downloaded; the words of each day counted; and all of them
together. With `--days 4` only the new day is written and counted.
"""

from __future__ import annotations

import collections
import datetime as dt
import random
from pathlib import Path

import rumbo

FIRST_DAY = dt.date(2026, 1, 1)
WORDS = ["flow", "river", "bank", "stone", "bridge", "water", "mill", "wheel", "rain", "valley"]


class Text(rumbo.Task):
    """A text, the same for the same day each time."""

    date: dt.date

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"out/words/{self.date}.txt")

    def run(self) -> None:
        chance = random.Random(str(self.date))
        with self.output().open("w") as out:
            for _ in range(20):
                out.write(" ".join(chance.choices(WORDS, k=8)) + "\n")


class DayCount(rumbo.Task):
    """How often each word occurs in one day's text."""

    date: dt.date

    def requires(self) -> Text:
        return Text(date=self.date)

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"out/words/{self.date}.count")

    def run(self) -> None:
        with self.input().open() as text:
            words = collections.Counter(text.read().split())
        with self.output().open("w") as out:
            out.writelines(f"{word}\t{words[word]}\n" for word in sorted(words))


class WordCount(rumbo.Task):
    """The words of all days together, the most frequent first."""

    days: int = 3

    def requires(self) -> list[DayCount]:
        return [DayCount(date=FIRST_DAY + dt.timedelta(days=number)) for number in range(self.days)]

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"out/words/first-{self.days}-days.count")

    def run(self) -> None:
        total: collections.Counter[str] = collections.Counter()
        for day in self.input():
            for line in Path(day.path).read_text().splitlines():
                word, count = line.split("\t")
                total[word] += int(count)
        with self.output().open("w") as out:
            out.writelines(f"{word}\t{count}\n" for word, count in sorted(total.items(), key=lambda i: (-i[1], i[0])))
