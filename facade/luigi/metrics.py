"""What counts tasks for a monitoring system, in the scheduler."""

from __future__ import annotations

import abc
import enum
import importlib
from typing import Any


class MetricsCollectors(enum.Enum):
    """The collectors that ``[scheduler] metrics_collector`` can name."""

    custom = -1
    default = 1
    none = 1  # noqa: PIE796 - the same, by another name
    datadog = 2
    prometheus = 3

    @classmethod
    def get(cls, which: MetricsCollectors, custom_import: str | None = None) -> MetricsCollector:
        """The collector; a custom one by its module and class, as ``package.module.Class``."""
        if which == cls.none:
            return NoMetricsCollector()
        if which == cls.datadog:
            return _load("luigi.contrib.datadog_metric.DatadogMetricsCollector")
        if which == cls.prometheus:
            return _load("luigi.contrib.prometheus_metric.PrometheusMetricsCollector")
        if which == cls.custom:
            if custom_import is None:
                raise ValueError(f"{which} needs metrics_custom_import, the module and class of the collector.")
            return _load(custom_import)
        raise ValueError(f"MetricsCollectors value {which!r} isn't supported")


def _load(path: str) -> MetricsCollector:
    module, _, name = path.rpartition(".")
    collector = getattr(importlib.import_module(module), name)
    if not issubclass(collector, MetricsCollector):
        raise ValueError(f"Custom Import: {collector} is not a subclass of MetricsCollector")
    return collector()  # type: ignore[no-any-return]


class MetricsCollector(metaclass=abc.ABCMeta):
    """What hears of tasks in the scheduler."""

    @abc.abstractmethod
    def __init__(self) -> None: ...

    @abc.abstractmethod
    def handle_task_started(self, task: Any) -> None:
        """A worker was given the task."""

    @abc.abstractmethod
    def handle_task_failed(self, task: Any) -> None:
        """The task failed."""

    @abc.abstractmethod
    def handle_task_disabled(self, task: Any, config: Any) -> None:
        """The task failed too often."""

    @abc.abstractmethod
    def handle_task_done(self, task: Any) -> None:
        """The task was finished."""

    def handle_task_statistics(self, task: Any, statistics: Any) -> None:  # noqa: B027 - a collector may leave it out
        """A running task told numbers of its own."""

    def generate_latest(self) -> Any:
        """What the page with the metrics shows."""
        return None

    def configure_http_handler(self, http_handler: Any) -> None:  # noqa: B027 - as above
        """Prepare the answer of that page."""


class NoMetricsCollector(MetricsCollector):
    """Counts nothing."""

    def __init__(self) -> None:
        pass

    def handle_task_started(self, task: Any) -> None: ...

    def handle_task_failed(self, task: Any) -> None: ...

    def handle_task_disabled(self, task: Any, config: Any) -> None: ...

    def handle_task_done(self, task: Any) -> None: ...
