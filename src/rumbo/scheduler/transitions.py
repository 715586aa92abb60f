"""The table of all changes of a task's state; nothing else assigns a state.

Two rules hold here. Everything that a change of state depends on is in this file: a state and a cause. And this file
does not know what follows from a change: counters, queues, leases and timers are the machine's business.

The life of a task in one breath: it is described (PENDING), given to a worker (RUNNING), perhaps waits there for what
its `run()` asked for (PARKED, then RUNNING again) or is done together with its siblings (BATCHED), and ends DONE or
FAILED. A failure may be followed by another attempt (PENDING again) or, when there were too many, by a rest (DISABLED).
People may withdraw a task (CANCELLED), and other tasks may need one that nobody has described (UNKNOWN).

A pair that is missing from the table is a mistake of the caller: the machine raises `InvalidTransition` and nothing has
changed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from rumbo.errors import CommandRejected
from rumbo.scheduler.records import State

if TYPE_CHECKING:
    from collections.abc import Sequence


class Cause(StrEnum):
    """Why a task changes its state. The words are those that people read in its story."""

    DESCRIBED = "described as missing"
    FOUND_COMPLETE = "found complete"
    FOUND_BROKEN = "its description is broken"
    SWITCHED_OFF = "switched off by its author"
    ASSIGNED = "given to a worker"
    GATHERED = "given to a worker in a batch"
    CLAIMED = "begun by a worker of its own accord"
    ASKED_FOR_MORE = "waits for what it asked for"
    RESUMED = "goes on, what it asked for is done"
    SUCCEEDED = "finished"
    ATTEMPT_FAILED = "attempt failed"
    TIMED_OUT = "attempt took too long"
    FAILED_TOO_OFTEN = "failed too often"
    RELEASED = "given back by its worker"
    WORKER_LOST = "its worker fell silent"
    LOST_TOO_OFTEN = "its workers fell silent too often"
    STOPPED = "stopped on request"
    WITHDRAWN = "withdrawn"
    RETRY_DUE = "due for another attempt"
    FORGIVEN = "forgiven"
    ENABLED = "enabled again"
    ENABLED_AS_FAILURE = "enabled again as a failure"
    MARKED_DONE = "marked as done by hand"


_PENDING, _RUNNING, _PARKED, _BATCHED = State.PENDING, State.RUNNING, State.PARKED, State.BATCHED
_DONE, _FAILED, _DISABLED = State.DONE, State.FAILED, State.DISABLED
_CANCELLED, _UNKNOWN = State.CANCELLED, State.UNKNOWN

HELD = frozenset((_RUNNING, _PARKED, _BATCHED))
"""States in which a worker holds the task under a lease."""

FINISHED = frozenset((_DONE, _FAILED, _DISABLED, _CANCELLED))
"""States that a task leaves only through a retry, a person, or a new run."""


def _from(states: Sequence[State], to: State) -> dict[State, State]:
    return dict.fromkeys(states, to)


_HELD = (_RUNNING, _PARKED, _BATCHED)

TABLE: dict[Cause, dict[State, State]] = {
    Cause.DESCRIBED: _from((_UNKNOWN, _DONE, _FAILED, _DISABLED, _CANCELLED), _PENDING),
    Cause.FOUND_COMPLETE: _from((_UNKNOWN, _PENDING, _FAILED, _DISABLED, _CANCELLED), _DONE),
    Cause.FOUND_BROKEN: _from((_PENDING, _DONE, _FAILED, _CANCELLED), _UNKNOWN),
    Cause.SWITCHED_OFF: _from((_UNKNOWN, _PENDING, _DONE, _FAILED, _CANCELLED), _DISABLED),
    Cause.ASSIGNED: {_PENDING: _RUNNING},
    Cause.GATHERED: {_PENDING: _BATCHED},
    Cause.CLAIMED: _from((_PENDING, _DONE, _FAILED, _DISABLED, _CANCELLED, _UNKNOWN), _RUNNING),
    Cause.ASKED_FOR_MORE: {_RUNNING: _PARKED},
    Cause.RESUMED: {_PARKED: _RUNNING},
    # Also from PARKED: when a report of parking comes twice, the second one parks an attempt that went on long ago.
    Cause.SUCCEEDED: _from(_HELD, _DONE),
    Cause.ATTEMPT_FAILED: _from(_HELD, _FAILED),
    Cause.TIMED_OUT: _from(_HELD, _FAILED),
    Cause.FAILED_TOO_OFTEN: {_FAILED: _DISABLED},
    Cause.RELEASED: _from(_HELD, _PENDING),
    Cause.WORKER_LOST: _from(_HELD, _PENDING),
    Cause.LOST_TOO_OFTEN: _from(_HELD, _FAILED),
    Cause.STOPPED: _from(_HELD, _CANCELLED),
    Cause.WITHDRAWN: _from((_PENDING, _FAILED, _DISABLED, _UNKNOWN), _CANCELLED),
    Cause.RETRY_DUE: {_FAILED: _PENDING},
    Cause.FORGIVEN: {_FAILED: _PENDING, _CANCELLED: _PENDING},
    Cause.ENABLED: {_DISABLED: _PENDING},
    Cause.ENABLED_AS_FAILURE: {_DISABLED: _FAILED},
    Cause.MARKED_DONE: _from((_PENDING, _FAILED, _DISABLED, _CANCELLED, _UNKNOWN), _DONE),
}


class InvalidTransition(CommandRejected):
    """A task cannot change in this way from the state it is in. Nothing has changed."""

    def __init__(self, task: str, state: State, cause: Cause, story: str) -> None:
        self.task = task
        self.state = state
        self.cause = cause
        super().__init__(f"{task} is {state.name} and cannot change because it is {cause.value!r}. Its story:\n{story}")


def diagram() -> str:
    """The table as a Mermaid state diagram, for the documentation."""
    causes: dict[tuple[State, State], list[str]] = {}
    for cause, row in TABLE.items():
        for old, new in row.items():
            causes.setdefault((old, new), []).append(cause.value)
    lines = ["stateDiagram-v2", "    [*] --> UNKNOWN: first heard of"]
    lines += [f"    {old.name} --> {new.name}: {' / '.join(words)}" for (old, new), words in sorted(causes.items())]
    return "\n".join(lines)
