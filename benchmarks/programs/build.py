"""Build a graph of tasks that do nothing: `build.py SIDE SHAPE SIZE [--workers N] [--yielding] [--history] [--calls]`.

What is done is kept in a byte a task of memory shared with forked children, so that neither side pays for files
and both see what other processes did. One small build goes before the clock: cold start has its own case.
"""

from __future__ import annotations

import argparse
import cProfile
import mmap
from typing import Any

from language import answer, build, cpu_seconds, load, must_build
from shapes import SHAPES

arguments = argparse.ArgumentParser()
arguments.add_argument("side")
arguments.add_argument("shape", choices=SHAPES)
arguments.add_argument("size", type=int)
arguments.add_argument("--workers", type=int, default=1)
arguments.add_argument("--yielding", action="store_true", help="ask for dependencies inside run(), not in requires()")
arguments.add_argument("--failing", action="store_true", help="task number 0 fails, so all that needs it cannot run")
arguments.add_argument("--history", action="store_true")
arguments.add_argument("--calls", action="store_true", help="count Python calls and not CPU")
chosen = arguments.parse_args()

language = load(chosen.side)
shape = SHAPES[chosen.shape](chosen.size)
WARM_UP = chosen.size
done = mmap.mmap(-1, chosen.size + 1)


class Marked(language.Task):
    number = language.IntParameter()

    def complete(self) -> bool:
        return done[self.number] == 1

    def run(self) -> Any:
        if chosen.failing and self.number == 0:
            raise ValueError("as asked")
        done[self.number] = 1


class Node(Marked):
    def requires(self) -> Any:
        return [Node(number=needed) for needed in shape.needs(self.number)]


class Yielding(Marked):
    def run(self) -> Any:
        for needed in shape.needs(self.number):
            yield Yielding(number=needed)
        done[self.number] = 1


class Tops(language.WrapperTask):
    def requires(self) -> Any:
        kind = Yielding if chosen.yielding else Node
        return [kind(number=top) for top in shape.tops]


def whole_build() -> None:
    if chosen.failing:
        build(language, Tops(), chosen.workers, chosen.history)
    else:
        must_build(language, Tops(), chosen.workers, chosen.history)


must_build(language, Marked(number=WARM_UP), 1, chosen.history)
if chosen.calls:
    profile = cProfile.Profile()
    profile.runcall(whole_build)
    answer(sum(entry.callcount for entry in profile.getstats()), chosen.size)
else:
    start = cpu_seconds()
    whole_build()
    answer(cpu_seconds() - start, chosen.size)
