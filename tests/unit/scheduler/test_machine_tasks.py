"""How tasks are described, become ready in order of importance, and are forgotten."""

from __future__ import annotations

import pytest

from rumbo.errors import CommandRejected
from rumbo.scheduler.commands import Register
from rumbo.scheduler.effects import Forgotten, StateChanged
from rumbo.scheduler.machine import Policy, tell
from rumbo.scheduler.records import Outcome, RetryPolicy, State
from rumbo.testing.simulation import Driver, snapshot, task


@pytest.fixture
def driver() -> Driver:
    driver = Driver()
    driver.join("w")
    return driver


def order_of_work(driver: Driver, worker: str = "w") -> list[str]:
    """Ids in the order in which a worker with one slot gets them."""
    found = []
    while orders := driver.ask(worker):
        found.append(orders[0].tasks[0])
        driver.finish(worker, orders[0].lease)
    return found


# -- states that a worker can say -----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.PENDING, State.DONE, State.DISABLED, State.UNKNOWN])
def test_a_new_task_is_in_the_state_its_worker_says(driver, state):
    driver.register("w", task("a", state=state))
    assert driver.state("a") is state


def test_describing_a_task_tells_what_changed_and_why(driver):
    effects = driver.register("w", task("a"))
    assert effects == [StateChanged("a", State.UNKNOWN, State.PENDING, "described as missing", 1000.0)]
    assert tell(driver.record("a")) == ["+0.000s described as missing"]


def test_a_stranger_cannot_describe_tasks(driver):
    before = snapshot(driver.machine)
    with pytest.raises(CommandRejected) as caught:
        driver.register("stranger", task("a"))
    assert str(caught.value) == "The scheduler does not know a worker 'stranger': it must join (again) first."
    assert snapshot(driver.machine) == before


def test_what_is_described_again_in_the_same_words_changes_nothing(driver):
    driver.register("w", task("b", "a"), task("a"))
    before = snapshot(driver.machine)
    assert driver.register("w", task("b", "a"), task("a")) == []
    assert snapshot(driver.machine) == before


def test_a_description_takes_the_place_of_the_one_before(driver):
    driver.register("w", task("a", "b"))
    driver.register("w", task("a", priority=3))
    assert driver.record("a").waits_for == ()
    assert driver.record("a").priority == 3
    assert driver.start("w")


def test_a_task_that_runs_keeps_the_description_it_runs_under(driver):
    driver.register("w", task("a"))
    lease = driver.start("w")
    assert driver.register("w", task("a", "b", state=State.DISABLED), run="second") == []
    assert driver.state("a") is State.RUNNING
    driver.finish("w", lease)
    assert driver.state("a") is State.DONE


def test_a_task_found_complete_lets_its_dependents_run(driver):
    driver.register("w", task("b", "a"), task("a"))
    driver.register("w", task("a", state=State.DONE))
    assert order_of_work(driver) == ["b"]


def test_a_task_found_complete_forgets_its_failures_and_its_retry(driver):
    driver.register("w", task("a", retry=RetryPolicy(retries=1, delay=50.0)))
    driver.fail("w", driver.start("w"))
    driver.register("w", task("a", state=State.DONE))
    driver.advance(100.0)
    assert driver.state("a") is State.DONE
    assert driver.record("a").failures == ()


def test_a_task_disabled_by_failures_and_then_found_complete_stays_done(driver):
    driver.register("w", task("a", retry=RetryPolicy(disable_after=1, disable_for=50.0)))
    driver.fail("w", driver.start("w"))
    assert driver.state("a") is State.DISABLED
    driver.register("w", task("a", state=State.DONE))
    driver.advance(100.0)
    assert driver.state("a") is State.DONE


def test_a_dependency_that_is_not_done_any_more_holds_its_dependents_back():
    driver = Driver(Policy(cooldown=0.0))
    driver.join("w")
    driver.register("w", task("b", "a"), task("a", state=State.DONE))
    driver.register("w", task("a"))
    assert order_of_work(driver) == ["a", "b"]


@pytest.mark.parametrize("state", [State.DONE, State.PENDING])
def test_a_task_whose_description_broke_is_unknown(driver, state):
    driver.register("w", task("b", "a"), task("a", state=state))
    driver.register("w", task("a", state=State.UNKNOWN))
    assert driver.states() == {"b": "PENDING", "a": "UNKNOWN"}
    assert driver.ask("w") == []
    driver.register("w", task("a"))
    assert order_of_work(driver) == ["a", "b"]


def test_a_broken_task_that_failed_is_not_tried_again(driver):
    driver.register("w", task("a", retry=RetryPolicy(retries=1, delay=50.0)))
    driver.fail("w", driver.start("w"))
    driver.register("w", task("a", state=State.UNKNOWN))
    driver.advance(100.0)
    assert driver.state("a") is State.UNKNOWN


def test_the_author_can_switch_a_task_off_and_on_again(driver):
    driver.register("w", task("a"))
    driver.register("w", task("a", state=State.DISABLED))
    driver.register("w", task("a", state=State.DISABLED), run="second")
    assert driver.state("a") is State.DISABLED
    assert driver.ask("w") == []
    driver.register("w", task("a"))
    assert order_of_work(driver) == ["a"]


def test_what_failures_disabled_and_its_author_switched_off_stays_off(driver):
    driver.register("w", task("a", retry=RetryPolicy(disable_after=1, disable_for=50.0)))
    driver.fail("w", driver.start("w"))
    driver.register("w", task("a", state=State.DISABLED))
    driver.advance(100.0)
    assert driver.state("a") is State.DISABLED


def test_what_failures_disabled_is_not_brought_back_by_describing_it(driver):
    driver.register("w", task("a", retry=RetryPolicy(disable_after=1, disable_for=50.0)))
    driver.fail("w", driver.start("w"))
    for run in ("run", "second"):
        driver.register("w", task("a"), run=run)
        driver.register("w", task("a", state=State.UNKNOWN), run=run)
        assert driver.state("a") is State.DISABLED
    driver.advance(50.0)
    assert driver.state("a") is State.PENDING


def test_what_nobody_understands_cannot_be_run_after_its_rest(driver):
    driver.join("helper", assistant=True)
    driver.register("w", task("a", retry=RetryPolicy(disable_after=1, disable_for=50.0)))
    driver.fail("w", driver.start("w"))
    driver.register("w", task("a", state=State.UNKNOWN))
    driver.advance(50.0)
    assert driver.ask("w") == driver.ask("helper") == []


def test_an_external_task_is_run_by_nobody(driver):
    driver.join("helper", assistant=True)
    driver.register("w", task("b", "a"), task("a", runnable=False))
    assert driver.ask("w") == driver.ask("helper") == []
    driver.register("w", task("a", runnable=False, state=State.DONE))
    assert order_of_work(driver) == ["b"]


def test_a_needed_task_that_nobody_described_is_run_by_nobody(driver):
    driver.join("helper", assistant=True)
    driver.register("w", task("b", "a"))
    assert driver.state("a") is State.UNKNOWN
    assert driver.ask("w") == driver.ask("helper") == []


# -- again in the same run, and in a later one ----------------------------------------------------------------------


def test_a_run_does_not_get_around_its_own_failure(driver):
    driver.register("w", task("a"))
    driver.fail("w", driver.start("w"))
    driver.register("w", task("a"), run="run")
    assert driver.state("a") is State.FAILED


def test_a_later_run_tries_again_at_once(driver):
    driver.register("w", task("a", retry=RetryPolicy(retries=1, delay=500.0)))
    driver.fail("w", driver.start("w"))
    driver.register("w", task("a", retry=RetryPolicy(retries=1, delay=500.0)), run="second")
    assert driver.state("a") is State.PENDING
    assert len(driver.record("a").failures) == 1
    driver.fail("w", driver.start("w"))
    assert driver.record("a").retry_at == driver.now + 500.0


def test_a_run_that_asked_while_the_task_was_running_has_seen_its_failure(driver):
    driver.register("w", task("a"))
    lease = driver.start("w")
    driver.register("w", task("a"), run="second")
    driver.fail("w", lease)
    driver.register("w", task("a"), run="second")
    assert driver.state("a") is State.FAILED


def test_a_later_run_has_all_retries_even_if_the_task_is_still_waiting_for_one(driver):
    policy = RetryPolicy(retries=1)
    driver.register("w", task("a", retry=policy))
    driver.fail("w", driver.start("w"))
    driver.advance(0.0)
    assert driver.record("a").retries_used == 1
    driver.register("w", task("a", retry=policy), run="second")
    assert driver.record("a").retries_used == 0


@pytest.mark.parametrize(("run", "state"), [("run", State.CANCELLED), ("second", State.PENDING)])
def test_what_was_withdrawn_comes_back_in_another_run_only(driver, run, state):
    from rumbo.scheduler.commands import Cancel

    driver.register("w", task("a"))
    driver.apply(Cancel(("a",)))
    driver.register("w", task("a"), run=run)
    assert driver.state("a") is state


def test_a_task_just_done_stays_done_when_its_output_is_slow_to_show(driver):
    driver.register("w", task("b", "a"), task("a"))
    driver.finish("w", driver.start("w"))
    driver.advance(9.9)
    driver.register("w", task("a"), run="second")
    assert driver.state("a") is State.DONE
    driver.advance(0.1)
    driver.register("w", task("a"), run="third")
    assert driver.state("a") is State.PENDING


def test_moments_may_be_whole_numbers(driver):
    driver.now = 2000
    driver.register("w", task("a"))
    driver.finish("w", driver.start("w"))
    driver.now = 2010
    driver.register("w", task("a"), run="second")
    assert driver.state("a") is State.PENDING


# -- priority -------------------------------------------------------------------------------------------------------


def test_priority_comes_first_and_then_the_order_of_first_sight(driver):
    driver.register("w", task("a"), task("b", priority=1), task("c"), task("d", priority=-1), task("e", priority=1))
    assert order_of_work(driver) == ["b", "e", "a", "c", "d"]


def test_dependencies_inherit_the_priority_of_those_who_wait_for_them(driver):
    driver.register(
        "w", task("other", priority=1), task("root", "middle", priority=2), task("middle", "leaf"), task("leaf")
    )
    assert order_of_work(driver) == ["leaf", "middle", "root", "other"]


def test_priority_is_inherited_by_what_is_in_line_already(driver):
    driver.register("w", task("a"), task("b"))
    driver.register("w", task("urgent", "b", priority=5))
    assert order_of_work(driver) == ["b", "urgent", "a"]


def test_priority_is_inherited_by_what_waits_for_a_resource(driver):
    driver.register(
        "w", task("first", resources={"db": 1}), task("a", resources={"db": 1}), task("b", resources={"db": 1})
    )
    lease = driver.start("w")
    assert driver.ask("w") == []
    driver.register("w", task("urgent", "b", priority=5))
    driver.finish("w", lease)
    assert order_of_work(driver) == ["b", "urgent", "a"]


def test_what_is_certainly_missing_is_made_again_however_lately_it_was_done(driver):
    driver.register("w", task("a"))
    driver.finish("w", driver.start("w"))
    driver.register("w", task("a"), run="second")
    assert driver.machine.tasks["a"].state is State.DONE
    driver.apply(Register("w", "third", [task("a")], is_certain=True))
    assert driver.machine.tasks["a"].state is State.PENDING


def test_what_is_needed_again_has_the_priority_of_those_who_need_it():
    driver = Driver(Policy(cooldown=0.0))
    driver.join("w")
    driver.register("w", task("root", "a", priority=5), task("a", state=State.DONE), task("other", priority=1))
    driver.register("w", task("leaf"), task("a", "leaf"))
    assert order_of_work(driver) == ["leaf", "a", "root", "other"]


def test_a_description_with_a_higher_priority_moves_a_task_forward_and_a_lower_one_does_not_move_it_back(driver):
    driver.register("w", task("a"), task("b"), task("c", priority=1))
    driver.register("w", task("b", priority=2))
    driver.register("w", task("c", priority=0))
    assert order_of_work(driver) == ["b", "c", "a"]


# -- forgetting -----------------------------------------------------------------------------------------------------


def forgotten(effects: list) -> list[str]:
    return [each.task for each in effects if isinstance(each, Forgotten)]


def leave(driver: Driver, worker: str) -> None:
    from rumbo.scheduler.commands import Leave

    driver.apply(Leave(worker))


def test_tasks_that_nobody_wants_are_forgotten_after_a_while(driver):
    driver.register("w", task("b", "a"), task("a"))
    leave(driver, "w")
    assert forgotten(driver.advance(599.0)) == []
    assert forgotten(driver.advance(1.0)) == ["b", "a"]
    assert driver.machine.tasks == {}


def test_a_task_that_another_worker_wants_stays(driver):
    driver.join("v")
    driver.register("w", task("a"), task("b"))
    driver.register("v", task("b"))
    leave(driver, "w")
    assert forgotten(driver.advance(10_000.0)) == ["a"]


def test_a_task_that_is_wanted_again_in_time_stays(driver):
    driver.register("w", task("a"))
    leave(driver, "w")
    driver.advance(300.0)
    driver.join("v")
    driver.register("v", task("a"))
    driver.advance(10_000.0)
    assert driver.state("a") is State.PENDING


def test_what_a_wanted_task_needs_stays_as_long_as_it_does(driver):
    driver.join("v")
    driver.register("w", task("b", "a"), task("a"))
    driver.register("v", task("b", "a"))
    leave(driver, "w")
    driver.advance(10_000.0)
    assert set(driver.machine.tasks) == {"a", "b"}
    leave(driver, "v")
    assert forgotten(driver.advance(600.0)) == ["b", "a"]


def test_an_unwanted_task_is_not_freed_of_its_dependency_by_forgetting_that_first(driver):
    driver.join("helper", assistant=True)
    driver.register("w", task("a"))
    leave(driver, "w")
    driver.advance(300.0)
    driver.join("v")
    driver.register("v", task("b", "a"))
    leave(driver, "v")
    driver.advance(300.0)
    assert driver.state("a") is State.PENDING
    assert [order.tasks for order in driver.ask("helper", slots=5)] == [("a",)]


def test_what_is_needed_by_two_tasks_goes_with_the_second(driver):
    driver.register("w", task("root", "b", "a"), task("b", "a"), task("a"))
    leave(driver, "w")
    assert forgotten(driver.advance(600.0)) == ["root", "b", "a"]


def test_a_task_that_nobody_described_goes_with_the_task_that_needed_it(driver):
    driver.register("w", task("b", "a"))
    leave(driver, "w")
    assert forgotten(driver.advance(600.0)) == ["b"]
    assert forgotten(driver.advance(600.0)) == ["a"]


def test_a_task_that_is_not_needed_any_more_and_that_nobody_described_is_forgotten(driver):
    driver.register("w", task("b", "a"))
    driver.register("w", task("b"))
    assert forgotten(driver.advance(600.0)) == ["a"]


def test_a_dropped_dependency_whose_time_had_come_gets_another_while(driver):
    driver.join("v")
    driver.register("w", task("a"))
    driver.register("v", task("b", "a"))
    leave(driver, "w")
    driver.advance(700.0)
    driver.register("v", task("b"))
    assert forgotten(driver.advance(599.0)) == []
    assert forgotten(driver.advance(1.0)) == ["a"]


def test_a_running_task_is_not_forgotten_before_it_ends(driver):
    driver.join("helper", assistant=True)
    driver.register("w", task("a"))
    lease = driver.start("helper")
    leave(driver, "w")
    assert forgotten(driver.advance(10_000.0)) == []
    driver.finish("helper", lease)
    assert forgotten(driver.advance(600.0)) == ["a"]


def test_forgetting_at_once_does_not_go_round_in_circles():
    driver = Driver(Policy(forget_after=0.0))
    driver.join("w")
    driver.join("helper", assistant=True)
    driver.register("w", task("b", "a"), task("a"))
    lease = driver.start("helper")
    leave(driver, "w")
    driver.advance(1.0)
    assert set(driver.machine.tasks) == {"a"}
    assert forgotten(driver.finish("helper", lease)) == ["a"]


def test_a_task_that_came_back_after_it_was_forgotten_is_a_new_one(driver):
    driver.register("w", task("a"))
    driver.fail("w", driver.start("w"))
    leave(driver, "w")
    driver.advance(600.0)
    driver.join("w")
    driver.register("w", task("a"))
    assert driver.record("a").attempts == 0
    assert driver.start("w")


# -- the whole command or nothing -----------------------------------------------------------------------------------


def test_a_rejected_command_does_not_even_move_the_clock(driver):
    driver.now = 5000.0
    with pytest.raises(CommandRejected):
        driver.apply(Register("stranger", "run", ()))
    driver.now = 2000.0
    driver.register("w", task("a"))
    assert driver.record("a").first_seen == 2000.0


def test_time_does_not_run_backwards(driver):
    driver.register("w", task("a"))
    driver.now = 500.0
    (order,) = driver.ask("w")
    assert order.at == 1000.0


def test_outcomes_have_their_causes():
    from rumbo.scheduler.machine import _CAUSES

    assert set(_CAUSES) == set(Outcome) - {Outcome.PARKED}


def test_a_story_keeps_its_opening_and_its_latest_chapters(driver):
    for _ in range(200):
        driver.register("w", task("a", state=State.DONE), run="one")
        driver.advance(11)
        driver.register("w", task("a"), run="two")
        driver.advance(11)
    story = driver.machine.tasks["a"].story
    assert len(story) == 400
    assert story[0] == 1000.0
    assert story[-2] == driver.now - 11
