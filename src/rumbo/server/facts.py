"""Facts wait here until the journal holds what they follow from; then those who watch are told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.ports import Alert, PlannedTask, RunEnded, RunInfo
    from rumbo.scheduler.effects import Effect


class Facts:
    """An `Observer` that puts everything aside."""

    def __init__(self) -> None:
        self._facts: list[tuple[str, tuple[Any, ...]]] = []

    def run_started(self, run: RunInfo) -> None:
        """A run begins."""
        self._facts.append(("run_started", (run,)))

    def planned(self, run_id: str, nodes: Sequence[PlannedTask]) -> None:
        """Nodes of a run's plan."""
        self._facts.append(("planned", (run_id, nodes)))

    def happened(self, run_id: str, effects: Sequence[Effect]) -> None:
        """What the machine decided and learned."""
        self._facts.append(("happened", (run_id, effects)))

    def attempt_log(self, run_id: str, task_id: str, attempt: int, path: str) -> None:
        """An attempt left output in a file."""
        self._facts.append(("attempt_log", (run_id, task_id, attempt, path)))

    def run_ended(self, run: RunEnded) -> None:
        """A run is over."""
        self._facts.append(("run_ended", (run,)))

    def alert(self, alert: Alert) -> None:
        """Something that people want to be told."""
        self._facts.append(("alert", (alert,)))

    def close(self) -> None:
        """Nothing is held here but facts."""

    def take(self) -> list[tuple[str, tuple[Any, ...]]]:
        """What has come since the last time; it is the taker's now."""
        taken, self._facts = self._facts, []
        return taken
