"""Measures Rumbo beside Luigi and the floor: `python benchmarks/run.py [--only NAME] [--quick] [--json FILE]`."""

from __future__ import annotations

import argparse
import compileall
import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from cases import CASES, Case
from luigi_environment import VERSION, luigi_python
from measuring import Effort, Point, measure, pythons_of
from report import as_data, budget_table, row, table

THOROUGH = Effort(turns=7, patience=10.0, limit=120.0)
QUICK = Effort(turns=2, patience=1.0, limit=30.0)
QUICK_SIZE = 10_000


def main() -> int:
    """Measure, print, and end non-zero only where Rumbo gave no figure at all: a slow figure is a figure."""
    arguments = parse()
    cases = [case for case in CASES if not arguments.only or any(name in case.name for name in arguments.only)]
    if not cases:
        print(f"No case is called {' or '.join(arguments.only)}. There are: {names()}.", file=sys.stderr)
        return 2
    compile_rumbo()
    pythons = pythons_of(None if arguments.no_luigi else luigi_python())
    effort = QUICK if arguments.quick else THOROUGH
    points = []
    for case, size in selected(cases, pythons, arguments.quick):
        points.append(measured_aloud(case, size, pythons, effort))
    print("\n".join(["", heading(), "", *table(points), "", *budget_table(points)]))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(as_data(points, machine()), indent=1) + "\n")
    return 1 if any("rumbo" in point.failures for point in points) else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Speed of Rumbo, beside Luigi and the floor.")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help=f"cases with NAME in: {names()}")
    parser.add_argument("--quick", action="store_true", help="a rough look: two turns at most, sizes up to 10,000")
    parser.add_argument("--json", metavar="FILE", help="write every single figure there as well")
    parser.add_argument("--no-luigi", action="store_true", help="only Rumbo and the floor")
    return parser.parse_args()


def names() -> str:
    return ", ".join(case.name for case in CASES)


def selected(cases: list[Case], pythons: dict[str, Path], quick: bool) -> list[tuple[Case, int]]:
    """Cases with the sizes somebody runs. A quick look leaves out what is large, and what is large for Luigi."""
    chosen = [(case, size) for case in cases for size in case.sizes() if pythons.keys() & case.sides(size)]
    if not quick:
        return chosen
    return [(case, size) for case, size in chosen if size <= QUICK_SIZE and size != 3_000]


def measured_aloud(case: Case, size: int, pythons: dict[str, Path], effort: Effort) -> Point:
    """Measure, and say on stderr that it goes on."""
    start = time.monotonic()
    print(f"{case.name} at {size:,} ...", end="", file=sys.stderr, flush=True)
    point = measure(case, size, pythons, effort)
    print(f" {time.monotonic() - start:.0f} s", file=sys.stderr)
    for side, failure in point.failures.items():
        print(f"    {side} gave no figure: {failure.reason}", file=sys.stderr)
    print(" ".join(row(point).split()), file=sys.stderr)
    return point


def compile_rumbo() -> None:
    """Byte code for every module, as an installer leaves it (and pip has left Luigi), before any cold start."""
    for folder in importlib.import_module("rumbo").__path__:
        compileall.compile_dir(folder, quiet=2)


def machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "luigi": VERSION,
        "load": os.getloadavg()[0],
    }


def heading() -> str:
    facts = machine()
    return (
        f"Python {facts['python']} on {facts['system']}, {facts['cores']} cores, beside Luigi {facts['luigi']}.\n"
        "CPU (user + system) unless a title says otherwise, per task; medians of turns, ± half the range."
    )


if __name__ == "__main__":
    sys.exit(main())
