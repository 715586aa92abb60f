"""How a run stands, by what observers are told."""

from __future__ import annotations

import pytest

from rumbo.cli.standing import Standing
from rumbo.ports import PlannedTask
from rumbo.scheduler.effects import (
    Assigned,
    AttemptEnded,
    Effect,
    Noted,
    Resumed,
    RetryPlanned,
    StateChanged,
    TaskDisabled,
)
from rumbo.scheduler.records import Outcome, State


def node(id: str, verdict: str = "run", family: str = "") -> PlannedTask:
    return PlannedTask(id, family or id[0], "m", {"n": id[1:]}, verdict, "", (), 0, "")


def begin(id: str, lease: int, at: float = 0.0, attempt: int = 1) -> list[Effect]:
    return [
        Assigned("w", lease, (id,), attempt, None, at),
        StateChanged(id, State.PENDING, State.RUNNING, "assigned", at),
    ]


def end(id: str, lease: int, at: float, outcome: Outcome = Outcome.DONE, message: str = "") -> list[Effect]:
    new = {Outcome.DONE: State.DONE, Outcome.PARKED: State.PARKED}.get(outcome, State.FAILED)
    return [
        AttemptEnded(id, 1, lease, "w", outcome, message, at),
        StateChanged(id, State.RUNNING, new, "report", at),
    ]


@pytest.fixture
def standing() -> Standing:
    found = Standing()
    found.plan(
        [node("A1"), node("A2"), node("A3"), node("B1"), node("A0", "skip"), node("X1", "wait"), node("Y1", "broken")]
    )
    return found  # fmt: skip


def test_only_tasks_that_are_to_run_count(standing: Standing) -> None:
    assert (standing.over, standing.to_run) == (0, 4)
    assert [(family.name, family.to_run) for family in standing.families.values()] == [("A", 3), ("B", 1)]
    assert list(standing.states.values()) == ["waiting"] * 4 + ["skipped", "waiting", "broken"]


def test_a_task_runs_and_is_over(standing: Standing) -> None:
    standing.take(begin("A1", 1))
    assert standing.states["A1"] == "running"
    assert standing.running[1].tasks == ("A1",)

    assert standing.take(end("A1", 1, 2.0)) == []

    assert (standing.states["A1"], standing.over, standing.running) == ("done", 1, {})
    assert standing.families["A"].counts == {"waiting": 2, "running": 0, "done": 1}


def test_what_ended_badly_is_given_with_its_seconds(standing: Standing) -> None:
    standing.take(begin("A1", 1, at=1.0))

    bad = standing.take(end("A1", 1, 4.0, Outcome.FAILED, "no"))

    assert [(ended.task, ended.message, seconds) for ended, seconds in bad] == [("A1", "no", 3.0)]
    assert standing.states["A1"] == "failed"


def test_a_failed_task_with_another_try_will_retry(standing: Standing) -> None:
    standing.take(begin("A1", 1) + end("A1", 1, 1.0, Outcome.FAILED))

    standing.take([RetryPlanned("A1", 1, 9.0, 1.0)])

    assert standing.states["A1"] == "retrying"
    assert standing.over == 0
    standing.take([TaskDisabled("A1", 99.0, 1.0)])
    assert (standing.states["A1"], standing.over) == ("disabled", 1)


def test_a_parked_attempt_stays_and_goes_on(standing: Standing) -> None:
    standing.take(begin("B1", 1) + end("B1", 1, 1.0, Outcome.PARKED))
    assert standing.states["B1"] == "parked"
    assert standing.running[1].is_parked

    standing.plan([node("A9")])
    standing.take([Resumed("w", 1, "B1", 2.0), StateChanged("B1", State.PARKED, State.RUNNING, "resumed", 2.0)])

    assert not standing.running[1].is_parked
    assert standing.to_run == 5


def test_what_a_task_says_of_itself_is_kept(standing: Standing) -> None:
    standing.take(begin("A1", 1))

    standing.take([Noted("A1", 1, "message", "half", 1.0), Noted("A1", 1, "progress", "50", 1.0),
                   Noted("A1", 1, "tracking_url", "http://x", 1.0), Noted("A1", 1, "progress", "soon", 1.0),
                   Noted("A1", 77, "message", "late", 1.0)])  # fmt: skip

    running = standing.running[1]
    assert (running.message, running.progress, running.url) == ("half", 50.0, "http://x")


def test_the_time_left_is_guessed_from_what_tasks_of_the_family_took(standing: Standing) -> None:
    standing.workers = 2
    assert standing.seconds_left(0.0) is None
    standing.take(begin("A1", 1) + end("A1", 1, 10.0))
    # two of A and one of B, of which nothing is known but the mean of all
    assert standing.seconds_left(10.0) == 15.0

    standing.take(begin("A2", 2, at=10.0))

    assert standing.seconds_left(16.0) == 12.0
    assert standing.seconds_left(99.0) == 10.0  # it takes longer than ever, so what it has left is not known
