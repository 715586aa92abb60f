"""`rumbo logs`: what a task printed, also while it runs."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import click

from rumbo.cli import past
from rumbo.cli.history import FOLDER_OPTION, SCHEDULER_OPTION
from rumbo.history import NotInHistory
from rumbo.store.logs import LogFolder, tail
from rumbo.store.reader import HistoryReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rumbo.cli.past import Archive
    from rumbo.history import AttemptRow, Chapter, TaskRow

_NAP = 0.2
"""Seconds between two looks at a file that grows."""
_LOOK = 1.0
"""Seconds between two looks at the history, whether the attempt is over."""


@click.command("logs", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="TASK [--parameter VALUE ...]")
@click.option("-f", "--follow", is_flag=True, help="Go on for as long as the task runs.")
@click.option("--attempt", type=click.IntRange(1), metavar="N", help="Of this attempt (the last).")
@click.option("--run", "run_id", metavar="RUN", help="Of this run (the last that ran the task).")
@FOLDER_OPTION
@SCHEDULER_OPTION
def logs_command(
    words: tuple[str, ...],
    follow: bool,
    attempt: int | None,
    run_id: str | None,
    folder: str | None,
    scheduler: str | None,
) -> int:
    """Show what a task printed in its last attempt.

    A task is named by its family and parameters, as runs print it, or by its id.
    """
    with past.open_archive(folder, scheduler) as reader:
        task = past.find_task(reader, words)
        chapter, chosen = _choose(reader, task, run_id, attempt)
        goes_on = _follower(reader, chapter, chosen) if follow else None
        if isinstance(reader, HistoryReader):
            blocks = _local_blocks(reader, task, chapter, chosen, goes_on)
        else:
            blocks = reader.read_log(chapter.run.id, task.id, chosen.number, goes_on, _nap)
        is_silent = True
        for block in blocks:
            is_silent = False
            sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
        if is_silent:
            click.echo(_nothing(task, chapter, chosen), err=True)
    return 0


def _nap() -> None:
    time.sleep(_NAP)


def _local_blocks(
    reader: HistoryReader, task: TaskRow, chapter: Chapter, chosen: AttemptRow, goes_on: Callable[[], bool] | None
) -> Iterator[bytes]:
    """What an attempt printed, from its file. Empty: there is none, or nothing in it."""
    path = chosen.log or LogFolder(reader.logs, chapter.run.id).find(task.id, chosen.number)
    if path is None and goes_on is not None and chosen.outcome == "running":
        path = _wait_for_file(reader, chapter, chosen, goes_on)
    return tail(path, goes_on, _nap) if path is not None and os.path.exists(path) else iter(())


def _choose(reader: Archive, task: TaskRow, run_id: str | None, number: int | None) -> tuple[Chapter, AttemptRow]:
    """The attempt that is meant, and the run that made it.

    Raises:
        NotInHistory: there is none.
    """
    run = reader.run(run_id) if run_id else None
    chapters = reader.story(task, limit=1000 if run_id else 50).rows
    for chapter in chapters:
        if run is not None and chapter.run.id != run.id:
            continue
        attempts = [each for each in chapter.attempts if number is None or each.number == number]
        if attempts:
            return chapter, attempts[-1]
    raise NotInHistory(_no_attempt(task, chapters, run_id, number))


def _no_attempt(task: TaskRow, chapters: Sequence[Chapter], run_id: str | None, number: int | None) -> str:
    what = "attempt" if number is None else f"attempt {number}"
    where = f"in run {run_id}" if run_id else "in the last runs"
    ran = [chapter.run.id for chapter in chapters if chapter.attempts]
    advice = f"It ran in {', '.join(ran[:3])}." if ran else "It has not run yet: `rumbo show` tells what became of it."
    return f"There is no {what} at {past.task_name(task)} {where}. {advice}"


def _nothing(task: TaskRow, chapter: Chapter, attempt: AttemptRow) -> str:
    name = past.task_name(task)
    if attempt.log is not None:
        return f"What {name} printed was in {attempt.log}, which is gone."
    if attempt.outcome == "running":
        return f"{name} is running and has not printed anything yet. `-f` waits for it."
    return f"{name} printed nothing in attempt {attempt.number} of run {chapter.run.id}."


def _follower(reader: Archive, chapter: Chapter, attempt: AttemptRow) -> Callable[[], bool]:
    """Tells whether an attempt goes on; the history is not asked more often than once a second."""
    is_on = True
    asked = 0.0

    def goes_on() -> bool:
        nonlocal is_on, asked
        now = time.monotonic()
        if is_on and now - asked >= _LOOK:
            asked = now
            run = reader.run(chapter.run.id)
            attempts = reader.attempts(run, chapter.task.position)
            is_on = any(each.number == attempt.number and each.outcome == "running" for each in attempts)
        return is_on

    return goes_on


def _wait_for_file(
    reader: HistoryReader, chapter: Chapter, attempt: AttemptRow, goes_on: Callable[[], bool]
) -> str | None:
    """The file of a running attempt once there is one; None when the attempt ends without."""
    logs = LogFolder(reader.logs, chapter.run.id)
    while True:
        is_on = goes_on()
        path = logs.find(attempt.task_id, attempt.number)
        if path is not None or not is_on:
            return path
        _nap()
