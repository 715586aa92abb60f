"""A bell by which another thread ends the wait of an executor: a pipe, because everything can wait for one."""

from __future__ import annotations

import os


class Bell:
    """Rung from any thread, heard by whoever waits for its descriptor to become readable."""

    __slots__ = ("_inside", "_outside")

    def __init__(self) -> None:
        self._inside, self._outside = os.pipe()
        os.set_blocking(self._inside, False)
        os.set_blocking(self._outside, False)

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._inside

    def ring(self) -> None:
        """End the wait under way, or the next one."""
        try:
            os.write(self._outside, b".")
        except OSError:
            pass  # full of rings that nobody has heard yet, or closed because all is over

    def hush(self) -> None:
        """Forget the rings so far."""
        try:
            while os.read(self._inside, 4096):
                pass
        except OSError:
            pass

    def close(self) -> None:
        """Let go of the pipe."""
        os.close(self._inside)
        os.close(self._outside)
