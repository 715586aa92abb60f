"""Standard streams that lead to the output of the attempt whose code is running, where several share a process.

Which attempt that is, a context variable tells: each thread has one, and so has each task of an event loop. What does
not pass through Python's streams (C libraries, programs that are started) cannot be told apart; nor can what a thread
prints that a task starts by itself, since it has no context but its own. That goes where it went before.
"""

from __future__ import annotations

import io
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rumbo.ports import Page

_page: ContextVar[Page | None] = ContextVar("rumbo_page", default=None)


@contextmanager
def printing_to(page: Page | None) -> Iterator[None]:
    """Within the block, what this thread or task of an event loop prints goes to the page of an attempt."""
    before = _page.set(page)
    try:
        yield
    finally:
        _page.reset(before)


class Switch:
    """Puts such streams in the place of `sys.stdout` and `sys.stderr`, and gives them back."""

    def __init__(self) -> None:
        self._streams: list[tuple[str, Any, Any]] = []

    def install(self) -> None:
        """From now on, attempts may have pages. Does nothing the second time."""
        if self._streams:
            return
        for name in ("stdout", "stderr"):
            before = getattr(sys, name)
            if before is not None:
                ours = _Stream(before)
                self._streams.append((name, before, ours))
                setattr(sys, name, ours)
                _point_loggers(before, ours)

    def remove(self) -> None:
        """Give the process its own streams back."""
        for name, before, ours in self._streams:
            ours.flush()
            if getattr(sys, name) is ours:
                setattr(sys, name, before)
            _point_loggers(ours, before)
        self._streams = []


def _point_loggers(before: object, after: object) -> None:
    """Let handlers of `logging` that write to one stream write to another."""
    import logging

    loggers = [logging.getLogger(), *logging.getLogger().manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.StreamHandler) and handler.stream is before:
                handler.setStream(cast("TextIO", after))


class _Stream(io.TextIOBase):
    """A text stream in front of another one."""

    def __init__(self, behind: TextIO) -> None:
        self._behind = behind

    def write(self, text: str) -> int:
        page = _page.get()
        if page is None or not page.write(text.encode("utf-8", "backslashreplace")):
            self._behind.write(text)
        return len(text)

    def flush(self) -> None:
        if _page.get() is None:
            self._behind.flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return _page.get() is None and self._behind.isatty()

    def fileno(self) -> int:
        return self._behind.fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)  # what text streams need not have, such as `name` and `reconfigure`

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8" if _page.get() is not None else self._behind.encoding

    @property
    def buffer(self) -> Any:
        """For those who print bytes."""
        page = _page.get()
        return self._behind.buffer if page is None else _Bytes(page, self._behind)


class _Bytes(io.BufferedIOBase):
    """The bytes below a stream, for one attempt."""

    def __init__(self, page: Page, behind: TextIO) -> None:
        self._page = page
        self._behind = behind

    def write(self, data: Any) -> int:
        if not self._page.write(bytes(data)):
            self._behind.buffer.write(data)
        return len(data)

    def writable(self) -> bool:
        return True
