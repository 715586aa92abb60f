"""Jobs that are jars."""

from __future__ import annotations

from luigi.contrib.hadoop import BaseHadoopJobTask
from rumbo.integrations.hadoop import HadoopJarJobError, HadoopJarJobRunner, HadoopJarJobWork, fix_paths, logger

__all__ = ["HadoopJarJobError", "HadoopJarJobRunner", "HadoopJarJobTask", "fix_paths", "logger"]


class HadoopJarJobTask(HadoopJarJobWork, BaseHadoopJobTask):
    """A job that is a jar."""
