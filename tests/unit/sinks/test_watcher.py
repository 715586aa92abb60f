"""A run without a server tells what goes wrong, and waits for nobody for long."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from rumbo.alerts import Event
from rumbo.errors import SinkError
from rumbo.ports import PlannedTask, RunEnded, RunInfo
from rumbo.scheduler.effects import AttemptEnded
from rumbo.scheduler.records import Outcome
from rumbo.sinks.delivery import Delivery, Route
from rumbo.sinks.memory import MemoryOutbox
from rumbo.sinks.watcher import AlertWatcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.ports import Alert, Letter

RUN = RunInfo("run-1", ("Clean_1",), "rumbo run Clean", "machine", "ana", 1, "/project", 1, 1000.0)
NODE = PlannedTask(
    "Clean_1", "Clean", "m", {"n": "1", "kind": "x"}, "run", "", (), 0, "", (), ("ana@example.org",), ("n",)
)
ENDED = RunEnded("run-1", 1010.0, "failed", "It failed.", {})


class Desk:
    """A sink that keeps what it is given, or never answers."""

    name = "desk"

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.trouble: Exception | None = None
        self.answers = threading.Event()
        self.answers.set()

    def send(self, alerts: Sequence[Alert]) -> None:
        self.answers.wait()
        if self.trouble is not None:
            raise self.trouble
        self.alerts += alerts


class Scene:
    """A watcher and its desk."""

    def __init__(self, patience: float = 10.0, delivery: type[Delivery] = Delivery, every: float = 0.0) -> None:
        self.desk = Desk()
        self.warnings: list[str] = []
        self.delivery = delivery(
            MemoryOutbox(),
            [Route(self.desk, frozenset(Event), every)],
            report=lambda sentence: None,
            now=lambda: 1005.0,
        )
        self.watcher = AlertWatcher(self.delivery, self.warnings.append, patience, lambda: 1005.0)

    def fails(self) -> None:
        """A run with one task, which fails."""
        self.watcher.run_started(RUN)
        self.watcher.planned("run-1", [NODE])
        effect = AttemptEnded("Clean_1", 1, 7, "local", Outcome.FAILED, "no luck", 1005.0)
        self.watcher.happened("run-1", [effect])
        self.watcher.run_ended(ENDED)
        self.watcher.close()
        self.watcher.close()


def test_what_went_wrong_has_arrived_when_the_run_is_over() -> None:
    scene = Scene()
    scene.fails()
    started, failed, over = scene.desk.alerts
    assert [each.event for each in (started, failed, over)] == ["run_started", "task_failed", "run_failed"]
    assert (failed.run, failed.params, failed.group) == ("run-1", {"n": "1", "kind": "x"}, "Clean(kind=x)")
    assert (failed.owners, failed.message) == (("ana@example.org",), "no luck")
    assert over.message == "It failed.\nana@machine: rumbo run Clean"
    assert scene.warnings == []


def test_what_is_gathered_arrives_at_the_end_too() -> None:
    scene = Scene(every=1e6)
    scene.fails()
    assert len(scene.desk.alerts) == 3


def test_without_anything_to_tell_there_is_no_thread() -> None:
    desk = Desk()
    delivery = Delivery(MemoryOutbox(), [Route(desk, frozenset([Event.TASK_FAILED]))])
    watcher = AlertWatcher(delivery, pytest.fail, 0.0, lambda: 1005.0)
    before = threading.active_count()
    watcher.run_started(RUN)
    watcher.planned("run-1", [NODE])
    watcher.run_ended(ENDED)
    assert threading.active_count() == before
    watcher.close()


def test_a_broken_task_is_told_once_however_often_it_is_planned() -> None:
    scene = Scene()
    broken = NODE._replace(verdict="broken", error="Traceback")
    for _ in range(2):
        scene.watcher.planned("run-1", [broken])
    scene.watcher.close()
    assert [alert.event for alert in scene.desk.alerts] == ["scheduling_failed"]


def test_a_receiver_that_refuses_is_one_warning() -> None:
    scene = Scene()
    scene.desk.trouble = SinkError("The desk is closed.")
    scene.fails()
    assert scene.warnings == ["3 alerts were not delivered: The desk is closed. The tasks themselves are not affected."]


def test_a_receiver_that_does_not_answer_is_not_waited_for_for_ever() -> None:
    scene = Scene(patience=0.05)
    scene.desk.answers.clear()
    scene.fails()
    scene.desk.answers.set()
    assert scene.warnings == [
        "3 alerts were not delivered: there was no answer in time. The tasks themselves are not affected."
    ]


def test_who_does_not_want_to_wait_need_not() -> None:
    class Interrupted(Delivery):
        def close(self, patience: float = 5.0, send_all: bool = False) -> list[Letter]:
            raise KeyboardInterrupt

    scene = Scene(delivery=Interrupted)
    scene.desk.answers.clear()
    scene.fails()
    scene.desk.answers.set()
    assert len(scene.warnings) == 1
