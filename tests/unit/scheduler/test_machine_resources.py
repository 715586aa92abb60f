"""Resources are shared fairly: nobody starves, nobody locks the others out, nothing is left lying."""

from __future__ import annotations

from rumbo.scheduler.commands import Cancel, DisableWorker, Exchange, Leave, MarkDone, Pause, Reserve, SetCapacity
from rumbo.scheduler.effects import Assigned
from rumbo.scheduler.records import State
from rumbo.testing.simulation import Driver, task


def driver_with(*workers: str, **capacity: float) -> Driver:
    driver = Driver(capacity=capacity)
    for worker in workers:
        driver.join(worker)
    return driver


def given(orders: list) -> list[str]:
    return [id for order in orders for id in order.tasks]


def numbered(name: str, number: int, **fields) -> list:
    return [task(f"{name}{i}", **fields) for i in range(number)]


def test_no_more_runs_than_there_are_resources_for():
    driver = driver_with("w", db=2)
    driver.register("w", *numbered("t", 5, resources={"db": 1}))
    assert given(driver.ask("w", slots=9)) == ["t0", "t1"]
    driver.finish("w", 1)
    assert given(driver.ask("w", slots=9)) == ["t2"]


def test_there_is_one_of_a_resource_that_nobody_has_set():
    driver = driver_with("w")
    driver.register("w", *numbered("t", 2, resources={"lock": 1}))
    assert given(driver.ask("w", slots=9)) == ["t0"]


def test_tasks_that_need_nothing_pass_those_that_wait():
    driver = driver_with("w")
    driver.register("w", *numbered("t", 3, resources={"lock": 1}), *numbered("free", 2))
    assert given(driver.ask("w", slots=9)) == ["t0", "free0", "free1"]


def test_a_task_that_needs_much_is_not_starved_by_many_that_need_little():
    driver = driver_with("w", "v", memory=10)
    driver.register("v", *numbered("small", 50, resources={"memory": 2}))
    first = driver.ask("v", slots=5)
    assert len(first) == 5
    driver.register("w", task("big", resources={"memory": 8}, priority=1))
    assert driver.ask("w") == []
    for order in first[:3]:
        driver.finish("v", order.lease)
        assert driver.ask("v") == []
        assert driver.ask("w") == []
    driver.finish("v", first[3].lease)
    assert driver.ask("v") == []
    assert given(driver.ask("w")) == ["big"]


def test_a_task_that_came_first_is_not_starved_by_its_equals():
    driver = driver_with("w", "v", memory=10)
    driver.register("w", task("holder", resources={"memory": 1}), task("big", resources={"memory": 10}))
    holder = driver.start("w")
    assert driver.ask("w") == []
    driver.register("v", *numbered("small", 50, resources={"memory": 1}))
    assert driver.ask("v", slots=9) == []
    driver.finish("w", holder)
    assert given(driver.ask("w")) == ["big"]


def test_a_task_that_waits_for_one_resource_keeps_its_claim_on_the_others():
    driver = driver_with("w", "v")
    driver.register("v", task("holder", resources={"x": 1}))
    holder = driver.start("v")
    driver.register("w", task("both", resources={"x": 1, "y": 1}))
    assert driver.ask("w") == []
    driver.register("v", task("other", resources={"y": 1}))
    assert driver.ask("v") == []
    driver.finish("v", holder)
    assert driver.ask("v") == []
    assert given(driver.ask("w")) == ["both"]


def test_a_worker_filled_up_with_other_work_still_has_its_claim():
    driver = driver_with("w", "v", memory=2)
    driver.register("v", *numbered("small", 9, resources={"memory": 1}))
    first, second = driver.ask("v", slots=2)
    driver.register("w", task("big", priority=1, resources={"memory": 2}), *numbered("filler", 9))
    for order in (first, second):
        assert given(driver.ask("w"))[0].startswith("filler")
        driver.finish("v", order.lease)
        assert driver.ask("v") == []
    assert given(driver.ask("w")) == ["big"]


def test_a_worker_claims_for_no_more_tasks_than_it_has_room_for():
    driver = driver_with("w", "v", db=4)
    driver.register("w", *numbered("w", 100, resources={"db": 1}))
    driver.register("v", *numbered("v", 100, resources={"db": 1}))
    driver.ask("v", slots=4)
    assert driver.ask("w", slots=1) == []
    assert len(driver.machine.resources.claims) == 1
    for lease in (1, 2, 3, 4):
        driver.finish("v", lease)
    assert given(driver.ask("w", slots=1)) == ["w0"]
    assert given(driver.ask("v", slots=4)) == ["v4", "v5", "v6"]


def test_a_worker_that_asks_beyond_its_room_claims_nothing():
    driver = driver_with("w", whole=1, part=2)
    both = {"whole": 1, "part": 1}
    driver.register(
        "w", task("first", resources=both), task("second", resources=both), task("small", resources={"part": 1})
    )
    driver.start("w")
    assert driver.apply(Exchange("w", (), 1)) == []
    assert [each.tasks for each in driver.apply(Exchange("w", (), 1, 0)) if isinstance(each, Assigned)] == [("small",)]


def test_claims_follow_the_room_that_a_worker_has_now():
    driver = driver_with("w", "v", memory=8)
    driver.register("v", task("holder", resources={"memory": 8}))
    driver.start("v")
    driver.register("w", *(task(f"t{amount}", resources={"memory": amount}) for amount in range(1, 6)))
    for slots in (3, 1, 2):
        assert driver.ask("w", slots=slots) == []
        claimants = [record.id for record in driver.machine.resources.claims]
        assert claimants == ["t1", "t2", "t3"][:slots]


def test_a_task_that_needs_more_than_there_is_holds_nobody_up():
    driver = driver_with("w", memory=4)
    driver.register(
        "w", task("oversized", priority=9, resources={"memory": 5}), *numbered("t", 2, resources={"memory": 4})
    )
    assert given(driver.ask("w", slots=9)) == ["t0"]
    driver.finish("w", 1)
    assert given(driver.ask("w", slots=9)) == ["t1"]
    assert driver.machine.resources.claims == {}


def test_an_oversized_task_runs_once_there_is_enough():
    driver = driver_with("w", memory=4)
    driver.register("w", task("oversized", resources={"memory": 5}))
    assert driver.ask("w") == []
    driver.apply(SetCapacity("memory", 5))
    assert given(driver.ask("w")) == ["oversized"]


def test_a_claim_on_more_than_there_is_now_holds_nobody_up():
    driver = driver_with("w", "v", memory=10)
    driver.register("w", task("holder", resources={"memory": 3}), task("big", resources={"memory": 10}))
    driver.start("w")
    assert driver.ask("w") == []
    driver.register("v", task("small", resources={"memory": 1}))
    assert driver.ask("v") == []
    driver.apply(SetCapacity("memory", 5))
    assert given(driver.ask("v")) == ["small"]


def test_less_than_is_in_use_gives_nothing_out_until_enough_came_back():
    driver = driver_with("w", db=3)
    driver.register("w", *numbered("t", 5, resources={"db": 1}))
    driver.ask("w", slots=3)
    driver.apply(SetCapacity("db", 1))
    for lease in (1, 2):
        driver.finish("w", lease)
        assert driver.ask("w") == []
    driver.finish("w", 3)
    assert given(driver.ask("w", slots=9)) == ["t3"]


def test_nothing_of_a_resource_stops_all_that_need_it():
    driver = driver_with("w")
    driver.register("w", task("a", resources={"db": 1}), task("b", resources={"db": 0}))
    driver.apply(SetCapacity("db", 0))
    assert given(driver.ask("w", slots=9)) == ["b"]


def test_fractions_of_a_resource_add_up_to_the_whole():
    driver = driver_with("w")
    driver.register("w", *numbered("tenth", 10, resources={"lock": 0.1}), task("whole", resources={"lock": 1}))
    assert len(driver.ask("w", slots=99)) == 10
    for lease in range(1, 11):
        driver.finish("w", lease)
    assert given(driver.ask("w")) == ["whole"]


def claim_of_w() -> Driver:
    """``w`` claims all memory for ``big``; ``small`` of ``v`` cannot have any."""
    driver = driver_with("w", "v", memory=10)
    driver.register("w", task("holder", resources={"memory": 3}), task("big", resources={"memory": 10}))
    driver.start("w")
    assert driver.ask("w") == []
    driver.register("v", task("small", resources={"memory": 1}))
    assert driver.ask("v") == []
    return driver


def test_the_claim_of_a_task_withdrawn_or_done_is_void():
    for command in (Cancel(("big",)), MarkDone("big")):
        driver = claim_of_w()
        driver.apply(command)
        assert given(driver.ask("v")) == ["small"]


def test_the_claim_of_a_task_that_must_wait_for_more_is_void():
    driver = claim_of_w()
    driver.register("w", task("big", "x", resources={"memory": 10}))
    assert given(driver.ask("v")) == ["small"]


def test_a_worker_that_is_gone_or_banned_claims_nothing():
    for command in (Leave("w"), DisableWorker("w")):
        driver = claim_of_w()
        driver.apply(command)
        assert given(driver.ask("v")) == ["small"]
        assert driver.machine.resources.claims == {}


def test_an_assistant_that_is_gone_claims_nothing():
    driver = driver_with("v", "w", memory=10)
    driver.register("w", task("holder", resources={"memory": 3}), task("big", resources={"memory": 10}))
    driver.start("w")
    driver.join("helper", assistant=True)
    assert driver.ask("helper") == []
    driver.register("v", task("small", resources={"memory": 1}))
    assert driver.ask("v") == []
    driver.apply(Leave("helper"))
    assert given(driver.ask("v")) == ["small"]


def test_a_task_that_another_worker_began_is_not_claimed_for_any_more():
    driver = driver_with("w", "v")
    driver.register("w", task("holder", resources={"lock": 1}), task("a", resources={"lock": 1}))
    driver.register("v", task("a", resources={"lock": 1}), task("b", resources={"lock": 1}))
    holder = driver.start("w")
    assert driver.ask("w") == driver.ask("v") == []
    assert list(driver.machine.resources.claims) == [driver.record("a")]
    driver.finish("w", holder)
    assert given(driver.ask("v")) == ["a"]
    assert driver.record("a") not in driver.machine.resources.claims


def test_a_more_urgent_task_goes_before_the_claims_of_others():
    driver = claim_of_w()
    driver.register("v", task("urgent", priority=1, resources={"memory": 7}))
    assert given(driver.ask("v")) == ["urgent"]


def test_all_is_given_back_at_the_end():
    driver = driver_with("w", "v", memory=7, db=2)
    for worker in ("w", "v"):
        driver.register(
            worker,
            *numbered("a", 9, resources={"memory": 3, "db": 1}),
            *numbered("b", 9, resources={"memory": 1.5}),
            *numbered("c", 9, resources={"db": 2}, priority=1),
        )
    for _ in range(200):
        for worker in ("w", "v"):
            for order in driver.ask(worker, slots=3):
                driver.finish(worker, order.lease)
    assert {record.state for record in driver.machine.tasks.values()} == {State.DONE}
    assert (driver.machine.resources.used, driver.machine.resources.claims) == ({}, {})


def rivals() -> Driver:
    """One lock. "w" has a task that needs it and comes first, but has not asked; "v" has one that comes later."""
    driver = driver_with("w", "v")
    driver.register("w", task("first", resources={"lock": 1}, priority=5))
    driver.register("v", task("second", resources={"lock": 1}))
    return driver


def test_what_is_reserved_for_a_worker_that_is_not_there_goes_to_nobody_else():
    driver = rivals()
    driver.apply(Reserve("w", 1))
    assert driver.ask("v") == []
    assert given(driver.ask("w")) == ["first"]


def test_without_a_reservation_whoever_asks_first_gets_it():
    assert given(rivals().ask("v")) == ["second"]


def test_a_reservation_replaces_the_one_before():
    driver = rivals()
    driver.apply(Reserve("w", 1))
    driver.apply(Reserve("w", 0))
    assert given(driver.ask("v")) == ["second"]


def test_no_more_is_reserved_than_a_worker_can_begin():
    driver = driver_with("w", "v", lock=1, db=1)
    driver.register("w", task("plain", priority=9), task("first", resources={"lock": 1}, priority=5))
    driver.register("v", task("second", resources={"lock": 1}))
    driver.apply(Reserve("w", 1))
    assert given(driver.ask("v")) == ["second"]


def test_what_a_worker_runs_already_counts_by_its_place():
    driver = driver_with("w", "v")
    driver.register("w", task("runs", priority=4))
    driver.ask("w")
    driver.register("w", task("first", resources={"lock": 1}, priority=5))
    driver.register("w", task("later", resources={"db": 1}, priority=1))
    driver.register("v", task("second", resources={"lock": 1}), task("other", resources={"db": 1}))
    driver.apply(Reserve("w", 2))
    assert given(driver.ask("v", slots=2)) == ["other"]


def test_nothing_is_reserved_for_workers_that_get_nothing():
    driver = rivals()
    driver.apply(DisableWorker("w"))
    driver.apply(Reserve("w", 1))
    driver.apply(Reserve("nobody", 1))
    assert given(driver.ask("v")) == ["second"]
    paused = rivals()
    paused.apply(Pause())
    paused.apply(Reserve("w", 1))
    assert paused.machine.resources.claims == {}
