"""What attempts print on many machines, gathered in the server's folder: `logs/<run>/<task>.<attempt>.log`.

Pieces come with the place at which they belong, so one that comes twice does no harm.
"""

from __future__ import annotations

import os

from rumbo.store.logs import LOGS, LogFolder, log_name, safe_name

_CUT = b"\n[cut here: an attempt may print no more than %d bytes]\n"


class LogStore:
    """Logs below ``folder``; each up to ``limit`` bytes."""

    def __init__(self, folder: str, limit: int = 16 << 20) -> None:
        self.folder = os.path.abspath(folder)
        self.limit = limit

    def path(self, run: str, task: str, attempt: int) -> str:
        """Where the output of an attempt lies, or would lie."""
        return os.path.join(self.folder, LOGS, safe_name(run), log_name(task, attempt))

    def write(self, run: str, task: str, attempt: int, offset: int, data: bytes) -> str:
        """Keep a piece of output that belongs at ``offset``; gives the path.

        Raises:
            OSError: it could not be written.
        """
        path = self.path(run, task, attempt)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if offset >= self.limit:
            return path
        with open(path, "r+b" if os.path.exists(path) else "w+b") as file:
            file.seek(offset)
            file.write(data[: self.limit - offset])
            if offset + len(data) > self.limit:
                file.write(_CUT % self.limit)
        return path

    def read(self, run: str, task: str, attempt: int, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset``; empty at the end, and when nothing was printed.

        Raises:
            OSError: it is there but could not be read.
        """
        try:
            return self._read(self.path(run, task, attempt), offset, size)
        except FileNotFoundError:
            # A run without the server, in the same folder, may have it among its spools still.
            found = LogFolder(self.folder, run).find(task, attempt)
        try:
            return b"" if found is None else self._read(found, offset, size)
        except FileNotFoundError:
            return b""

    def _read(self, path: str, offset: int, size: int) -> bytes:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(size)
