"""Every kind of contradiction is detected: each is planted once into a machine that was sound."""

from __future__ import annotations

import pytest

from rumbo.scheduler import invariants
from rumbo.scheduler.invariants import InvariantBroken
from rumbo.scheduler.machine import Machine
from rumbo.scheduler.records import BatchKey, Lease, RetryPolicy, State, place_of
from rumbo.testing.simulation import Driver, task

KEY = BatchKey("Family", (), 0)


@pytest.fixture
def machine() -> Machine:
    """A bit of everything: running under lease 1, parked under lease 2, failed, disabled, waiting, ready, done."""
    driver = Driver()
    driver.join("w")
    driver.join("helper", assistant=True)
    driver.register(
        "w",
        task("running", resources={"db": 1}),
        task("parked", "done"),
        task("failed", retry=RetryPolicy(retries=1, delay=10.0)),
        task("disabled", retry=RetryPolicy(disable_after=1)),
        task("waiting", "ready"),
        task("done", state=State.DONE),
    )
    driver.ask("w", slots=4)
    driver.park("w", 2, "asked for")
    driver.fail("w", 3)
    driver.fail("w", 4)
    driver.register("w", task("ready"), task("batchable", batch=KEY), task("claimant", resources={"db": 1}))
    driver.ask("w", slots=0)
    machine = driver.machine
    assert machine.resources.claim(machine.tasks["claimant"], machine.workers["w"])
    invariants.check(machine)
    return machine


def plant_lost_edge(machine):
    machine.tasks["ready"].dependents = ()


def plant_edge_to_nothing(machine):
    del machine.tasks["asked for"]


def plant_edge_from_nothing(machine):
    machine.tasks["ready"].dependents += ("running",)


def plant_wrong_count(machine):
    machine.tasks["waiting"].missing = 2


def plant_priority_kept(machine):
    machine.tasks["waiting"].priority = 5


def plant_state_without_lease(machine):
    machine.tasks["running"].state = State.FAILED


def plant_lease_over(machine):
    del machine.leases[1]


def plant_unknown_stakeholder(machine):
    machine.tasks["done"].stakeholders = ("w", "gone")


def plant_runner_without_stake(machine):
    machine.tasks["done"].runners = ("w", "helper")


def plant_unwanted_for_ever(machine):
    del machine.workers["w"].tasks["disabled"]
    machine.tasks["disabled"].stakeholders = machine.tasks["disabled"].runners = ()


def plant_torn_story(machine):
    machine.tasks["done"].story.append("and then?")


def plant_ready_and_nowhere(machine):
    machine.tasks["ready"].queued = None


def plant_waiting_in_line(machine):
    machine.tasks["waiting"].queued = place_of(machine.tasks["waiting"])


def plant_wrong_place(machine):
    machine.tasks["ready"].priority = 3


def plant_missing_for_its_worker(machine):
    machine.ready.close("w")


def plant_missing_for_assistants(machine):
    machine.ready.close(("pool", "default", ""))


def plant_missing_in_batch(machine):
    machine.batches.companions(machine.tasks["batchable"])


def plant_parked_and_missing_in_line(machine):
    parked = machine.tasks["parked"]
    parked.missing, parked.waits_for = 0, ("done",)
    parked.queued = place_of(parked)


def plant_retry_of_a_task_that_did_not_fail(machine):
    machine.tasks["ready"].retry_at = 5.0


def plant_promise_without_date(machine):
    machine.tasks["failed"].retry_at = None


def plant_rest_of_a_task_that_is_not_disabled(machine):
    machine.tasks["ready"].disabled_until = 5.0


def plant_lease_of_a_stranger(machine):
    machine.leases[1].worker = "gone"


def plant_lease_that_the_worker_does_not_hold(machine):
    del machine.workers["w"].leases[1]


def plant_two_leases_for_one_task(machine):
    machine.leases[9] = Lease(9, "w", ("running",), 2, None)
    machine.workers["w"].leases[9] = None


def plant_parked_lease_of_a_running_task(machine):
    machine.leases[1].parked = True


def plant_active_lease_of_a_parked_task(machine):
    machine.leases[2].parked = False


def plant_resources_held_while_parked(machine):
    machine.leases[2].resources = {"db": 0.5}


def plant_worker_with_a_lease_that_is_over(machine):
    machine.workers["w"].leases[99] = None


def plant_worker_with_a_stake_in_nothing(machine):
    machine.workers["w"].tasks["nothing"] = None


def plant_worker_with_a_stake_unknown_to_the_task(machine):
    machine.workers["helper"].tasks["ready"] = None


def plant_miscounted_resource(machine):
    machine.resources.used["db"] = 7.0


def plant_resource_in_use_by_nobody(machine):
    machine.resources.used["memory"] = 1.0


def plant_claim_of_a_worker_gone(machine):
    machine.resources.claims[machine.tasks["claimant"]] = {"gone": None}


def plant_claim_on_more_than_there_is(machine):
    machine.resources.capacity["db"] = 0.5


PLANTED = [
    (plant_lost_edge, "waiting: waits for ready, which does not know it"),
    (plant_edge_to_nothing, "parked: waits for asked for, which does not know it"),
    (plant_edge_from_nothing, "ready: has dependent running, which does not wait for it"),
    (plant_wrong_count, "waiting: counts 2 missing dependencies, there are 1"),
    (plant_priority_kept, "waiting: has priority 5, which it did not hand down to ready"),
    (plant_state_without_lease, "running: is FAILED with lease 1"),
    (plant_lease_over, "running: holds lease 1, which is over"),
    (plant_unknown_stakeholder, "done: has stakeholder gone, which does not know it"),
    (plant_runner_without_stake, "done: can be run by helper, which has no stake in it"),
    (plant_unwanted_for_ever, "disabled: is wanted by nobody and will never be forgotten"),
    (plant_torn_story, "done: its story is torn"),
    (plant_ready_and_nowhere, "ready: is ready but stands in no line"),
    (plant_waiting_in_line, "waiting: is in line although PENDING with 1 missing"),
    (plant_wrong_place, "ready: stands in line under (0, 7), and belongs at (-3, 7)"),
    (plant_missing_for_its_worker, "ready: is missing in the line of w"),
    (plant_missing_for_assistants, "ready: is missing in the line of ('pool', 'default', '')"),
    (plant_missing_in_batch, "batchable: is missing in the line of its batch"),
    (plant_parked_and_missing_in_line, "parked: is missing in the line of ('parked', 'w')"),
    (plant_retry_of_a_task_that_did_not_fail, "ready: is PENDING and has a retry planned"),
    (plant_promise_without_date, "failed: was promised a retry that is not planned"),
    (plant_rest_of_a_task_that_is_not_disabled, "ready: is PENDING and disabled until 5.0"),
    (plant_lease_of_a_stranger, "lease 1: belongs to gone, which does not hold it"),
    (plant_lease_that_the_worker_does_not_hold, "lease 1: belongs to w, which does not hold it"),
    (plant_two_leases_for_one_task, "lease 9: is for running, which does not hold it"),
    (plant_parked_lease_of_a_running_task, "lease 1: is parked, and running is RUNNING"),
    (plant_active_lease_of_a_parked_task, "lease 2: is active, and parked is PARKED"),
    (plant_resources_held_while_parked, "lease 2: is parked and holds {'db': 0.5}"),
    (plant_worker_with_a_lease_that_is_over, "w: holds lease 99, which is over"),
    (plant_worker_with_a_stake_in_nothing, "w: has a stake in nothing, which does not know it"),
    (plant_worker_with_a_stake_unknown_to_the_task, "helper: has a stake in ready, which does not know it"),
    (plant_miscounted_resource, "resource db: leases hold 1, counted 7"),
    (plant_resource_in_use_by_nobody, "resource memory: leases hold 0, counted 1"),
    (plant_claim_of_a_worker_gone, "claimant claims resources for gone, which is gone"),
    (plant_claim_on_more_than_there_is, "claimant claims more than there is"),
]


@pytest.mark.parametrize(("plant", "complaint"), PLANTED, ids=[plant.__name__[6:] for plant, _ in PLANTED])
def test_a_contradiction_is_detected(machine, plant, complaint):
    plant(machine)
    with pytest.raises(InvariantBroken) as caught:
        invariants.check(machine)
    assert complaint in str(caught.value).splitlines()


def test_all_contradictions_are_told_at_once(machine):
    plant_wrong_count(machine)
    plant_torn_story(machine)
    with pytest.raises(AssertionError) as caught:
        invariants.check(machine)
    assert len(str(caught.value).splitlines()) == 2


def test_a_parked_task_whose_lease_is_over_is_told(machine):
    plant_parked_and_missing_in_line(machine)
    del machine.leases[2]
    with pytest.raises(InvariantBroken, match="parked: holds lease 2, which is over"):
        invariants.check(machine)


def test_an_empty_machine_is_sound():
    invariants.check(Machine())
