"""Questions that change nothing, and their answers in whole sentences."""

from __future__ import annotations

import pytest

from rumbo.scheduler import reasons, views
from rumbo.scheduler.commands import Cancel, DisableWorker, Pause, Refuse
from rumbo.scheduler.records import BatchKey, Outcome, RetryPolicy, State
from rumbo.scheduler.views import Prospects
from rumbo.testing.simulation import Driver, snapshot, task


@pytest.fixture
def driver() -> Driver:
    driver = Driver()
    driver.join("w")
    return driver


def why(driver: Driver, id: str = "a") -> str:
    before = snapshot(driver.machine)
    sentence = reasons.why_not(driver.machine, id)
    assert snapshot(driver.machine) == before
    return sentence


# -- why not --------------------------------------------------------------------------------------------------------


def test_a_stranger(driver):
    assert why(driver, "nobody") == "It is not known here."


def test_next_in_line(driver):
    driver.register("w", task("a"))
    assert why(driver) == "It is ready, and next in line."


def test_behind_others(driver):
    driver.join("v")
    for worker in ("w", "v"):
        driver.register(worker, task("x"), task("y"), task("a"), task("z"))
    assert why(driver) == "It is ready, with 2 before it in line."


def test_waiting_for_dependencies_the_hopeless_first(driver):
    driver.register("w", task("a", *"pqrst"), task("p", state=State.DONE), task("q"), task("r"), task("s"))
    driver.register("w", task("t"))
    driver.apply(Cancel(("t",)))
    assert why(driver) == "It waits for 4 of 5: t (cancelled), q, r and 1 more."


def test_waiting_for_what_nobody_described(driver):
    driver.register("w", task("a", "x"))
    assert why(driver) == "It waits for 1 of 1: x (unknown)."
    assert why(driver, "x") == "Nobody has described it, or its description is broken."


def test_external(driver):
    driver.register("w", task("a", runnable=False))
    assert why(driver) == "It is brought about by somebody else, and is not there yet."


def test_paused(driver):
    driver.register("w", task("a"))
    driver.apply(Pause())
    assert why(driver) == "The scheduler is paused."


def test_without_a_worker(driver):
    driver.register("w", task("a", pool="gpu"))
    assert why(driver) == "No worker that can run it is connected."
    driver.join("helper", "gpu", assistant=True)
    assert why(driver) == "It is ready, and next in line."


def test_with_a_worker_that_gets_nothing_any_more(driver):
    driver.register("w", task("a"))
    driver.apply(DisableWorker("w"))
    assert why(driver) == "No worker that can run it is connected."


def test_lacking_a_resource(driver):
    driver.machine.resources.set_capacity("memory", 10)
    driver.register("w", task("x", resources={"memory": 2.5}), task("a", resources={"memory": 9}))
    driver.start("w")
    assert why(driver) == "It waits for resource 'memory': it needs 9, and of 10 there are 2.5 in use."


def test_lacking_a_resource_that_is_kept_for_others(driver):
    driver.machine.resources.set_capacity("memory", 10)
    driver.register("w", task("x", resources={"memory": 2}), task("y", resources={"memory": 10}))
    driver.register("w", task("a", resources={"memory": 1}))
    driver.start("w")
    assert driver.ask("w") == []
    assert why(driver) == (
        "It waits for resource 'memory': it needs 1, and of 10 there are 2 in use and 10 kept for tasks before it."
    )


def test_lacking_more_than_there_is(driver):
    driver.register("w", task("a", resources={"memory": 3}))
    assert why(driver) == "It waits for resource 'memory': it needs 3, and there is no more than 1."


def test_running_and_batched(driver):
    driver.register("w", task("a"))
    lease = driver.start("w")
    assert why(driver) == "It is being run by w (attempt 1)."
    driver.report("w", lease, Outcome.RELEASED)
    driver.register("w", *(task(id, batch=BatchKey("Family", (), 0)) for id in ("a", "b")))
    driver.start("w")
    assert why(driver) == "It is being run by w (attempt 2)."


def test_parked(driver):
    driver.register("w", task("a"))
    driver.park("w", driver.start("w"), "x")
    assert why(driver) == "Its run() waits for 1 of 1: x (unknown)."
    driver.register("w", task("x", state=State.DONE))
    assert why(driver) == "Its run() has what it waited for, and goes on when its worker has room."


def test_failed(driver):
    driver.register("w", task("a", retry=RetryPolicy(retries=1, delay=60)))
    driver.fail("w", driver.start("w"))
    assert why(driver) == "It failed once; it is tried again at 1060."
    driver.advance(60)
    driver.fail("w", driver.start("w"))
    assert why(driver) == "It failed 2 times; it is not tried again."


def test_failed_and_to_be_looked_at_again(driver):
    driver.register("w", task("a", retry=RetryPolicy(reopen_after=5.0)))
    driver.fail("w", driver.start("w"))
    assert why(driver) == "It failed once; it is tried again at 1005."


def test_failed_by_losing_its_workers(driver):
    driver.register("w", task("a"))
    for _ in range(3):
        driver.report("w", driver.start("w"), Outcome.LOST)
    assert why(driver) == "Its workers fell silent 3 times; it is not tried again."


def test_disabled(driver):
    driver.register("w", task("a", retry=RetryPolicy(disable_after=1, disable_for=60)), task("b", state=State.DISABLED))
    driver.fail("w", driver.start("w"))
    assert why(driver) == "It failed once and rests until 1060."
    assert why(driver, "b") == "Its author switched it off."


def test_done_and_withdrawn(driver):
    driver.register("w", task("a", state=State.DONE), task("b"))
    driver.apply(Cancel(("b",)))
    assert why(driver) == "It is done."
    assert why(driver, "b") == "It was withdrawn."


# -- counts and prospects -------------------------------------------------------------------------------------------


def test_counts_leave_out_states_without_tasks(driver):
    driver.register("w", task("a"), task("b"), task("c", state=State.DONE))
    driver.start("w")
    assert views.counts(driver.machine) == {State.PENDING: 1, State.RUNNING: 1, State.DONE: 1}
    assert list(views.counts(driver.machine)) == [State.PENDING, State.RUNNING, State.DONE]


def test_a_worker_waits_for_others_that_hold_what_it_wants(driver):
    driver.join("v")
    driver.register("v", task("a"))
    driver.register("w", task("a"))
    assert not views.waits_for_others(driver.machine, "w")
    driver.start("v")
    assert views.waits_for_others(driver.machine, "w")
    assert not views.waits_for_others(driver.machine, "v")


def test_a_worker_without_tasks_has_no_prospects(driver):
    assert views.prospects(driver.machine, "w") == Prospects(0, 0, None, 0)


def test_what_a_worker_holds_and_what_is_in_line_for_it(driver):
    driver.register("w", task("a"), task("b"), task("c"), task("d", "b"), task("e", runnable=False))
    lease = driver.start("w")
    driver.start("w")
    driver.park("w", lease, "c")
    assert views.prospects(driver.machine, "w") == Prospects(held=2, ready=1, retries_at=None, elsewhere=0)


def test_the_first_of_the_retries_that_were_promised(driver):
    driver.register("w", *(task(f"t{d}", retry=RetryPolicy(retries=1, delay=d)) for d in (50.0, 20.0, 90.0)))
    driver.register("w", task("later", retry=RetryPolicy(reopen_after=5.0)))
    for order in driver.ask("w", slots=9):
        driver.fail("w", order.lease)
    assert views.prospects(driver.machine, "w").retries_at == 1020.0


def test_a_retry_that_was_not_promised_is_not_waited_for(driver):
    driver.register("w", task("a", retry=RetryPolicy(reopen_after=5.0)))
    driver.fail("w", driver.start("w"))
    assert views.prospects(driver.machine, "w").retries_at is None


def test_what_others_hold_or_may_begin(driver):
    driver.join("v", "default", "gpu")
    for worker in ("w", "v"):
        driver.register(worker, task("a"), task("b", pool="gpu"), task("c", pool="nobody's"))
    driver.start("v")
    assert views.prospects(driver.machine, "w") == Prospects(held=0, ready=0, retries_at=None, elsewhere=2)
    driver.apply(DisableWorker("v"))
    assert views.prospects(driver.machine, "w").elsewhere == 1
    driver.join("helper", "nobody's", assistant=True)
    assert views.prospects(driver.machine, "w").elsewhere == 2


def test_what_turned_out_to_be_external_is_in_line_for_nobody(driver):
    driver.join("v")
    driver.register("v", task("a"))
    driver.register("v", task("a", runnable=False))
    assert views.prospects(driver.machine, "v") == Prospects(held=0, ready=0, retries_at=None, elsewhere=0)


# -- hopeless -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "hopeless"),
    [
        (task("x"), False),
        (task("x", state=State.DONE), False),
        (task("x", runnable=False), True),
        (task("x", state=State.DISABLED), True),
        (task("x", state=State.UNKNOWN), True),
        (task("x", "a"), False),
    ],
    ids=["pending", "done", "external", "switched off", "unknown", "in a circle"],
)
def test_a_task_is_as_hopeless_as_what_it_waits_for(driver, spec, hopeless):
    driver.register("w", task("a", "m", "done"), task("m", "x"), task("done", state=State.DONE), spec)
    assert views.is_hopeless(driver.machine, "a") is hopeless


def test_a_failed_task_is_hopeless_unless_it_is_tried_again(driver):
    driver.register("w", task("a", "x"), task("x", retry=RetryPolicy(retries=1, delay=10.0)))
    driver.fail("w", driver.start("w"))
    assert not views.is_hopeless(driver.machine, "a")
    driver.advance(10.0)
    driver.fail("w", driver.start("w"))
    assert views.is_hopeless(driver.machine, "a")
    assert views.is_hopeless(driver.machine, "x")


def test_a_parked_attempt_is_as_hopeless_as_what_it_asked_for(driver):
    driver.register("w", task("a"), task("x"))
    driver.park("w", driver.start("w"), "x")
    assert not views.is_hopeless(driver.machine, "a")
    driver.apply(Cancel(("x",)))
    assert views.is_hopeless(driver.machine, "a")


def test_what_runs_is_not_hopeless(driver):
    driver.register("w", task("a"))
    driver.start("w")
    assert not views.is_hopeless(driver.machine, "a")


def test_each_task_is_looked_at_once(driver):
    wide = [task(f"b{i}", "x") for i in range(100)]
    driver.register("w", task("a", *(spec.id for spec in wide)), *wide, task("x"))
    assert not views.is_hopeless(driver.machine, "a")


# -- neighbourhood --------------------------------------------------------------------------------------------------


@pytest.fixture
def diamond(driver) -> Driver:
    driver.register("w", task("root", "left", "right"), task("left", "leaf"), task("right", "leaf"), task("leaf"))
    return driver


def test_what_a_task_needs_breadth_first(diamond):
    assert views.neighbourhood(diamond.machine, "root") == {
        "root": ("left", "right"),
        "left": ("leaf",),
        "right": ("leaf",),
        "leaf": (),
    }


def test_what_needs_a_task(diamond):
    assert views.neighbourhood(diamond.machine, "leaf", upstream=False) == {
        "leaf": ("left", "right"),
        "left": ("root",),
        "right": ("root",),
        "root": (),
    }


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 4, 5])
def test_no_more_than_the_limit(diamond, limit):
    assert list(views.neighbourhood(diamond.machine, "root", limit)) == ["root", "left", "right", "leaf"][:limit]


def test_a_stranger_has_no_neighbours(diamond):
    assert views.neighbourhood(diamond.machine, "nobody") == {}


def test_nobody_can_import_its_module(driver):
    driver.join("helper", assistant=True)
    driver.register("w", task("a", module="m"))
    (first,) = driver.ask("helper")
    driver.apply(Refuse("helper", first.lease, "no"))
    driver.apply(DisableWorker("w"))
    assert why(driver) == "No worker that can run it is connected: helper cannot import m as it is needed."


def test_too_big_for_every_worker(driver):
    driver.join("big", capacity={"cpu": 4})
    driver.join("small", capacity={"cpu": 2})
    for worker in ("big", "small"):
        driver.register(worker, task("a", resources={"cpu": 8}))
    assert why(driver) == (
        "It waits for resource 'cpu': it needs 8, and no worker that can run it has more than 4 (big)."
    )


def test_what_its_workers_have_is_in_use(driver):
    driver.join("big", capacity={"cpu": 4})
    driver.register("big", task("first", priority=1, resources={"cpu": 3}), task("a", resources={"cpu": 2}))
    driver.start("big")
    assert why(driver) == "It waits for resource 'cpu': it needs 2, and what its workers have is in use."
