"""Errors of the ``hadoop`` command."""

from rumbo.integrations.hdfs_clients import HDFSCliError

__all__ = ["HDFSCliError"]
