"""The plain lines of a run, event by event."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest

from rumbo.cli.plain import PlainLines, Printed
from rumbo.ports import PlannedTask, RunInfo
from rumbo.scheduler.effects import Assigned, AttemptEnded, Noted, RetryPlanned, TaskDisabled
from rumbo.scheduler.records import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from rumbo.scheduler.effects import Effect

RUN = RunInfo("RUN", ("A1",), "", "host", "user", 1, "/", 1, 0.0)


def node(id: str, verdict: str = "run") -> PlannedTask:
    return PlannedTask(id, id[0], "m", {"n": id[1:]}, verdict, "", (), 0, "")


def lines(effects: list[Effect], nodes: list[PlannedTask] | None = None, is_quiet: bool = False) -> list[str]:
    out = io.StringIO()
    view = PlainLines(out, is_quiet)
    view.run_started(RUN)
    view.planned("RUN", nodes or [node("A1"), node("A2", "skip"), node("A3", "wait")])
    view.happened("RUN", effects)
    view.close()
    return re.sub(r"(?m)^\d\d:\d\d:\d\d ", "", out.getvalue()).splitlines()


def ended(outcome: Outcome, message: str = "", at: float = 3.0, id: str = "A1") -> AttemptEnded:
    return AttemptEnded(id, 1, 1, "w", outcome, message, at)


START = Assigned("w", 1, ("A1",), 1, None, 1.0)


def test_the_head_counts_what_is_to_be_done() -> None:
    assert lines([]) == ["run      RUN: 1 task to run, 1 complete, 1 that cannot run"]


@pytest.mark.parametrize(
    ("effects", "expected"),
    [
        ([START], ["start    A(n=1)"]),
        ([START._replace(attempt=2)], ["start    A(n=1) (attempt 2)"]),
        ([START, ended(Outcome.DONE)], ["start    A(n=1)", "done     A(n=1)  2.0s"]),
        ([START, ended(Outcome.PARKED)], ["start    A(n=1)"]),
        ([ended(Outcome.FAILED, "Runtime error:\nValueError: no\n")], ["FAILED   A(n=1)  0.0s", "    ValueError: no"]),
        ([ended(Outcome.TIMED_OUT, "too long")], ["TIMED OUT A(n=1)  0.0s", "    too long"]),
        ([ended(Outcome.CANCELLED)], ["stopped  A(n=1)  0.0s"]),
        ([RetryPlanned("A1", 1, 63.0, 1.0)], ["retry    A(n=1) in 1m 02s"]),
        ([TaskDisabled("A1", 86_401.0, 1.0)], ["disabled A(n=1) for 1d 0h"]),
        ([TaskDisabled("A1", None, 1.0)], []),
        ([Noted("A1", 1, "message", "half", 9.0)], ["says     A(n=1): half"]),
        ([Noted("A1", 1, "tracking_url", "http://x", 9.0)], ["watch    A(n=1) at http://x"]),
        ([Noted("A1", 1, "message", "half", 9.0), Noted("A1", 1, "message", "more", 10.0)], ["says     A(n=1): half"]),
    ],
)
def test_each_event_has_its_line(effects: list[Effect], expected: list[str]) -> None:
    assert lines(effects)[1:] == expected


def test_quiet_tells_of_trouble_only() -> None:
    assert lines([START, ended(Outcome.DONE), ended(Outcome.FAILED, "no")], is_quiet=True) == [
        "FAILED   A(n=1)  2.0s",
        "    no",
    ]


def test_of_very_many_tasks_a_line_now_and_then_tells() -> None:
    nodes = [node(f"A{n}") for n in range(1001)]
    effects: list[Effect] = [ended(Outcome.DONE, id=f"A{n}", at=10.0 + n) for n in range(7)]

    assert lines([START, *effects], nodes)[1:] == [
        "progress 1 of 1,001 tasks have run",
        "progress 6 of 1,001 tasks have run",
    ]


def test_a_log_that_grows_is_shown_piece_by_piece(tmp_path: Path) -> None:
    log, printed = tmp_path / "a.log", Printed()
    log.write_text("one\ntwo")
    assert printed.news(str(log)) == "one\ntwo\n"
    log.write_text("one\ntwo\nthree\n")
    assert printed.news(str(log)) == "\nthree\n"
    assert printed.news(str(log)) == ""
    assert printed.news(str(tmp_path / "none")).startswith("What the attempt printed cannot be read: ")
