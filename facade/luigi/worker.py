"""The worker: finds what tasks need, and runs them by Rumbo's engine, in Luigi's words.

`Worker` is what ``luigi.build`` and ``luigi.run`` use, and what programs use that put the parts together themselves. It
keeps what Luigi's worker keeps (``_add_task_history``, ``_scheduled_tasks`` ...), since summaries, exit codes and
programs read it. What is marked "for workers of others" is not used by our own.
"""

from __future__ import annotations

import collections
import contextlib
import datetime
import getpass
import logging
import multiprocessing
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from luigi import notifications
from luigi._history import Memory
from luigi._history import is_wanted as history_is_wanted
from luigi._planning import LuigiDescriber, LuigiPlan
from luigi._planning import is_external as _is_external
from luigi._running import LuigiAttempts, LuigiEngine, with_outputs
from luigi.event import Event
from luigi.parameter import (
    BoolParameter,
    ConfigPath,
    FloatParameter,
    IntParameter,
    OptionalParameter,
    Parameter,
    TimeDeltaParameter,
)
from luigi.scheduler import WORKER_STATE_ACTIVE, WORKER_STATE_DISABLED, RetryPolicy, Scheduler
from luigi.target import Target
from luigi.task import Config, DynamicRequirements, Task, flatten
from luigi.task_register import TaskClassException, load_task
from luigi.task_status import DISABLED, DONE, FAILED, PENDING, RUNNING, UNKNOWN
from rumbo.ports import Ended, Message
from rumbo.scheduler.records import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

__all__ = [
    "DISABLED",
    "DONE",
    "FAILED",
    "PENDING",
    "RUNNING",
    "UNKNOWN",
    "WORKER_STATE_ACTIVE",
    "WORKER_STATE_DISABLED",
    "AsyncCompletionException",
    "ContextManagedTaskProcess",
    "DequeQueue",
    "DynamicRequirements",
    "Event",
    "GetWorkResponse",
    "KeepAliveThread",
    "RetryPolicy",
    "Scheduler",
    "SchedulerMessage",
    "SingleProcessPool",
    "TaskClassException",
    "TaskException",
    "TaskProcess",
    "TaskStatusReporter",
    "TracebackWrapper",
    "Worker",
    "check_complete",
    "check_complete_cached",
    "flatten",
    "fork_lock",
    "load_task",
    "logger",
    "rpc_message_callback",
    "worker",
]

logger = logging.getLogger("luigi-interface")

fork_lock = threading.Lock()
"""Held while a process is forked, by workers of others."""


class TaskException(Exception):
    """A task broke a rule for tasks."""


class GetWorkResponse(NamedTuple):
    """What a scheduler says when it is asked for work. For workers of others."""

    task_id: Any
    running_tasks: Any
    n_pending_tasks: Any
    n_unique_pending: Any
    n_pending_last_scheduled: Any
    worker_state: Any


def _formerly(name: str) -> ConfigPath:
    return {"section": "core", "name": name}


class worker(Config):
    """The section ``[worker]``."""

    id = Parameter(default="", description="The worker's name, instead of one made from host, user and process")
    ping_interval = FloatParameter(default=1.0, config_path=_formerly("worker-ping-interval"))
    keep_alive = BoolParameter(
        default=False,
        config_path=_formerly("worker-keep-alive"),
        description="Wait as long as there are tasks that may be run later",
    )
    count_uniques = BoolParameter(
        default=False,
        config_path=_formerly("worker-count-uniques"),
        description="With keep-alive: wait only for tasks that no other worker can run",
    )
    count_last_scheduled = BoolParameter(
        default=False, description="With keep-alive: wait only for tasks that this worker was the last to schedule"
    )
    wait_interval = FloatParameter(default=1.0, config_path=_formerly("worker-wait-interval"))
    wait_jitter = FloatParameter(default=5.0)
    max_keep_alive_idle_duration = TimeDeltaParameter(default=datetime.timedelta(0))
    max_reschedules = IntParameter(default=1, config_path=_formerly("worker-max-reschedules"))
    timeout = IntParameter(default=0, config_path=_formerly("worker-timeout"))
    task_limit = IntParameter(default=None, config_path=_formerly("worker-task-limit"))  # type: ignore[arg-type]
    retry_external_tasks = BoolParameter(
        default=False,
        config_path=_formerly("retry-external-tasks"),
        description="Look again for missing data of external tasks while running",
    )
    send_failure_email = BoolParameter(default=True, description="Send a mail for each failure")
    no_install_shutdown_handler = BoolParameter(
        default=False, description="Do not let SIGUSR1 mean: finish what runs, and nothing more"
    )
    check_unfulfilled_deps = BoolParameter(
        default=True, description="Ask, before a task runs, whether all that it requires is complete"
    )
    check_complete_on_run = BoolParameter(
        default=False, description="Take a task for done only if it is complete after it ran"
    )
    force_multiprocessing = BoolParameter(default=False, description="Use a process per task even with one worker")
    task_process_context = OptionalParameter(
        default=None, description="A class, as package.module.Class, to use as a context around each run of a task"
    )
    cache_task_completion = BoolParameter(
        default=False, description="Remember which tasks are complete, and do not ask them again"
    )


# Whether tasks are complete --------------------------------------------------------------------------------------


def check_complete_cached(task: Any, completion_cache: Any = None) -> Any:
    """What a task says of itself; what is known to be complete is not asked again."""
    if completion_cache is not None and completion_cache.get(task.task_id):
        return True
    is_complete = task.complete()
    if completion_cache is not None and is_complete:
        completion_cache[task.task_id] = is_complete
    return is_complete


_check_complete_cached = check_complete_cached  # tells whether a program has replaced the other name


def check_complete(task: Any, out_queue: Any, completion_cache: Any = None) -> None:
    """Put a task and what it says of itself into a queue. For workers of others."""
    logger.debug("Checking if %s is complete", task)
    try:
        is_complete = check_complete_cached(task, completion_cache)
    except Exception:  # noqa: BLE001 - what it is, is told by the wrapper
        is_complete = TracebackWrapper(traceback.format_exc())
    out_queue.put((task, is_complete))


class TracebackWrapper:
    """A traceback that is not to be taken for an ordinary text."""

    def __init__(self, trace: str) -> None:
        self.trace = trace


class AsyncCompletionException(Exception):
    """A task could not say whether it is complete."""

    def __init__(self, trace: str) -> None:
        super().__init__(trace)
        self.trace = trace


class SingleProcessPool:
    """A pool that does everything at once and here. For workers of others."""

    def apply_async(self, function: Any, args: Any) -> Any:
        return function(*args)

    def close(self) -> None:
        pass

    def join(self) -> None:
        pass


class DequeQueue(collections.deque):  # type: ignore[type-arg]
    """A queue without processes; the last comes first. For workers of others."""

    def put(self, obj: Any, block: Any = None, timeout: Any = None) -> None:
        self.append(obj)

    def get(self, block: Any = None, timeout: Any = None) -> Any:
        try:
            return self.pop()
        except IndexError:
            raise queue.Empty from None


# Attempts, for workers of others ---------------------------------------------------------------------------------


class TaskStatusReporter:
    """Passes on to a scheduler what a running task says of itself."""

    def __init__(self, scheduler: Any, task_id: str, worker_id: str, scheduler_messages: Any) -> None:
        self._scheduler = scheduler
        self._task_id = task_id
        self._worker_id = worker_id
        self.scheduler_messages = scheduler_messages

    def update_tracking_url(self, tracking_url: str) -> None:
        self._scheduler.add_task(
            task_id=self._task_id, worker=self._worker_id, status=RUNNING, tracking_url=tracking_url
        )

    def update_status_message(self, message: str) -> None:
        self._scheduler.set_task_status_message(self._task_id, message)

    def update_progress_percentage(self, percentage: float) -> None:
        self._scheduler.set_task_progress_percentage(self._task_id, percentage)

    def decrease_running_resources(self, decrease_resources: Any) -> None:
        self._scheduler.decrease_running_task_resources(self._task_id, decrease_resources)

    def report_task_statistics(self, statistics: Any) -> None:
        self._scheduler.report_task_statistics(self._task_id, statistics)


class SchedulerMessage:
    """A message from a person to a running task."""

    def __init__(self, scheduler: Any, task_id: str, message_id: str, content: Any, **payload: Any) -> None:
        self._scheduler = scheduler
        self._task_id = task_id
        self._message_id = message_id
        self.content = content
        self.payload = payload

    def __str__(self) -> str:
        return str(self.content)

    def __eq__(self, other: object) -> bool:
        return bool(self.content == other)

    __hash__ = None  # type: ignore[assignment]

    def respond(self, response: Any) -> None:
        self._scheduler.add_scheduler_message_response(self._task_id, self._message_id, response)


class _ReporterVoice:
    """Lets a running task speak through a `TaskStatusReporter`."""

    def __init__(self, reporter: Any) -> None:
        self._reporter = reporter

    def say(self, lease: int, kind: str, value: str) -> None:
        if kind == "resources":
            import json

            self._reporter.decrease_running_resources(json.loads(value))
        elif kind in _REPORTS:
            getattr(self._reporter, _REPORTS[kind])(float(value) if kind == "progress" else value)

    def hear(self, lease: int, timeout: float | None) -> Message | None:
        try:
            message = self._reporter.scheduler_messages.get(timeout=timeout)
        except queue.Empty:
            return None
        return Message(str(getattr(message, "_message_id", "")), str(message))


_REPORTS = {
    "message": "update_status_message",
    "progress": "update_progress_percentage",
    "tracking_url": "update_tracking_url",
}


class _AttemptConfig(NamedTuple):
    check_complete_on_run: bool
    check_unfulfilled_deps: bool
    task_process_context: str | None = None


class TaskProcess(multiprocessing.Process):
    """One attempt at a task, which puts what came of it on a queue.

    Attributes:
        forward_reporter_attributes: methods of the reporter -> what they are called on a running task.
    """

    forward_reporter_attributes: ClassVar[dict[str, str]] = {
        "update_tracking_url": "set_tracking_url",
        "update_status_message": "set_status_message",
        "update_progress_percentage": "set_progress_percentage",
        "decrease_running_resources": "decrease_running_resources",
        "scheduler_messages": "scheduler_messages",
    }

    def __init__(
        self,
        task: Any,
        worker_id: str,
        result_queue: Any,
        status_reporter: Any,
        use_multiprocessing: bool = False,
        worker_timeout: float = 0,
        check_unfulfilled_deps: bool = True,
        check_complete_on_run: bool = False,
        task_completion_cache: Any = None,
    ) -> None:
        super().__init__()
        self.task = task
        self.worker_id = worker_id
        self.result_queue = result_queue
        self.status_reporter = status_reporter
        self.worker_timeout = worker_timeout if task.worker_timeout is None else task.worker_timeout
        self.timeout_time = time.time() + self.worker_timeout if self.worker_timeout else None
        self.use_multiprocessing = use_multiprocessing or self.timeout_time is not None
        self.check_unfulfilled_deps = check_unfulfilled_deps
        self.check_complete_on_run = check_complete_on_run
        self.task_completion_cache = task_completion_cache

    def run(self) -> None:
        """Make the attempt; what it yields and is not complete ends it."""
        config = _AttemptConfig(self.check_complete_on_run, self.check_unfulfilled_deps)
        attempts = LuigiAttempts(self.worker_id, config, self.use_multiprocessing, self.task_completion_cache)
        ended = attempts.start(0, self.task, _ReporterVoice(self.status_reporter))
        if not isinstance(ended, Ended):
            import asyncio

            ended = asyncio.run(_awaited(ended))
        if ended.outcome is Outcome.PARKED:
            attempts.drop(0)
            needs = [(each.task_module, each.task_family, each.to_str_params()) for each in ended.needs]
            self.result_queue.put((self.task.task_id, PENDING, "", [], needs))
            return
        status = DONE if ended.outcome is Outcome.DONE else FAILED
        missing = [with_outputs(each) for each in ended.needs]
        # Luigi's worker of others gets None, and not an empty list, when run() came to its end.
        came_to_end = status == DONE or (self.check_complete_on_run and not missing)
        self.result_queue.put((self.task.task_id, status, ended.message, missing, None if came_to_end else []))

    def terminate(self) -> None:
        """End the process and all that it started."""
        import psutil

        try:
            process = psutil.Process(self.pid)
            children = process.children(recursive=True)
            super().terminate()
            process.wait()
        except psutil.NoSuchProcess:
            return
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.terminate()


async def _awaited(ended: Any) -> Ended:
    result: Ended = await ended
    return result


class ContextManagedTaskProcess(TaskProcess):
    """An attempt within a context that the configuration names."""

    def __init__(self, context: str | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.context = context

    def run(self) -> None:
        """Make the attempt."""
        if not self.context:
            super().run()
            return
        from importlib import import_module

        logger.debug("Importing module and instantiating %s", self.context)
        module, _, name = self.context.rpartition(".")
        with getattr(import_module(module), name)(self):
            super().run()


class KeepAliveThread(threading.Thread):
    """Tells a scheduler now and then that a worker lives, and takes messages. For workers of others."""

    def __init__(self, scheduler: Any, worker_id: str, ping_interval: float, rpc_message_callback: Any) -> None:
        super().__init__()
        self._should_stop = threading.Event()
        self._scheduler = scheduler
        self._worker_id = worker_id
        self._ping_interval = ping_interval
        self._rpc_message_callback = rpc_message_callback

    def stop(self) -> None:
        """Ask it to end."""
        self._should_stop.set()

    def run(self) -> None:
        """Ping until told to stop."""
        while not self._should_stop.wait(self._ping_interval):
            with fork_lock:
                response = None
                try:
                    response = self._scheduler.ping(worker=self._worker_id)
                except BaseException:  # noqa: BLE001 - a lost connection must not end the thread; it is logged
                    logger.warning("Failed pinging scheduler")
                for message in response["rpc_messages"] if response else ():
                    self._rpc_message_callback(message)
        logger.info("Worker %s was stopped. Shutting down Keep-Alive thread", self._worker_id)


def rpc_message_callback(fn: Any) -> Any:
    """A decorator: people may call this method of a worker from afar."""
    fn.is_rpc_message_callback = True
    return fn


# The worker ------------------------------------------------------------------------------------------------------


class Worker:
    """Does tasks and all that they need.

    Args:
        scheduler: a `luigi.scheduler.Scheduler`; several workers may share one. None makes one.
        worker_id: the worker's name; by default made from the host, the user and the process.
        worker_processes: how many tasks run at a time.
        assistant: run what other workers wanted (needs the central scheduler).
        kwargs: settings of ``[worker]``.
    """

    def __init__(
        self,
        scheduler: Any = None,
        worker_id: str | None = None,
        worker_processes: int = 1,
        assistant: bool = False,
        **kwargs: Any,
    ) -> None:
        self._scheduler = Scheduler() if scheduler is None else scheduler
        self.worker_processes = int(worker_processes)
        self._worker_info = self._generate_worker_info()
        self._config = worker(**kwargs)
        assert self._config.wait_interval > 0, "[worker] wait_interval must be positive"
        assert self._config.wait_jitter >= 0.0, "[worker] wait_jitter must be equal or greater than zero"
        self._id: str = worker_id or self._config.id or self._generate_worker_id(self._worker_info)
        self._assistant = assistant
        self.host = socket.gethostname()
        self._first_task: str | None = None
        self.add_succeeded = True
        self.run_succeeded = True
        self._stop_requesting_work = False
        self._idle_since: datetime.datetime | None = None
        self._task_completion_cache = multiprocessing.Manager().dict() if self._config.cache_task_completion else None

        # Read by summaries and programs.
        self._scheduled_tasks: dict[str, Any] = {}
        self._running_tasks: dict[str, Any] = {}
        self._unfinished: dict[str, None] = {}
        self._add_task_history: list[tuple[Any, str, Any]] = []
        self._get_work_response_history: list[dict[str, Any]] = []

        self._plan = LuigiPlan(self)
        self._engine: LuigiEngine | None = None
        self._turns = 0
        self._has_run = False
        self._memory: Memory | None = None
        if isinstance(self._scheduler, Scheduler):
            self._memory = Memory(self) if history_is_wanted() else None
            self._clock = self._scheduler._clock
            self._connection = self._scheduler._connect(self._id, self._watch, self._scheduled_tasks)
            self._describer = LuigiDescriber(self._scheduler._retry_defaults(), bool(self._config.retry_external_tasks))
        self._install_shutdown_handler()

    def _watch(self, effects: Any) -> None:
        """What the scheduler decided: for those who watch the run."""
        if self._memory is not None:
            self._memory.happened(effects)

    def _install_shutdown_handler(self) -> None:
        if not self._config.no_install_shutdown_handler and hasattr(signal, "SIGUSR1"):
            signal.signal(signal.SIGUSR1, self.handle_interrupt)
            signal.siginterrupt(signal.SIGUSR1, False)

    def _generate_worker_info(self) -> list[tuple[str, Any]]:
        info: list[tuple[str, Any]] = [
            ("salt", f"{random.randrange(0, 10_000_000_000):09d}"),
            ("workers", self.worker_processes),
            ("host", socket.gethostname()),
        ]
        try:
            info.append(("username", getpass.getuser()))
        except (KeyError, OSError):
            pass  # a user without a name, as in some containers
        info.append(("pid", os.getpid()))
        sudo_user = os.getenv("SUDO_USER")
        if sudo_user:
            info.append(("sudo_user", sudo_user))
        return info

    def _generate_worker_id(self, worker_info: list[tuple[str, Any]]) -> str:
        return f"Worker({', '.join(f'{name}={value}' for name, value in worker_info)})"

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(self._scheduler, Scheduler):
            self._connection.leave()

    # -- scheduling ---------------------------------------------------------------------------------------------------

    def add(self, task: Any, multiprocess: bool = False, processes: int = 0) -> bool:
        """Find out what a task needs, and tell the scheduler.

        Args:
            task: what shall be complete in the end.
            multiprocess: ask several tasks at a time whether they are complete.
            processes: how many; 0 means as many as there are processors.

        Returns:
            Whether every task could be asked what it needs and whether it is complete.
        """
        if self._first_task is None and hasattr(task, "task_id"):
            self._first_task = task.task_id
        self.add_succeeded = True
        self._validate_task(task)
        if self._has_run:
            self._has_run = False
            self._look_again()
        self._plan.ask_several_at_once((processes or os.cpu_count() or 1) if multiprocess else 1)
        try:
            self._need_own_scheduler()
            nodes = self._plan.find([task])
            if self._memory is not None:
                self._memory.planned(nodes)
            self._connection.register(f"{self._id}/{self._turns}", self._describer.describe(nodes))
        except TaskException:
            raise
        except Exception as error:
            self.add_succeeded = False
            self._log_unexpected_error(task)
            task.trigger_event(Event.BROKEN_TASK, task, error)
            self._email_unexpected_error(task, traceback.format_exc())
            raise
        return self.add_succeeded

    def _look_again(self) -> None:
        """From now on ask tasks anew, and let what failed be tried again."""
        self._turns += 1
        self._plan.look_again()

    def _need_own_scheduler(self) -> None:
        """Raise an error for schedulers that this version cannot work with; an unreachable one has its own."""
        if isinstance(self._scheduler, Scheduler):
            return
        from luigi.rpc import RemoteScheduler

        if isinstance(self._scheduler, RemoteScheduler):
            self._scheduler.count_pending(worker=self._id)
            what = f"A scheduler answers at {self._scheduler._url}, but working with a central scheduler"
        else:
            what = f"Working with a scheduler of the kind {type(self._scheduler).__name__}"
        raise NotImplementedError(
            f"{what} is not part of this version. Run with --local-scheduler (in programs: local_scheduler=True)."
        )

    def _validate_task(self, task: Any) -> None:
        if not isinstance(task, Task):
            raise TaskException(f"Can not schedule non-task {task}")
        if not task.initialized():
            raise TaskException(
                f"Task of class {type(task).__name__} not initialized. "
                "Did you override __init__ and forget to call super(...).__init__?"
            )

    def _validate_dependency(self, dependency: Any) -> None:
        if isinstance(dependency, Target):
            raise Exception("requires() can not return Target objects. Wrap it in an ExternalTask class")
        if not isinstance(dependency, Task):
            raise Exception(f"requires() must return Task objects but {dependency} is a {type(dependency)}")

    def _inform(self, task: Any, status: str, is_runnable: Any) -> None:
        """Keep, and log, what the scheduler is told of a task."""
        self._add_task_history.append((task, status, is_runnable))
        if status == PENDING and is_runnable:
            self._unfinished[task.task_id] = None
        elif status == DONE:
            self._unfinished.pop(task.task_id, None)
        logger.info("Informed scheduler that task   %s   has status   %s", task.task_id, status)

    def _handle_task_load_error(self, exception: BaseException, task_ids: Sequence[str]) -> None:
        """Tasks that the scheduler wants to be run, and that cannot be made, have failed."""
        message = f"Cannot find task(s) sent by scheduler: {','.join(task_ids)}"
        logger.error(message, exc_info=exception)
        for id in task_ids:
            self._inform(self._scheduled_tasks[id], FAILED, False)
        self.run_succeeded = False
        notifications.send_error_email(f"Luigi: {message}", notifications.wrap_traceback(exception))

    # What the plan tells while it grows.

    def _could_not_ask(self, task: Any, formatted_traceback: str) -> None:
        self.add_succeeded = False
        self._log_complete_error(task, formatted_traceback)
        self._email_complete_error(task, formatted_traceback)

    def _could_not_descend(self, task: Any, formatted_traceback: str) -> None:
        self.add_succeeded = False
        self._log_dependency_error(task, formatted_traceback)
        self._email_dependency_error(task, formatted_traceback)

    def _log_task_limit(self, task: Any) -> None:
        logger.warning(
            "Will not run %s or any dependencies due to exceeded task-limit of %d", task, self._config.task_limit
        )

    def _log_missing_data(self, task: Any) -> None:
        logger.warning(
            "Data for %s does not exist (yet?). The task is an external data dependency, "
            "so it cannot be run from this luigi process.",
            task,
        )

    def _log_complete_error(self, task: Any, tb: str) -> None:
        logger.warning("Will not run %s or any dependencies due to error in complete() method:\n%s", task, tb)

    def _log_dependency_error(self, task: Any, tb: str) -> None:
        logger.warning("Will not run %s or any dependencies due to error in deps() method:\n%s", task, tb)

    def _log_unexpected_error(self, task: Any) -> None:
        logger.exception("Luigi unexpected framework error while scheduling %s", task)

    # -- running ------------------------------------------------------------------------------------------------------

    def run(self) -> bool:
        """Do what was added, until nothing more can be done; gives whether nothing failed."""
        from luigi._running import run_worker

        logger.info("Running Worker with %d processes", self.worker_processes)
        self._need_own_scheduler()
        if self._assistant:
            logger.warning("An assistant helps other workers, which needs a central scheduler; here are none to help.")
        self._worker_info.append(("first_task", self._first_task))
        self._scheduler._introduce(self._id, self._worker_info)
        self.run_succeeded = True
        try:
            run_worker(self)
        finally:
            self._has_run = True
            self._engine = None
        return self.run_succeeded

    def _timeout_of(self, task: Any) -> float:
        """Seconds that an attempt may take; 0 for ever."""
        limit: float = self._config.timeout if task.worker_timeout is None else task.worker_timeout
        return limit or 0

    def _keep_alive(self, pending: int, alone: int, last: int) -> bool:
        """Whether to wait although there is nothing to do right now."""
        config = self._config
        if not config.keep_alive or self._stop_requesting_work:
            return False
        if self._assistant:
            return True
        if config.count_last_scheduled:
            return last > 0
        if config.count_uniques:
            return alone > 0
        if not pending:
            return False
        self._idle_since = self._idle_since or datetime.datetime.now()
        if not config.max_keep_alive_idle_duration:
            return True
        left = self._idle_since + config.max_keep_alive_idle_duration - datetime.datetime.now()
        logger.debug("[%s] %s until shutdown", self._id, left)
        return left > datetime.timedelta(0)

    def _sleeper(self) -> Iterator[None]:
        """Each step is a sleep of ``wait_interval``, and up to ``wait_jitter`` more."""
        while True:
            seconds = self._config.wait_interval + random.uniform(0, self._config.wait_jitter)
            logger.debug("Sleeping for %f seconds", seconds)
            time.sleep(seconds)
            yield

    def _log_remote_tasks(self, elsewhere: list[dict[str, Any]], pending: int, alone: int, last: int) -> None:
        logger.debug("Done")
        logger.debug("There are no more tasks to run at this time")
        if elsewhere:
            for each in elsewhere:
                logger.debug("%s is currently run by worker %s", each["task_id"], each["worker"])
        elif pending:
            logger.debug("There are %s pending tasks possibly being run by other workers", pending)
            if alone:
                logger.debug("There are %i pending tasks unique to this worker", alone)
            if last:
                logger.debug("There are %i pending tasks last scheduled by this worker", last)

    def handle_interrupt(self, signum: int, _: Any) -> None:
        """SIGUSR1: finish what runs, and nothing more."""
        if signum == signal.SIGUSR1:
            self._start_phasing_out()

    def _start_phasing_out(self) -> None:
        self._config.keep_alive = False
        self._stop_requesting_work = True
        if self._engine is not None:
            self._engine.drain()

    # -- mail ---------------------------------------------------------------------------------------------------------

    def _email_complete_error(self, task: Any, formatted_traceback: str) -> None:
        self._email_scheduling_error(task, formatted_traceback, "complete()")

    def _email_dependency_error(self, task: Any, formatted_traceback: str) -> None:
        self._email_scheduling_error(task, formatted_traceback, "deps()")

    def _announce_scheduling_failure(self, task: Any, expl: str) -> None:
        """Let the scheduler know, which may gather such mails."""
        scheduler: Any = self._scheduler
        try:
            scheduler.announce_scheduling_failure(
                worker=self._id,
                task_name=str(task),
                family=task.task_family,
                params=task.to_str_params(only_significant=True),
                expl=expl,
                owners=task._owner_list(),
            )
        except Exception:
            self._email_unexpected_error(task, traceback.format_exc())
            raise

    def _email_scheduling_error(self, task: Any, formatted_traceback: str, method: str) -> None:
        self._announce_scheduling_failure(task, formatted_traceback)
        if self._config.send_failure_email:
            self._email_error(
                task,
                formatted_traceback,
                subject="Luigi: {task} failed scheduling. Host: {host}",
                headline=f"Will not run {{task}} or any dependencies due to error in {method} method",
            )

    def _email_unexpected_error(self, task: Any, formatted_traceback: str) -> None:
        self._email_error(
            task,
            formatted_traceback,
            subject="Luigi: Framework error while scheduling {task}. Host: {host}",
            headline="Luigi framework error",
        )

    def _email_task_failure(self, task: Any, formatted_traceback: str) -> None:
        if self._config.send_failure_email:
            self._email_error(
                task,
                formatted_traceback,
                subject="Luigi: {task} FAILED. Host: {host}",
                headline="A task failed when running. Most likely run() raised an exception.",
            )

    def _email_error(self, task: Any, formatted_traceback: str, subject: str, headline: str) -> None:
        message = notifications.format_task_error(
            headline.format(task=task, host=self.host), task, subprocess.list2cmdline(sys.argv), formatted_traceback
        )
        notifications.send_error_email(subject.format(task=task, host=self.host), message, task.owner_email)
