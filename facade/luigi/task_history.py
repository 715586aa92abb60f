"""What keeps the history of tasks in the central scheduler."""

from __future__ import annotations

import abc
import logging
from typing import Any

logger = logging.getLogger("luigi-interface")


class StoredTask:
    """A task as the history knows it."""

    def __init__(self, task: Any, status: str, host: str | None = None) -> None:
        self._task = task
        self.status = status
        self.record_id: Any = None
        self.host = host

    @property
    def task_family(self) -> Any:
        """The task's family."""
        return self._task.family

    @property
    def parameters(self) -> Any:
        """The task's parameters, as text."""
        return self._task.params


class TaskHistory(metaclass=abc.ABCMeta):
    """What hears of tasks and remembers them."""

    @abc.abstractmethod
    def task_scheduled(self, task: Any) -> None:
        """A worker described the task."""

    @abc.abstractmethod
    def task_finished(self, task: Any, successful: bool) -> None:
        """An attempt at the task ended."""

    @abc.abstractmethod
    def task_started(self, task: Any, worker_host: Any) -> None:
        """A worker was given the task."""


class NopHistory(TaskHistory):
    """Remembers nothing."""

    def task_scheduled(self, task: Any) -> None: ...

    def task_finished(self, task: Any, successful: bool) -> None: ...

    def task_started(self, task: Any, worker_host: Any) -> None: ...
