"""How bytes are kept in HDFS: in one file, in the files of a folder, or as the ``hadoop`` command takes them."""

from __future__ import annotations

import io
import posixpath
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rumbo.integrations.hdfs_clients import HdfsFileSystem, get_autoconfig_client
from rumbo.integrations.hdfs_config import load_hadoop_cmd, tmppath
from rumbo.pipeline import formats
from rumbo.pipeline.filesystem import FileSystemException, temporary_name
from rumbo.pipeline.target import AtomicLocalFile

if TYPE_CHECKING:
    from collections.abc import Callable


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

    def pipe_writer(self, output_pipe: str) -> Any:
        return AtomicHdfsFile(output_pipe, self.client)

    def hdfs_reader(self, path: str) -> Any:
        """The same as ``pipe_reader``."""
        return self.pipe_reader(path)

    def hdfs_writer(self, path: str) -> Any:
        """The same as ``pipe_writer``."""
        return self.pipe_writer(path)


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


class CompatibleHdfsFormat(formats.Format):
    """A format made of two functions that take a path in HDFS.

    Args:
        writer: gives the stream to write to.
        reader: gives the stream to read from.
        input: what is written to it, ``"unicode"`` or ``"bytes"``; by default nobody checks.
    """

    output = "hdfs"

    def __init__(self, writer: Callable[[str], Any], reader: Callable[[str], Any], input: str | None = None) -> None:
        self.writer = writer
        self.reader = reader
        if input is not None:
            self.input = input

    def pipe_writer(self, output: str) -> Any:
        return self.writer(output)

    def pipe_reader(self, input: str) -> Any:
        return self.reader(input)

    hdfs_writer = pipe_writer
    hdfs_reader = pipe_reader


def stored_by(format: Any, client: HdfsFileSystem) -> tuple[formats.Format | None, formats.Format]:
    """A format as far as bytes, and how these are kept in HDFS.

    Args:
        format: a target's; its last layer is kept in HDFS as it says if its ``output`` is ``"hdfs"``.
        client: who keeps it if that layer does not say so.
    """
    if _is_of_old_kind(format):
        format = _with_pipes(format, client)
    layers = format.args if isinstance(format, formats.ChainFormat) else (format,)
    last = layers[-1]
    if getattr(last, "output", None) != "hdfs":
        return format, PlainFormat(client)
    stored = type(last)(client) if isinstance(last, PlainFormat) else last
    rest = [layer for layer in layers[:-1] if layer is not None]
    return (formats.ChainFormat(*rest) if rest else formats.Nop), stored


def _is_of_old_kind(format: Any) -> bool:
    return not hasattr(format, "pipe_writer") and (hasattr(format, "hdfs_writer") or hasattr(format, "hdfs_reader"))


def _with_pipes(format: Any, client: HdfsFileSystem) -> CompatibleHdfsFormat:
    warnings.warn(
        f"{format!r} has hdfs_writer() or hdfs_reader(), which is deprecated: call them pipe_writer() and "
        "pipe_reader(), and give the format an output of 'hdfs'.",
        DeprecationWarning,
        stacklevel=4,
    )
    usual = formats.get_default_format() >> PlainFormat(client)
    return CompatibleHdfsFormat(
        getattr(format, "hdfs_writer", usual.pipe_writer), getattr(format, "hdfs_reader", usual.pipe_reader)
    )


# The command's own pipes, for programs that stream without a file on this machine


class HdfsAtomicWriteError(OSError):
    """What was written is in HDFS, and could not be given its name."""


class HdfsReadPipe(formats.InputPipeProcessWrapper):
    """The bytes of a file, or of all files that match a pattern, as ``hadoop fs -cat`` gives them."""

    def __init__(self, path: str) -> None:
        super().__init__([*load_hadoop_cmd(), "fs", "-cat", path])


class HdfsAtomicWritePipe(formats.OutputPipeProcessWrapper):
    """A stream into ``hadoop fs -put``, under a temporary name until it is closed.

    Args:
        path: its name then; a file there is replaced.

    Raises:
        PipeError: by ``close()``, when the command ended badly.
        HdfsAtomicWriteError: by ``close()``, when the file could not be renamed.
    """

    _within = ""  # where under the temporary name the bytes go

    def __init__(self, path: str) -> None:
        self.path = path
        self.tmppath = tmppath(path)
        written = self.tmppath + self._within
        get_autoconfig_client().mkdir(posixpath.dirname(written))
        super().__init__([*load_hadoop_cmd(), "fs", "-put", "-", written])

    def close(self) -> None:
        if self.closed:
            return
        super().close()
        client = get_autoconfig_client()
        try:
            if client.exists(self.path):
                client.remove(self.path)
            client.rename_dont_move(self.tmppath, self.path)
        except FileSystemException as error:
            self._abort_output()
            raise HdfsAtomicWriteError(f"Cannot give {self.tmppath} its name {self.path}: {error}") from error

    def _abort_output(self) -> None:
        with suppress(Exception):  # the command may have left nothing; the error on its way says more
            get_autoconfig_client().remove(self.tmppath, skip_trash=True)


class HdfsAtomicWriteDirPipe(HdfsAtomicWritePipe):
    """The same for a folder with one file in it.

    Args:
        path: the folder; one there is replaced.
        data_extension: how the name of the file ends, after ``data``.
    """

    def __init__(self, path: str, data_extension: str = "") -> None:
        self._within = f"/data{data_extension}"
        super().__init__(path.rstrip("/"))
