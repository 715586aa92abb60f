"""What the scheduler's records look like to people, and what holds for all of them."""

from __future__ import annotations

import pytest

from rumbo.scheduler import commands, effects
from rumbo.scheduler.records import Lease, State, TaskRecord, TaskSpec, WorkerRecord


def test_a_task_shows_where_it_stands():
    record = TaskRecord(TaskSpec("Clean_1"), 1, 0.0)
    record.missing = 2
    assert repr(record) == "<Clean_1 UNKNOWN missing=2>"


@pytest.mark.parametrize("record", [TaskRecord, Lease, WorkerRecord])
def test_records_have_no_dictionary(record):
    assert "__dict__" not in dir(record)


@pytest.mark.parametrize("union", [commands.Command, effects.Effect])
def test_every_command_and_effect_says_what_it_means(union):
    for member in union.__args__:
        assert member.__doc__
        assert not member.__doc__.startswith(member.__name__)


def test_every_command_has_a_handler():
    from rumbo.scheduler.machine import Machine

    assert set(Machine()._handlers) == set(commands.Command.__args__)


def test_every_effect_knows_its_moment():
    assert all("at" in member._fields for member in effects.Effect.__args__)


def test_states_are_integers_for_the_hot_paths():
    assert State.__hash__ is int.__hash__
