"""Forgetting old runs, and never one that goes on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rumbo.store.history import HistoryWriter
from rumbo.store.prune import Pruned, prune
from rumbo.store.reader import HistoryReader
from store_story import Story, node

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400.0


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Six runs, one a day, of a task that is in all and one that is in none but this; with a log each."""
    folder = str(tmp_path / ".rumbo")
    writer = HistoryWriter(folder)
    for day in range(1, 7):
        story = Story(writer, f"run-{day}", at=day * DAY).plan(node("Always_x"), node(f"Only_{day}"))
        story.runs("Always_x", f"Only_{day}").ends()
        os.makedirs(f"{folder}/logs/run-{day}")
    writer.close()
    return folder


def kept(folder: str) -> tuple[list[str], list[str], list[str]]:
    with HistoryReader(folder) as history:
        runs = [run.id for run in history.runs().rows]
        return runs, [task.id for task in history.tasks().rows], sorted(os.listdir(f"{folder}/logs"))


def test_keeping_the_latest_runs(folder: str) -> None:
    assert prune(folder, now=7 * DAY, keep_runs=2) == Pruned(runs=4, attempts=8, tasks=4, log_folders=4)
    assert kept(folder) == (["run-6", "run-5"], ["Only_6", "Only_5", "Always_x"], ["run-5", "run-6"])
    with HistoryReader(folder) as history:
        assert history.task("Always_x").runs == 2
        assert len(history.durations("Always")) == 6


def test_keeping_the_latest_days(folder: str) -> None:
    assert prune(folder, now=7 * DAY, keep_days=2.5).runs == 4
    assert kept(folder)[0] == ["run-6", "run-5"]


def test_nothing_to_forget(folder: str) -> None:
    assert prune(folder, now=7 * DAY, keep_runs=6) == Pruned(0, 0, 0, 0)
    assert prune(folder, now=7 * DAY) == Pruned(0, 0, 0, 0)
    assert len(kept(folder)[0]) == 6


def test_forgetting_everything_but_what_is_going_on(folder: str) -> None:
    writer = HistoryWriter(folder)
    Story(writer, "old but alive", at=0.5 * DAY).plan(node("Always_x")).begin("Always_x")
    writer.flush()
    assert prune(folder, now=7 * DAY, keep_runs=0).runs == 6
    writer.close()
    assert kept(folder) == (["old but alive"], ["Always_x"], [])


def test_a_crashed_run_is_forgotten_like_any_other(folder: str) -> None:
    writer = HistoryWriter(folder)
    Story(writer, "crashed", at=6.5 * DAY, pid=2**22 - 1).plan(node("Always_x")).begin("Always_x")
    writer.close()
    os.makedirs(f"{folder}/logs/crashed")
    # A process that was never there gives no identity, so it is never declared dead: here it is given one.
    import sqlite3

    from rumbo.store.liveness import identity

    boot, space, _ = identity(os.getpid()).split()
    with sqlite3.connect(f"{folder}/rumbo.db") as db:
        db.execute("UPDATE runs SET process = ? WHERE id = 'crashed'", (f"{boot} {space} 1",))
    assert prune(folder, now=7 * DAY, keep_runs=0).runs == 7


def test_logs_of_a_run_that_never_came_to_be_known(folder: str) -> None:
    os.makedirs(f"{folder}/logs/lost-run")
    os.utime(f"{folder}/logs/lost-run", (5 * DAY, 5 * DAY))
    os.makedirs(f"{folder}/logs/just-begun")
    os.utime(f"{folder}/logs/just-begun", (6.9 * DAY, 6.9 * DAY))
    assert prune(folder, now=7 * DAY, keep_runs=6).log_folders == 1
    assert "just-begun" in os.listdir(f"{folder}/logs")


def test_less_than_nothing_cannot_be_kept(folder: str) -> None:
    with pytest.raises(ValueError) as caught:
        prune(folder, now=0.0, keep_runs=-1)
    assert str(caught.value) == "Nothing can be kept for less than no time (keep_runs=-1, keep_days=None)."
