"""How many tasks are in which state, and how many attempts ended how: counted as it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rumbo.scheduler.effects import Assigned, AttemptEnded, Forgotten, StateChanged
from rumbo.scheduler.records import Outcome, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.scheduler.effects import Effect
    from rumbo.scheduler.machine import Machine


class Counters:
    """Counts since the server began."""

    def __init__(self) -> None:
        self.outcomes = [0] * len(Outcome)
        """Attempts, by how they ended."""
        self.assigned = 0
        """Attempts that were given to workers."""
        self.seconds = 0.0
        """What all attempts that ended took together, as far as their workers said."""
        self._states: dict[str, State] = {}
        self._many = [0] * len(State)

    def recount(self, machine: Machine) -> None:
        """Begin anew with what a machine knows. Linear in its tasks."""
        self.__init__()  # type: ignore[misc]
        for task in machine.tasks.values():
            self._many[task.state] += 1
            self._states[task.id] = task.state

    def observe(self, effects: Sequence[Effect]) -> None:
        """Count what happened."""
        many, states = self._many, self._states
        for effect in effects:
            kind = type(effect)
            if kind is StateChanged:
                self._leave(effect.task)  # type: ignore[union-attr]
                states[effect.task] = effect.new  # type: ignore[union-attr]
                many[effect.new] += 1  # type: ignore[union-attr]
            elif kind is AttemptEnded:
                self.outcomes[effect.outcome] += 1  # type: ignore[union-attr]
                self.seconds += effect.seconds or 0.0  # type: ignore[union-attr]
            elif kind is Assigned:
                self.assigned += 1
            elif kind is Forgotten:
                self._leave(effect.task)  # type: ignore[union-attr]

    def _leave(self, task: str) -> None:
        state = self._states.pop(task, None)
        if state is not None:
            self._many[state] -= 1

    def states(self, machine: Machine) -> dict[str, int]:
        """How many tasks are in each state; those without any are left out."""
        many = list(self._many)
        # Tasks that others have only named are UNKNOWN from the beginning, which is no change.
        many[State.UNKNOWN] = len(machine.tasks) - sum(many) + many[State.UNKNOWN]
        return {state.name.lower(): many[state] for state in State if many[state]}
