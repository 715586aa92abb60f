"""Targets on FTP and SFTP servers."""

from luigi._forwarding import stand_for
from luigi.format import FileWrapper
from luigi.target import logger
from rumbo.integrations import ftp as _home
from rumbo.integrations.ftp import AtomicFtpFile, RemoteFileSystem, RemoteTarget

__all__ = ["AtomicFtpFile", "FileWrapper", "RemoteFileSystem", "RemoteTarget", "logger"]

stand_for(__name__, _home)
