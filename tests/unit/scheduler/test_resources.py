"""Amounts in use, and claims that keep what comes free for those who waited first."""

from __future__ import annotations

import pytest

from rumbo.scheduler.graph import Graph
from rumbo.scheduler.records import Lease, TaskRecord, TaskSpec, WorkerRecord, place_of
from rumbo.scheduler.resources import Resources


class Bench:
    def __init__(self, **capacity: float) -> None:
        self.graph = Graph()
        self.resources = Resources(capacity)
        self.workers = {id: WorkerRecord(id, ("default",), False, 0.0) for id in ("v", "w")}
        self.w = self.workers["w"]
        self.leases: list[Lease] = []

    def hold(self, **amounts: float) -> None:
        """Let a lease of worker w hold these."""
        self.leases.append(Lease(len(self.leases) + 1, "w", ("held",), 1, None))
        self.resources.hold(self.leases[-1], amounts, self.w)

    def release(self) -> None:
        """End the last lease."""
        self.resources.release(self.leases.pop(), self.w)

    def lacking(self, task: TaskRecord, worker: str = "w") -> str:
        return self.resources.lacking(task, self.workers[worker])

    def claim(self, task: TaskRecord, worker: str = "w") -> bool:
        return self.resources.claim(task, self.workers[worker])

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
    assert bench.lacking(task) == ""
    bench.hold(db=2)
    assert bench.lacking(task) == "db"
    bench.release()
    assert bench.lacking(task) == ""


def test_the_first_resource_that_is_lacking_is_named():
    bench = Bench(db=3, memory=4, disk=5)
    bench.hold(memory=4, disk=5)
    assert bench.lacking(bench.task("a", db=1, memory=1, disk=1)) == "memory"


def test_a_task_without_needs_fits_always():
    bench = Bench(db=0)
    assert bench.lacking(bench.task("a")) == ""


def test_fractions_add_up():
    bench = Bench()
    tenth = bench.task("a", db=0.1)
    for _ in range(10):
        assert bench.lacking(tenth) == ""
        bench.hold(db=0.1)
    assert bench.lacking(tenth) == "db"
    for _ in range(10):
        bench.release()
    assert bench.resources.used == {}
    assert bench.lacking(bench.task("b", db=1)) == ""


def test_three_tenths_fit_into_three_times_a_tenth():
    bench = Bench(db=0.3)
    bench.hold(db=0.1)
    bench.hold(db=0.1)
    assert bench.lacking(bench.task("a", db=0.1)) == ""


def test_nothing_of_a_resource_can_be_held_and_given_back_any_number_of_times():
    bench = Bench()
    bench.hold(db=0)
    bench.hold(db=0)
    bench.release()
    bench.release()
    assert bench.resources.used == {}


def test_a_claim_binds_those_who_come_later_in_the_order_of_work():
    bench = Bench(db=10)
    first, big, later = bench.task("first", db=4), bench.task("big", db=8), bench.task("later", db=4)
    bench.hold(db=4)
    assert bench.claim(big, "w")
    assert bench.lacking(first) == ""
    assert bench.lacking(big) == "db"
    assert bench.lacking(later) == "db"
    assert [bench.resources.claimed("db", task) for task in (first, big, later)] == [0, 0, 8]


def test_what_a_claim_leaves_can_be_had():
    bench = Bench(db=10)
    bench.claim(bench.task("big", db=8), "w")
    assert bench.lacking(bench.task("small", db=2)) == ""
    assert bench.lacking(bench.task("medium", db=3)) == "db"


def test_only_claims_on_the_same_resource_count():
    bench = Bench(db=10)
    bench.claim(bench.task("big", db=10), "w")
    assert bench.lacking(bench.task("other", memory=1)) == ""


def test_a_more_important_task_is_not_bound_by_a_claim():
    bench = Bench(db=10)
    bench.claim(bench.task("big", db=10), "w")
    assert bench.lacking(bench.task("urgent", priority=1, db=10)) == ""


def test_all_claims_before_a_task_count_and_none_behind_it():
    bench = Bench(db=10)
    before, task, behind = bench.task("before", db=2), bench.task("task", db=5), bench.task("behind", db=9)
    bench.claim(before, "v")
    bench.claim(behind, "w")
    assert bench.lacking(task) == ""


def test_the_claim_of_a_task_that_is_not_in_line_is_void():
    bench = Bench(db=10)
    big, later = bench.task("big", db=10), bench.task("later", db=1)
    bench.claim(big, "w")
    big.queued = None
    assert bench.lacking(later) == ""


def test_what_can_never_fit_has_no_claim():
    bench = Bench(db=10)
    assert not bench.claim(bench.task("oversized", db=11), "w")
    assert not bench.claim(bench.task("half oversized", db=1, unheard_of=2), "w")
    assert bench.resources.claims == {}
    assert bench.lacking(bench.task("later", db=10)) == ""


def test_a_task_claims_once_whoever_asks_for_it():
    bench = Bench(db=10)
    big = bench.task("big", db=6)
    assert bench.claim(big, "v")
    assert bench.claim(big, "w")
    assert bench.resources.claimed("db", bench.task("later", db=1)) == 6
    bench.resources.drop_claims("w")
    assert bench.resources.claims == {big: {"v": None}}


def test_the_claims_of_one_worker_are_dropped_together():
    bench = Bench(db=10)
    tasks = [bench.task(id, db=1) for id in "abc"]
    for task, worker in zip(tasks, "vwv", strict=True):
        bench.claim(task, worker)
    bench.resources.drop_claims("v")
    assert list(bench.resources.claims) == [tasks[1]]


def test_claims_are_made_anew_when_the_capacity_changes():
    bench = Bench(db=10)
    bench.claim(bench.task("big", db=8), "w")
    bench.resources.set_capacity("db", 5)
    assert bench.resources.total("db") == 5
    assert bench.lacking(bench.task("later", db=5)) == ""


@pytest.mark.parametrize(
    ("amounts", "fits"), [({"db": 10}, True), ({"db": 10.5}, False), ({"db": 1, "x": 2}, False), ({}, True)]
)
def test_whether_a_task_can_ever_fit(amounts, fits):
    bench = Bench(db=10)
    bench.hold(db=10)
    assert bench.resources.can_ever_fit(bench.task("a", **amounts), bench.w) is fits


# -- what a worker has of its own --------------------------------------------------------------------------------------


def test_what_a_worker_has_of_its_own_is_not_shared():
    bench = Bench(cpu=0.0)
    bench.w.capacity = {"cpu": 4}
    task = bench.task("a", cpu=3)
    assert bench.lacking(task) == ""
    assert bench.lacking(task, "v") == "cpu"
    bench.hold(cpu=2)
    assert bench.lacking(task) == "cpu"
    assert (bench.w.used, bench.resources.used) == ({"cpu": 2}, {})
    bench.release()
    assert bench.w.used == {}


def test_a_lease_holds_of_both():
    bench = Bench(db=2)
    bench.w.capacity = {"cpu": 4}
    bench.hold(cpu=1, db=2)
    assert (bench.w.used, bench.resources.used) == ({"cpu": 1}, {"db": 2})
    bench.resources.shrink(bench.leases[0], {"cpu": 0.5, "db": 9, "unheard of": 1}, bench.w)
    assert (bench.w.used, bench.resources.used) == ({"cpu": 0.5}, {})
    bench.release()
    assert (bench.w.used, bench.resources.used) == ({}, {})


def test_a_worker_keeps_its_own_for_what_comes_first():
    bench = Bench()
    bench.w.capacity = bench.workers["v"].capacity = {"cpu": 4}
    bench.hold(cpu=2)
    big, small = bench.task("big", cpu=3), bench.task("small", cpu=1)
    assert bench.claim(big)
    assert bench.lacking(small) == "cpu"
    assert bench.lacking(small, "v") == ""


def test_a_task_too_big_for_a_worker_claims_nothing_of_it():
    bench = Bench()
    bench.w.capacity = {"cpu": 4}
    assert not bench.claim(bench.task("huge", cpu=5))


def test_a_worker_may_change_what_it_has():
    bench = Bench()
    bench.w.capacity = {"cpu": 4}
    bench.hold(cpu=2)
    bench.claim(bench.task("big", cpu=3))
    bench.resources.change_own(bench.w, {"cpu": 8}, bench.leases)
    assert (bench.w.capacity, bench.w.used, bench.resources.claims) == ({"cpu": 8}, {"cpu": 2}, {})
