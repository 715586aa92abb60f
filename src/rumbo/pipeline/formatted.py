"""Targets whose bytes go through a format, wherever the bytes are kept."""

from __future__ import annotations

from abc import abstractmethod
from typing import IO, TYPE_CHECKING, Any, Protocol

from rumbo.errors import TargetError
from rumbo.pipeline import formats
from rumbo.pipeline.filesystem import DestinationExists
from rumbo.pipeline.target import FileSystemTarget

if TYPE_CHECKING:
    import os


class Unfinished(Protocol):
    """A stream of bytes that is published by ``close()``; after ``abort()`` it has never been."""

    def write(self, data: Any, /) -> int: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


class FormattedTarget(FileSystemTarget):
    """The base of targets in stores: a subclass says how bytes come in and go out.

    Args:
        path: where it is.
        format: how its bytes are read and written; text by default.
    """

    def __init__(self, path: str | os.PathLike[str], format: formats.Format | None = None) -> None:
        super().__init__(path)
        if format is not None and not hasattr(format, "pipe_writer"):
            raise TargetError(
                f"The format of {type(self).__name__}({self.path!r}) is {format!r}. "
                "It must be a format like rumbo.formats.Gzip."
            )
        self.format = format or formats.get_default_format()

    @abstractmethod
    def bytes_to_read(self) -> Any:
        """A stream of the stored bytes.

        Raises:
            FileNotFoundError: when there is nothing.
        """

    @abstractmethod
    def bytes_to_write(self) -> Unfinished:
        """A stream for new bytes, which take the place of the old ones when it is closed."""

    def open(self, mode: str = "r") -> IO[Any]:
        """Open to read (``"r"``) or to write anew (``"w"``). What is written appears, whole, when it is closed.

        Raises:
            TargetError: for any other mode. One cannot append: the content would be seen while it grows.
            FileNotFoundError: there is nothing to read.
        """
        kind = mode.replace("b", "").replace("t", "")
        if kind not in ("r", "w"):
            raise TargetError(f"{self.path} cannot be opened with mode {mode!r}: mode must be 'r' or 'w'.")
        stream: IO[Any] = self._opened_to_write() if kind == "w" else self._opened_to_read()
        return stream

    def _opened_to_read(self) -> Any:
        source = self.bytes_to_read()
        try:
            return self.format.pipe_reader(source)
        except BaseException:
            source.close()
            raise

    def _opened_to_write(self) -> Any:
        out = self.bytes_to_write()
        try:
            return self.format.pipe_writer(out)
        except BaseException:
            out.abort()
            raise

    def move(self, path: str, raise_if_exists: bool = False) -> None:
        """Move the content; this object keeps its path."""
        self._refuse_to_replace("move", path, raise_if_exists)
        self.fs.move(self.path, path)

    def copy(self, path: str, raise_if_exists: bool = False) -> None:
        """Copy the content."""
        self._refuse_to_replace("copy", path, raise_if_exists)
        self.fs.copy(self.path, path)

    def _refuse_to_replace(self, operation: str, path: str, raise_if_exists: bool) -> None:
        if raise_if_exists and self.fs.exists(path):
            raise DestinationExists(f"Cannot {operation} {self.path} to {path}: something is there already.")
