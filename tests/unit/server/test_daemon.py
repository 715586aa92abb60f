"""The server's promises: certain before it is answered, woken when there is work, undone when it cannot be kept."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from rumbo import codec
from rumbo.clock import SystemClock
from rumbo.errors import CommandRejected, ProtocolError, StoreError, WorkerGone
from rumbo.scheduler import commands as do
from rumbo.scheduler.records import Outcome, RetryPolicy, State
from rumbo.server.coordinator import Telling
from rumbo.server.daemon import Daemon, Terms
from server_talk import Talker, run_info, spec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from rumbo.codec import WorkReply
    from rumbo.ports import Entry, RunInfo


class Paper:
    """A journal in memory, on a disk that can be full."""

    id = "paper"

    def __init__(self) -> None:
        self.lines: list[Entry] = []
        self.kept: tuple[int, bytes] | None = None
        self.is_full = False
        self.transactions = 0

    def snapshot(self) -> tuple[int, bytes] | None:
        return self.kept

    def entries(self, after: int) -> Iterator[Entry]:
        return iter([entry for entry in self.lines if entry.number > after])

    def append(self, entries: Sequence[Entry]) -> None:
        if self.is_full:
            raise StoreError("the disk is full")
        self.transactions += 1
        self.lines += entries

    def save(self, number: int, body: bytes) -> None:
        if self.is_full:
            raise StoreError("the disk is full")
        self.kept = (number, body)
        self.lines = [entry for entry in self.lines if entry.number > number]

    def close(self) -> None:
        pass


class Scribe:
    """A chronicle that remembers what it was told, and how far."""

    def __init__(self) -> None:
        self.told = 0
        self.names: list[str] = []
        self.resumed: list[str] = []

    def follow(self, journal: str) -> int:
        return self.told

    def resume(self, runs: Sequence[RunInfo]) -> None:
        self.resumed += [run.id for run in runs]

    def tell(self, number: int, facts: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        self.told = number
        self.names += [name for name, _ in facts]

    def flush(self, timeout: float | None = None) -> bool:
        return True


@asynccontextmanager
async def serving(
    journal: Paper, scribe: Scribe | None = None, terms: Terms | None = None, is_killed: bool = False
) -> AsyncIterator[Daemon]:
    daemon = Daemon(journal, SystemClock(), terms or Terms(), {"database": 1}, [scribe] if scribe is not None else [])
    daemon.load()
    await daemon.start()
    yield daemon
    if is_killed:
        for task in daemon._tasks:
            task.cancel()
        daemon._writer.shutdown()
    else:
        await daemon.stop()


async def asks(daemon: Daemon, request: codec.WorkRequest) -> WorkReply:
    return await daemon.work(codec.encode(request))


async def joined(daemon: Daemon, name: str, **more: Any) -> Talker:
    talker = Talker(name)
    await asks(daemon, talker.joins(**more))
    return talker


def test_what_was_answered_survives_a_death(tmp_path: object) -> None:
    async def story() -> None:
        journal, scribe = Paper(), Scribe()
        async with serving(journal, scribe, is_killed=True) as daemon:
            ana = await joined(daemon, "ana")
            reply = await asks(daemon, ana.begins("run-1", spec("Clean_1"), spec("Clean_2"), slots=1))
            (order,) = ana.gets(reply.orders)
        assert scribe.names[0] == "run_started"
        async with serving(journal, scribe) as daemon:
            assert daemon.coordinator.machine.tasks["Clean_1"].state is State.RUNNING
            reply = await asks(daemon, ana.says(ana.reports(order), slots=1))
            assert [each.tasks for each in ana.gets(reply.orders)] == [("Clean_2",)]
        assert scribe.resumed == ["run-1"]
        # After a graceful stop there is a snapshot.
        assert journal.lines == []
        async with serving(journal, scribe) as daemon:
            assert daemon.coordinator.machine.tasks["Clean_1"].state is State.DONE
        assert scribe.resumed == ["run-1", "run-1"]

    asyncio.run(story())


def test_a_chronicle_that_lags_behind_is_told_the_rest(tmp_path: object) -> None:
    async def story() -> None:
        journal, scribe = Paper(), Scribe()
        async with serving(journal, scribe, is_killed=True) as daemon:
            ana = await joined(daemon, "ana")
            await asks(daemon, ana.begins("run-1", spec("Clean_1")))
            await asks(daemon, ana.says(ana.ends("run-1")))
        late = Scribe()
        late.told = 1
        Daemon(journal, SystemClock(), chronicles=[late]).load()
        assert (late.names[0], late.names[-1], late.told) == ("run_started", "run_ended", scribe.told)

    asyncio.run(story())


def test_a_poll_waits_until_there_is_work() -> None:
    async def story() -> None:
        async with serving(Paper()) as daemon:
            ana = await joined(daemon, "ana")
            await asks(daemon, ana.begins("run-1", spec("Clean_1", "Load_1"), spec("Load_1"), slots=1))
            agent = Talker("agent")
            await asks(daemon, agent.joins(slots=1, assistant=True))
            load = next(iter(daemon.coordinator.machine.leases.values()))
            poll = asyncio.create_task(daemon.poll("agent", 0, 20.0))
            await asyncio.sleep(0)
            assert not poll.done()
            await asks(daemon, ana.says(ana.reports(codec.WireOrder(1, "start", load.number))))
            assert [order.tasks for order in (await poll).orders] == [("Clean_1",)]

    asyncio.run(story())


def test_who_is_about_to_be_answered_is_not_woken_as_well() -> None:
    async def story() -> None:
        async with serving(Paper()) as daemon:
            ana = await joined(daemon, "ana")
            poll = asyncio.create_task(daemon.poll("ana", 0, 20.0))
            await asyncio.sleep(0)
            reply = await asks(daemon, ana.begins("run-1", spec("Clean_1"), slots=1))
            assert [order.tasks for order in reply.orders] == [("Clean_1",)]
            assert not poll.done()
            await daemon.tell(Telling("ana", "slots", "3"))
            assert [order.verb for order in (await poll).orders] == ["start", "slots"]

    asyncio.run(story())


def test_the_outlook_is_told_only_to_who_is_given_nothing() -> None:
    async def story() -> None:
        async with serving(Paper()) as daemon:
            ana = await joined(daemon, "ana")
            first = await asks(daemon, ana.begins("run-1", spec("Clean_1"), slots=1))
            more = codec.Describing("run-1", [codec.Described(spec("Clean_2"), "run", "")])
            ana.gets(first.orders)
            second = await asks(daemon, ana.says(ana.reports(first.orders[0]), more, slots=1, wants_outlook=True))
            assert (len(second.orders), second.outlook) == (1, None)
            ana.gets(second.orders)
            third = await asks(daemon, ana.says(ana.reports(second.orders[0]), slots=1, wants_outlook=True))
            assert third.outlook is not None
            assert set(third.outlook.done_elsewhere) == {"Clean_1", "Clean_2"}

    asyncio.run(story())


def test_a_worker_is_asked_and_answers() -> None:
    async def story() -> None:
        async with serving(Paper()) as daemon:
            ana = await joined(daemon, "ana")
            asked = asyncio.create_task(daemon.ask("ana", "request", "plan it", 20.0))
            (order,) = (await daemon.poll("ana", 0, 20.0)).orders
            assert (order.verb, order.text) == ("request", "plan it")
            reply = codec.encode((order.message, "here it is")).decode()
            await asks(daemon, ana.says(codec.Noting(0, "reply", reply)))
            assert await asked == "here it is"
            assert await daemon.ask("ana", "request", "and again", 0.0) is None
            with pytest.raises(CommandRejected, match="There is no worker 'ben' connected"):
                await daemon.ask("ben", "request", "plan it", 20.0)

    asyncio.run(story())


def test_a_detached_run_is_closed_as_soon_as_it_is_done() -> None:
    async def story() -> None:
        scribe = Scribe()
        async with serving(Paper(), scribe) as daemon:
            ana, agent = Talker("ana"), Talker("agent")
            begins = codec.Beginning(run_info("run-1", "Clean_1"), is_detached=True)
            describes = codec.Describing("run-1", [codec.Described(spec("Clean_1"), "run", "")])
            await asks(daemon, ana.joins(begins, describes, codec.Leaving()))
            (order,) = agent.gets((await asks(daemon, agent.joins(slots=1, assistant=True))).orders)
            assert "run_ended" not in scribe.names
            await asks(daemon, agent.says(agent.reports(order)))
            assert "run_ended" in scribe.names
            assert daemon.coordinator.runs == {}

    asyncio.run(story())


def test_work_is_shared_out_among_those_who_wait() -> None:
    async def story() -> None:
        async with serving(Paper()) as daemon:
            agents = [Talker(f"agent-{number}") for number in range(3)]
            for agent in agents:
                await asks(daemon, agent.joins(slots=4, assistant=True))
            polls = [asyncio.create_task(daemon.poll(agent.name, 0, 20.0)) for agent in agents]
            await asyncio.sleep(0)
            ana = await joined(daemon, "ana")
            await asks(daemon, ana.begins("run-1", *(spec(f"Clean_{number}") for number in range(6))))
            assert [len((await poll).orders) for poll in polls] == [2, 2, 2]

    asyncio.run(story())


def test_a_second_poll_of_a_worker_ends_the_first() -> None:
    async def story() -> None:
        async with serving(Paper()) as daemon:
            await joined(daemon, "ana")
            first = asyncio.create_task(daemon.poll("ana", 0, 20.0))
            await asyncio.sleep(0)
            second = asyncio.create_task(daemon.poll("ana", 0, 20.0))
            assert (await first).orders == []
            daemon.let_go()
            assert (await second).orders == []
            with pytest.raises(StoreError, match="The server is stopping"):
                await daemon.poll("ana", 0, 20.0)

    asyncio.run(story())


def test_nothing_happened_when_the_journal_cannot_be_written() -> None:
    async def story() -> None:
        journal, scribe = Paper(), Scribe()
        async with serving(journal, scribe, Terms(patience=0.01)) as daemon:
            ana = await joined(daemon, "ana")
            journal.is_full = True
            request = ana.begins("run-1", spec("Clean_1"), slots=1)
            with pytest.raises(StoreError, match="cannot write its journal, so it takes nothing on: the disk is full"):
                await asks(daemon, request)
            with pytest.raises(StoreError, match="the disk is full"):
                await daemon.command(do.Pause())
            assert daemon.trouble
            journal.is_full = False
            while daemon.trouble:
                await asyncio.sleep(0.01)
            assert daemon.coordinator.machine.tasks == {}
            assert "run_started" not in scribe.names
            reply = await asks(daemon, request)
            assert [order.tasks for order in reply.orders] == [("Clean_1",)]

    asyncio.run(story())


def test_many_requests_share_a_transaction() -> None:
    async def story() -> None:
        journal = Paper()
        async with serving(journal) as daemon:
            talkers = [Talker(f"worker-{number}") for number in range(50)]
            await asyncio.gather(*(asks(daemon, talker.joins()) for talker in talkers))
            assert len(journal.lines) == 50
            assert journal.transactions < 5
            assert daemon.commits == journal.transactions

    asyncio.run(story())


def test_a_silent_worker_is_taken_for_lost() -> None:
    async def story() -> None:
        async with serving(Paper(), terms=Terms(lease=0.1)) as daemon:
            ana = await joined(daemon, "ana")
            await asks(daemon, ana.begins("run-1", spec("Clean_1"), slots=1))
            poll = asyncio.create_task(daemon.poll("ana", 1, 20.0))
            with pytest.raises(WorkerGone):
                await poll
            assert daemon.coordinator.machine.tasks["Clean_1"].state is State.PENDING
            with pytest.raises(WorkerGone):
                await asks(daemon, ana.says())
            assert daemon.seen == {}

    asyncio.run(story())


def test_a_run_whose_worker_left_is_closed() -> None:
    async def story() -> None:
        scribe = Scribe()
        async with serving(Paper(), scribe, Terms(lease=0.2)) as daemon:
            ana = await joined(daemon, "ana")
            await asks(daemon, ana.begins("run-1", spec("Clean_1")))
            await asks(daemon, ana.says(codec.Leaving()))
            while daemon.coordinator.runs:
                await asyncio.sleep(0.01)
        assert scribe.names[-1] == "run_ended"

    asyncio.run(story())


def test_a_retry_falls_due_by_itself() -> None:
    async def story() -> None:
        async with serving(Paper()) as daemon:
            ana = await joined(daemon, "ana")
            again = spec("Clean_1", retry=RetryPolicy(retries=1, delay=0.05))
            (order,) = ana.gets((await asks(daemon, ana.begins("run-1", again, slots=1))).orders)
            await asks(daemon, ana.says(ana.reports(order, Outcome.FAILED, "ValueError"), slots=1))
            assert daemon.coordinator.machine.tasks["Clean_1"].state is State.FAILED
            (order,) = ana.gets((await daemon.poll("ana", ana.received, 20.0)).orders)
            assert (order.tasks, order.attempt) == (("Clean_1",), 2)

    asyncio.run(story())


def test_what_people_want() -> None:
    async def story() -> None:
        journal = Paper()
        async with serving(journal) as daemon:
            watched: list[Any] = []
            daemon.watchers.append(watched.extend)
            ana = await joined(daemon, "ana")
            await asks(daemon, ana.begins("run-1", spec("Clean_1"), slots=1))
            assert await daemon.command(do.Cancel(("Clean_1",)))
            await daemon.tell(Telling("ana", "slots", "2"))
            await daemon.attempt_log("run-1", "Clean_1", 1, "/logs/1")
            daemon.command_now(do.Pause())
            await daemon.settled()
            assert [order.verb for order in (await daemon.poll("ana", ana.received, 0.0)).orders][1:] == [
                "stop",
                "slots",
            ]
            with pytest.raises(CommandRejected):
                await daemon.command(do.Forgive("nobody"))
            assert [name for name, _ in watched][-1] == "attempt_log"
            await daemon.settled()
            assert [entry.kind for entry in journal.lines] == ["work", "work", "do", "tell", "log", "do", "do"]

    asyncio.run(story())


def test_what_is_no_request_is_refused_and_not_kept() -> None:
    async def story() -> None:
        journal = Paper()
        async with serving(journal) as daemon:
            with pytest.raises(ProtocolError, match="This is no request of a worker"):
                await daemon.work(b"{")
            with pytest.raises(WorkerGone):
                await asks(daemon, Talker("ana").says())
            assert journal.lines == []

    asyncio.run(story())


def test_a_snapshot_is_taken_when_the_journal_has_grown() -> None:
    async def story() -> None:
        journal = Paper()
        async with serving(journal, Scribe(), Terms(snapshot_bytes=2000), is_killed=True) as daemon:
            ana = await joined(daemon, "ana")
            await asks(daemon, ana.begins("run-1", *(spec(f"Clean_{number}") for number in range(50))))
            while journal.kept is None:
                await asyncio.sleep(0)
            assert journal.lines == []
            journal.is_full = True
            daemon._grown = 10**9
            await daemon._take_snapshot()
            assert journal.kept[0] == 2
        journal.is_full = False
        async with serving(journal) as daemon:
            assert len(daemon.coordinator.machine.tasks) == 50

    asyncio.run(story())
