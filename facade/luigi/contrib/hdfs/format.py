"""How bytes are kept in HDFS: in one file, or in the files of a folder."""

from luigi._forwarding import stand_for
from rumbo.integrations import hdfs as _home
from rumbo.integrations.hdfs import Plain, PlainDir, PlainDirFormat, PlainFormat

__all__ = ["Plain", "PlainDir", "PlainDirFormat", "PlainFormat"]

stand_for(__name__, _home)
