"""Attempts under leases: how they end, park, go on, come late, and are tried again."""

from __future__ import annotations

import pytest

from rumbo.errors import CommandRejected
from rumbo.scheduler.commands import Cancel, Claim, Exchange, Note, Report, ShrinkResources, Tick
from rumbo.scheduler.effects import (
    Assigned,
    AttemptEnded,
    LateReport,
    Noted,
    Resumed,
    RetryPlanned,
    StateChanged,
    StopAsked,
    TaskDisabled,
)
from rumbo.scheduler.machine import Policy, tell
from rumbo.scheduler.records import BatchKey, Outcome, RetryPolicy, State
from rumbo.testing.simulation import Driver, snapshot, task

KEY = BatchKey("Family", (), 0)


@pytest.fixture
def driver() -> Driver:
    driver = Driver()
    driver.join("w")
    return driver


def ended(effects: list) -> list[tuple]:
    return [(each.task, each.outcome.name, each.message) for each in effects if isinstance(each, AttemptEnded)]


# -- how an attempt ends --------------------------------------------------------------------------------------------


def test_an_attempt_that_succeeds(driver):
    driver.register("w", task("a"))
    lease = driver.start("w")
    assert driver.finish("w", lease) == [
        AttemptEnded("a", 1, lease, "w", Outcome.DONE, "", 1000.0),
        StateChanged("a", State.RUNNING, State.DONE, "finished", 1000.0),
    ]
    assert tell(driver.record("a")) == [
        "+0.000s described as missing",
        "+0.000s given to a worker",
        "+0.000s finished",
    ]


@pytest.mark.parametrize(
    ("outcome", "state", "cause"),
    [
        (Outcome.DONE, State.DONE, "finished"),
        (Outcome.FAILED, State.FAILED, "attempt failed"),
        (Outcome.TIMED_OUT, State.FAILED, "attempt took too long"),
        (Outcome.RELEASED, State.PENDING, "given back by its worker"),
        (Outcome.CANCELLED, State.CANCELLED, "stopped on request"),
        (Outcome.LOST, State.PENDING, "its worker fell silent"),
    ],
)
def test_each_outcome_leads_to_its_state(driver, outcome, state, cause):
    driver.register("w", task("a"))
    effects = driver.report("w", driver.start("w"), outcome, message="words")
    assert ended(effects) == [("a", outcome.name, "words")]
    assert (driver.state("a"), driver.record("a").story[-1]) == (state, cause)
    assert driver.record("a").lease == 0


def test_what_a_worker_says_of_outputs_is_passed_on(driver):
    driver.register("w", task("a"))
    effects = driver.apply(Exchange("w", (Report(driver.start("w"), Outcome.DONE, outputs="[...]"),), 1))
    assert [each.outputs for each in effects if isinstance(each, AttemptEnded)] == ["[...]"]


def test_reports_and_the_question_for_more_come_in_one_exchange(driver):
    driver.register("w", task("b", "a"), task("a"))
    lease = driver.start("w")
    effects = driver.apply(Exchange("w", (Report(lease, Outcome.DONE),), 1))
    assert [each.tasks for each in effects if isinstance(each, Assigned)] == [("b",)]


def test_a_released_task_is_given_out_again_as_a_new_attempt(driver):
    driver.register("w", task("a"))
    driver.report("w", driver.start("w"), Outcome.RELEASED)
    (order,) = driver.ask("w")
    assert (order.lease, order.attempt) == (2, 2)


# -- leases fence off what comes late -------------------------------------------------------------------------------


def test_a_report_that_comes_twice_changes_nothing(driver):
    driver.register("w", task("a"))
    lease = driver.start("w")
    driver.finish("w", lease)
    before = snapshot(driver.machine)
    assert driver.fail("w", lease) == [LateReport("w", lease, Outcome.FAILED, 1000.0)]
    assert snapshot(driver.machine) == before


def test_a_report_under_another_worker_s_lease_changes_nothing(driver):
    driver.join("v")
    driver.register("w", task("a"))
    lease = driver.start("w")
    before = snapshot(driver.machine)
    assert driver.finish("v", lease) == [LateReport("v", lease, Outcome.DONE, 1000.0)]
    assert snapshot(driver.machine) == before


def test_a_worker_thought_dead_cannot_overwrite_its_successor():
    driver = Driver(Policy(lease=60.0))
    for worker in ("w", "v"):
        driver.join(worker)
        driver.register(worker, task("a"))
    old = driver.start("w")
    driver.advance(30.0)
    driver.ask("v", slots=0)
    driver.advance(30.0)
    new = driver.start("v")
    driver.join("w")
    driver.fail("w", old)
    assert driver.state("a") is State.RUNNING
    driver.finish("v", new)
    assert driver.state("a") is State.DONE


# -- trying again ---------------------------------------------------------------------------------------------------


def test_a_promised_retry_comes_when_it_is_due(driver):
    driver.register("w", task("a", retry=RetryPolicy(retries=1, delay=30.0)))
    effects = driver.fail("w", driver.start("w"), message="boom")
    assert effects[1:] == [
        StateChanged("a", State.RUNNING, State.FAILED, "attempt failed", 1000.0),
        RetryPlanned("a", 1, 1030.0, 1000.0),
    ]
    assert driver.machine.deadlines.next() == 1030.0
    assert driver.advance(29.0) == []
    assert driver.advance(1.0) == [StateChanged("a", State.FAILED, State.PENDING, "due for another attempt", 1030.0)]
    (order,) = driver.ask("w")
    assert order.attempt == 2
    driver.fail("w", order.lease)
    assert driver.advance(1e6) == []
    assert driver.state("a") is State.FAILED


def test_a_retry_without_delay_comes_in_the_same_exchange(driver):
    driver.register("w", task("a", retry=RetryPolicy(retries=1)))
    lease = driver.start("w")
    effects = driver.apply(Exchange("w", (Report(lease, Outcome.FAILED),), 1))
    assert [each.attempt for each in effects if isinstance(each, Assigned)] == [2]


def test_an_error_not_worth_a_retry_gets_none(driver):
    driver.register("w", task("a", retry=RetryPolicy(retries=3)))
    driver.fail("w", driver.start("w"), retryable=False)
    assert driver.advance(1e6) == []


def test_a_task_that_failed_too_often_rests_and_is_then_tried_as_new(driver):
    driver.register("w", task("a", retry=RetryPolicy(disable_after=1, disable_for=100.0)))
    effects = driver.fail("w", driver.start("w"))
    assert effects[1:] == [
        StateChanged("a", State.RUNNING, State.FAILED, "attempt failed", 1000.0),
        StateChanged("a", State.FAILED, State.DISABLED, "failed too often", 1000.0),
        TaskDisabled("a", 1100.0, 1000.0),
    ]
    assert driver.advance(100.0) == [StateChanged("a", State.DISABLED, State.PENDING, "enabled again", 1100.0)]
    assert driver.record("a").failures == ()


def test_where_that_is_wanted_a_task_that_is_enabled_again_waits_as_after_a_failure():
    driver = Driver(Policy(enabled_as_failure=True))
    driver.join("w")
    driver.register("w", task("a", retry=RetryPolicy(disable_after=1, disable_for=100.0, reopen_after=30.0)))
    driver.fail("w", driver.start("w"))
    assert driver.advance(100.0) == [
        StateChanged("a", State.DISABLED, State.FAILED, "enabled again as a failure", 1100.0),
        RetryPlanned("a", 0, 1130.0, 1100.0, False),
    ]
    assert driver.record("a").failures == ()
    assert driver.advance(30.0) == [StateChanged("a", State.FAILED, State.PENDING, "due for another attempt", 1130.0)]


def test_success_wipes_out_the_failures(driver):
    driver.register("w", task("a", retry=RetryPolicy(retries=9)))
    driver.fail("w", driver.start("w"))
    driver.apply(Tick())
    driver.finish("w", driver.start("w"))
    assert driver.record("a").failures == ()


def test_what_failed_and_is_forgotten_is_not_tried_again(driver):
    from rumbo.scheduler.commands import Leave

    driver.register("w", task("a", retry=RetryPolicy(reopen_after=900.0)))
    driver.fail("w", driver.start("w"))
    driver.apply(Leave("w"))
    driver.advance(10_000.0)
    assert driver.machine.tasks == {}


# -- parking --------------------------------------------------------------------------------------------------------


def test_an_attempt_waits_for_what_it_asked_for_and_goes_on_under_the_same_lease(driver):
    driver.register("w", task("a"))
    lease = driver.start("w")
    driver.register("w", task("x"), task("y", state=State.DONE))
    assert driver.park("w", lease, "x", "y") == [
        StateChanged("a", State.RUNNING, State.PARKED, "waits for what it asked for", 1000.0)
    ]
    other = driver.start("w")
    driver.finish("w", other)
    assert driver.apply(Exchange("w", slots=1)) == [
        StateChanged("a", State.PARKED, State.RUNNING, "goes on, what it asked for is done", 1000.0),
        Resumed("w", lease, "a", 1000.0),
    ]
    driver.finish("w", lease)
    assert driver.state("a") is State.DONE
    assert driver.record("a").attempts == 1


def test_an_attempt_may_park_again_and_again(driver):
    driver.register("w", task("a"), task("x"), task("y"))
    lease = driver.start("w")
    for needed in ("x", "y"):
        driver.park("w", lease, needed)
        driver.finish("w", driver.start("w"))
        assert isinstance(driver.ask("w")[0], Resumed)
    assert driver.record("a").waits_for == ("x", "y")


def test_an_attempt_that_needs_nothing_unfinished_goes_on_at_once(driver):
    driver.register("w", task("a"), task("x", state=State.DONE))
    lease = driver.start("w")
    effects = driver.apply(Exchange("w", (Report(lease, Outcome.PARKED, needs=("x",)),), 1))
    assert effects[-1] == Resumed("w", lease, "a", 1000.0)


def test_a_parked_attempt_goes_on_in_its_own_worker_only(driver):
    driver.join("v")
    for worker in ("w", "v"):
        driver.register(worker, task("a"), task("x"))
    lease = driver.start("w")
    driver.park("w", lease, "x")
    driver.finish("v", driver.start("v"))
    assert driver.apply(Exchange("v", slots=5)) == []
    assert [order.lease for order in driver.ask("w")] == [lease]


def test_a_parked_attempt_hands_its_priority_to_what_it_asked_for(driver):
    driver.register("w", task("a", priority=7), task("other", priority=3), task("x"))
    driver.park("w", driver.start("w"), "x")
    assert driver.ask("w")[0].tasks == ("x",)


def test_a_parked_attempt_holds_no_resources_and_waits_for_them_when_it_goes_on(driver):
    driver.register("w", task("a", resources={"db": 1}), task("b", resources={"db": 1}), task("x", state=State.DONE))
    lease = driver.start("w")
    driver.park("w", lease, "x")
    assert driver.machine.resources.used == {}
    (order,) = driver.ask("w")
    assert order.lease == lease
    driver.park("w", lease, "x", "b")
    other = driver.start("w")
    assert driver.ask("w") == []
    driver.finish("w", other)
    driver.ask("w")
    assert driver.machine.resources.used == {"db": 1}


def test_a_parked_attempt_waits_while_others_hold_what_it_needs(driver):
    driver.register("w", task("a", resources={"db": 1}), task("b", resources={"db": 1}), task("x"))
    lease = driver.start("w")
    driver.park("w", lease, "x")
    other, needed = driver.ask("w", slots=2)
    driver.finish("w", needed.lease)
    assert driver.ask("w") == []
    driver.finish("w", other.lease)
    assert [order.lease for order in driver.ask("w")] == [lease]


def test_what_an_attempt_asked_for_can_be_unknown_as_yet(driver):
    driver.register("w", task("a"))
    driver.park("w", driver.start("w"), "x")
    assert driver.states() == {"a": "PARKED", "x": "UNKNOWN"}
    driver.register("w", task("x"))
    driver.finish("w", driver.start("w"))
    assert isinstance(driver.ask("w")[0], Resumed)


def test_a_report_of_parking_that_comes_twice_changes_nothing(driver):
    driver.register("w", task("a"), task("x"))
    lease = driver.start("w")
    driver.park("w", lease, "x")
    before = snapshot(driver.machine)
    assert driver.park("w", lease, "x") == [LateReport("w", lease, Outcome.PARKED, 1000.0)]
    assert snapshot(driver.machine) == before


def test_a_report_of_parking_that_comes_after_the_attempt_went_on_does_no_harm(driver):
    driver.register("w", task("a"), task("x", state=State.DONE))
    lease = driver.start("w")
    driver.park("w", lease, "x")
    driver.ask("w")
    driver.park("w", lease, "x")
    driver.finish("w", lease)
    assert driver.state("a") is State.DONE


def test_an_attempt_that_asks_for_itself_fails(driver):
    driver.register("w", task("a", retry=RetryPolicy(retries=9)))
    effects = driver.park("w", driver.start("w"), "a")
    assert ended(effects) == [("a", "FAILED", "it asked for a task that waits for it in turn: a -> a")]
    assert driver.record("a").retry_at is None


def test_an_attempt_that_asks_for_what_waits_for_it_fails_and_is_told_to_stop(driver):
    driver.register("w", task("c", "b"), task("b", "a"), task("a"))
    lease = driver.start("w")
    effects = driver.park("w", lease, "c")
    assert ended(effects) == [("a", "FAILED", "it asked for a task that waits for it in turn: a -> c -> b -> a")]
    assert effects[-1] == StopAsked("w", lease, "a", 1000.0)


def test_two_attempts_that_ask_for_each_other_do_not_wait_for_ever(driver):
    driver.register("w", task("a"), task("b"))
    first, second = driver.ask("w", slots=2)
    driver.park("w", first.lease, "b")
    effects = driver.park("w", second.lease, "a")
    assert ended(effects) == [("b", "FAILED", "it asked for a task that waits for it in turn: b -> a -> b")]
    assert driver.state("a") is State.PARKED


def test_an_attempt_begun_anew_finds_out_anew_what_it_needs(driver):
    driver.register("w", task("b", "a"), task("a", state=State.DONE), task("x", state=State.UNKNOWN))
    lease = driver.start("w")
    driver.park("w", lease, "x")
    driver.report("w", lease, Outcome.RELEASED)
    assert driver.record("b").waits_for == ("a",)
    assert driver.start("w")


def test_a_retry_finds_out_anew_what_it_needs(driver):
    driver.register("w", task("a", retry=RetryPolicy(retries=1)), task("x", state=State.UNKNOWN))
    lease = driver.start("w")
    driver.park("w", lease, "x")
    driver.report("w", lease, Outcome.TIMED_OUT)
    driver.apply(Tick())
    assert driver.record("a").waits_for == ()
    assert driver.start("w")


def test_a_parked_attempt_of_a_lost_worker_begins_anew_elsewhere():
    driver = Driver(Policy(lease=60.0))
    for worker in ("w", "v"):
        driver.join(worker)
        driver.register(worker, task("a"), task("x"))
    driver.park("w", driver.start("w"), "x")
    driver.advance(30.0)
    driver.ask("v", slots=0)
    driver.advance(30.0)
    assert driver.state("a") is State.PENDING
    assert [order.tasks for order in driver.ask("v", slots=2)] == [("a",), ("x",)]


# -- batches --------------------------------------------------------------------------------------------------------


def batch(*ids: str, key: BatchKey = KEY, **fields) -> list:
    return [task(id, batch=key, **fields) for id in ids]


def test_ready_tasks_of_one_key_are_done_by_one_attempt(driver):
    driver.register("w", *batch("a", "b"), task("other"), *batch("late")[:0])
    assert driver.apply(Exchange("w", slots=1)) == [
        Assigned("w", 1, ("a", "b"), 1, None, 1000.0),
        StateChanged("a", State.PENDING, State.BATCHED, "given to a worker in a batch", 1000.0),
        StateChanged("b", State.PENDING, State.BATCHED, "given to a worker in a batch", 1000.0),
    ]
    driver.finish("w", 1)
    assert driver.states() == {"a": "DONE", "b": "DONE", "other": "PENDING"}


def test_one_task_alone_is_no_batch(driver):
    driver.register("w", *batch("a"))
    driver.start("w")
    assert driver.state("a") is State.RUNNING


def test_a_batch_has_no_more_tasks_than_its_limit(driver):
    driver.register("w", *batch(*"abcde", key=KEY._replace(limit=2)))
    assert [order.tasks for order in driver.ask("w", slots=9)] == [("a", "b"), ("c", "d"), ("e",)]


def test_a_batch_is_only_of_what_is_ready(driver):
    driver.register("w", *batch("a", "b"), task("c", "x", batch=KEY), task("x", state=State.UNKNOWN))
    assert driver.ask("w")[0].tasks == ("a", "b")


def test_the_more_important_go_first(driver):
    driver.register(
        "w", *batch("a", "b", key=KEY._replace(limit=2)), *batch("c", key=KEY._replace(limit=2), priority=1)
    )
    driver.register("w", task("urgent", "b", priority=2))
    assert driver.ask("w")[0].tasks == ("b", "c")


def test_a_batch_that_fails_is_tried_again_task_by_task_or_together(driver):
    driver.register("w", *batch("a", "b", retry=RetryPolicy(retries=1, delay=10.0)))
    effects = driver.fail("w", driver.start("w"), message="boom")
    assert ended(effects) == [("a", "FAILED", "boom"), ("b", "FAILED", "boom")]
    driver.advance(10.0)
    (order,) = driver.ask("w")
    assert (order.tasks, order.attempt) == (("a", "b"), 2)


def test_a_batch_holds_the_resources_of_one(driver):
    driver.register("w", *batch("a", "b", resources={"db": 1}))
    lease = driver.start("w")
    assert driver.machine.resources.used == {"db": 1}
    driver.finish("w", lease)
    assert driver.machine.resources.used == {}


def test_a_batch_leaves_no_place_in_line_and_no_claim_behind(driver):
    driver.register("w", task("holder", resources={"db": 1}), *batch("a", "b", resources={"db": 1}))
    holder = driver.start("w")
    assert driver.ask("w", slots=3) == []
    driver.finish("w", holder)
    assert driver.ask("w", slots=3)[0].tasks == ("a", "b")
    assert driver.ask("w", slots=3) == []
    assert driver.machine.resources.claims == {}


def test_a_batch_cannot_ask_for_more(driver):
    driver.register("w", *batch("a", "b"), task("x"))
    lease = driver.ask("w")[0].lease
    effects = driver.park("w", lease, "x")
    message = "a batch of tasks cannot ask for more tasks while it runs"
    assert ended(effects) == [("a", "FAILED", message), ("b", "FAILED", message)]
    assert effects[-1] == StopAsked("w", lease, "a", 1000.0)


def test_a_released_batch_is_put_together_anew(driver):
    driver.register("w", *batch("a", "b"))
    driver.report("w", driver.start("w"), Outcome.RELEASED)
    driver.register("w", *batch("c"))
    assert driver.ask("w")[0].tasks == ("a", "b", "c")


# -- what running tasks say -----------------------------------------------------------------------------------------


def test_what_a_task_says_of_itself_is_passed_on(driver):
    driver.register("w", *batch("a", "b"))
    lease = driver.start("w")
    assert driver.apply(Note("w", lease, "progress", "50")) == [
        Noted("a", lease, "progress", "50", 1000.0),
        Noted("b", lease, "progress", "50", 1000.0),
    ]


def test_what_is_said_under_a_lease_that_is_over_or_another_s_is_dropped(driver):
    driver.join("v")
    driver.register("w", task("a"))
    lease = driver.start("w")
    assert driver.apply(Note("v", lease, "message", "not mine")) == []
    driver.finish("w", lease)
    assert driver.apply(Note("w", lease, "message", "too late")) == []


def test_a_running_task_gives_back_part_of_what_it_holds(driver):
    driver.machine.resources.set_capacity("memory", 8)
    driver.register("w", task("a", resources={"memory": 8, "db": 1}), task("b", resources={"memory": 5}))
    lease = driver.start("w")
    assert driver.ask("w") == []
    driver.apply(ShrinkResources("w", lease, {"memory": 5, "disk": 3, "db": -1}))
    assert driver.machine.resources.used == {"memory": 3, "db": 1}
    assert [order.tasks for order in driver.ask("w")] == [("b",)]
    driver.finish("w", lease)
    assert driver.machine.resources.used == {"memory": 5}


def test_a_running_task_may_give_back_all_and_more(driver):
    driver.register("w", task("a", resources={"db": 1}))
    lease = driver.start("w")
    driver.apply(ShrinkResources("w", lease, {"db": 5}))
    driver.apply(ShrinkResources("w", lease, {"db": 5}))
    assert driver.machine.resources.used == {}
    driver.finish("w", lease)
    assert driver.state("a") is State.DONE


def test_a_parked_or_finished_attempt_has_nothing_to_give_back(driver):
    driver.register("w", task("a", resources={"db": 1}), task("x"))
    lease = driver.start("w")
    driver.park("w", lease, "x")
    assert driver.apply(ShrinkResources("w", lease, {"db": 1})) == []
    assert driver.apply(ShrinkResources("w", 99, {"db": 1})) == []
    assert driver.machine.resources.used == {}


# -- beginning of one's own accord ------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["pending", "waiting", "done", "failed", "cancelled", "switched off", "unknown"])
def test_a_worker_that_began_a_task_by_itself_holds_it(driver, before):
    driver.register("w", task("a", "needed", resources={"db": 5}))
    if before == "pending":
        driver.register("w", task("needed", state=State.DONE))
    if before in ("done", "failed"):
        driver.apply(Claim("w", "a"))
        driver.report("w", driver.record("a").lease, Outcome.DONE if before == "done" else Outcome.FAILED)
    if before == "cancelled":
        driver.apply(Cancel(("a",)))
    if before == "switched off":
        driver.register("w", task("a", state=State.DISABLED))
    name = "needed" if before == "unknown" else "a"
    (given, changed) = driver.apply(Claim("w", name))
    assert isinstance(given, Assigned)
    assert (given.worker, given.tasks) == ("w", (name,))
    assert (changed.new, changed.cause) == (State.RUNNING, "begun by a worker of its own accord")
    assert driver.finish("w", given.lease)[-1].new is State.DONE


def test_a_batch_is_not_gathered_by_a_worker_that_began_one_of_its_tasks(driver):
    driver.register("w", task("a", batch=KEY), task("b", batch=KEY))
    driver.apply(Claim("w", "a"))
    assert (driver.record("a").state, driver.record("b").state) == (State.RUNNING, State.PENDING)


def test_what_somebody_holds_cannot_be_claimed(driver):
    driver.join("other")
    driver.register("w", task("a"))
    driver.start("w")
    with pytest.raises(CommandRejected) as caught:
        driver.apply(Claim("other", "a"))
    assert str(caught.value) == "a is RUNNING: w holds it."


def test_what_is_disabled_by_its_failures_cannot_be_claimed(driver):
    driver.register("w", task("a", retry=RetryPolicy(disable_after=1)))
    driver.fail("w", driver.start("w"))
    with pytest.raises(CommandRejected) as caught:
        driver.apply(Claim("w", "a"))
    assert str(caught.value) == "a is DISABLED by its failures: enable it first."
