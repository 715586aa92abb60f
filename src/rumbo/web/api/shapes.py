"""What the API answers and takes, as its schema says it. Times are seconds since the epoch, durations seconds."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


class Shape(BaseModel):
    """What all shapes have in common."""

    model_config = ConfigDict(from_attributes=True, extra="forbid")


class Listing(Shape, Generic[T]):
    """A page of a list. ``next`` is what to give as ``after`` for the following page; null: there is none."""

    rows: list[T]
    next: str | None = None


class Run(Shape):
    """One request to build some roots."""

    id: str
    status: str
    roots: list[str]
    command: str
    host: str
    user: str
    pid: int
    folder: str
    workers: int
    started: float
    ended: float | None
    summary: str
    counts: dict[str, int]
    """Tasks by state; while it runs, as it is at this moment."""


class RunTask(Shape):
    """A task as one run saw it, with its last attempt there (number 0: none)."""

    task_id: str
    position: int
    family: str
    module: str
    params: dict[str, str]
    state: str
    verdict: str
    reason: str
    dependencies: list[int]
    error: str
    priority: float
    is_dynamic: bool
    due: float | None
    attempt: int
    outcome: str
    started: float | None
    seconds: float | None
    status: str
    progress: float | None
    tracking_url: str


class Attempt(Shape):
    """One try at a task."""

    number: int
    task_id: str
    family: str
    worker: str
    outcome: str
    started: float
    seconds: float | None
    message: str
    has_log: bool
    status: str
    progress: float | None
    tracking_url: str


class Failure(Attempt):
    """An attempt that did not end well, with its run."""

    run: str


class Task(Shape):
    """A task over all runs; state is what became of it in the latest of them."""

    id: str
    family: str
    module: str
    params: dict[str, str]
    state: str
    runs: int
    worker: str
    """Who made the last attempt in that run; empty: nobody."""
    started: float | None
    seconds: float | None


class Change(Shape):
    """One change of a task's state."""

    at: float
    cause: str


class Lease(Shape):
    """Who has a task."""

    number: int
    worker: str
    attempt: int


class Wanted(Shape):
    """A task that another waits for."""

    task_id: str
    state: str


class Reason(Shape):
    """Why a task is as it is, for those who have words of their own for it."""

    kind: str
    """As in `rumbo.scheduler.reasons.Why`."""
    values: dict[str, str | float]
    """What there is to say: numbers, names, a moment (`at`)."""
    waits_for: list[Wanted]
    """Some of the tasks that it waits for, those first that will not be done by themselves."""


class Live(Shape):
    """A task as the scheduler sees it at this moment."""

    state: str
    why: str
    """What it waits for, or why nothing more happens to it."""
    reason: Reason
    """The same as data."""
    priority: float
    run: str
    attempts: int
    missing: int
    """Dependencies that are not done."""
    retry_at: float | None
    disabled_until: float | None
    resources: dict[str, float]
    pool: str
    lease: Lease | None
    accepts_messages: bool
    """Whether its run() looks for messages."""
    story: list[Change]


class TaskDetail(Task):
    """The same with what the scheduler knows of it; null when it has forgotten it."""

    live: Live | None


class Chapter(Shape):
    """One run in the story of a task."""

    run: Run
    task: RunTask
    attempts: list[Attempt]


class Artifact(Shape):
    """Something that a task made: as it was written, and as it is now."""

    address: str
    size: int | None
    """Bytes when it was written, if they were known."""
    modified: float | None
    fate: Literal["there", "changed", "gone", "unknown"]
    """What has become of it since; unknown: the server does not look there."""
    size_now: int | None
    """Of a file that the server sees."""
    modified_now: float | None
    shown_as: Literal["text", "table", "image"] | None
    """What a look into it is likely to show; null: there is none to be had."""


class Made(Shape):
    """What a task made the last time that it went well, or had when a run was planned, if others make it."""

    task_id: str
    family: str
    state: str
    run: str = ""
    """Empty: the history knows of nothing that it made."""
    attempt: int = 0
    """0: it was there."""
    worker: str = ""
    at: float | None = None
    artifacts: list[Artifact] = []
    more: int = 0
    """So many more there were, which nobody wrote down."""


class Artifacts(Shape):
    """What a task made, and what the tasks made that it needs."""

    outputs: Made
    inputs: list[Made]
    more_inputs: int
    """So many more tasks it needs."""


class Preview(Shape):
    """A look into a file."""

    kind: Literal["text", "table", "image", "none"]
    why: str = ""
    """With `none`: why it is not shown, a member of `rumbo.artifacts.sight.Unseen`."""
    text: str = ""
    columns: list[str] = []
    rows: list[list[str]] = []
    is_cut: bool = False
    """There is more than is shown."""
    total: int | None = None
    """Rows in all, if the file says so."""


class Node(Shape):
    """A task in a graph, with the ids of those it needs that are in the graph."""

    id: str
    family: str
    params: dict[str, str]
    state: str
    needs: list[str]


class Graph(Shape):
    """Tasks and what they need. If there are more than were asked for, it is cut off."""

    nodes: list[Node]
    is_cut: bool


class Diagram(Shape):
    """Where the boxes and arrows of a drawing lie: columns, one value a box, so that large ones travel light."""

    by: Literal["task", "family"]
    width: float
    height: float
    names: list[str]
    """Ids of tasks, or names of families."""
    families: list[str]
    states: list[str]
    """Of tasks, in the order of names; that of a family is the one that matters most."""
    counts: list[dict[str, int]]
    """Of families, in the order of names: tasks by state. Empty for tasks."""
    boxes: list[float]
    """x, y, width and height of one box after the other."""
    arrows: list[list[float]]
    """Each: place of the box it comes from, of the one it leads to, then x and y of the points on its way."""
    needs: list[list[int]]
    """What each task needs, as places. Empty for families."""
    focus: str
    """Id of the task that everything is around; empty if nothing was looked for."""
    is_cut: bool


class Timeline(Shape):
    """The attempts of a run over time: columns, one value an attempt."""

    since: float
    until: float
    workers: list[str]
    """Of lanes: in one lane no attempts overlap."""
    lanes: list[int]
    tasks: list[str]
    families: list[str]
    numbers: list[int]
    outcomes: list[str]
    started: list[float]
    seconds: list[float | None]
    """Null: still under way."""
    critical: list[str]
    """Ids of the tasks that decided when the run was over, from first to last."""
    is_cut: bool


class Neighbours(Shape):
    """Tasks of a run next to one: those that it needs, and those that need it."""

    needs: list[RunTask]
    needed_by: list[RunTask]
    is_cut: bool


class Underway(Attempt):
    """An attempt that is under way, with its run."""

    run: str
    expected: float | None
    """How long attempts of its family take in the middle, by the last weeks; null when none is known."""


class Wait(Shape):
    """Tasks of a family that wait for the same kind of thing."""

    family: str
    kind: Literal["dependencies", "held_up", "resources", "workers", "turn", "outside", "retry"]
    """`held_up`: for something that cannot be done unless somebody steps in."""
    what: str
    """The resource that is short; else empty."""
    tasks: int
    next: float | None
    """With `retry`: when the first of them is tried again."""


class Beat(Shape):
    """What ended in a stretch of some seconds from `at`, and how much was under way at its end."""

    at: float
    done: int
    failed: int
    waiting: int
    running: int


class Pulse(Shape):
    """The last hour of the server, without the stretches in which nothing happened."""

    length: float
    """Seconds of a stretch."""
    beats: list[Beat]


class Cell(Shape):
    """Tasks with the same values of two parameters, in the same state."""

    x: str
    y: str
    state: str
    tasks: int
    task_id: str
    """One of them."""


class Grid(Shape):
    """The newest tasks of a family by the values of one or two of its parameters."""

    family: str
    parameters: list[str]
    """All that the family has."""
    x: str
    y: str
    cells: list[Cell]


class Setting(Shape):
    """A setting in force. Secrets are masked."""

    section: str
    key: str
    value: str
    origin: str
    help: str


class Undelivered(Shape):
    """An alert on its way to one receiver."""

    receiver: str
    status: Literal["waiting", "given_up"]
    due: float
    """When it is sent, or sent again."""
    tries: int
    error: str
    """Why the last try failed."""
    event: str
    """One of `rumbo.alerts.Event`."""
    at: float
    """When that happened which is told."""
    run: str
    task: str
    worker: str


class Ids(Shape):
    """Several tasks."""

    tasks: Annotated[list[Annotated[str, Field(max_length=2000)]], Field(min_length=1, max_length=10_000)]


class NewTask(Shape):
    """A task by its family, of which the history must know at least one task, and its parameters as text."""

    family: Annotated[str, Field(max_length=1000)]
    params: Annotated[dict[str, str], Field(max_length=200)] = {}


class Wish(Shape):
    """What shall be complete in the end: tasks that the history knows, and new ones. What is complete is left alone,
    but for what shall be made `again`: the outputs of these `tasks`, or of all `below` them too, are removed first."""

    tasks: Annotated[list[Annotated[str, Field(max_length=2000)]], Field(max_length=1000)] = []
    new: Annotated[list[NewTask], Field(max_length=1000)] = []
    again: Literal["nothing", "tasks", "below"] = "nothing"


class FamilyForecast(Shape):
    """How many tasks of a family would run, be left alone, have to wait for somebody else, or are broken."""

    family: str
    run: int
    skip: int
    wait: int
    broken: int
    seconds: float | None
    """What one of them took lately, on average; null when none has run in the last thirty days."""


class TaskForecast(Shape):
    """A task that is not left alone, and why."""

    task_id: str
    name: str
    verdict: str
    reason: str


class Forecast(Shape):
    """What a run would do, as the worker sees it that would plan it. Lists are cut after 200 entries."""

    worker: str
    families: list[FamilyForecast]
    tasks: list[TaskForecast]
    removed: list[str]
    """Outputs that would be removed."""
    removed_count: int
    kept: list[str]
    """Outputs that ought to go, but cannot be removed, or could not be made again; their tasks stay complete."""
    seconds: float
    """What all that runs would take, one after the other, as far as that is known."""


class Begun(Shape):
    """A run that was begun, and what it does."""

    run: str
    forecast: Forecast


class Held(Shape):
    """An attempt that a worker makes."""

    task_id: str
    attempt: int
    lease: int


class Worker(Shape):
    """A connected worker."""

    id: str
    kind: Literal["run", "agent", "luigi"]
    host: str
    user: str
    pid: int
    started: float
    slots: int
    version: str
    folder: str
    pools: list[str]
    is_draining: bool
    is_disabled: bool
    silent: float
    """Seconds since it was last heard of."""
    capacity: dict[str, float]
    used: dict[str, float]
    refused: list[str]
    """Modules that it cannot import."""
    running: list[Held]
    wants: int
    """Tasks that it described."""


class Holder(Shape):
    """A task that holds some of a resource."""

    task_id: str
    amount: float


class Resource(Shape):
    """Something that there is only so much of."""

    name: str
    total: float
    used: float
    held_by: list[Holder]


class Status(Shape):
    """How the server is."""

    version: str
    started: float
    now: float
    is_paused: bool
    trouble: str
    """Why nothing can be carried out at this moment; empty when all is well."""
    tasks: dict[str, int]
    """By state, those that the scheduler knows."""
    workers: int
    runs: int
    """Runs that are open."""


class Durations(Shape):
    """How attempts of a family went in a period of time."""

    family: str
    since: float
    until: float
    attempts: int
    failed: int
    mean: float
    median: float
    percentile_95: float
    slowest: float


class Done(Shape):
    """What a change has brought about."""

    changed: dict[str, str]
    """Tasks and their new states."""
    stopping: list[str] = []
    """Tasks that run, whose workers have been told to stop them."""


class DoneAll(Done):
    """The same for several tasks, with those for which it could not be done, and why."""

    refused: dict[str, str]


class Amount(Shape):
    """How much there shall be of a resource."""

    amount: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Slots(Shape):
    """How many attempts a worker shall make at a time."""

    slots: Annotated[int, Field(ge=1, le=100_000)]


class Message(Shape):
    """A message to a running task."""

    content: Annotated[str, Field(max_length=100_000)]


class Sent(Shape):
    """The id of a message, by which its answer is asked for."""

    id: str


class Reply(Shape):
    """What a task answered to a message; null: nothing yet."""

    text: str | None


class SignIn(Shape):
    """A token to sign in with."""

    token: Annotated[str, Field(max_length=1000)]


class Who(Shape):
    """Who asks; nulls: nobody that is known."""

    user: str | None
    role: str | None
    asks: bool
    """Whether a token is asked for here. If not, everybody may do everything."""


class Token(Shape):
    """A token, without what is secret of it."""

    id: str
    name: str
    role: str
    created: float
    expires: float | None
    revoked: float | None


class Audited(Shape):
    """A change that somebody made, or was refused."""

    id: str
    at: float
    who: str
    """Name of the token; `anybody` where none is asked for, `command line (user)` for commands; empty: not known."""
    role: str
    address: str
    method: str
    path: str
    outcome: int
    """Status of the answer."""
    summary: str
    """The request in short, without secrets."""


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    errors: list[Any] | None = None
    """Which parts of the request are not as they must be."""
