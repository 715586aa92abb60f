"""Tasks whose work is a job of Grid Engine."""

from __future__ import annotations

from typing import Any

import luigi
from luigi.contrib import sge_runner
from rumbo.integrations.batch_jobs import (
    SgeJobWork,
    build_qsub_command,
    logger,
    parse_qstat_state,
    parse_qsub_job_id,
)

__all__ = ["POLL_TIME", "LocalSGEJobTask", "SGEJobTask", "logger", "sge_runner"]

POLL_TIME = 5

_parse_qstat_state = parse_qstat_state
_parse_qsub_job_id = parse_qsub_job_id
_build_qsub_command = build_qsub_command


class SGEJobTask(SgeJobWork, luigi.Task):
    """A task whose `work` is a job of Grid Engine."""

    n_cpu: Any = luigi.IntParameter(default=2, significant=False, description="Slots that the job takes")
    shared_tmp_dir: Any = luigi.Parameter(
        default="/home", significant=False, description="Folder that all machines see"
    )
    parallel_env: Any = luigi.Parameter(default="orte", significant=False, description="Parallel environment; or empty")
    job_name_format: Any = luigi.OptionalParameter(
        significant=False, default=None, description="The job's name, with {task_family} and parameters"
    )
    job_name: Any = luigi.OptionalParameter(significant=False, default=None, description="The job's name")
    run_locally: Any = luigi.BoolParameter(significant=False, description="Work here and not on the cluster")
    poll_time: Any = luigi.IntParameter(significant=False, default=POLL_TIME, description="Seconds between questions")
    dont_remove_tmp_dir: Any = luigi.BoolParameter(significant=False, description="Leave the shared folder for a look")
    no_tarball: Any = luigi.BoolParameter(significant=False, description="The cluster's machines have all modules")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.job_name:
            return
        if self.job_name_format:
            self.job_name = self.job_name_format.format(task_family=self.task_family, **self.param_kwargs)
        else:
            self.job_name = self.task_family


class LocalSGEJobTask(SGEJobTask):
    """The same without a cluster, to try things out."""

    def run(self) -> Any:
        self.work()
