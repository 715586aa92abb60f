"""How bytes are kept in HDFS: in one file, in the files of a folder, or as the ``hadoop`` command takes them."""

from luigi._forwarding import stand_for
from luigi.contrib.hdfs.clients import exists, listdir, mkdir, remove, rename
from luigi.contrib.hdfs.config import load_hadoop_cmd
from luigi.contrib.hdfs.error import HDFSCliError
from luigi.target import logger
from rumbo.integrations import hdfs_formats as _home
from rumbo.integrations.hdfs_formats import (
    CompatibleHdfsFormat,
    HdfsAtomicWriteDirPipe,
    HdfsAtomicWriteError,
    HdfsAtomicWritePipe,
    HdfsReadPipe,
    Plain,
    PlainDir,
    PlainDirFormat,
    PlainFormat,
)

__all__ = [
    "CompatibleHdfsFormat",
    "HDFSCliError",
    "HdfsAtomicWriteDirPipe",
    "HdfsAtomicWriteError",
    "HdfsAtomicWritePipe",
    "HdfsReadPipe",
    "Plain",
    "PlainDir",
    "PlainDirFormat",
    "PlainFormat",
    "exists",
    "listdir",
    "load_hadoop_cmd",
    "logger",
    "mkdir",
    "remove",
    "rename",
]

stand_for(__name__, _home)
