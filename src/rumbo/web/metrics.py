"""`GET /metrics`: the server in numbers, as Prometheus reads them. All are counted as things happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from rumbo.errors import StoreError
from rumbo.scheduler.records import Outcome
from rumbo.scheduler.views import connected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric
    from starlette.types import ASGIApp, Receive, Scope, Send

    from rumbo.server.daemon import Daemon

_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Numbers:
    """A collector that asks the daemon."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.alerts: tuple[int, int] | None = None
        """How many wait and how many were given up; None: not known."""

    def collect(self) -> Iterator[Metric]:
        """All numbers, as they are now."""
        daemon, counters = self._daemon, self._daemon.counters
        coordinator = daemon.coordinator
        tasks = GaugeMetricFamily("rumbo_tasks", "Tasks that the scheduler knows, by state.", labels=["state"])
        for state, many in counters.states(coordinator.machine).items():
            tasks.add_metric([state], many)
        yield tasks
        attempts = CounterMetricFamily("rumbo_attempts", "Attempts that ended, by outcome.", labels=["outcome"])
        for outcome in Outcome:
            attempts.add_metric([outcome.name.lower()], counters.outcomes[outcome])
        yield attempts
        if self.alerts is not None:
            alerts = GaugeMetricFamily("rumbo_alerts", "Alerts that have not arrived, by status.", labels=["status"])
            for status, many in zip(("waiting", "given_up"), self.alerts, strict=True):
                alerts.add_metric([status], many)
            yield alerts
        yield _counter("attempts_begun", "Attempts that were given to workers.", counters.assigned)
        yield _counter("attempt_seconds", "What attempts took together, in seconds.", counters.seconds)
        yield _gauge("workers", "Connected workers.", len(connected(coordinator.machine)))
        yield _gauge("runs_open", "Runs that are not over.", len(coordinator.runs))
        yield _gauge("leases", "Attempts under way.", len(coordinator.machine.leases))
        yield _gauge("paused", "1 while nothing new is given out.", int(coordinator.machine.paused))
        yield _gauge("in_trouble", "1 while the journal cannot be written.", int(bool(daemon.trouble)))
        yield _counter("journal_commits", "Transactions of the journal.", daemon.commits)
        yield _counter("journal_entries", "Entries of the journal.", daemon.entries)
        yield _gauge("journal_bytes", "Size of the journal since its last snapshot.", daemon.journal_bytes)
        yield _gauge("polls_waiting", "Workers that wait for work at this moment.", daemon.polls_waiting)


def _counter(name: str, about: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"rumbo_{name}", about, value)


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"rumbo_{name}", about, value)


def make_metrics(daemon: Daemon, alerts: Callable[[], tuple[int, int]]) -> ASGIApp:
    """The application that answers with the numbers, whatever it is asked.

    Args:
        alerts: how many alerts wait to be sent, and how many were given up; asked in a thread.
    """
    registry = CollectorRegistry(auto_describe=False)
    numbers = Numbers(daemon)
    registry.register(numbers)

    async def metrics(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            numbers.alerts = await run_in_threadpool(alerts)
        except StoreError:
            numbers.alerts = None  # the other numbers are all the more wanted when the database is out of reach
        await Response(generate_latest(registry), media_type=_TEXT)(scope, receive, send)

    return metrics
