"""Targets in Google Cloud Storage."""

from luigi._forwarding import stand_for
from luigi.format import FileWrapper
from luigi.target import logger
from rumbo.integrations import gcs as _home
from rumbo.integrations.gcs import (
    CHUNKSIZE,
    DEFAULT_MIMETYPE,
    AtomicGCSFile,
    GCSClient,
    GCSFlagTarget,
    GCSTarget,
    InvalidDeleteException,
)

__all__ = [
    "CHUNKSIZE",
    "DEFAULT_MIMETYPE",
    "AtomicGCSFile",
    "FileWrapper",
    "GCSClient",
    "GCSFlagTarget",
    "GCSTarget",
    "InvalidDeleteException",
    "logger",
]

stand_for(__name__, _home)
