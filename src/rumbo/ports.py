"""The borders of the house: what each floor may ask of adapters, and the records that cross.

Every method says what must hold, what it raises and what may be None. Adapters need not inherit from these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rumbo.scheduler.commands import Report
    from rumbo.scheduler.effects import Effect
    from rumbo.scheduler.records import TaskSpec


class RunInfo(NamedTuple):
    """One request to build some roots, as it begins."""

    id: str
    roots: tuple[str, ...]
    command: str
    host: str
    user: str
    pid: int
    folder: str
    workers: int
    started: float


class RunEnded(NamedTuple):
    """How a run ended. Status is ``done``, ``failed``, ``incomplete`` (something is missing that we cannot make),
    ``cancelled`` or ``crashed``."""

    id: str
    ended: float
    status: str
    summary: str
    counts: Mapping[str, int]


class PlannedTask(NamedTuple):
    """One node of a plan. Verdict is ``run``, ``skip``, ``wait`` or ``broken``; the reason is for people."""

    id: str
    family: str
    module: str
    params: Mapping[str, str]
    verdict: str
    reason: str
    dependencies: tuple[str, ...]
    priority: float
    error: str


class Observer(Protocol):
    """Somebody who watches a run: the history, a live view, a summary.

    Called from the one thread that drives the run. An observer must not block and must not raise: it reports its own
    trouble by itself.
    """

    def run_started(self, run: RunInfo) -> None:
        """A run begins. Called once, before all others."""
        ...

    def planned(self, run_id: str, nodes: Sequence[PlannedTask]) -> None:
        """Nodes of the plan, dependencies first. Called again for what running tasks ask for."""
        ...

    def happened(self, run_id: str, effects: Sequence[Effect]) -> None:
        """What the scheduler decided and learned, in order. The hottest call: put the list aside and return."""
        ...

    def attempt_log(self, run_id: str, task_id: str, attempt: int, path: str) -> None:
        """An attempt left output in the file at ``path``."""
        ...

    def run_ended(self, run: RunEnded) -> None:
        """The run is over. Called once, unless the process is killed."""
        ...

    def close(self) -> None:
        """Write what is still to be written and let go. Called once, last."""
        ...


class Order(NamedTuple):
    """What a scheduler tells a worker to do: begin an attempt, go on with a parked one, or stop one."""

    verb: str
    """``start``, ``resume`` or ``stop``."""
    lease: int
    tasks: tuple[str, ...]
    attempt: int = 1


class Outlook(NamedTuple):
    """What is left of the tasks a worker asked for, when there is nothing to do for it right now."""

    held: int
    """Attempts that this worker still has, parked ones included."""
    retries_at: float | None
    """When the first retry falls due that was promised within the run; None if none."""
    elsewhere: int
    """Tasks it waits for that another worker is running or may run."""


class SchedulerPort(Protocol):
    """How a worker talks with its scheduler, in this process or far away."""

    def register(self, run: str, specs: Sequence[TaskSpec]) -> None:
        """Describe tasks, dependencies before dependents or not. Describing a task again brings it up to date."""
        ...

    def exchange(self, reports: Sequence[Report], slots: int, wait: float) -> list[Order]:
        """Hand in what became of attempts, take up to ``slots`` new orders; also the sign of life.

        May block up to ``wait`` seconds for an order to come. Orders to stop and to resume do not count as slots.
        """
        ...

    def note(self, lease: int, kind: str, value: str) -> None:
        """Pass on what a running task says about itself. A lease that is over is ignored."""
        ...

    def outlook(self) -> Outlook:
        """What is left to hope for. Linear in the worker's unfinished tasks, so asked only when idle."""
        ...

    def leave(self) -> None:
        """Give back all leases and go. Tasks that nobody else wants are forgotten in time."""
        ...
