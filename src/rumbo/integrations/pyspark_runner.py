"""The program that Spark runs for a task in Python: it takes the task from a file and calls its ``main``.

spark-submit ... pyspark_runner.py FILE [ARGUMENTS]
"""

from __future__ import annotations

import os
import pickle
import sys
from abc import ABC, abstractmethod
from typing import Any, ClassVar

if __name__ == "__main__":
    # Python puts this script's folder first, where modules are called like the libraries that they need.
    sys.path.pop(0)


class EntryPoint(ABC):
    """What a job's ``main`` gets to work with, from its start to its end.

    Args:
        conf: a ``pyspark.SparkConf``.
    """

    def __init__(self, conf: Any) -> None:
        self.conf = conf

    @abstractmethod
    def __enter__(self) -> tuple[Any, Any]:
        """What goes to ``main``, and the context."""

    @abstractmethod
    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None: ...


class SparkContextEntryPoint(EntryPoint):
    """A ``SparkContext``."""

    sc: Any = None

    def __enter__(self) -> tuple[Any, Any]:
        from pyspark import SparkContext

        self.sc = SparkContext(conf=self.conf)
        return self.sc, self.sc

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        self.sc.stop()


class SparkSessionEntryPoint(EntryPoint):
    """A ``SparkSession``."""

    spark: Any = None

    def __enter__(self) -> tuple[Any, Any]:
        from pyspark.sql import SparkSession

        self.spark = SparkSession.builder.config(conf=self.conf).enableHiveSupport().getOrCreate()
        return self.spark, self.spark.sparkContext

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        self.spark.stop()


class AbstractPySparkRunner:
    """Takes a task from a file and runs its ``main``.

    Args:
        job: the file, beside the module that the task's class is in.
        args: arguments for ``main``.
    """

    _entry_point_class: ClassVar[type[EntryPoint]]

    def __init__(self, job: str, *args: str) -> None:
        sys.path.append(os.path.dirname(job))
        with open(job, "rb") as file:
            self.job = pickle.load(file)
        self.args = args

    def run(self) -> None:
        """Run it."""
        from pyspark import SparkConf

        conf = SparkConf()
        self.job.setup(conf)
        with self._entry_point_class(conf) as (entry_point, context):
            self.job.setup_remote(context)
            self.job.main(entry_point, *self.args)


class PySparkRunner(AbstractPySparkRunner):
    """Gives ``main`` a ``SparkContext``."""

    _entry_point_class = SparkContextEntryPoint


class PySparkSessionRunner(AbstractPySparkRunner):
    """Gives ``main`` a ``SparkSession``."""

    _entry_point_class = SparkSessionEntryPoint


def runner_class() -> type[AbstractPySparkRunner]:
    """As ``[pyspark_runner] use_spark_session`` of the configuration says."""
    from rumbo.pipeline.config import get_config

    return (
        PySparkSessionRunner if get_config().getboolean("pyspark_runner", "use_spark_session", False) else PySparkRunner
    )


if __name__ == "__main__":
    runner_class()(*sys.argv[1:]).run()
