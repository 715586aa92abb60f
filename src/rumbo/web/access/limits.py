"""How often somebody may ask, and how much may be sent at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message, Receive

_MOST_KEYS = 10_000


class Rates:
    """Buckets that fill up again at so many drops a second and hold so many of them, one for each key.

    When there are too many keys the one that was not used for the longest time is forgotten, which means full.
    """

    def __init__(self, a_second: float, most: float, keys: int = _MOST_KEYS) -> None:
        self._a_second = a_second
        self._most = most
        self._keys = keys
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str, now: float) -> int:
        """Take a drop; gives 0, or the whole seconds after which there will be one again."""
        level, at = self._buckets.pop(key, (self._most, now))
        level = min(level + (now - at) * self._a_second, self._most)
        is_there = level >= 1.0
        self._buckets[key] = (level - 1.0 if is_there else level, now)
        if len(self._buckets) > self._keys:
            del self._buckets[next(iter(self._buckets))]
        return 0 if is_there else math.ceil((1.0 - level) / self._a_second)


def too_large(most: int) -> str:
    """What is said of a body that is larger."""
    size = f"{most >> 20} MB" if most >= 1 << 20 else f"{most >> 10} kB"
    return f"The body is larger than {size}, which is the most that may be sent to this address."


def announced(headers: Mapping[bytes, bytes]) -> int:
    """The size of the body, as far as it is said beforehand."""
    length = headers.get(b"content-length", b"")
    return int(length) if length.isdigit() else 0


def bounded(receive: Receive, most: int) -> Receive:
    """Receives a body of up to so many bytes; HTTP 413 is raised at the first one beyond."""
    size = 0

    async def receive_up_to() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            # The rest is thrown away as it comes: whoever is cut off while sending would never read this.
            raise HTTPException(413, too_large(most))
        return message

    return receive_up_to
