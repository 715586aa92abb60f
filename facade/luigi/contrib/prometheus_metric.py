"""Counts tasks for Prometheus."""

from __future__ import annotations

from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest

from luigi import Config, parameter
from luigi.metrics import MetricsCollector

__all__ = ["PrometheusMetricsCollector", "prometheus"]


class prometheus(Config):
    """The section ``[prometheus]``."""

    use_task_family_in_labels = parameter.BoolParameter(
        default=True, parsing=parameter.BoolParameter.EXPLICIT_PARSING, description="The family is a label"
    )
    task_parameters_to_use_in_labels: Any = parameter.ListParameter(
        default=[], description="Parameters that are labels too"
    )


class PrometheusMetricsCollector(MetricsCollector):
    """Counts what was started, failed, disabled and done, and how long the last task of each kind took."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        config = prometheus(**kwargs)
        self.registry = CollectorRegistry()
        self.labels = list(config.task_parameters_to_use_in_labels)
        if config.use_task_family_in_labels:
            self.labels.append("family")
        if not self.labels:
            raise ValueError("Prometheus labels cannot be empty: set use_task_family_in_labels in [prometheus].")
        started, failed, disabled, done = (
            Counter(f"luigi_task_{name}_total", f"number of {name} luigi tasks", self.labels, registry=self.registry)
            for name in ("started", "failed", "disabled", "done")
        )
        self.task_started_counter = started
        self.task_failed_counter = failed
        self.task_disabled_counter = disabled
        self.task_done_counter = done
        self.task_execution_time = Gauge(
            "luigi_task_execution_time_seconds", "luigi task execution time in seconds", self.labels,
            registry=self.registry,
        )  # fmt: skip

    def _generate_task_labels(self, task: Any) -> dict[str, Any]:
        return {label: task.family if label == "family" else task.params.get(label) for label in self.labels}

    def _took(self, task: Any) -> None:
        if task.time_running is not None:  # None: the task was complete already
            seconds = task.updated - task.time_running
            self.task_execution_time.labels(**self._generate_task_labels(task)).set(seconds)

    def generate_latest(self) -> bytes:
        return generate_latest(self.registry)

    def handle_task_started(self, task: Any) -> None:
        self.task_started_counter.labels(**self._generate_task_labels(task)).inc()
        self.task_execution_time.labels(**self._generate_task_labels(task))

    def handle_task_failed(self, task: Any) -> None:
        self.task_failed_counter.labels(**self._generate_task_labels(task)).inc()
        self._took(task)

    def handle_task_disabled(self, task: Any, config: Any) -> None:
        self.task_disabled_counter.labels(**self._generate_task_labels(task)).inc()
        self._took(task)

    def handle_task_done(self, task: Any) -> None:
        self.task_done_counter.labels(**self._generate_task_labels(task)).inc()
        self._took(task)

    def configure_http_handler(self, http_handler: Any) -> None:
        http_handler.set_header("Content-Type", CONTENT_TYPE_LATEST)
