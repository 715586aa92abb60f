"""Tasks whose work is a job of LSF."""

from __future__ import annotations

from typing import Any

import luigi
from luigi.contrib import lsf_runner
from luigi.task_status import DONE, FAILED, PENDING, RUNNING, UNKNOWN
from rumbo.integrations.batch_jobs import LsfJobWork, kill_job, logger, track_job

__all__ = [
    "DONE",
    "FAILED",
    "LOGGER",
    "PENDING",
    "RUNNING",
    "UNKNOWN",
    "LSFJobTask",
    "LocalLSFJobTask",
    "kill_job",
    "lsf_runner",
    "track_job",
]


LOGGER = logger


class LSFJobTask(LsfJobWork, luigi.Task):
    """A task whose `work` is a job of LSF."""

    n_cpu_flag: Any = luigi.IntParameter(default=2, significant=False, description="Processors")
    shared_tmp_dir: Any = luigi.Parameter(default="/tmp", significant=False, description="Folder that all machines see")
    resource_flag: Any = luigi.Parameter(default="mem=8192", significant=False, description="What is reserved")
    memory_flag: Any = luigi.Parameter(default="8192", significant=False, description="Memory limit")
    queue_flag: Any = luigi.Parameter(default="queue_name", significant=False, description="Queue")
    runtime_flag: Any = luigi.IntParameter(default=60, description="Minutes it may take")
    job_name_flag: Any = luigi.Parameter(default="", description="The job's name")
    poll_time: Any = luigi.FloatParameter(significant=False, default=5, description="Seconds between questions")
    save_job_info: Any = luigi.BoolParameter(default=False, description="Leave the shared folder for a look")
    output: Any = luigi.Parameter(default="")
    extra_bsub_args: Any = luigi.Parameter(default="", description="Further arguments of bsub")


class LocalLSFJobTask(LSFJobTask):
    """The same without a cluster, to try things out."""

    def run(self) -> Any:
        self.init_local()
        self.work()
