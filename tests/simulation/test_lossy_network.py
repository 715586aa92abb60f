"""Workers that die and freeze, over a network that loses, doubles and reorders: all gets done, once."""

from __future__ import annotations

import random

import pytest

from rumbo.scheduler.commands import Cancel, Forgive
from rumbo.scheduler.effects import Assigned, WorkerLost
from rumbo.scheduler.records import BatchKey, RetryPolicy, TaskSpec
from rumbo.testing.simulation import Site, Weather, task

STUBBORN = RetryPolicy(retries=1000, delay=5.0)
CALM = Weather(lost=0.0, doubled=0.0, delay=0.0, crash=0.0, freeze=0.0, failure=0.0, parking=0.0)
STORMY = Weather(lost=0.35, doubled=0.3, delay=7.0, crash=0.03, freeze=0.02, failure=0.2, parking=0.8)


def some_tasks(seed: int, number: int = 15) -> list[TaskSpec]:
    """A random graph with priorities, resources and batches."""
    chance = random.Random(seed)
    specs = []
    for place in range(number):
        needs = {f"t{chance.randrange(place)}" for _ in range(chance.randrange(3)) if place}
        specs.append(
            task(
                f"t{place}",
                *sorted(needs),
                priority=chance.randrange(3),
                resources={"db": 1.0} if chance.random() < 0.3 else {},
                batch=BatchKey("Family", (), 3) if chance.random() < 0.3 else None,
                retry=STUBBORN,
            )
        )
    return specs


def things_asked_for(specs: list[TaskSpec], seed: int) -> dict[str, tuple[str, ...]]:
    """For each task, earlier ones that its run() asks for."""
    chance = random.Random(seed)
    return {spec.id: (specs[chance.randrange(place)].id,) for place, spec in enumerate(specs) if place}


def site(seed: int, weather: Weather, **options) -> Site:
    specs = some_tasks(seed)
    return Site(specs, seed, weather=weather, capacity={"db": 2}, more=things_asked_for(specs, seed), **options)


def assert_all_done_once(simulated: Site) -> None:
    assert simulated.wrongs == []
    assert set(simulated.times_done()) == {spec.id for spec in simulated.specs}
    assert set(simulated.times_done().values()) == {1}
    assert simulated.driver.machine.resources.used.keys() <= {"db"}


@pytest.mark.parametrize("seed", range(40))
def test_in_rough_weather_all_gets_done_once(seed):
    simulated = site(seed, Weather())
    simulated.run_until_done()
    assert_all_done_once(simulated)


@pytest.mark.parametrize("seed", range(20))
def test_in_stormy_weather_too(seed):
    simulated = site(seed, STORMY)
    simulated.run_until_done()
    assert_all_done_once(simulated)


def test_in_calm_weather_each_task_is_attempted_once():
    simulated = site(1, CALM)
    simulated.run_until_done()
    assert_all_done_once(simulated)
    given = [id for each in simulated.driver.history if isinstance(each, Assigned) for id in each.tasks]
    assert len(given) == len(set(given))
    assert simulated.late == 0


def test_the_weather_does_happen():
    """A simulation in which nothing goes wrong would prove nothing."""
    sites = [site(seed, STORMY) for seed in range(5)]
    for simulated in sites:
        simulated.run_until_done()
    assert sum(simulated.late for simulated in sites) > 20
    assert sum(simulated.crashes for simulated in sites) > 5
    assert sum(isinstance(each, WorkerLost) for simulated in sites for each in simulated.driver.history) > 5
    assert sum(simulated.resumed for simulated in sites) > 5


def test_one_worker_alone_gets_through_as_well():
    simulated = site(3, STORMY, workers=1, slots=1)
    simulated.run_until_done()
    assert_all_done_once(simulated)


def test_many_workers_do_not_get_in_each_other_s_way():
    simulated = site(4, Weather(), workers=10, slots=3)
    simulated.run_until_done()
    assert_all_done_once(simulated)


def test_the_same_seed_gives_the_same_story():
    stories = []
    for _ in range(2):
        simulated = site(7, STORMY)
        simulated.run_until_done()
        stories.append(simulated.driver.history)
    assert stories[0] == stories[1]


def test_a_site_that_never_finishes_is_an_error_that_shows_where_it_stands():
    simulated = Site([task("a", "nobody")], 1)
    with pytest.raises(AssertionError, match=r"not done after 10 steps: .*'nobody': 'UNKNOWN'"):
        simulated.run_until_done(10)


def test_what_is_withdrawn_on_the_way_is_stopped_and_can_be_forgiven():
    simulated = site(11, Weather(crash=0.0, freeze=0.0))
    for _ in range(6):
        simulated.step()
    unfinished = [id for id, state in simulated.driver.states().items() if state != "DONE"]
    simulated.command(Cancel(tuple(unfinished)))
    assert simulated.stops
    for _ in range(30):
        simulated.step()
    assert not simulated.driver.machine.leases
    cancelled = [id for id, state in simulated.driver.states().items() if state == "CANCELLED"]
    assert cancelled
    for id in cancelled:
        simulated.command(Forgive(id))
    simulated.run_until_done()
    assert_all_done_once(simulated)


def test_what_must_never_happen_would_be_noticed():
    simulated = site(12, CALM)
    simulated.step()
    simulated.step()
    for id, lease in list(simulated.holders.items()):
        simulated.holders[id] = lease + 1000
    simulated.run_until_done()
    assert any("which it did not hold" in wrong for wrong in simulated.wrongs)
    simulated = site(12, CALM)
    simulated.holders["t0"] = 1000
    simulated.run_until_done()
    assert simulated.wrongs == ["t0 was given out under lease 4 and 1000"]
