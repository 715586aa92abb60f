"""What happens in runs that no server knows of: found by looking at the history that they write, told as facts.

A run without a server writes its history twice a second. Between two looks a task may do several things; told is what
has become of it. Nothing is read while nothing was written: SQLite knows that at once.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rumbo.scheduler.effects import Assigned, AttemptEnded, Noted, RetryPlanned, StateChanged
from rumbo.scheduler.records import Outcome, State
from rumbo.store.reader import HistoryReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from rumbo.history import AttemptRow, RunRow, RunTaskRow

Fact = tuple[str, tuple[Any, ...]]

_MOST_RUNS = 20
_MOST_TASKS = 2000
"""More changes than that at one look are told as one: whoever listens looks for itself."""
_MOST_RUNNING = 200
_LOCAL = "local"


class HistoryLookout:
    """Looks at the history in a folder again and again. One thread at a time.

    Args:
        place: the folder.
        is_known: whether a run is told of by somebody else, so that nothing is said of it here.
    """

    def __init__(self, place: str, is_known: Callable[[str], bool]) -> None:
        self._place = place
        self._is_known = is_known
        self._reader: HistoryReader | None = None
        self._version = -1
        self._followed: dict[str, _Followed] = {}

    def look(self) -> list[Fact]:
        """What has happened since the last look, as calls of an observer; of a run that is new here, that it goes on.

        Raises:
            StoreError, sqlite3.Error: the history cannot be read.
        """
        if self._reader is None:
            self._reader = HistoryReader(self._place)
        version = self._reader.version()
        if version == self._version:
            return self._crashes(self._reader)
        self._version = version
        facts: list[Fact] = []
        rows = self._reader.runs("running", limit=_MOST_RUNS).rows
        under_way = {row.id: row for row in rows if not self._is_known(row.id)}
        for id, row in under_way.items():
            followed = self._followed.get(id)
            if followed is None:
                self._followed[id] = _Followed(self._reader, row)
                facts.append(("run_started", (row,)))
            else:
                facts += followed.news(self._reader, row)
        for id in [id for id in self._followed if id not in under_way]:
            facts += self._ended(self._reader, id)
        return facts

    def forget(self) -> None:
        """Nobody listens any more. The next look begins anew."""
        self._version = -1
        self._followed.clear()
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _ended(self, reader: HistoryReader, id: str) -> list[Fact]:
        followed = self._followed.pop(id)
        if self._is_known(id):
            return []
        row = reader.run(id)
        return [*followed.news(reader, row), ("run_ended", (row,))]

    def _crashes(self, reader: HistoryReader) -> list[Fact]:
        """Runs whose process is gone write nothing any more."""
        gone = [id for id in self._followed if reader.run(id).status != "running"]
        return [fact for id in gone for fact in self._ended(reader, id)]


class _Followed:
    """What was seen of a run so far."""

    def __init__(self, reader: HistoryReader, row: RunRow) -> None:
        self._states = reader.states(row)
        self._notes = {each.position: _notes(each) for each in reader.running(row, _MOST_RUNNING)}

    def news(self, reader: HistoryReader, row: RunRow) -> list[Fact]:
        """What has changed since. It ends with word of the run itself, whose counts are others now."""
        before, now = self._states, reader.states(row)
        self._states = now
        effects: list[Any] = []
        changed = [place for place, (old, new) in enumerate(zip(before, now, strict=False)) if old != new]
        if len(changed) <= _MOST_TASKS:
            for task in reader.run_tasks_at(row, changed):
                effects += _effects_of(task, State(before[task.position]), State(now[task.position]))
        effects += self._new_notes(reader.running(row, _MOST_RUNNING))
        facts: list[Fact] = []
        if len(now) > len(before):
            facts.append(("planned", (row.id, range(len(before), len(now)))))
        if effects:
            facts.append(("happened", (row.id, effects)))
        if facts or changed:
            facts.append(("run_started", (row,)))
        return facts

    def _new_notes(self, running: list[AttemptRow]) -> list[Noted]:
        found = []
        for attempt in running:
            old, new = self._notes.get(attempt.position, {}), _notes(attempt)
            self._notes[attempt.position] = new
            for kind, value in new.items():
                if value and old.get(kind) != value:
                    found.append(Noted(attempt.task_id, 0, kind, value, time.time()))
        return found


def _notes(attempt: AttemptRow) -> dict[str, str]:
    progress = "" if attempt.progress is None else str(attempt.progress)
    return {"message": attempt.status, "progress": progress, "tracking_url": attempt.tracking_url}


def _effects_of(task: RunTaskRow, old: State, new: State) -> list[Any]:
    """What must have happened to a task for it to be in another state now."""
    id, now = task.task_id, time.time()
    found: list[Any] = [StateChanged(id, old, new, "", now)]
    if new is State.RUNNING and task.started is not None:
        found.insert(0, Assigned(_LOCAL, 0, (id,), task.attempt, None, task.started))
    elif task.outcome.upper() in Outcome.__members__:
        outcome = Outcome[task.outcome.upper()]
        found.insert(0, AttemptEnded(id, task.attempt, 0, _LOCAL, outcome, "", now, task.seconds))
    if new is State.FAILED and task.due is not None:
        found.append(RetryPlanned(id, task.attempt, task.due, now))
    return found
