"""What the commands about past runs share: opening the history, finding what words name, saying when it was."""

from __future__ import annotations

import os
import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rumbo.cli.arguments import UsageError
from rumbo.cli.look import plural
from rumbo.errors import ConfigurationError, SchedulerUnreachable
from rumbo.history import NotInHistory
from rumbo.store.connect import FOLDER, NoHistory
from rumbo.store.database import is_url
from rumbo.store.reader import HistoryReader
from rumbo.wording import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rumbo.artifacts.report import Report
    from rumbo.history import AttemptRow, Chapter, Page, RunRow, RunTaskRow, TaskRow
    from rumbo.wire.connection import Connection
    from rumbo.wire.remote_history import RemoteHistory

_RUN_ID = re.compile(r"\d{4,8}(-|$)")
_CALL = re.compile(r"([\w.]+)\((.*)\)")

RUN_LOOKS = {
    "done": "done",
    "failed": "failed",
    "incomplete": "waiting",
    "cancelled": "cancelled",
    "crashed": "failed",
    "running": "running",
}
"""A run's status -> its look."""

TASK_LOOKS = {
    "pending": "waiting",
    "running": "running",
    "batched": "running",
    "parked": "parked",
    "done": "done",
    "failed": "failed",
    "timed_out": "failed",
    "lost": "failed",
    "disabled": "disabled",
    "cancelled": "cancelled",
    "released": "cancelled",
    "unknown": "unknown",
}
"""A task's state, or an attempt's outcome -> its look."""

FATE_LOOKS = {
    "failed": "failed",
    "broken": "broken",
    "cancelled": "cancelled",
    "external": "waiting",
    "held up": "waiting",
    "not run": "cancelled",
    "done": "done",
    "complete": "skipped",
}
"""What became of a task in a run -> its look."""


class Archive(Protocol):
    """What the commands ask of a history, be it that of a folder or that of a server."""

    def runs(self, status: str | None = None, *, limit: int = 50) -> Page[RunRow]:
        """Runs, the latest first."""
        ...

    def run(self, which: str = "last") -> RunRow:
        """One run: the ``last`` one, or by its id or its beginning. Raises `NotInHistory`, `AmbiguousInHistory`."""
        ...

    def counts_by_family(self, run: RunRow) -> dict[str, dict[str, int]]:
        """How many tasks of each family are in each state."""
        ...

    def run_tasks(self, run: RunRow, states: Sequence[str] = (), *, limit: int = 100) -> Page[RunTaskRow]:
        """Tasks of a run, in the order of its plan."""
        ...

    def attempts(self, run: RunRow, position: int) -> list[AttemptRow]:
        """All attempts that a run made at one of its tasks, which was asked for before."""
        ...

    def families(self) -> list[str]:
        """Names of all families."""
        ...

    def tasks(
        self, family: str | None = None, params: Mapping[str, str] | None = None, *, limit: int = 50
    ) -> Page[TaskRow]:
        """Tasks over all runs, the newest first."""
        ...

    def task(self, task_id: str) -> TaskRow:
        """One task, by its id or the beginning of it. Raises `NotInHistory`, `AmbiguousInHistory`."""
        ...

    def story(self, task: TaskRow, *, limit: int = 20) -> Page[Chapter]:
        """What became of a task, run by run, the latest first."""
        ...

    def artifacts(self, task: TaskRow) -> Report:
        """What a task made, and those that it needs: as it was written, and as it is where the history is."""
        ...


@contextmanager
def open_archive(folder: str | None, scheduler: str | None) -> Iterator[HistoryReader | RemoteHistory]:
    """The history that is meant: of a server if one is named here or in the settings, else of a folder.

    Args:
        folder: where runs were started; it wins over the settings. None: nothing was said.
        scheduler: address of a server. None: nothing was said.

    Raises:
        NoHistory, StoreError: the folder has none, or it cannot be read.
        SchedulerUnreachable: the server does not answer.
    """
    if folder is not None and scheduler is None:
        with open_history(folder) as reader:
            yield reader
        return
    from rumbo import settings

    if not scheduler and not settings.load().scheduler.url:
        with open_history() as reader:
            yield reader
        return
    from rumbo.wire.connection import ServerDown
    from rumbo.wire.remote_history import RemoteHistory

    with RemoteHistory(server(scheduler)) as archive:
        try:
            yield archive
        except ServerDown as error:
            raise SchedulerUnreachable(f"{error} With --folder, the history of a folder is read.") from error


def server(scheduler: str | None) -> Connection:
    """The way to a server: the one that is named here, else in the settings.

    Raises:
        ConfigurationError: none is named.
    """
    from rumbo import settings
    from rumbo.wire.connection import Connection

    chosen = settings.load().scheduler
    url = scheduler or chosen.url
    if not url:
        raise ConfigurationError("Which server? Name it with --scheduler URL, RUMBO_SCHEDULER, or url in [scheduler].")
    return Connection(url, chosen.token, chosen.certificates)


def open_history(folder: str = ".") -> HistoryReader:
    """The history of a folder, or at the URL of a PostgreSQL database.

    Raises:
        NoHistory: there is none.
        StoreError: it cannot be read.
    """
    if is_url(folder):
        return HistoryReader(folder, FOLDER)
    try:
        return HistoryReader(os.path.join(folder, FOLDER))
    except NoHistory:
        raise NoHistory(
            f"There is no history in {os.path.abspath(folder)}: nothing has been run there yet, or with --no-history. "
            "Go to the folder where the runs were started, or name it with --folder."
        ) from None


def look_of(task: RunTaskRow) -> str:
    """The look of a task as one run saw it."""
    if task.verdict == "skip" and task.state == "done":
        return "skipped"
    return TASK_LOOKS.get(task.state, "unknown")


def strip_states(counts: Mapping[str, int], cells: int = 12) -> list[str]:
    """The states for a run strip, by how many tasks had which fate; few among many still get a cell."""
    total = sum(counts.values())
    states: list[str] = []
    for fate, look in FATE_LOOKS.items():
        number = counts.get(fate, 0)
        if number:
            states += [look] * max(round(cells * number / total), 1)
    return states


# What words name -------------------------------------------------------------------------------------------------


def is_run(word: str) -> bool:
    """Whether a word is meant as a run: its id, the beginning of one, or ``last``."""
    return word == "last" or _RUN_ID.match(word) is not None


def find_tasks(reader: Archive, words: Sequence[str], limit: int = 100) -> list[TaskRow]:
    """The tasks that words name, the newest first.

    A task is named by its id or the beginning of it, by its family and parameters as flags (``Clean --date
    2013-01-05``), or as runs print it (``Clean(date=2013-01-05)``).

    Raises:
        NotInHistory: there is none.
        UsageError: the words make no sense.
    """
    name, params = _parsed(words)
    if name in reader.families():
        found = reader.tasks(family=name, params=params, limit=limit).rows
        if not found:
            raise NotInHistory(_no_such(reader, name, params))
        return found
    try:
        return [reader.task(name)]
    except NotInHistory:
        raise NotInHistory(_unknown(reader, name)) from None


def find_task(reader: Archive, words: Sequence[str]) -> TaskRow:
    """The one task that words name.

    Raises:
        NotInHistory: there is none.
        UsageError: there are several, or the words make no sense.
    """
    found = find_tasks(reader, words, 6)
    if len(found) > 1:
        shown = ", ".join(task_name(task) for task in found[:5]) + (" ..." if len(found) > 5 else "")
        raise UsageError(f"That is more than one task: {shown}. Say which by its parameters or its id.")
    return found[0]


def _parsed(words: Sequence[str]) -> tuple[str, dict[str, str]]:
    name, *rest = _without_module(words)
    params: dict[str, str] = {}
    call = _CALL.fullmatch(name)
    if call is not None:
        name = call[1]
        for part in call[2].split(", "):
            key, equals, value = part.partition("=")
            if equals:
                params[key] = value
    while rest:
        flag = rest.pop(0)
        if not flag.startswith("--"):
            raise UsageError(f"{flag!r} is not understood: after a task come its parameters, as --name value.")
        key, equals, value = flag[2:].partition("=")
        if not equals:
            if not rest:
                raise UsageError(f"{flag} needs a value: {flag} VALUE.")
            value = rest.pop(0)
        params[key.replace("-", "_")] = value
    return name, params


def _without_module(words: Sequence[str]) -> list[str]:
    """The words without ``-m MODULE``: runs are started with it, but the history knows tasks by their families.

    Raises:
        UsageError: nothing else is left.
    """
    rest = list(words)
    for place, word in enumerate(rest):
        if word in ("-m", "--module"):
            del rest[place : place + 2]
            break
        if word.startswith("--module="):
            del rest[place]
            break
    if not rest or not rest[0]:
        raise UsageError("Which task? Name it by its family and parameters, or by its id.")
    return rest


def _no_such(reader: Archive, family: str, params: Mapping[str, str]) -> str:
    known = reader.tasks(family=family, limit=3).rows
    wanted = ", ".join(f"{name}={value}" for name, value in params.items())
    examples = ", ".join(task_name(task) for task in known)
    return f"No task {family}({wanted}) is in the history. There is, for example: {examples}."


def _unknown(reader: Archive, name: str) -> str:
    from difflib import get_close_matches

    families = reader.families()
    near = get_close_matches(name, families, n=3, cutoff=0.5)
    if near:
        advice = f"Did you mean {' or '.join(near)}?"
    elif families:
        advice = f"The history has tasks of: {', '.join(sorted(families)[:10])}{' ...' if len(families) > 10 else ''}."
    else:
        advice = "It is empty."
    return f"Neither a run nor a task in the history is called {name}. {advice}"


# Words for people ------------------------------------------------------------------------------------------------


def task_name(task: TaskRow | RunTaskRow) -> str:
    """A task as a person writes it."""
    return shortened(f"{task.family}({', '.join(f'{name}={value}' for name, value in task.params.items())})")


def ago(moment: float, now: float) -> str:
    """When something was: ``just now``, ``5m ago``, ``3h ago``, or the day."""
    seconds = now - moment
    if seconds < 60:
        return "just now" if seconds < 10 else f"{seconds:.0f}s ago"
    if seconds < 3600:
        return f"{seconds // 60:.0f}m ago"
    if seconds < 86_400:
        return f"{seconds // 3600:.0f}h ago"
    return at(moment)


def at(moment: float) -> str:
    """A moment in the reader's local time: ``2013-10-14 09:30:05``."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def counts_in_words(counts: Mapping[str, int]) -> str:
    """``12 done, 1 failed, 400 complete``."""
    known = [*FATE_LOOKS]
    ordered = sorted(counts.items(), key=lambda each: known.index(each[0]) if each[0] in known else len(known))
    return ", ".join(f"{number:,} {fate}" for fate, number in ordered if number)


def run_took(run: RunRow) -> float | None:
    """How long a run took; None while it goes on, or when nobody knows."""
    return None if run.ended is None else run.ended - run.started


def outcome_in_words(attempt: AttemptRow) -> str:
    """``failed``, ``timed out``."""
    return attempt.outcome.replace("_", " ")


def runs_in_words(number: int) -> str:
    """``1 run``, ``12 runs``."""
    return plural(number, "run")
