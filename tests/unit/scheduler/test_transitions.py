"""Every change of state is in the table, and no other change is possible."""

from __future__ import annotations

import pytest

from rumbo.errors import CommandRejected
from rumbo.scheduler.machine import Machine, tell
from rumbo.scheduler.records import State, TaskSpec
from rumbo.scheduler.transitions import FINISHED, HELD, TABLE, Cause, InvalidTransition, diagram
from rumbo.testing.simulation import snapshot

IN_TABLE = [(old, cause, new) for cause, row in TABLE.items() for old, new in row.items()]
NOT_IN_TABLE = [(state, cause) for cause in Cause for state in State if state not in TABLE[cause]]


def machine_with_a_task_in(state: State):
    machine = Machine()
    task = machine.graph.meet(TaskSpec("Clean_1"), 5.0)
    task.state = state
    return machine, task


def test_every_pair_of_a_state_and_a_cause_is_walked():
    assert len(IN_TABLE) + len(NOT_IN_TABLE) == len(State) * len(Cause)


@pytest.mark.parametrize(("old", "cause", "new"), IN_TABLE, ids=lambda value: value.name)
def test_a_pair_in_the_table_is_followed_and_told(old, cause, new):
    machine, task = machine_with_a_task_in(old)
    machine._move(task, cause)
    assert task.state is new
    assert tell(task) == [f"+-5.000s {cause.value}"]
    (effect,) = machine._effects
    assert (effect.task, effect.old, effect.new, effect.cause) == ("Clean_1", old, new, cause)


@pytest.mark.parametrize(("state", "cause"), NOT_IN_TABLE, ids=lambda value: value.name)
def test_a_pair_that_is_missing_raises_and_changes_nothing(state, cause):
    machine, task = machine_with_a_task_in(state)
    before = snapshot(machine)
    with pytest.raises(InvalidTransition) as caught:
        machine._move(task, cause)
    assert (caught.value.task, caught.value.state, caught.value.cause) == ("Clean_1", state, cause)
    assert snapshot(machine) == before
    assert machine._effects == []


def test_an_invalid_transition_tells_the_task_s_story():
    machine, task = machine_with_a_task_in(State.UNKNOWN)
    machine._now = 6.5
    machine._move(task, Cause.DESCRIBED)
    machine._now = 7.25
    machine._move(task, Cause.ASSIGNED)
    with pytest.raises(CommandRejected) as caught:
        machine._move(task, Cause.ASSIGNED)
    assert str(caught.value) == (
        "Clean_1 is RUNNING and cannot change because it is 'given to a worker'. Its story:\n"
        "+1.500s described as missing\n"
        "+2.250s given to a worker"
    )


def test_no_cause_leaves_a_task_where_it_was():
    assert [(old, cause) for old, cause, new in IN_TABLE if old is new] == []


def test_every_state_can_be_reached_and_left():
    assert {new for _, _, new in IN_TABLE} == set(State)
    assert {old for old, _, _ in IN_TABLE} == set(State)


def test_every_cause_is_in_the_table():
    assert set(TABLE) == set(Cause)
    assert all(TABLE.values())


def test_states_are_held_or_finished_or_waiting():
    assert HELD | FINISHED | {State.PENDING, State.UNKNOWN} == set(State)
    assert not HELD & FINISHED


def test_a_worker_s_word_alone_brings_a_task_out_of_a_state_in_which_it_is_held():
    """Nobody else may: what runs is stopped by telling its worker, and ends when the lease ends."""
    ends_a_lease = {
        Cause.ASKED_FOR_MORE,
        Cause.RESUMED,
        Cause.SUCCEEDED,
        Cause.ATTEMPT_FAILED,
        Cause.TIMED_OUT,
        Cause.RELEASED,
        Cause.WORKER_LOST,
        Cause.LOST_TOO_OFTEN,
        Cause.STOPPED,
    }
    assert {cause for old, cause, _ in IN_TABLE if old in HELD} == ends_a_lease


def test_the_diagram_is_drawn_from_the_table():
    first, start, *arrows = diagram().splitlines()
    assert first == "stateDiagram-v2"
    assert start == "    [*] --> UNKNOWN: first heard of"
    drawn = {
        (old, new, cause)
        for old, _, rest in (arrow.split(maxsplit=2) for arrow in arrows)
        for new, words in [rest.split(": ", 1)]
        for cause in words.split(" / ")
    }
    assert drawn == {(old.name, new.name, cause.value) for old, cause, new in IN_TABLE}


def test_the_diagram_has_one_arrow_between_two_states():
    arrows = [line.split(":")[0] for line in diagram().splitlines()[1:]]
    assert len(arrows) == len(set(arrows))
    assert "    RUNNING --> FAILED: attempt failed / attempt took too long / its workers fell silent too often" in (
        diagram().splitlines()
    )
