"""What the machine tells its shell: facts, in the past tense, each with the moment it happened."""

from __future__ import annotations

from typing import NamedTuple

from rumbo.scheduler.records import Outcome, State


class Assigned(NamedTuple):
    """A worker was given leave to make an attempt. Several tasks mean a batch: one attempt for all of them."""

    worker: str
    lease: int
    tasks: tuple[str, ...]
    attempt: int
    deadline: float | None
    at: float


class Resumed(NamedTuple):
    """A parked attempt may go on: what it asked for is done."""

    worker: str
    lease: int
    task: str
    at: float


class StateChanged(NamedTuple):
    """A task moved from one state to another."""

    task: str
    old: State
    new: State
    cause: str
    at: float


class AttemptEnded(NamedTuple):
    """One attempt came to its end. A batch gives one for each task in it."""

    task: str
    attempt: int
    lease: int
    worker: str
    outcome: Outcome
    message: str
    at: float
    seconds: float | None = None
    """How long it took by the worker's clock, if the worker said so."""
    outputs: str = ""
    """What it made, as the worker said it."""


class RetryPlanned(NamedTuple):
    """A failed task will be pending again at ``due``."""

    task: str
    failures: int
    due: float
    at: float
    promised: bool = True
    """The run that asked for the task waits for it."""


class Noted(NamedTuple):
    """A running task said something about itself: kind is ``message``, ``progress`` or ``tracking_url``."""

    task: str
    lease: int
    kind: str
    value: str
    at: float


class StopAsked(NamedTuple):
    """The worker must stop the attempt under this lease: somebody withdrew the task."""

    worker: str
    lease: int
    task: str
    at: float


class Refused(NamedTuple):
    """An assistant cannot build this task, and is given nothing of its module any more."""

    worker: str
    task: str
    module: str
    message: str
    at: float


class LateReport(NamedTuple):
    """A worker reported under a lease that is no longer its own. Nothing changed because of it."""

    worker: str
    lease: int
    outcome: Outcome
    at: float


class WorkerLost(NamedTuple):
    """A worker was silent for too long."""

    worker: str
    at: float


class TaskDisabled(NamedTuple):
    """A task failed too often. ``until`` is None when only a person can enable it."""

    task: str
    until: float | None
    at: float


class Forgotten(NamedTuple):
    """Nobody wants the task any more, and its record is gone."""

    task: str
    at: float


Effect = (
    Assigned
    | Resumed
    | StateChanged
    | AttemptEnded
    | RetryPlanned
    | Noted
    | StopAsked
    | Refused
    | LateReport
    | WorkerLost
    | TaskDisabled
    | Forgotten
)
