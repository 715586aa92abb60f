"""The scheduler of a run without a server: Rumbo's machine, with Luigi's settings and Luigi's methods.

Workers of the façade drive the machine directly; whoever else calls ``add_task``, ``get_work`` or ``task_list`` speaks
the dialect, and both see the same tasks.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from luigi import batch_notifier as batch_notifier  # its section has flags
from luigi import notifications, parameter, task_history
from luigi.batch_notifier import BatchNotifier
from luigi.configuration import get_config
from luigi.metrics import MetricsCollectors, NoMetricsCollector
from luigi.parameter import ParameterVisibility as ParameterVisibility
from luigi.task import Config
from luigi.task_status import BATCH_RUNNING, DISABLED, DONE, FAILED, PENDING, RUNNING, SUSPENDED, UNKNOWN
from rumbo import codec
from rumbo.errors import ProtocolError
from rumbo.scheduler import memento
from rumbo.scheduler.commands import Join, Leave
from rumbo.scheduler.effects import Assigned, AttemptEnded, StateChanged, TaskDisabled
from rumbo.scheduler.machine import Machine, Policy
from rumbo.scheduler.records import NO_RETRIES, TaskRecord, TaskSpec
from rumbo.scheduler.records import State as States
from rumbo.wire.local import LocalScheduler
from rumbo.wire.luigi import METHODS, Dialect, DialectOptions
from rumbo.wire.luigi.dialect import Said
from rumbo.wire.luigi.memory import LuigiWorker as Worker
from rumbo.wire.luigi.words import plain, upstream_status
from rumbo.worker.specs import RetryDefaults

__all__ = [
    "BATCH_RUNNING",
    "DISABLED",
    "DONE",
    "FAILED",
    "PENDING",
    "RPC_METHODS",
    "RUNNING",
    "STATUS_TO_UPSTREAM_MAP",
    "SUSPENDED",
    "UNKNOWN",
    "UPSTREAM_DISABLED",
    "UPSTREAM_FAILED",
    "UPSTREAM_MISSING_INPUT",
    "UPSTREAM_RUNNING",
    "UPSTREAM_SEVERITY_KEY",
    "UPSTREAM_SEVERITY_ORDER",
    "WORKER_STATE_ACTIVE",
    "WORKER_STATE_DISABLED",
    "RetryPolicy",
    "Scheduler",
    "SimpleTaskState",
    "Task",
    "Worker",
    "scheduler",
]

logger = logging.getLogger("luigi.scheduler")

UPSTREAM_RUNNING = "UPSTREAM_RUNNING"
UPSTREAM_MISSING_INPUT = "UPSTREAM_MISSING_INPUT"
UPSTREAM_FAILED = "UPSTREAM_FAILED"
UPSTREAM_DISABLED = "UPSTREAM_DISABLED"
UPSTREAM_SEVERITY_ORDER = ("", UPSTREAM_RUNNING, UPSTREAM_MISSING_INPUT, UPSTREAM_FAILED, UPSTREAM_DISABLED)
UPSTREAM_SEVERITY_KEY = UPSTREAM_SEVERITY_ORDER.index
STATUS_TO_UPSTREAM_MAP = {
    FAILED: UPSTREAM_FAILED,
    RUNNING: UPSTREAM_RUNNING,
    BATCH_RUNNING: UPSTREAM_RUNNING,
    PENDING: UPSTREAM_MISSING_INPUT,
    DISABLED: UPSTREAM_DISABLED,
}
WORKER_STATE_DISABLED = "disabled"
WORKER_STATE_ACTIVE = "active"


class RetryPolicy(NamedTuple):
    """When the scheduler gives a task up."""

    retry_count: Any
    disable_hard_timeout: Any
    disable_window: Any


def _get_empty_retry_policy() -> RetryPolicy:
    return RetryPolicy(None, None, None)


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
    """The time as programs that replace ``time.time`` want it; one that is set back goes on from where it was."""

    def __init__(self) -> None:
        self._read = 0.0
        self._ahead = 0.0

    def now(self) -> float:
        read = time.time()
        if read < self._read:
            self._ahead += self._read - read
        self._read = read
        return read + self._ahead


class Scheduler:
    """Decides which task may run now, for all workers of this process that were given it.

    It has every method of Luigi's dialect, by which schedulers are spoken with over the network too.

    Args:
        config: the settings; or give any of them by name.
        resources: how much there is of each resource; None takes the section ``[resources]``.
        task_history_impl: a `luigi.task_history.TaskHistory` that is told of tasks.
    """

    def __init__(
        self,
        config: Any = None,
        resources: Mapping[str, Any] | None = None,
        task_history_impl: Any = None,
        **kwargs: Any,
    ) -> None:
        self._config = config or scheduler(**kwargs)
        self._resources = dict(get_config().getintdict("resources") if resources is None else resources)
        self._lock = threading.RLock()  # a worker's keep-alive thread speaks beside it
        self._clock = _Clock()
        self._maps: list[Mapping[str, Any]] = []
        self._task_history = self._history(task_history_impl)
        self._email_batcher: Any = BatchNotifier() if self._config.batch_emails else None
        policy = Policy(
            cooldown=self._config.stable_done_cooldown_secs,
            forget_after=self._config.remove_delay,
            enabled_as_failure=True,
        )
        self._machine = Machine(policy, {name: _amount(total) for name, total in self._resources.items()})
        self._dialect = Dialect(
            self._machine, self._apply, self._clock.now, self._options(), self._params_of, self._announce
        )
        self._state = SimpleTaskState(self._config.state_path, self)

    def _history(self, given: Any) -> Any:
        if given:
            return given
        if self._config.record_task_history:
            from luigi import db_task_history  # it needs a database

            return db_task_history.DbTaskHistory()
        return task_history.NopHistory()

    def _options(self) -> DialectOptions:
        config = self._config
        return DialectOptions(
            config.retry_count,
            config.disable_window,
            config.disable_hard_timeout,
            config.disable_persist,
            config.retry_delay,
            config.max_shown_tasks,
            config.max_graph_nodes,
            config.record_task_history,
            config.prune_on_get_work,
            config.pause_enabled,
            config.send_messages,
            config.worker_disconnect_delay,
        )

    # -- what happens -------------------------------------------------------------------------------------------------

    def _apply(self, *commands: Any) -> list[Any]:
        effects: list[Any] = []
        for command in commands:
            effects += self._machine.apply(command, self._clock.now())
        self._heard(effects)
        return effects

    def _heard(self, effects: Sequence[Any]) -> None:
        """Tell those who watch what happened, whoever caused it."""
        self._dialect.observe(effects)
        for effect in effects:
            if type(effect) is TaskDisabled and self._email_batcher is None:
                self._send_disabled(effect.task)
        self._state._count(effects)
        if type(self._task_history) is not task_history.NopHistory:
            self._remember(effects)

    def _remember(self, effects: Sequence[Any]) -> None:
        history = self._task_history
        for effect in effects:
            try:
                if type(effect) is Assigned:
                    known = self._dialect.workers.get(effect.worker)
                    for id in effect.tasks:
                        history.task_started(self._state.get_task(id), known.host if known else None)
                elif type(effect) is StateChanged and effect.new is States.PENDING:
                    history.task_scheduled(self._state.get_task(effect.task))
                elif type(effect) is StateChanged and effect.new in (States.DONE, States.FAILED):
                    history.task_finished(self._state.get_task(effect.task), effect.new is States.DONE)
            except Exception:  # a history that fails must not stop the tasks; it is logged
                logger.warning("The history could not be told of %s", effect, exc_info=True)

    def _send_disabled(self, id: str) -> None:
        policy = self._state.get_task(id).retry_policy
        notifications.send_error_email(
            f"Luigi Scheduler: DISABLED {id} due to excessive failures",
            f"{id} failed {policy.retry_count} times in the last {policy.disable_window} seconds, so it is being "
            f"disabled for {self._config.disable_persist} seconds",
        )

    def _announce(self, told: Mapping[str, Any]) -> None:
        if self._email_batcher is not None:
            unbatched = self._unbatched(told["worker"], told["family"], told["params"])
            self._email_batcher.add_scheduling_fail(
                told["task_name"], told["family"], unbatched, told["expl"], told["owners"]
            )

    def gather_failure(self, task: Any, expl: str) -> None:
        """A task of a worker of this process failed; tell of it when mails are sent, if they are gathered."""
        if self._email_batcher is not None:
            name, family, unbatched, owners = _told_of(task)
            self._email_batcher.add_failure(name, family, unbatched, expl, owners)

    def _gather_disables(self, effects: Sequence[Any], tasks: Mapping[str, Any]) -> None:
        """Tell of tasks that were disabled; of a batch, which one task stood for, once."""
        lease, is_told = 0, False
        for effect in effects:
            if type(effect) is AttemptEnded:
                lease, is_told = effect.lease, lease == effect.lease and is_told
            elif type(effect) is TaskDisabled and effect.task in tasks and not is_told:
                self._email_batcher.add_disable(*_told_of(tasks[effect.task]))
                is_told = True

    def _unbatched(self, worker: str | None, family: str, params: Mapping[str, str]) -> dict[str, str]:
        """The parameters that tasks of a batch share."""
        known = self._dialect.workers.get(worker or "")
        batched = known.batchers.get(family, ((), 0))[0] if known else ()
        return {name: value for name, value in params.items() if name not in batched}

    # -- workers of this process --------------------------------------------------------------------------------------

    def _connect(
        self, worker: str, watch: Callable[[Sequence[Any]], None], tasks: Mapping[str, Any] | None = None
    ) -> Connection:
        """What a worker in this process speaks through; it keeps the tasks that it describes in ``tasks``."""

        def heard(effects: Sequence[Any]) -> None:
            self._heard(effects)
            if self._email_batcher is not None:
                self._gather_disables(effects, tasks or {})
                if self._config.prune_on_get_work:
                    self._email_batcher.update()
            watch(effects)

        if tasks is not None:
            self._maps.append(tasks)
        return Connection(self._machine, self._clock, worker, heard)

    def _params_of(self, id: str) -> Mapping[str, str]:
        """The parameters of a task that a worker of this process has described."""
        for tasks in self._maps:
            if id in tasks:
                params: Mapping[str, str] = tasks[id].to_str_params(only_public=True)
                return params
        return {}

    def _introduce(self, worker: str, info: Any) -> None:
        with self._lock:
            self._dialect.introduce(worker, info)

    def _retry_defaults(self) -> RetryDefaults:
        config = self._config
        return RetryDefaults(
            disable_after=config.retry_count,
            window=config.disable_window,
            hard_timeout=config.disable_hard_timeout,
            disable_for=config.disable_persist,
            reopen_after=config.retry_delay if config.retry_delay >= 0 else None,
        )

    # -- the dialect --------------------------------------------------------------------------------------------------

    def _add_task(self, said: dict[str, Any]) -> None:
        with self._lock:
            self._dialect.add_task(**said)
            if said.get("status") == FAILED and self._email_batcher is not None:
                self._mail_failure(said)

    def _mail_failure(self, said: Mapping[str, Any]) -> None:
        task = self._state.get_task(said["task_id"])
        if task is None or self._email_batcher is None:
            return
        unbatched, owners = self._unbatched(said.get("worker"), task.family, task.params), said.get("owners")
        try:
            message = json.loads(said.get("expl") or "null")
        except ValueError:
            message = said["expl"]
        self._email_batcher.add_failure(task.pretty_id, task.family, unbatched, message, owners)
        if task.status == DISABLED:
            self._email_batcher.add_disable(task.pretty_id, task.family, unbatched, owners)

    def prune(self) -> None:
        """Do what is due: workers that were silent for too long, retries, tasks that nobody wants."""
        with self._lock:
            self._dialect.prune()
        if self._email_batcher is not None:
            self._email_batcher.update()

    def update_resources(self, **resources: Any) -> None:
        """Change how much there is of several resources."""
        self._resources.update(resources)
        with self._lock:
            self._dialect.update_resources(**resources)

    def update_resource(self, resource: str, amount: Any) -> bool:
        """Change how much there is of a resource; False if the amount is none."""
        with self._lock:
            is_changed = self._dialect.update_resource(resource, amount)
        if is_changed:
            self._resources[resource] = amount
        return is_changed

    def resources(self) -> dict[str, dict[str, Any]]:
        """Of each resource: how much there is, and how much is used."""
        with self._lock:
            listed = self._dialect.resource_list()
        return {each["name"]: {"total": each["num_total"], "used": each["num_used"]} for each in listed}

    def report_task_statistics(self, task_id: str, statistics: Any) -> None:
        """A running task tells numbers of its own."""
        with self._lock:
            self._dialect.report_task_statistics(task_id, statistics)
        if task_id in self._machine.tasks:
            self._state._metrics_collector.handle_task_statistics(self._state.get_task(task_id), statistics)

    def update_metrics_task_started(self, task: Any) -> None:
        """Count a task as given out."""
        self._state._metrics_collector.handle_task_started(task)

    @property
    def task_history(self) -> Any:
        """What is told of tasks."""
        return self._task_history

    def _upstream_status(self, task_id: str, upstream_status_table: dict[str, Any]) -> str | None:
        task = self._machine.tasks.get(task_id)
        return None if task is None else upstream_status(self._machine, task, {})

    def _generate_retry_policy(self, task_retry_policy_dict: Mapping[str, Any]) -> RetryPolicy:
        own = {name: value for name, value in task_retry_policy_dict.items() if value is not None}
        return RetryPolicy(**{**self._config._get_retry_policy()._asdict(), **own})

    # -- between two processes ----------------------------------------------------------------------------------------

    def load(self) -> None:
        """Go on where the scheduler stood that wrote ``[scheduler] state_path``; with nothing when there is none."""
        self._state.load()

    def dump(self) -> None:
        """Write all that is known to ``[scheduler] state_path``."""
        self._state.dump()
        if self._email_batcher is not None:
            self._email_batcher.send_email()


def _told_of(task: Any) -> tuple[str, str, dict[str, str], list[str]]:
    """What mails say of a task: its name, its family, the parameters that its batch would share, and its owners."""
    params, batched = task.to_str_params(), task.batch_param_names()
    name = ", ".join(f"{name}={value}" for name, value in sorted(task.to_str_params(only_public=True).items()))
    unbatched = {name: value for name, value in params.items() if name not in batched}
    return f"{task.task_family}({name})", task.task_family, unbatched, task._owner_list()


def by_name(name: str, call: Callable[[Any, dict[str, Any]], Any]) -> Callable[..., Any]:
    """A method of the dialect, which takes its arguments by position too.

    Args:
        call: what is done with whom it is called on, and the arguments by name.
    """
    stated: Any = Said.__new__ if name == "add_task" else getattr(Dialect, name)
    order = stated.__code__.co_varnames[1 : stated.__code__.co_argcount]

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if len(args) > len(order):
            raise TypeError(f"{name}() takes {len(order)} arguments by position, not {len(args)}")
        return call(self, {**dict(zip(order, args, strict=False)), **kwargs})

    method.__name__ = name
    method.__doc__ = getattr(Dialect, name).__doc__
    method.__dict__["__wrapped__"] = stated  # so that inspect.signature tells the arguments
    return method


def _spoken(name: str) -> Callable[..., Any]:
    def ask(scheduler: Scheduler, arguments: dict[str, Any]) -> Any:
        with scheduler._lock:
            return scheduler._dialect.methods[name](**arguments)

    return by_name(name, ask)


setattr(Scheduler, "add_task", by_name("add_task", Scheduler._add_task))  # noqa: B010 - to mypy it has none
for _name in METHODS:
    if _name not in vars(Scheduler):
        setattr(Scheduler, _name, _spoken(_name))

RPC_METHODS: dict[str, Callable[..., Any]] = {name: getattr(Scheduler, name) for name in sorted(METHODS)}
"""All that may be called over the network."""


class Task:
    """A task as programs look at it in a scheduler: what is known of it at this moment."""

    def __init__(self, owner: Scheduler, id: str) -> None:
        self._owner = owner
        self.id = id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Task) and (self._owner, self.id) == (other._owner, other.id)

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"Task({self.id!r}, {self.status!r})"

    @property
    def _record(self) -> TaskRecord:
        return self._owner._machine.tasks[self.id]

    @property
    def _notes(self) -> Any:
        return self._owner._dialect.pages.note(self.id)

    @property
    def status(self) -> str:
        """Its status."""
        return self._owner._dialect.pages.status(self._record)

    @property
    def family(self) -> str:
        """Its family."""
        return self._record.spec.family

    @property
    def module(self) -> str | None:
        """The module that it is in."""
        return self._record.spec.module or None

    @property
    def params(self) -> Mapping[str, str]:
        """All parameters."""
        return dict(self._owner._dialect.pages.params(self._record))

    @property
    def public_params(self) -> dict[str, str]:
        """The parameters that everybody may see."""
        return self._owner._dialect.pages.public_params(self._record)

    @property
    def hidden_params(self) -> dict[str, str]:
        """The parameters that pages do not show."""
        hidden = self._notes.hidden
        return {name: value for name, value in self.params.items() if name in hidden}

    @property
    def pretty_id(self) -> str:
        """The task as people read it."""
        return self._owner._dialect.pages.display_name(self._record)

    @property
    def deps(self) -> set[str]:
        """Ids of what it needs."""
        return set(self._record.waits_for)

    @property
    def priority(self) -> float:
        """Its priority, or that of a task that needs it."""
        return plain(self._record.priority)

    @property
    def resources(self) -> dict[str, float]:
        """What it needs while it runs."""
        return {name: plain(amount) for name, amount in self._record.spec.resources.items()}

    @property
    def resources_running(self) -> dict[str, float] | None:
        """What it holds."""
        return self._owner._dialect.pages.resources_running(self._record)

    @property
    def workers(self) -> list[str]:
        """Who may run it."""
        return self._owner._dialect.pages.enabled_runners(self._record)

    @property
    def stakeholders(self) -> set[str]:
        """Who wants it."""
        return set(self._record.stakeholders)

    @property
    def worker_running(self) -> str | None:
        """Who runs it, or ran it last."""
        worker: str | None = self._notes.worker_running
        return worker

    @property
    def retry_policy(self) -> RetryPolicy:
        """When it is given up."""
        policy = self._record.spec.retry
        if policy is NO_RETRIES:
            return self._owner._config._get_retry_policy()  # type: ignore[no-any-return, unused-ignore]
        return RetryPolicy(policy.disable_after, policy.hard_timeout, policy.window)

    @property
    def time(self) -> float:
        """When it was first heard of."""
        return self._record.first_seen

    @property
    def time_running(self) -> float | None:
        """When it was given out."""
        at: float | None = self._notes.time_running
        return at

    @property
    def updated(self) -> float:
        """When its status changed last."""
        story = self._record.story
        return float(story[-2]) if story else self._record.first_seen

    @property
    def failures(self) -> tuple[float, ...]:
        """When it failed."""
        return self._record.failures

    def num_failures(self) -> int:
        """How often it failed, as far as that counts."""
        return len(self._record.failures)

    def has_excessive_failures(self) -> bool:
        """Whether it failed too often, or for too long."""
        policy, first = self.retry_policy, self.first_failure_time
        too_long = first is not None and time.time() >= first + policy.disable_hard_timeout
        return too_long or bool(self.num_failures() >= policy.retry_count)

    def is_batchable(self) -> bool:
        """Whether it may be done together with others."""
        return self._record.spec.batch is not None

    @property
    def first_failure_time(self) -> float | None:
        """When it failed first."""
        failures = self._record.failures
        return failures[0] if failures else None

    @property
    def expl(self) -> Any:
        """Why it failed."""
        return self._notes.expl

    @property
    def tracking_url(self) -> Any:
        """Where to watch it."""
        return self._notes.tracking_url

    @property
    def status_message(self) -> Any:
        """What it said last."""
        return self._notes.status_message

    @property
    def progress_percentage(self) -> Any:
        """How far it is."""
        return self._notes.progress

    @property
    def runnable(self) -> bool:
        """Whether anybody can run it."""
        return self._record.spec.runnable

    @property
    def scheduler_disable_time(self) -> float | None:
        """When it was disabled by its failures."""
        until = self._record.disabled_until
        return None if until is None else until - self._record.spec.retry.disable_for


class SimpleTaskState:
    """What a scheduler knows, as programs look into it (``scheduler._state``), and its file.

    Args:
        state_path: the file.
        owner: the scheduler; without one, what is read from the file belongs to a scheduler of its own.
    """

    def __init__(self, state_path: str, owner: Scheduler | None = None) -> None:
        self._owner = owner = owner or Scheduler(state_path=state_path)
        self._state_path = state_path
        self._metrics_collector = MetricsCollectors.get(
            owner._config.metrics_collector, owner._config.metrics_custom_import
        )

    def get_task(self, task_id: str, default: Any = None) -> Any:
        """A task."""
        return Task(self._owner, task_id) if task_id in self._owner._machine.tasks else default

    def has_task(self, task_id: str) -> bool:
        """Whether a task is known."""
        return task_id in self._owner._machine.tasks

    def get_active_tasks(self) -> list[Task]:
        """All tasks."""
        return [Task(self._owner, id) for id in self._owner._machine.tasks]

    def get_active_tasks_by_status(self, *statuses: str) -> list[Task]:
        """All tasks with one of these statuses."""
        pages = self._owner._dialect.pages
        return [Task(self._owner, task.id) for status in statuses for task in pages.with_status(status)]

    def get_active_task_count_for_status(self, status: str) -> int:
        """How many tasks have a status."""
        return sum(1 for _ in self._owner._dialect.pages.with_status(status))

    def num_pending_tasks(self) -> int:
        """How many tasks are pending or running."""
        return sum(map(self.get_active_task_count_for_status, (PENDING, RUNNING)))

    def get_active_workers(
        self, last_active_lt: float | None = None, last_get_work_gt: float | None = None
    ) -> list[Worker]:
        """The workers that speak the dialect.

        Args:
            last_active_lt: only those that were silent since then.
            last_get_work_gt: only those that have asked for work since then.
        """
        workers = self._owner._dialect.workers.values()
        return [
            each
            for each in workers
            if (last_active_lt is None or each.last_active < last_active_lt)
            and (last_get_work_gt is None or (each.last_asked or 0.0) > last_get_work_gt)
        ]

    def get_assistants(self, last_active_lt: float | None = None) -> list[Worker]:
        """The workers that run what others wanted."""
        return [each for each in self.get_active_workers(last_active_lt) if each.assistant]

    def get_worker_ids(self) -> list[str]:
        """The names of all workers."""
        return list(self._owner._machine.workers)

    def get_worker(self, worker_id: str) -> Any:
        """A worker that speaks the dialect."""
        return self._owner._dialect._meet(worker_id)[0]

    def _count(self, effects: Sequence[Any]) -> None:
        """Let the metrics know what happened."""
        collector = self._metrics_collector
        if type(collector) is NoMetricsCollector:
            return
        disabled = {effect.task for effect in effects if type(effect) is TaskDisabled}
        for effect in effects:
            if type(effect) is Assigned:
                for id in effect.tasks:
                    collector.handle_task_started(self.get_task(id))
            elif type(effect) is not StateChanged:
                continue
            elif effect.new is States.DISABLED:
                collector.handle_task_disabled(self.get_task(effect.task), self._owner._config)
            elif effect.new is States.DONE:
                collector.handle_task_done(self.get_task(effect.task))
            elif effect.new is States.FAILED and effect.task not in disabled:
                collector.handle_task_failed(self.get_task(effect.task))

    def dump(self) -> None:
        """Write everything to the file; that it cannot be written is logged."""
        owner = self._owner
        try:
            with owner._lock:
                body = codec.encode((memento.save(owner._machine), owner._dialect.save()))
            with open(f"{self._state_path}.new", "wb") as file:
                file.write(body)
            os.replace(f"{self._state_path}.new", self._state_path)
        except (OSError, TypeError):
            logger.warning("Failed saving scheduler state", exc_info=True)
        else:
            logger.info("Saved state in %s", self._state_path)

    def load(self) -> None:
        """Read everything from the file. One that is not understood is kept, and nothing is known."""
        owner = self._owner
        try:
            with open(self._state_path, "rb") as file:
                body = file.read()
        except FileNotFoundError:
            logger.info("No prior state file exists at %s. Starting with empty state", self._state_path)
            return
        if not body:
            return
        logger.info("Attempting to load state from %s", self._state_path)
        try:
            saved, remembered = codec.decode(body, tuple[memento.Memento, dict[str, Any]], "state of a scheduler")
        except ProtocolError as error:
            aside = f"{self._state_path}.unreadable"
            shutil.copy2(self._state_path, aside)  # it is written anew when this scheduler ends
            logger.error("Starting from empty state; the file that is not understood is kept as %s: %s", aside, error)
            return
        machine = memento.restore(saved, owner._machine.policy)
        owner._machine = machine
        owner._dialect.restore(remembered, machine)


class Connection(LocalScheduler):
    """An engine's connection with a machine that the dialect speaks for as well."""

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

    def pending(self) -> int:
        """How many tasks may still be done."""
        given_up = self._given_up()
        tasks = map(self.machine.tasks.__getitem__, self.machine.workers[self._worker].tasks)
        return sum(task.state in _OPEN and self._worker in task.runners and task.id not in given_up for task in tasks)

    def _given_up(self) -> set[str]:
        """Tasks that are disabled or wait for one that is, so that waiting for them has no end."""
        waiting = [task.id for task in self.machine.tasks.values() if task.state is States.DISABLED]
        found = set(waiting)
        while waiting:
            for id in self.machine.tasks[waiting.pop()].dependents:
                if id not in found:
                    found.add(id)
                    waiting.append(id)
        return found


_OPEN = (States.PENDING, States.PARKED, States.FAILED)


def _amount(total: Any) -> float:
    return float(total["total"]) if isinstance(total, Mapping) else float(total)
