"""Workers as a server sees them: what they say, without processes behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rumbo import codec
from rumbo.codec import WorkerInfo, WorkRequest
from rumbo.ports import RunEnded, RunInfo
from rumbo.scheduler.commands import Report
from rumbo.scheduler.records import Outcome, TaskSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rumbo.codec import Sayings, WireOrder

NOBODY = WorkerInfo("machine", "ana", 1, 1000.0, 1, "0")


def spec(id: str, *needs: str, **more: object) -> TaskSpec:
    """A task of the family before the first underscore."""
    about: dict[str, object] = {"family": id.partition("_")[0], "module": "flights", "params": {"name": id}} | more
    return TaskSpec(id, dependencies=needs, **about)  # type: ignore[arg-type]


def run_info(id: str, *roots: str, at: float = 1000.0) -> RunInfo:
    """A run of ana's."""
    return RunInfo(id, roots, "rumbo run", "machine", "ana", 1, "/project", 1, at)


class Talker:
    """Makes the requests of one worker, with numbers as they come."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.number = 0
        self.received = 0

    def says(self, *said: Sayings, slots: int = 0, wants_outlook: bool = False) -> WorkRequest:
        """The next request."""
        self.number += 1
        return WorkRequest(self.name, self.number, self.received, slots, list(said), wants_outlook)

    def joins(self, *said: Sayings, slots: int = 0, **more: object) -> WorkRequest:
        """The first one."""
        return self.says(codec.Joining(codec.PROTOCOL, NOBODY, **more), *said, slots=slots)  # type: ignore[arg-type]

    def begins(self, run: str, *specs: TaskSpec, slots: int = 0, hidden: tuple[str, ...] = ()) -> WorkRequest:
        """A run begins, with its tasks; the last one is its root."""
        tasks = [codec.Described(each, "run", "not complete", hidden=hidden) for each in specs]
        begins = codec.Beginning(run_info(run, specs[-1].id))
        return self.says(begins, codec.Describing(run, tasks), slots=slots)

    def reports(self, order: WireOrder, outcome: Outcome = Outcome.DONE, message: str = "", **more: object) -> Sayings:
        """What became of an attempt."""
        return codec.Reporting([Report(order.lease, outcome, message, **more)])  # type: ignore[arg-type]

    def ends(self, run: str, status: str = "done", counts: Mapping[str, int] | None = None) -> Sayings:
        """A run is over."""
        return codec.Ending(RunEnded(run, 2000.0, status, "All went well.", counts or {}))

    def gets(self, orders: list[WireOrder]) -> list[WireOrder]:
        """Take orders in."""
        new = [order for order in orders if order.number > self.received]
        if new:
            self.received = new[-1].number
        return new
