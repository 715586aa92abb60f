"""Targets in HDFS, by the client that ``[hdfs] client`` names or that they are given."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rumbo.errors import TargetError
from rumbo.integrations.flags import FlaggedFolder
from rumbo.integrations.hdfs_clients import HdfsFileSystem, get_autoconfig_client
from rumbo.integrations.hdfs_config import tmppath
from rumbo.integrations.hdfs_formats import Plain, PlainDir, stored_by
from rumbo.pipeline.filesystem import temporary_name
from rumbo.pipeline.formatted import FormattedTarget
from rumbo.pipeline.target import Footprint

if TYPE_CHECKING:
    from rumbo.pipeline.formats import Format

__all__ = ["HdfsFlagTarget", "HdfsPathError", "HdfsTarget", "Plain", "PlainDir", "tmppath"]


class HdfsPathError(TargetError, ValueError):
    """A path that HDFS does not allow, or that a target cannot have."""


class HdfsTarget(FormattedTarget):
    """A file in HDFS.

    Args:
        path: its path. May be left out with ``is_tmp``; then it is a fresh name among the temporary files.
        format: how its bytes are read and written, text by default; ``... >> PlainDir`` makes it a folder of files.
        is_tmp: remove the file when this object goes away.
        fs: how HDFS is reached; by default as ``[hdfs] client`` says.
    """

    is_tmp = False

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        format: Format | None = None,
        is_tmp: bool = False,
        fs: HdfsFileSystem | None = None,
    ) -> None:
        if path is None:
            if not is_tmp:
                raise TargetError("An HdfsTarget needs a path, or is_tmp=True to get one for temporary files.")
            path = tmppath()
        if ":" in urlsplit(str(path), allow_fragments=False).path:
            raise HdfsPathError(f"{path} has a colon in it, which HDFS does not allow.")
        self._fs = fs or get_autoconfig_client()
        format, self._stored = stored_by(format, self._fs)
        super().__init__(path, format)
        if is_tmp:
            self.is_tmp = True
            self._owner = os.getpid()

    def footprint(self) -> Footprint:
        """The path, with a scheme that tells it from one on this machine."""
        return Footprint(self.path if "://" in self.path else f"hdfs://{self.path}")

    @property
    def fs(self) -> HdfsFileSystem:
        """How HDFS is reached."""
        return self._fs

    def bytes_to_read(self) -> Any:
        return self._stored.pipe_reader(self.path)

    def bytes_to_write(self) -> Any:
        return self._stored.pipe_writer(self.path)

    def glob_exists(self, expected_files: int) -> bool:
        """Whether there are just so many things in the folder."""
        return len(list(self.fs.listdir(self.path))) == expected_files

    def remove(self, skip_trash: bool = False) -> None:
        """Remove what is at the path."""
        self.fs.remove(self.path, skip_trash=skip_trash)

    def rename(self, path: Any, raise_if_exists: bool = False) -> None:
        """Move the file to a path or another target's path; this object keeps its own."""
        self.move(path.path if isinstance(path, HdfsTarget) else path, raise_if_exists)

    def move_dir(self, path: str) -> None:
        """Rename, never into a folder that is there already."""
        self.fs.rename_dont_move(self.path, path)

    def copy(self, dst_dir: str, raise_if_exists: bool = False) -> None:
        """Copy the file to a path, or into a folder."""
        super().copy(dst_dir, raise_if_exists)

    def is_writable(self) -> bool:
        """Whether one may write in the nearest folder above that there is."""
        folder = self.path.rstrip("/")
        while folder and not self.fs.exists(folder):
            folder = folder.rpartition("/")[0]
        probe = temporary_name(f"{folder}/.test_write_access")
        try:
            self.fs.touchz(probe)
            self.fs.remove(probe, recursive=False)
        except Exception:  # noqa: BLE001 (each client has its own way to say no)
            return False
        return True

    def __copy__(self) -> HdfsTarget:
        """The same path in another object, which leaves the removal of a temporary file to this one."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, is_tmp=False)
        return other

    def __del__(self) -> None:
        if self.is_tmp and self._owner == os.getpid() and self.exists():
            self.remove(skip_trash=True)


class HdfsFlagTarget(FlaggedFolder, HdfsTarget):
    """A folder in HDFS, which exists when a flag file in it does: what map/reduce writes.

    Args:
        path: the folder, with a slash at its end.
        format: as of ``HdfsTarget``.
        client: how HDFS is reached.
        flag: the name of the flag file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        format: Format | None = None,
        client: HdfsFileSystem | None = None,
        flag: str = "_SUCCESS",
    ) -> None:
        self._check_folder(path)
        super().__init__(path, format, fs=client)
        self.flag = flag
