"""The cases: what is measured, by which program, at which sizes, and what it may cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

SIDES = ("luigi", "rumbo", "floor")

Command = tuple[str, ...]


class Unit(NamedTuple):
    name: str
    scale: float
    """A program answers in seconds, bytes or calls; shown is that times the scale."""
    is_exact: bool = False
    """Noise cannot change it, so once is enough."""


MICROSECONDS = Unit("µs", 1e6)
MILLISECONDS = Unit("ms", 1e3)
BYTES = Unit("bytes", 1.0, is_exact=True)
CALLS = Unit("calls", 1.0, is_exact=True)


class Case(NamedTuple):
    """One kind of work, done by up to three sides.

    In a command, `{size}` stands for the size; the first word is a program of the side's own environment. A program
    answers with what it measured inside; one that answers nothing is measured from outside, from start to end.
    """

    name: str
    title: str
    unit: Unit
    commands: Mapping[str, Command]
    budgets: Mapping[int, float | None]
    """Rumbo's sizes, each with its budget in the unit, or None where nothing was promised."""
    luigi_sizes: tuple[int, ...] = ()
    """What Luigi can do in reasonable time."""
    less: Mapping[str, Command] = {}
    """By side: another program whose figure, from the same turn, is taken off."""
    note: str = ""

    def sizes(self) -> list[int]:
        return sorted({*self.budgets, *self.luigi_sizes})

    def sides(self, size: int) -> list[str]:
        """Who runs at this size. The floor keeps Rumbo company, or stands alone."""
        runs = {"luigi": size in self.luigi_sizes, "rumbo": size in self.budgets, "floor": size in self.budgets}
        return [side for side in SIDES if runs[side] and side in self.commands]


def alike(program: str, *arguments: str, floor: str = "") -> dict[str, Command]:
    """The same program text for both languages, and a plain equivalent for the floor."""
    commands: dict[str, Command] = {side: ("python", program, side, *arguments) for side in ("luigi", "rumbo")}
    if floor:
        commands["floor"] = ("python", "floor.py", *floor.split(), "{size}")
    return commands


def built(*arguments: str, floor: str = "") -> dict[str, Command]:
    return alike("build.py", *arguments, floor=floor)


BARE = ("python", "-c", "pass")
LINEAR: dict[int, float | None] = {1_000: 35, 3_000: 35, 10_000: 35, 100_000: 45}
LAYERED: dict[int, float | None] = {1_000: 50, 3_000: 50, 10_000: 50, 100_000: 50}
BOTH_COUNT = (1_000, 3_000)

START = [
    Case("cold-script", "cold start: a script builds one task that does nothing", MILLISECONDS,
         {"luigi": ("python", "hello_luigi.py"), "rumbo": ("python", "hello_rumbo.py"), "floor": BARE},
         {1: 80}, (1,)),
    Case("cold-command", "the same by the command line, nothing kept", MILLISECONDS,
         {"luigi": ("luigi", "--module", "hello_luigi", "Hello", "--local-scheduler"),
          "rumbo": ("rumbo", "run", "-m", "hello_rumbo", "Hello", "--no-history"), "floor": BARE},
         {1: 80}, (1,)),
    Case("cold-history", "the same by the command line, history kept", MILLISECONDS,
         {"rumbo": ("rumbo", "run", "-m", "hello_rumbo", "Hello"), "floor": BARE},
         {1: None}),
    Case("import", "import what a pipeline is written with, above bare Python", MILLISECONDS,
         {side: ("python", "-c", f"from {side} import Task, Parameter, DateParameter, LocalTarget")
          for side in ("luigi", "rumbo")},
         {1: 40}, (1,), less={"luigi": BARE, "rumbo": BARE}),
    Case("import-bare", "import alone, above bare Python", MILLISECONDS,
         {side: ("python", "-c", f"import {side}") for side in ("luigi", "rumbo")},
         {1: 40}, (1,), less={"luigi": BARE, "rumbo": BARE}),
]  # fmt: skip

INSTANCES = [
    Case("instance-new", "new task instance: int, date, str", MICROSECONDS,
         alike("instances.py", "new", "{size}", floor="instance-new"), {10_000: 12}, (10_000,)),
    Case("instance-annotated", "the same, parameters by annotation", MICROSECONDS,
         {"rumbo": ("python", "instances.py", "rumbo", "annotated", "{size}")}, {10_000: 12}),
    Case("instance-id", "new, with its task_id", MICROSECONDS,
         alike("instances.py", "new-with-id", "{size}", floor="identity"), {10_000: None}, (10_000,)),
    Case("instance-again", "the same instance again", MICROSECONDS,
         alike("instances.py", "again", "{size}"), {10_000: 3}, (10_000,)),
    Case("instance-clone", "clone()", MICROSECONDS,
         alike("instances.py", "clone", "{size}"), {10_000: 6}, (10_000,)),
    Case("instance-strings", "from strings, new", MICROSECONDS,
         alike("instances.py", "strings", "{size}"), {10_000: 20}, (10_000,)),
    Case("instance-bytes", "bytes per instance", BYTES,
         alike("instances.py", "bytes", "{size}"), {10_000: 400}, (10_000,)),
    Case("instance-bytes-id", "bytes per instance, with its task_id", BYTES,
         alike("instances.py", "bytes-with-id", "{size}"), {10_000: None}, (10_000,)),
]  # fmt: skip

BUILDS = [
    Case("wide", "build: wide", MICROSECONDS,
         built("wide", "{size}", floor="drain wide"), LINEAR, BOTH_COUNT),
    Case("chain", "build: chain", MICROSECONDS,
         built("chain", "{size}", floor="drain chain"), LINEAR, BOTH_COUNT),
    Case("chain-failing", "build: chain whose first task fails", MICROSECONDS,
         built("chain", "{size}", "--failing"), {900: None, 1_500: None, 100_000: None}, (900, 1_500)),
    Case("layers", "build: 10 layers, each task needs 5", MICROSECONDS,
         built("layers", "{size}", floor="drain layers"), LAYERED, BOTH_COUNT),
    Case("layers-full", "build: 10 layers of 100, each needs the whole layer before", MICROSECONDS,
         built("full_layers", "{size}", floor="drain full_layers"), {1_000: 150}, (1_000,),
         note="0.15 s in all, over 1,000 tasks"),
    Case("wide-2", "build: wide, 2 worker processes", MICROSECONDS,
         built("wide", "{size}", "--workers", "2", floor="pipe"), {1_000: 150, 10_000: 150}, (1_000,),
         note="Luigi forks per task: see fork"),
    Case("chain-2", "build: chain, 2 worker processes", MICROSECONDS,
         built("chain", "{size}", "--workers", "2", floor="pipe"), {1_000: 150, 10_000: 150}, (1_000,),
         note="Luigi forks per task: see fork"),
    Case("parked", "run() yields once: above the same graph by requires()", MICROSECONDS,
         built("pairs", "{size}", "--yielding", floor="resume"), {1_000: 30, 10_000: 30}, (1_000,),
         less=built("pairs", "{size}"),
         note="of every two tasks one yields: 60 a resume"),
    Case("history", "history kept, above the same without", MICROSECONDS,
         {"rumbo": ("python", "build.py", "rumbo", "wide", "{size}", "--history"),
          "floor": ("python", "floor.py", "sqlite", "{size}")},
         {1_000: None, 10_000: 6, 100_000: 6},
         less={"rumbo": ("python", "build.py", "rumbo", "wide", "{size}")}),
]  # fmt: skip

CALL_COUNTS = [
    Case(f"calls-{name}", f"Python calls: {name}", CALLS,
         built(shape, "{size}", "--calls"), {1_000: None, 10_000: None}, (300, 1_000))
    for name, shape in (("wide", "wide"), ("chain", "chain"), ("layers", "layers"))
]  # fmt: skip

OUTPUTS = [
    Case("files", "small atomic files, first run", MICROSECONDS,
         alike("outputs.py", "first", "{size}", floor="rename"), {1_000: 170, 10_000: 170}, (1_000,)),
    Case("nothing", "nothing to do: each output checked", MICROSECONDS,
         alike("outputs.py", "nothing", "{size}", floor="stat"), {1_000: 18, 10_000: 18}, (1_000, 10_000)),
    Case("missing", "one of them missing", MICROSECONDS,
         alike("outputs.py", "missing", "{size}", floor="stat"), {1_000: 25, 10_000: 25}, (1_000, 10_000)),
    Case("waiting-done", "complete() of 5 ms each, all done (wall)", MILLISECONDS,
         alike("waiting.py", "done", "{size}", floor="waits"), {1_000: 0.4}, (1_000,), note="0.4 s in all"),
    Case("waiting-open", "complete() of 5 ms each, none done (wall)", MILLISECONDS,
         alike("waiting.py", "open", "{size}", floor="waits"), {1_000: 0.4}, (1_000,), note="0.4 s in all"),
]  # fmt: skip

MACHINE = [
    Case("machine-request", "machine alone: one request for work", MICROSECONDS,
         alike("machine.py", "request", "{size}", floor="heap"),
         {1_000: 8, 10_000: 8, 30_000: 8, 100_000: 8}, (1_000, 10_000, 30_000)),
    Case("machine-life", "machine alone: described, handed out, reported", MICROSECONDS,
         alike("machine.py", "life", "{size}", floor="heap"),
         {1_000: None, 10_000: None, 100_000: None}, (1_000, 3_000)),
    Case("machine-bytes", "machine alone: bytes per task", BYTES,
         alike("machine.py", "bytes", "{size}"), {10_000: 900, 100_000: 900}, (10_000,)),
]  # fmt: skip


REQUESTS = Unit("requests", 1.0)


def served(what: str, *arguments: str) -> dict[str, Command]:
    """The same work for a server of either side and its clients."""
    return {side: ("python", "serving.py", side, what, "{size}", *arguments) for side in ("luigi", "rumbo")}


FOUR = ("--clients", "4")
SERVER = [
    Case("server", "server: wide, one client, CPU of the server", MICROSECONDS,
         served("server"), {1_000: 60, 3_000: 60}, (1_000,)),
    Case("server-client", "the same, CPU of the client", MICROSECONDS,
         served("client"), {1_000: 100, 3_000: 100}, (1_000,)),
    Case("server-requests", "the same, requests a task", REQUESTS,
         served("requests"), {1_000: 0.05, 3_000: 0.05}, (1_000,)),
    Case("server-4", "server: wide, 4 clients, CPU of the server", MICROSECONDS,
         served("server", *FOUR), {250: 100, 1_000: 100}, (250,), note="so many tasks for each client"),
    Case("server-4-client", "the same, CPU of all clients", MICROSECONDS,
         served("client", *FOUR), {250: 200, 1_000: 200}, (250,)),
    Case("server-4-rate", "the same, on the wall", MICROSECONDS,
         served("rate", *FOUR), {250: 200, 1_000: 200}, (250,), note="200 µs are 5,000 tasks a second"),
    Case("latency", "a task becomes ready, another worker starts it (wall)", MILLISECONDS,
         served("latency"), {40: 3}, (10,)),
    Case("crowd-idle", "workers that wait: CPU of the server in a second", MILLISECONDS,
         served("idle"), {200: None}, (200,)),
    Case("crowd-busy", "20 of them work: from a report to the next order (wall)", MILLISECONDS,
         served("busy"), {200: None}, (200,)),
    Case("crowd-busy-cpu", "the same, CPU of the server in a second", MILLISECONDS,
         served("busy-cpu"), {200: None}, (200,)),
    Case("tasks-api", "list of tasks over HTTP, so many in the history (wall)", MILLISECONDS,
         {"rumbo": ("python", "listing.py", "{size}")}, {100_000: 100}),
]  # fmt: skip


def floor_alone(name: str, title: str, size: int) -> Case:
    commands: dict[str, Command] = {"floor": ("python", "floor.py", name, "{size}")}
    return Case(name, title, MICROSECONDS, commands, {size: None})


FLOOR = [
    floor_alone("fork", "floor: fork a small process and wait", 200),
    floor_alone("thread-hop", "floor: to a waiting thread and back", 10_000),
    floor_alone("scandir", "floor: list a folder, per name", 10_000),
]

CASES = [*START, *INSTANCES, *BUILDS, *CALL_COUNTS, *OUTPUTS, *MACHINE, *SERVER, *FLOOR]
