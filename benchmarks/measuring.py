"""Runs one program as a fresh process, and the sides of a case in turns."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cases import Case, Command

PROGRAMS = Path(__file__).parent / "programs"


class Effort(NamedTuple):
    """How long to go on."""

    turns: int
    """At most so many repetitions."""
    patience: float
    """Seconds after which a side is not repeated."""
    limit: float
    """Seconds after which a program is stopped."""


class Failure(NamedTuple):
    """A program that gave no figure, and why."""

    reason: str


class Point(NamedTuple):
    """What one case at one size came to: per side the figures of the turns, in the case's unit, or the failure."""

    case: Case
    size: int
    figures: Mapping[str, list[float]]
    failures: Mapping[str, Failure]

    def median(self, side: str) -> float | None:
        figures = self.figures.get(side)
        return statistics.median(figures) if figures else None

    def ratios(self) -> list[float]:
        """Luigi over Rumbo, turn by turn, so that what slowed the machine for both cancels out."""
        pairs = zip(self.figures.get("luigi", ()), self.figures.get("rumbo", ()), strict=False)
        return [luigi / rumbo for luigi, rumbo in pairs if rumbo > 0]


def measure(case: Case, size: int, pythons: Mapping[str, Path], effort: Effort) -> Point:
    """Let the sides run in turns (A B C A B C ...), each until it has had its turns or its patience is used up."""
    figures: dict[str, list[float]] = {}
    failures: dict[str, Failure] = {}
    spent: dict[str, float] = {}
    sides = [side for side in case.sides(size) if side in pythons]
    for _ in range(1 if case.unit.is_exact else effort.turns):
        for side in sides:
            if side in failures or spent.get(side, 0.0) >= effort.patience:
                continue
            start = time.monotonic()
            figure = one_figure(case, side, size, pythons[side], effort.limit)
            spent[side] = spent.get(side, 0.0) + time.monotonic() - start
            if isinstance(figure, Failure):
                failures[side] = figure
            else:
                figures.setdefault(side, []).append(figure)
    return Point(case, size, figures, failures)


def one_figure(case: Case, side: str, size: int, python: Path, limit: float) -> float | Failure:
    """One side's figure of one turn, with what is to be taken off taken off."""
    figure = run_program(case.commands[side], size, python, limit)
    if side in case.less and not isinstance(figure, Failure):
        less = run_program(case.less[side], size, python, limit)
        if isinstance(less, Failure):
            return less
        figure -= less
    return figure if isinstance(figure, Failure) else figure * case.unit.scale


def run_program(command: Command, size: int, python: Path, limit: float) -> float | Failure:
    """Amount per thing: what the program answered, or else the CPU seconds of it and its children."""
    arguments = [argument.replace("{size}", str(size)) for argument in command]
    arguments[0] = str(python.parent / arguments[0]) if arguments[0] != "python" else str(python)
    if arguments[1].endswith(".py"):
        arguments[1] = str(PROGRAMS / arguments[1])
    with tempfile.TemporaryDirectory(prefix="rumbo-bench-") as folder, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            arguments, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
        stopped = threading.Event()
        alarm = threading.Timer(limit, stop, (process.pid, stopped))
        alarm.start()
        assert process.stdout is not None
        said = process.stdout.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)  # not Popen.wait(): it would throw the usage away
        alarm.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        errors.seek(0)
        complaint = [line.strip() for line in errors.read().splitlines() if line.strip()]
    if stopped.is_set():
        return Failure(f"over {limit:.0f} s")
    if process.returncode:
        return Failure(complaint[-1] if complaint else f"exit code {process.returncode}")
    lines = said.strip().splitlines()
    if lines and lines[-1].startswith('{"amount"'):
        answered = json.loads(lines[-1])
        return float(answered["amount"]) / int(answered["count"])
    return usage.ru_utime + usage.ru_stime


def stop(process_id: int, stopped: threading.Event) -> None:
    """End a program that takes too long, with the workers it forked: it leads a session of its own."""
    stopped.set()
    os.killpg(process_id, signal.SIGKILL)


def environment() -> dict[str, str]:
    """No setting of whoever runs the benchmarks reaches the programs; they find each other."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LUIGI_", "RUMBO_", "PYTHON"))}
    return {**kept, "PYTHONPATH": str(PROGRAMS), "PYTHONHASHSEED": "0", "NO_COLOR": "1"}


def pythons_of(luigi: Path | None) -> dict[str, Path]:
    """By side, the interpreter it runs in."""
    own = Path(sys.executable)
    return {"rumbo": own, "floor": own, **({"luigi": luigi} if luigi else {})}
