"""The picture of a run: it fits every terminal, and shows what the run's state says."""

from __future__ import annotations

import io
import time

import pytest

from rumbo.cli.live import LiveView
from rumbo.ports import PlannedTask, RunInfo
from rumbo.scheduler.effects import Assigned, AttemptEnded, Effect, Noted, StateChanged
from rumbo.scheduler.records import Outcome, State

FAMILIES = ("Extract", "CleanTheDaysFlightsWithAVeryLongName", "Month", "Report")


def node(family: str, number: int, verdict: str = "run") -> PlannedTask:
    return PlannedTask(f"{family}{number}", family, "m", {"number": str(number)}, verdict, "", (), 0, "")


def begin(task: PlannedTask, lease: int, at: float) -> list[Effect]:
    return [Assigned("w", lease, (task.id,), 2, None, at), StateChanged(task.id, State.PENDING, State.RUNNING, "", at)]


@pytest.fixture
def view() -> LiveView:
    found = LiveView(io.StringIO())
    found._has_symbols = True
    nodes = [node(family, number) for family in FAMILIES for number in range(20)]
    now = time.time()
    found._begun = now - 100
    found._standing.plan([*nodes, node("Source", 1, "skip")])
    effects: list[Effect] = []
    for lease, task in enumerate(nodes[:30]):
        effects += begin(task, lease, now - 10)
    for lease, task in enumerate(nodes[:12]):
        bad = lease == 5
        outcome, state = (Outcome.FAILED, State.FAILED) if bad else (Outcome.DONE, State.DONE)
        effects += [
            AttemptEnded(task.id, 1, lease, "w", outcome, "no", now),
            StateChanged(task.id, State.RUNNING, state, "", now),
        ]
    effects += [
        Noted(nodes[12].id, 12, "message", "step 3 of 7\nand more", now),
        Noted(nodes[12].id, 12, "progress", "42.5", now),
    ]
    found._standing.take(effects)
    return found  # fmt: skip


@pytest.mark.parametrize("width", [10, 20, 40, 79, 110])
@pytest.mark.parametrize("height", [4, 8, 24, 60])
def test_no_line_is_wider_and_not_more_lines_are_drawn_than_fit(width: int, height: int, view: LiveView) -> None:
    view._told = "Finishing what runs, and nothing more; press Ctrl-C again to stop now."

    lines = view._picture(width, height)

    assert max(line.cell_len for line in lines) <= width
    assert len(lines) < max(height, 7)


def test_the_picture_shows_counts_bars_and_what_runs(view: LiveView) -> None:
    lines = [line.plain for line in view._picture(100, 40)]

    assert lines[0].startswith("12 of 80 tasks, 1 failed  1m 40s, about ")
    assert lines[1] == "▬" * 81
    assert lines[2].startswith("  Extract                         ")
    assert lines[2].endswith("  12/20  ✗ 1")
    assert lines[3].startswith("  CleanTheDaysFlightsWithAVeryLong…  ━")
    assert lines[5].endswith("──   0/20")
    assert lines[6] == "◐ Extract(number=12)  10s  42%  attempt 2  step 3 of 7"
    assert lines[-1] == "  and 9 more running"


def test_a_terminal_without_our_shapes_gets_letters(view: LiveView) -> None:
    view._has_symbols = False

    text = "\n".join(line.plain for line in view._picture(100, 40))

    assert all(ord(letter) < 128 or letter == "…" for letter in text)


def test_a_sentence_told_stays_in_sight(view: LiveView) -> None:
    view.tell("Stopping.")
    view._catch_up()

    assert view._picture(80, 24)[-1].plain == "Stopping."


def test_without_anything_to_run_nothing_is_started() -> None:
    out = io.StringIO()
    view = LiveView(out)
    view.run_started(RunInfo("RUN", (), "", "h", "u", 1, "/", 1, 0.0))

    view.planned("RUN", [node("Report", 1, "skip")])
    view.close()

    assert (out.getvalue(), view._thread) == ("", None)


def test_what_lasts_is_printed_and_the_picture_is_taken_away() -> None:
    out = io.StringIO()
    view = LiveView(out)
    view.run_started(RunInfo("RUN", (), "", "h", "u", 1, "/", 1, time.time()))
    task = node("Report", 1)

    view.planned("RUN", [task, node("Source", 2, "broken")._replace(reason="complete() failed: OSError: no disk")])
    view.happened("RUN", begin(task, 1, 1.0))
    view.happened("RUN", [AttemptEnded(task.id, 1, 1, "w", Outcome.FAILED, "Runtime error:\nValueError: no", 3.5)])
    view.close()

    assert "Source(number=2)  complete() failed: OSError: no disk\n" in out.getvalue()
    assert "Report(number=1)  failed after 2.5s\n    ValueError: no\n" in out.getvalue()
