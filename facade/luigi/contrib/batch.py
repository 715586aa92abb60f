"""Tasks that run as a job of AWS Batch."""

from __future__ import annotations

from typing import Any

import luigi
from rumbo.integrations.aws import BATCH_POLL_TIME as POLL_TIME
from rumbo.integrations.aws import BatchClient, BatchJobException, BatchWork, logger

__all__ = ["POLL_TIME", "BatchClient", "BatchJobException", "BatchTask", "logger"]


class BatchTask(BatchWork, luigi.Task):
    """A task that runs as a job of AWS Batch."""

    job_definition: Any = luigi.Parameter(description="Name of a definition that is registered")
    job_name: Any = luigi.OptionalParameter(default=None)
    job_queue: Any = luigi.OptionalParameter(default=None)
    poll_time: Any = luigi.IntParameter(default=POLL_TIME, description="Seconds between questions")
