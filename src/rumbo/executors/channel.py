"""Frames of plain values between our own processes, over a pair of sockets."""

from __future__ import annotations

import marshal
import select
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

_LENGTH = struct.Struct("!I")


class Channel:
    """One end of a connection. Frames are tuples of text, numbers, None and collections of them.

    They travel by `marshal`, which is quick, and safe here because both ends are one program of one Python.
    """

    __slots__ = ("_buffer", "_poll", "is_open", "socket")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.is_open = True
        self._buffer = bytearray()
        self._poll: Any = None

    def fileno(self) -> int:
        """The file descriptor, for polling."""
        return self.socket.fileno()

    def send(self, frame: tuple[Any, ...]) -> bool:
        """Send a frame; False when nobody is there any more."""
        data = marshal.dumps(frame)
        try:
            self.socket.sendall(_LENGTH.pack(len(data)) + data)
        except (BrokenPipeError, ConnectionResetError):
            self.is_open = False
            return False
        return True

    def receive(self, timeout: float | None = None) -> list[tuple[Any, ...]]:
        """All frames that are here, waiting up to ``timeout`` seconds (None: forever) for the first one.

        Empty when the time is up, or when the other end is gone, which `is_open` tells.
        """
        frames = self._unpack()
        while not frames and self.is_open:
            if timeout is not None and not self._is_readable(timeout):
                break
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                self.is_open = False
                break
            self._buffer += data
            frames = self._unpack()
        return frames

    def _is_readable(self, timeout: float) -> bool:
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self.socket, select.POLLIN)
        return bool(self._poll.poll(max(timeout, 0.0) * 1000))

    def _unpack(self) -> list[tuple[Any, ...]]:
        buffer = self._buffer
        frames = []
        start = 0
        while len(buffer) - start >= 4:
            end = start + 4 + _LENGTH.unpack_from(buffer, start)[0]
            if len(buffer) < end:
                break
            frames.append(marshal.loads(bytes(buffer[start + 4 : end])))
            start = end
        if start:
            del buffer[:start]
        return frames

    def close(self) -> None:
        """Let go of this end."""
        self.is_open = False
        self.socket.close()
