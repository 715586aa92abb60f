"""Jobs that are jars."""

from __future__ import annotations

from luigi.contrib.hadoop import BaseHadoopJobTask
from rumbo.integrations.hadoop import logger
from rumbo.integrations.hadoop_jar import HadoopJarJobError, HadoopJarJobRunner, HadoopJarJobWork, fix_paths

__all__ = ["HadoopJarJobError", "HadoopJarJobRunner", "HadoopJarJobTask", "fix_paths", "logger"]


class HadoopJarJobTask(HadoopJarJobWork, BaseHadoopJobTask):
    """A job that is a jar."""
