"""Jobs for Spark."""

from __future__ import annotations

from luigi.contrib.external_program import ExternalProgramTask, logger
from rumbo.integrations.spark import PySparkWork, SparkWork

__all__ = ["PySparkTask", "SparkSubmitTask", "logger"]


class SparkSubmitTask(SparkWork, ExternalProgramTask):
    """A task that submits a program to Spark."""


class PySparkTask(PySparkWork, SparkSubmitTask):
    """A task whose `main` runs in Spark's driver."""
