"""The pulse of a server: how many attempts ended, and how much was under way, in each stretch of the last hour."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from rumbo.scheduler.effects import AttemptEnded
from rumbo.scheduler.records import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.server.daemon import Daemon

LENGTH = 20.0
"""Seconds of a stretch."""
MOST = 180
"""Stretches that are kept: an hour."""
_BAD = frozenset((Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST))


class Beat(NamedTuple):
    """One stretch, from ``at``; queue and running as they were when something happened last in it."""

    at: float
    done: int
    failed: int
    waiting: int
    running: int


class Pulse:
    """Counts as things happen; a stretch in which nothing did is not kept."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._beats: deque[Beat] = deque(maxlen=MOST)

    def hear(self, facts: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        """Take what has become certain."""
        at, done, failed = 0.0, 0, 0
        for name, arguments in facts:
            if name != "happened":
                continue
            for effect in arguments[1]:
                at = max(at, effect.at)
                if isinstance(effect, AttemptEnded):
                    done += effect.outcome is Outcome.DONE
                    failed += effect.outcome in _BAD
        if not at:
            return
        at -= at % LENGTH
        if self._beats and self._beats[-1].at >= at:
            beat = self._beats.pop()
        else:
            beat = Beat(at, 0, 0, 0, 0)
        states = self._daemon.counters.states(self._daemon.coordinator.machine)
        running = states.get("running", 0) + states.get("batched", 0)
        self._beats.append(
            beat._replace(
                done=beat.done + done,
                failed=beat.failed + failed,
                waiting=states.get("pending", 0),
                running=running,
            )
        )

    def beats(self, now: float) -> list[Beat]:
        """The stretches of the last hour in which something happened, the oldest first."""
        return [beat for beat in self._beats if beat.at > now - MOST * LENGTH]
