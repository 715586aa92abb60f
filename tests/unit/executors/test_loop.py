"""Asynchronous attempts in an event loop that turns only while its owner waits."""

from __future__ import annotations

import asyncio
import os

import pytest

from rumbo.executors.kinds import Limit
from rumbo.executors.loop import AttemptLoop
from rumbo.ports import Ended
from rumbo.scheduler.records import Outcome


async def ends(lease, after=0.0):
    await asyncio.sleep(after)
    return Ended(lease, Outcome.DONE)


async def waits_for_ever(log):
    try:
        await asyncio.Event().wait()
    finally:
        log.append("cleaned up")


@pytest.fixture
def loop():
    loop = AttemptLoop()
    yield loop
    loop.close()


def test_a_turn_ends_with_the_first_attempt_that_does(loop):
    loop.add(1, waits_for_ever([]))
    loop.add(2, ends(2))
    assert [ended.lease for ended in loop.turn(None)] == [2]
    assert loop.running == 1


def test_a_turn_ends_when_the_time_is_up(loop):
    loop.add(1, waits_for_ever([]))
    assert loop.turn(0.001) == []


def test_a_turn_ends_when_there_is_something_to_read(loop):
    loop.add(1, waits_for_ever([]))
    read, write = os.pipe()
    os.write(write, b"x")
    assert loop.turn(None, wake=read) == []
    os.close(read)
    os.close(write)


def test_a_cancelled_attempt_cleans_up_and_has_the_outcome_it_was_given(loop):
    log = []
    loop.add(1, waits_for_ever(log))
    loop.turn(0.0)
    loop.cancel(1, Outcome.CANCELLED)
    loop.cancel(9, Outcome.CANCELLED)
    assert loop.turn(None) == [Ended(1, Outcome.CANCELLED, "stopped on request")]
    assert log == ["cleaned up"]


def test_an_attempt_that_takes_too_long_is_cancelled(loop):
    loop.add(1, waits_for_ever([]), Limit(0.001, "Sleepy() was too slow."))
    assert loop.turn(None) == [Ended(1, Outcome.TIMED_OUT, "Sleepy() was too slow.")]


def test_an_attempt_that_ends_well_although_it_was_cancelled_is_done(loop):
    async def stubborn():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return Ended(1, Outcome.DONE)

    loop.add(1, stubborn())
    loop.turn(0.0)
    loop.cancel(1, Outcome.CANCELLED)
    assert loop.turn(None) == [Ended(1, Outcome.DONE)]


def test_an_interrupt_cancels_everything(loop):
    async def interrupted():
        raise KeyboardInterrupt

    log = []
    loop.add(1, waits_for_ever(log))
    loop.add(2, interrupted())
    loop.turn(None)
    while loop.running:
        loop.turn(0.01)
    assert log == ["cleaned up"]


def test_closing_cancels_what_is_left():
    log = []
    loop = AttemptLoop()
    loop.add(1, waits_for_ever(log))
    loop.turn(0.0)
    loop.close()
    assert log == ["cleaned up"]
