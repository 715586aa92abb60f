"""Signals: once drains, twice stops."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from rumbo.worker.interrupts import Interrupts


class Listener:
    def __init__(self):
        self.calls = []

    def drain(self):
        self.calls.append("drain")

    def stop(self):
        self.calls.append("stop")


def send(number):
    os.kill(os.getpid(), number)


def test_ctrl_c_drains_and_then_stops():
    worker, told = Listener(), []
    with Interrupts(worker, runs_here=False, tell=told.append) as interrupts:
        send(signal.SIGINT)
        assert worker.calls == ["drain"]
        send(signal.SIGINT)
    assert worker.calls == ["drain", "stop"]
    assert interrupts.received == 2
    assert told == ["Finishing what runs, and nothing more; press Ctrl-C again to stop now.", "Stopping."]


def test_attempts_in_this_thread_are_interrupted_where_they_are():
    worker = Listener()
    with Interrupts(worker, runs_here=True, tell=lambda sentence: None), pytest.raises(KeyboardInterrupt):
        send(signal.SIGTERM)
    assert worker.calls == ["stop"]


def test_a_terminal_that_is_closed_stops_the_run():
    worker = Listener()
    with Interrupts(worker, runs_here=False, tell=lambda sentence: None):
        send(signal.SIGHUP)
    assert worker.calls == ["stop"]


def test_with_nohup_a_terminal_may_be_closed():
    worker = Listener()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts(worker, runs_here=False, tell=lambda sentence: None):
            send(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert worker.calls == []


def test_sigusr1_drains_and_asks_for_no_end():
    worker = Listener()
    with Interrupts(worker, runs_here=True, tell=lambda sentence: None) as interrupts:
        send(signal.SIGUSR1)
    assert (worker.calls, interrupts.received) == (["drain"], 0)


def test_afterwards_signals_mean_what_they_meant_before():
    before = signal.getsignal(signal.SIGINT)
    with Interrupts(Listener(), runs_here=True, tell=lambda sentence: None):
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_in_another_thread_signals_are_left_alone():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with Interrupts(Listener(), runs_here=True, tell=lambda sentence: None):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
