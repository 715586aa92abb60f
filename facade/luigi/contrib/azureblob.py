"""Targets in Azure Blob Storage."""

from luigi._forwarding import stand_for
from luigi.format import get_default_format
from luigi.target import AtomicLocalFile, FileAlreadyExists, FileSystem, FileSystemTarget, logger
from rumbo.integrations import azure as _home
from rumbo.integrations.azure import AtomicAzureBlobFile, AzureBlobClient, AzureBlobTarget, ReadableAzureBlobFile

__all__ = [
    "AtomicAzureBlobFile",
    "AtomicLocalFile",
    "AzureBlobClient",
    "AzureBlobTarget",
    "FileAlreadyExists",
    "FileSystem",
    "FileSystemTarget",
    "ReadableAzureBlobFile",
    "get_default_format",
    "logger",
]

stand_for(__name__, _home)
