"""Targets in HDFS."""

from luigi._forwarding import stand_for
from luigi.contrib.hdfs.config import tmppath
from luigi.target import FileSystemTarget
from rumbo.integrations import hdfs as _home
from rumbo.integrations.hdfs import HdfsFlagTarget, HdfsTarget

__all__ = ["FileSystemTarget", "HdfsFlagTarget", "HdfsTarget", "tmppath"]

stand_for(__name__, _home)
