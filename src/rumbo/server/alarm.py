"""Who notices, while a coordinator carries out its entries, what people want to be told.

It says so at once, as a fact among the others, so alerts are as certain as what they follow from: what is undone is
not told, and after a restart the journal tells the same again, with the same ids. All moments are those of the server,
since the clocks of workers may differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rumbo import alerts
from rumbo.alerts import Subject
from rumbo.scheduler.effects import AttemptEnded, WorkerLost
from rumbo.scheduler.records import Outcome, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.ports import Alert, PlannedTask, RunEnded, RunInfo
    from rumbo.scheduler.effects import Effect
    from rumbo.server.coordinator import Coordinator
    from rumbo.server.facts import Facts


class Alarm:
    """An `Observer` of what concerns runs, and a listener to all effects.

    Args:
        coordinator: whom it watches.
        facts: where it says what it noticed.
        wanted: the events that anybody wants to hear of.
    """

    def __init__(self, coordinator: Coordinator, facts: Facts, wanted: frozenset[str]) -> None:
        self._coordinator = coordinator
        self._facts = facts
        self._wanted = wanted

    def hear(self, effects: Sequence[Effect]) -> None:
        """What happened to the machine."""
        for alert in alerts.of_effects(effects, self._about, self._wanted):
            self._facts.alert(alert)
        for effect in effects:
            if isinstance(effect, WorkerLost):
                seat = self._coordinator.seats.get(effect.worker)
                who = f"{seat.info.user}@{seat.info.host}, process {seat.info.pid}" if seat is not None else ""
                self._say(alerts.of_worker(effect.worker, effect.at, who))
            elif isinstance(effect, AttemptEnded) and effect.outcome is Outcome.LOST:
                self._hear_of_loss(effect)

    def _hear_of_loss(self, ended: AttemptEnded) -> None:
        task, subject = self._coordinator.machine.tasks.get(ended.task), self._about(ended.task)
        if task is not None and task.state is State.FAILED and subject is not None:
            self._say(alerts.of_loss(ended.task, subject, ended.worker, ended.attempt, ended.at))

    def _about(self, id: str) -> Subject | None:
        task = self._coordinator.machine.tasks.get(id)
        if task is None:
            return None
        spec, about = task.spec, self._coordinator.about(id)
        params = {name: value for name, value in spec.params.items() if name not in about.hidden}
        batched = spec.params.keys() - dict(spec.batch.params).keys() if spec.batch is not None else ()
        return Subject(
            task.run, spec.family, params, about.owners, alerts.group_of(spec.family, params, tuple(batched))
        )

    def _say(self, alert: Alert) -> None:
        if alert.event in self._wanted:
            self._facts.alert(alert)

    # -- Observer -----------------------------------------------------------------------------------------------------

    def run_started(self, run: RunInfo) -> None:
        """A run begins."""
        self._say(alerts.of_run_started(run._replace(started=self._coordinator.at)))

    def planned(self, run_id: str, nodes: Sequence[PlannedTask]) -> None:
        """Nodes of a run's plan; some may be broken."""
        for node in nodes:
            if node.verdict == "broken" and node.error:
                self._say(alerts.of_broken(run_id, node, self._coordinator.at))

    def happened(self, run_id: str, effects: Sequence[Effect]) -> None:
        """Heard already, with what belongs to no run."""

    def attempt_log(self, run_id: str, task_id: str, attempt: int, path: str) -> None:
        """Nobody is told of that."""

    def run_ended(self, run: RunEnded) -> None:
        """A run is over."""
        known = self._coordinator.runs.get(run.id)
        ended = run._replace(ended=self._coordinator.at)
        self._say(alerts.of_run_ended(ended, known.info if known is not None else None))

    def close(self) -> None:
        """Nothing is held here."""
