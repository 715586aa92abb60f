"""Checks that wait for something far away, by the clock on the wall: `waiting.py SIDE (done|open) SIZE`."""

from __future__ import annotations

import sys
import time
from typing import Any

from language import answer, load, must_build

side, how, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
language = load(side)
finished = set(range(size)) if how == "done" else set()


class Far(language.Task):
    number = language.IntParameter()

    def complete(self) -> bool:
        time.sleep(0.005)
        return self.number in finished

    def run(self) -> None:
        finished.add(self.number)


class All(language.WrapperTask):
    def requires(self) -> Any:
        return [Far(number=number) for number in range(size)]


must_build(language, Far(number=-1))
start = time.perf_counter()
must_build(language, All())
answer(time.perf_counter() - start, size)
