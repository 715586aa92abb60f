"""Targets in Google Cloud Storage."""

from typing import Any

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
    "is_error_5xx",
    "logger",
]


def is_error_5xx(err: Any) -> bool:
    """Whether an error of one of Google's libraries says that the fault is the store's, so that one may try again."""
    answer = getattr(err, "resp", None)  # of googleapiclient; the others have a code
    status = getattr(err, "code", None) if answer is None else answer.status
    return isinstance(status, int) and status >= 500


stand_for(__name__, _home)
