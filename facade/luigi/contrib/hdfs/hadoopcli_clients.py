"""HDFS by the ``hadoop`` command."""

from luigi._forwarding import stand_for
from luigi.contrib.hdfs.config import load_hadoop_cmd
from luigi.target import FileAlreadyExists, logger
from rumbo.integrations import hdfs_clients as _home
from rumbo.integrations.hdfs_clients import (
    HdfsClient,
    HdfsClientApache1,
    HdfsClientCdh3,
    create_hadoopcli_client,
)

__all__ = [
    "FileAlreadyExists",
    "HdfsClient",
    "HdfsClientApache1",
    "HdfsClientCdh3",
    "create_hadoopcli_client",
    "load_hadoop_cmd",
    "logger",
]

stand_for(__name__, _home)
