"""A word to the person who waits while a big plan is found."""

from __future__ import annotations

import time
from typing import TextIO

from rumbo.cli.look import is_terminal


class Counter:
    """Called with the number of tasks found so far; shows it on a terminal once that takes a while.

    It needs no thread: planning must not start any, since processes are forked after it.
    """

    def __init__(self, out: TextIO, patience: float = 0.5) -> None:
        self._out = out
        self._next = time.monotonic() + patience if is_terminal(out) else None
        self._is_shown = False

    def __call__(self, found: int) -> None:
        if self._next is not None and time.monotonic() >= self._next:
            self._out.write(f"\r{found:,} tasks found, and looking on ...\x1b[K")
            self._out.flush()
            self._is_shown = True
            self._next = time.monotonic() + 0.2

    def clear(self) -> None:
        """Take the line away."""
        if self._is_shown:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._is_shown = False
