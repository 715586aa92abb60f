"""The stream of what happens: numbered, kept for a while, and honest about what is missing."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from rumbo.errors import StoreError
from rumbo.scheduler.effects import Assigned, AttemptEnded, Noted, RetryPlanned, StateChanged
from rumbo.scheduler.records import Outcome, State
from rumbo.web.feed import Feed
from rumbo.web.lookout import Lookout
from rumbo.web.pulse import LENGTH, Pulse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Daemon:
    """As much of one as those who watch need."""

    def __init__(self) -> None:
        self.started = 1.0
        self.is_stopping = False
        self.watchers: list[Any] = []
        self.coordinator = SimpleNamespace(machine=None)
        self.counters = SimpleNamespace(states=lambda _machine: {"pending": 4, "running": 2, "batched": 1})


def changed(task: str, at: float = 10.0) -> StateChanged:
    return StateChanged(task, State.PENDING, State.RUNNING, "given to a worker", at)


def happened(run: str, *effects: object) -> list[tuple[str, tuple[Any, ...]]]:
    return [("happened", (run, list(effects)))]


async def heard(stream: AsyncIterator[bytes], until: str) -> list[tuple[str, str, Any]]:
    """Kind, id and data of the events up to one in which a text appears."""
    found = []
    async for piece in stream:
        for block in piece.decode().split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if "event" in lines:
                found.append((lines["event"], lines.get("id", ""), json.loads(lines["data"])))
        if until in piece.decode():
            break
    return found


def test_everything_that_happens_is_told() -> None:
    async def story() -> list[tuple[str, str, Any]]:
        feed = Feed(Daemon())  # type: ignore[arg-type]
        stream = feed.listen()
        await anext(stream)
        info = SimpleNamespace(id="run-1", status="done")
        feed.hear([("run_started", (info,)), ("planned", ("run-1", [1, 2])), ("attempt_log", ("run-1", "A", 1, "x"))])
        feed.hear(happened("run-1", Assigned("ana", 7, ("A", "B"), 1, None, 10.0), changed("A")))
        feed.hear(happened("run-1", Noted("A", 7, "progress", "50", 11.0)))
        feed.hear(happened("run-1", AttemptEnded("A", 1, 7, "ana", Outcome.FAILED, "no", 12.0)))
        feed.hear(happened("run-1", RetryPlanned("A", 1, 42.0, 12.0)))
        feed.hear([("run_ended", (info,))])
        return await heard(stream, '"done"')

    told = asyncio.run(story())
    assert [(kind, id) for kind, id, _ in told] == [
        (kind, f"3e8-{number}")
        for number, kind in enumerate(
            ("run", "plan", "begin", "begin", "task", "note", "attempt", "retry", "run"), start=1
        )
    ]
    assert told[4][2] == {"run": "run-1", "task": "A", "old": "pending", "state": "running", "at": 10.0}
    assert told[5][2] == {"run": "run-1", "task": "A", "what": "progress", "value": "50"}
    assert told[7][2] == {"run": "run-1", "task": "A", "due": 42.0}


def test_who_was_cut_off_goes_on_where_it_was() -> None:
    async def story() -> list[tuple[str, str, Any]]:
        feed = Feed(Daemon())  # type: ignore[arg-type]
        for task in ("A", "B", "C"):
            feed.hear(happened("run-1", changed(task)))
        return await heard(feed.listen(last="3e8-1"), '"C"')

    assert [(id, data["task"]) for _, id, data in asyncio.run(story())] == [("3e8-2", "B"), ("3e8-3", "C")]


@pytest.mark.parametrize("last", ["3e8-99", "another-1", "nonsense", "3e8-x"])
def test_who_comes_from_another_life_of_the_server_is_told_that_something_is_missing(last: str) -> None:
    async def story() -> bytes:
        feed = Feed(Daemon())  # type: ignore[arg-type]
        stream = feed.listen(last=last)
        await anext(stream)
        return await anext(stream)

    assert asyncio.run(story()) == b"event: missed\ndata: {}\n\n"


def test_what_is_not_kept_any_more_is_missed() -> None:
    async def story() -> list[tuple[str, str, Any]]:
        feed = Feed(Daemon(), kept=2)  # type: ignore[arg-type]
        stream = feed.listen()
        await anext(stream)
        for task in ("A", "B", "C"):
            feed.hear(happened("run-1", changed(task)))
        return await heard(stream, "missed")

    told = asyncio.run(story())
    assert [kind for kind, _, _ in told] == ["task", "task", "missed"]
    assert [data.get("task") for _, _, data in told] == ["B", "C", None]


def test_one_run_alone_can_be_listened_to() -> None:
    async def story() -> list[tuple[str, str, Any]]:
        feed = Feed(Daemon())  # type: ignore[arg-type]
        stream = feed.listen("run-2")
        await anext(stream)
        feed.hear(happened("run-1", changed("A")))
        feed.hear(happened("run-2", changed("B")))
        return await heard(stream, '"B"')

    assert [data["task"] for _, _, data in asyncio.run(story())] == ["B"]


def test_listeners_are_let_go_when_the_server_stops() -> None:
    async def story() -> int:
        daemon = Daemon()
        feed = Feed(daemon)  # type: ignore[arg-type]
        stream = feed.listen()
        await anext(stream)
        waiting = asyncio.ensure_future(anext(stream, b"the end"))
        await asyncio.sleep(0)
        daemon.is_stopping = True
        feed.hear(())
        assert await asyncio.wait_for(waiting, 5) == b"the end"
        return feed.listeners

    assert asyncio.run(story()) == 0


def test_the_pulse_counts_by_stretches() -> None:
    pulse = Pulse(Daemon())  # type: ignore[arg-type]
    ended = [
        AttemptEnded("A", 1, 7, "ana", outcome, "", 100.0) for outcome in (Outcome.DONE, Outcome.DONE, Outcome.LOST)
    ]
    pulse.hear(happened("run-1", *ended, Noted("A", 7, "message", "x", 101.0)))
    pulse.hear([("planned", ("run-1", []))])
    pulse.hear(happened("run-1", AttemptEnded("A", 1, 7, "ana", Outcome.RELEASED, "", 100.0 + LENGTH)))
    assert [tuple(beat) for beat in pulse.beats(110.0)] == [(100.0, 2, 1, 4, 3), (100.0 + LENGTH, 0, 0, 4, 3)]
    assert pulse.beats(100_000.0) == []


class Elsewhere:
    """What others do, as a list of what each look finds."""

    def __init__(self, *finds: Any) -> None:
        self.finds = list(finds)
        self.looks = 0
        self.forgotten = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def look(self) -> Any:
        self.looks += 1
        found = self.finds.pop(0) if self.finds else []
        if isinstance(found, Exception):
            raise found
        return found

    def forget(self) -> None:
        self._loop.call_soon_threadsafe(self.forgotten.set)


def test_others_are_looked_at_only_while_somebody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rumbo.web.lookout._PAUSE", 0.001)

    async def story() -> None:
        elsewhere = Elsewhere(happened("run-1", changed("A")))
        feed = Feed(Daemon(), lookout=Lookout(elsewhere))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        assert elsewhere.looks == 0
        stream = feed.listen()
        ((kind, _, about),) = await heard(stream, "RUNNING".lower())
        assert (kind, about["run"], about["task"]) == ("task", "run-1", "A")
        await stream.aclose()  # type: ignore[attr-defined]
        await asyncio.wait_for(elsewhere.forgotten.wait(), 10)
        looks = elsewhere.looks
        await asyncio.sleep(0.01)
        assert elsewhere.looks == looks

    asyncio.run(story())


def test_trouble_with_others_is_told_once_and_ends_no_stream(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("rumbo.web.lookout._PAUSE", 0.001)
    monkeypatch.setattr("rumbo.web.lookout._LONG_PAUSE", 0.001)

    async def story() -> None:
        trouble = [StoreError("the disk is gone") for _ in range(3)]
        elsewhere = Elsewhere(*trouble, happened("run-1", changed("A")))
        feed = Feed(Daemon(), lookout=Lookout(elsewhere))  # type: ignore[arg-type]
        assert len(await heard(feed.listen(), "running")) == 1

    asyncio.run(story())
    assert [record.getMessage() for record in caplog.records if record.name == "rumbo.server"] == [
        "runs without the server cannot be followed: the disk is gone"
    ]
