"""States, names and asides in a terminal: in colour and with symbols where it has them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from rumbo.looks import LOOKS, STRIP_ORDER

if TYPE_CHECKING:
    from collections.abc import Sequence


def has_colour(stream: TextIO) -> bool:
    """Whether to print colours: on a terminal that can, unless ``NO_COLOR`` is set."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def is_terminal(stream: TextIO) -> bool:
    """Whether somebody reads the stream on a terminal."""
    try:
        return stream.isatty()
    except (AttributeError, ValueError):
        return False


def can_symbols(stream: TextIO) -> bool:
    """Whether the stream's encoding has our shapes."""
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "") in ("utf8", "utf8sig", "utf16")


class Ink:
    """Writes states, names and asides for one stream, in colour and symbols where it has them."""

    def __init__(self, stream: TextIO) -> None:
        self.has_colour = has_colour(stream)
        self.has_symbols = can_symbols(stream)

    def paint(self, text: str, state: str) -> str:
        """A text in a state's colour."""
        return f"\x1b[{LOOKS[state].sgr}m{text}\x1b[0m" if self.has_colour else text

    def symbol(self, state: str) -> str:
        """A state's shape, coloured."""
        look = LOOKS[state]
        return self.paint(look.symbol if self.has_symbols else look.letter, state)

    def faint(self, text: str) -> str:
        """An aside."""
        return f"\x1b[2m{text}\x1b[0m" if self.has_colour else text

    def strong(self, text: str) -> str:
        """What the eye should find first."""
        return f"\x1b[1m{text}\x1b[0m" if self.has_colour else text

    def strip(self, states: Sequence[str], width: int = 40) -> str:
        """The run strip: the states of a run's tasks as segments in their colours. Empty without colours."""
        if not self.has_colour:
            return ""
        block = "▬" if self.has_symbols else "="
        parts = []
        for state, length in segments(states, width):
            parts.append(self.paint(block * length, state))
        return "".join(parts)


def segments(states: Sequence[str], width: int) -> list[tuple[str, int]]:
    """States in order as (state, cells) of a strip so wide; neighbours with one state are joined.

    With more tasks than cells, a cell stands for several, and shows the one that matters most.
    """
    if not states:
        return []
    rank = {state: place for place, state in enumerate(STRIP_ORDER)}
    width = min(width, max(len(states), 12))
    joined: list[tuple[str, int]] = []
    for cell in range(width):
        first = cell * len(states) // width
        last = max((cell + 1) * len(states) // width, first + 1)
        state = min(states[first:last], key=lambda each: rank.get(each, len(rank)))
        if joined and joined[-1][0] == state:
            joined[-1] = (state, joined[-1][1] + 1)
        else:
            joined.append((state, 1))
    return joined


def plural(number: int, noun: str) -> str:
    """``1 task``, ``1,204 tasks``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
