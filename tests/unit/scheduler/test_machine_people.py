"""What people ask: withdraw, forgive, enable, mark as done, in each state a task can be in."""

from __future__ import annotations

import pytest

from rumbo.errors import CommandRejected
from rumbo.scheduler.commands import Cancel, CancelRun, Enable, Forgive, Leave, MarkDone, SetCapacity
from rumbo.scheduler.effects import AttemptEnded, LateReport, StateChanged, StopAsked
from rumbo.scheduler.machine import TRUSTING, Policy
from rumbo.scheduler.records import BatchKey, Outcome, RetryPolicy, State
from rumbo.testing.simulation import Driver, snapshot, task


def driver_with_a_task_in(state: str, policy: Policy = TRUSTING) -> Driver:
    """A task ``a``, on which ``b`` depends, in the state or situation of this name."""
    driver = Driver(policy)
    driver.join("w")
    retry = {
        "FAILED, TO BE TRIED AGAIN": RetryPolicy(retries=1, delay=50.0),
        "DISABLED BY FAILURES": RetryPolicy(disable_after=1, disable_for=50.0),
    }.get(state, RetryPolicy())
    batch = BatchKey("Family", (), 0) if state == "BATCHED" else None
    said = State[state] if state in ("DONE", "DISABLED", "UNKNOWN") else State.PENDING
    driver.register("w", task("b", "a"), task("a", retry=retry, batch=batch, state=said))
    if state == "BATCHED":
        driver.register("w", task("sibling", batch=batch))
    if state in ("RUNNING", "BATCHED", "PARKED"):
        driver.start("w")
    if state == "PARKED":
        driver.park("w", 1, "x")
    if state.startswith("FAILED") or state == "DISABLED BY FAILURES":
        driver.fail("w", driver.start("w"))
    if state == "CANCELLED":
        driver.apply(Cancel(("a",)))
    assert driver.state("a").name == state.split(",")[0].split(" ")[0]
    return driver


SITUATIONS = [
    "PENDING",
    "RUNNING",
    "PARKED",
    "BATCHED",
    "DONE",
    "FAILED",
    "FAILED, TO BE TRIED AGAIN",
    "DISABLED",
    "DISABLED BY FAILURES",
    "CANCELLED",
    "UNKNOWN",
]


def test_the_situations_cover_all_states():
    assert {situation.split(",")[0].split(" ")[0] for situation in SITUATIONS} == {state.name for state in State}


# -- withdraw -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("situation", ["PENDING", "FAILED, TO BE TRIED AGAIN", "DISABLED BY FAILURES", "UNKNOWN"])
def test_what_waits_for_its_turn_is_withdrawn_at_once(situation):
    driver = driver_with_a_task_in(situation)
    (effect,) = driver.apply(Cancel(("a",)))
    assert (effect.new, effect.cause) == (State.CANCELLED, "withdrawn")
    assert driver.ask("w") == []
    assert driver.advance(1e6) == []


@pytest.mark.parametrize("situation", ["DONE", "FAILED", "DISABLED", "CANCELLED"])
def test_what_has_come_to_an_end_is_not_withdrawn(situation):
    driver = driver_with_a_task_in(situation)
    before = snapshot(driver.machine)
    assert driver.apply(Cancel(("a",))) == []
    assert snapshot(driver.machine) == before


def test_what_runs_is_stopped_first():
    driver = driver_with_a_task_in("RUNNING")
    assert driver.apply(Cancel(("a",))) == [StopAsked("w", 1, "a", 1000.0)]
    assert driver.apply(Cancel(("a",))) == []
    assert driver.state("a") is State.RUNNING
    driver.report("w", 1, Outcome.CANCELLED)
    assert driver.state("a") is State.CANCELLED
    assert driver.record("a").story[-1] == "stopped on request"


def test_what_finished_before_it_could_be_stopped_is_done():
    driver = driver_with_a_task_in("RUNNING")
    driver.apply(Cancel(("a",)))
    driver.finish("w", 1)
    assert driver.state("a") is State.DONE


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.TIMED_OUT, Outcome.RELEASED, Outcome.LOST, Outcome.PARKED])
def test_what_was_withdrawn_does_not_run_again_however_its_attempt_ended(outcome):
    driver = Driver()
    driver.join("w")
    driver.join("helper", assistant=True)
    driver.register("w", task("a", retry=RetryPolicy(retries=9)))
    lease = driver.start("w")
    driver.apply(Cancel(("a",)))
    driver.report("w", lease, outcome)
    assert driver.state("a") is State.CANCELLED
    assert driver.ask("helper") == []


def test_an_attempt_that_parks_after_it_was_withdrawn_is_told_to_stop_again():
    driver = driver_with_a_task_in("RUNNING")
    driver.apply(Cancel(("a",)))
    effects = driver.park("w", 1, "x")
    assert [each.outcome for each in effects if isinstance(each, AttemptEnded)] == [Outcome.CANCELLED]
    assert effects[-1] == StopAsked("w", 1, "a", 1000.0)


def test_what_was_withdrawn_while_its_worker_left_does_not_run_again():
    driver = driver_with_a_task_in("RUNNING")
    driver.apply(Cancel(("a",)))
    driver.apply(Leave("w"))
    assert driver.state("a") is State.CANCELLED


def test_a_parked_attempt_ends_at_once_since_nothing_of_it_runs():
    driver = driver_with_a_task_in("PARKED")
    effects = driver.apply(Cancel(("a",)))
    assert effects == [
        StopAsked("w", 1, "a", 1000.0),
        AttemptEnded("a", 1, 1, "w", Outcome.CANCELLED, "withdrawn while it waited for what it asked for", 1000.0),
        StateChanged("a", State.PARKED, State.CANCELLED, "stopped on request", 1000.0),
    ]
    assert driver.report("w", 1, Outcome.CANCELLED) == [LateReport("w", 1, Outcome.CANCELLED, 1000.0)]


@pytest.mark.parametrize(
    ("outcome", "states"),
    [
        (Outcome.CANCELLED, {"a": "CANCELLED", "sibling": "PENDING"}),
        (Outcome.FAILED, {"a": "CANCELLED", "sibling": "FAILED"}),
        (Outcome.DONE, {"a": "DONE", "sibling": "DONE"}),
    ],
)
def test_the_siblings_of_a_withdrawn_task_are_not_withdrawn(outcome, states):
    driver = driver_with_a_task_in("BATCHED")
    driver.apply(Cancel(("a",)))
    driver.report("w", 1, outcome)
    assert {id: driver.state(id).name for id in states} == states


def test_a_whole_batch_can_be_withdrawn_and_is_told_once():
    driver = driver_with_a_task_in("BATCHED")
    assert driver.apply(Cancel(("a", "sibling"))) == [StopAsked("w", 1, "a", 1000.0)]
    driver.report("w", 1, Outcome.CANCELLED)
    assert driver.states() == {"b": "PENDING", "a": "CANCELLED", "sibling": "CANCELLED"}


def test_one_unknown_task_and_none_is_withdrawn():
    driver = driver_with_a_task_in("PENDING")
    before = snapshot(driver.machine)
    with pytest.raises(CommandRejected) as caught:
        driver.apply(Cancel(("a", "nobody")))
    assert str(caught.value) == "The scheduler does not know a task 'nobody': it may be done and forgotten."
    assert snapshot(driver.machine) == before


def test_what_waits_for_a_withdrawn_task_goes_on_waiting():
    driver = driver_with_a_task_in("PENDING")
    driver.apply(Cancel(("a",)))
    assert driver.state("b") is State.PENDING
    assert driver.record("b").missing == 1


def test_a_run_is_withdrawn_with_all_that_it_asked_for_last():
    driver = Driver()
    driver.join("w")
    driver.register("w", task("running"), task("done", state=State.DONE), task("pending"), task("shared"), run="one")
    driver.start("w")
    driver.register("w", task("shared"), task("other"), run="two")
    driver.apply(CancelRun("one"))
    driver.report("w", 1, Outcome.CANCELLED)
    assert driver.states() == {
        "running": "CANCELLED",
        "done": "DONE",
        "pending": "CANCELLED",
        "shared": "PENDING",
        "other": "PENDING",
    }
    assert driver.apply(CancelRun("never heard of")) == []


def test_what_a_later_run_asked_for_while_it_ran_is_not_withdrawn_with_the_earlier_one():
    driver = driver_with_a_task_in("RUNNING")
    driver.register("w", task("a"), run="second")
    assert StopAsked("w", 1, "a", 1000.0) not in driver.apply(CancelRun("run"))


# -- forgive --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("situation", ["FAILED", "FAILED, TO BE TRIED AGAIN", "CANCELLED"])
def test_a_forgiven_task_is_tried_as_if_it_had_never_failed(situation):
    driver = driver_with_a_task_in(situation)
    (effect,) = driver.apply(Forgive("a"))
    assert (effect.new, effect.cause) == (State.PENDING, "forgiven")
    record = driver.record("a")
    assert (record.failures, record.retries_used, record.retry_at) == ((), 0, None)
    assert driver.start("w")
    driver.advance(100.0)
    assert driver.state("a") is State.RUNNING


@pytest.mark.parametrize(
    "situation", ["PENDING", "RUNNING", "PARKED", "BATCHED", "DONE", "DISABLED", "DISABLED BY FAILURES", "UNKNOWN"]
)
def test_nothing_else_can_be_forgiven(situation):
    driver = driver_with_a_task_in(situation)
    before = snapshot(driver.machine)
    with pytest.raises(CommandRejected) as caught:
        driver.apply(Forgive("a"))
    state = driver.state("a").name
    assert str(caught.value) == f"a is {state}: only a failed or cancelled task can be forgiven."
    assert snapshot(driver.machine) == before


def test_forgiving_what_nobody_described_lets_nobody_run_it():
    driver = driver_with_a_task_in("UNKNOWN")
    driver.join("helper", assistant=True)
    driver.apply(Cancel(("a",)))
    driver.apply(Forgive("a"))
    assert driver.ask("w") == driver.ask("helper") == []
    driver.register("w", task("a"))
    assert driver.ask("helper") != []


# -- enable ---------------------------------------------------------------------------------------------------------


def test_a_task_disabled_by_failures_can_be_enabled():
    driver = driver_with_a_task_in("DISABLED BY FAILURES")
    (effect,) = driver.apply(Enable("a"))
    assert (effect.new, effect.cause) == (State.PENDING, "enabled again")
    assert driver.record("a").failures == ()
    assert driver.start("w")
    driver.advance(100.0)
    assert driver.state("a") is State.RUNNING


def test_where_that_is_wanted_a_task_that_is_enabled_counts_as_failed_until_it_is_described_again():
    driver = driver_with_a_task_in("DISABLED BY FAILURES", Policy(enabled_as_failure=True))
    (effect,) = driver.apply(Enable("a"))
    assert (effect.new, effect.cause) == (State.FAILED, "enabled again as a failure")
    assert driver.ask("w") == []
    driver.register("w", task("a"), run="again")
    assert driver.start("w")


@pytest.mark.parametrize("situation", [each for each in SITUATIONS if each != "DISABLED BY FAILURES"])
def test_nothing_else_can_be_enabled(situation):
    driver = driver_with_a_task_in(situation)
    before = snapshot(driver.machine)
    with pytest.raises(CommandRejected) as caught:
        driver.apply(Enable("a"))
    state = driver.state("a").name
    assert str(caught.value) == f"a is {state}: only a task disabled by failures can be enabled."
    assert snapshot(driver.machine) == before


# -- mark as done ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("situation", [each for each in SITUATIONS if each != "DONE"])
def test_any_task_can_be_marked_as_done(situation):
    driver = driver_with_a_task_in(situation)
    effects = driver.apply(MarkDone("a"))
    assert driver.state("a") is State.DONE
    assert driver.record("a").story[-1] == "marked as done by hand"
    is_told_to_stop = StopAsked("w", 1, "a", 1000.0) in effects
    assert is_told_to_stop == (situation in ("RUNNING", "PARKED", "BATCHED"))
    driver.advance(1e6)
    assert driver.state("a") is State.DONE
    assert "b" in [id for order in driver.ask("w", slots=9) for id in order.tasks]


def test_marking_as_done_what_is_done_changes_nothing():
    driver = driver_with_a_task_in("DONE")
    before = snapshot(driver.machine)
    assert driver.apply(MarkDone("a")) == []
    assert snapshot(driver.machine) == before


def test_the_attempt_at_a_task_marked_as_done_ends_and_its_report_comes_too_late():
    driver = driver_with_a_task_in("RUNNING")
    effects = driver.apply(MarkDone("a"))
    assert [(each.outcome, each.message) for each in effects if isinstance(each, AttemptEnded)] == [
        (Outcome.RELEASED, "marked as done by hand")
    ]
    assert driver.fail("w", 1) == [LateReport("w", 1, Outcome.FAILED, 1000.0)]


def test_the_siblings_of_a_task_marked_as_done_are_given_back():
    driver = driver_with_a_task_in("BATCHED")
    driver.apply(MarkDone("a"))
    assert driver.state("sibling") is State.PENDING


@pytest.mark.parametrize("command", [Forgive("nobody"), Enable("nobody"), MarkDone("nobody")])
def test_a_task_must_be_known(command):
    driver = driver_with_a_task_in("PENDING")
    before = snapshot(driver.machine)
    with pytest.raises(CommandRejected, match="The scheduler does not know a task 'nobody': "):
        driver.apply(command)
    assert snapshot(driver.machine) == before


def test_there_cannot_be_less_than_nothing():
    driver = driver_with_a_task_in("PENDING")
    before = snapshot(driver.machine)
    with pytest.raises(CommandRejected) as caught:
        driver.apply(SetCapacity("db", -1))
    assert str(caught.value) == "There cannot be -1 of resource 'db': give 0 or more."
    assert snapshot(driver.machine) == before
