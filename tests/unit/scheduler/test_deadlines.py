"""Timers as data."""

from __future__ import annotations

from rumbo.scheduler.deadlines import Deadlines, Due


def test_without_deadlines_there_is_nothing_to_wait_for():
    deadlines = Deadlines()
    assert deadlines.next() is None
    assert not deadlines.is_due(1e12)
    assert list(deadlines.take(1e12)) == []


def test_the_earliest_is_next():
    deadlines = Deadlines()
    for at in (30.0, 10.0, 20.0):
        deadlines.add(at, Due.RETRY, f"task-{at:.0f}")
    assert deadlines.next() == 10.0
    assert len(deadlines) == 3


def test_a_deadline_is_due_from_its_very_moment_on():
    deadlines = Deadlines()
    deadlines.add(10.0, Due.RETRY, "a")
    assert not deadlines.is_due(9.999)
    assert deadlines.is_due(10.0)


def test_what_is_due_is_taken_once_and_in_order():
    deadlines = Deadlines()
    deadlines.add(20.0, Due.FORGET, "late")
    deadlines.add(10.0, Due.RETRY, "b")
    deadlines.add(10.0, Due.WORKER, "c")
    deadlines.add(10.0, Due.RETRY, "a")
    assert list(deadlines.take(15.0)) == [(Due.WORKER, "c"), (Due.RETRY, "a"), (Due.RETRY, "b")]
    assert list(deadlines.take(15.0)) == []
    assert deadlines.next() == 20.0


def test_what_falls_due_while_others_are_taken_is_taken_as_well():
    deadlines = Deadlines()
    deadlines.add(1.0, Due.WORKER, "a")
    taken = []
    for kind, key in deadlines.take(10.0):
        taken.append(key)
        if key == "a":
            deadlines.add(2.0, kind, "b")
    assert taken == ["a", "b"]
