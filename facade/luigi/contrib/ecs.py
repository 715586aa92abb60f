"""Tasks that run as tasks of Amazon ECS."""

from __future__ import annotations

from typing import Any

import luigi
from rumbo.integrations.aws import ECS_POLL_TIME as POLL_TIME
from rumbo.integrations.aws import ECSWork, logger

__all__ = ["POLL_TIME", "ECSTask", "logger"]


class ECSTask(ECSWork, luigi.Task):
    """A task that runs as tasks of Amazon ECS."""

    task_def_arn: Any = luigi.OptionalParameter(default=None, description="A definition that is registered")
    task_def: Any = luigi.OptionalParameter(default=None, description="A definition to register")
    cluster: Any = luigi.Parameter(default="default")
