"""A server's history follows its journal: what was written goes on after a restart, nothing is missing or doubled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rumbo.ports import RunEnded
from rumbo.store.database import DatabaseTrouble
from rumbo.store.history import Doubt, HistoryWriter
from rumbo.store.reader import HistoryReader
from server_talk import run_info
from store_story import Story, node

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rumbo.ports import RunInfo

Fact = tuple[str, tuple[Any, ...]]


class Kept:
    """An observer that keeps what it hears."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.facts.append((name, arguments))

    def take(self) -> list[Fact]:
        """What came since the last time."""
        taken, self.facts = self.facts, []
        return taken


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def place(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    return str(tmp_path / ".rumbo") if request.param == "SQLite" else request.getfixturevalue("empty_postgres")


def writer(place: str, told: int, runs: Sequence[RunInfo] = ()) -> HistoryWriter:
    history = HistoryWriter(place)
    assert history.follow("journal-1") == told
    history.resume(runs)
    return history


def done(run: str) -> Fact:
    return "run_ended", (RunEnded(run, 2000.0, "done", "All went well.", {"done": 1}),)


def test_a_run_goes_on_where_its_writer_ended(place: str) -> None:
    kept = Kept()
    story = Story(kept).plan(node("Clean_1"), node("Load_1"), node("Report_1", "Clean_1", "Load_1"))  # type: ignore[arg-type]
    story.begin("Clean_1")
    history = writer(place, 0)
    history.tell(7, kept.take())
    assert history.flush()
    info = history._runs["run-1"].info
    # It is killed here; another one takes its place.
    story.end("Clean_1").begin("Load_1").end("Load_1").printed("Load_1", "/logs/run-1/Load_1.1.log")
    story.runs("Report_1").ends(done=3)
    history = writer(place, 7, [info])
    history.tell(12, kept.take())
    assert history.flush()
    with HistoryReader(place) as reader:
        run = reader.run()
        assert (run.status, run.counts) == ("done", {"done": 3})
        assert [(task.task_id, task.state, task.attempt) for task in reader.run_tasks(run).rows] == [
            ("Clean_1", "done", 1),
            ("Load_1", "done", 1),
            ("Report_1", "done", 1),
        ]
        (load,) = reader.attempts(run, 1)
        assert load.log == "/logs/run-1/Load_1.1.log"
    history.close()
    assert HistoryWriter(place).follow("journal-2") == 0
    assert HistoryWriter(place).follow("journal-1") == 12


@pytest.mark.parametrize("is_written", [True, False])
def test_a_run_that_was_closed_goes_on_when_its_worker_comes_back(place: str, is_written: bool) -> None:
    kept = Kept()
    story = Story(kept).plan(node("Clean_1")).begin("Clean_1").ends("crashed", "Worker ana went away.")  # type: ignore[arg-type]
    history = writer(place, 0)
    history.tell(1, kept.take())
    assert not is_written or history.flush()
    history.tell(2, [("run_started", (run_info("run-1", "Clean_1"),))])
    assert history.flush()
    with HistoryReader(place) as reader:
        assert reader.run().status in ("running", "crashed")  # the story's process is this one, or gone
        assert reader.run().ended is None
    story.end("Clean_1")
    history.tell(3, [*kept.take(), done("run-1")])
    assert history.flush()
    with HistoryReader(place) as reader:
        run = reader.run()
        assert (run.status, run.summary) == ("done", "All went well.")
        assert [task.state for task in reader.run_tasks(run).rows] == ["done"]
        assert len(reader.runs().rows) == 1
    history.close()


def test_a_transaction_whose_end_was_not_heard_of_is_not_written_twice(empty_postgres: str) -> None:
    """The connection is lost between the keeping of a transaction and the word that it was kept."""
    kept = Kept()
    story = Story(kept).plan(node("Clean_1"), node("Load_1")).runs("Clean_1")  # type: ignore[arg-type]
    history = writer(empty_postgres, 0)
    history.tell(1, kept.take())
    database, keep = history._db, history._keep

    def lose_the_connection(done: Doubt) -> None:
        if not done.rows:
            return keep(done)
        history._keep = keep  # type: ignore[method-assign]
        history._doubt = done
        assert database is not None
        database.close()
        raise DatabaseTrouble("the connection is lost", is_passing=True)

    history._keep = lose_the_connection  # type: ignore[method-assign]
    assert not history.flush()
    assert history.trouble == "history is held up: the connection is lost."
    story.runs("Load_1").ends(done=2)
    history.tell(2, kept.take())
    assert history.flush()
    assert history.trouble is None
    with HistoryReader(empty_postgres) as reader:
        run = reader.run()
        assert [task.state for task in reader.run_tasks(run).rows] == ["done", "done"]
        assert [len(reader.attempts(run, position)) for position in (0, 1)] == [1, 1]
    history.close()
