"""Planning: what is found, in which order, with which verdict, and what goes wrong readably."""

from __future__ import annotations

import os
import threading
import time

import pytest

import rumbo.pipeline.task as core
from rumbo.errors import CollisionError, CycleError, TaskError
from rumbo.pipeline.events import Event
from rumbo.pipeline.local import LocalFileSystem, LocalTarget
from rumbo.pipeline.parameters.scalars import IntParameter, StrParameter
from rumbo.worker.completeness import check_all
from rumbo.worker.plan import Plan, Verdict

ASKED: list[str] = []


def raised_in(method):
    """Where the first line of a method is, as errors tell it."""
    return f"(line {method.__code__.co_firstlineno + 1} of {os.path.relpath(__file__)})"


@pytest.fixture(autouse=True)
def _nobody_was_asked_yet():
    ASKED.clear()


class Node(core.Task):
    """A task whose shape is spelled out: ``name``, what it needs, whether it is complete."""

    task_namespace = "planning"
    name = StrParameter()
    graph: dict[str, list[str]] = {}
    done: set[str] = set()

    def requires(self):
        return [Node(name=each) for each in self.graph.get(self.name, [])]

    def complete(self):
        ASKED.append(self.name)
        return self.name in self.done


@pytest.fixture
def graph():
    Node.graph, Node.done = {}, set()
    yield Node
    Node.graph, Node.done = {}, set()


def verdicts(plan):
    return {node.task.name: str(node.verdict) for node in plan.nodes.values()}


def test_each_task_is_asked_once(graph):
    graph.graph = {"root": ["a", "b"], "a": ["c"], "b": ["c"]}
    plan = Plan()
    plan.find([Node(name="root")])
    assert sorted(ASKED) == ["a", "b", "c", "root"]
    assert verdicts(plan) == {"root": "run", "a": "run", "b": "run", "c": "run"}


def test_dependencies_come_before_dependents(graph):
    graph.graph = {"root": ["a", "b"], "a": ["c"], "b": ["c", "a"]}
    order = [node.task.name for node in Plan().find([Node(name="root")])]
    for name, needs in graph.graph.items():
        for needed in needs:
            assert order.index(needed) < order.index(name)


def test_what_lies_below_a_complete_task_is_not_looked_at(graph):
    graph.graph = {"root": ["a"], "a": ["b"]}
    graph.done = {"a"}
    plan = Plan()
    plan.find([Node(name="root")])
    assert verdicts(plan) == {"root": "run", "a": "skip"}


def test_a_deep_plan_finds_a_missing_leaf_under_a_finished_root(graph):
    graph.graph = {"root": ["a", "x"], "a": ["b"], "b": ["c"]}
    graph.done = {"root", "a", "b", "x"}
    plan = Plan(deep=True)
    plan.find([Node(name="root")])
    assert verdicts(plan) == {"root": "run", "a": "run", "b": "run", "c": "run", "x": "skip"}
    reasons = {node.task.name: node.reason for node in plan.nodes.values()}
    assert reasons["c"] == "not complete"
    assert reasons["b"] == "complete, but planning.Node(name=c) is made again"
    assert reasons["x"] == "complete"


@pytest.mark.slow
def test_a_chain_of_100_000_tasks_is_planned_without_recursion():
    class Link(core.Task):
        task_namespace = "planning"
        n = IntParameter()

        def requires(self):
            return Link(n=self.n - 1) if self.n else []

        def complete(self):
            return False

    plan = Plan()
    order = plan.find([Link(n=100_000)])
    assert [order[0].task.n, order[-1].task.n, len(order)] == [0, 100_000, 100_001]


def test_an_error_in_complete_breaks_that_branch_only(graph):
    class Broken(Node):
        def complete(self):
            raise ConnectionError("no route to the warehouse")

    class Root(core.Task):
        task_namespace = "planning"

        def requires(self):
            return [Broken(name="x"), Node(name="y")]

        def complete(self):
            return False

    plan = Plan()
    plan.find([Root()])
    by_family = {node.task.task_family: node for node in plan.nodes.values()}
    broken = by_family["planning.Broken"]
    assert broken.verdict is Verdict.BROKEN
    assert (
        broken.reason == f"complete() failed: ConnectionError: no route to the warehouse {raised_in(Broken.complete)}"
    )
    assert "no route to the warehouse" in broken.traceback
    assert by_family["planning.Node"].verdict is Verdict.RUN
    assert by_family["planning.Root"].verdict is Verdict.WAIT
    assert by_family["planning.Root"].reason == "needs planning.Broken(name=x), which is broken"


def test_an_error_in_requires_breaks_that_branch_only(graph):
    class Stumbling(Node):
        def requires(self):
            raise KeyError("unknown month")

    plan = Plan()
    plan.find([Stumbling(name="x"), Node(name="y")])
    assert [str(node.verdict) for node in plan.nodes.values()] == ["broken", "run"]
    assert plan.nodes[Stumbling(name="x").task_id].reason == (
        f"requires() failed: KeyError: 'unknown month' {raised_in(Stumbling.requires)}"
    )


def test_complete_must_say_true_or_false():
    class Vague(core.Task):
        task_namespace = "planning"

        def complete(self):
            return "yes"

    plan = Plan()
    (node,) = plan.find([Vague()])
    assert node.verdict is Verdict.BROKEN
    assert str(node.error) == "planning.Vague().complete() returned 'yes', of type str: it must return True or False."


def test_requires_must_give_tasks(tmp_path):
    class Confused(core.Task):
        task_namespace = "planning"

        def requires(self):
            return [LocalTarget("somewhere")]

        def complete(self):
            return False

    (node,) = Plan().find([Confused()])
    assert node.verdict is Verdict.BROKEN
    assert str(node.error) == (
        "planning.Confused().requires() returned LocalTarget('somewhere'), of type LocalTarget: "
        "return tasks, not their targets and not their classes."
    )


def test_output_must_give_targets():
    class Plain(core.Task):
        task_namespace = "planning"

        def output(self):
            return ["there.txt"]

    (node,) = Plan().find([Plain()])
    assert node.reason == (
        "complete() failed: planning.Plain().output() returned 'there.txt', of type str: "
        "return targets, such as rumbo.LocalTarget('there.txt')"
    )


def test_a_root_must_be_a_task():
    with pytest.raises(TaskError) as caught:
        Plan().find([Node])
    assert str(caught.value) == "Not a task: the class Node. Give instances of Task to build."


def test_an_external_task_that_is_missing_is_waited_for(graph):
    class Feed(core.ExternalTask):
        task_namespace = "planning"

        def complete(self):
            return False

    class Reader(core.Task):
        task_namespace = "planning"

        def requires(self):
            return Feed()

        def complete(self):
            return False

    plan = Plan()
    plan.find([Reader()])
    assert [(str(n.verdict), n.reason) for n in plan.nodes.values()] == [
        ("wait", "needs planning.Feed(), which is external and not there"),
        ("wait", "external: somebody else must bring it about"),
    ]


def test_a_task_switched_off_by_its_author_waits():
    class Off(core.Task):
        task_namespace = "planning"
        disabled = True

        def complete(self):
            return False

    (node,) = Plan().find([Off()])
    assert (node.verdict, node.reason) == (Verdict.WAIT, "switched off by its author")


def test_a_circle_is_an_error_that_prints_the_path(graph):
    graph.graph = {"root": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}
    with pytest.raises(CycleError) as caught:
        Plan().find([Node(name="root")])
    assert caught.value.path == tuple([Node(name=name).task_id for name in "abca"])
    assert str(caught.value) == (
        "These tasks need each other in a circle:\n  "
        + "\n  -> ".join([f"planning.Node(name={name})" for name in "abca"])
        + "\nRemove one of these requirements: a task can only need what can be finished before it."
    )


class Copy(core.Task):
    task_namespace = "planning"
    day = IntParameter()
    retries_left = IntParameter(default=3, significant=False)

    def complete(self):
        return False


def test_tasks_that_differ_only_in_an_insignificant_parameter_collide():
    with pytest.raises(CollisionError) as caught:
        Plan().find([Copy(day=1), Copy(day=1, retries_left=5)])
    assert str(caught.value) == (
        f"Two tasks have the id {Copy(day=1).task_id} but differ in the parameter 'retries_left' (3 and 5), which is "
        "not significant, so only one of them could run. Make the parameter significant in planning.Copy, or give it "
        "the same value wherever the task is required."
    )


def test_where_luigi_is_followed_the_first_of_two_colliding_tasks_wins():
    plan = Plan(allow_collisions=True)
    plan.find([Copy(day=1), Copy(day=1, retries_left=5)])
    (node,) = plan.nodes.values()
    assert node.task.retries_left == 3


def test_a_plan_grows_by_what_running_tasks_ask_for(graph):
    graph.graph = {"late": ["a", "z"]}
    plan = Plan()
    plan.find([Node(name="a")])
    asked, fresh = plan.add([Node(name="late"), Node(name="a")])
    assert [node.task.name for node in asked] == ["late", "a"]
    assert [node.task.name for node in fresh] == ["z", "late"]


def test_events_tell_what_was_discovered(graph):
    graph.graph = {"root": ["a", "b"]}
    graph.done = {"b"}
    told = []
    handlers = [
        (Event.DEPENDENCY_DISCOVERED, lambda task, needed: told.append(("discovered", task.name, needed.name))),
        (Event.DEPENDENCY_MISSING, lambda task: told.append(("missing", task.name))),
        (Event.DEPENDENCY_PRESENT, lambda task: told.append(("present", task.name))),
    ]
    for event, handler in handlers:
        Node.event_handler(event)(handler)
    try:
        Plan().find([Node(name="root")])
    finally:
        for event, handler in handlers:
            Node.remove_event_handler(event, handler)
    assert told == [
        ("missing", "root"),
        ("discovered", "root", "a"),
        ("discovered", "root", "b"),
        ("missing", "a"),
        ("present", "b"),
    ]


class File(core.Task):
    task_namespace = "planning"
    path = StrParameter()

    def output(self):
        return LocalTarget(self.path)


def test_many_files_in_a_folder_are_asked_for_at_once(tmp_path, monkeypatch):
    tasks = [File(path=str(tmp_path / f"{n}")) for n in range(50)]
    for n in range(0, 50, 2):
        (tmp_path / f"{n}").touch()
    lists = []
    ask = LocalFileSystem.exists_many
    monkeypatch.setattr(LocalFileSystem, "exists_many", lambda self, paths: lists.append(1) or ask(self, paths))
    assert check_all(tasks, threads=1) == [n % 2 == 0 for n in range(50)]
    assert len(lists) == 1


def test_slow_answers_are_waited_for_together():
    names = set()

    class Slow(core.Task):
        task_namespace = "planning"
        n = IntParameter()

        def complete(self):
            names.add(threading.current_thread().name)
            time.sleep(0.002)
            return self.n % 2 == 0

    tasks = [Slow(n=n) for n in range(40)]
    assert check_all(tasks, threads=8) == [n % 2 == 0 for n in range(40)]
    assert len(names) > 2
    assert not names & {thread.name for thread in threading.enumerate() if thread is not threading.main_thread()}


class Partition(core.Task):
    task_namespace = "planning"
    n = IntParameter()
    questions: list[list[int]] = []

    @classmethod
    def bulk_complete(cls, parameter_tuples):
        cls.questions.append(list(parameter_tuples))
        return [n for n in parameter_tuples if n % 3 == 0]

    def complete(self):
        raise AssertionError("asked singly")


def test_a_class_that_can_answer_for_many_is_asked_once():
    Partition.questions.clear()
    assert check_all([Partition(n=n) for n in range(10)], threads=1) == [n % 3 == 0 for n in range(10)]
    assert Partition.questions == [list(range(10))]


def test_a_class_that_fails_to_answer_for_many_is_asked_one_by_one():
    class Stubborn(Partition):
        @classmethod
        def bulk_complete(cls, parameter_tuples):
            raise ConnectionError("the table is locked")

        def complete(self):
            return self.n == 4

    assert check_all([Stubborn(n=n) for n in range(6)], threads=1) == [n == 4 for n in range(6)]


class All(core.WrapperTask):
    task_namespace = "planning"

    def requires(self):
        return [Node(name="a"), Node(name="b")]


def test_the_verdict_of_a_wrapper_follows_from_what_it_requires(graph):
    graph.done = {"a"}
    plan = Plan()
    plan.find([All()])
    assert [str(node.verdict) for node in plan.nodes.values()] == ["run", "skip", "run"]
    assert sorted(ASKED) == ["a", "b"]
    graph.done = {"a", "b"}
    plan = Plan()
    plan.find([All()])
    assert [node.reason for node in plan.nodes.values()] == ["complete", "complete", "complete"]


def test_where_luigi_is_followed_a_wrapper_is_asked_itself(graph):
    graph.done = {"a", "b"}
    plan = Plan(ask_wrappers=True)
    plan.find([All()])
    assert [str(node.verdict) for node in plan.nodes.values()] == ["skip"]


class Made(core.Task):
    task_namespace = "planning"
    folder = StrParameter()
    name = StrParameter()
    needs = {"report": ["total"], "total": ["day"], "day": []}

    def requires(self):
        return [self.clone(name=name) for name in self.needs[self.name]]

    def output(self):
        return LocalTarget(f"{self.folder}/{self.name}")


def made_at(folder, **moments):
    for name, moment in moments.items():
        (folder / name).touch()
        os.utime(folder / name, (moment, moment))


def deep_verdicts(folder):
    plan = Plan(deep=True)
    plan.find([Made(folder=str(folder), name="report")])
    return {node.task.name: node.reason for node in plan.nodes.values()}


def test_a_deep_plan_makes_again_what_is_older_than_its_input(tmp_path):
    made_at(tmp_path, day=300, total=200, report=400)
    day, total = (str(Made(folder=str(tmp_path), name=name)) for name in ("day", "total"))
    assert deep_verdicts(tmp_path) == {
        "report": f"complete, but {total} is made again",
        "total": f"complete, but {day} is newer",
        "day": "complete",
    }


def test_a_deep_plan_leaves_alone_what_was_made_in_order(tmp_path):
    made_at(tmp_path, day=100, total=200, report=200)
    assert set(deep_verdicts(tmp_path).values()) == {"complete"}


def test_ages_are_passed_on_by_tasks_without_outputs(tmp_path):
    class Bundle(core.WrapperTask):
        task_namespace = "planning"

        def requires(self):
            return Made(folder=str(tmp_path), name="day")

    class Reader(core.Task):
        task_namespace = "planning"

        def requires(self):
            return Bundle()

        def output(self):
            return LocalTarget(str(tmp_path / "reader"))

    made_at(tmp_path, day=300, reader=200)
    plan = Plan(deep=True)
    plan.find([Reader()])
    assert plan.roots[0].reason == "complete, but planning.Bundle() is newer"


class Owned(core.Task):
    kind = StrParameter()
    part = IntParameter(batch_method=max)

    @property
    def owner_email(self):
        return {"one": "ana@example.org,bo@example.org", "odd": [None, 7], "none": None}[self.kind]

    def complete(self):
        return False


def test_whom_to_tell_of_a_task_and_what_may_be_told_together_is_part_of_its_plan():
    plan = Plan()
    plan.find([Owned(kind=kind, part=1) for kind in ("one", "odd", "none")])
    planned = [node.planned() for node in plan.nodes.values()]
    assert [node.owners for node in planned] == [("ana@example.org", "bo@example.org"), ("None", "7"), ()]
    assert [node.batched for node in planned] == [("part",)] * 3


def test_a_task_that_cannot_say_whom_to_tell_is_planned_all_the_same():
    plan = Plan()
    (node,) = plan.find([Owned(kind="neither", part=1)])
    with pytest.warns(UserWarning, match=r"The owner_email of .* raised KeyError\('neither'\)"):
        assert node.planned().owners == ()
