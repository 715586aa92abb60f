"""The history of tasks in a database, in Luigi's tables. Not part of this version."""

from __future__ import annotations

from typing import Any

from luigi import task_history
from luigi._later import later

_later = later(
    "luigi.db_task_history", "Set [rumbo] history=true to keep runs in .rumbo/rumbo.db; `rumbo history` shows them."
)


class DbTaskHistory(task_history.TaskHistory):
    """A history in Luigi's tables."""

    def __init__(self) -> None:
        _later()

    def task_scheduled(self, task: Any) -> None: ...

    def task_finished(self, task: Any, successful: bool) -> None: ...

    def task_started(self, task: Any, worker_host: Any) -> None: ...
