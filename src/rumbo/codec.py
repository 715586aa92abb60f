"""What travels between workers and the server, as records and as JSON.

A worker numbers its requests from 1 and sends one at a time, again and again until it is answered; the server carries
out each number once. The server numbers its orders per worker; each request says up to which the worker has received
them, and the reply repeats all later ones. So neither side loses anything when a connection breaks or a process dies,
and neither does anything twice.

Records are JSON arrays, their fields in the order written here. A field that is added goes to the end and has a
default, so that an older peer is understood; anything else is a new `PROTOCOL`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from rumbo.errors import ProtocolError
from rumbo.ports import Foreign, PlannedTask, RunEnded, RunInfo
from rumbo.scheduler.commands import Command, Report
from rumbo.scheduler.records import NO_RESOURCES, Outcome, TaskSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

PROTOCOL = 1
"""Both sides must speak the same."""


class WorkerInfo(NamedTuple):
    """Who a worker is, for people."""

    host: str
    user: str
    pid: int
    started: float
    slots: int
    version: str
    folder: str = ""


class Described(NamedTuple):
    """A task of a plan: what the scheduler must know of it, and what people want to know."""

    spec: TaskSpec
    verdict: str
    reason: str
    error: str = ""
    hidden: tuple[str, ...] = ()
    """Names of the parameters that are not shown to people."""
    owners: tuple[str, ...] = ()
    """Who is to hear of its failures, besides those who hear of all."""
    outputs: str = ""
    """As in `rumbo.ports.PlannedTask`."""


class Saying(msgspec.Struct, array_like=True, gc=False):
    """One of the things that a worker says in a request; they are taken in order."""


class Joining(Saying, tag="join"):
    """The worker introduces itself; always first."""

    protocol: int
    info: WorkerInfo
    pools: tuple[str, ...] = ("default",)
    assistant: bool = False
    capacity: Mapping[str, float] = NO_RESOURCES


class Beginning(Saying, tag="begin"):
    """A run begins, planned and watched by this worker."""

    run: RunInfo
    is_detached: bool = False
    """This worker only planned it: others do the work, and the scheduler says when it is over."""


class Describing(Saying, tag="describe"):
    """Tasks of a run."""

    run: str
    tasks: list[Described]
    is_certain: bool = False
    """What is said to be missing is known to be, however lately it was done."""


class Replanning(Saying, tag="replan"):
    """What a running task asked for is part of the plan now. For those who watch; the machine learns it by reports."""

    run: str
    nodes: list[PlannedTask]


class Reporting(Saying, tag="report"):
    """What became of attempts."""

    reports: list[Report]


class Noting(Saying, tag="note"):
    """What a running task says of itself."""

    lease: int
    kind: str
    value: str


class Shrinking(Saying, tag="shrink"):
    """A running task gives back part of what it holds."""

    lease: int
    amounts: Mapping[str, float]


class Refusing(Saying, tag="refuse"):
    """The worker cannot build the task that it was given."""

    lease: int
    message: str


class Ending(Saying, tag="end"):
    """A run is over."""

    ended: RunEnded


class Draining(Saying, tag="drain"):
    """The worker takes nothing new any more."""


class Leaving(Saying, tag="leave"):
    """The worker goes."""


Sayings = (
    Joining
    | Beginning
    | Describing
    | Replanning
    | Reporting
    | Noting
    | Shrinking
    | Refusing
    | Ending
    | Draining
    | Leaving
)


class WorkRequest(NamedTuple):
    """What a worker sends."""

    worker: str
    number: int
    """Of this request. One with a number that was carried out before is answered, and nothing else."""
    received: int
    """Number of the last order that arrived."""
    slots: int
    """How many attempts it could begin now."""
    said: list[Sayings]
    wants_outlook: bool = False


class Again(StrEnum):
    """What is to be made again though it is complete: its outputs are removed first."""

    NOTHING = "nothing"
    TASKS = "tasks"
    """The tasks that are asked for."""
    BELOW = "below"
    """They, and all that they need."""


class RunRequest(NamedTuple):
    """What a worker is asked to plan, and to hand over as a run if it shall."""

    tasks: list[Foreign]
    ids: list[str] = []
    """Of the first tasks, where they are known; a task that turns out to have another one is another task."""
    again: Again = Again.NOTHING
    is_preview: bool = False
    """Say what would happen, and change nothing."""
    asked_by: str = ""


class PlannedFamily(NamedTuple):
    """How many tasks of a family there are in a plan, by verdict."""

    family: str
    run: int = 0
    skip: int = 0
    wait: int = 0
    broken: int = 0


class PlannedOne(NamedTuple):
    """A task in a plan that is not left alone, and why."""

    task_id: str
    name: str
    verdict: str
    reason: str


class RunAnswer(NamedTuple):
    """What a worker says to a `RunRequest`."""

    refused: str = ""
    """Why this worker cannot do it, though another one might."""
    error: str = ""
    """Why it cannot be done."""
    run: str = ""
    """The run, if there is one."""
    families: list[PlannedFamily] = []
    tasks: list[PlannedOne] = []
    """The first of those that are not left alone."""
    removed: list[str] = []
    """The first of the outputs that go, or in a preview would go, before."""
    removed_count: int = 0
    kept: list[str] = []
    """Outputs that cannot be removed, or whose tasks could not be made again; so those stay complete."""


class WireOrder(NamedTuple):
    """What the server tells a worker to do."""

    number: int
    verb: str
    """``start``, ``resume``, ``stop``, ``message`` (to a running task), ``slots`` (run so many at a time), ``drain``
    or ``request`` (to plan something)."""
    lease: int = 0
    tasks: tuple[str, ...] = ()
    attempt: int = 1
    outcome: Outcome | None = None
    """With ``stop``: how the attempt has ended, if the scheduler has ended it already."""
    text: str = ""
    """With ``stop``: why. With ``message``: its content. With ``slots``: how many. With ``request``: a `RunRequest`."""
    foreign: tuple[Foreign, ...] = ()
    """Of each task, if the worker did not describe it."""
    run: str = ""
    """The run that wants the task, with ``start``."""
    message: str = ""
    """With ``message`` and ``request``: its id."""


class WireOutlook(NamedTuple):
    """`rumbo.ports.Outlook`, with what became of the tasks that others had."""

    retries_at: float | None
    elsewhere: int
    blocked: int
    done_elsewhere: tuple[str, ...] = ()
    """Tasks that this worker wants and that another one, or a person, has finished."""
    failed_elsewhere: Mapping[str, str] = {}
    """Likewise, those that failed for good, with the message."""
    withdrawn: tuple[str, ...] = ()
    """Likewise, those that somebody has cancelled."""
    believed: tuple[str, ...] = ()
    """Likewise, those that had been done just before they were described as missing."""


class WorkReply(NamedTuple):
    """What the server answers."""

    orders: list[WireOrder]
    room: int = 0
    """How many attempts more the server thinks that the worker could begin."""
    lease: float = 30.0
    """A worker that is silent for so many seconds is taken for lost."""
    outlook: WireOutlook | None = None


_encoder = msgspec.json.Encoder()
_requests = msgspec.json.Decoder(WorkRequest)
_replies = msgspec.json.Decoder(WorkReply)
_COMMANDS: dict[str, type[Any]] = {kind.__name__: kind for kind in Command.__args__}


def encode(record: object) -> bytes:
    """A record as JSON."""
    return _encoder.encode(record)


def decode(body: bytes, kind: type[Any], what: str) -> Any:
    """A record from JSON.

    Raises:
        ProtocolError: it is not a ``what``.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, ValueError) as error:
        raise ProtocolError(f"This is no {what}: {error}.") from error


def decode_request(body: bytes) -> WorkRequest:
    """What a worker sent. Raises `ProtocolError` as `decode` does."""
    try:
        return _requests.decode(body)
    except (msgspec.DecodeError, ValueError) as error:
        raise ProtocolError(f"This is no request of a worker: {error}.") from error


def decode_reply(body: bytes) -> WorkReply:
    """What the server answered. Raises `ProtocolError` as `decode` does."""
    try:
        return _replies.decode(body)
    except (msgspec.DecodeError, ValueError) as error:
        raise ProtocolError(f"This is no answer of a Rumbo scheduler: {error}.") from error


def encode_commands(given: Sequence[Command]) -> bytes:
    """Commands as JSON, each with its name."""
    return _encoder.encode([(type(command).__name__, command) for command in given])


def decode_commands(body: bytes) -> list[Command]:
    """Commands from JSON. Raises `ProtocolError` for one that is unknown or malformed."""
    try:
        pairs = msgspec.json.decode(body, type=list[tuple[str, msgspec.Raw]])
        return [msgspec.json.decode(raw, type=_COMMANDS[name]) for name, raw in pairs]
    except (msgspec.DecodeError, ValueError, KeyError) as error:
        raise ProtocolError(f"These are no commands: {error}.") from error
