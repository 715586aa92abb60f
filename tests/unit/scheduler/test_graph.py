"""Edges in both directions, counted dependencies, priorities handed down, circles found."""

from __future__ import annotations

import itertools

import pytest

from rumbo.scheduler.graph import Graph
from rumbo.scheduler.records import State, TaskSpec


def graph_of(**needs: str) -> Graph:
    """A graph of tasks with one-letter names: ``a="bc"`` lets a wait for b and c."""
    graph = Graph()
    for id, others in needs.items():
        task = graph.meet(TaskSpec(id), 0.0)
        graph.connect(task, tuple(others), 0.0)
    return graph


def test_the_first_sight_of_a_task_makes_its_record():
    graph = Graph()
    record = graph.meet(TaskSpec("a", priority=3), 7.0)
    assert (record.id, record.state, record.priority, record.first_seen) == ("a", State.UNKNOWN, 3, 7.0)
    assert graph.meet(TaskSpec("a", priority=9), 8.0) is record


def test_tasks_are_numbered_by_first_sight():
    graph = graph_of(a="c", b="")
    assert [(task.id, task.order) for task in graph.tasks.values()] == [("a", 1), ("c", 2), ("b", 3)]


def test_an_order_is_not_given_again_after_its_task_was_forgotten():
    graph = graph_of(a="", b="")
    graph.forget(graph.tasks["b"])
    assert graph.meet(TaskSpec("b"), 0.0).order == 3


def test_edges_lead_both_ways_and_missing_dependencies_are_counted():
    graph = graph_of(a="bc")
    assert graph.tasks["a"].waits_for == ("b", "c")
    assert graph.tasks["a"].missing == 2
    assert list(graph.tasks["b"].dependents) == list(graph.tasks["c"].dependents) == ["a"]


def test_a_dependency_that_nobody_described_is_there_and_nobody_can_run_it():
    graph = graph_of(a="b")
    stub = graph.tasks["b"]
    assert (stub.state, stub.spec.state, stub.spec.runnable) == (State.UNKNOWN, State.UNKNOWN, False)


def test_what_is_done_is_not_missing():
    graph = graph_of(b="", c="")
    graph.tasks["b"].state = State.DONE
    task = graph.meet(TaskSpec("a"), 0.0)
    graph.connect(task, ("b", "c"), 0.0)
    assert task.missing == 1


def test_a_dependency_named_twice_counts_once():
    graph = graph_of(a="bbcb")
    assert graph.tasks["a"].waits_for == ("b", "c")
    assert graph.tasks["a"].missing == 2


def test_other_dependencies_take_the_place_of_those_before():
    graph = graph_of(a="bc")
    dropped = graph.connect(graph.tasks["a"], ("c", "d"), 0.0)
    assert [task.id for task in dropped] == ["b"]
    assert graph.tasks["a"].waits_for == ("c", "d")
    assert not graph.tasks["b"].dependents
    assert graph.tasks["a"].missing == 2


def test_the_same_dependencies_again_change_nothing():
    graph = graph_of(a="bc")
    assert graph.connect(graph.tasks["a"], ("b", "c"), 0.0) == []
    assert graph.tasks["a"].missing == 2


def test_the_tuple_of_dependencies_is_not_copied():
    graph = Graph()
    needs = ("b", "c")
    task = graph.meet(TaskSpec("a"), 0.0)
    graph.connect(task, needs, 0.0)
    assert task.waits_for is needs


def test_priority_is_handed_down_to_all_that_a_task_waits_for():
    graph = graph_of(a="b", b="c", c="", d="c")
    graph.tasks["a"].priority = 5
    raised = graph.hand_down_priority([graph.tasks["a"]])
    assert [task.id for task in raised] == ["b", "c"]
    assert [graph.tasks[id].priority for id in "abcd"] == [5, 5, 5, 0]


def test_priority_only_rises():
    graph = graph_of(a="b")
    graph.tasks["a"].priority, graph.tasks["b"].priority = 5, 7
    assert graph.hand_down_priority([graph.tasks["a"]]) == []
    assert graph.tasks["b"].priority == 7


def test_priority_passes_through_what_is_done_because_it_may_be_needed_again():
    graph = graph_of(a="b", b="c")
    graph.tasks["b"].state = State.DONE
    graph.tasks["a"].priority = 5
    graph.hand_down_priority([graph.tasks["a"]])
    assert graph.tasks["c"].priority == 5


def test_no_priority_is_raised_twice_however_the_tasks_are_listed():
    graph = Graph()
    chain = [graph.meet(TaskSpec(f"t{i}", priority=i), 0.0) for i in range(100)]
    for lower, upper in itertools.pairwise(chain):
        graph.connect(upper, (lower.id,), 0.0)
    raised = graph.hand_down_priority(chain)
    assert sorted(task.order for task in raised) == list(range(1, 100))


def test_a_circle_does_not_trap_the_handing_down():
    graph = graph_of(a="b", b="a")
    graph.tasks["a"].priority = 5
    assert [task.id for task in graph.hand_down_priority([graph.tasks["a"]])] == ["b"]


@pytest.mark.parametrize(
    ("start", "goal", "path"),
    [("a", "d", "abd"), ("a", "a", "a"), ("d", "a", ""), ("b", "c", ""), ("x", "a", ""), ("a", "x", "")],
)
def test_the_path_along_which_one_task_waits_for_another(start, goal, path):
    graph = graph_of(a="bc", b="d", c="", d="")
    assert graph.path_between(start, goal) == tuple(path)


def test_the_path_does_not_lead_through_what_is_done():
    graph = graph_of(a="b", b="c")
    graph.tasks["b"].state = State.DONE
    assert graph.path_between("a", "c") == ()
    assert graph.path_between("a", "b") == ("a", "b")


def test_a_circle_does_not_trap_the_search():
    graph = graph_of(a="b", b="a", c="")
    assert graph.path_between("a", "c") == ()


def test_a_task_on_which_many_depend_knows_them_all_in_order():
    names = [f"t{number}" for number in range(20)]
    graph = Graph()
    for name in names:
        graph.connect(graph.meet(TaskSpec(name), 0.0), ("hub",), 0.0)
    hub = graph.tasks["hub"]
    assert list(hub.dependents) == names
    graph.connect(graph.tasks["t3"], (), 0.0)
    graph.forget(graph.tasks["t0"])
    assert list(hub.dependents) == [name for name in names if name not in ("t0", "t3")]


def test_a_task_is_forgotten_with_its_edges():
    graph = graph_of(a="bc", d="c")
    needed = graph.forget(graph.tasks["a"])
    assert [task.id for task in needed] == ["b", "c"]
    assert list(graph.tasks) == ["b", "c", "d"]
    assert list(graph.tasks["c"].dependents) == ["d"]
