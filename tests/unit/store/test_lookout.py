"""What runs without a server do, seen from their history while it is written."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from rumbo.scheduler.effects import Assigned, AttemptEnded, Noted, RetryPlanned, StateChanged
from rumbo.scheduler.records import Outcome, State
from rumbo.store.history import HistoryWriter
from rumbo.store.lookout import HistoryLookout
from rumbo.store.reader import HistoryReader
from store_story import Story, node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Scene:
    """A writer, and somebody who looks."""

    def __init__(self, folder: Path) -> None:
        self.writer = HistoryWriter(str(folder))
        self.known: set[str] = set()
        self.lookout = HistoryLookout(str(folder), self.known.__contains__)

    def look(self) -> list[tuple[str, Any]]:
        """What is told once all is written: each call with what it is about."""
        assert self.writer.flush()
        return [(name, arguments[-1]) for name, arguments in self.lookout.look()]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path / ".rumbo")
    yield scene
    scene.lookout.forget()
    scene.writer.close()


def effects(told: list[tuple[str, Any]]) -> list[Any]:
    return [effect for name, what in told if name == "happened" for effect in what]


def kinds(told: list[tuple[str, Any]]) -> list[str]:
    return [name for name, _ in told]


def test_a_run_from_its_beginning_to_its_end(scene: Scene) -> None:
    story = Story(scene.writer).plan(node("Clean_1"), node("Report_1", "Clean_1"))
    ((name, run),) = scene.look()
    assert (name, run.id, run.status) == ("run_started", "run-1", "running")

    story.begin("Clean_1")
    assigned, changed = effects(scene.look())
    assert (type(assigned), assigned.tasks, assigned.attempt) == (Assigned, ("Clean_1",), 1)
    assert (type(changed), changed.task, changed.old, changed.new) == (
        StateChanged,
        "Clean_1",
        State.PENDING,
        State.RUNNING,
    )

    story.end("Clean_1", Outcome.FAILED, "no").begin("Report_1")
    ended, failed, *_ = effects(scene.look())
    assert (type(ended), ended.task, ended.attempt, ended.outcome) == (AttemptEnded, "Clean_1", 1, Outcome.FAILED)
    assert (failed.old, failed.new) == (State.RUNNING, State.FAILED)

    story.end("Report_1").ends("failed")
    told = scene.look()
    assert kinds(told) == ["happened", "run_started", "run_ended"]
    assert [effect.task for effect in effects(told)] == ["Report_1", "Report_1"]
    assert told[-1][1].status == "failed"
    assert scene.look() == []


def test_nothing_is_read_while_nothing_was_written(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    Story(scene.writer).plan(node("Clean_1"))
    assert kinds(scene.look()) == ["run_started"]

    def read(*_: object) -> Any:
        raise AssertionError("it was read")

    for name in ("runs", "states", "running"):
        monkeypatch.setattr(HistoryReader, name, read)
    assert scene.look() == []


def test_what_a_task_says_of_itself_and_a_retry(scene: Scene) -> None:
    story = Story(scene.writer).plan(node("Clean_1")).begin("Clean_1")
    scene.look()

    story.says("Clean_1", "progress", "40").says("Clean_1", "message", "half")
    noted = effects(scene.look())
    assert [(type(each), each.kind, each.value) for each in noted] == [
        (Noted, "message", "half"),
        (Noted, "progress", "40.0"),
    ]

    story.end("Clean_1", Outcome.FAILED, "no")
    scene.writer.happened("run-1", [RetryPlanned("Clean_1", 1, 5e9, story.at)])
    *_, retry = effects(scene.look())
    assert (type(retry), retry.task, retry.due) == (RetryPlanned, "Clean_1", 5e9)


def test_tasks_that_are_asked_for_later_are_told_of(scene: Scene) -> None:
    story = Story(scene.writer).plan(node("Clean_1")).begin("Clean_1")
    scene.look()
    story.plan(node("More_1"), node("More_2"))
    told = scene.look()
    assert kinds(told) == ["planned", "run_started"]
    assert len(told[0][1]) == 2


def test_runs_of_the_server_itself_are_left_to_it(scene: Scene) -> None:
    scene.known.add("run-1")
    Story(scene.writer).plan(node("Clean_1")).begin("Clean_1")
    assert scene.look() == []


def test_a_run_whose_process_dies_is_told_to_have_crashed(scene: Scene) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    Story(scene.writer, pid=process.pid).plan(node("Clean_1")).begin("Clean_1")
    assert kinds(scene.look()) == ["run_started"]
    process.kill()
    process.communicate()

    ((name, run),) = scene.look()

    assert (name, run.status) == ("run_ended", "crashed")
    assert scene.look() == []


def test_of_very_many_changes_only_the_run_is_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rumbo.store.lookout._MOST_TASKS", 3)
    story = Story(scene.writer).plan(*(node(f"Clean_{number}") for number in range(5)))
    scene.look()
    story.runs(*(f"Clean_{number}" for number in range(5)))
    assert kinds(scene.look()) == ["run_started"]


def test_who_comes_back_begins_anew(scene: Scene) -> None:
    story = Story(scene.writer).plan(node("Clean_1"))
    scene.look()
    scene.lookout.forget()
    story.begin("Clean_1")
    assert kinds(scene.look()) == ["run_started"]
    assert os.path.exists(scene.writer.place)
