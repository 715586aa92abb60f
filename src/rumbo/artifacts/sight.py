"""Whether what a task made is still there as it was, as far as this machine can see; and files opened without trust.

Addresses come from workers, so a server believes none of them: it looks only below folders that it was told, never at
what is hidden there or at files that programs are set up by, and it follows no link out of them.
"""

from __future__ import annotations

import os
import stat
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.history import Artifact

_SAME_TIME = 0.002
"""Seconds. Times are written down to the millisecond."""
_KEPT_TO_ITSELF = (".cfg", ".conf", ".ini", ".key", ".pem", ".toml")
"""Endings of files that set up programs, or prove who somebody is."""


class Fate(StrEnum):
    """What has become of something."""

    THERE = "there"
    """It is as it was written."""
    CHANGED = "changed"
    """Something else is there now: another size, or a later time."""
    GONE = "gone"
    """It is not there any more."""
    UNKNOWN = "unknown"
    """Nobody looked: it is on another machine, or where one may not look."""


class Sight(NamedTuple):
    """What is seen now. Size in bytes and time in seconds since the epoch, if there is such a file."""

    fate: Fate
    size: int | None = None
    modified: float | None = None


NOT_SEEN = Sight(Fate.UNKNOWN)


class OutOfSight(Exception):
    """A file must not be looked at here, or cannot be; the message says why, in half a sentence."""


def look(artifact: Artifact, is_near: bool = True) -> Sight:
    """Look at something on this machine's disks.

    Args:
        is_near: it was made on this machine. If not, the same path can mean another file, so only what looks exactly as
            it was written is taken for it.
    """
    address = artifact.address
    if address[:1] != "/" or "***" in address:
        return NOT_SEEN
    try:
        found = os.stat(address)
    except (FileNotFoundError, NotADirectoryError):
        return Sight(Fate.GONE) if is_near else NOT_SEEN
    except (OSError, ValueError):
        return NOT_SEEN
    if not stat.S_ISREG(found.st_mode):
        is_same = artifact.size is None and is_near
        return Sight(Fate.THERE) if is_same else Sight(Fate.CHANGED) if is_near else NOT_SEEN
    is_same = artifact.size in (None, found.st_size) and _is_same_time(artifact.modified, found.st_mtime)
    if not is_near and (artifact.size is None or not is_same):
        return NOT_SEEN
    return Sight(Fate.THERE if is_same else Fate.CHANGED, found.st_size, found.st_mtime)


def _is_same_time(written: float | None, found: float) -> bool:
    return written is None or abs(written - found) < _SAME_TIME


class Folders:
    """The folders below which may be looked, with all that they hold.

    Args:
        folders: their paths; none: nowhere.
    """

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = [os.path.realpath(folder) for folder in folders]

    def look(self, artifact: Artifact, is_near: bool = True) -> Sight:
        """Look at something, if it lies below one of the folders; as the function `look` does."""
        try:
            self._place_of(artifact.address)
        except OutOfSight:
            return NOT_SEEN
        return look(artifact, is_near)

    def open(self, address: str) -> int:
        """A descriptor to read a plain file by.

        Raises:
            OutOfSight: it is no such file, or lies elsewhere.
        """
        root, parts = self._place_of(address)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        here = -1
        try:
            # From folder to folder, so that nobody can put a link in the way between a look and a step.
            here = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            for number, name in enumerate(parts, 1):
                there = os.open(name, flags | (os.O_DIRECTORY if number < len(parts) else 0), dir_fd=here)
                os.close(here)
                here = there
            if not stat.S_ISREG(os.fstat(here).st_mode):
                raise OutOfSight("it is no plain file")
        except OSError as error:
            self._close(here)
            raise OutOfSight("it is not there" if isinstance(error, FileNotFoundError) else _why(error)) from error
        except OutOfSight:
            self._close(here)
            raise
        return here

    def _close(self, descriptor: int) -> None:
        if descriptor >= 0:
            os.close(descriptor)

    def _place_of(self, address: str) -> tuple[str, list[str]]:
        """The folder that an address lies below, once all links are followed, and the names on the way from there."""
        if address[:1] != "/" or "\0" in address:
            raise OutOfSight("it is not on a disk of this machine")
        path = os.path.realpath(address)
        for root in self._folders:
            if os.path.commonpath((root, path)) == root and path != root:
                parts = os.path.relpath(path, root).split(os.sep)
                if any(part.startswith(".") for part in parts):
                    raise OutOfSight("it is hidden")
                if parts[-1].lower().endswith(_KEPT_TO_ITSELF):
                    raise OutOfSight("files of settings are not shown")
                return root, parts
        raise OutOfSight("it lies outside of the folders that are shown")


def _why(error: OSError) -> str:
    return f"it cannot be read ({error.strerror or error})"
