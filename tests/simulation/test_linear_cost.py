"""Cost grows with the number of tasks and not faster. Counted in calls, since time is noisy and calls are not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from rumbo.scheduler.commands import Exchange, Join, Leave, Register, Report, Tick
from rumbo.scheduler.effects import Assigned
from rumbo.scheduler.machine import Machine
from rumbo.scheduler.records import BatchKey, Outcome, State, TaskSpec

if TYPE_CHECKING:
    from collections.abc import Callable

Specs = list[TaskSpec]


def calls(action: Callable[..., object], *arguments: Any) -> int:
    """How many functions, Python's and C's, are called in doing this."""
    number = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal number
        number += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        action(*arguments)
    finally:
        sys.setprofile(before)
    return number


def wide(number: int) -> Specs:
    leaves = tuple(f"t{i}" for i in range(1, number))
    return [TaskSpec("t0", dependencies=leaves), *map(TaskSpec, leaves)]


def chain(number: int) -> Specs:
    return [TaskSpec(f"t{i}", dependencies=(f"t{i + 1}",) if i < number - 1 else ()) for i in range(number)]


def chain_from_below(number: int) -> Specs:
    return chain(number)[::-1]


def rising(number: int) -> Specs:
    """A chain in which every task is more important than the one before it."""
    return [spec._replace(priority=place) for place, spec in enumerate(chain_from_below(number))]


def layered(number: int) -> Specs:
    """Layers of 50, in which each task needs three of the layer below."""
    return [
        TaskSpec(f"t{i}", dependencies=tuple(f"t{i - 50 - (i + k) % 50}" for k in range(3)) if i >= 100 else ())
        for i in range(number)
    ]


def with_resources(number: int) -> Specs:
    needs = [{}, {"db": 1}, {"memory": 1}, {"db": 1, "memory": 2}]
    return [TaskSpec(f"t{i}", resources=needs[i % 4], priority=i % 3) for i in range(number)]


def in_batches(number: int) -> Specs:
    return [TaskSpec(f"t{i}", batch=BatchKey("Family", (), 10)) for i in range(number)]


SHAPES = [wide, chain, chain_from_below, rising, layered, with_resources, in_batches]


def machine_with(specs: Specs) -> Machine:
    machine = Machine(capacity={"db": 2, "memory": 3})
    machine.apply(Join("w"), 0.0)
    machine.apply(Register("w", "run", specs), 0.0)
    return machine


def run_all(machine: Machine, slots: int = 1) -> None:
    """Let one worker do everything."""
    reports: list[Report] = []
    while True:
        effects = machine.apply(Exchange("w", reports, slots), 1.0)
        reports = [Report(each.lease, Outcome.DONE) for each in effects if each.__class__ is Assigned]
        if not reports:
            return


def is_all_done(machine: Machine) -> bool:
    return all(task.state is State.DONE for task in machine.tasks.values())


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_calls_per_task_do_not_grow_with_the_number_of_tasks(shape):
    per_task = {}
    for number in (1_000, 10_000):
        specs = shape(number)
        machine = Machine(capacity={"db": 2, "memory": 3})
        machine.apply(Join("w"), 0.0)
        describing = calls(machine.apply, Register("w", "run", specs), 0.0)
        running = calls(run_all, machine)
        assert is_all_done(machine)
        per_task[number] = (describing / number, running / number)
    for few, many in zip(per_task[1_000], per_task[10_000], strict=True):
        assert many == pytest.approx(few, rel=0.10)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [wide, with_resources, in_batches])
def test_a_request_costs_the_same_with_1_000_and_with_30_000_pending(shape):
    costs = []
    for number in (1_000, 30_000):
        machine = machine_with(shape(number))
        for _ in range(3):  # by now all resources are taken, and what lacks them has been passed over
            machine.apply(Exchange("w", (), 1), 1.0)
        costs.append([calls(machine.apply, Exchange("w", (), 1), 1.0) for _ in range(5)])
    assert costs[0] == costs[1]


def test_a_request_that_finds_every_resource_taken_costs_the_same_for_any_number_of_waiting_tasks():
    costs = []
    for number in (100, 5_000):
        machine = machine_with([TaskSpec(f"t{i}", resources={"lock": 1}) for i in range(number)])
        machine.apply(Exchange("w", (), 1), 1.0)
        costs.append(calls(machine.apply, Exchange("w", (), 4), 1.0))
    assert costs[0] == costs[1]


def test_a_task_that_never_fits_is_not_looked_at_again_and_again():
    costs = []
    for number in (100, 5_000):
        specs = [TaskSpec(f"t{i}", resources={"lock": 5}) for i in range(number)]
        machine = machine_with([*specs, TaskSpec("a", resources={"lock": 1}), TaskSpec("b", resources={"lock": 1})])
        machine.apply(Exchange("w", (), 1), 1.0)
        costs.append(calls(machine.apply, Exchange("w", (Report(1, Outcome.DONE),), 1), 1.0))
    assert costs[0] == costs[1]


@pytest.mark.slow
def test_a_chain_of_100_000_needs_no_recursion():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(120)
    try:
        machine = machine_with([spec._replace(priority=1) if spec.id == "t0" else spec for spec in chain(100_000)])
        assert machine.tasks["t99999"].priority == 1
        run_all(machine)
    finally:
        sys.setrecursionlimit(limit)
    assert is_all_done(machine)


def test_a_long_chain_is_forgotten_without_recursion():
    machine = machine_with(chain(5_000))
    machine.apply(Leave("w"), 2.0)
    machine.apply(Tick(), 1000.0)
    assert machine.tasks == {}
