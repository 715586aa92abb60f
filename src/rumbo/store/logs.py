"""What attempts print, in files: `logs/<run>/<task>.<attempt>.log` in the folder of the history.

While attempts run, each process that runs them writes into a spool of its own, which becomes the log of an attempt by
a rename when the attempt is over and has printed anything. An attempt that is silent costs one fstat and leaves no
file; one that runs can be followed, because a file that is renamed stays the file that it is. Attempts that share a
process with others have a file each, a page, which becomes the log in the same way.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import threading
from typing import TYPE_CHECKING

from rumbo.store.place import make_folder
from rumbo.store.telling import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


LOGS = "logs"
_LOG = ".log"
_SPOOL = ".spool"
_NOW = ".now"
_PAGE = ".page"
_NOW_SIZE = 512
_LONGEST_NAME = 180
"""Bytes of a task's id in a file name; file systems allow 255 for all of it."""

_unsafe = re.compile(r"[^A-Za-z0-9_.,=@+-]")
_is_safe = re.compile(rf"[A-Za-z0-9_,=@+-][A-Za-z0-9_.,=@+-]{{0,{_LONGEST_NAME - 1}}}").fullmatch


class LogFolder:
    """The folder of one run's logs. Made when the first spool is opened.

    Trouble (a folder that cannot be written, a full disk) is told once; the output then goes where it went before.
    """

    def __init__(self, folder: str, run_id: str) -> None:
        self.path = log_folder(folder, run_id)
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why there are no logs, or not all; None if nothing went wrong."""
        return self._trouble

    def open_spool(self, slot: str) -> Spool | None:
        """A spool for one process, known by its ``slot``. None, and `trouble` says why, if there can be none."""
        try:
            make_folder(os.path.dirname(os.path.dirname(self.path)))
            os.makedirs(self.path, exist_ok=True)
            return Spool(self, slot)
        except OSError as error:
            self.report(error)
            return None

    def open_page(self, task_id: str, attempt: int) -> Page:
        """A page for one attempt, or a stretch of it, that shares its process with others."""
        return Page(self, task_id, attempt)

    def log_path(self, task_id: str, attempt: int) -> str:
        """Where the output of an attempt lies once it is over."""
        return os.path.join(self.path, log_name(task_id, attempt))

    def find(self, task_id: str, attempt: int) -> str | None:
        """The file with the output of an attempt that is over or under way; None if there is none."""
        path = self.log_path(task_id, attempt)
        if os.path.exists(path):
            return path
        page = page_path(path)
        if os.path.exists(page):
            return page
        name = log_name(task_id, attempt)
        with contextlib.suppress(OSError):
            for entry in os.scandir(self.path):
                if entry.name.endswith(_NOW) and _read_now(entry.path) == name:
                    return entry.path.removesuffix(_NOW) + _SPOOL
        return path if os.path.exists(path) else None

    def salvage(self, slot: str) -> tuple[str, str] | None:
        """Take over the spool of a process that died: the name that its attempt began with, and where the log is.

        None if it was between two attempts, or shared by several, or had not printed anything.
        """
        spool, now = (os.path.join(self.path, safe_name(slot) + ending) for ending in (_SPOOL, _NOW))
        try:
            name = _read_now(now)
            os.unlink(now)
            if not os.path.getsize(spool):
                os.unlink(spool)
                return None
            if not name:
                return None  # what belongs to no attempt: `close` sees to it
            path = os.path.join(self.path, name)
            _move(spool, path)
        except OSError:
            return None
        return name, path

    def salvage_page(self, task_id: str, attempt: int) -> str | None:
        """Take over the page of an attempt whose process died; None if it has none."""
        path = self.log_path(task_id, attempt)
        try:
            _move(page_path(path), path)
        except OSError:
            return None
        return path

    def under_way(self) -> list[tuple[str, str]]:
        """The attempts under way: the name of each one's log to be, and the spool or page that it prints to."""
        found = []
        with contextlib.suppress(OSError):
            for entry in os.scandir(self.path):
                if entry.name.endswith(_PAGE):
                    found.append((entry.name.removesuffix(_PAGE) + _LOG, entry.path))
                elif entry.name.endswith(_NOW):
                    with contextlib.suppress(OSError):
                        name = _read_now(entry.path)
                        if name:
                            found.append((name, entry.path.removesuffix(_NOW) + _SPOOL))
        return found

    def close(self) -> list[str]:
        """All processes are done: tidy up; gives files with output that belongs to no single attempt.

        That is what came from C libraries and other programs where attempts share a process, and what was printed
        between two attempts.
        """
        shared = []
        with contextlib.suppress(OSError):
            for entry in sorted(os.scandir(self.path), key=lambda entry: entry.name):
                if entry.name.endswith(_PAGE):
                    _move(entry.path, entry.path.removesuffix(_PAGE) + _LOG)
                elif entry.name.endswith(_NOW) or (entry.name.endswith(_SPOOL) and not entry.stat().st_size):
                    os.unlink(entry.path)
                elif entry.name.endswith(_SPOOL):
                    shared.append(entry.path.removesuffix(_SPOOL) + _LOG)
                    os.replace(entry.path, shared[-1])
            os.rmdir(self.path)
        return shared

    def report(self, error: OSError) -> None:
        """Tell of trouble, once."""
        if self._trouble is None:
            self._trouble = f"logs are incomplete: {error.filename or self.path}: {error.strerror or error}."
            logger().warning("%s The tasks themselves are not affected.", self._trouble)


class Spool:
    """The file that one process writes its output to. Made by `LogFolder.open_spool`; used by that process alone."""

    def __init__(self, folder: LogFolder, slot: str) -> None:
        self._folder = folder
        self._path = os.path.join(folder.path, safe_name(slot) + _SPOOL)
        self._pointed: tuple[int, ...] = ()
        self._file = self._open()
        try:
            self._now = _open_now(self._path.removesuffix(_SPOOL) + _NOW)
        except OSError:
            os.close(self._file)
            raise

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def fileno(self) -> int:
        """The descriptor of the spool as it is now; `harvest` does not change the number."""
        return self._file

    def redirect(self, *descriptors: int) -> None:
        """Let these descriptors (1 and 2, usually) write to the spool, now and after each harvest."""
        self._pointed = descriptors
        for descriptor in descriptors:
            os.dup2(self._file, descriptor)

    def begin(self, task_id: str, attempt: int) -> None:
        """Say whose output comes next, so that it can be followed. Costs no call of the system."""
        name = log_name(task_id, attempt).encode()
        self._now[: len(name) + 1] = name + b"\0"

    def harvest(self, task_id: str, attempt: int) -> str | None:
        """The attempt is over: where its output lies now; None if there was none.

        Flush Python's own buffers first. When an attempt goes on (after a pause), more is added to its file.
        """
        self._now[0] = 0
        # Its position would be cheaper to ask for, but a shell's `echo > /dev/stderr` does not move it.
        if not os.fstat(self._file).st_size:
            return None
        path = self._folder.log_path(task_id, attempt)
        try:
            _move(self._path, path)
            fresh = self._open()
        except OSError as error:
            self._folder.report(error)
            return None
        os.dup2(fresh, self._file, inheritable=False)
        os.close(fresh)
        for descriptor in self._pointed:
            os.dup2(self._file, descriptor)
        return path

    def close(self) -> None:
        """Let go. Descriptors that were redirected keep their file; give them another first."""
        self._now.close()
        with contextlib.suppress(OSError):
            os.unlink(self._path.removesuffix(_SPOOL) + _NOW)
        with contextlib.suppress(OSError):
            if not os.fstat(self._file).st_size:
                os.unlink(self._path)
        os.close(self._file)


class Page:
    """The file that one attempt writes its output to. Made with the first word, so silence costs nothing."""

    def __init__(self, folder: LogFolder, task_id: str, attempt: int) -> None:
        self._folder = folder
        self._path = folder.log_path(task_id, attempt)
        self._file: int | None = None
        self._is_over = False
        self._lock = threading.Lock()

    def write(self, data: bytes) -> bool:
        """Add to the file; False if that is not possible, or comes after the attempt's end."""
        with self._lock:
            if self._is_over or self._folder.trouble is not None:
                return False
            try:
                if self._file is None:
                    self._file = self._open()
                os.write(self._file, data)
            except OSError as error:
                self._folder.report(error)
                return False
        return True

    def _open(self) -> int:
        os.makedirs(self._folder.path, exist_ok=True)
        return os.open(page_path(self._path), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def harvest(self) -> str | None:
        """The attempt is over: where its output lies now; None if there was none."""
        with self._lock:
            self._is_over = True
            if self._file is None:
                return None
            os.close(self._file)
            try:
                _move(page_path(self._path), self._path)
            except OSError as error:
                self._folder.report(error)
                return None
        return self._path


def log_folder(folder: str, run_id: str) -> str:
    """Where the logs of a run lie."""
    return os.path.join(os.path.abspath(folder), LOGS, safe_name(run_id))


def log_name(task_id: str, attempt: int) -> str:
    """The name of the file for an attempt's output: readable, safe for file systems, different for different tasks."""
    return f"{safe_name(task_id)}.{attempt}{_LOG}"


def page_path(path: str) -> str:
    """Where the output for the log at ``path`` is gathered while an attempt runs that shares its process."""
    return path.removesuffix(_LOG) + _PAGE


def safe_name(name: str) -> str:
    """A name that every file system takes; the same for the same name, and another for another."""
    if _is_safe(name):
        return name
    import hashlib

    cut = _unsafe.sub("_", name)[:_LONGEST_NAME]
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return f"{'_' + cut[1:] if cut.startswith('.') else cut}~{digest}"


def _move(spool: str, path: str) -> None:
    """Make a spool the log at ``path``, or add it to the log that is there."""
    if not os.path.exists(path):
        os.rename(spool, path)
        return
    with open(path, "ab") as log, open(spool, "rb") as more:
        for block in iter(lambda: more.read(1 << 20), b""):
            log.write(block)
    os.unlink(spool)


def _open_now(path: str) -> mmap.mmap:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        # Written, not only made longer: on a full disk a hole would end the process when it is written through a map.
        os.write(file, bytes(_NOW_SIZE))
        return mmap.mmap(file, _NOW_SIZE)
    finally:
        os.close(file)


def _read_now(path: str) -> str:
    with open(path, "rb") as file:
        return file.read(_NOW_SIZE).partition(b"\0")[0].decode("utf-8", "replace")


def tail(
    path: str, follow: Callable[[], bool] | None = None, nap: Callable[[], object] | None = None
) -> Iterator[bytes]:
    """The content of a log, block by block. With ``follow``, goes on for as long as it says that more may come.

    ``nap`` is called before each new look at a file that had nothing new. The file is opened once, so a spool that
    becomes the attempt's log meanwhile is read to its end.
    """
    with open(path, "rb") as file:
        while True:
            # Asked before reading: what was printed up to the attempt's end is read after its end was seen.
            goes_on = follow is not None and follow()
            block = file.read(1 << 16)
            if block:
                yield block
            elif not goes_on:
                return
            elif nap is not None:
                nap()


def remove_logs(folder: str, run_id: str) -> int:
    """Remove the logs of a run. Gives 1 if there were any, else 0."""
    import shutil

    path = log_folder(folder, run_id)
    if not os.path.isdir(path):
        return 0
    shutil.rmtree(path, ignore_errors=True)
    return 1
