"""The one place where a measured program knows which orchestrator it speaks to, and how it answers."""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from typing import Any


def load(side: str) -> Any:
    """The package that speaks the language of tasks: `luigi` or `rumbo`. Both know the words used here."""
    return importlib.import_module(side)


def build(language: Any, task: Any, workers: int = 1, history: bool = False) -> bool:
    """Build one root in this process, with as little talk as each side offers, and tell whether it went well."""
    if language.__name__ == "luigi":
        return bool(language.build([task], workers=workers, local_scheduler=True, log_level="CRITICAL"))
    return bool(language.build([task], workers=workers, history=history).ok)


def must_build(language: Any, task: Any, workers: int = 1, history: bool = False) -> None:
    """Build, and end the program when that failed: the speed of a failure is no figure."""
    if not build(language, task, workers, history):
        sys.exit(f"{task} did not succeed")


def cpu_seconds() -> float:
    """CPU, user and system, of this process and of those of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def answer(amount: float, count: int) -> None:
    """The last line of a program: how much of the case's unit (seconds, bytes, calls) went into how many things."""
    print(json.dumps({"amount": amount, "count": count}), flush=True)
