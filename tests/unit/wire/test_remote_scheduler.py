"""A worker's side of the talk with a server: nothing is lost between them, and nothing runs twice."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from rumbo.clock import SystemClock
from rumbo.errors import AccessDenied, SchedulerUnreachable
from rumbo.ports import RunEnded
from rumbo.scheduler import commands as do
from rumbo.scheduler.commands import Report
from rumbo.scheduler.effects import AttemptEnded, Noted
from rumbo.scheduler.records import Outcome, State
from rumbo.server.coordinator import Telling
from rumbo.server.daemon import Terms
from rumbo.store.reader import HistoryReader
from rumbo.wire.client import Patience, RemoteScheduler
from rumbo.wire.connection import Connection
from server_house import Cable, free_port, until
from server_inside import ServerInside
from server_talk import NOBODY, run_info, spec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rumbo.ports import Order
    from rumbo.scheduler.effects import Effect

QUICK = Patience(30.0, 0.01, 0.05)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerInside]:
    with ServerInside(tmp_path / ".rumbo") as server:
        yield server


class Colleague:
    """A worker without hands: the test does its work."""

    def __init__(self, url: str, name: str, patience: Patience = QUICK, **more: object) -> None:
        self.effects: list[Effect] = []
        self.sentences: list[str] = []
        self.wakes = 0
        self.remote = RemoteScheduler(
            Connection(url),
            name,
            NOBODY,
            SystemClock(),
            self.effects.extend,
            patience=patience,
            **more,  # type: ignore[arg-type]
        )
        self.remote.connect()
        self.remote.start(self._wake, self.sentences.append)

    def _wake(self) -> None:
        self.wakes += 1

    def orders(self, *reports: Report, slots: int = 1, verb: str = "start") -> list[Order]:
        """Hand in reports, and wait for an order of a kind."""
        found: list[Order] = []
        pending = list(reports)

        def has_come() -> bool:
            found.extend(self.remote.exchange(pending, slots, 0.0))
            pending.clear()
            return any(order.verb == verb for order in found)

        until(has_come, 10.0, f"an order to {verb}")
        return [order for order in found if order.verb == verb]

    def does(self, order: Order, outcome: Outcome = Outcome.DONE) -> None:
        """Report the end of an attempt."""
        self.remote.exchange([Report(order.lease, outcome)], 0, 0.0)

    def leaves(self) -> None:
        """Say goodbye."""
        self.remote.leave()
        self.remote.close()


def state(server: ServerInside, task: str) -> State | None:
    found = server.daemon.coordinator.machine.tasks.get(task)
    return found.state if found is not None else None


def ask(server: ServerInside, *commands: do.Command) -> None:
    """A person's commands, carried out in the server's thread."""
    loop = server.daemon._loop
    assert loop is not None
    loop.call_soon_threadsafe(server.daemon.command_now, *commands)


def begin(colleague: Colleague, *tasks: str, run: str = "run-1") -> None:
    colleague.remote.run_started(run_info(run, *tasks))
    colleague.remote.register(run, [spec(task) for task in tasks])


def test_a_run_from_beginning_to_end(server: ServerInside) -> None:
    ana = Colleague(server.url, "ana")
    begin(ana, "Clean_1")
    (order,) = ana.orders()
    assert (order.tasks, order.run, ana.remote.running()) == (("Clean_1",), "run-1", [("run-1", "Clean_1", 1)])
    ana.remote.note(order.lease, "message", "half way")
    ana.remote.shrink(order.lease, {"database": 1})
    ana.does(order)
    outlook = ana.remote.outlook()
    assert (outlook.retries_at, outlook.elsewhere, outlook.blocked) == (None, 0, 0)
    ana.remote.run_ended(RunEnded("run-1", time.time(), "done", "All went well.", {"done": 1}))
    ana.leaves()
    until(lambda: server.history.flush(1.0))
    with HistoryReader(server.folder) as reader:
        assert (reader.run().status, reader.attempts(reader.run(), 0)[0].status) == ("done", "half way")
    kinds = [type(effect) for effect in ana.effects]
    assert Noted in kinds
    assert AttemptEnded in kinds
    assert server.daemon.coordinator.seats == {}


def test_the_ends_of_short_tasks_go_together(server: ServerInside) -> None:
    ana = Colleague(server.url, "ana")
    tasks = [f"Clean_{number}" for number in range(400)]
    begin(ana, *tasks)
    reports: list[Report] = []
    for _ in tasks:
        (order,) = ana.orders(*reports)
        reports = [Report(order.lease, Outcome.DONE)]
    ana.remote.exchange(reports, 0, 0.0)
    until(lambda: not ana.remote.outlook().elsewhere)
    assert {state(server, task) for task in tasks} == {State.DONE}
    assert ana.remote._number < 100
    ana.leaves()


def test_what_is_done_elsewhere_is_told(server: ServerInside) -> None:
    ana, ben = Colleague(server.url, "ana"), Colleague(server.url, "ben")
    begin(ana, "Clean_1")
    (order,) = ana.orders()
    begin(ben, "Clean_1", run="run-2")
    until(lambda: ben.remote.outlook().elsewhere == 1)
    ana.does(order)
    until(lambda: ben.remote.outlook().done == ("Clean_1",))
    ana.leaves()
    ben.leaves()


def test_the_server_is_away_for_a_while(server: ServerInside) -> None:
    ana = Colleague(server.url, "ana")
    begin(ana, "Clean_1", "Clean_2")
    (order,) = ana.orders()
    server.stop()
    ana.does(order)
    until(lambda: ana.remote.trouble)
    server.start()
    (second,) = ana.orders()
    assert second.tasks == ("Clean_2",)
    assert state(server, "Clean_1") is State.DONE
    assert any("What runs goes on; it is tried again." in sentence for sentence in ana.sentences)
    assert "The scheduler answers again." in ana.sentences
    ana.leaves()


def test_a_worker_that_was_lost_comes_back_under_a_new_name(server: ServerInside) -> None:
    ana = Colleague(server.url, "ana")
    begin(ana, "Clean_1", "Clean_2")
    (order,) = ana.orders()
    ask(server, do.Lose("ana"))
    (stop,) = ana.orders(verb="stop")
    assert (stop.lease, stop.outcome) == (order.lease, Outcome.RELEASED)
    assert ana.remote.worker == "ana~2"
    # It finishes all the same; what it says of an attempt under the old lease changes nothing.
    ana.does(order)
    first = ana.orders(slots=2)
    assert {task for each in first for task in each.tasks} <= {"Clean_1", "Clean_2"}
    assert "The scheduler took this worker for lost; it joins again." in ana.sentences
    assert server.daemon.coordinator.runs["run-1"].worker == "ana~2"
    ana.leaves()


def test_orders_of_people_arrive(server: ServerInside) -> None:
    ana = Colleague(server.url, "ana")
    begin(ana, "Train_1", "Train_2")
    (order,) = ana.orders()
    (other,) = ana.orders()
    loop = server.daemon._loop
    assert loop is not None
    coordinator = server.daemon.coordinator

    def tell() -> None:
        coordinator.tell(Telling("", "message", "slower", "Train_1", "m-1"), 1.0)
        coordinator.tell(Telling("ana", "slots", "3"), 1.0)
        server.daemon.command_now(do.Cancel((other.tasks[0],)))

    loop.call_soon_threadsafe(tell)
    (stop,) = ana.orders(verb="stop", slots=0)
    assert stop.lease == other.lease
    assert order.lease != other.lease
    ana.leaves()


def test_an_assistant_refuses_what_it_cannot_build(server: ServerInside) -> None:
    ana = Colleague(server.url, "ana")
    begin(ana, "Clean_1")
    agent = Colleague(server.url, "agent", assistant=True)
    (order,) = agent.orders()
    assert [each.family for each in order.foreign] == ["Clean"]
    agent.remote.refuse(order.lease, "No module named 'flights'")
    (again,) = ana.orders()
    assert again.tasks == ("Clean_1",)
    agent.leaves()
    ana.leaves()


def test_what_drains_gives_back_and_gets_nothing(server: ServerInside) -> None:
    ana, ben = Colleague(server.url, "ana"), Colleague(server.url, "ben")
    begin(ana, "Clean_1")
    begin(ben, "Clean_1", run="run-2")
    ana.remote.drain()
    ana.remote.drain()
    until(lambda: server.daemon.coordinator.seats["ana"].is_draining)
    (order,) = ben.orders()
    assert order.tasks == ("Clean_1",)
    ben.leaves()
    ana.leaves()


def test_patience_ends(tmp_path: Path) -> None:
    with ServerInside(tmp_path / ".rumbo") as server:
        ana = Colleague(server.url, "ana", Patience(0.1, 0.01, 0.02))
        begin(ana, "Clean_1")
        (order,) = ana.orders()
    ana.does(order)

    def fails() -> bool:
        try:
            ana.remote.exchange([], 1, 0.0)
        except SchedulerUnreachable:
            return True
        return False

    until(fails, 10.0)
    with pytest.raises(SchedulerUnreachable, match="No scheduler answers"):
        ana.remote.outlook()


def test_a_worker_that_is_cut_off_stops_itself_before_its_lease_is_over(tmp_path: Path) -> None:
    """The cable is cut so that the server may well be alive and give the task to somebody else."""
    with ServerInside(tmp_path / ".rumbo", Terms(lease=0.5)) as server, closing(Cable(server.port)) as cable:
        ana = Colleague(cable.url, "ana")
        begin(ana, "Clean_1")
        (order,) = ana.orders()
        cable.block()
        (stop,) = ana.orders(verb="stop")
        assert (stop.lease, stop.ended) == (
            order.lease,
            (Outcome.LOST, "the scheduler could not be reached for as long as the lease lasts"),
        )
        until(lambda: state(server, "Clean_1") is State.PENDING)
        cable.unblock()
        ana.does(order, Outcome.RELEASED)
        (again,) = ana.orders()
        assert (again.tasks, again.attempt) == (("Clean_1",), 2)
        ana.leaves()


def test_nobody_is_joined_twice_by_a_server_that_is_not_there() -> None:
    remote = RemoteScheduler(
        Connection(f"http://127.0.0.1:{free_port()}"), "ana", NOBODY, SystemClock(), lambda effects: None
    )
    with pytest.raises(SchedulerUnreachable, match="No scheduler answers"):
        remote.connect()
    assert issubclass(AccessDenied, SchedulerUnreachable)
