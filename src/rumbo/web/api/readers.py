"""A few readers of the history, each used by one thread at a time."""

from __future__ import annotations

from contextlib import contextmanager
from queue import LifoQueue
from typing import TYPE_CHECKING

from rumbo.errors import StoreError
from rumbo.history import AmbiguousInHistory, NotInHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rumbo.history import History


class Readers:
    """Up to ``most`` readers, opened when they are needed and kept."""

    def __init__(self, open_one: Callable[[], History], most: int = 4) -> None:
        self._open = open_one
        self._free: LifoQueue[History | None] = LifoQueue()
        for _ in range(most):
            self._free.put(None)

    @contextmanager
    def one(self) -> Iterator[History]:
        """A reader, for the block; waits until one is free. Raises `StoreError` if it cannot be opened."""
        reader = self._free.get()
        try:
            if reader is None:
                reader = self._open()
            yield reader
        except (NotInHistory, AmbiguousInHistory):
            raise
        except StoreError:
            if reader is not None:  # its connection may be lost; the next one to ask opens another
                reader.close()
                reader = None
            raise
        finally:
            self._free.put(reader)
