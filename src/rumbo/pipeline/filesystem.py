"""What a file system can do for the targets that live in it.

Only ``exists`` and ``remove`` must be there; a store offers what it can of the rest. Two methods answer for many
paths at once, ``exists_many`` and ``glob``: a store that can list cheaply should override both.
"""

from __future__ import annotations

import os
import warnings
from abc import ABCMeta, abstractmethod
from typing import TYPE_CHECKING, Any

from rumbo.errors import TargetError

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

#: Every name that is not yet an output has this in it. It is Luigi's, so that tools made for Luigi know it too.
TEMPORARY_MARK = "-luigi-tmp-"

#: What makes a path a pattern.
WILDCARDS = "*?[{"

_LONGEST_NAME = 255  # bytes, on every file system in wide use


class FileSystemException(TargetError):
    """A file system refused an operation."""


class FileAlreadyExists(FileSystemException):
    """There is something at the destination, and it must not be replaced."""


class DestinationExists(FileAlreadyExists, RuntimeError):
    """The destination of a copy is taken. Also a ``RuntimeError``, which is what Luigi raises for copies."""


class MissingParentDirectory(FileSystemException):
    """The folder that should hold the new folder does not exist."""


class NotADirectory(FileSystemException):
    """A folder was expected, and a file is there."""


class FileSystem(metaclass=ABCMeta):
    """Operations on paths. Those that a store cannot do raise ``NotImplementedError``."""

    #: Whether ``exists_many`` costs far less than as many times ``exists``.
    answers_in_bulk = False

    @abstractmethod
    def exists(self, path: str) -> bool:
        """Whether there is a file or a folder at ``path``."""

    @abstractmethod
    def remove(self, path: str, recursive: bool = True, skip_trash: bool = True) -> None:
        """Remove the file at ``path``, or the folder with all it holds if ``recursive``."""

    def mkdir(self, path: str, parents: bool = True, raise_if_exists: bool = False) -> None:
        """Make the folder ``path``.

        Raises:
            MissingParentDirectory: with ``parents=False``, when the folder above is missing.
            FileAlreadyExists: with ``raise_if_exists=True``, when anything is there.
            NotADirectory: when a file is there.
        """
        raise self._cannot("mkdir")

    def isdir(self, path: str) -> bool:
        """Whether ``path`` is a folder."""
        raise self._cannot("isdir")

    def listdir(self, path: str) -> Iterable[str]:
        """The paths of all files under ``path``, at any depth."""
        raise self._cannot("listdir")

    def move(self, path: str, dest: str) -> None:
        """Move a file; one at ``dest`` is replaced."""
        raise self._cannot("move")

    def rename_dont_move(self, path: str, dest: str) -> None:
        """Give ``path`` the name ``dest``, never putting it *into* a folder ``dest``.

        This default looks first and moves then; a store that can do both in one step should override it.

        Raises:
            FileAlreadyExists: when there is something at ``dest``.
        """
        warnings.warn(
            f"{type(self).__name__} cannot rename in one step: another writer may come in between.",
            stacklevel=2,
        )
        if self.exists(dest):
            raise FileAlreadyExists(f"Cannot rename {path} to {dest}: something is there already.")
        self.move(path, dest)

    def rename(self, *args: Any, **kwargs: Any) -> None:
        """The same as ``move``."""
        self.move(*args, **kwargs)

    def copy(self, path: str, dest: str) -> None:
        """Copy a file."""
        raise self._cannot("copy")

    def exists_many(self, paths: Iterable[str]) -> set[str]:
        """Those of ``paths`` that exist. This default asks for one after the other."""
        return {path for path in paths if self.exists(path)}

    def glob(self, pattern: str) -> list[str]:
        """The sorted paths of files that match ``pattern``: ``*``, ``?``, ``[...]`` within a folder, ``**/`` across.

        Unfinished writes never match, nor do names with a leading dot unless the pattern has one. This default
        lists everything under the pattern's fixed beginning.
        """
        if not has_wildcard(pattern):
            return [pattern] if self.exists(pattern) else []
        matches = glob_expression(pattern).fullmatch
        return sorted(
            path for path in self.listdir(fixed_beginning(pattern)) if matches(path) and not is_temporary(path)
        )

    def _cannot(self, operation: str) -> NotImplementedError:
        return NotImplementedError(f"{type(self).__name__} has no {operation}().")


def temporary_name(path: str) -> str:
    """A fresh name beside ``path``, for what is not finished yet. A closing slash is kept."""
    bare = path.rstrip("/\\")
    slash = path[-1] if bare != path else ""
    if len(bare) > 64:
        bare = _with_room_for_the_mark(bare)
    # os.urandom and not the random module: it costs a microsecond, no import, and forked children differ.
    number = int.from_bytes(os.urandom(6), "little") % 10_000_000_000
    return f"{bare}{TEMPORARY_MARK}{number:010d}{slash}"


def _with_room_for_the_mark(path: str) -> str:
    folder, name = os.path.split(path)
    room = _LONGEST_NAME - len(TEMPORARY_MARK) - 10
    if len(name.encode(errors="surrogateescape")) <= room:
        return path
    return os.path.join(folder, name.encode(errors="surrogateescape")[:room].decode(errors="ignore"))


def is_temporary(path: str) -> bool:
    """Whether ``path``, or a folder on the way to it, is an unfinished write."""
    return TEMPORARY_MARK in path


def has_wildcard(path: str) -> bool:
    """Whether ``path`` looks like a pattern."""
    return "*" in path or "?" in path or "[" in path or "{" in path


def fixed_beginning(pattern: str) -> str:
    """The folder that holds everything ``pattern`` can match, with its closing slash; empty for all."""
    first = min(position for mark in WILDCARDS if (position := pattern.find(mark)) >= 0)
    return pattern[: pattern.rfind("/", 0, first) + 1]


def glob_expression(pattern: str) -> re.Pattern[str]:
    """``pattern`` as a regular expression for whole paths."""
    import re

    parts = []
    position = 0
    while position < len(pattern):
        starts_name = position == 0 or pattern[position - 1] == "/"
        visible = r"(?!\.)" if starts_name else ""
        if starts_name and pattern.startswith("**/", position):
            parts.append(r"(?:(?!\.)[^/]+/)*")
            position += 3
            continue
        character = pattern[position]
        end = pattern.find("]", position + 2) if character == "[" else -1
        if character == "*":
            parts.append(visible + "[^/]*")
        elif character == "?":
            parts.append(visible + "[^/]")
        elif end > 0:
            parts.append(visible + _character_set(pattern[position + 1 : end]))
            position = end
        else:
            parts.append(re.escape(character))
        position += 1
    return re.compile("".join(parts), re.DOTALL)


def _character_set(members: str) -> str:
    negated = "^" if members[0] in "!^" else ""
    members = members[1:] if negated else members
    members = members.replace("\\", r"\\").replace("[", r"\[")
    return f"(?!/)[{negated}{members}]"
