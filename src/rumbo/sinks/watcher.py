"""Alerts of a run that has no server: they are sent while it goes on, and the rest before it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rumbo import alerts
from rumbo.alerts import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rumbo.ports import Alert, Letter, PlannedTask, RunEnded, RunInfo
    from rumbo.scheduler.effects import Effect
    from rumbo.sinks.delivery import Delivery


class AlertWatcher:
    """`Observer` that tells of what goes wrong. Its threads start with the first alert, so most runs have none.

    Args:
        delivery: takes alerts on; closed by this.
        warn: told, at the end and in one sentence, what did not arrive.
        patience: seconds to wait at the end until everything has arrived.
        now: seconds since the epoch.
    """

    def __init__(
        self, delivery: Delivery, warn: Callable[[str], None], patience: float, now: Callable[[], float]
    ) -> None:
        self._delivery = delivery
        self._warn = warn
        self._patience = patience
        self._now = now
        self._run: RunInfo | None = None
        self._nodes: dict[str, PlannedTask] = {}
        self._has_begun = False
        self._is_closed = False

    def run_started(self, run: RunInfo) -> None:
        """A run begins."""
        self._run = run
        self._tell([alerts.of_run_started(run)])

    def planned(self, run_id: str, nodes: Sequence[PlannedTask]) -> None:
        """Nodes of the plan; some may be broken."""
        new = [node for node in nodes if node.id not in self._nodes]
        self._nodes.update((node.id, node) for node in nodes)
        self._tell([alerts.of_broken(run_id, node, self._now()) for node in new if node.verdict == "broken"])

    def happened(self, run_id: str, effects: Sequence[Effect]) -> None:
        """What the scheduler decided and learned."""
        found = list(alerts.of_effects(effects, self._about, self._delivery.wanted))
        if found:
            self._tell(found)

    def attempt_log(self, run_id: str, task_id: str, attempt: int, path: str) -> None:
        """Output is looked up when it is told."""

    def run_ended(self, run: RunEnded) -> None:
        """The run is over."""
        self._tell([alerts.of_run_ended(run, self._run)])

    def close(self) -> None:
        """Send the rest, and wait for it a while. The second call does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        if not self._has_begun:
            return
        try:
            left = self._delivery.close(self._patience, send_all=True)
        except KeyboardInterrupt:  # somebody does not want to wait; the run itself is over and told
            left = self._delivery.outbox.undelivered()
        if left:
            self._warn(_complaint(left))

    def _about(self, id: str) -> Subject | None:
        node = self._nodes.get(id)
        if node is None:
            return None
        run = self._run.id if self._run is not None else ""
        return Subject(
            run, node.family, node.params, node.owners, alerts.group_of(node.family, node.params, node.batched)
        )

    def _tell(self, found: Sequence[Alert]) -> None:
        wanted = [alert for alert in found if alert.event in self._delivery.wanted]
        if not wanted:
            return
        self._delivery.put(wanted)
        if not self._has_begun:
            self._has_begun = True
            self._delivery.start()


def _complaint(left: Sequence[Letter]) -> str:
    """What did not arrive, and why, in a sentence."""
    many = "1 alert was" if len(left) == 1 else f"{len(left)} alerts were"
    reasons = dict.fromkeys(letter.error.rstrip(".") for letter in left if letter.error)
    why = "; ".join(reasons) or "there was no answer in time"
    return f"{many} not delivered: {why}. The tasks themselves are not affected."
