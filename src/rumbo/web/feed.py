"""What happens on the server as a stream of numbered events, a stretch of which is kept for those who come back.

An event is numbered ``BEGINNING-NUMBER``: who was cut off says which one it heard last, and goes on from there. When
that lies too far back, or the server began anew, it is told that it missed something, and has to look for itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from rumbo.scheduler.effects import Assigned, AttemptEnded, Noted, RetryPlanned, StateChanged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from rumbo.server.daemon import Daemon
    from rumbo.web.lookout import Lookout

KEPT = 20_000
QUIET = 15.0
"""Seconds after which a line is sent though nothing happens, so that a broken connection is noticed."""
_PAUSE = 0.1
"""Seconds between two pieces of the stream: what happens in between travels together."""


class Event:
    """Something that happened in a run (or in none: an empty name).

    Attributes:
        what: the effect, or what else was told; put into words only when somebody listens, and then once.
        task: the task it happened to, where an effect is about several.
    """

    __slots__ = ("number", "run", "task", "what", "words")

    def __init__(self, number: int, run: str, what: Any, task: str = "") -> None:
        self.number = number
        self.run = run
        self.what = what
        self.task = task
        self.words = ""


class Planned(NamedTuple):
    """So many tasks were planned."""

    tasks: int


class Turned(NamedTuple):
    """A run has begun or ended."""

    status: str


class Feed:
    """Hears what has become certain, and tells all who listen."""

    def __init__(self, daemon: Daemon, kept: int = KEPT, lookout: Lookout | None = None) -> None:
        self._daemon = daemon
        self._lookout = lookout
        self._kept: deque[Event] = deque(maxlen=kept)
        self._number = 0
        self._listeners: set[asyncio.Event] = set()

    @property
    def beginning(self) -> str:
        """What the numbers of this server's events begin with: another one after each start."""
        return f"{int(self._daemon.started * 1000):x}"

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def hear(self, facts: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        """Take what has become certain."""
        before = self._number
        for name, arguments in facts:
            if name == "happened":
                self._take_effects(*arguments)
            elif name == "planned":
                run, nodes = arguments
                self._take(run, Planned(len(nodes)))
            elif name in ("run_started", "run_ended"):
                about = arguments[0]
                self._take(about.id, Turned(about.status if name == "run_ended" else "running"))
        if self._number != before or self._daemon.is_stopping:
            for listener in self._listeners:
                listener.set()

    def _take_effects(self, run: str, effects: Sequence[object]) -> None:
        number, keep = self._number, self._kept.append
        for effect in effects:
            kind = type(effect)
            if kind in _TOLD:
                number += 1
                keep(Event(number, run, effect))
            elif kind is Assigned:
                for task in effect.tasks:  # type: ignore[attr-defined]
                    number += 1
                    keep(Event(number, run, effect, task))
        self._number = number

    def _take(self, run: str, what: object) -> None:
        self._number += 1
        self._kept.append(Event(self._number, run, what))

    async def listen(self, run: str | None = None, last: str = "") -> AsyncIterator[bytes]:
        """What happens from now on, or after the event ``last``, of all runs or of one; as server-sent events."""
        number, has_missed = self._resume(last)
        yield f": listening\nid: {self.beginning}-{number}\n\n".encode()
        if has_missed:
            yield b"event: missed\ndata: {}\n\n"
        bell = asyncio.Event()
        self._listeners.add(bell)
        if self._lookout is not None:
            self._lookout.keep(self)
        try:
            while not self._daemon.is_stopping:
                events, has_missed = self._after(number)
                bell.clear()
                if events:
                    number = events[-1].number
                    piece = "".join(self._written(each) for each in events if run in (None, each.run))
                    if has_missed:
                        piece += f"event: missed\nid: {self.beginning}-{number}\ndata: {{}}\n\n"
                    if piece:
                        yield piece.encode()
                    await asyncio.sleep(_PAUSE)
                    continue
                try:
                    await asyncio.wait_for(bell.wait(), QUIET)
                except TimeoutError:
                    yield b": quiet\n\n"
        finally:
            with contextlib.suppress(KeyError):
                self._listeners.remove(bell)

    def _resume(self, last: str) -> tuple[int, bool]:
        """The number after which to go on, and whether something is missing in between."""
        beginning, _, text = last.partition("-")
        if not last:
            return self._number, False
        if beginning != self.beginning or not text.isdigit() or int(text) > self._number:
            return self._number, True
        return int(text), False

    def _after(self, number: int) -> tuple[list[Event], bool]:
        """The events after a number, and whether some of them are not kept any more."""
        many = min(self._number - number, len(self._kept))
        has_missed = self._number - number > many
        return list(islice(reversed(self._kept), many))[::-1], has_missed

    def _written(self, event: Event) -> str:
        if not event.words:
            kind, about = _in_words(event.what, event.task)
            data = json.dumps({"run": event.run, **about})
            event.words = f"event: {kind}\nid: {self.beginning}-{event.number}\ndata: {data}\n\n"
        return event.words


_TOLD = frozenset((StateChanged, AttemptEnded, Noted, RetryPlanned))


def _in_words(what: object, task: str) -> tuple[str, dict[str, Any]]:
    """The kind of an event, and what is told of it beside its run."""
    match what:
        case StateChanged():
            old, new = what.old.name.lower(), what.new.name.lower()
            return "task", {"task": what.task, "old": old, "state": new, "at": what.at}
        case AttemptEnded():
            return "attempt", {"task": what.task, "attempt": what.attempt, "outcome": what.outcome.name.lower()}
        case Assigned():
            return "begin", {"task": task, "attempt": what.attempt, "worker": what.worker, "at": what.at}
        case Noted():
            return "note", {"task": what.task, "what": what.kind, "value": what.value}
        case RetryPlanned():
            return "retry", {"task": what.task, "due": what.due}
        case Planned():
            return "plan", {"tasks": what.tasks}
        case Turned():
            return "run", {"status": what.status}
    raise TypeError(f"{what!r} is told to nobody")
