"""Key-value files of Sparkey, made of lines. (Its library comes in no package here.)"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import luigi
from rumbo.errors import TaskError

__all__ = ["SparkeyExportTask"]


class SparkeyExportTask(luigi.Task):
    """Writes the lines of its input as keys and values."""

    separator = "\t"
    """Stands between a key and its value."""

    def run(self) -> Any:
        self._write_sparkey_file()

    def _write_sparkey_file(self) -> None:
        try:
            library: Any = import_module("sparkey")
        except ImportError:
            raise TaskError(
                f"{self} needs Sparkey's library for Python, the module sparkey. Build it from source."
            ) from None
        target = self.output()
        if not isinstance(target, luigi.LocalTarget):
            raise TypeError(f"{self}: output() must be a LocalTarget, and not {target!r}.")
        with target.temporary_path() as path, self.input().open("r") as lines:
            writer = library.LogWriter(path)
            for line in lines:
                key, value = line.strip().split(self.separator, 1)
                writer[key] = value
            writer.close()
