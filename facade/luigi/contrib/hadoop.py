"""Map and reduce over Hadoop's streaming interface, or in this process."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import luigi
from rumbo.integrations import map_reduce as _home
from rumbo.integrations.hadoop import (
    TRACKING_RE,
    BaseHadoopJobWork,
    HadoopJobError,
    JobRunner,
    logger,
    run_and_track_hadoop_job,
)
from rumbo.integrations.map_reduce import DefaultHadoopJobRunner, HadoopJobRunner, LocalJobRunner, MapReduceWork
from rumbo.integrations.shipment import ATTACHED, attach, create_packages_archive, get_extra_files

if TYPE_CHECKING:
    from types import FrameType

__all__ = [
    "TRACKING_RE",
    "BaseHadoopJobTask",
    "DefaultHadoopJobRunner",
    "HadoopJobError",
    "HadoopJobRunner",
    "HadoopRunContext",
    "JobRunner",
    "JobTask",
    "LocalJobRunner",
    "attach",
    "create_packages_archive",
    "dereference",
    "fetch_task_failures",
    "flatten",
    "get_extra_files",
    "hadoop",
    "logger",
    "run_and_track_hadoop_job",
]


_attached_packages = ATTACHED
flatten = _home._one_level


class hadoop(luigi.Config):
    """The section ``[hadoop]``."""

    pool = luigi.OptionalParameter(default=None, description="Pool of the cluster that jobs run in")


def dereference(f: str) -> str:
    """The file that a link, or a link to a link, stands for."""
    return os.path.realpath(f) if os.path.islink(f) else f


def fetch_task_failures(tracking_url: str) -> str:
    """Nothing: the pages that this read are those of Hadoop 1. The address is in the error instead."""
    return ""


class HadoopRunContext:
    """While the block goes on, SIGTERM and Ctrl-C end the job on the cluster, once its id is known."""

    def __init__(self) -> None:
        self.job_id: str | None = None
        self.application_id: str | None = None

    def __enter__(self) -> HadoopRunContext:
        self._before = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, self.kill_job)
        return self

    def kill_job(self, captured_signal: int | None = None, stack_frame: FrameType | None = None) -> None:
        """End the job; on a signal, end with the code that it stands for."""
        if self.application_id:
            subprocess.call(["yarn", "application", "-kill", self.application_id])
        elif self.job_id:
            subprocess.call(["mapred", "job", "-kill", self.job_id])
        if captured_signal is not None:
            raise SystemExit(128 + captured_signal)

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        if exc_type is KeyboardInterrupt:
            self.kill_job()
        signal.signal(signal.SIGTERM, self._before)


class BaseHadoopJobTask(BaseHadoopJobWork, luigi.Task):
    """What all jobs have in common."""

    pool: Any = luigi.OptionalParameter(default=None, significant=False, positional=False)


class JobTask(MapReduceWork, BaseHadoopJobTask):
    """A job of mapper, combiner and reducer."""
