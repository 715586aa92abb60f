"""A scheduler in the worker's own process: the machine, a clock, and whoever watches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rumbo.ports import Order, Outlook
from rumbo.scheduler.commands import Exchange, Join, Leave, Note, Refuse, Register, Report, ShrinkResources
from rumbo.scheduler.effects import Assigned, AttemptEnded, Resumed, StopAsked
from rumbo.scheduler.machine import Machine
from rumbo.scheduler.records import NO_RESOURCES
from rumbo.scheduler.views import prospects

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rumbo.clock import Clock
    from rumbo.scheduler.effects import Effect
    from rumbo.scheduler.records import Outcome, TaskSpec


def _end_of(lease: int, effects: Sequence[Effect]) -> tuple[Outcome, str] | None:
    """How an attempt ended among these effects, if it did."""
    for effect in effects:
        if isinstance(effect, AttemptEnded) and effect.lease == lease:
            return effect.outcome, effect.message
    return None


class LocalScheduler:
    """`SchedulerPort` over a machine of our own. Not safe for several threads; one drives the run."""

    def __init__(
        self,
        clock: Clock,
        watch: Callable[[Sequence[Effect]], None],
        capacity: Mapping[str, float] = NO_RESOURCES,
        worker: str = "local",
    ) -> None:
        self.machine = Machine(capacity=capacity)
        self._worker = worker
        self._now = clock.now
        self._watch = watch
        self.machine.apply(Join(worker), self._now())

    def register(self, run: str, specs: Sequence[TaskSpec]) -> None:
        """Describe tasks."""
        self._watch(self.machine.apply(Register(self._worker, run, specs), self._now()))

    def exchange(self, reports: Sequence[Report], slots: int, wait: float) -> list[Order]:
        """Hand in reports and take orders. Never blocks: with nobody else there, nothing comes by waiting."""
        effects = self.machine.apply(Exchange(self._worker, reports, slots), self._now())
        orders = []
        for effect in effects:
            if type(effect) is Assigned:
                orders.append(Order("start", effect.lease, effect.tasks, effect.attempt))
            elif type(effect) is Resumed:
                orders.append(Order("resume", effect.lease, (effect.task,)))
            elif type(effect) is StopAsked:
                orders.append(Order("stop", effect.lease, (effect.task,), ended=_end_of(effect.lease, effects)))
        self._watch(effects)
        return orders

    def note(self, lease: int, kind: str, value: str) -> None:
        """Pass on what a running task says."""
        self._watch(self.machine.apply(Note(self._worker, lease, kind, value), self._now()))

    def shrink(self, lease: int, amounts: Mapping[str, float]) -> None:
        """Give back part of what a running task holds."""
        self._watch(self.machine.apply(ShrinkResources(self._worker, lease, amounts), self._now()))

    def refuse(self, lease: int, message: str) -> None:
        """Give a task back that cannot be built. Here it is never asked: every task is one of the plan."""
        self._watch(self.machine.apply(Refuse(self._worker, lease, message), self._now()))

    def drain(self) -> None:
        """Nothing is on its way here that could be stopped."""

    def outlook(self) -> Outlook:
        """What is left to hope for."""
        left = prospects(self.machine, self._worker)
        return Outlook(left.retries_at, left.elsewhere, left.ready)

    def leave(self) -> None:
        """Give back what is still held. The machine ends with the run, so there is nothing else to part with."""
        if self.machine.leases:
            self._watch(self.machine.apply(Leave(self._worker), self._now()))
