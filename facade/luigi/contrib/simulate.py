"""A target that exists only for the program that made it."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
import time
from multiprocessing import Value
from typing import Any, ClassVar

import luigi

__all__ = ["RunAnywayTarget", "logger"]

logger = logging.getLogger("luigi-interface")


class RunAnywayTarget(luigi.Target):
    """Lets a task run once in every program: it exists from `done()` on, in this program and in what it forks.

    Args:
        task_obj: the task.
    """

    temp_dir: ClassVar[str] = os.path.join(tempfile.gettempdir(), "luigi-simulate")
    temp_time: ClassVar[float] = 24 * 3600
    """Seconds after which what other programs left behind is removed."""
    unique: ClassVar[Any] = Value("i", 0)
    """The process that first made such a target; those that it forks see it too."""

    def __init__(self, task_obj: luigi.Task) -> None:
        self.task_id = task_obj.task_id
        with self.unique.get_lock():
            if self.unique.value == 0:
                self.unique.value = os.getpid()
        self._remove_old()

    def _remove_old(self) -> None:
        limit = time.time() - self.temp_time
        if not os.path.isdir(self.temp_dir):
            return
        with os.scandir(self.temp_dir) as entries:
            for entry in entries:
                if entry.is_dir() and entry.stat().st_mtime < limit:
                    shutil.rmtree(entry.path, ignore_errors=True)

    def __str__(self) -> str:
        return self.task_id

    def get_path(self) -> str:
        """The file that says that the task is done."""
        name = hashlib.md5(self.task_id.encode(), usedforsecurity=False).hexdigest()
        return os.path.join(self.temp_dir, str(self.unique.value), name)

    def exists(self) -> bool:
        return os.path.isfile(self.get_path())

    def done(self) -> None:
        """Say that the task is done."""
        path = self.get_path()
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w"):
            pass
