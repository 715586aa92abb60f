"""The scheduler of a run without a server: Rumbo's machine, with Luigi's settings.

Luigi's own dialect, by which workers and pages speak with a scheduler (``add_task``, ``get_work``, ``task_list`` ...),
belongs to the server and is not spoken here yet: those methods say so when they are called.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from luigi import batch_notifier as batch_notifier  # its section has flags
from luigi import parameter
from luigi.configuration import get_config
from luigi.metrics import MetricsCollectors
from luigi.task import Config
from luigi.task_status import BATCH_RUNNING, DISABLED, DONE, FAILED, PENDING, RUNNING, SUSPENDED, UNKNOWN
from rumbo.scheduler.commands import DisableWorker, Join, Leave
from rumbo.scheduler.machine import Machine, Policy
from rumbo.scheduler.records import State, TaskRecord
from rumbo.wire.local import LocalScheduler
from rumbo.worker.specs import RetryDefaults

__all__ = [
    "BATCH_RUNNING",
    "DISABLED",
    "DONE",
    "FAILED",
    "PENDING",
    "RPC_METHODS",
    "RUNNING",
    "SUSPENDED",
    "UNKNOWN",
    "UPSTREAM_DISABLED",
    "UPSTREAM_FAILED",
    "UPSTREAM_MISSING_INPUT",
    "UPSTREAM_RUNNING",
    "WORKER_STATE_ACTIVE",
    "WORKER_STATE_DISABLED",
    "RetryPolicy",
    "Scheduler",
    "scheduler",
]

logger = logging.getLogger("luigi.scheduler")

UPSTREAM_RUNNING = "UPSTREAM_RUNNING"
UPSTREAM_MISSING_INPUT = "UPSTREAM_MISSING_INPUT"
UPSTREAM_FAILED = "UPSTREAM_FAILED"
UPSTREAM_DISABLED = "UPSTREAM_DISABLED"
WORKER_STATE_DISABLED = "disabled"
WORKER_STATE_ACTIVE = "active"

RPC_METHODS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "add_scheduler_message_response": (("task_id", "message_id", "response"), {}),
    "add_task": (("task_id", "status", "runnable", "deps", "new_deps", "expl", "resources", "priority", "family"), {}),
    "add_task_batcher": (("worker", "task_family", "batched_args", "max_batch_size"), {}),
    "add_worker": (("worker", "info"), {}),
    "announce_scheduling_failure": (("task_name", "family", "params", "expl", "owners"), {}),
    "count_pending": (("worker",), {}),
    "decrease_running_task_resources": (("task_id", "decrease_resources"), {}),
    "dep_graph": (("task_id", "include_done"), {}),
    "disable_worker": (("worker",), {}),
    "fetch_error": (("task_id",), {}),
    "forgive_failures": (("task_id",), {}),
    "get_running_task_resources": (("task_id",), {}),
    "get_scheduler_message_response": (("task_id", "message_id"), {}),
    "get_task_progress_percentage": (("task_id",), {}),
    "get_task_status_message": (("task_id",), {}),
    "get_work": (("host", "assistant", "current_tasks", "worker"), {"allow_null": False}),
    "graph": ((), {}),
    "has_task_history": ((), {}),
    "inverse_dep_graph": (("task_id", "include_done"), {}),
    "is_pause_enabled": ((), {}),
    "is_paused": ((), {}),
    "mark_as_done": (("task_id",), {}),
    "pause": ((), {}),
    "ping": ((), {"attempts": 1}),
    "prune": ((), {}),
    "re_enable_task": (("task_id",), {}),
    "report_task_statistics": (("task_id", "statistics"), {}),
    "resource_list": ((), {}),
    "send_scheduler_message": (("worker", "task", "content"), {}),
    "set_task_progress_percentage": (("task_id", "progress_percentage"), {}),
    "set_task_status_message": (("task_id", "status_message"), {}),
    "set_worker_processes": (("worker", "n"), {}),
    "task_list": (("status", "upstream_status", "limit", "search", "max_shown_tasks"), {}),
    "task_search": (("task_str",), {}),
    "unpause": ((), {}),
    "update_metrics_task_started": (("task",), {}),
    "update_resource": (("resource", "amount"), {}),
    "update_resources": ((), {}),
    "worker_list": (("include_running",), {}),
}
"""Luigi's dialect: the name of each method, its arguments by position, and how a client asks for it."""


class RetryPolicy(NamedTuple):
    """When the scheduler gives a task up."""

    retry_count: Any
    disable_hard_timeout: Any
    disable_window: Any


class scheduler(Config):
    """The section ``[scheduler]``."""

    retry_delay = parameter.FloatParameter(default=900.0, description="Seconds until a failed task may run again")
    remove_delay = parameter.FloatParameter(default=600.0, description="Seconds until an unwanted task is forgotten")
    worker_disconnect_delay = parameter.FloatParameter(default=60.0, description="Seconds of silence of a lost worker")
    state_path = parameter.Parameter(default="/var/lib/luigi-server/state.pickle")
    batch_emails = parameter.BoolParameter(default=False, description="Gather mails instead of sending each at once")
    disable_window = parameter.IntParameter(default=3600, description="Seconds in which failures count together")
    retry_count = parameter.IntParameter(default=999999999, description="So many failures disable a task")
    disable_hard_timeout = parameter.IntParameter(default=999999999)
    disable_persist = parameter.IntParameter(default=86400, description="Seconds that a task stays disabled")
    max_shown_tasks = parameter.IntParameter(default=100000)
    max_graph_nodes = parameter.IntParameter(default=100000)
    record_task_history = parameter.BoolParameter(default=False)
    prune_on_get_work = parameter.BoolParameter(default=False)
    pause_enabled = parameter.BoolParameter(default=True)
    send_messages = parameter.BoolParameter(default=True)
    metrics_collector = parameter.EnumParameter(enum=MetricsCollectors, default=MetricsCollectors.default)
    metrics_custom_import = parameter.OptionalStrParameter(default=None)
    stable_done_cooldown_secs = parameter.IntParameter(
        default=10, description="Seconds for which a finished task is not believed to be missing again"
    )

    def _get_retry_policy(self) -> RetryPolicy:
        return RetryPolicy(self.retry_count, self.disable_hard_timeout, self.disable_window)


class _Clock:
    """The time as programs that replace ``time.time`` want it."""

    def now(self) -> float:
        return time.time()


class Scheduler:
    """Decides which task may run now, for all workers of this process that were given it.

    Args:
        config: the settings; or give any of them by name.
        resources: how much there is of each resource; None takes the section ``[resources]``.
        task_history_impl: not used yet.
    """

    def __init__(
        self,
        config: Any = None,
        resources: Mapping[str, Any] | None = None,
        task_history_impl: Any = None,
        **kwargs: Any,
    ) -> None:
        self._config = config or scheduler(**kwargs)
        self._resources = get_config().getintdict("resources") if resources is None else resources
        policy = Policy(cooldown=self._config.stable_done_cooldown_secs, forget_after=self._config.remove_delay)
        self._machine = Machine(policy, {name: _amount(total) for name, total in self._resources.items()})
        self._clock = _Clock()

    def _connect(self, worker: str, watch: Callable[[Sequence[Any]], None]) -> Connection:
        """What a worker in this process speaks through."""
        return Connection(self._machine, self._clock, worker, watch)

    def _retry_defaults(self) -> RetryDefaults:
        config = self._config
        return RetryDefaults(
            disable_after=config.retry_count,
            window=config.disable_window,
            hard_timeout=config.disable_hard_timeout,
            disable_for=config.disable_persist,
            reopen_after=config.retry_delay if config.retry_delay >= 0 else None,
        )

    def disable_worker(self, worker: str) -> None:
        """Give a worker no more work; what it runs it may finish."""
        self._machine.apply(DisableWorker(worker), self._clock.now())

    def __getattr__(self, name: str) -> Any:
        if name not in RPC_METHODS:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

        def say_so(*args: Any, **kwargs: Any) -> Any:
            raise NotImplementedError(
                f"luigi.scheduler.Scheduler.{name}() is a method of the central scheduler, which this version does not "
                "have yet. Run tasks by luigi.build(..., local_scheduler=True) or luigi.worker.Worker."
            )

        return say_so


class Connection(LocalScheduler):
    """A worker's connection with a machine that other workers of this process may share."""

    def __init__(self, machine: Machine, clock: _Clock, worker: str, watch: Callable[[Sequence[Any]], None]) -> None:
        self.machine = machine
        self._worker = worker
        self._now = clock.now
        self._watch = watch
        machine.apply(Join(worker), clock.now())

    def leave(self) -> None:
        """Give back what is held; the worker may come again."""
        if self.machine.workers[self._worker].leases:
            self._watch(self.machine.apply(Leave(self._worker), self._now()))
            self.machine.apply(Join(self._worker), self._now())

    @property
    def is_disabled(self) -> bool:
        """Whether somebody wants the worker to stop."""
        return self.machine.workers[self._worker].disabled

    def pending(self) -> tuple[int, int, int]:
        """Tasks of the worker that may still be done: all, those of no other worker, and those it described last."""
        given_up = self._given_up()
        mine = [task for task in self._tasks() if task.state in _OPEN and task.id not in given_up]
        alone = sum(len(task.runners) == 1 for task in mine)
        last = sum(task.runners[-1] == self._worker for task in mine)
        return len(mine), alone, last

    def elsewhere(self) -> list[dict[str, Any]]:
        """The worker's tasks that others run."""
        held = [(task.id, self.machine.leases[task.lease].worker) for task in self._tasks() if task.lease]
        return [{"task_id": id, "worker": worker} for id, worker in held if worker != self._worker]

    def _tasks(self) -> list[TaskRecord]:
        tasks = map(self.machine.tasks.__getitem__, self.machine.workers[self._worker].tasks)
        return [task for task in tasks if self._worker in task.runners]

    def _given_up(self) -> set[str]:
        """Tasks that are disabled or wait for one that is, so that waiting for them has no end."""
        waiting = [task.id for task in self.machine.tasks.values() if task.state is State.DISABLED]
        found = set(waiting)
        while waiting:
            for id in self.machine.tasks[waiting.pop()].dependents:
                if id not in found:
                    found.add(id)
                    waiting.append(id)
        return found


_OPEN = (State.PENDING, State.PARKED, State.FAILED)


def _amount(total: Any) -> float:
    return float(total["total"]) if isinstance(total, Mapping) else float(total)
