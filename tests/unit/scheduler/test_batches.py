"""Which ready tasks go together."""

from __future__ import annotations

from rumbo.scheduler.batches import Batches
from rumbo.scheduler.graph import Graph
from rumbo.scheduler.records import BatchKey, TaskRecord, TaskSpec, place_of

KEY = BatchKey("Load", (("table", "flights"),), 0)


class Bench:
    def __init__(self) -> None:
        self.graph = Graph()
        self.batches = Batches()

    def add(self, id: str, key: BatchKey | None = KEY, runners: tuple[str, ...] = ("w",), **fields) -> TaskRecord:
        task = self.graph.meet(TaskSpec(id, batch=key, **fields), 0.0)
        task.runners = runners
        task.queued = place_of(task)
        self.batches.add(task)
        return task

    def take(self, first: TaskRecord) -> list[str]:
        first.queued = None
        found = self.batches.companions(first)
        for task in found:
            task.queued = None
        return [task.id for task in found]


def test_tasks_with_one_key_go_together_best_placed_first():
    bench = Bench()
    first = bench.add("a", priority=5)
    bench.add("b")
    bench.add("c", priority=1)
    assert bench.take(first) == ["c", "b"]


def test_other_keys_stay_apart():
    bench = Bench()
    first = bench.add("a")
    bench.add("b", BatchKey("Load", (("table", "planes"),), 0))
    bench.add("c", BatchKey("Store", (("table", "flights"),), 0))
    bench.add("d", None)
    assert bench.take(first) == []


def test_a_batch_has_no_more_tasks_than_its_limit():
    bench = Bench()
    key = KEY._replace(limit=3)
    tasks = [bench.add(id, key) for id in "abcdefg"]
    assert bench.take(tasks[0]) == ["b", "c"]
    assert bench.take(tasks[3]) == ["e", "f"]
    assert bench.take(tasks[6]) == []


def test_a_limit_of_one_makes_no_batches():
    bench = Bench()
    tasks = [bench.add(id, KEY._replace(limit=1)) for id in "abc"]
    assert bench.take(tasks[0]) == []
    assert bench.batches.standing(KEY._replace(limit=1)) == []


def test_a_task_that_cannot_be_batched_has_no_companions():
    bench = Bench()
    bench.add("a")
    assert bench.take(bench.add("b", None)) == []


def test_companions_need_the_same_resources_pool_and_workers_and_others_keep_their_place():
    bench = Bench()
    first = bench.add("a")
    others = [bench.add("b", resources={"db": 1.0}), bench.add("c", pool="gpu"), bench.add("d", runners=("w", "v"))]
    bench.add("e")
    assert bench.take(first) == ["e"]
    assert bench.batches.standing(KEY) == others


def test_what_left_the_line_or_moved_in_it_is_no_companion_by_its_old_place():
    bench = Bench()
    first = bench.add("a")
    gone, moved = bench.add("b"), bench.add("c")
    gone.queued = None
    moved.priority = 1
    moved.queued = place_of(moved)
    bench.batches.add(moved)
    assert bench.batches.standing(KEY) == [moved, first]
    assert bench.take(first) == ["c"]


def test_a_key_without_ready_tasks_leaves_nothing_behind():
    bench = Bench()
    bench.take(bench.add("a"))
    assert bench.batches._lines == {}
    assert bench.batches.standing(KEY) == []


def test_a_task_that_is_not_in_line_is_not_added():
    bench = Bench()
    task = bench.graph.meet(TaskSpec("a", batch=KEY), 0.0)
    bench.batches.add(task)
    assert bench.batches.standing(KEY) == []
