"""What is told to the writer is what the reader answers."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from rumbo.history import RUN_SORTS, TASK_SORTS, AmbiguousInHistory, Artifact, NotInHistory
from rumbo.scheduler.records import Outcome, State
from rumbo.scheduler.transitions import Cause
from rumbo.store.connect import NoHistory
from rumbo.store.history import HistoryWriter
from rumbo.store.reader import HistoryReader
from store_story import Story, node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / ".rumbo")


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def writer(folder: str, request: pytest.FixtureRequest) -> Iterator[HistoryWriter]:
    """One who writes to a folder, and one who writes to a server."""
    if request.param == "SQLite":
        writer = HistoryWriter(folder)
    else:
        writer = HistoryWriter(request.getfixturevalue("empty_postgres"), logs=folder)
    yield writer
    writer.close()
    assert writer.trouble is None


def read(writer: HistoryWriter) -> HistoryReader:
    assert writer.flush()
    return HistoryReader(writer.place, writer.logs)


def test_a_run_with_its_tasks_and_attempts(writer: HistoryWriter) -> None:
    story = Story(writer, "run-1", at=1000.0)
    story.plan(node("Clean_jan"), node("Clean_feb"), node("Report_all", "Clean_jan", "Clean_feb"))
    story.begin("Clean_jan", after=0.0).end("Clean_jan", after=2.0).runs("Clean_feb", "Report_all").ends(done=3)

    with read(writer) as history:
        run = history.run()
        assert (run.id, run.status, run.summary, run.counts) == ("run-1", "done", "All went well.", {"done": 3})
        assert (run.command, run.user, run.folder, run.workers) == ("rumbo run Report", "ana", "/project", 1)
        assert (run.roots, run.started, run.ended) == (("Report_all",), 1000.0, 1005.0)
        assert history.counts(run) == {"done": 3}

        tasks = history.run_tasks(run).rows
        assert [(task.task_id, task.state, task.dependencies) for task in tasks] == [
            ("Clean_jan", "done", ()),
            ("Clean_feb", "done", ()),
            ("Report_all", "done", (0, 1)),
        ]
        first = tasks[0]
        assert (first.family, first.module, first.params, first.verdict) == ("Clean", "flights", {"name": "jan"}, "run")
        assert (first.reason, first.attempt, first.outcome) == ("its output is missing", 1, "done")
        assert (first.started, first.seconds) == (1000.0, 2.0)

        (attempt,) = history.attempts(run, 0)
        assert (attempt.task_id, attempt.number, attempt.worker) == ("Clean_jan", 1, "worker-1")
        assert (attempt.outcome, attempt.started, attempt.seconds, attempt.log) == ("done", 1000.0, 2.0, None)


def test_what_drawings_need_of_a_run(writer: HistoryWriter) -> None:
    story = Story(writer, at=1000.0)
    story.plan(node("Clean_jan", verdict="skip"), node("Load_x"), node("Report_all", "Clean_jan", "Load_x"))
    story.begin("Load_x", after=0.0).end("Load_x", Outcome.FAILED, "no").retry("Load_x").runs("Load_x").ends()

    with read(writer) as history:
        run = history.run()
        assert [tuple(row) for row in history.outline(run)] == [
            (0, "Clean_jan", "Clean", "done", "skip", ()),
            (1, "Load_x", "Load", "done", "run", ()),
            (2, "Report_all", "Report", "pending", "run", (0, 1)),
        ]
        assert [row.task_id for row in history.outline(run, limit=2)] == ["Clean_jan", "Load_x"]
        assert [(each.task_id, each.number, each.outcome) for each in history.run_attempts(run)] == [
            ("Load_x", 1, "failed"),
            ("Load_x", 2, "done"),
        ]
        assert len(history.run_attempts(run, limit=1)) == 1


@contextmanager
def someone_who_dies(writer: HistoryWriter) -> Iterator[int]:
    """A process that is there while the block writes of it, and then is not any more."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        assert writer.flush()
        process.kill()


def test_tasks_are_counted_by_what_became_of_them_last(writer: HistoryWriter) -> None:
    Story(writer, "run-1").plan(node("Clean_jan"), node("Clean_feb")).runs("Clean_jan").ends()
    Story(writer, "run-2").plan(node("Clean_jan", verdict="skip"), node("Load_x")).begin("Load_x")
    with someone_who_dies(writer) as pid:
        Story(writer, "run-3", pid=pid).plan(node("Load_y")).begin("Load_y")

    with read(writer) as history:
        assert history.states_by_family() == {
            "Clean": {"done": 1, "pending": 1},
            "Load": {"running": 1, "lost": 1},
        }


def test_a_family_by_the_values_of_its_parameters(writer: HistoryWriter) -> None:
    sales = [
        node(f"Sales_{place}_{day}", params={"day": day, "place": place}) for day in ("1", "2") for place in ("n", "s")
    ]
    Story(writer, "run-1").plan(*sales).runs("Sales_n_1", "Sales_s_1").ends()
    with someone_who_dies(writer) as pid:
        Story(writer, "run-2", pid=pid).plan(sales[3]).begin("Sales_s_2")

    with read(writer) as history:
        assert history.parameters("Sales") == ["day", "place"]
        assert history.parameters("Nothing") == []
        assert sorted(tuple(cell) for cell in history.grid("Sales", "day", "place")) == [
            ("1", "n", "done", 1, "Sales_n_1"),
            ("1", "s", "done", 1, "Sales_s_1"),
            ("2", "n", "pending", 1, "Sales_n_2"),
            ("2", "s", "lost", 1, "Sales_s_2"),
        ]
        by_day = {(cell.x, cell.state): cell.tasks for cell in history.grid("Sales", "day")}
        assert by_day == {("1", "done"): 2, ("2", "pending"): 1, ("2", "lost"): 1}
        assert len(history.grid("Sales", "place", limit=1)) == 1
        assert [cell.x for cell in history.grid("Sales", "nothing")] == ["", "", ""]


def test_a_failure_its_retry_and_its_log(writer: HistoryWriter, folder: str) -> None:
    story = Story(writer).plan(node("Load_x"))
    story.begin("Load_x").printed("Load_x", f"{folder}/logs/run-1/Load_x.1.log")
    story.end("Load_x", Outcome.FAILED, "ValueError: no such table").retry("Load_x")
    story.begin("Load_x").end("Load_x").printed("Load_x", f"{folder}/logs/run-1/Load_x.2.log").ends()

    with read(writer) as history:
        first, second = history.attempts(history.run(), 0)
        assert (first.number, first.outcome, first.message) == (1, "failed", "ValueError: no such table")
        assert (second.number, second.outcome, second.message) == (2, "done", "")
        assert first.log == f"{folder}/logs/run-1/Load_x.1.log"
        assert second.log == f"{folder}/logs/run-1/Load_x.2.log"
        task = history.run_task(history.run(), "Load_x")
        assert (task.state, task.attempt, task.outcome) == ("done", 2, "done")


def test_a_task_has_the_insignificant_values_with_which_it_ran_last(writer: HistoryWriter) -> None:
    for run, verdict, chunk in (("run-1", "run", "10"), ("run-2", "run", "20"), ("run-3", "skip", "30")):
        clean = node("Clean_jan", verdict=verdict, params={"name": "jan", "chunk": chunk})
        Story(writer, run).plan(clean).ends()

    with read(writer) as history:
        assert history.task("Clean_jan").params == {"name": "jan", "chunk": "20"}


def test_a_log_outside_of_the_folder_keeps_its_path(writer: HistoryWriter) -> None:
    Story(writer).plan(node("Load_x")).runs("Load_x").printed("Load_x", "/var/log/x.log")

    with read(writer) as history:
        assert history.attempts(history.run(), 0)[0].log == "/var/log/x.log"


def test_what_runs_now_with_what_it_says(writer: HistoryWriter) -> None:
    story = Story(writer).plan(node("Load_x"), node("Load_y")).begin("Load_x")
    story.says("Load_x", "message", "row 5").says("Load_x", "progress", "0.25")
    story.says("Load_x", "tracking_url", "http://spark/1").says("Load_x", "progress", "a lot")

    with read(writer) as history:
        run = history.run()
        assert run.status == "running"
        assert history.counts(run) == {"running": 1, "pending": 1}
        (attempt,) = history.running(run)
        assert (attempt.outcome, attempt.seconds, attempt.status) == ("running", None, "row 5")
        assert (attempt.progress, attempt.tracking_url) == (0.25, "http://spark/1")

    story.says("Load_x", "message", "row 9").end("Load_x")

    with read(writer) as history:
        assert history.running(run) == []
        (attempt,) = history.attempts(run, 0)
        assert (attempt.outcome, attempt.seconds, attempt.status) == ("done", 1.0, "row 9")


def test_the_state_of_a_task_follows_every_change(writer: HistoryWriter) -> None:
    story = Story(writer).plan(node("Load_x"))
    seen = []

    def look() -> None:
        with read(writer) as history:
            seen.append(history.run_tasks(history.run()).rows[0].state)

    look()
    story.begin("Load_x")
    look()
    story.moves("Load_x", State.PARKED, Cause.ASKED_FOR_MORE)
    look()
    story.moves("Load_x", State.RUNNING, Cause.RESUMED)
    look()
    story.end("Load_x", Outcome.FAILED, "no")
    look()
    story.moves("Load_x", State.DISABLED, Cause.FAILED_TOO_OFTEN)
    look()
    assert seen == ["pending", "running", "parked", "running", "failed", "disabled"]


def test_verdicts_give_the_first_state(writer: HistoryWriter) -> None:
    Story(writer).plan(
        node("A_1", verdict="run"),
        node("A_2", verdict="skip", reason="its output exists"),
        node("A_3", verdict="wait", reason="nobody here makes it"),
        node("A_4", verdict="broken", reason="requires() raised", error="KeyError: 'x'", priority=5),
    )

    with read(writer) as history:
        tasks = history.run_tasks(history.run()).rows
        assert [task.state for task in tasks] == ["pending", "done", "pending", "unknown"]
        assert [task.verdict for task in tasks] == ["run", "skip", "wait", "broken"]
        assert (tasks[3].reason, tasks[3].error, tasks[3].priority) == ("requires() raised", "KeyError: 'x'", 5.0)
        assert (tasks[0].error, tasks[0].priority, tasks[0].due) == ("", 0.0, None)


def test_a_batch_is_one_attempt_for_each_of_its_tasks(writer: HistoryWriter) -> None:
    story = Story(writer).plan(node("Load_x"), node("Load_y"))
    story.begin("Load_y").end("Load_y", Outcome.FAILED, "no").retry("Load_y")
    story.begin("Load_x", "Load_y").end("Load_x").end("Load_y", after=0.0)

    with read(writer) as history:
        run = history.run()
        assert [(each.number, each.outcome) for each in history.attempts(run, 0)] == [(1, "done")]
        assert [(each.number, each.outcome) for each in history.attempts(run, 1)] == [(1, "failed"), (2, "done")]


def test_attempts_of_several_workers(writer: HistoryWriter) -> None:
    story = Story(writer).plan(*(node(f"A_{n}") for n in range(4)))
    for n in range(4):
        story.begin(f"A_{n}", worker=f"worker-{n % 2}")
    for n in range(4):
        story.end(f"A_{n}")

    with read(writer) as history:
        run = history.run()
        workers = [history.attempts(run, n)[0].worker for n in range(4)]
        assert workers == ["worker-0", "worker-1", "worker-0", "worker-1"]


def test_tasks_asked_for_by_a_running_task_are_dynamic(writer: HistoryWriter) -> None:
    story = Story(writer).plan(node("Worst_days", "A_1"), node("A_1")).runs("A_1").begin("Worst_days")
    writer.flush()
    story.plan(node("Day_1"), node("Day_2"), node("Worst_days", "A_1", "Day_1", "Day_2"))

    with read(writer) as history:
        tasks = history.run_tasks(history.run()).rows
        assert [(task.task_id, task.is_dynamic) for task in tasks] == [
            ("Worst_days", False),
            ("A_1", False),
            ("Day_1", True),
            ("Day_2", True),
        ]
        assert tasks[0].dependencies == (1, 2, 3)
        assert tasks[0].state == "running"


def test_when_a_failed_task_is_tried_again(writer: HistoryWriter) -> None:
    story = Story(writer, at=1000.0).plan(node("Load_x")).begin("Load_x").end("Load_x", Outcome.FAILED, "no")
    story.retry("Load_x", after=30.0)

    with read(writer) as history:
        assert history.run_tasks(history.run()).rows[0].due == 1032.0


@pytest.mark.parametrize("many", [1, 15, 16, 17, 600])
def test_plans_of_any_size_are_whole(writer: HistoryWriter, many: int) -> None:
    leaves = [f"Leaf_{n:04}" for n in range(many)]
    every_second = tuple(leaves[::2])
    story = Story(writer).plan(*map(node, leaves), node("Some_x", *every_second), node("All_x", *leaves))
    story.runs(*leaves[::3], seconds=0.001)

    with read(writer) as history:
        run = history.run()
        page = history.run_tasks(run, limit=1000)
        assert page.next is None
        assert [task.task_id for task in page.rows] == [*leaves, "Some_x", "All_x"]
        assert [task.state == "done" for task in page.rows[:many]] == [n % 3 == 0 for n in range(many)]
        assert [task.seconds is not None for task in page.rows[:many]] == [n % 3 == 0 for n in range(many)]
        edges = history.edges(run)
        assert edges[many] == list(range(0, many, 2))
        assert edges[many + 1] == list(range(many))


def test_a_plan_in_any_order_of_verdicts_and_families(writer: HistoryWriter) -> None:
    nodes = [
        node(f"{'Odd' if n % 2 else 'Even'}_{n * 7919 % 1000:03}", verdict="skip" if n % 3 else "run")
        for n in range(200)
    ]
    Story(writer, "run-1").plan(*nodes)
    writer.flush()
    # A second run finds half of its tasks known, in another order.
    mixed = [*nodes[150:50:-1], *(node(f"New_{n}") for n in range(30)), *nodes[:50]]
    Story(writer, "run-2").plan(*mixed)

    with read(writer) as history:
        for run_id, told in (("run-1", nodes), ("run-2", mixed)):
            rows = history.run_tasks(history.run(run_id), limit=1000).rows
            assert [(row.task_id, row.family, row.verdict, dict(row.params)) for row in rows] == [
                (each.id, each.family, each.verdict, dict(each.params)) for each in told
            ]


def test_two_runs_share_what_they_know_of_a_task(writer: HistoryWriter) -> None:
    for number in (1, 2, 3):
        Story(writer, f"run-{number}", at=number * 1000.0).plan(node("A_1")).runs("A_1").ends()
        writer.flush()
    Story(writer, "run-4", at=4000.0).plan(node("A_1", verdict="skip", reason="its output exists")).ends()

    with read(writer) as history:
        task = history.task("A_1")
        assert (task.runs, task.first_run, task.last_run, task.state) == (4, 1, 4, "done")
        page = history.story(task, limit=3)
        assert [(each.run.id, each.task.verdict, len(each.attempts)) for each in page.rows] == [
            ("run-4", "skip", 0),
            ("run-3", "run", 1),
            ("run-2", "run", 1),
        ]
        rest = history.story(task, after=page.next)
        assert [each.run.id for each in rest.rows] == ["run-1"]
        assert rest.next is None


def test_values_are_data(writer: HistoryWriter) -> None:
    nasty = {
        "quotes": """'"; DROP TABLE runs; --""",
        "like": "100%_\\",
        "español": "año ☃ 𝄞",
        "half": "\udc80",
        "control": "a\x00b\nc\td",
        'na"me': "x",
    }
    odd = "Odd_'\"%\udc80☃"
    Story(writer).plan(node(odd, params=nasty, family="Odd", error="\udc81"), node("Even_1")).runs(odd).ends(
        summary="\udcff!"
    )

    with read(writer) as history:
        (task,) = history.tasks(family="Odd").rows
        assert task.id == "Odd_'\"%\\udc80☃"
        assert task.params == nasty
        for name, value in nasty.items():
            assert [found.id for found in history.tasks(params={name: value}).rows] == [task.id], name
        assert [found.id for found in history.tasks(text="100%_").rows] == [task.id]
        assert history.run().summary == "\\udcff!"


def test_a_value_is_not_found_within_another(writer: HistoryWriter) -> None:
    tricky = '","size":"5'
    Story(writer).plan(node("A_1", params={"name": tricky, "size": "7"}), node("A_2", params={"size": "5"}))

    with read(writer) as history:
        assert [task.id for task in history.tasks(params={"size": "5"}).rows] == ["A_2"]
        assert [task.id for task in history.tasks(params={"name": tricky}).rows] == ["A_1"]


def test_tasks_by_family_text_and_state(writer: HistoryWriter) -> None:
    story = Story(writer).plan(node("Clean_jan"), node("Clean_feb"), node("Load_jan"), node("Load_mar"), node("B_1"))
    story.runs("Clean_jan").begin("Clean_feb").end("Clean_feb", Outcome.FAILED, "no").begin("Load_jan")

    with read(writer) as history:

        def ids(**asked: object) -> list[str]:
            return [task.id for task in history.tasks(**asked).rows]  # type: ignore[arg-type]

        assert ids() == ["B_1", "Load_mar", "Load_jan", "Clean_feb", "Clean_jan"]
        assert ids(family="Clean") == ["Clean_feb", "Clean_jan"]
        assert ids(text="JAN") == ["Load_jan", "Clean_jan"]
        assert ids(text="n_") == ["Clean_feb", "Clean_jan"]
        assert ids(states=["done"]) == ["Clean_jan"]
        assert ids(states=["failed"]) == ["Clean_feb"]
        assert ids(states=["failed"], family="Load") == []
        assert ids(states=["running"]) == ["Load_jan"]
        assert ids(states=["pending"]) == ["B_1", "Load_mar"]
        assert ids(states=["pending"], text="mar") == ["Load_mar"]
        assert ids(states=["no such state"]) == []
        assert history.families() == ["B", "Clean", "Load"]


def test_tasks_over_all_runs_in_any_order(writer: HistoryWriter) -> None:
    nodes = [node("Clean_b", params={"name": "z"}), node("Clean_a", params={"name": "y"}), node("Load_x")]
    story = Story(writer, "run-1", at=1000.0).plan(*nodes)
    story.begin("Clean_b", worker="w-2").end("Clean_b", after=9.0)
    story.begin("Clean_a", worker="w-1").end("Clean_a", Outcome.FAILED, "no", after=2.0).ends("failed")
    Story(writer, "run-2", at=2000.0).plan(node("Load_x"))

    with read(writer) as history:

        def ids(sort: str, **asked: object) -> list[str]:
            return [task.id for task in history.tasks(sort=sort, **asked).rows]  # type: ignore[arg-type]

        assert ids("new") == ["Clean_b", "Clean_a", "Load_x"]
        assert ids("task") == ["Clean_a", "Clean_b", "Load_x"]
        assert ids("-task") == ["Load_x", "Clean_b", "Clean_a"]
        assert ids("parameters") == ["Load_x", "Clean_a", "Clean_b"]
        assert ids("state") == ["Load_x", "Clean_b", "Clean_a"]
        assert ids("worker") == ["Clean_a", "Clean_b", "Load_x"]
        assert ids("-started") == ["Clean_a", "Clean_b", "Load_x"]
        assert ids("-seconds") == ["Clean_b", "Clean_a", "Load_x"]
        assert ids("-runs") == ["Load_x", "Clean_a", "Clean_b"]
        assert ids("-runs", states=["done", "failed"]) == ["Clean_a", "Clean_b"]
        assert ids("seconds", states=["failed"], family="Clean") == ["Clean_a"]
        assert ids("-new", worker="w-2") == ["Clean_b"]
        assert ids("-new", worker="nobody") == []
        for sort in TASK_SORTS:
            page = history.tasks(sort=sort, limit=2)
            rest = history.tasks(sort=sort, limit=2, after=page.next)
            assert [task.id for task in (*page.rows, *rest.rows)] == ids(sort)
            assert ids(sort, skip=1) == ids(sort)[1:]
        last = history.tasks(text="Clean_b").rows[0]
        assert (last.worker, last.started, last.seconds, last.runs) == ("w-2", 1001.0, 9.0, 1)


def test_tasks_in_several_states_of_runs_that_go_on_or_crashed(writer: HistoryWriter) -> None:
    Story(writer, "run-1").plan(node("A_1"), node("A_2"), node("A_3")).runs("A_1").begin("A_2")
    with someone_who_dies(writer) as pid:
        Story(writer, "run-2", pid=pid).plan(node("B_1"), node("B_2")).begin("B_1")

    with read(writer) as history:

        def ids(*states: str, sort: str = "-new") -> list[str]:
            return [task.id for task in history.tasks(states=states, sort=sort).rows]

        assert ids("running") == ["A_2"]
        assert ids("lost") == ["B_1"]
        assert ids("lost", "running") == ["B_1", "A_2"]
        assert ids("lost", "done", "running", sort="task") == ["A_1", "A_2", "B_1"]
        assert ids("pending", "lost") == ["B_2", "B_1", "A_3"]


def test_a_task_that_failed_once_and_is_done_now_is_not_failed(writer: HistoryWriter) -> None:
    Story(writer, "run-1").plan(node("A_1")).begin("A_1").end("A_1", Outcome.FAILED, "no").ends("failed")
    Story(writer, "run-2").plan(node("A_1")).runs("A_1").ends()

    with read(writer) as history:
        assert history.tasks(states=["failed"]).rows == []
        assert [task.id for task in history.tasks(states=["done"]).rows] == ["A_1"]
        assert [task.task_id for task in history.run_tasks(history.run("run-1"), states=["failed"]).rows] == ["A_1"]


def test_tasks_come_in_pages(writer: HistoryWriter) -> None:
    Story(writer).plan(*(node(f"A_{n:02}") for n in range(25)))

    with read(writer) as history:
        seen, after = [], None
        while True:
            page = history.tasks(after=after, limit=10)
            seen.append([task.id for task in page.rows])
            after = page.next
            if after is None:
                break
        assert [len(ids) for ids in seen] == [10, 10, 5]
        assert [id for ids in seen for id in ids] == [f"A_{n:02}" for n in reversed(range(25))]

        run = history.run()
        first = history.run_tasks(run, limit=20)
        second = history.run_tasks(run, limit=20, after=first.next)
        assert [len(first.rows), len(second.rows), second.next] == [20, 5, None]
        assert second.rows[0].task_id == "A_20"


def test_tasks_of_a_run_narrowed_down(writer: HistoryWriter) -> None:
    story = Story(writer).plan(node("Clean_jan"), node("Load_jan"), node("Load_feb")).runs("Load_jan")
    story.begin("Load_feb").end("Load_feb", Outcome.FAILED, "no")

    with read(writer) as history:
        run = history.run()

        def ids(**asked: object) -> list[str]:
            return [task.task_id for task in history.run_tasks(run, **asked).rows]  # type: ignore[arg-type]

        assert ids(states=["failed", "pending"]) == ["Clean_jan", "Load_feb"]
        assert ids(family="Load") == ["Load_jan", "Load_feb"]
        assert ids(text="jan", family="Load") == ["Load_jan"]
        assert ids(states=["lost"]) == []
        assert history.counts_by_family(run) == {"Clean": {"pending": 1}, "Load": {"done": 1, "failed": 1}}
        assert [task.task_id for task in history.run_tasks_at(run, [2, 0])] == ["Clean_jan", "Load_feb"]
        with pytest.raises(NotInHistory) as caught:
            history.run_task(run, "Clean_dec")
        assert str(caught.value) == "Clean_dec was not part of run run-1."


def test_runs_in_pages_by_status_and_by_id(writer: HistoryWriter, folder: str) -> None:
    for number in range(12):
        Story(writer, f"2024-{number:02}").plan(node("A_1")).ends("failed" if number % 4 == 0 else "done")

    with read(writer) as history:
        page = history.runs(limit=5)
        assert [run.id for run in page.rows] == ["2024-11", "2024-10", "2024-09", "2024-08", "2024-07"]
        assert [run.id for run in history.runs(after=page.next, limit=2).rows] == ["2024-06", "2024-05"]
        assert [run.id for run in history.runs(status="failed").rows] == ["2024-08", "2024-04", "2024-00"]
        assert history.runs(status="crashed").rows == []
        assert [run.id for run in history.runs(text="24-1").rows] == ["2024-11", "2024-10"]
        assert [run.id for run in history.runs(text="REPORT", limit=1).rows] == ["2024-11"]
        assert [run.id for run in history.runs(text="ana@", status="failed", limit=1).rows] == ["2024-08"]
        assert history.runs(text="%").rows == []
        assert history.run("last").id == "2024-11"
        assert history.run("2024-03").id == "2024-03"
        with pytest.raises(NotInHistory) as missing:
            history.run("2025")
        assert str(missing.value) == f"No run in {history.name} has an id that begins with '2025': see `rumbo history`."
        with pytest.raises(AmbiguousInHistory) as several:
            history.run("2024-1")
        assert (
            str(several.value)
            == "Several runs have an id that begins with '2024-1': 2024-11, 2024-10. Give more of it."
        )


def test_runs_in_any_order(writer: HistoryWriter) -> None:
    for number, status in enumerate(("done", "failed", "done")):
        Story(writer, f"2024-{number}").plan(node("A_1")).ends(status)
    Story(writer, "2024-3").plan(node("A_1"))

    with read(writer) as history:
        page = history.runs(sort="status", limit=3)
        assert [run.id for run in page.rows] == ["2024-0", "2024-2", "2024-1"]
        assert [run.id for run in history.runs(sort="status", after=page.next).rows] == ["2024-3"]
        assert [run.id for run in history.runs(sort="-status").rows] == ["2024-3", "2024-1", "2024-2", "2024-0"]
        assert [run.id for run in history.runs(sort="new", status="done").rows] == ["2024-0", "2024-2"]
        assert history.runs(sort="-took").rows[0].id == "2024-3", "it is still under way"
        for sort in RUN_SORTS:
            assert len(history.runs(sort=sort).rows) == len(history.runs(sort=f"-{sort}").rows) == 4


def test_a_task_by_the_beginning_of_its_id(writer: HistoryWriter, folder: str) -> None:
    Story(writer).plan(node("Clean"), node("Clean_jan"), node("Clean_feb"))

    with read(writer) as history:
        assert history.task("Clean").id == "Clean"
        assert history.task("Clean_j").id == "Clean_jan"
        with pytest.raises(AmbiguousInHistory) as several:
            history.task("Clean_")
        assert (
            str(several.value)
            == "Several tasks have an id that begins with 'Clean_': Clean_feb, Clean_jan. Give more of it."
        )
        with pytest.raises(NotInHistory) as missing:
            history.task("Dirty")
        assert str(missing.value) == f"No task in {history.name} has an id that begins with 'Dirty'."


def test_failures_over_all_runs_latest_first(writer: HistoryWriter) -> None:
    for number in range(3):
        story = Story(writer, f"run-{number}", at=number * 100.0).plan(node("A_1"), node("B_1"))
        story.begin("A_1").end("A_1", Outcome.FAILED, f"A failed in {number}").runs("B_1")
        story.begin("B_1").end("B_1", Outcome.TIMED_OUT, "too slow")

    with read(writer) as history:
        page = history.failures(limit=4)
        assert [(each.task_id, each.outcome, each.run) for each in page.rows] == [
            ("B_1", "timed_out", 3),
            ("A_1", "failed", 3),
            ("B_1", "timed_out", 2),
            ("A_1", "failed", 2),
        ]
        rest = history.failures(after=page.next)
        assert [(each.task_id, each.run) for each in rest.rows] == [("B_1", 1), ("A_1", 1)]
        assert history.failures(family="A").rows[0].message == "A failed in 2"


def test_the_slowest_attempts(writer: HistoryWriter) -> None:
    story = Story(writer, at=1000.0).plan(*(node(f"A_{n}") for n in range(5)))
    for n, seconds in enumerate((3.0, 0.5, 9.0, 1.0, 2.0)):
        story.runs(f"A_{n}", seconds=seconds)

    with read(writer) as history:
        assert [(each.task_id, each.seconds) for each in history.slowest(limit=3)] == [
            ("A_2", 9.0),
            ("A_0", 3.0),
            ("A_4", 2.0),
        ]
        assert [each.task_id for each in history.slowest(since=1013.0)] == ["A_4"]
        assert history.slowest(family="B") == []


def test_durations_and_failures_by_family_over_time(writer: HistoryWriter) -> None:
    day = 86_400.0
    for number in range(2):
        story = Story(writer, f"run-{number}", at=10 * day + number * day).plan(
            *(node(f"A_{n}") for n in range(20)), node("B_1")
        )
        story.runs(*(f"A_{n}" for n in range(18)), seconds=3.0)
        story.begin("A_18", after=0).end("A_18", Outcome.FAILED, "no", after=100.0).runs("B_1", seconds=0.25)
        story.begin("A_19", after=0).end("A_19", Outcome.CANCELLED, "withdrawn", after=0.0)

    with read(writer) as history:
        rows = history.durations()
        assert [(row.family, row.since / day, row.until / day, row.attempts, row.failed) for row in rows] == [
            ("A", 10, 11, 20, 1),
            ("A", 11, 12, 20, 1),
            ("B", 10, 11, 1, 0),
            ("B", 11, 12, 1, 0),
        ]
        first = rows[0]
        assert first.mean == pytest.approx((18 * 3.0 + 100.0) / 20)
        assert 2.0 <= first.median <= 4.0
        assert first.slowest == 100.0
        assert (rows[2].median, rows[2].percentile_95) == (0.25, 0.25)
        assert [row.family for row in history.durations("B", since=11 * day)] == ["B"]
        (whole,) = history.durations("A", hours=24 * 365)
        assert (whole.attempts, whole.failed) == (40, 2)


def test_the_moment_between_facts_does_not_matter(tmp_path: Path) -> None:
    """Rows are the same whether facts are written one by one or all at once."""

    def told(folder: Path, pause: bool) -> list[object]:
        writer = HistoryWriter(str(folder))
        story = Story(writer)
        steps = [
            lambda: story.plan(node("A_1"), node("B_1", "A_1"), node("C_1", "B_1")),
            lambda: story.begin("A_1"),
            lambda: story.says("A_1", "message", "half"),
            lambda: story.end("A_1", Outcome.FAILED, "no").retry("A_1"),
            lambda: story.begin("A_1"),
            lambda: story.end("A_1").printed("A_1", "/x.log"),
            lambda: story.begin("B_1"),
            lambda: story.plan(node("D_1")).moves("B_1", State.PARKED, Cause.ASKED_FOR_MORE),
            lambda: story.runs("D_1").moves("B_1", State.RUNNING, Cause.RESUMED).end("B_1"),
            lambda: story.runs("C_1").ends(done=4),
        ]
        for step in steps:
            step()
            if pause:
                assert writer.flush()
        writer.close()
        with HistoryReader(str(folder)) as history:
            run = history.run()
            attempts = [attempt for n in range(4) for attempt in history.attempts(run, n)]
            return [run._replace(pid=0), history.run_tasks(run).rows, attempts, history.durations()]

    assert told(tmp_path / "one", pause=True) == told(tmp_path / "all", pause=False)


def test_facts_of_an_unknown_run_or_task_are_left_out(writer: HistoryWriter) -> None:
    from rumbo.ports import RunEnded
    from rumbo.scheduler.effects import AttemptEnded, StateChanged

    writer.happened("no such run", [])
    writer.run_ended(RunEnded("no such run", 1.0, "done", "", {}))
    story = Story(writer).plan(node("A_1", "Z_9"))
    stray = [
        StateChanged("Z_9", State.UNKNOWN, State.PENDING, "described", 1.0),
        AttemptEnded("Z_9", 1, 1, "w", Outcome.FAILED, "", 1.0),
    ]
    writer.happened("run-1", stray)
    writer.attempt_log("run-1", "Z_9", 1, "/x.log")
    story.runs("A_1").ends()

    with read(writer) as history:
        assert [run.id for run in history.runs().rows] == ["run-1"]
        assert [(task.task_id, task.dependencies) for task in history.run_tasks(history.run()).rows] == [("A_1", ())]


def test_no_history_yet(tmp_path: Path) -> None:
    with pytest.raises(NoHistory) as caught:
        HistoryReader(str(tmp_path / ".rumbo"))
    assert str(caught.value) == f"There is no history in {tmp_path}: nothing has been run there yet."


def test_memory_stays_out_of_the_repository(folder: str, tmp_path: Path) -> None:
    writer = HistoryWriter(folder)
    Story(writer)
    writer.close()
    assert (tmp_path / ".rumbo" / ".gitignore").read_text() == "*\n"


def test_a_thread_writes_while_the_run_goes_on(folder: str) -> None:
    writer = HistoryWriter(folder)
    story = Story(writer).plan(node("A_1"), node("A_2"))
    writer.start()
    story.runs("A_1")
    assert writer.flush(timeout=5.0)
    with HistoryReader(folder) as history:
        assert history.counts(history.run()) == {"done": 1, "pending": 1}
    story.runs("A_2").ends()
    writer.close()
    writer.close()
    with HistoryReader(folder) as history:
        assert history.counts(history.run()) == {"done": 2}
        assert history.run().status == "done"
    assert writer.trouble is None


def test_what_the_pages_draw(writer: HistoryWriter) -> None:
    story = Story(writer).plan(node("Clean_jan"), node("Clean_feb"), node("Report_all", "Clean_jan", "Clean_feb"))
    story.runs("Clean_jan").begin("Clean_feb").end("Clean_feb", Outcome.FAILED, "no").begin("Report_all")
    with read(writer) as history:
        run = history.run()
        assert [(task.task_id, task.family, task.dependencies) for task in history.outline(run)] == [
            ("Clean_jan", "Clean", ()),
            ("Clean_feb", "Clean", ()),
            ("Report_all", "Report", (0, 1)),
        ]
        assert [task.task_id for task in history.outline(run, 1)] == ["Clean_jan"]
        assert [(each.task_id, each.outcome) for each in history.run_attempts(run)] == [
            ("Clean_jan", "done"),
            ("Clean_feb", "failed"),
            ("Report_all", "running"),
        ]
        assert history.states_by_family() == {"Clean": {"done": 1, "failed": 1}, "Report": {"running": 1}}
        assert history.parameters("Clean") == ["name"]
        assert history.parameters("Nobody") == []
        cells = history.grid("Clean", "name")
        assert {(cell.x, cell.state, cell.tasks) for cell in cells} == {("jan", "done", 1), ("feb", "failed", 1)}
        for sort in ("family", "-state", "started", "-seconds"):
            assert len(history.run_tasks(run, sort=sort).rows) == 3


def test_what_a_task_made_last(writer: HistoryWriter) -> None:
    first = Story(writer, "run-1", at=1000.0).plan(node("Raw_x", verdict="skip", outputs='[["/data/raw",9,1.5]]'))
    first.plan(node("Clean_x", "Raw_x"), node("Plain_x")).runs("Plain_x")
    first.begin("Clean_x").end("Clean_x", outputs='[["s3://b/k",null,null],["/data/<b>",4,2.25],7]').ends()
    second = Story(writer, "run-2", at=2000.0).plan(node("Clean_x", verdict="skip"), node("Plain_x"))
    second.begin("Plain_x").end("Plain_x", Outcome.FAILED, outputs="").ends("failed")

    with read(writer) as history:
        made = history.made("Clean_x")
        assert made is not None
        assert (made.run, made.worker, made.attempt, made.at, made.more) == ("run-1", "worker-1", 1, 1003.0, 7)
        assert made.artifacts == (Artifact("s3://b/k", None, None), Artifact("/data/<b>", 4, 2.25))
        raw = history.made("Raw_x")
        assert raw is not None
        assert (raw.run, raw.worker, raw.attempt, raw.at) == ("run-1", "", 0, 1000.0)
        assert raw.artifacts == (Artifact("/data/raw", 9, 1.5),)
        assert history.made("Plain_x") is None
        assert history.made("Nobody") is None


def test_what_a_task_needed_when_it_was_asked_last(writer: HistoryWriter) -> None:
    first = Story(writer, "run-1").plan(node("Raw_a"), node("Raw_b"), node("Raw_c"))
    first.plan(node("Clean_x", "Raw_a", "Raw_b", "Raw_c")).runs("Raw_a", "Raw_b", "Raw_c", "Clean_x").ends()
    Story(writer, "run-2", at=2_000_000.0).plan(node("Clean_x", verdict="skip")).ends()

    with read(writer) as history:
        needs, more = history.needs(history.task("Clean_x"), limit=2)
        assert [need.task_id for need in needs] == ["Raw_a", "Raw_b"]
        assert more == 1
        assert history.needs(history.task("Raw_a")) == ([], 0)


@pytest.mark.parametrize(
    "line",
    ["", "no JSON", "7", "{}", "null", "[7]", '["x"]', "[[1]]", '[["a", "b", "c"]]', "[" * 5000, '[["a", 1, 2], -7]'],
)
def test_what_a_worker_says_of_its_outputs_may_be_anything(writer: HistoryWriter, line: str) -> None:
    Story(writer).plan(node("Clean_x")).begin("Clean_x").end("Clean_x", outputs=line).ends()
    with read(writer) as history:
        made = history.made("Clean_x")
        assert made is None or made.more in (0, 7)


def test_numbers_that_cannot_be_are_left_out(writer: HistoryWriter) -> None:
    line = '[["a",-1,-1],["b",1e300,1e300],["c",NaN,Infinity]]'
    Story(writer).plan(node("Clean_x")).begin("Clean_x").end("Clean_x", outputs=line).ends()
    with read(writer) as history:
        made = history.made("Clean_x")
        assert made is not None
        assert made.artifacts == (Artifact("a", None, None), Artifact("b", None, None), Artifact("c", None, None))
