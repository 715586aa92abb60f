"""The worker: does tasks and all that they need.

`Worker` is what ``luigi.build`` and ``luigi.run`` use, and what programs use that put the parts together themselves. It
keeps what Luigi's worker keeps (``_add_task_history``, ``_scheduled_tasks`` ...), since summaries, exit codes and
programs read it. Its steps are in `luigi._dialogue`; where nobody can tell the difference, Rumbo's engine does the work
instead (`luigi._choice`).
"""

from __future__ import annotations

import collections
import datetime
import functools
import getpass
import logging
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

from luigi import _attempts, _dialogue, notifications
from luigi._attempts import ContextManagedTaskProcess, SchedulerMessage, TaskProcess, TaskStatusReporter
from luigi._dialogue import (
    AsyncCompletionException,
    DequeQueue,
    DialogueWorker,
    GetWorkResponse,
    KeepAliveThread,
    SingleProcessPool,
    TaskException,
    TracebackWrapper,
    fork_lock,
    rpc_message_callback,
)
from luigi._forwarding import stand_for
from luigi._planning import is_external as _is_external
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

if TYPE_CHECKING:
    from types import TracebackType

    from luigi._engine import EngineWork

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
    """Put a task and what it says of itself into a queue."""
    logger.debug("Checking if %s is complete", task)
    try:
        is_complete = check_complete_cached(task, completion_cache)
    except Exception:  # noqa: BLE001 - what it is, is told by the wrapper
        is_complete = TracebackWrapper(traceback.format_exc())
    out_queue.put((task, is_complete))


# The worker ------------------------------------------------------------------------------------------------------


class Worker(DialogueWorker):
    """Does tasks and all that they need.

    Args:
        scheduler: whom to tell and to ask: a `luigi.scheduler.Scheduler`, which several workers may share, a
            `luigi.rpc.RemoteScheduler`, or anything with their methods. None makes one.
        worker_id: the worker's name; by default made from the host, the user and the process.
        worker_processes: how many tasks run at a time.
        assistant: run what other workers wanted.
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
        self.unfulfilled_counts = collections.defaultdict(int)
        self._stop_requesting_work = False
        self._idle_since: datetime.datetime | None = None
        self._task_completion_cache = multiprocessing.Manager().dict() if self._config.cache_task_completion else None
        self._keep_alive_thread: Any = None
        self._batch_running_tasks: dict[str, Any] = {}
        self._batch_families_sent: set[str] = set()
        self._engine_work: EngineWork | None = None

        # Read by summaries and programs.
        self._scheduled_tasks: dict[str, Any] = {}
        self._running_tasks: dict[str, Any] = {}
        self._add_task_history: list[tuple[Any, str, Any]] = []
        self._get_work_response_history: list[dict[str, Any]] = []
        self._install_shutdown_handler()

    @functools.cached_property
    def _task_result_queue(self) -> Any:
        """Where attempts put what came of them."""
        return multiprocessing.Queue()

    def _take_engine(self) -> None:
        """From now on let Rumbo's engine do the work."""
        from luigi._engine import EngineWork

        self._engine_work = EngineWork(self)

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
        if self._engine_work is None:
            self._begin_dialogue()
        return self

    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._engine_work is None:
            self._end_dialogue()
        else:
            self._engine_work.leave()

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
        if self._engine_work is None:
            return self._add_all(task, multiprocess, processes)
        return self._engine_work.add(task, (processes or os.cpu_count() or 1) if multiprocess else 1)

    def run(self) -> bool:
        """Do what was added, until nothing more can be done; gives whether nothing failed."""
        logger.info("Running Worker with %d processes", self.worker_processes)
        self.run_succeeded = True
        if self._engine_work is None:
            self._run_all()
        else:
            self._engine_work.run()
        return bool(self.run_succeeded)

    def _start_phasing_out(self) -> None:
        super()._start_phasing_out()
        if self._engine_work is not None:
            self._engine_work.drain()

    def _timeout_of(self, task: Any) -> float:
        """Seconds that an attempt may take; 0 for ever."""
        limit: float = self._config.timeout if task.worker_timeout is None else task.worker_timeout
        return limit or 0

    # -- mail ---------------------------------------------------------------------------------------------------------

    def _email_complete_error(self, task: Any, formatted_traceback: str) -> None:
        self._email_scheduling_error(task, formatted_traceback, "complete()")

    def _email_dependency_error(self, task: Any, formatted_traceback: str) -> None:
        self._email_scheduling_error(task, formatted_traceback, "deps()")

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


stand_for(__name__, _dialogue, _attempts)
