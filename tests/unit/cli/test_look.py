"""How states look: colours only on terminals, shapes always, and the strip that stands for a run."""

from __future__ import annotations

import io

import pytest

from rumbo.cli.look import Ink, plural, segments
from rumbo.looks import LOOKS
from rumbo.wording import duration


class Screen(io.TextIOWrapper):
    """A stream with an encoding that says it is a terminal."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding)

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def test_a_terminal_gets_colours_and_shapes() -> None:
    assert Ink(Screen()).symbol("failed") == "\x1b[38;5;202m✗\x1b[0m"


def test_no_color_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    ink = Ink(Screen())

    assert ink.symbol("failed") == "✗"
    assert ink.strong("x") == ink.faint("x") == "x"
    assert ink.strip(["done"], 10) == ""


def test_a_dumb_terminal_a_file_and_an_ascii_stream_get_what_they_can_show(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Ink(io.TextIOWrapper(io.BytesIO(), "utf-8")).symbol("done") == "✓"
    assert Ink(io.TextIOWrapper(io.BytesIO(), "ascii")).symbol("done") == "+"
    monkeypatch.setenv("TERM", "dumb")
    assert Ink(Screen()).symbol("done") == "✓"


def test_states_that_differ_can_be_told_apart_by_shape_and_by_letter() -> None:
    different = ("done", "running", "waiting", "parked", "failed", "retrying", "disabled", "cancelled", "unknown")

    assert len({LOOKS[state].symbol for state in different}) == len(different)
    assert len({LOOKS[state].letter for state in different}) == len(different)


@pytest.mark.parametrize(
    ("states", "width", "expected"),
    [
        ([], 10, []),
        (["done"] * 20, 10, [("done", 10)]),
        (["done"] * 5 + ["waiting"] * 5, 10, [("done", 5), ("waiting", 5)]),
        (["done"] * 3, 40, [("done", 12)]),
        (["done"] * 999 + ["failed"], 20, [("done", 19), ("failed", 1)]),
        (["skipped", "running"] * 500, 10, [("running", 10)]),
    ],
)
def test_a_strip_shows_every_task_or_what_matters_most_among_several(
    states: list[str], width: int, expected: list[tuple[str, int]]
) -> None:
    assert segments(states, width) == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0s"),
        (-1, "0.0s"),
        (9.94, "9.9s"),
        (12.4, "12s"),
        (124, "2m 04s"),
        (3600 * 3 + 420, "3h 07m"),
        (190_000, "2d 4h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_numbers_are_grouped() -> None:
    assert (plural(1, "task"), plural(1204, "task")) == ("1 task", "1,204 tasks")
