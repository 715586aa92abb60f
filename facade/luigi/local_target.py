"""Targets in the local file system, written atomically."""

from luigi._forwarding import stand_for
from rumbo.pipeline import local as _home
from rumbo.pipeline.filesystem import FileAlreadyExists, FileSystem, MissingParentDirectory, NotADirectory
from rumbo.pipeline.formats import FileWrapper, get_default_format
from rumbo.pipeline.local import AtomicFile as atomic_file  # noqa: N813 - Luigi's name
from rumbo.pipeline.local import LocalFileSystem, LocalTarget
from rumbo.pipeline.target import AtomicLocalFile, FileSystemTarget

__all__ = [
    "AtomicLocalFile",
    "FileAlreadyExists",
    "FileSystem",
    "FileSystemTarget",
    "FileWrapper",
    "LocalFileSystem",
    "LocalTarget",
    "MissingParentDirectory",
    "NotADirectory",
    "atomic_file",
    "get_default_format",
]

stand_for(__name__, _home)
