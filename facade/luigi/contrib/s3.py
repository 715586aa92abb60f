"""Targets in Amazon S3."""

from luigi import configuration
from luigi._forwarding import stand_for
from luigi.parameter import OptionalParameter, Parameter
from luigi.target import (
    AtomicLocalFile,
    FileAlreadyExists,
    FileSystem,
    FileSystemException,
    FileSystemTarget,
    MissingParentDirectory,
    logger,
)
from luigi.task import ExternalTask
from rumbo.integrations import s3 as _targets
from rumbo.integrations import s3_client as _client
from rumbo.integrations.s3 import (
    AtomicS3File,
    ReadableS3File,
    S3EmrTarget,
    S3EmrTask,
    S3FlagTarget,
    S3FlagTask,
    S3PathTask,
    S3Target,
)
from rumbo.integrations.s3_client import (
    S3_DIRECTORY_MARKER_SUFFIX_0,
    S3_DIRECTORY_MARKER_SUFFIX_1,
    DeprecatedBotoClientException,
    FileNotFoundException,
    InvalidDeleteException,
    S3Client,
)

__all__ = [
    "S3_DIRECTORY_MARKER_SUFFIX_0",
    "S3_DIRECTORY_MARKER_SUFFIX_1",
    "AtomicLocalFile",
    "AtomicS3File",
    "DeprecatedBotoClientException",
    "ExternalTask",
    "FileAlreadyExists",
    "FileNotFoundException",
    "FileSystem",
    "FileSystemException",
    "FileSystemTarget",
    "InvalidDeleteException",
    "MissingParentDirectory",
    "OptionalParameter",
    "Parameter",
    "ReadableS3File",
    "S3Client",
    "S3EmrTarget",
    "S3EmrTask",
    "S3FlagTarget",
    "S3FlagTask",
    "S3PathTask",
    "S3Target",
    "configuration",
    "logger",
]

stand_for(__name__, _targets, _client)
