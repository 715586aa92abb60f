"""Frames between processes: whole, in order, however the bytes arrive."""

from __future__ import annotations

import socket

import pytest

from rumbo.executors.channel import Channel


@pytest.fixture
def ends():
    first, second = socket.socketpair()
    channels = Channel(first), Channel(second)
    yield channels
    for channel in channels:
        channel.close()


def test_frames_arrive_whole_and_in_order(ends):
    here, there = ends
    here.send(("start", 1, {"a": "ñ"}, [None, 2.5]))
    here.send(("drop", 1))
    assert there.receive() == [("start", 1, {"a": "ñ"}, [None, 2.5]), ("drop", 1)]


def test_nothing_comes_within_the_time(ends):
    assert ends[0].receive(0.0) == []
    assert ends[0].is_open


def test_a_frame_in_pieces_is_put_together(ends):
    here, there = ends
    whole = Channel(here.socket)
    text = "x" * 300
    sent, taken = socket.socketpair()
    Channel(sent).send((text,))
    data = taken.recv(1000)
    for piece in (data[:2], data[2:50], data[50:]):
        whole.socket.sendall(piece)
        frames = there.receive(0.0)
    assert frames == [(text,)]
    sent.close()
    taken.close()


def test_the_end_of_the_other_side_is_noticed(ends):
    here, there = ends
    here.send(("last",))
    here.close()
    assert there.receive() == [("last",)]
    assert there.receive() == []
    assert not there.is_open
    assert there.send(("anybody?",)) in (True, False)
    assert not there.send(("anybody?",))
