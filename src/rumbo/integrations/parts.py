"""Streams of a stored object whose bytes are asked for when they are read, from any place on."""

from __future__ import annotations

import io
import os
from abc import abstractmethod
from typing import Any

__all__ = ["BytesInParts"]


class BytesInParts(io.RawIOBase):
    """The bytes of an object.

    Args:
        size: how many there are.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._position = 0

    @abstractmethod
    def _read(self, length: int) -> bytes:
        """Some bytes, at most ``length``, from ``_position`` on; there are some."""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start: int = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), self._size - self._position)
        if length <= 0:
            return 0
        data = self._read(length)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
