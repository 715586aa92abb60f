"""A run that was being written down when its writer ended, remembered again from what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rumbo.scheduler.records import State
from rumbo.store import keys, statements
from rumbo.store.entries import Numbers
from rumbo.store.ledger import Opened, RunMemory

if TYPE_CHECKING:
    from rumbo.ports import RunInfo
    from rumbo.store.database import Database


def remember(db: Database, info: RunInfo, folder: str) -> tuple[RunMemory, Numbers] | None:
    """The memory of a run, and the keys under which the database knows it; None if it is not there.

    Args:
        info: what was said of the run when it began.
        folder: paths of logs below it are kept relative to it.
    """
    number = statements.run_number(db, info.id)
    if number is None:
        return None
    run, numbers = RunMemory(info, folder), Numbers()
    numbers.run = number
    run.mark_as_told()
    tasks = statements.tasks_of_run(db, *keys.task_keys(number))
    for _, id, state, family, name in tasks:
        run.add_known(id, name, State(state))
        numbers.families[run.families[name]] = family
    for key, worker, outcome, started, log, status, progress, tracking_url in statements.attempts_of_run(
        db, *keys.attempt_keys(number)
    ):
        position = keys.position_of(keys.task_of(key))
        id = tasks[position][1]
        attempt = Opened(position, keys.number_of(key), worker, started)
        attempt.unsaved = False
        attempt.log, attempt.message, attempt.progress, attempt.tracking_url = log, status, progress, tracking_url
        run.add_attempt(id, attempt, is_over=outcome is not None)
    return run, numbers
