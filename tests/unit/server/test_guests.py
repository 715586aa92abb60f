"""Luigi's dialect at a server: remembered in the journal, in the history as runs, and never in the way of a restart."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rumbo import codec
from rumbo.clock import SystemClock
from rumbo.errors import ProtocolError
from rumbo.ports import Entry
from rumbo.scheduler import commands as do
from rumbo.scheduler.machine import Policy
from rumbo.scheduler.records import State
from rumbo.server.coordinator import Coordinator
from rumbo.server.daemon import Daemon, Terms
from rumbo.server.facts import Facts
from rumbo.wire.luigi import Speaker
from server_talk import Talker, spec

W = "Worker(salt=1, workers=2, host=machine, username=ana, pid=42)"


class Desk:
    """A coordinator with Luigi as its guest; notes what a journal would hold."""

    def __init__(self) -> None:
        self.coordinator = Coordinator(Policy(None), {})
        self.facts = Facts()
        self.coordinator.observers = [self.facts]
        self.coordinator.guests = {"luigi": Speaker(self.coordinator)}
        self.entries: list[Entry] = []
        self.now = 1000.0

    def call(self, method: str, **arguments: Any) -> Any:
        self.now += 1.0
        reply, is_news = self.coordinator.call("luigi", method, arguments, self.now)
        if is_news:
            body = codec.encode((method, arguments))
            self.entries.append(Entry(len(self.entries) + 1, self.now, "luigi", body, 0))
        return reply

    def add(self, id: str, worker: str = W, **more: Any) -> None:
        about = {"family": id.partition("_")[0], "module": "farm", "params": {"n": id}, "status": "PENDING"}
        self.call("add_task", worker=worker, task_id=id, **(about | more))


def restored(desk: Desk) -> Coordinator:
    again = Desk()
    for entry in desk.entries:
        again.coordinator.carry_out(entry)
    return again.coordinator


def test_what_luigis_workers_said_is_known_after_a_restart() -> None:
    desk = Desk()
    desk.add("Report_1", deps=["Clean_1"])
    desk.add("Clean_1")
    desk.call("add_worker", worker=W, info=[["host", "machine"]])
    assert desk.call("get_work", worker=W)["task_id"] == "Clean_1"
    desk.call("set_task_status_message", task_id="Clean_1", status_message="half way")
    again = restored(desk)
    assert again.save() == desk.coordinator.save()
    reply, _ = again.call("luigi", "get_task_status_message", {"task_id": "Clean_1"}, 2000.0)
    assert reply["statusMessage"] == "half way"
    snapshot = Desk().coordinator
    snapshot.restore(desk.coordinator.save())
    assert snapshot.call("luigi", "fetch_error", {"task_id": "Clean_1"}, 2000.0)[0]["taskFamily"] == "Clean"


def test_questions_and_signs_of_life_are_not_kept() -> None:
    desk = Desk()
    desk.add("Clean_1")
    desk.call("get_work", worker=W)
    kept = len(desk.entries)
    desk.call("ping", worker=W)
    desk.call("get_work", worker=W, current_tasks=["Clean_1"])
    desk.call("count_pending", worker=W)
    desk.call("task_list", status="", upstream_status="")
    assert len(desk.entries) == kept
    desk.call("set_worker_processes", worker=W, n=3)
    assert desk.call("ping", worker=W)["rpc_messages"]
    assert len(desk.entries) == kept + 2


def test_a_worker_of_luigi_is_a_run() -> None:
    desk = Desk()
    desk.add("Report_1", deps=["Clean_1"], params={"day": "1", "key": "s"}, param_visibilities={"day": 0, "key": 1})
    desk.add("Clean_1")
    (name, (run,)), (_, (_, (report,))), *_ = desk.facts.take()
    assert (name, run.id, run.roots, run.command) == ("run_started", W, ("Report_1",), "luigi")
    assert (run.host, run.user, run.pid, run.workers) == ("machine", "ana", 42, 2)
    assert (report.id, report.params, report.dependencies) == ("Report_1", {"day": "1"}, ("Clean_1",))
    for id in ("Clean_1", "Report_1"):
        assert desk.call("get_work", worker=W)["task_id"] == id
        assert desk.coordinator.abandoned_runs(0.0) == []
        desk.add(id, status="DONE")
    desk.now += 10
    desk.coordinator.at = desk.now
    assert desk.coordinator.abandoned_runs(0.0) == [W]
    desk.coordinator.close_run(W, desk.now)
    _, (ended,) = desk.facts.take()[-1]
    assert (ended.status, ended.counts) == ("done", {"done": 2})


def test_what_it_finds_out_at_run_time_is_part_of_the_run() -> None:
    desk = Desk()
    desk.add("Grows_1")
    desk.call("get_work", worker=W)
    desk.facts.take()
    desk.add("Clean_1")
    desk.call("add_task", worker=W, task_id="Grows_1", status="PENDING", new_deps=["Clean_1"])
    planned = [node for name, arguments in desk.facts.take() if name == "planned" for node in arguments[1]]
    assert [(node.id, node.family, node.dependencies) for node in planned] == [
        ("Clean_1", "Clean", ()),
        ("Grows_1", "Grows", ("Clean_1",)),
    ]


def test_a_worker_that_falls_silent_leaves_its_tasks_to_others() -> None:
    desk = Desk()
    desk.add("Clean_1")
    desk.call("get_work", worker=W)
    desk.coordinator.obey([do.Lose(W)], desk.now)
    desk.coordinator.at = desk.now + 10
    assert desk.coordinator.abandoned_runs(0.0) == [W]
    desk.coordinator.close_run(W, desk.now)
    _, (ended,) = desk.facts.take()[-1]
    assert ended.status == "incomplete"
    desk.add("Clean_1", worker="another")
    assert desk.call("get_work", worker="another")["task_id"] == "Clean_1"


def test_workers_of_both_kinds_share_a_task() -> None:
    desk, ana = Desk(), Talker("ana")
    desk.coordinator.work(ana.joins(), 1000.0)
    (order,) = ana.gets(list(desk.coordinator.work(ana.begins("run-1", spec("Clean_1"), slots=1), 1000.0).outbox))
    desk.add("Clean_1")
    assert desk.call("get_work", worker=W)["task_id"] is None
    desk.coordinator.work(ana.says(ana.reports(order)), desk.now)
    assert desk.call("task_list", status="DONE", upstream_status="").keys() == {"Clean_1"}
    desk.add("Load_1")
    assert desk.call("get_work", worker=W)["task_id"] == "Load_1"


def test_a_call_that_made_no_sense_makes_none_after_a_restart_either() -> None:
    desk = Desk()
    with pytest.raises(ProtocolError):
        desk.call("add_task", task_id="Clean_1", status="odd", worker=W)
    entry = Entry(1, 1.0, "luigi", codec.encode(("add_task", {"task_id": "x", "status": "odd", "worker": W})), 0)
    desk.coordinator.carry_out(entry)
    desk.coordinator.carry_out(entry._replace(body=b'["no such method", {}]'))
    desk.add("Clean_1")
    assert desk.coordinator.machine.tasks["Clean_1"].state is State.PENDING


def test_a_call_over_a_daemon_is_kept_when_it_is_answered(tmp_path: Any) -> None:
    from rumbo.store.journal import DatabaseJournal
    from rumbo.store.state_file import open_state

    async def story() -> None:
        journal = DatabaseJournal(open_state(str(tmp_path)))
        daemon = Daemon(journal, SystemClock(), Terms(guest_lease=0.2, lease=0.1), guests={"luigi": Speaker})
        daemon.load()
        await daemon.start()
        about = {"task_id": "Clean_1", "family": "Clean", "module": "farm", "params": {}, "worker": W}
        await daemon.call("luigi", "add_task", about, W)
        with pytest.raises(ProtocolError):
            await daemon.call("luigi", "add_task", about | {"status": "odd"}, W)
        assert [entry.kind for entry in journal.entries(0)] == ["luigi"]
        await daemon.call("luigi", "is_paused", {})
        while daemon.coordinator.machine.workers:
            await asyncio.sleep(0.01)
        await daemon.stop()
        journal.close()

    asyncio.run(story())


def test_what_a_worker_of_ours_hides_is_hidden_from_luigis_pages_too() -> None:
    desk, ana = Desk(), Talker("ana")
    desk.coordinator.work(ana.joins(), 1000.0)
    hidden = spec("Clean_1", params={"date": "today", "host": "db"}, hidden=("host",))
    desk.coordinator.work(ana.begins("run-1", hidden), 1000.0)
    task = desk.call("task_list", status="", upstream_status="")["Clean_1"]
    assert (task["params"], task["display_name"]) == ({"date": "today"}, "Clean(date=today)")
    facts = [arguments for name, arguments in desk.facts.take() if name == "planned"]
    assert facts[0][1][0].params == {"date": "today"}


def test_a_task_that_only_its_worker_can_build_is_not_told_how_to_be_built() -> None:
    """An assistant that came upon it is its worker as well, and has it."""
    desk, agent = Desk(), Talker("agent")
    desk.coordinator.work(agent.joins(assistant=True), 1000.0)
    about = codec.Describing("run-1", [codec.Described(spec("Load_1", portable=False), "run", "")])
    (order,) = agent.gets(list(desk.coordinator.work(agent.says(about, slots=1), 1000.0).outbox))
    assert (order.tasks, order.foreign) == (("Load_1",), ())
