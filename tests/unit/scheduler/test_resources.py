"""Amounts in use, and claims that keep what comes free for those who waited first."""

from __future__ import annotations

import pytest

from rumbo.scheduler.graph import Graph
from rumbo.scheduler.records import TaskRecord, TaskSpec, place_of
from rumbo.scheduler.resources import Resources


class Bench:
    def __init__(self, **capacity: float) -> None:
        self.graph = Graph()
        self.resources = Resources(capacity)

    def task(self, id: str, priority: float = 0, **amounts: float) -> TaskRecord:
        task = self.graph.meet(TaskSpec(id, priority=priority, resources=amounts), 0.0)
        task.queued = place_of(task)
        return task


def test_there_is_one_of_what_nobody_has_set():
    bench = Bench(db=5.0, nothing=0.0)
    assert [bench.resources.total(name) for name in ("db", "nothing", "unheard of")] == [5.0, 0.0, 1.0]


def test_a_task_fits_until_the_resource_is_used_up():
    bench = Bench(db=3)
    task = bench.task("a", db=2)
    assert bench.resources.lacking(task) == ""
    bench.resources.hold({"db": 2})
    assert bench.resources.lacking(task) == "db"
    bench.resources.release({"db": 1})
    assert bench.resources.lacking(task) == ""


def test_the_first_resource_that_is_lacking_is_named():
    bench = Bench(db=3, memory=4, disk=5)
    bench.resources.hold({"memory": 4, "disk": 5})
    assert bench.resources.lacking(bench.task("a", db=1, memory=1, disk=1)) == "memory"


def test_a_task_without_needs_fits_always():
    bench = Bench(db=0)
    assert bench.resources.lacking(bench.task("a")) == ""


def test_fractions_add_up():
    bench = Bench()
    tenth = bench.task("a", db=0.1)
    for _ in range(10):
        assert bench.resources.lacking(tenth) == ""
        bench.resources.hold({"db": 0.1})
    assert bench.resources.lacking(tenth) == "db"
    for _ in range(10):
        bench.resources.release({"db": 0.1})
    assert bench.resources.used == {}
    assert bench.resources.lacking(bench.task("b", db=1)) == ""


def test_three_tenths_fit_into_three_times_a_tenth():
    bench = Bench(db=0.3)
    bench.resources.hold({"db": 0.1})
    bench.resources.hold({"db": 0.1})
    assert bench.resources.lacking(bench.task("a", db=0.1)) == ""


def test_nothing_of_a_resource_can_be_held_and_given_back_any_number_of_times():
    bench = Bench()
    bench.resources.hold({"db": 0})
    bench.resources.hold({"db": 0})
    bench.resources.release({"db": 0})
    bench.resources.release({"db": 0})
    assert bench.resources.used == {}


def test_a_claim_binds_those_who_come_later_in_the_order_of_work():
    bench = Bench(db=10)
    first, big, later = bench.task("first", db=4), bench.task("big", db=8), bench.task("later", db=4)
    bench.resources.hold({"db": 4})
    assert bench.resources.claim(big, "w")
    assert bench.resources.lacking(first) == ""
    assert bench.resources.lacking(big) == "db"
    assert bench.resources.lacking(later) == "db"
    assert [bench.resources.claimed("db", task) for task in (first, big, later)] == [0, 0, 8]


def test_what_a_claim_leaves_can_be_had():
    bench = Bench(db=10)
    bench.resources.claim(bench.task("big", db=8), "w")
    assert bench.resources.lacking(bench.task("small", db=2)) == ""
    assert bench.resources.lacking(bench.task("medium", db=3)) == "db"


def test_only_claims_on_the_same_resource_count():
    bench = Bench(db=10)
    bench.resources.claim(bench.task("big", db=10), "w")
    assert bench.resources.lacking(bench.task("other", memory=1)) == ""


def test_a_more_important_task_is_not_bound_by_a_claim():
    bench = Bench(db=10)
    bench.resources.claim(bench.task("big", db=10), "w")
    assert bench.resources.lacking(bench.task("urgent", priority=1, db=10)) == ""


def test_all_claims_before_a_task_count_and_none_behind_it():
    bench = Bench(db=10)
    before, task, behind = bench.task("before", db=2), bench.task("task", db=5), bench.task("behind", db=9)
    bench.resources.claim(before, "v")
    bench.resources.claim(behind, "w")
    assert bench.resources.lacking(task) == ""


def test_the_claim_of_a_task_that_is_not_in_line_is_void():
    bench = Bench(db=10)
    big, later = bench.task("big", db=10), bench.task("later", db=1)
    bench.resources.claim(big, "w")
    big.queued = None
    assert bench.resources.lacking(later) == ""


def test_what_can_never_fit_has_no_claim():
    bench = Bench(db=10)
    assert not bench.resources.claim(bench.task("oversized", db=11), "w")
    assert not bench.resources.claim(bench.task("half oversized", db=1, unheard_of=2), "w")
    assert bench.resources.claims == {}
    assert bench.resources.lacking(bench.task("later", db=10)) == ""


def test_a_task_claims_once_whoever_asks_for_it():
    bench = Bench(db=10)
    big = bench.task("big", db=6)
    assert bench.resources.claim(big, "v")
    assert bench.resources.claim(big, "w")
    assert bench.resources.claimed("db", bench.task("later", db=1)) == 6
    bench.resources.drop_claims("w")
    assert bench.resources.claims == {big: "v"}


def test_the_claims_of_one_worker_are_dropped_together():
    bench = Bench(db=10)
    tasks = [bench.task(id, db=1) for id in "abc"]
    for task, worker in zip(tasks, "vwv", strict=True):
        bench.resources.claim(task, worker)
    bench.resources.drop_claims("v")
    assert list(bench.resources.claims) == [tasks[1]]


def test_claims_are_made_anew_when_the_capacity_changes():
    bench = Bench(db=10)
    bench.resources.claim(bench.task("big", db=8), "w")
    bench.resources.set_capacity("db", 5)
    assert bench.resources.total("db") == 5
    assert bench.resources.lacking(bench.task("later", db=5)) == ""


@pytest.mark.parametrize(
    ("amounts", "fits"), [({"db": 10}, True), ({"db": 10.5}, False), ({"db": 1, "x": 2}, False), ({}, True)]
)
def test_whether_a_task_can_ever_fit(amounts, fits):
    bench = Bench(db=10)
    bench.resources.hold({"db": 10})
    assert bench.resources.can_ever_fit(bench.task("a", **amounts)) is fits
