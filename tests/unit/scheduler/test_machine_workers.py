"""Workers come, share, help, fall silent and go."""

from __future__ import annotations

import pytest

from rumbo.errors import CommandRejected
from rumbo.scheduler.commands import (
    Beat,
    DisableWorker,
    Exchange,
    Join,
    Leave,
    Lose,
    Note,
    Pause,
    Refuse,
    Report,
    ShrinkResources,
    Unpause,
)
from rumbo.scheduler.effects import Assigned, AttemptEnded, Forgotten, Refused, StateChanged, WorkerLost
from rumbo.scheduler.machine import Policy
from rumbo.scheduler.records import Outcome, State
from rumbo.testing.simulation import Driver, snapshot, task


@pytest.fixture
def driver() -> Driver:
    driver = Driver()
    driver.join("w")
    return driver


def given(orders: list) -> list[str]:
    return [id for order in orders for id in order.tasks]


@pytest.mark.parametrize(
    "command",
    [
        Exchange("stranger"),
        Beat("stranger"),
        Leave("stranger"),
        DisableWorker("stranger"),
        Note("stranger", 1, "message", "hello"),
        ShrinkResources("stranger", 1, {}),
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_stranger_must_join_first(driver, command):
    driver.register("w", task("a"))
    before = snapshot(driver.machine)
    driver.now += 10.0
    with pytest.raises(CommandRejected, match="does not know a worker 'stranger': it must join"):
        driver.apply(command)
    assert snapshot(driver.machine) == before


def test_a_worker_gets_as_many_attempts_as_it_has_slots(driver):
    driver.register("w", task("a"), task("b"), task("c"))
    assert given(driver.ask("w", slots=2)) == ["a", "b"]
    assert given(driver.ask("w", slots=0)) == []
    assert given(driver.ask("w", slots=5)) == ["c"]


def test_an_order_says_all_that_a_worker_needs():
    driver = Driver(Policy(lease=60.0))
    driver.join("w")
    driver.register("w", task("a"))
    effects = driver.apply(Exchange("w", slots=1))
    assert effects == [
        Assigned("w", lease=1, tasks=("a",), attempt=1, deadline=1060.0, at=1000.0),
        StateChanged("a", State.PENDING, State.RUNNING, "given to a worker", 1000.0),
    ]


def test_a_worker_that_is_trusted_has_no_deadline(driver):
    driver.register("w", task("a"))
    (order,) = driver.ask("w")
    assert order.deadline is None
    assert driver.machine.deadlines.next() is None


def test_two_workers_that_want_the_same_share_it(driver):
    driver.join("v")
    for worker in ("v", "w"):
        driver.register(worker, task("c", "a", "b"), task("a"), task("b"))
    assert given(driver.ask("v")) == ["a"]
    (order,) = driver.ask("w")
    assert order.tasks == ("b",)
    assert driver.ask("v") == []
    driver.finish("w", order.lease)
    driver.finish("v", 1)
    assert given(driver.ask("v")) == ["c"]
    assert driver.ask("w") == []


def test_a_worker_gets_only_what_it_asked_for_itself(driver):
    driver.join("v")
    driver.register("w", task("a"))
    assert driver.ask("v") == []


def test_a_worker_that_asks_for_what_is_ready_already_can_have_it(driver):
    driver.register("w", task("a"))
    driver.join("v")
    driver.register("v", task("a"))
    assert given(driver.ask("v")) == ["a"]


def test_a_worker_that_cannot_run_a_task_waits_for_those_who_can(driver):
    driver.join("v")
    driver.register("w", task("a"))
    driver.register("v", task("a", runnable=False), task("b", "a"))
    assert driver.ask("v") == []
    driver.finish("w", driver.start("w"))
    assert given(driver.ask("v")) == ["b"]


@pytest.mark.parametrize("said", [State.PENDING, State.UNKNOWN, State.DISABLED])
def test_who_cannot_run_a_task_takes_nothing_from_those_who_can(driver, said):
    driver.join("v")
    driver.register("w", task("needed"), task("a", "needed"), run="w's")
    driver.register("v", task("a", runnable=False, state=said), run="v's")
    record = driver.record("a")
    assert (record.spec.dependencies, record.runners, record.stakeholders) == (("needed",), ("w",), ("w", "v"))
    assert (record.state, record.run) == (State.PENDING, "w's")


def test_who_cannot_run_a_task_may_find_it_complete(driver):
    driver.join("v")
    driver.register("w", task("a"), task("b"))
    driver.fail("w", driver.start("w"))
    lease = driver.start("w")
    for _ in "once and again":
        driver.register("v", task("a", runnable=False, state=State.DONE), task("b", runnable=False, state=State.DONE))
    assert (driver.state("a"), driver.record("a").failures) == (State.DONE, ())
    assert driver.state("b") is State.RUNNING  # its worker knows best
    driver.finish("w", lease)


def test_when_those_who_could_are_gone_the_word_of_others_counts(driver):
    driver.join("v")
    driver.register("w", task("a", "needed"))
    driver.apply(Leave("w"))
    driver.register("v", task("a", runnable=False))
    assert driver.record("a").spec.dependencies == ()


def test_a_worker_that_says_it_cannot_run_a_task_any_more_does_not_get_it(driver):
    driver.join("v", "gpu")
    driver.register("w", task("a", pool="gpu"))
    driver.register("v", task("a", pool="gpu"))
    driver.register("w", task("a", pool="gpu", runnable=False))
    driver.register("v", task("a", pool="gpu"))
    assert driver.record("a").runners == ("v",)


# -- pools and assistants -------------------------------------------------------------------------------------------


def test_a_task_goes_to_workers_that_serve_its_pool(driver):
    driver.join("v", "gpu", "default")
    for worker in ("w", "v"):
        driver.register(worker, task("a", pool="gpu"))
    assert driver.ask("w") == []
    assert given(driver.ask("v")) == ["a"]


def test_an_assistant_runs_what_others_asked_for(driver):
    driver.register("w", task("a"), task("b"))
    driver.join("helper", assistant=True)
    driver.register("w", task("c"))
    assert given(driver.ask("helper", slots=5)) == ["a", "b", "c"]


def test_an_assistant_runs_nothing_outside_its_pools(driver):
    driver.join("helper", "gpu", assistant=True)
    driver.register("w", task("a"), task("b", pool="gpu"))
    assert given(driver.ask("helper", slots=5)) == ["b"]


def test_an_assistant_s_own_tasks_and_those_of_others_stand_in_one_order(driver):
    driver.join("helper", assistant=True)
    driver.register("w", task("a"))
    driver.register("helper", task("b"), task("c", priority=1))
    driver.register("w", task("d"))
    assert given(driver.ask("helper", slots=9)) == ["c", "a", "b", "d"]


def test_assistants_get_one_task_once(driver):
    driver.join("one", assistant=True)
    driver.join("two", assistant=True)
    driver.register("w", task("a"), task("b"))
    assert given(driver.ask("one")) == ["a"]
    assert given(driver.ask("two", slots=5)) == ["b"]
    assert driver.ask("w") == []


def test_nothing_is_kept_for_assistants_that_are_gone(driver):
    driver.join("one", assistant=True)
    driver.join("two", assistant=True)
    driver.apply(Leave("one"))
    driver.register("w", task("a"))
    assert driver.machine.ready.length(("pool", "default", "")) == 1
    driver.apply(Leave("two"))
    assert not driver.machine.ready.is_open(("pool", "default", ""))
    driver.register("w", task("b"))
    driver.join("three", assistant=True)
    assert given(driver.ask("three", slots=5)) == ["a", "b"]


def test_joining_again_with_the_same_words_is_a_sign_of_life_only():
    driver = Driver(Policy(lease=60.0))
    driver.join("w")
    driver.register("w", task("a"))
    driver.advance(59.0)
    driver.join("w")
    driver.advance(59.0)
    assert given(driver.ask("w")) == ["a"]


def test_joining_again_changes_the_pools(driver):
    driver.register("w", task("a"), task("b", pool="gpu"), task("c", "x", pool="gpu"), task("x", state=State.UNKNOWN))
    driver.join("w", "gpu")
    driver.register("w", task("x", state=State.DONE))
    assert given(driver.ask("w", slots=5)) == ["b", "c"]
    driver.join("w", "default", "gpu")
    assert given(driver.ask("w", slots=5)) == ["a"]


def test_joining_again_leaves_what_runs_or_is_parked_alone(driver):
    driver.register("w", task("a"), task("b"), task("c"))
    first, second = driver.ask("w", slots=2)
    driver.park("w", first.lease)
    driver.join("w", "gpu")
    assert driver.ask("w", slots=5) != []
    assert driver.states() == {"a": "RUNNING", "b": "RUNNING", "c": "PENDING"}
    driver.park("w", second.lease)
    driver.join("w", "default")
    assert [order.lease for order in driver.ask("w", slots=1)] == [second.lease]


def test_a_worker_can_become_an_assistant_and_stop_being_one(driver):
    driver.join("helper")
    driver.register("w", task("a"), task("b"))
    assert driver.ask("helper") == []
    driver.join("helper", assistant=True)
    assert given(driver.ask("helper")) == ["a"]
    driver.join("helper")
    assert driver.ask("helper") == []


# -- leaving and falling silent -------------------------------------------------------------------------------------


def test_a_worker_that_leaves_gives_back_what_it_holds(driver):
    driver.join("v")
    for worker in ("w", "v"):
        driver.register(worker, task("a"))
    driver.start("w")
    effects = driver.apply(Leave("w"))
    assert effects == [
        AttemptEnded("a", 1, 1, "w", Outcome.RELEASED, "its worker left", 1000.0),
        StateChanged("a", State.RUNNING, State.PENDING, "given back by its worker", 1000.0),
    ]
    (order,) = driver.ask("v")
    assert (order.tasks, order.lease, order.attempt) == (("a",), 2, 2)


def test_a_silent_worker_loses_its_leases_and_another_goes_on():
    driver = Driver(Policy(lease=60.0))
    driver.join("w")
    driver.join("v")
    for worker in ("w", "v"):
        driver.register(worker, task("a"))
    driver.start("w")
    driver.advance(30.0)
    driver.apply(Beat("v"))
    effects = driver.advance(30.0)
    assert effects == [
        WorkerLost("w", 1060.0),
        AttemptEnded("a", 1, 1, "w", Outcome.LOST, "its worker was silent for 60 s", 1060.0),
        StateChanged("a", State.RUNNING, State.PENDING, "its worker fell silent", 1060.0),
    ]
    assert given(driver.ask("v")) == ["a"]


@pytest.mark.parametrize("command", [Beat("w"), Exchange("w"), Note("w", 1, "message", "hello"), Join("w")])
def test_any_sign_of_life_keeps_a_worker(command):
    driver = Driver(Policy(lease=60.0))
    driver.join("w")
    for _ in range(10):
        driver.advance(59.0)
        driver.apply(command)
    assert "w" in driver.machine.workers
    driver.advance(60.0)
    assert driver.machine.workers == {}


def test_an_exchange_finds_out_about_others_that_are_silent():
    driver = Driver(Policy(lease=60.0))
    driver.join("w")
    driver.join("v")
    for worker in ("w", "v"):
        driver.register(worker, task("a"))
    driver.start("w")
    driver.now += 59.0
    driver.apply(Beat("v"))
    driver.now += 1.0
    assert given(driver.ask("v")) == ["a"]


def test_a_lost_worker_must_join_again_and_its_report_comes_too_late():
    driver = Driver(Policy(lease=60.0))
    driver.join("w")
    driver.register("w", task("a"))
    lease = driver.start("w")
    driver.advance(60.0)
    with pytest.raises(CommandRejected):
        driver.finish("w", lease)
    driver.join("w")
    driver.register("w", task("a"))
    driver.finish("w", lease)
    assert driver.state("a") is State.PENDING


def test_a_task_that_kills_its_workers_has_failed():
    driver = Driver(Policy(lease=60.0, max_losses=2))
    for worker in ("one", "two"):
        driver.join(worker)
        driver.register(worker, task("a"), task("b", "a"))
        driver.start(worker)
        driver.advance(60.0)
    assert driver.state("a") is State.FAILED
    assert driver.record("a").story[-1] == "its workers fell silent too often"


def test_losses_count_in_a_row_only():
    driver = Driver(Policy(lease=60.0, max_losses=2, cooldown=0.0))
    outcomes = (Outcome.LOST, Outcome.FAILED, Outcome.LOST, Outcome.DONE, Outcome.LOST)
    for run, outcome in zip("12345", outcomes, strict=True):
        driver.join("w")
        driver.register("w", task("a"), run=run)
        lease = driver.start("w")
        if outcome is Outcome.LOST:
            driver.advance(60.0)
        else:
            driver.report("w", lease, outcome)
    assert driver.state("a") is State.PENDING


def test_what_only_a_lost_worker_wanted_is_forgotten_in_time():
    driver = Driver(Policy(lease=60.0, forget_after=100.0))
    driver.join("w")
    driver.register("w", task("a"))
    driver.start("w")
    effects = driver.advance(160.0)
    assert effects[-1] == Forgotten("a", 1160.0)


# -- pause and ban --------------------------------------------------------------------------------------------------


def test_a_paused_scheduler_gives_out_nothing_new_and_what_runs_goes_on(driver):
    driver.register("w", task("a"), task("b", "a"))
    lease = driver.start("w")
    driver.apply(Pause())
    driver.finish("w", lease)
    assert driver.ask("w") == []
    driver.apply(Unpause())
    assert given(driver.ask("w")) == ["b"]


def test_a_disabled_worker_gets_nothing_new_and_what_it_runs_may_finish(driver):
    driver.register("w", task("a"), task("b"))
    lease = driver.start("w")
    driver.apply(DisableWorker("w"))
    assert driver.ask("w") == []
    driver.finish("w", lease)
    assert driver.states() == {"a": "DONE", "b": "PENDING"}


@pytest.mark.parametrize("command", [Pause(), DisableWorker("w")], ids=["pause", "ban"])
def test_a_parked_attempt_was_begun_and_goes_on(driver, command):
    driver.register("w", task("a"), task("b"), task("c"))
    lease = driver.start("w")
    other = driver.start("w")
    driver.park("w", lease, "b")
    driver.apply(command)
    driver.finish("w", other)
    assert [order.lease for order in driver.ask("w", slots=3)] == [lease]


# -- modules, and what a worker has of its own ------------------------------------------------------------------------


def test_an_assistant_serves_modules_that_come_later(driver):
    driver.join("helper", assistant=True)
    driver.register("w", task("a", module="one"))
    driver.register("w", task("b", module="two"))
    assert given(driver.ask("helper", slots=5)) == ["a", "b"]


def test_what_an_assistant_cannot_import_goes_to_others(driver):
    driver.join("helper", assistant=True)
    driver.join("other", assistant=True)
    driver.register("w", task("a", module="m"), task("b", module="m"), task("c", module="n"))
    (first,) = driver.ask("helper")
    effects = driver.apply(Refuse("helper", first.lease, "there is no module m"))
    assert effects[0] == Refused("helper", "a", "m", "there is no module m", driver.now)
    assert driver.machine.tasks["a"].state is State.PENDING
    assert given(driver.ask("helper", slots=5)) == ["c"]
    assert given(driver.ask("other", slots=5)) == ["a", "b"]


def test_a_refusal_under_a_lease_that_is_over_changes_nothing(driver):
    driver.join("helper", assistant=True)
    driver.register("w", task("a", module="m"))
    assert driver.apply(Refuse("helper", 99, "no")) == []
    assert driver.machine.workers["helper"].refused == {}


def test_an_assistant_that_joins_again_is_asked_again(driver):
    driver.join("helper", assistant=True)
    driver.register("w", task("a", module="m"))
    (first,) = driver.ask("helper")
    driver.apply(Refuse("helper", first.lease, "no"))
    driver.join("helper", assistant=True)
    assert given(driver.ask("helper")) == ["a"]


def test_what_cannot_travel_is_not_for_assistants(driver):
    driver.join("helper", assistant=True)
    driver.register("w", task("secret", portable=False))
    assert driver.ask("helper") == []
    assert given(driver.ask("w")) == ["secret"]


def test_a_worker_is_lost_when_its_shell_says_so(driver):
    driver.register("w", task("a"))
    lease = driver.start("w")
    assert driver.apply(Lose("w", "cut off"))[0] == WorkerLost("w", driver.now)
    assert driver.machine.tasks["a"].state is State.PENDING
    assert driver.apply(Lose("w")) == []
    assert lease not in driver.machine.leases


def test_attempts_share_what_their_worker_has_of_its_own(driver):
    driver.join("big", assistant=True, capacity={"cpu": 4})
    driver.join("small", assistant=True, capacity={"cpu": 1})
    driver.register("big", task("a", resources={"cpu": 3}), task("b", resources={"cpu": 2}))
    assert driver.ask("small", slots=2) == []
    (only,) = driver.ask("big", slots=2)
    assert only.tasks == ("a",)
    driver.finish("big", only.lease)
    assert given(driver.ask("big", slots=2)) == ["b"]


def test_a_worker_may_have_more_than_it_said_at_first(driver):
    driver.join("big", capacity={"cpu": 1})
    driver.register("big", task("a", resources={"cpu": 3}))
    assert driver.ask("big") == []
    driver.join("big", capacity={"cpu": 4})
    assert given(driver.ask("big")) == ["a"]


def test_claims_go_with_their_worker(driver):
    driver.join("v")
    driver.register("w", task("first", priority=2, resources={"db": 1}), task("next", priority=1, resources={"db": 1}))
    driver.register("v", task("late", resources={"db": 1}))
    driver.start("w")
    driver.ask("w")
    assert driver.machine.resources.claims
    driver.machine.ready.take_stirred()
    driver.apply(Leave("w"))
    assert driver.machine.ready.take_stirred() is None


def test_how_long_an_attempt_took_is_passed_on(driver):
    driver.register("w", task("a"))
    report = Report(driver.start("w"), Outcome.DONE, seconds=1.5)
    ended = next(each for each in driver.apply(Exchange("w", (report,))) if isinstance(each, AttemptEnded))
    assert ended.seconds == 1.5
