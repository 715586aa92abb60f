"""`rumbo show`: a past run, or the story of a task."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from rumbo.cli import artifacts, past
from rumbo.cli.finding import failure_text
from rumbo.cli.history import FOLDER_OPTION, SCHEDULER_OPTION
from rumbo.cli.history import as_data as run_as_data
from rumbo.cli.look import Ink, lasting, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rumbo.cli.past import Archive
    from rumbo.history import AttemptRow, Chapter, RunRow, RunTaskRow, TaskRow

_FAILURES = 10
_TROUBLED = ("failed", "disabled", "unknown", "lost")


@click.command("show", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="RUN|TASK [--parameter VALUE ...]")
@click.option("--tasks", "with_tasks", is_flag=True, help="All tasks of the run, not just those that failed.")
@click.option("-n", "--number", default=5, show_default=True, type=click.IntRange(1), help="Of how many runs to tell.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@FOLDER_OPTION
@SCHEDULER_OPTION
def show_command(
    words: tuple[str, ...],
    with_tasks: bool,
    number: int,
    as_json: bool,
    folder: str | None,
    scheduler: str | None,
) -> int:
    """Show a past run, or what became of a task.

    A run is named by its id, the beginning of it, or `last` (which is also meant when nothing is named). A task is
    named by its family and parameters, as runs print it, or by its id.
    """
    words = words or ("last",)
    with past.open_archive(folder, scheduler) as reader:
        if as_json:
            import json

            click.echo(json.dumps(_data(reader, words, number), indent=2))
            return 0
        ink = Ink(sys.stdout)
        for line in _lines(reader, words, number, with_tasks, ink):
            click.echo(line)
    return 0


def _data(reader: Archive, words: Sequence[str], number: int) -> Any:
    if past.is_run(words[0]):
        return _run_data(reader, reader.run(words[0]))
    return [_task_data(reader, task, number) for task in past.find_tasks(reader, words)]


def _lines(reader: Archive, words: Sequence[str], number: int, with_tasks: bool, ink: Ink) -> Iterator[str]:
    if past.is_run(words[0]):
        return _run_lines(reader, reader.run(words[0]), with_tasks, ink)
    tasks = past.find_tasks(reader, words)
    return _task_lines(reader, tasks[0], number, ink) if len(tasks) == 1 else _list_lines(tasks, ink)


# A run -----------------------------------------------------------------------------------------------------------


def _run_lines(reader: Archive, run: RunRow, with_tasks: bool, ink: Ink) -> Iterator[str]:
    look = past.RUN_LOOKS.get(run.status, "unknown")
    took = past.run_took(run)
    yield f"{ink.symbol(look)} {ink.strong(f'Run {run.id}')}  {ink.paint(run.status, look)}"
    strip = ink.strip(past.strip_states(run.counts, 60), 60)
    if strip:
        yield f"  {strip}"
    facts = [
        ("tasks for", ", ".join(run.roots)),
        ("command", run.command),
        ("started", f"{past.at(run.started)} ({past.ago(run.started, time.time())})"),
        ("took", "" if took is None else lasting(took)),
        ("by", f"{run.user}@{run.host}, process {run.pid}, {plural(run.workers, 'worker')}"),
        ("in", run.folder),
        ("tasks", past.counts_in_words(run.counts)),
    ]
    for name, value in facts:
        if value:
            yield f"  {ink.faint(name.ljust(9))} {value}"
    yield ""
    for family, counts in reader.counts_by_family(run).items():
        yield f"  {family}: {', '.join(f'{number:,} {state}' for state, number in counts.items())}"
    states = () if with_tasks else _TROUBLED
    page = reader.run_tasks(run, states=states, limit=10_000 if with_tasks else _FAILURES)
    if page.rows:
        yield ""
    for task in page.rows:
        yield from _run_task_lines(reader, run, task, ink)
    if page.next is not None:
        yield ink.faint("  and more: --tasks shows all")


def _run_task_lines(reader: Archive, run: RunRow, task: RunTaskRow, ink: Ink) -> Iterator[str]:
    look = past.look_of(task)
    took = "" if task.seconds is None else f"  {lasting(task.seconds)}"
    reason = "" if task.state == "done" else f"  {task.reason}"
    yield f"  {ink.symbol(look)} {past.task_name(task)}  {ink.faint(f'{task.state}{took}{reason}')}"
    if task.state not in _TROUBLED:
        return
    message = task.error
    if task.attempt:
        message = next((a.message for a in reversed(reader.attempts(run, task.position)) if a.message), message)
    for line in failure_text(message).split("\n") if message else ():
        yield f"      {line}"


# A task ----------------------------------------------------------------------------------------------------------


def _list_lines(tasks: list[TaskRow], ink: Ink) -> Iterator[str]:
    for task in tasks:
        look = past.TASK_LOOKS.get(task.state, "unknown")
        yield (
            f"{ink.symbol(look)} {past.task_name(task)}  {ink.paint(task.state, look)}  "
            f"{ink.faint(f'in {past.runs_in_words(task.runs)}, id {task.id}')}"
        )


def _task_lines(reader: Archive, task: TaskRow, number: int, ink: Ink) -> Iterator[str]:
    look = past.TASK_LOOKS.get(task.state, "unknown")
    yield f"{ink.symbol(look)} {ink.strong(past.task_name(task))}  {ink.paint(task.state, look)}"
    yield f"  {ink.faint('id'.ljust(9))} {task.id}"
    yield f"  {ink.faint('module'.ljust(9))} {task.module}"
    yield f"  {ink.faint('runs'.ljust(9))} {task.runs}"
    yield from artifacts.lines(reader.artifacts(task), ink)
    page = reader.story(task, limit=number)
    for chapter in page.rows:
        yield ""
        yield from story_lines(chapter, ink)
    if page.next is not None:
        yield ink.faint(f"\nand in {past.runs_in_words(task.runs - number)} before: -n shows more")


def story_lines(chapter: Chapter, ink: Ink) -> Iterator[str]:
    """What became of a task in one run."""
    run, task = chapter.run, chapter.task
    look = past.look_of(task)
    word = "was complete already" if look == "skipped" else task.state
    reason = "" if look in ("skipped", "done") else f": {task.reason}"
    yield f"  {ink.symbol(look)} {past.at(run.started)}  {ink.faint(f'run {run.id}')}  {word}{ink.faint(reason)}"
    for attempt in chapter.attempts:
        yield from _attempt_lines(attempt, ink)


def _attempt_lines(attempt: AttemptRow, ink: Ink) -> Iterator[str]:
    look = past.TASK_LOOKS.get(attempt.outcome, "unknown")
    took = "" if attempt.seconds is None else f" after {lasting(attempt.seconds)}"
    more = [attempt.status.split("\n")[0], attempt.tracking_url, "printed something" if attempt.log else ""]
    aside = "".join(f"  {each}" for each in more if each)
    yield f"      {ink.symbol(look)} attempt {attempt.number} {past.outcome_in_words(attempt)}{took}{ink.faint(aside)}"
    if attempt.message and attempt.outcome != "done":
        for line in failure_text(attempt.message).split("\n"):
            yield f"          {line}"


# Data ------------------------------------------------------------------------------------------------------------


def _run_data(reader: Archive, run: RunRow) -> dict[str, Any]:
    tasks = reader.run_tasks(run, limit=1_000_000).rows
    return {**run_as_data(run), "tasks": [_without_numbers(task._asdict()) for task in tasks]}


def _task_data(reader: Archive, task: TaskRow, number: int) -> dict[str, Any]:
    story = [
        {
            "run": run_as_data(chapter.run),
            "task": _without_numbers(chapter.task._asdict()),
            "attempts": [_without_numbers(attempt._asdict()) for attempt in chapter.attempts],
        }
        for chapter in reader.story(task, limit=number).rows
    ]
    return {
        "id": task.id,
        "family": task.family,
        "module": task.module,
        "params": dict(task.params),
        "state": task.state,
        **artifacts.data(reader.artifacts(task)),
        "story": story,
    }


def _without_numbers(data: dict[str, Any]) -> dict[str, Any]:
    """A row without the keys of the database, which mean nothing outside of it."""
    return {name: value for name, value in data.items() if name not in ("run", "task_id", "family", "module")} | {
        "id": data["task_id"]
    }
