"""Targets in HDFS by its web interface, under their old name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luigi.contrib.hdfs import WebHdfsClient
from luigi.format import get_default_format
from luigi.target import AtomicLocalFile, FileSystemTarget, logger
from rumbo.integrations.hdfs import AtomicHdfsFile as AtomicWebHdfsFile
from rumbo.integrations.hdfs import HdfsTarget

if TYPE_CHECKING:
    from luigi.format import Format

__all__ = [
    "AtomicLocalFile",
    "AtomicWebHdfsFile",
    "FileSystemTarget",
    "WebHdfsClient",
    "WebHdfsTarget",
    "get_default_format",
    "logger",
]


class WebHdfsTarget(HdfsTarget):
    """A file in HDFS. The newer name is ``luigi.contrib.hdfs.HdfsTarget``."""

    def __init__(self, path: str, client: WebHdfsClient | None = None, format: Format | None = None) -> None:
        super().__init__(path, format, fs=client or WebHdfsClient())
