"""What a server makes of what workers say, without time and without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rumbo import codec
from rumbo.errors import CommandRejected, ProtocolError, WorkerGone
from rumbo.ports import Entry
from rumbo.scheduler import commands as do
from rumbo.scheduler.effects import AttemptEnded, Noted
from rumbo.scheduler.machine import Policy
from rumbo.scheduler.records import Outcome, State
from rumbo.server.coordinator import Coordinator, Telling
from rumbo.server.facts import Facts
from server_talk import NOBODY, Talker, run_info, spec

if TYPE_CHECKING:
    from rumbo.codec import WireOrder
    from rumbo.scheduler.records import TaskSpec

POLICY = Policy(None, forget_after=600.0, max_losses=3)


class Desk:
    """A coordinator, and the time that passes at it."""

    def __init__(self) -> None:
        self.coordinator = Coordinator(POLICY, {"database": 1})
        self.facts = Facts()
        self.coordinator.observers = [self.facts]
        self.now = 1000.0

    def hears(self, talker: Talker, request: codec.WorkRequest) -> list[WireOrder]:
        """Carry out a request; gives the orders that are new to the worker."""
        self.now += 1.0
        return talker.gets(list(self.coordinator.work(request, self.now).outbox))

    def orders_for(self, talker: Talker) -> list[WireOrder]:
        """What waits for a worker."""
        return talker.gets(list(self.coordinator.seats[talker.name].outbox))

    def obeys(self, *commands: do.Command) -> None:
        """A person's commands."""
        self.now += 1.0
        self.coordinator.obey(commands, self.now)

    def state(self, task: str) -> State:
        """Where a task stands."""
        return self.coordinator.machine.tasks[task].state

    def told(self) -> list[str]:
        """The names of the facts since the last time."""
        return [name for name, _ in self.facts.take()]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_run_from_joining_to_leaving(desk: Desk) -> None:
    ana = Talker("ana")
    assert desk.hears(ana, ana.joins()) == []
    (order,) = desk.hears(ana, ana.begins("run-1", spec("Clean_1"), spec("Report_1", "Clean_1"), slots=2))
    assert (order.verb, order.tasks, order.attempt, order.foreign, order.run) == ("start", ("Clean_1",), 1, (), "run-1")
    (order,) = desk.hears(ana, ana.says(ana.reports(order), slots=1))
    assert order.tasks == ("Report_1",)
    assert desk.hears(ana, ana.says(ana.reports(order), ana.ends("run-1"), codec.Leaving())) == []
    assert (desk.state("Report_1"), desk.coordinator.seats, desk.coordinator.runs) == (State.DONE, {}, {})
    told = desk.told()
    assert (told[0], told[-1]) == ("run_started", "run_ended")


def test_a_request_that_comes_twice_is_carried_out_once(desk: Desk) -> None:
    ana = Talker("ana")
    desk.hears(ana, ana.joins())
    request = ana.begins("run-1", spec("Clean_1"), slots=1)
    first = list(desk.coordinator.work(request, 1.0).outbox)
    again = list(desk.coordinator.work(request, 2.0).outbox)
    assert first == again
    assert len(first) == 1
    assert not desk.coordinator.is_news(request)


def test_orders_are_repeated_until_they_are_known_to_have_arrived(desk: Desk) -> None:
    ana = Talker("ana")
    desk.hears(ana, ana.joins())
    request = ana.begins("run-1", spec("Clean_1"), spec("Clean_2"), slots=2)
    assert len(desk.coordinator.work(request, 1.0).outbox) == 2
    ana.received = 1
    assert [order.number for order in desk.coordinator.work(ana.says(), 2.0).outbox] == [2]


def test_who_is_not_known_must_join(desk: Desk) -> None:
    ana = Talker("ana")
    with pytest.raises(WorkerGone, match="ana"):
        desk.coordinator.work(ana.says(), 1.0)
    with pytest.raises(WorkerGone):
        desk.coordinator.work(ana.says(codec.Draining()), 1.0)


def test_a_worker_with_another_protocol_is_told_what_to_do(desk: Desk) -> None:
    ana = Talker("ana")
    with pytest.raises(ProtocolError) as caught:
        desk.coordinator.work(ana.says(codec.Joining(99, NOBODY)), 1.0)
    assert str(caught.value) == (
        "The worker speaks version 99 of the protocol and this server version 1: install the same Rumbo on both sides."
    )


def test_two_runs_share_a_task(desk: Desk) -> None:
    ana, ben = Talker("ana"), Talker("ben")
    desk.hears(ana, ana.joins())
    desk.hears(ben, ben.joins())
    (order,) = desk.hears(ana, ana.begins("run-1", spec("Clean_1"), slots=1))
    assert desk.hears(ben, ben.begins("run-2", spec("Clean_1"), spec("Report_1", "Clean_1"), slots=1)) == []
    desk.hears(ana, ana.says(ana.reports(order)))
    assert desk.coordinator.outlook("ben").done_elsewhere == ("Clean_1",)
    (order,) = desk.hears(ben, ben.says(slots=1))
    assert order.tasks == ("Report_1",)
    changed = [run for name, (run, *_) in desk.facts.take() if name == "happened"]
    assert {"run-1", "run-2"} == set(changed)


def test_an_assistant_gets_what_it_needs_to_build_a_task(desk: Desk) -> None:
    ana, agent = Talker("ana"), Talker("agent")
    desk.hears(ana, ana.joins())
    desk.hears(ana, ana.begins("run-1", spec("Clean_1")))
    (order,) = desk.hears(agent, agent.joins(slots=1, assistant=True))
    (foreign,) = order.foreign
    assert (foreign.module, foreign.family, foreign.params) == ("flights", "Clean", {"name": "Clean_1"})
    assert order.run == "run-1"


def test_a_refused_task_goes_to_others(desk: Desk) -> None:
    ana, agent, other = Talker("ana"), Talker("agent"), Talker("other")
    desk.hears(ana, ana.joins())
    desk.hears(ana, ana.begins("run-1", spec("Clean_1")))
    (order,) = desk.hears(agent, agent.joins(slots=1, assistant=True))
    assert desk.hears(agent, agent.says(codec.Refusing(order.lease, "No module named 'flights'"), slots=1)) == []
    (order,) = desk.hears(other, other.joins(slots=1, assistant=True))
    assert order.tasks == ("Clean_1",)


def test_a_lost_worker_hands_its_task_on_and_its_late_report_changes_nothing(desk: Desk) -> None:
    ana, ben = Talker("ana"), Talker("ben")
    desk.hears(ana, ana.joins())
    desk.hears(ben, ben.joins())
    (order,) = desk.hears(ana, ana.begins("run-1", spec("Clean_1"), slots=1))
    desk.hears(ben, ben.begins("run-2", spec("Clean_1")))
    desk.obeys(do.Lose("ana"))
    with pytest.raises(WorkerGone):
        desk.coordinator.work(ana.says(ana.reports(order)), desk.now)
    (second,) = desk.hears(ben, ben.says(slots=1))
    assert (second.tasks, second.attempt) == (("Clean_1",), 2)
    assert second.lease > order.lease


def test_a_cancelled_task_is_stopped_at_its_worker(desk: Desk) -> None:
    ana = Talker("ana")
    desk.hears(ana, ana.joins())
    (order,) = desk.hears(ana, ana.begins("run-1", spec("Clean_1"), slots=1))
    desk.obeys(do.Cancel(("Clean_1",)))
    (stop,) = desk.orders_for(ana)
    assert (stop.verb, stop.lease) == ("stop", order.lease)


def test_a_parked_attempt_goes_on_where_it_was(desk: Desk) -> None:
    ana = Talker("ana")
    desk.hears(ana, ana.joins())
    (order,) = desk.hears(ana, ana.begins("run-1", spec("Report_1"), slots=1))
    asked = codec.Describing("run-1", [codec.Described(spec("Clean_1"), "run", "asked for")])
    parked = ana.reports(order, Outcome.PARKED, needs=("Clean_1",))
    (clean,) = desk.hears(ana, ana.says(asked, parked, slots=1))
    (resume,) = desk.hears(ana, ana.says(ana.reports(clean), slots=1))
    assert (resume.verb, resume.lease) == ("resume", order.lease)


def test_what_a_task_says_and_gives_back(desk: Desk) -> None:
    ana = Talker("ana")
    desk.hears(ana, ana.joins())
    busy = spec("Load_1", resources={"database": 1})
    (order,) = desk.hears(ana, ana.begins("run-1", busy, spec("Load_2", resources={"database": 1}), slots=1))
    note = codec.Noting(order.lease, "message", "half way")
    (other,) = desk.hears(ana, ana.says(note, codec.Shrinking(order.lease, {"database": 1}), slots=1))
    assert other.tasks == ("Load_2",)
    noted = [each for _, (_, effects) in desk.facts.take()[2:] for each in effects if isinstance(each, Noted)]
    assert [(each.task, each.value) for each in noted] == [("Load_1", "half way")]


def test_a_message_to_a_task_and_its_answer(desk: Desk) -> None:
    ana = Talker("ana")
    desk.hears(ana, ana.joins())
    (order,) = desk.hears(ana, ana.begins("run-1", spec("Train_1"), slots=1))
    desk.coordinator.tell(Telling("", "message", "slower", "Train_1", "m-1"), 1.0)
    (message,) = desk.orders_for(ana)
    assert (message.verb, message.lease, message.text, message.message) == ("message", order.lease, "slower", "m-1")
    reply = codec.encode(("m-1", "as you like")).decode()
    desk.hears(ana, ana.says(codec.Noting(order.lease, "reply", reply)))
    assert desk.coordinator.replies == {"m-1": "as you like"}


def test_who_looks_for_no_messages_is_sent_none(desk: Desk) -> None:
    ana = Talker("ana")
    desk.hears(ana, ana.joins())
    desk.hears(ana, ana.begins("run-1", spec("Train_1", accepts_messages=False), slots=1))
    with pytest.raises(CommandRejected) as refused:
        desk.coordinator.tell(Telling("", "message", "slower", "Train_1", "m-1"), 1.0)
    assert str(refused.value) == (
        "Train_1 looks for no messages: give Train the attribute `accepts_messages = True`, and let its run() read "
        "`self.scheduler_messages`."
    )
    assert desk.orders_for(ana) == []


def test_nobody_can_be_told_who_is_not_there(desk: Desk) -> None:
    with pytest.raises(CommandRejected, match="Train_1 is not running"):
        desk.coordinator.tell(Telling("", "message", "slower", "Train_1"), 1.0)
    with pytest.raises(CommandRejected, match="no worker 'ana' connected"):
        desk.coordinator.tell(Telling("ana", "drain"), 1.0)


def test_who_drains_gets_nothing_more(desk: Desk) -> None:
    ana, ben = Talker("ana"), Talker("ben")
    desk.hears(ana, ana.joins())
    desk.hears(ben, ben.joins())
    desk.coordinator.tell(Telling("ana", "drain"), 1.0)
    (order,) = desk.orders_for(ana)
    assert order.verb == "drain"
    assert desk.hears(ana, ana.begins("run-1", spec("Clean_1"), slots=1)) == []
    assert desk.hears(ben, ben.says(codec.Draining())) == []
    assert desk.hears(ben, ben.begins("run-2", spec("Clean_1"), slots=1)) == []


def test_hidden_parameters_are_not_told_to_those_who_watch(desk: Desk) -> None:
    ana = Talker("ana")
    desk.hears(ana, ana.joins())
    desk.hears(
        ana, ana.begins("run-1", spec("Load_1", params={"day": "1", "password": "secret"}), hidden=("password",))
    )
    (nodes,) = [arguments[1] for name, arguments in desk.facts.take() if name == "planned"]
    assert [node.params for node in nodes] == [{"day": "1"}]


def test_what_tasks_made_and_what_was_there_is_told_to_those_who_watch(desk: Desk) -> None:
    ana = Talker("ana")
    desk.hears(ana, ana.joins())
    raw = codec.Described(spec("Raw_1", state=State.DONE), "skip", "complete", outputs="[raw]")
    clean = codec.Described(spec("Clean_1", "Raw_1"), "run", "missing")
    begins = codec.Beginning(run_info("run-1", "Clean_1"))
    (order,) = desk.hears(ana, ana.says(begins, codec.Describing("run-1", [raw, clean]), slots=1))
    desk.hears(ana, ana.says(ana.reports(order, outputs="[clean]")))

    facts = desk.facts.take()

    (nodes,) = [arguments[1] for name, arguments in facts if name == "planned"]
    assert [node.outputs for node in nodes] == ["[raw]", ""]
    effects = [effect for name, arguments in facts if name == "happened" for effect in arguments[1]]
    assert [effect.outputs for effect in effects if isinstance(effect, AttemptEnded)] == ["[clean]"]


def test_an_attempt_that_was_replanned_is_told(desk: Desk) -> None:
    ana = Talker("ana")
    desk.hears(ana, ana.joins())
    desk.hears(ana, ana.begins("run-1", spec("Clean_1")))
    desk.told()
    desk.hears(ana, ana.says(codec.Replanning("run-1", [])))
    desk.coordinator.attempt_log("run-1", "Clean_1", 1, "/logs/1")
    desk.coordinator.attempt_log("run-9", "Clean_1", 1, "/logs/1")
    assert desk.told() == ["planned", "attempt_log"]


# Runs whose worker is gone ------------------------------------------------------------------------------------------


def test_a_run_is_closed_when_its_worker_left_and_nobody_does_anything_for_it(desk: Desk) -> None:
    ana = Talker("ana")
    desk.hears(ana, ana.joins())
    desk.hears(ana, ana.begins("run-1", spec("Clean_1")))
    desk.hears(ana, ana.says(codec.Leaving()))
    assert desk.coordinator.abandoned_runs(desk.now) == ["run-1"]
    desk.facts.take()
    desk.coordinator.close_run("run-1", desk.now)
    desk.coordinator.close_run("run-1", desk.now)
    ((_, (ended,)),) = desk.facts.take()
    assert (ended.status, ended.summary) == ("crashed", "Worker ana went away before its run was over.")
    assert ended.counts == {"pending": 1}


def test_a_run_that_others_finish_is_done(desk: Desk) -> None:
    ana, agent = Talker("ana"), Talker("agent")
    desk.hears(ana, ana.joins())
    desk.hears(ana, ana.begins("run-1", spec("Clean_1")))
    (order,) = desk.hears(agent, agent.joins(slots=1, assistant=True))
    desk.obeys(do.Lose("ana"))
    assert desk.coordinator.abandoned_runs(desk.now + 1000) == []
    desk.hears(agent, agent.says(agent.reports(order)))
    desk.facts.take()
    assert desk.coordinator.abandoned_runs(desk.now + 1000) == ["run-1"]
    desk.coordinator.close_run("run-1", desk.now)
    ((_, (ended,)),) = desk.facts.take()
    assert (ended.status, ended.counts) == ("done", {"done": 1})


def test_what_an_assistant_could_do_keeps_a_run_open(desk: Desk) -> None:
    ana, agent = Talker("ana"), Talker("agent")
    desk.hears(ana, ana.joins())
    desk.hears(agent, agent.joins(assistant=True))
    desk.hears(ana, ana.begins("run-1", spec("Clean_1")))
    desk.obeys(do.Lose("ana"))
    assert desk.coordinator.abandoned_runs(desk.now + 1000) == []


def test_a_worker_that_was_lost_takes_its_run_up_again(desk: Desk) -> None:
    ana, again = Talker("ana"), Talker("ana~2")
    desk.hears(ana, ana.joins())
    (order,) = desk.hears(ana, ana.begins("run-1", spec("Clean_1"), slots=1))
    desk.obeys(do.Lose("ana"))
    assert desk.coordinator.abandoned_runs(desk.now - 60) == []
    desk.hears(again, again.joins())
    (second,) = desk.hears(again, again.begins("run-1", spec("Clean_1"), slots=1))
    assert (second.tasks, second.attempt) == (order.tasks, 2)
    assert desk.coordinator.runs["run-1"].worker == "ana~2"
    assert desk.coordinator.abandoned_runs(desk.now + 1000) == []


# Runs that nobody watches -------------------------------------------------------------------------------------------


def detached(talker: Talker, run: str, *specs: TaskSpec) -> codec.WorkRequest:
    """A worker plans a run, and goes."""
    tasks = [codec.Described(each, "run", "its output is missing") for each in specs]
    info = run_info(run, specs[-1].id)
    return talker.joins(codec.Beginning(info, is_detached=True), codec.Describing(run, tasks), codec.Leaving())


def test_a_detached_run_is_done_by_whoever_comes(desk: Desk) -> None:
    ana, agent = Talker("ana"), Talker("agent")
    desk.hears(ana, detached(ana, "run-1", spec("Load_1"), spec("Clean_1", "Load_1")))
    assert desk.coordinator.seats == {}
    assert desk.coordinator.abandoned_runs(desk.now + 1_000_000) == []  # nobody is here who could do it, but may come
    (load,) = desk.hears(agent, agent.joins(slots=1, assistant=True))
    assert desk.coordinator.settled_runs() == []
    (clean,) = desk.hears(agent, agent.says(agent.reports(load), slots=1))
    desk.hears(agent, agent.says(agent.reports(clean)))
    assert desk.coordinator.settled_runs() == ["run-1"]
    assert desk.coordinator.settled_runs() == []
    desk.facts.take()
    desk.coordinator.close_run("run-1", desk.now)
    (ended,) = [about for name, (about, *_) in desk.facts.take() if name == "run_ended"]
    assert (ended.status, ended.summary) == ("done", "Workers have finished it.")
    assert ended.counts == {"done": 2}
    assert list(desk.coordinator.machine.workers) == ["agent"]


def test_a_detached_run_of_which_all_is_complete_is_over_at_once(desk: Desk) -> None:
    ana = Talker("ana")
    desk.hears(ana, detached(ana, "run-1", spec("Clean_1", state=State.DONE)))
    assert desk.coordinator.settled_runs() == ["run-1"]


@pytest.mark.parametrize(
    ("command", "outcome", "status", "summary"),
    [
        (None, Outcome.FAILED, "failed", "1 task failed."),
        (do.CancelRun("run-1"), Outcome.CANCELLED, "cancelled", "It was cancelled."),
    ],
)
def test_a_detached_run_that_cannot_go_on_is_over(
    desk: Desk, command: do.Command | None, outcome: Outcome, status: str, summary: str
) -> None:
    ana, agent = Talker("ana"), Talker("agent")
    desk.hears(ana, detached(ana, "run-1", spec("Load_1"), spec("Clean_1", "Load_1")))
    (load,) = desk.hears(agent, agent.joins(slots=1, assistant=True))
    if command is not None:
        desk.obeys(command)
    assert desk.coordinator.abandoned_runs(desk.now) == []  # it is being stopped
    desk.hears(agent, agent.says(agent.reports(load, outcome, "no", retryable=False)))
    assert desk.coordinator.abandoned_runs(desk.now) == ["run-1"]
    desk.facts.take()
    desk.coordinator.close_run("run-1", desk.now)
    (ended,) = [about for name, (about, *_) in desk.facts.take() if name == "run_ended"]
    assert (ended.status, ended.summary) == (status, summary)


def test_a_detached_run_goes_on_though_another_wants_the_same(desk: Desk) -> None:
    ana, ben, agent = Talker("ana"), Talker("ben"), Talker("agent")
    desk.hears(ana, detached(ana, "run-1", spec("Clean_1")))
    desk.hears(ben, ben.joins())
    desk.hears(ben, ben.begins("run-2", spec("Clean_1")))
    desk.hears(ben, ben.says(codec.Leaving()))
    assert desk.coordinator.abandoned_runs(desk.now) == ["run-2"]
    (order,) = desk.hears(agent, agent.joins(slots=1, assistant=True))
    assert [each.family for each in order.foreign] == ["Clean"]


def test_a_detached_run_survives_a_snapshot(desk: Desk) -> None:
    ana, agent = Talker("ana"), Talker("agent")
    desk.hears(ana, detached(ana, "run-1", spec("Clean_1")))
    other = Desk()
    other.coordinator.restore(desk.coordinator.save())
    other.now = desk.now
    assert other.coordinator.is_detached("run-1")
    (order,) = other.hears(agent, agent.joins(slots=1, assistant=True))
    other.hears(agent, agent.says(agent.reports(order)))
    assert other.coordinator.settled_runs() == ["run-1"]


# Doing it all once more ---------------------------------------------------------------------------------------------


def test_the_same_entries_make_the_same_coordinator() -> None:
    ana = Talker("ana")
    requests = [
        ana.joins(),
        ana.begins("run-1", spec("Clean_1"), spec("Clean_2"), slots=1),
        ana.says(codec.Noting(1, "message", "half way"), slots=1),
        ana.says(ana.reports(codec.WireOrder(1, "start", 1, ("Clean_1",))), slots=1),
    ]
    entries = [Entry(n, 1000.0 + n, "work", codec.encode(request), 0) for n, request in enumerate(requests, 1)]
    entries += [
        Entry(5, 1005.0, "do", codec.encode_commands([do.Pause()]), 0),
        Entry(6, 1006.0, "tell", codec.encode(Telling("ana", "slots", "3")), 0),
        Entry(7, 1007.0, "tell", codec.encode(Telling("ben", "drain")), 0),
        Entry(8, 1008.0, "log", codec.encode(("run-1", "Clean_1", 1, "/logs/1")), 0),
        Entry(9, 1009.0, "close", codec.encode("run-9"), 0),
    ]
    first, second = Coordinator(POLICY, {}), Coordinator(POLICY, {})
    for entry in entries:
        first.carry_out(entry)
        second.carry_out(entry)
    assert first.save() == second.save()
    restored = Coordinator(POLICY, {})
    restored.restore(first.save())
    assert restored.save() == first.save()
    assert restored.machine.paused
    assert restored.runs["run-1"].info == run_info("run-1", "Clean_2")


def test_a_snapshot_in_another_form_is_not_taken_for_one() -> None:
    with pytest.raises(ProtocolError, match="This is no snapshot of a server"):
        Coordinator(POLICY, {}).restore(b"{}")
