"""Targets in HDFS, by the client that ``[hdfs] client`` names or that they are given."""

from __future__ import annotations

import getpass
import io
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rumbo.errors import TargetError
from rumbo.integrations.hdfs_clients import HdfsFileSystem, get_autoconfig_client
from rumbo.integrations.hdfs_config import hdfs
from rumbo.pipeline import formats
from rumbo.pipeline.filesystem import temporary_name
from rumbo.pipeline.formatted import FormattedTarget
from rumbo.pipeline.target import AtomicLocalFile

if TYPE_CHECKING:
    from rumbo.pipeline.formats import Format


class HdfsPathError(TargetError, ValueError):
    """A path that HDFS does not allow, or that a target cannot have."""


class AtomicHdfsFile(AtomicLocalFile):
    """A file here, to be brought to HDFS when it is closed."""

    def __init__(self, path: str, client: HdfsFileSystem) -> None:
        self.client = client
        super().__init__(path)

    def move_to_final_destination(self) -> None:
        self.client.publish(self.tmp_path, self.path)


class PlainFormat(formats.Format):
    """Bytes in a file of HDFS: the end of a chain of formats that is nearest to it."""

    input = "bytes"
    output = "hdfs"

    def __init__(self, client: HdfsFileSystem | None = None) -> None:
        self._client = client

    @property
    def client(self) -> HdfsFileSystem:
        return self._client or get_autoconfig_client()

    def pipe_reader(self, path: str) -> Any:
        return self.client.open(path)

    def pipe_writer(self, path: str) -> Any:
        return AtomicHdfsFile(path, self.client)


class AtomicHdfsFolder(AtomicHdfsFile):
    """A file here, to be brought to HDFS as the only one of a folder; a folder there is replaced."""

    def move_to_final_destination(self) -> None:
        unfinished = temporary_name(self.path.rstrip("/"))
        try:
            self.client.put(self.tmp_path, f"{unfinished}/data")
            if self.client.exists(self.path):
                self.client.remove(self.path)
            self.client.move(unfinished, self.path.rstrip("/"))
        except BaseException:
            with suppress(Exception):  # the error on its way says more
                self.client.remove(unfinished)
            raise


class _FolderBytes(io.RawIOBase):
    """The bytes of all files of a folder, one after the other; but not of those whose names begin with ``_``."""

    def __init__(self, client: HdfsFileSystem, path: str) -> None:
        self._client = client
        self._paths = iter(client.glob(f"{path.rstrip('/')}/[!_]*"))
        self._file: Any = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            data = self._file.read(len(buffer)) if self._file is not None else b""
            if data:
                buffer[: len(data)] = data
                return len(data)
            if not self._open_next():
                return 0

    def _open_next(self) -> bool:
        path = next(self._paths, None)
        self._let_go()
        self._file = self._client.open(path) if path is not None else None
        return path is not None

    def _let_go(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def close(self) -> None:
        if not self.closed:
            self._let_go()
            super().close()


class PlainDirFormat(PlainFormat):
    """Bytes in all files of a folder but those that begin with ``_``, as map/reduce leaves them; written as one."""

    def pipe_reader(self, path: str) -> Any:
        return io.BufferedReader(_FolderBytes(self.client, path), 1 << 20)

    def pipe_writer(self, path: str) -> Any:
        return AtomicHdfsFolder(path, self.client)


Plain = PlainFormat()
PlainDir = PlainDirFormat()


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
        format, self._plain = _without_plain(format, self._fs)
        super().__init__(path, format)
        if is_tmp:
            self.is_tmp = True
            self._owner = os.getpid()

    @property
    def fs(self) -> HdfsFileSystem:
        """How HDFS is reached."""
        return self._fs

    def bytes_to_read(self) -> Any:
        return self._plain.pipe_reader(self.path)

    def bytes_to_write(self) -> Any:
        return self._plain.pipe_writer(self.path)

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


def _without_plain(format: Format | None, client: HdfsFileSystem) -> tuple[Format | None, PlainFormat]:
    """The format as far as bytes, and how these are in HDFS."""
    layers = format.args if isinstance(format, formats.ChainFormat) else (format,)
    last = layers[-1]
    if not isinstance(last, PlainFormat):
        return format, PlainFormat(client)
    plain = type(last)(client)
    rest = [layer for layer in layers[:-1] if layer is not None]
    return (formats.ChainFormat(*rest) if rest else formats.Nop), plain


class HdfsFlagTarget(HdfsTarget):
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
        if not str(path).endswith("/"):
            raise HdfsPathError(f"HdfsFlagTarget({str(path)!r}) is a folder: end its path with a slash.")
        super().__init__(path, format, fs=client)
        self.flag = flag

    @property
    def existence_path(self) -> str:
        """The flag file."""
        return self.path + self.flag


def tmppath(path: str | None = None, include_unix_username: bool = True) -> str:
    """A fresh name among the temporary files of HDFS, in ``[hdfs] tmp_dir`` or ``/tmp``.

    Args:
        path: whose temporary name it shall be: of the same cluster, and with that path in it.
        include_unix_username: put it into a folder of this user's own.
    """
    parts = urlsplit(path or "", allow_fragments=False)
    cluster = f"{parts.scheme}://{parts.netloc}" if parts.scheme else ""
    folder = hdfs().tmp_dir or f"{cluster}/tmp"
    own = f"{getpass.getuser()}/" if include_unix_username else ""
    name = parts.path.removeprefix("/tmp/").strip("/")
    return temporary_name(f"{folder}/{own}{name or 'rumbo'}")
