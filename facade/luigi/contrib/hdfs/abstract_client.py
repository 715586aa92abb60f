"""What every way to HDFS can do."""

from rumbo.integrations.hdfs_clients import HdfsFileSystem

__all__ = ["HdfsFileSystem"]
