"""An outbox in memory, for a run that tells what went wrong before it ends."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.ports import Letter


class MemoryOutbox:
    """`Outbox` that lives as long as its process."""

    def __init__(self) -> None:
        self._letters: dict[tuple[str, str], Letter] = {}
        self._bookmarks: dict[str, int] = {}
        self._lock = threading.Lock()

    def bookmark(self, journal: str) -> int:
        """Number of the last entry of a journal whose letters were put; 0 if none was."""
        return self._bookmarks.get(journal, 0)

    def put(self, letters: Sequence[Letter], journal: str = "", number: int = 0) -> None:
        """Keep letters. One that is kept already stays."""
        with self._lock:
            for letter in letters:
                self._letters.setdefault(letter.key, letter)
            if journal:
                self._bookmarks[journal] = number

    def due(self, sink: str, now: float, most: int) -> list[Letter]:
        """Letters to a sink that are to be sent by now, the first ones first."""
        return [letter for letter in self._waiting(sink) if letter.due <= now][:most]

    def next_due(self, sink: str) -> float | None:
        """When the next letter to a sink is to be sent; None if there is none."""
        return min((letter.due for letter in self._waiting(sink)), default=None)

    def delivered(self, letters: Sequence[Letter]) -> None:
        """Forget letters that have arrived."""
        with self._lock:
            for letter in letters:
                self._letters.pop(letter.key, None)

    def keep(self, letters: Sequence[Letter]) -> None:
        """Note what letters say of themselves now."""
        with self._lock:
            self._letters.update((letter.key, letter) for letter in letters if letter.key in self._letters)

    def undelivered(self) -> list[Letter]:
        """All letters, by when they are due; those that were given up last."""
        with self._lock:
            return sorted(self._letters.values(), key=lambda letter: (letter.is_given_up, *_place(letter)))

    def forget(self, before: float) -> int:
        """Forget what was given up and happened before a moment; gives how many letters."""
        with self._lock:
            old = [key for key, each in self._letters.items() if each.is_given_up and each.alert.at < before]
            for key in old:
                del self._letters[key]
        return len(old)

    def close(self) -> None:
        """Nothing is held here."""

    def _waiting(self, sink: str) -> list[Letter]:
        with self._lock:
            found = [letter for letter in self._letters.values() if letter.sink == sink and not letter.is_given_up]
        return sorted(found, key=_place)


def _place(letter: Letter) -> tuple[float, float]:
    return letter.due, letter.alert.at
