"""The program that Spark runs for a task in Python; see `rumbo.integrations.pyspark_runner`."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    sys.path.pop(0)  # this script's folder, where modules are called like the libraries that they need

from rumbo.integrations.pyspark_runner import (
    AbstractPySparkRunner,
    EntryPoint,
    PySparkRunner,
    PySparkSessionRunner,
    SparkContextEntryPoint,
    SparkSessionEntryPoint,
    runner_class,
)

__all__ = [
    "AbstractPySparkRunner",
    "PySparkRunner",
    "PySparkSessionRunner",
    "SparkContextEntryPoint",
    "SparkSessionEntryPoint",
]

_SparkEntryPoint = EntryPoint
_get_runner_class = runner_class

if __name__ == "__main__":
    runner_class()(*sys.argv[1:]).run()
