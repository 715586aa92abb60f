"""What can be asked of the machine, in the imperative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rumbo.scheduler.records import NO_RESOURCES, Outcome, TaskSpec


class Join(NamedTuple):
    """A worker introduces itself. Joining again changes what it says of itself here."""

    worker: str
    pools: tuple[str, ...] = ("default",)
    assistant: bool = False
    capacity: Mapping[str, float] = NO_RESOURCES
    """What it has of its own, such as processors: its attempts share that, and nobody else's do."""


class Register(NamedTuple):
    """A worker describes tasks that a run needs."""

    worker: str
    run: str
    specs: Sequence[TaskSpec]
    is_certain: bool = False
    """What is described as missing is so, also where it was done a moment ago."""


class Report(NamedTuple):
    """What became of the attempt under a lease. Part of `Exchange`."""

    lease: int
    outcome: Outcome
    message: str = ""
    """For people: an error with its traceback, or why the task was given back."""
    retryable: bool = True
    """False: the author said that this kind of error is not worth another attempt."""
    needs: tuple[str, ...] = ()
    """With PARKED: ids of the tasks it waits for, registered beforehand."""
    seconds: float | None = None
    """How long the attempt took, by the worker's clock; None: count from when it was given out."""
    outputs: str = ""
    """With DONE: what it made, in words that mean nothing here and are passed on."""


class Exchange(NamedTuple):
    """A worker hands in reports and asks for up to ``slots`` attempts; also a sign of life."""

    worker: str
    reports: Sequence[Report] = ()
    slots: int = 0
    claims: int | None = None
    """For so many tasks at most is kept what they lack; for as many as there are slots if None."""


class Claim(NamedTuple):
    """A worker has begun, or been found to have begun, a task that it was not given: it holds that one from now on.

    Whatever the task waits for and whoever comes first in line; its resources are taken even if there are none left.
    For workers that speak Luigi's dialect, which report on tasks rather than on attempts.
    """

    worker: str
    task: str


class Reserve(NamedTuple):
    """Keep for a worker what its next tasks need, as if it asked now for so many attempts and was told to wait.

    For workers that ask again and again and are not there in between. It replaces what was kept for the worker before.
    """

    worker: str
    slots: int
    """How many attempts it makes at a time, those that it makes already included."""


class Note(NamedTuple):
    """A running task says something about itself: ``message``, ``progress`` or ``tracking_url``."""

    worker: str
    lease: int
    kind: str
    value: str


class ShrinkResources(NamedTuple):
    """A running task gives back part of the resources it holds."""

    worker: str
    lease: int
    amounts: Mapping[str, float]


class Beat(NamedTuple):
    """A sign of life between exchanges."""

    worker: str


class Refuse(NamedTuple):
    """An assistant cannot build the task under a lease, because its copy of the module is missing or is another one.

    The task goes back in line for others, and the assistant gets nothing of that module until it joins again.
    """

    worker: str
    lease: int
    message: str


class Lose(NamedTuple):
    """A worker was silent for too long, as its shell has observed; a policy with a lease notices that by itself."""

    worker: str
    message: str = "its worker fell silent"


class Leave(NamedTuple):
    """A worker goes. What it holds is given back, what only it wanted is forgotten in time."""

    worker: str


class DisableWorker(NamedTuple):
    """Give this worker nothing more. What it runs may finish."""

    worker: str


class Cancel(NamedTuple):
    """Withdraw tasks; those that run are told to stop."""

    tasks: tuple[str, ...]


class CancelRun(NamedTuple):
    """Withdraw every unfinished task that this run asked for last."""

    run: str


class Forgive(NamedTuple):
    """Let a failed or cancelled task be tried again, its count of failures cleared."""

    task: str


class Enable(NamedTuple):
    """Let a task that was disabled by failures be tried again."""

    task: str


class MarkDone(NamedTuple):
    """Hold a task for complete because a person says so. A running attempt is told to stop."""

    task: str


class Pause(NamedTuple):
    """Give out nothing new. What runs goes on."""


class Unpause(NamedTuple):
    """Give out work again."""


class SetCapacity(NamedTuple):
    """Change how much there is of a resource."""

    resource: str
    amount: float


class Tick(NamedTuple):
    """Time has come to look at the deadlines."""


Command = (
    Join
    | Register
    | Exchange
    | Claim
    | Reserve
    | Note
    | ShrinkResources
    | Beat
    | Refuse
    | Lose
    | Leave
    | DisableWorker
    | Cancel
    | CancelRun
    | Forgive
    | Enable
    | MarkDone
    | Pause
    | Unpause
    | SetCapacity
    | Tick
)
