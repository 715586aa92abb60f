"""Tasks that run a command in a container of Docker."""

from __future__ import annotations

import luigi
from luigi.local_target import LocalFileSystem
from rumbo.integrations.docker import ContainerWork, logger

__all__ = ["DockerTask", "LocalFileSystem", "logger"]


class DockerTask(ContainerWork, luigi.Task):
    """A task that runs a command in a container."""
