"""Targets in memory, for tests and for trying things out, which forked workers share with their parent.

All data is in one anonymous file (``memfd_create``; elsewhere a temporary file without a name). A fork inherits it,
so whoever shares an ancestor sees the same data, and it vanishes with the last process that has it, even one that is
killed. The alternative, a ``multiprocessing.Manager``, costs a process, a thread and some 100 µs for each question,
and what it holds is lost with that process.

The file is a log: each change is a record at its end, and the head says where the last *whole* record ends, so a
writer that is killed in the middle has changed nothing. Every process keeps an index of what it has read, and each
operation starts by reading what others added, under a lock that the system takes back from dead processes.

The file must be there before the fork. Whoever imports this module may make a target later, perhaps only in a child,
so a hook before each fork makes the file, which costs a few microseconds. Processes that were not forked from one
another (``spawn``, another machine) share nothing.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import MutableMapping
from typing import IO, TYPE_CHECKING, Any, ClassVar

from rumbo.errors import TargetError
from rumbo.pipeline import formats
from rumbo.pipeline.filesystem import DestinationExists, FileSystem
from rumbo.pipeline.target import FileSystemTarget, Footprint, answered_by_file_system

if TYPE_CHECKING:
    from collections.abc import Iterator

try:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.lockf(file, fcntl.LOCK_EX)

    def _unlock(file: int) -> None:
        fcntl.lockf(file, fcntl.LOCK_UN)

except ImportError:  # Windows: no fork there either, so nobody to lock out

    def _lock(file: int) -> None:
        pass

    def _unlock(file: int) -> None:
        pass


_HEAD = 16  # generation, and where the last whole record ends; 8 bytes each
_RECORD = 17  # what happened, length of the key, length of the value
_FORGOTTEN, _BYTES, _PICKLED = range(3)
_WORTH_COMPACTING = 1 << 20


class SharedData(MutableMapping[str, Any]):
    """A mapping from paths to contents that a process shares with all it forks."""

    _file = -1

    def __init__(self) -> None:
        self._file = _anonymous_file()
        self._index: dict[str, tuple[int, int, int]] = {}  # key -> kind, offset, length
        self._generation = 0
        self._end = _HEAD
        self._garbage = 0
        self._threads = threading.RLock()
        self._process = os.getpid()
        self._depth = 0
        os.pwrite(self._file, _numbers(0, _HEAD), 0)

    def __getitem__(self, key: str) -> Any:
        with self:
            kind, offset, length = self._index[key]
            content = os.pread(self._file, length, offset)
        if kind == _BYTES:
            return content
        import pickle

        return pickle.loads(content)

    def __setitem__(self, key: str, value: Any) -> None:
        with self:
            self._append(key, value)

    def __delitem__(self, key: str) -> None:
        with self:
            if key not in self._index:
                raise KeyError(key)
            self._append(key, None, forget=True)

    def __contains__(self, key: object) -> bool:
        with self:
            return key in self._index

    def __iter__(self) -> Iterator[str]:
        with self:
            return iter(list(self._index))

    def __len__(self) -> int:
        with self:
            return len(self._index)

    def __repr__(self) -> str:
        return repr(dict(self))

    def clear(self) -> None:
        with self:
            self._start_over()

    def pop(self, key: str, *default: Any) -> Any:
        with self:
            return super().pop(key, *default)

    def copy(self) -> dict[str, Any]:
        """All of it as it is now, as a plain dictionary."""
        with self:
            return dict(self.items())

    def close(self) -> None:
        """Let go of the file. Processes that share it keep it."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def __del__(self) -> None:
        self.close()

    # The lock: this process's threads first, then other processes. It may be taken again by its holder.

    def __enter__(self) -> SharedData:
        if self._process != os.getpid():
            # Forked, perhaps while a thread that exists only in the parent held the lock.
            self._process = os.getpid()
            self._threads = threading.RLock()
            self._depth = 0
        self._threads.acquire()
        try:
            if not self._depth:
                _lock(self._file)
                self._read_news()
            self._depth += 1
        except BaseException:
            self._threads.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        try:
            if not self._depth:
                _unlock(self._file)
        finally:
            self._threads.release()

    # The log

    def _read_news(self) -> None:
        generation, end = _parsed(os.pread(self._file, _HEAD, 0))
        if generation != self._generation:
            self._index.clear()
            self._generation, self._end, self._garbage = generation, _HEAD, 0
        if self._end == end:
            return
        position = self._end
        while position < end:
            head = os.pread(self._file, _RECORD, position)
            key_length, length = _parsed(head[1:])
            key = os.pread(self._file, key_length, position + _RECORD).decode(errors="surrogateescape")
            position += _RECORD + key_length
            self._note(key, head[0], position, length)
            position += length
        self._end = end

    def _note(self, key: str, kind: int, offset: int, length: int) -> None:
        old = self._index.pop(key, None)
        if old is not None:
            self._garbage += old[2]
        if kind != _FORGOTTEN:
            self._index[key] = (kind, offset, length)

    def _append(self, key: str, value: Any, forget: bool = False) -> None:
        kind, content = (_FORGOTTEN, b"") if forget else _as_bytes(value)
        name = key.encode(errors="surrogateescape")
        offset = self._end + _RECORD + len(name)
        _write_all(self._file, bytes([kind]) + _numbers(len(name), len(content)) + name, self._end)
        _write_all(self._file, content, offset)
        self._end = offset + len(content)
        os.pwrite(self._file, _numbers(self._generation, self._end), 0)  # from here on it has happened
        self._note(key, kind, offset, len(content))
        if self._garbage > _WORTH_COMPACTING and self._garbage > self._end // 2:
            self._compact()

    def _compact(self) -> None:
        everything = dict(self.items())
        self._start_over()
        for key, value in everything.items():
            self._append(key, value)

    def _start_over(self) -> None:
        self._generation += 1
        self._end = _HEAD
        self._garbage = 0
        self._index.clear()
        os.pwrite(self._file, _numbers(self._generation, self._end), 0)
        os.ftruncate(self._file, _HEAD)


def _anonymous_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("rumbo-memory")
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _numbers(first: int, second: int) -> bytes:
    return first.to_bytes(8, "little") + second.to_bytes(8, "little")


def _parsed(data: bytes) -> tuple[int, int]:
    return int.from_bytes(data[:8], "little"), int.from_bytes(data[8:16], "little")


def _as_bytes(value: Any) -> tuple[int, bytes]:
    if isinstance(value, bytes):
        return _BYTES, value
    import pickle

    return _PICKLED, pickle.dumps(value)


def _write_all(file: int, data: bytes, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(file, rest, offset)
        rest = rest[written:]
        offset += written


class MemoryFileSystem(FileSystem):
    """All memory targets of this process and of those it shares an ancestor with. Folders are what paths begin with."""

    _data: ClassVar[MutableMapping[str, Any] | None] = None

    def get_all_data(self) -> MutableMapping[str, Any]:
        """path -> content, live."""
        if MemoryFileSystem._data is None:
            MemoryFileSystem._data = SharedData()
        return MemoryFileSystem._data

    def get_data(self, fn: str) -> Any:
        """The content at a path. ``KeyError`` when there is none."""
        return self.get_all_data()[fn]

    def clear(self) -> None:
        """Forget everything."""
        self.get_all_data().clear()

    def exists(self, path: str) -> bool:
        return path in self.get_all_data()

    def exists_many(self, paths: Any) -> set[str]:
        if type(self).exists is not _exists:  # somebody changed what "exists" means
            return super().exists_many(paths)
        return set(paths).intersection(self.get_all_data())

    def isdir(self, path: str) -> bool:
        return bool(self.listdir(path))

    def listdir(self, path: str) -> list[str]:
        """All paths that begin with ``path``."""
        return [name for name in self.get_all_data() if name.startswith(path)]

    def mkdir(self, path: str, parents: bool = True, raise_if_exists: bool = False) -> None:
        """Nothing to do: a folder exists as soon as something is in it."""

    def remove(self, path: str, recursive: bool = True, skip_trash: bool = True) -> None:
        """Forget what is at ``path`` and, with ``recursive``, all under it; then a missing path is no error."""
        data = self.get_all_data()
        if not recursive:
            del data[path]
            return
        folder = path if path.endswith("/") or not path else path + "/"  # "" is everything, as in Luigi
        for name in list(data):
            if name == path or name.startswith(folder):
                data.pop(name, None)

    def copy(self, path: str, dest: str, raise_if_exists: bool = False) -> None:
        data = self.get_all_data()
        if raise_if_exists and dest in data:
            raise DestinationExists(f"Cannot copy {path} to {dest}: something is there already.")
        data[dest] = data[path]

    def move(self, path: str, dest: str, raise_if_exists: bool = False) -> None:
        data = self.get_all_data()
        if raise_if_exists and dest in data:
            raise DestinationExists(f"Cannot move {path} to {dest}: something is there already.")
        data[dest] = data[path]
        data.pop(path, None)

    def rename_dont_move(self, path: str, dest: str) -> None:
        self.move(path, dest, raise_if_exists=True)


_exists = MemoryFileSystem.exists


class MemoryTarget(FileSystemTarget):
    """A target in memory.

    Args:
        fn: its path: any text.
        is_tmp: without meaning; taken so that the call looks like the one for a local target.
        mirror_on_stderr: also print each written line, after the path.
        format: how its bytes are read and written; text by default.
    """

    fs = MemoryFileSystem()

    def __init__(
        self,
        fn: str | os.PathLike[str],
        is_tmp: bool | None = None,
        mirror_on_stderr: bool = False,
        format: formats.Format | None = None,
    ) -> None:
        super().__init__(fn)
        self._mirror_on_stderr = mirror_on_stderr
        self.format = format or formats.get_default_format()

    @answered_by_file_system
    def exists(self) -> bool:
        """Whether there is something at this very path, whatever the file system says of patterns and folders."""
        return self.path in self.fs.get_all_data()

    def open(self, mode: str = "r") -> IO[Any]:
        if not isinstance(mode, str):
            raise TypeError(f"{self.path} cannot be opened with mode {mode!r}: mode must be 'r' or 'w'.")
        kind = mode.replace("b", "").replace("t", "")
        stream: IO[Any]
        if kind == "w":
            stream = self.format.pipe_writer(_Unfinished(self))
        elif kind == "r":
            try:
                content = self.fs.get_data(self.path)
            except KeyError:
                raise MissingMemoryTarget(f"There is no memory target {self.path!r}.") from None
            stream = self.format.pipe_reader(io.BytesIO(content))
        else:
            raise TargetError(f"{self.path} cannot be opened with mode {mode!r}: mode must be 'r' or 'w'.")
        return stream

    def footprint(self) -> Footprint:
        """The path, with a scheme that tells it from one on a disk."""
        return Footprint(self.path if "://" in self.path else f"memory://{self.path}")

    def move(self, path: str, raise_if_exists: bool = False) -> None:
        """Move the content; this object keeps its path."""
        self.fs.move(self.path, path, raise_if_exists)

    def rename(self, *args: Any, **kwargs: Any) -> None:
        """The same as ``move``."""
        self.move(*args, **kwargs)

    def copy(self, path: str, raise_if_exists: bool = False) -> None:
        """Copy the content."""
        self.fs.copy(self.path, path, raise_if_exists)


class MissingMemoryTarget(FileNotFoundError, KeyError):
    """There is nothing at the path of a memory target. To Luigi's programs that is a missing key."""


class _Unfinished(io.BytesIO):
    """What is being written to a memory target; it gets there when it is closed."""

    def __init__(self, target: MemoryTarget) -> None:
        super().__init__()
        self._target = target
        self._is_at_line_start = True

    def write(self, data: Any, /) -> int:
        if self._target._mirror_on_stderr:
            self._mirror(bytes(data))
        return super().write(data)

    def _mirror(self, data: bytes) -> None:
        for line in data.decode("utf8", "replace").splitlines(keepends=True):
            if self._is_at_line_start:
                sys.stderr.write(f"{self._target.path}: ")
            sys.stderr.write(line)
            self._is_at_line_start = line.endswith("\n")

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        if not self.closed:
            self._target.fs.get_all_data()[self._target.path] = self.getvalue()
            super().close()

    def abort(self) -> None:
        """Forget what was written."""
        super().close()

    def __exit__(self, exc_type: Any, exc: Any, traceback: Any) -> None:
        if exc_type is None:
            self.close()
        else:
            self.abort()

    def __del__(self) -> None:
        self.abort()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=MemoryFileSystem().get_all_data)
