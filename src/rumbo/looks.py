"""How states look wherever Rumbo draws them: a word, a shape and a colour each."""

from __future__ import annotations

from typing import NamedTuple


class Look(NamedTuple):
    """The look of one state. Shape and colour both tell it, for eyes that see no colour and for plain paper."""

    word: str
    symbol: str
    letter: str
    """The shape where only ASCII can be printed."""
    sgr: str
    """The colour in a terminal: parameters of the escape sequence."""
    light: str
    """The colour on a light page."""
    dark: str
    """The colour on a dark page."""


LOOKS = {
    "done": Look("done", "✓", "+", "38;5;35", "#1a7f37", "#3fb950"),
    "running": Look("running", "◐", ">", "38;5;33", "#0969da", "#58a6ff"),
    "run": Look("run", "▷", ">", "38;5;33", "#0969da", "#58a6ff"),
    "waiting": Look("waiting", "○", ".", "38;5;245", "#6e7781", "#8b949e"),
    "wait": Look("wait", "○", ".", "38;5;245", "#6e7781", "#8b949e"),
    "parked": Look("parked", "‖", "=", "38;5;135", "#8250df", "#a371f7"),
    "failed": Look("failed", "✗", "x", "38;5;202", "#c4410b", "#ff7b54"),
    "broken": Look("broken", "✗", "x", "38;5;202", "#c4410b", "#ff7b54"),
    "retrying": Look("will retry", "↻", "r", "38;5;209", "#c4410b", "#ff7b54"),
    "disabled": Look("disabled", "▬", "#", "38;5;178", "#9a6700", "#d29922"),
    "cancelled": Look("cancelled", "–", "-", "38;5;240", "#57606a", "#8b949e"),  # noqa: RUF001
    "skipped": Look("skipped", "✓", "+", "38;5;108", "#5f8f6e", "#7fb893"),
    "skip": Look("skip", "✓", "+", "38;5;108", "#5f8f6e", "#7fb893"),
    "unknown": Look("unknown", "◌", "?", "38;5;245", "#6e7781", "#8b949e"),
}

STRIP_ORDER = (
    "failed",
    "broken",
    "retrying",
    "disabled",
    "running",
    "parked",
    "waiting",
    "cancelled",
    "done",
    "skipped",
)
"""Which state a segment of several tasks shows: the first of these that any of them has."""
