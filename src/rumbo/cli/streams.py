"""The standard streams of a command: there, able to hold any text, and no danger to a run when nobody reads them."""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator


def make_reliable() -> None:
    """See that the standard streams exist and take any text.

    A descriptor that the caller has closed would be given to the next file that is opened, such as the history, and
    what a task prints would end up there.
    """
    null = os.open(os.devnull, os.O_RDWR)
    while null <= 2:
        null = os.open(os.devnull, os.O_RDWR)
    os.close(null)
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = _lenient(sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False))
    sys.stderr = _lenient(sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False))


def _lenient(stream: TextIO) -> TextIO:
    """The stream, which shows as an escape what its encoding lacks instead of raising an error."""
    if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
        stream.reconfigure(errors="backslashreplace")
    return stream


def flush() -> OSError | None:
    """Write what standard output still holds. Gives what kept it from being written, after which nothing more is."""
    try:
        sys.stdout.flush()
    except ValueError:
        pass  # closed by the user's code
    except OSError as error:
        # Python would try again when it closes the stream, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return error
    return None


@contextmanager
def set_aside() -> Iterator[None]:
    """Let standard output lead to standard error meanwhile, also that of programs which are started.

    Standard output is for what a command gives, which may be read by a program; what the user's code prints when it is
    imported or asked is not that.
    """
    flush()
    if _number_of(sys.stdout) != 1:
        with redirect_stdout(sys.stderr):
            yield
        return
    # Not by another object in the place of `sys.stdout`: a module may keep what it finds there when it is imported.
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        flush()
        os.dup2(kept, 1)
        os.close(kept)


def _number_of(stream: TextIO) -> int | None:
    """The descriptor of a stream; None if it is not a file of the system."""
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


class Outlet(io.TextIOWrapper):
    """A stream of one's own to where another one leads now. When that takes no more, it falls silent.

    The view of a run must not end the run: a reader such as `head` may have seen enough, a disk may be full.
    """

    broken: OSError | None = None
    """Why it fell silent."""

    def __init__(self, stream: TextIO) -> None:
        number = os.dup(stream.fileno())
        super().__init__(os.fdopen(number, "wb"), stream.encoding, "backslashreplace", line_buffering=True)

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._fall_silent(error)
        return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._fall_silent(error)

    def _fall_silent(self, error: OSError) -> None:
        self.broken = error
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.fileno())
        os.close(null)


def outlet(stream: TextIO) -> TextIO:
    """An `Outlet` to where a stream leads; the stream itself if that is not a file of the system."""
    stream.flush()
    try:
        return Outlet(stream)
    except (OSError, ValueError):
        return stream
