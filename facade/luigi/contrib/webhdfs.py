"""Targets in HDFS by its web interface, under their old name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luigi.contrib.hdfs import WebHdfsClient
from luigi.format import get_default_format
from luigi.target import AtomicLocalFile, FileSystemTarget, logger
from rumbo.integrations.hdfs import HdfsTarget
from rumbo.integrations.hdfs_formats import AtomicHdfsFile as AtomicWebHdfsFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from luigi.format import Format

__all__ = [
    "AtomicLocalFile",
    "AtomicWebHdfsFile",
    "FileSystemTarget",
    "ReadableWebHdfsFile",
    "WebHdfsClient",
    "WebHdfsTarget",
    "get_default_format",
    "logger",
]


class WebHdfsTarget(HdfsTarget):
    """A file in HDFS. The newer name is ``luigi.contrib.hdfs.HdfsTarget``."""

    def __init__(self, path: str, client: WebHdfsClient | None = None, format: Format | None = None) -> None:
        super().__init__(path, format, fs=client or WebHdfsClient())


class ReadableWebHdfsFile:
    """A file in HDFS, to be read as a whole or line by line.

    Args:
        path: where it is.
        client: how HDFS is reached.
    """

    def __init__(self, path: str, client: WebHdfsClient) -> None:
        self.path = path
        self.client = client
        self.generator: Iterator[str] | None = None

    def read(self) -> bytes:
        """All bytes."""
        with self.client.open(self.path) as source:
            content: bytes = source.read()
        return content

    def readlines(self, char: str = "\n") -> Iterator[str]:
        """The lines without their ends, as they come.

        Args:
            char: what ends a line.
        """
        self.generator = self._lines(char)
        return self.generator

    def _lines(self, char: str) -> Iterator[str]:
        with self.client.read(self.path, buffer_char=char) as pieces:
            line = next(pieces, "")
            for following in pieces:
                yield line
                line = following
            if line:  # what stands behind the last end is no line when there is nothing
                yield line

    def __iter__(self) -> Iterator[str]:
        return self.readlines()

    def close(self) -> None:
        """Read no further."""
        self.generator = None

    def __enter__(self) -> ReadableWebHdfsFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
