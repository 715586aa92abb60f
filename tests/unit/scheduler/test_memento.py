"""A machine written down and made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from rumbo.scheduler import commands as do
from rumbo.scheduler import invariants, memento
from rumbo.scheduler.records import Outcome, RetryPolicy
from rumbo.testing.simulation import Driver, task

if TYPE_CHECKING:
    from rumbo.scheduler.machine import Machine


def reborn(driver: Driver) -> Machine:
    """The machine, by way of JSON."""
    text = msgspec.json.encode(memento.save(driver.machine))
    machine = memento.restore(msgspec.json.decode(text, type=memento.Memento), driver.machine.policy)
    invariants.check(machine)
    return machine


@pytest.fixture
def driver() -> Driver:
    """Two workers, one of them an assistant with processors of its own, and tasks in many states."""
    driver = Driver(capacity={"db": 1})
    driver.join("w")
    driver.join("helper", "own", assistant=True, capacity={"cpu": 4})
    driver.register("w", task("parked"), task("asked"))
    driver.park("w", driver.start("w"), "asked")
    driver.register(
        "w",
        task("failed", priority=8, retry=RetryPolicy(retries=1, delay=5)),
        task("held", priority=7, resources={"db": 1}),
        task("on its own", priority=6, resources={"cpu": 3}, module="m", pool="own"),
        task("waits", "held"),
    )
    driver.fail("w", driver.start("w"))
    driver.start("w")
    driver.ask("helper")
    return driver


def test_a_restored_machine_knows_what_the_first_one_knew(driver):
    machine = reborn(driver)
    assert memento.save(machine) == memento.save(driver.machine)
    assert machine.resources.used == {"db": 1}
    assert machine.workers["helper"].used == {"cpu": 3}
    assert machine.tasks["waits"].missing == 1
    assert machine.tasks["parked"].waits_for == ("asked",)


def test_it_goes_on_with_what_was_under_way(driver):
    driver.machine = reborn(driver)
    (asked,) = driver.ask("w")
    driver.finish("w", asked.lease)
    (goes_on,) = driver.ask("w")
    assert goes_on.task == "parked"


def test_it_keeps_its_promises(driver):
    driver.machine = reborn(driver)
    driver.advance(5)
    assert [order.tasks for order in driver.ask("w", slots=9)] == [("failed",), ("asked",)]


def test_it_does_not_give_out_a_number_twice(driver):
    before = max(driver.machine.leases)
    driver.machine = reborn(driver)
    assert driver.start("w") > before


def test_it_keeps_what_people_have_said(driver):
    driver.apply(do.Pause())
    driver.apply(do.DisableWorker("helper"))
    driver.apply(do.Cancel(("held",)))
    driver.machine = reborn(driver)
    assert driver.machine.paused
    assert driver.machine.workers["helper"].disabled
    assert driver.machine.leases[3].withdrawn == ("held",)


def test_it_keeps_the_claims_on_resources():
    driver = Driver(capacity={"db": 2})
    driver.join("w")
    driver.register("w", task("first", priority=2, resources={"db": 1}), task("big", priority=1, resources={"db": 2}))
    driver.register("w", task("small", resources={"db": 1}))
    assert [order.tasks for order in driver.ask("w", slots=3)] == [("first",)]
    claims = {task.id: workers for task, workers in driver.machine.resources.claims.items()}
    driver.machine = reborn(driver)
    assert claims == {"big": {"w": None}, "small": {"w": None}}
    assert {task.id: workers for task, workers in driver.machine.resources.claims.items()} == claims


def test_it_remembers_who_was_refused_and_what_failed(driver):
    driver.apply(do.Refuse("helper", 4, "no module m"))
    driver.report("w", 3, Outcome.TIMED_OUT)
    machine = reborn(driver)
    assert machine.workers["helper"].refused == {"m": None}
    assert machine.tasks["held"].failures == (1000.0,)


def test_shared_tuples_stay_shared(driver):
    machine = reborn(driver)
    tasks = [machine.tasks[id] for id in ("held", "waits")]
    assert tasks[0].stakeholders is tasks[1].stakeholders is tasks[0].runners
