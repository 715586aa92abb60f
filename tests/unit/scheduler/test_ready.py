"""Lines of ready tasks: by priority, then age, for everybody who may run them."""

from __future__ import annotations

from rumbo.scheduler.graph import Graph
from rumbo.scheduler.ready import ReadyQueues, needs_of
from rumbo.scheduler.records import TaskRecord, TaskSpec, place_of


class Bench:
    def __init__(self, *audiences: str) -> None:
        self.graph = Graph()
        self.queues = ReadyQueues()
        for audience in audiences:
            self.queues.open(audience)

    def push(self, id: str, *audiences: str, priority: float = 0, **resources: float) -> TaskRecord:
        task = self.graph.meet(TaskSpec(id, priority=priority, resources=resources), 0.0)
        self.queues.push(task, audiences or ("w",))
        return task

    def drain(self, *audiences: str) -> list[str]:
        found = []
        while (task := self.queues.first(audiences or ("w",))) is not None:
            task.queued = None
            found.append(task.id)
        return found


def test_priority_comes_before_age():
    bench = Bench("w")
    bench.push("old")
    bench.push("urgent", priority=2)
    bench.push("young")
    bench.push("important", priority=1)
    assert bench.drain() == ["urgent", "important", "old", "young"]


def test_the_first_stays_in_line_until_it_is_taken():
    bench = Bench("w")
    task = bench.push("a")
    assert bench.queues.first(("w",)) is task
    assert bench.queues.first(("w",)) is task
    task.queued = None
    assert bench.queues.first(("w",)) is None


def test_nobody_is_first_in_lines_that_are_empty_or_not_kept():
    bench = Bench("w")
    assert bench.queues.first(("w", "stranger")) is None


def test_a_task_taken_from_one_line_stands_in_no_other():
    bench = Bench("v", "w")
    bench.push("a", "v", "w")
    bench.push("b", "w")
    assert bench.drain("v") == ["a"]
    assert bench.drain("w") == ["b"]


def test_several_lines_are_served_as_one():
    bench = Bench("v", "w")
    bench.push("a", "v")
    bench.push("b", "w", priority=1)
    bench.push("c", "v", "w")
    assert bench.drain("v", "w") == ["b", "a", "c"]


def test_a_task_whose_priority_rose_moves_forward():
    bench = Bench("w")
    bench.push("a")
    task = bench.push("b")
    task.priority = 1
    bench.queues.push(task, ("w",))
    assert bench.drain() == ["b", "a"]


def test_a_task_that_left_and_came_back_is_given_out_once():
    bench = Bench("w")
    task = bench.push("a")
    task.queued = None
    bench.queues.push(task, ("w",))
    assert bench.queues.length("w") == 2
    assert bench.drain() == ["a"]
    assert bench.queues.length("w") == 0


def test_an_old_place_in_a_line_does_not_count_after_the_task_went_to_another():
    bench = Bench("v", "w")
    task = bench.push("a", "v")
    bench.queues.push(task, ("w",))
    assert bench.drain("v") == []
    assert bench.drain("w") == ["a"]


def test_tasks_with_needs_to_pass_over_are_passed_over():
    bench = Bench("w")
    bench.push("big", priority=1, memory=8.0)
    bench.push("also big", memory=8.0)
    bench.push("small", memory=1.0)
    assert bench.queues.first(("w",)).id == "big"
    assert bench.queues.first(("w",), ((("memory", 8.0),),)).id == "small"
    assert bench.queues.first(("w",), ((("memory", 8.0),), (("memory", 1.0),))) is None


def test_needs_are_the_same_in_whatever_order_they_were_written():
    one = TaskRecord(TaskSpec("a", resources={"db": 1, "memory": 2}), 1, 0.0)
    other = TaskRecord(TaskSpec("b", resources={"memory": 2, "db": 1}), 2, 0.0)
    assert needs_of(one) == needs_of(other) == (("db", 1), ("memory", 2))
    assert needs_of(TaskRecord(TaskSpec("c"), 3, 0.0)) == ()


def test_a_line_that_was_emptied_leaves_nothing_behind():
    bench = Bench("w")
    for amount in range(1, 50):
        bench.push(f"a{amount}", memory=amount)
    bench.drain()
    assert bench.queues._lines == {"w": {}}


def test_the_leading_tasks_of_all_lines_stay_in_line():
    bench = Bench("v", "w")
    for number, (id, audience) in enumerate([("a", "w"), ("b", "v"), ("c", "w"), ("d", "w"), ("e", "v")]):
        bench.push(id, audience, priority=-number % 3)
    stale = bench.push("gone", "w", priority=9)
    stale.queued = None
    assert [task.id for task in bench.queues.leading(("w", "v", "nobody"), 3)] == ["b", "e", "c"]
    assert [task.id for task in bench.queues.leading(("w", "v", "w"), 9)] == ["b", "e", "c", "a", "d"]
    assert bench.queues.leading(("nobody",), 3) == []
    assert bench.drain("w") == ["c", "a", "d"]


def test_it_is_known_whether_anybody_in_line_may_need_resources():
    bench = Bench("v", "w")
    bench.push("a", "v")
    bench.push("b", "w", memory=1.0)
    assert bench.queues.wants_resources(("v", "w", "nobody"))
    assert not bench.queues.wants_resources(("v",))


def test_a_new_audience_begins_with_what_is_ready_for_it():
    bench = Bench("w")
    waiting = [bench.push("a"), bench.push("b", priority=1), TaskRecord(TaskSpec("not in line"), 9, 0.0)]
    bench.queues.open("pool", waiting)
    assert [task.id for task in bench.queues.standing("pool")] == ["b", "a"]
    assert bench.drain("pool") == ["b", "a"]
    assert bench.drain("w") == []


def test_a_task_in_line_can_be_admitted_to_one_more_line():
    bench = Bench("v", "w")
    task = bench.push("a", "w")
    bench.queues.admit(task, "v")
    bench.queues.admit(task, "not kept")
    assert bench.drain("v") == ["a"]
    bench.queues.admit(task, "v")
    assert bench.drain("v") == []


def test_a_closed_line_takes_nothing_and_gives_nothing():
    bench = Bench("w")
    bench.push("a")
    assert bench.queues.is_open("w")
    bench.queues.close("w")
    bench.queues.close("w")
    assert not bench.queues.is_open("w")
    bench.push("b")
    assert bench.drain() == []
    assert bench.queues.length("w") == 0


def test_standing_names_each_task_once_and_in_order():
    bench = Bench("w")
    task = bench.push("a")
    bench.push("b", memory=1.0)
    task.priority = 3
    bench.queues.push(task, ("w",))
    assert [task.id for task in bench.queues.standing("w")] == ["a", "b"]
    assert bench.queues.length("w") == 3


def test_a_place_is_worth_as_much_as_priority_and_age_say():
    old, young, urgent = (
        TaskRecord(TaskSpec(id, priority=p), o, 0.0) for id, p, o in [("a", 0, 1), ("b", 0, 2), ("c", 1, 3)]
    )
    assert sorted([place_of(young), place_of(old), place_of(urgent)]) == [
        place_of(urgent),
        place_of(old),
        place_of(young),
    ]


# -- who is told -------------------------------------------------------------------------------------------------------


def test_it_is_known_for_whom_something_came():
    bench = Bench("w", "v")
    bench.queues.admit(bench.push("a", "w", "nobody"), "v")
    assert list(bench.queues.take_stirred() or ()) == ["w", "v"]
    assert list(bench.queues.take_stirred() or ()) == []


def test_what_comes_free_may_be_for_anybody():
    bench = Bench("w")
    bench.queues.stir_all()
    assert bench.queues.take_stirred() is None
    assert bench.queues.take_stirred() == {}
