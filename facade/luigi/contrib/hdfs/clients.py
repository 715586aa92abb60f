"""The client that the configuration names, and what it can do as functions."""

from typing import Any

from luigi._forwarding import stand_for
from luigi.contrib.hdfs.error import HDFSCliError
from luigi.target import logger
from rumbo.integrations import hdfs_clients as _home
from rumbo.integrations.hdfs_clients import get_autoconfig_client

__all__ = ["HDFSCliError", "exists", "get_autoconfig_client", "listdir", "logger", "mkdir", "remove", "rename"]


def exists(*args: Any, **kwargs: Any) -> Any:
    """As the client's method."""
    return get_autoconfig_client().exists(*args, **kwargs)


def rename(*args: Any, **kwargs: Any) -> Any:
    """As the client's method."""
    return get_autoconfig_client().rename(*args, **kwargs)


def remove(*args: Any, **kwargs: Any) -> Any:
    """As the client's method."""
    return get_autoconfig_client().remove(*args, **kwargs)


def mkdir(*args: Any, **kwargs: Any) -> Any:
    """As the client's method."""
    return get_autoconfig_client().mkdir(*args, **kwargs)


def listdir(*args: Any, **kwargs: Any) -> Any:
    """As the client's method."""
    return get_autoconfig_client().listdir(*args, **kwargs)


stand_for(__name__, _home)
