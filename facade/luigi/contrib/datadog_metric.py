"""Tells Datadog of tasks. Its library must be installed; the service itself could not be tried."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from luigi import Config, parameter
from luigi.metrics import MetricsCollector
from rumbo.errors import MissingExtraError

__all__ = ["DatadogMetricsCollector", "datadog"]


class datadog(Config):
    """The section ``[datadog]``."""

    api_key = parameter.Parameter(default="dummy_api_key", description="API key")
    app_key = parameter.Parameter(default="dummy_app_key", description="Application key")
    default_tags = parameter.Parameter(default="application:luigi", description="Tags of all that is sent")
    environment = parameter.Parameter(default="development", description="Where this pipeline runs")
    metric_namespace = parameter.Parameter(default="luigi", description="Beginning of all names of metrics")
    statsd_host = parameter.Parameter(default="localhost", description="Machine that takes metrics")
    statsd_port: Any = parameter.IntParameter(default=8125, description="Port there")


class DatadogMetricsCollector(MetricsCollector):
    """Sends a metric and an event when a task is started, has failed, is disabled or done."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._config = datadog(**kwargs)
        try:
            self._library: Any = import_module("datadog")
        except ImportError:
            raise MissingExtraError("Datadog", "datadog") from None
        self._library.initialize(
            api_key=self._config.api_key,
            app_key=self._config.app_key,
            statsd_host=self._config.statsd_host,
            statsd_port=self._config.statsd_port,
        )

    def handle_task_started(self, task: Any) -> None:
        self._tell(task, "started", "started", f"A task has been started in the pipeline named: {task.family}", "info")

    def handle_task_failed(self, task: Any) -> None:
        text = f"A task has failed in the pipeline named: {task.family}"
        self._tell(task, "failed", "failed", text, "error", "normal")

    def handle_task_disabled(self, task: Any, config: Any) -> None:
        text = (
            f"A task has been disabled in the pipeline named: {task.family}. It failed {config.retry_count} times in "
            f"{config.disable_window} seconds, and is disabled for {config.disable_persist} seconds."
        )
        self._tell(task, "disabled", "disabled", text, "error", "normal")

    def handle_task_done(self, task: Any) -> None:
        if task.time_running is None:  # it was complete already
            return
        tags = self._tags(task)
        self._library.statsd.gauge(self._name("execution_time"), task.updated - task.time_running, tags=tags)
        text = f"A task has completed in the pipeline named: {task.family}"
        self._tell(task, "done", "completed", text, "info")

    def _tell(self, task: Any, metric: str, word: str, text: str, alert: str, priority: str = "low") -> None:
        tags = self._tags(task)
        self._library.statsd.increment(self._name(metric), 1, tags=tags)
        self._library.api.Event.create(
            title=f"Luigi: A task has been {word}!",
            text=text,
            tags=[*tags, f"task_state:{metric.upper()}"],
            alert_type=alert,
            priority=priority,
        )

    def _name(self, metric: str) -> str:
        return f"{self._config.metric_namespace}.task.{metric}"

    def _tags(self, task: Any) -> list[str]:
        values = [f"{name}:{value}" for name, value in task.params.items()]
        return [f"task_name:{task.family}", *values, *self.default_tags]

    @property
    def default_tags(self) -> list[str]:
        given = self._config.default_tags
        return [f"environment:{self._config.environment}", *(given.split(",") if given else [])]
