"""Targets: where outputs live, and whether they exist."""

import logging

from luigi._forwarding import stand_for
from rumbo.pipeline import filesystem as _filesystem
from rumbo.pipeline import target as _home
from rumbo.pipeline.filesystem import (
    FileAlreadyExists,
    FileSystem,
    FileSystemException,
    MissingParentDirectory,
    NotADirectory,
)
from rumbo.pipeline.target import AtomicLocalFile, FileSystemTarget, Target

__all__ = [
    "AtomicLocalFile",
    "FileAlreadyExists",
    "FileSystem",
    "FileSystemException",
    "FileSystemTarget",
    "MissingParentDirectory",
    "NotADirectory",
    "Target",
    "logger",
]

logger = logging.getLogger("luigi-interface")

stand_for(__name__, _home, _filesystem)
