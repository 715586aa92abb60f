"""How a run stands, put together from what observers are told: what runs, what failed, how much is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rumbo.scheduler.effects import Assigned, AttemptEnded, Noted, Resumed, RetryPlanned, StateChanged, TaskDisabled
from rumbo.scheduler.records import Outcome, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rumbo.ports import PlannedTask
    from rumbo.scheduler.effects import Effect

_STATES = {
    State.PENDING: "waiting",
    State.RUNNING: "running",
    State.BATCHED: "running",
    State.PARKED: "parked",
    State.DONE: "done",
    State.FAILED: "failed",
    State.DISABLED: "disabled",
    State.CANCELLED: "cancelled",
    State.UNKNOWN: "unknown",
}
_OVER = frozenset(["done", "failed", "disabled", "cancelled"])


class Running:
    """An attempt that is under way."""

    __slots__ = ("attempt", "begun", "is_parked", "message", "progress", "tasks", "url")

    def __init__(self, tasks: tuple[str, ...], attempt: int, begun: float) -> None:
        self.tasks = tasks
        self.attempt = attempt
        self.begun = begun
        self.is_parked = False
        self.message = ""
        self.url = ""
        self.progress: float | None = None


class Family:
    """The tasks of one family in a run."""

    __slots__ = ("counts", "finished", "name", "seconds", "to_run")

    def __init__(self, name: str) -> None:
        self.name = name
        self.to_run = 0
        self.counts: dict[str, int] = {}
        """State -> how many of those that were to run are in it."""
        self.finished = 0
        """Attempts that went well."""
        self.seconds = 0.0
        """What they took in all."""

    @property
    def over(self) -> int:
        """How many will not run any more, as it looks now."""
        return sum(self.counts.get(state, 0) for state in _OVER)


class Standing:
    """A run's state as observers can know it. Not safe for several threads."""

    def __init__(self) -> None:
        self.planned: dict[str, PlannedTask] = {}
        self.states: dict[str, str] = {}
        """Task's id -> the name of its look."""
        self.families: dict[str, Family] = {}
        self.running: dict[int, Running] = {}
        self.workers = 1

    @property
    def to_run(self) -> int:
        """How many tasks were to run."""
        return sum(family.to_run for family in self.families.values())

    @property
    def over(self) -> int:
        """How many of them are over."""
        return sum(family.over for family in self.families.values())

    def plan(self, nodes: Iterable[PlannedTask]) -> None:
        """Take in nodes of the plan."""
        for node in nodes:
            self.planned[node.id] = node
            state = {"skip": "skipped", "broken": "broken", "wait": "waiting"}.get(node.verdict)
            if state is not None:
                self.states[node.id] = state
                continue
            family = self.families.setdefault(node.family, Family(node.family))
            family.to_run += 1
            family.counts["waiting"] = family.counts.get("waiting", 0) + 1
            self.states[node.id] = "waiting"

    def take(self, effects: Sequence[Effect]) -> list[tuple[AttemptEnded, float]]:
        """Take in what happened; gives the attempts that ended badly, with the seconds they took."""
        bad = []
        for effect in effects:
            if isinstance(effect, Assigned):
                self.running[effect.lease] = Running(effect.tasks, effect.attempt, effect.at)
            elif isinstance(effect, StateChanged):
                self._move(effect.task, _STATES[effect.new])
            elif isinstance(effect, AttemptEnded):
                seconds = self._end(effect)
                if effect.outcome in (Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST):
                    bad.append((effect, seconds))
            elif isinstance(effect, Noted):
                self._note(effect)
            elif isinstance(effect, Resumed):
                if effect.lease in self.running:
                    self.running[effect.lease].is_parked = False
            elif isinstance(effect, RetryPlanned):
                self._move(effect.task, "retrying")
            elif isinstance(effect, TaskDisabled):
                self._move(effect.task, "disabled")
        return bad

    def _move(self, id: str, state: str) -> None:
        before = self.states.get(id)
        node = self.planned.get(id)
        if node is None or before == state or node.verdict != "run":
            return
        self.states[id] = state
        counts = self.families[node.family].counts
        counts[before or "waiting"] = counts.get(before or "waiting", 1) - 1
        counts[state] = counts.get(state, 0) + 1
        if state == "parked":
            for running in self.running.values():
                if id in running.tasks:
                    running.is_parked = True

    def _end(self, effect: AttemptEnded) -> float:
        running = self.running.get(effect.lease)
        if running is None:
            return 0.0
        if effect.outcome is Outcome.PARKED:
            running.is_parked = True
            return 0.0
        seconds = effect.at - running.begun
        if effect.task == running.tasks[-1]:
            del self.running[effect.lease]
        node = self.planned.get(effect.task)
        if effect.outcome is Outcome.DONE and node is not None and node.family in self.families:
            family = self.families[node.family]
            family.finished += 1
            family.seconds += seconds / len(running.tasks)
        return seconds

    def _note(self, effect: Noted) -> None:
        running = self.running.get(effect.lease)
        if running is None:
            return
        if effect.kind == "message":
            running.message = effect.value
        elif effect.kind == "tracking_url":
            running.url = effect.value
        elif effect.kind == "progress":
            try:
                running.progress = float(effect.value)
            except ValueError:
                pass  # what a task says of itself may be anything

    def seconds_left(self, now: float) -> float | None:
        """How long the rest will take if it goes on as so far; None while too little is known."""
        finished = sum(family.finished for family in self.families.values())
        if not finished:
            return None
        mean = sum(family.seconds for family in self.families.values()) / finished
        work = 0.0
        for family in self.families.values():
            left = family.to_run - family.over
            work += left * (family.seconds / family.finished if family.finished else mean)
        for running in self.running.values():
            node = self.planned.get(running.tasks[0])
            known = self.families.get(node.family) if node else None
            expected = known.seconds / known.finished if known and known.finished else mean
            work -= min(now - running.begun, expected)
        return max(work, 0.0) / max(self.workers, 1)
