"""Keeps an eye on runs without this server while somebody listens, and tells the feed of them."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.web.feed import Feed

_PAUSE = 0.5
"""Seconds between two looks: so often a run writes."""
_SHARE = 10
"""What takes long to look at is looked at more seldom: this many times as long as a look takes lies between two."""
_LONG_PAUSE = 10.0
"""Seconds after something went wrong."""


class Source(Protocol):
    """Where what others do can be seen."""

    def look(self) -> Sequence[tuple[str, tuple[Any, ...]]]:
        """What has happened since the last look, as calls of an observer. May raise what it will."""
        ...

    def forget(self) -> None:
        """Nobody listens any more."""
        ...


class Lookout:
    """Looks while there are listeners, and not at all while there are none."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._task: asyncio.Task[None] | None = None

    def keep(self, feed: Feed) -> None:
        """Look for as long as the feed has listeners."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(feed))

    async def _look(self, feed: Feed) -> None:
        was_told = False
        while feed.listeners:
            begun = time.monotonic()
            try:
                facts = await asyncio.to_thread(self._source.look)
                pause, was_told = max(_PAUSE, _SHARE * (time.monotonic() - begun)), False
                feed.hear(facts)
            except Exception as error:  # noqa: BLE001 - those who listen still hear of this server's own runs
                if not was_told:
                    logging.getLogger("rumbo.server").warning("runs without the server cannot be followed: %s", error)
                pause, was_told = _LONG_PAUSE, True
                await asyncio.to_thread(self._source.forget)
            await asyncio.sleep(pause)
        await asyncio.to_thread(self._source.forget)
