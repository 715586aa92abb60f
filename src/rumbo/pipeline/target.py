"""Where an output lives, and how one asks whether it is there."""

from __future__ import annotations

import io
import os
import warnings
from abc import ABCMeta, abstractmethod
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

from rumbo.pipeline.filesystem import (
    FileAlreadyExists,
    FileSystem,
    FileSystemException,
    MissingParentDirectory,
    NotADirectory,
    has_wildcard,
    temporary_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self

    from rumbo.pipeline.formats import Format

__all__ = [
    "AtomicLocalFile",
    "FileAlreadyExists",
    "FileSystem",
    "FileSystemException",
    "FileSystemTarget",
    "Footprint",
    "MissingParentDirectory",
    "NotADirectory",
    "Target",
    "answered_by_file_system",
    "exist",
    "is_asked_of_file_system",
]

Method = TypeVar("Method", bound="Callable[..., bool]")

_answered_by_file_system: set[object] = set()


class Footprint(NamedTuple):
    """What a target tells of itself for the record, without asking any other machine."""

    address: str
    """Where it is: an absolute path on this machine, a URL, or whatever else tells it from other targets."""
    size: int | None = None
    """Bytes; None for what has no size, or does not say it for nothing."""
    modified: float | None = None
    """When it was written, in seconds since the epoch."""


class TargetType(ABCMeta):
    """The class of target classes: ``Target(address)`` makes a target of the class that the address calls for."""

    if not TYPE_CHECKING:  # Target.__new__ says it to type checkers

        def __call__(cls, *args, **kwargs):
            if cls is not Target or not (args or kwargs):  # alone it is abstract, as ever
                return super().__call__(*args, **kwargs)
            from rumbo.pipeline.addresses import target_at

            return target_at(*args, **kwargs)


class Target(metaclass=TargetType):
    """What a task makes. A task is complete when all its targets exist.

    ``Target("s3://bucket/key")`` is the target at an address: see ``rumbo.pipeline.addresses.target_at``.
    """

    if TYPE_CHECKING:

        @overload
        def __new__(cls) -> Self: ...
        @overload
        def __new__(
            cls, address: str | os.PathLike[str], format: Format | None = None, **options: Any
        ) -> FileSystemTarget: ...
        def __new__(cls, *args: Any, **kwargs: Any) -> Any: ...

        def exists(self) -> bool: ...

    else:

        @abstractmethod
        def exists(self):
            """Whether the target is there, whole."""

    def modified(self) -> float | None:
        """When it was made, in seconds since the epoch; None when it is not there or cannot tell."""
        return None

    def footprint(self) -> Footprint:
        """Where it is, and how large and how old as far as that costs next to nothing.

        Kept with every attempt that made it, so it must be quick. Passwords in it are masked by whoever keeps it.
        """
        return Footprint(_name_of(self))


def answered_by_file_system(method: Method) -> Method:
    """Mark an ``exists`` as no more than ``self.fs.exists(self.existence_path)``, so that many can be asked at once."""
    _answered_by_file_system.add(method)
    return method


class FileSystemTarget(Target):
    """A target at a path in a file system. Subclasses give ``fs`` and ``open``."""

    path: str

    def __init__(self, path: str | os.PathLike[str]) -> None:
        # str() and not os.fspath(): Luigi's users pass any object that prints as its path.
        self.path = str(path)

    def __str__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"{type(self).__name__}({getattr(self, 'path', '')!r})"

    @property
    @abstractmethod
    def fs(self) -> FileSystem:
        """The file system that ``path`` belongs to."""

    @abstractmethod
    def open(self, mode: str) -> IO[Any]:
        """Open to read (``"r"``) or to write anew (``"w"``). What is written appears, whole, when it is closed.

        Whether text or bytes go through is decided by the target's format and not by the mode.
        """

    @property
    def existence_path(self) -> str:
        """The path that must exist for the target to exist: its own, unless a flag file stands for it."""
        return self.path

    @answered_by_file_system
    def exists(self) -> bool:
        """Whether there is something at the path."""
        path = self.existence_path
        if has_wildcard(path):
            _warn_of_wildcard(path)
        return self.fs.exists(path)

    def footprint(self) -> Footprint:
        """Its path, if that says as a URL where it is; else its class and its path."""
        path = self.path
        return Footprint(path if "://" in path else f"{type(self).__name__}({path!r})")

    def read_text(self) -> str:
        """The whole content. For a target whose format gives text."""
        with self.open("r") as source:
            text: str = source.read()
        return text

    def write_text(self, text: str) -> None:
        """Let ``text`` be the whole content, in one step. For a target whose format takes text."""
        with self.open("w") as out:
            out.write(text)

    def load(self, library: str | None = None, **options: Any) -> Any:
        """The data frame in the file: CSV, JSON Lines, Parquet or Feather by its suffix.

        Args:
            library: ``"pandas"``, ``"polars"`` or ``"pyarrow"``; by default the first of them that is installed.
            options: what the library's own reader takes.
        """
        from rumbo.pipeline.frames import load

        return load(self, library, **options)

    def dump(self, frame: Any, **options: Any) -> None:
        """Let a data frame be the whole content, in one step: CSV, JSON Lines, Parquet or Feather by the suffix.

        Args:
            frame: of pandas or polars, or a table of pyarrow.
            options: what the library's own writer takes.
        """
        from rumbo.pipeline.frames import dump

        dump(self, frame, **options)

    def remove(self) -> None:
        """Remove what is at the path."""
        self.fs.remove(self.path)

    @contextmanager
    def temporary_path(self) -> Iterator[str]:
        """A path to write to, for programs that want a name and not an open file.

        The folder above is made. At the end of the block the path is renamed to the target's own; after an
        exception it stays where it is, to be looked at.

        Raises:
            FileAlreadyExists: at the end, when the target has come to exist.
        """
        path = temporary_name(self.path)
        folder = os.path.dirname(self.path.rstrip("/\\"))
        if folder:
            self.fs.mkdir(folder, parents=True, raise_if_exists=False)
        yield path
        self.seal(path)
        self.fs.rename_dont_move(path, self.path)

    def seal(self, path: str) -> None:
        """Called with a temporary path just before it becomes the target: the last moment to add to it."""

    def _touchz(self) -> None:
        with self.open("w"):
            pass

    def _trailing_slash(self) -> str:
        return self.path[-1] if self.path[-1] in "/\\" else ""


def is_asked_of_file_system(target: Target) -> bool:
    """Whether a target's ``exists`` is just a question to its file system, so that many can be asked at once."""
    return (
        isinstance(target, FileSystemTarget)
        and type(target).exists in _answered_by_file_system
        and "exists" not in target.__dict__
    )


def exist(targets: Iterable[Target]) -> list[bool]:
    """Whether each target exists, asked in as few questions as their file systems allow.

    A target whose class (or which itself) has an ``exists`` of its own is asked by itself. The first error of any
    is raised: ask them one by one to learn whose it was.
    """
    targets = list(targets)
    answers = [False] * len(targets)
    groups: dict[int, tuple[FileSystem, list[tuple[int, str]]]] = {}
    for index, target in enumerate(targets):
        if isinstance(target, FileSystemTarget) and is_asked_of_file_system(target):
            path = target.existence_path
            if has_wildcard(path):
                _warn_of_wildcard(path)
            fs = target.fs
            groups.setdefault(id(fs), (fs, []))[1].append((index, path))
        else:
            answers[index] = target.exists()
    for fs, members in groups.values():
        found = fs.exists_many([path for _, path in members])
        for index, path in members:
            answers[index] = path in found
    return answers


def footprint_of(target: object) -> Footprint:
    """The footprint of anything that a task has for a target: also of what is none of ours and knows no such word."""
    told = getattr(type(target), "footprint", None)  # and no isinstance(), which is slow for abstract classes
    if told is not None:
        footprint: Footprint = told(target)
        return footprint
    path = getattr(target, "path", None)
    return Footprint(_name_of(target) if path is None else f"{type(target).__name__}({str(path)!r})")


def _name_of(target: object) -> str:
    """What a target is called by itself, if it has a word for that, else by its class."""
    cls = type(target)
    if cls.__repr__ is not object.__repr__:
        return repr(target)
    return str(target) if cls.__str__ is not object.__str__ else cls.__name__


def _warn_of_wildcard(path: str) -> None:
    import logging

    logging.getLogger("luigi-interface").warning(
        "The path %s has wildcards: it exists as soon as one file matches, perhaps before all are there. "
        "Give the target an exists() of its own to say when it is whole.",
        path,
    )


class AtomicLocalFile(io.BufferedWriter):
    """A local file that reaches its destination when it is closed, and not at all after an exception.

    Subclasses say what reaching the destination means: a rename, an upload.

    Attributes:
        path: the destination, as the subclass understands it.
        tmp_path: the file that is being written.
    """

    #: Whether ``move_to_final_destination`` takes the file away, so that nothing remains to be cleaned up.
    moves_file = False

    _finished = True  # until the file is open

    def __init__(self, path: str) -> None:
        self.path = path
        self.__tmp_path = self.generate_tmp_path(path)
        super().__init__(io.FileIO(self.__tmp_path, "w"))
        self._owner = os.getpid()
        self._finished = False

    @property
    def tmp_path(self) -> str:
        return self.__tmp_path

    def generate_tmp_path(self, path: str) -> str:
        """Where to write until the end."""
        import tempfile

        return temporary_name(os.path.join(tempfile.gettempdir(), "rumbo"))

    def move_to_final_destination(self) -> None:
        """Bring ``tmp_path`` to ``path``."""
        raise NotImplementedError

    def close(self) -> None:
        """Bring the file to its destination. If that fails, or the last bytes cannot be written, nothing remains."""
        if self._finished:
            return
        try:
            super().close()
            self.move_to_final_destination()
        except BaseException:
            self.abort()
            raise
        self._finished = True
        if not self.moves_file:
            self._remove_temporary()

    def abort(self) -> None:
        """Forget what was written."""
        if self._finished:
            return
        self._finished = True
        self.raw.close()
        self._remove_temporary()

    def _remove_temporary(self) -> None:
        # A forked child has a copy of this object, but the file is its parent's.
        if self._owner != os.getpid():
            return
        try:
            os.remove(self.__tmp_path)
        except FileNotFoundError:
            pass

    def __exit__(self, exc_type: object, exc: object, traceback: object) -> None:
        if exc_type is None:
            self.close()
        else:
            self.abort()

    def __del__(self) -> None:
        if not self._finished:
            warnings.warn(
                f"{self.path} was opened to be written and never closed: nothing was published.",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )
            self.abort()
