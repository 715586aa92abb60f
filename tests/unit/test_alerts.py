"""Which alerts follow from what happened."""

from __future__ import annotations

import pytest

from rumbo import alerts
from rumbo.alerts import Event, Subject
from rumbo.errors import ConfigurationError
from rumbo.ports import PlannedTask, RunEnded
from rumbo.scheduler.effects import Assigned, AttemptEnded, Effect, RetryPlanned, TaskDisabled
from rumbo.scheduler.records import Outcome

ALL = frozenset(Event)
SUBJECT = Subject("run-1", "Clean", {"n": "1"}, ("ana@example.org",), "Clean(n=1)")


def ended(outcome: Outcome = Outcome.FAILED, message: str = "no luck", attempt: int = 1) -> AttemptEnded:
    return AttemptEnded("Clean_1", attempt, 7, "w", outcome, message, 1000.0, 2.0)


def events(*effects: Effect, wanted: frozenset[str] = ALL) -> list[str]:
    return [alert.event for alert in alerts.of_effects(effects, lambda task: SUBJECT, wanted)]


def test_an_alert_says_all_there_is_to_say() -> None:
    (alert,) = alerts.of_effects([ended()], lambda task: SUBJECT, ALL)
    assert alert._replace(id="") == (
        ("", "task_failed", 1000.0, "run-1", "Clean_1", "Clean", {"n": "1"}, "Clean(n=1)", ("ana@example.org",), "w")
        + (1, "no luck", "", "")
    )


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.TIMED_OUT])
def test_a_task_has_failed_when_no_other_attempt_follows_in_its_run(outcome: Outcome) -> None:
    much_later = RetryPlanned("Clean_1", 1, 1900.0, 1000.0, promised=False)
    soon = RetryPlanned("Clean_1", 1, 1001.0, 1000.0, promised=True)
    assert events(ended(outcome)) == ["task_failed"]
    assert events(ended(outcome), much_later) == ["task_failed"]
    assert events(ended(outcome), soon) == ["attempt_failed"]


@pytest.mark.parametrize("outcome", [Outcome.RELEASED, Outcome.CANCELLED, Outcome.LOST])
def test_nobody_is_told_of_an_attempt_that_ended_through_no_fault_of_its_task(outcome: Outcome) -> None:
    assert events(ended(outcome)) == []


def test_the_other_events() -> None:
    begun = Assigned("w", 7, ("Clean_1", "Clean_2"), 1, None, 1000.0)
    assert events(begun) == ["task_started", "task_started"]
    assert events(ended(Outcome.DONE)) == ["task_done"]
    assert events(ended(), TaskDisabled("Clean_1", 2000.0, 1000.0)) == ["task_failed", "task_disabled"]


def test_what_nobody_wants_is_not_told() -> None:
    assert events(ended(), ended(Outcome.DONE), wanted=frozenset(["task_done"])) == ["task_done"]
    assert list(alerts.of_effects([ended()], lambda task: None, ALL)) == []


def test_the_same_happening_has_the_same_id_and_another_one_another() -> None:
    def id_of(effect: Effect, subject: Subject = SUBJECT) -> str:
        return next(alerts.of_effects([effect], lambda task: subject, ALL)).id

    assert id_of(ended()) == id_of(ended())
    assert len({id_of(ended()), id_of(ended(attempt=2)), id_of(ended(), SUBJECT._replace(run="run-2"))}) == 3


def test_of_a_long_message_the_end_is_told() -> None:
    (alert,) = alerts.of_effects([ended(message="x" * 9000 + "the end")], lambda task: SUBJECT, ALL)
    assert len(alert.message) == alerts.MESSAGE + 4
    assert alert.message.startswith("... x")
    assert alert.message.endswith("the end")


def test_how_a_run_ended_is_an_event_of_its_own() -> None:
    def event(status: str) -> str:
        return alerts.of_run_ended(RunEnded("run-1", 1000.0, status, "", {})).event

    assert [event(status) for status in ("done", "failed", "incomplete", "crashed", "cancelled")] == [
        "run_done",
        "run_failed",
        "run_failed",
        "run_failed",
        "run_cancelled",
    ]


def test_a_broken_task_is_told_with_its_group() -> None:
    node = PlannedTask("C_1", "C", "m", {"n": "1", "kind": "x"}, "broken", "no", (), 0, "Traceback", batched=("n",))
    alert = alerts.of_broken("run-1", node, 1000.0)
    assert (alert.event, alert.message, alert.group) == ("scheduling_failed", "Traceback", "C(kind=x)")


def test_events_are_named_in_settings() -> None:
    assert alerts.events_of("task_failed, run_done", "here") == {"task_failed", "run_done"}
    assert alerts.events_of("all", "here") == ALL
    assert alerts.events_of("", "here") == set()
    with pytest.raises(ConfigurationError) as caught:
        alerts.events_of("task_fialed", "[alerts] events")
    assert str(caught.value) == (
        "[alerts] events: there is no event 'task_fialed'. There is: task_failed, task_disabled, run_failed, run_done, "
        "scheduling_failed, worker_lost, attempt_failed, task_started, task_done, run_started, run_cancelled, test, "
        "or all."
    )
