"""HDFS by its web interface."""

from luigi._forwarding import stand_for
from luigi.target import logger
from rumbo.integrations import hdfs_clients as _home
from rumbo.integrations.hdfs_clients import WebHdfsClient
from rumbo.integrations.hdfs_config import webhdfs

__all__ = ["WebHdfsClient", "logger", "webhdfs"]

stand_for(__name__, _home)
