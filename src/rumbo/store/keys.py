"""How the keys of a run's tasks and attempts are put together, and taken apart.

One integer for (run, position), and one for (run, position, attempt): SQLite appends a row with the highest integer
key so far without searching, and finds the rows of a run, of a task in it, or one attempt as a range of numbers.
"""

from __future__ import annotations

POSITION_BITS = 28
NUMBER_BITS = 14
_POSITIONS = (1 << POSITION_BITS) - 1
LAST_NUMBER = (1 << NUMBER_BITS) - 1
"""Attempts beyond this number share its row: the last one stays."""


def task_key(run: int, position: int) -> int:
    """The key of a task in a run."""
    return run << POSITION_BITS | position


def task_keys(run: int) -> tuple[int, int]:
    """The first and the last key that a task of this run can have."""
    return run << POSITION_BITS, run << POSITION_BITS | _POSITIONS


def attempt_key(task: int, number: int) -> int:
    """The key of an attempt at the task of a run that has the key ``task``."""
    return task << NUMBER_BITS | min(number, LAST_NUMBER)


def attempt_keys(run: int) -> tuple[int, int]:
    """The first and the last key that an attempt of this run can have."""
    first, last = task_keys(run)
    return first << NUMBER_BITS, last << NUMBER_BITS | LAST_NUMBER


def run_of(task: int) -> int:
    """The number of the run, from the key of a task in it."""
    return task >> POSITION_BITS


def position_of(task: int) -> int:
    """The place in the plan, from the key of a task in a run."""
    return task & _POSITIONS


def task_of(attempt: int) -> int:
    """The key of the task in the run, from the key of an attempt at it."""
    return attempt >> NUMBER_BITS


def number_of(attempt: int) -> int:
    """The number of the attempt, from its key."""
    return attempt & LAST_NUMBER
