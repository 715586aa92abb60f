"""What a server notices while it carries out its entries, and who is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rumbo import codec
from rumbo.alerts import Event
from rumbo.scheduler import commands as do
from rumbo.scheduler.machine import Policy
from rumbo.scheduler.records import BatchKey, Outcome, RetryPolicy
from rumbo.server.alarm import Alarm
from rumbo.server.audience import Audience
from rumbo.server.coordinator import Coordinator
from rumbo.server.facts import Facts
from rumbo.wire.luigi import Speaker
from server_talk import NOBODY, Talker, run_info, spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.ports import Alert, RunInfo
    from rumbo.scheduler.records import TaskSpec

W = "Worker(salt=1, workers=2, host=machine, username=ana, pid=42)"


class Desk:
    """A coordinator with an alarm, and the time that passes at it."""

    def __init__(self, saved: bytes | None = None) -> None:
        self.facts = Facts()
        self.coordinator = Coordinator(Policy(None, max_losses=2), {})
        alarm = Alarm(self.coordinator, self.facts, frozenset(Event))
        self.coordinator.observers = [self.facts, alarm]
        self.coordinator.listeners = [alarm.hear]
        self.coordinator.guests = {"luigi": Speaker(self.coordinator)}
        self.now = 1000.0
        if saved is not None:
            self.coordinator.restore(saved)

    def hears(self, talker: Talker, request: codec.WorkRequest) -> list[Any]:
        self.now += 1.0
        return talker.gets(list(self.coordinator.work(request, self.now).outbox))

    def says(self, method: str, **arguments: Any) -> Any:
        """A call of Luigi's worker."""
        self.now += 1.0
        return self.coordinator.call("luigi", method, arguments | {"worker": W}, self.now)[0]

    def alerts(self) -> list[Alert]:
        return [arguments[0] for name, arguments in self.facts.take() if name == "alert"]

    def events(self) -> list[str]:
        return [alert.event for alert in self.alerts()]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def describes(talker: Talker, task: TaskSpec, **more: Any) -> codec.WorkRequest:
    """A worker begins a run with one task, and asks for it."""
    described = codec.Described(task, more.pop("verdict", "run"), "why", **more)
    return talker.joins(codec.Beginning(run_info("run-1", task.id)), codec.Describing("run-1", [described]), slots=1)


def test_the_life_of_a_run_as_alerts(desk: Desk) -> None:
    ana = Talker("ana")
    (order,) = desk.hears(ana, describes(ana, spec("Clean_1"), owners=("ana@example.org",)))
    desk.hears(ana, ana.says(ana.reports(order, Outcome.FAILED, "no luck"), ana.ends("run-1", "failed")))
    started, begun, failed, over = desk.alerts()
    assert [each.event for each in (started, begun, failed, over)] == [
        "run_started",
        "task_started",
        "task_failed",
        "run_failed",
    ]
    assert failed[2:13] == (
        (desk.now, "run-1", "Clean_1", "Clean", {"name": "Clean_1"}, "Clean(name=Clean_1)", ("ana@example.org",))
        + ("ana", 1, "no luck", "")
    )
    assert (started.at, over.at) == (1001.0, 1002.0)
    assert started.message == "ana@machine: rumbo run"
    assert over.message == "All went well.\nana@machine: rumbo run"


def test_what_is_hidden_stays_hidden_also_after_a_restart_from_a_snapshot(desk: Desk) -> None:
    ana = Talker("ana")
    task = spec("Clean_1", params={"day": "monday", "key": "hush"}, batch=BatchKey("Clean", (("key", "hush"),), 0))
    (order,) = desk.hears(ana, describes(ana, task, hidden=("key",), owners=("ana@example.org",)))
    again = Desk(desk.coordinator.save())
    again.now = desk.now
    again.hears(ana, ana.says(ana.reports(order, Outcome.FAILED)))
    (failed,) = again.alerts()
    assert (failed.params, failed.owners, failed.group) == ({"day": "monday"}, ("ana@example.org",), "Clean()")


def test_what_is_known_of_a_task_is_forgotten_with_it(desk: Desk) -> None:
    ana = Talker("ana")
    desk.hears(ana, describes(ana, spec("Clean_1"), owners=("ana@example.org",)))
    assert desk.coordinator.about("Clean_1").owners == ("ana@example.org",)
    desk.hears(ana, ana.says(codec.Leaving()))
    desk.coordinator.obey([do.Tick()], desk.now + 10_000.0)
    assert "Clean_1" not in desk.coordinator.machine.tasks
    assert desk.coordinator.about("Clean_1").owners == ()


def test_a_retry_within_the_run_is_no_failure_of_the_task(desk: Desk) -> None:
    ana = Talker("ana")
    (order,) = desk.hears(ana, describes(ana, spec("Clean_1", retry=RetryPolicy(retries=1))))
    desk.alerts()
    (order,) = desk.hears(ana, ana.says(ana.reports(order, Outcome.FAILED), slots=1))
    assert desk.events() == ["attempt_failed", "task_started"]
    desk.hears(ana, ana.says(ana.reports(order, Outcome.FAILED)))
    assert desk.events() == ["task_failed"]


def test_a_disabled_task_is_told_beside_its_failure(desk: Desk) -> None:
    ana = Talker("ana")
    (order,) = desk.hears(ana, describes(ana, spec("Clean_1", retry=RetryPolicy(disable_after=1, disable_for=60.0))))
    desk.alerts()
    desk.hears(ana, ana.says(ana.reports(order, Outcome.FAILED)))
    failed, disabled = desk.alerts()
    assert (failed.event, disabled.event) == ("task_failed", "task_disabled")
    assert disabled.message == "It failed too often, and is left alone until 1970-01-01 00:17:42 UTC."


def test_a_lost_worker_is_told_and_a_task_that_lost_too_many(desk: Desk) -> None:
    for name in ("ana", "bo"):
        talker = Talker(name)
        desk.hears(talker, describes(talker, spec("Clean_1")))
        desk.alerts()
        desk.coordinator.obey([do.Lose(name, "silent")], desk.now)
        told = desk.alerts()
        assert told[0][1:3] == ("worker_lost", desk.now)
        assert told[0].message == (
            f"It was silent for too long ({NOBODY.user}@{NOBODY.host}, process 1). What it ran goes to others."
        )
        assert [each.event for each in told[1:]] == ([] if name == "ana" else ["task_failed"])
    assert told[1].message == "The workers that ran it fell silent, again and again."


def test_a_broken_description_is_told(desk: Desk) -> None:
    ana = Talker("ana")
    desk.hears(ana, describes(ana, spec("Odd_1"), verdict="broken", error="Traceback: no disk"))
    broken = desk.alerts()[1]
    assert (broken.event, broken.task, broken.message) == ("scheduling_failed", "Odd_1", "Traceback: no disk")


def test_the_same_entries_give_the_same_alerts() -> None:
    def story() -> list[Alert]:
        desk, ana = Desk(), Talker("ana")
        (order,) = desk.hears(ana, describes(ana, spec("Clean_1")))
        desk.hears(ana, ana.says(ana.reports(order, Outcome.FAILED), ana.ends("run-1", "failed")))
        return desk.alerts()

    assert story() == story()


# Luigi's workers -------------------------------------------------------------------------------------------------


def test_luigis_workers_are_told_of_with_the_owners_of_their_tasks(desk: Desk) -> None:
    about = {"family": "Clean", "module": "farm", "params": {"n": "1", "key": "hush"}, "owners": ["ana@example.org"]}
    desk.says("add_task", task_id="Clean_1", status="PENDING", param_visibilities={"n": 0, "key": 1}, **about)
    desk.says("get_work", host="machine")
    desk.alerts()
    desk.says("add_task", task_id="Clean_1", status="FAILED", expl='"no luck"', **about)
    (failed,) = desk.alerts()
    assert (failed.event, failed.run, failed.message) == ("task_failed", W, "no luck")
    assert (failed.params, failed.owners) == ({"n": "1"}, ("ana@example.org",))


def test_what_luigis_workers_cannot_schedule_is_told_with_the_reason() -> None:
    desk = Desk()
    told = {"task_name": "Odd(n=1)", "family": "Odd", "params": {"n": "1"}, "expl": "no disk", "owners": []}
    desk.says("announce_scheduling_failure", **told)
    desk = Desk(desk.coordinator.save())  # it is remembered until the task is described
    about = {"family": "Odd", "params": {"n": "1", "insignificant": "x"}, "owners": "nobody"}
    desk.says("add_task", task_id="Odd_1", status="UNKNOWN", **about)
    broken = next(each for each in desk.alerts() if each.event == "scheduling_failed")
    assert (broken.task, broken.message, broken.owners) == ("Odd_1", "no disk", ())
    desk.says("add_task", task_id="Odd_2", status="UNKNOWN", **about)
    assert "scheduling_failed" not in desk.events()


# Those who are told ----------------------------------------------------------------------------------------------


class Scribe:
    """A chronicle that stands somewhere in a journal."""

    def __init__(self, number: int, can_write: bool = True) -> None:
        self.number = number
        self.can_write = can_write
        self.told: list[int] = []
        self.resumed: list[tuple[int, int]] = []

    def follow(self, journal: str) -> int:
        return self.number

    def resume(self, runs: Sequence[RunInfo]) -> None:
        self.resumed.append((len(self.told), len(runs)))

    def tell(self, number: int, facts: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        self.told.append(number)

    def flush(self, timeout: float | None = None) -> bool:
        return self.can_write


def test_each_chronicle_is_told_from_where_it_stands() -> None:
    ahead, behind = Scribe(7), Scribe(5)
    audience = Audience([ahead, behind])
    audience.follow("journal")
    runs = [run_info("run-1", "Clean_1")]
    for number in (5, 6, 7, 8):
        audience.resume(number, lambda: runs)
        audience.tell(number, [])
    audience.resume(9, lambda: runs)
    assert (ahead.told, behind.told) == ([8], [6, 7, 8])
    assert ahead.resumed == behind.resumed == [(0, 1)]
    audience.go_back(8)
    audience.tell(8, [])
    audience.tell(9, [])
    assert (ahead.told, behind.told) == ([8, 9], [6, 7, 8, 9])


def test_a_journal_is_cut_only_when_all_have_written() -> None:
    assert Audience([Scribe(0), Scribe(0)]).flush(0.0)
    assert not Audience([Scribe(0), Scribe(0, can_write=False)]).flush(0.0)
    assert Audience([]).flush(0.0)
