"""Running as Luigi does it, by Rumbo's engine: what is checked around ``run()``, what is logged, what is kept."""

from __future__ import annotations

import logging
import os
import time
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from luigi._planning import is_external
from rumbo.errors import AttemptError, PlanError, TaskError
from rumbo.pipeline.structure import flatten
from rumbo.ports import Ended, Order, Voice
from rumbo.scheduler.commands import Report
from rumbo.scheduler.records import Outcome
from rumbo.worker.attempt import Attempts, Rules, Stretch
from rumbo.worker.worker import Worker as Engine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from luigi.worker import Worker
    from rumbo.pipeline.task import Task

logger = logging.getLogger("luigi-interface")


class LuigiAttempts(Attempts):
    """Carries out attempts, with Luigi's checks and lines in the log.

    Args:
        worker_id: who runs them, for the log.
        config: the section ``[worker]``.
        in_child: they run in processes of their own.
        cache: what is known to be complete, shared by all processes; None to ask each time.
    """

    def __init__(self, worker_id: str, config: Any, in_child: bool, cache: Any = None) -> None:
        super().__init__(Rules(check_dependencies=False, check_complete=config.check_complete_on_run))
        self._worker_id = worker_id
        self._check_unfulfilled = config.check_unfulfilled_deps
        self._context_name = config.task_process_context
        self._in_child = in_child
        self._cache = cache

    def start(self, lease: int, task: Task, voice: Voice) -> Ended | Awaitable[Ended]:
        """Begin an attempt."""
        self._log("running  ", task)
        if self._in_child:
            import random

            random.seed(os.getpid() * time.time())
        with self._context(task):
            if is_external(task):
                return self._look_for(lease, task, voice)
            missing = self._missing(lease, task, voice) if self._check_unfulfilled else None
            return self._told(task, missing or super().start(lease, task, voice))

    def resume(self, lease: int, task: Task, voice: Voice) -> Ended | Awaitable[Ended]:
        """Go on with a parked attempt, or replay it."""
        if lease not in self._parked:
            return super().resume(lease, task, voice)
        self._log("running  ", task)
        with self._context(task):
            return self._told(task, super().resume(lease, task, voice))

    def succeeded(self, task: Task) -> None:
        """Look whether a task is complete that came to its end, if the configuration wants that."""
        from luigi import worker

        if not self._rules.check_complete:
            if self._cache is not None:
                self._cache[task.task_id] = True
        elif not worker.check_complete_cached(task, completion_cache=self._cache):
            raise worker.TaskException("Task finished running, but complete() is still returning false.")

    def log_failure(self, task: Task) -> None:
        """Called where the error is being handled."""
        logger.exception("[pid %s] Worker %s failed    %s", os.getpid(), self._worker_id, task)

    def _begin(self, lease: int, task: Task, voice: Voice) -> Stretch:
        return _LuigiStretch(lease, task, voice, self)

    def _log(self, what: str, task: Task) -> None:
        logger.info("[pid %s] Worker %s %s %s", os.getpid(), self._worker_id, what, task)

    def _told(self, task: Task, ended: Ended | Awaitable[Ended]) -> Ended | Awaitable[Ended]:
        """Log how it went."""
        if not isinstance(ended, Ended):
            return self._told_later(task, ended)
        if ended.outcome is Outcome.PARKED:
            self._log("new requirements     ", task)
        elif ended.outcome is Outcome.DONE:
            self._log("done     ", task)
        return ended

    async def _told_later(self, task: Task, ended: Awaitable[Ended]) -> Ended:
        result = self._told(task, await ended)
        assert isinstance(result, Ended)
        return result

    def _missing(self, lease: int, task: Task, voice: Voice) -> Ended | None:
        """The failure of a task that needs what is not there; None when everything is."""
        from luigi import worker

        stretch = self._begin(lease, task, voice)
        try:
            absent = [each for each in task.deps() if not worker.check_complete_cached(each, self._cache)]
            if not absent:
                return None
            noun = "dependency" if len(absent) == 1 else "dependencies"
            raise RuntimeError(f"Unfulfilled {noun} at run time: {', '.join(map(with_outputs, absent))}")
        except BaseException as error:  # noqa: BLE001 - a stranger's error is the outcome; `fail` lets interrupts through
            return stretch.fail(error)._replace(needs=tuple(absent) if isinstance(error, RuntimeError) else ())

    def _look_for(self, lease: int, task: Task, voice: Voice) -> Ended:
        """An attempt at an external task: look once more whether its data have come."""
        from luigi import worker

        stretch = self._begin(lease, task, voice)
        try:
            if worker.check_complete_cached(task, completion_cache=self._cache):
                self._log("done     ", task)
                return stretch.end(Outcome.DONE)
        except BaseException as error:  # noqa: BLE001 - as in _missing
            return stretch.fail(error)
        return stretch.end(Outcome.FAILED, "Task is an external data dependency and data does not exist (yet?).")

    def _context(self, task: Task) -> AbstractContextManager[Any]:
        """What ``[worker] task_process_context`` puts round each attempt."""
        if not self._context_name:
            return nullcontext()
        from importlib import import_module

        from luigi.worker import TaskProcess

        module, _, name = self._context_name.rpartition(".")
        process = TaskProcess(task, self._worker_id, None, None, use_multiprocessing=self._in_child)
        context: AbstractContextManager[Any] = getattr(import_module(module), name)(process)
        return context


class _LuigiStretch(Stretch):
    """A stretch of an attempt whose failure is logged before anybody else hears of it."""

    __slots__ = ()

    def fail(self, error: BaseException) -> Ended:
        """An error out of the user's code."""
        if not isinstance(error, (KeyboardInterrupt, AttemptError)):
            self._runner.log_failure(self._task)  # type: ignore[attr-defined]
        return super().fail(error)


def with_outputs(task: Any) -> str:
    """A task's id, and which of its outputs are not there."""
    missing = [output for output in flatten(task.output()) if not output.exists()]
    return f"{task.task_id} ({', '.join(map(str, missing))})" if missing else str(task.task_id)


class LuigiEngine(Engine):
    """Works through a plan for a worker, which keeps what happened in Luigi's words.

    Args:
        worker: the worker.
        run: an id for what is asked for in one go.
        executor: where attempts happen.
    """

    def __init__(self, worker: Worker, run: str, executor: Any, observers: Sequence[Any] = ()) -> None:
        super().__init__(run, worker._plan, worker._describer, worker._connection, executor, worker._clock, observers)
        self._worker = worker
        self._reschedules: dict[str, int] = {}

    # -- what is about to happen --------------------------------------------------------------------------------------

    def _obey(self, order: Order) -> None:
        worker = self._worker
        if order.verb == "start" and len(order.tasks) > 1 and not self._can_be_merged(order):
            return
        if order.verb != "stop":
            worker._get_work_response_history.append({"task_id": order.tasks[0], "running_tasks": []})
            logger.debug("Asking scheduler for work...")
            logger.debug("Pending tasks: %s", len(worker._unfinished))
            if len(order.tasks) > 1:
                merged = self._task_of(order)
                logger.info("Did not schedule %s, will load it dynamically", merged.task_id)
                worker._scheduled_tasks[merged.task_id] = merged
        super()._obey(order)
        worker._running_tasks = {task: order for order in self._active.values() for task in order.tasks}

    def _can_be_merged(self, order: Order) -> bool:
        """Whether one task can stand for a batch; if not, all of them have failed."""
        try:
            self._task_of(order)
        except Exception as error:  # noqa: BLE001 - the batch method is the user's code
            self._worker._handle_task_load_error(error, order.tasks)
            self._scheduler.exchange([Report(order.lease, Outcome.FAILED, str(error), retryable=False)], 0, 0.0)
            return False
        return True

    def wait_only(self) -> None:
        """With no room for any task: wait as long as the configuration wants it."""
        while self._wait_for_better_times():
            pass

    def _wait_for_better_times(self) -> bool:
        worker, connection = self._worker, self._worker._connection
        if connection.is_disabled:
            worker._start_phasing_out()
        if connection.outlook().blocked and not self._executor.room():
            self._executor.wait(0.25)  # a process is being replaced
            return True
        logger.debug("Asking scheduler for work...")
        elsewhere = connection.elsewhere()
        pending, alone, last = connection.pending()
        worker._get_work_response_history.append({"task_id": None, "running_tasks": elsewhere})
        worker._log_remote_tasks(elsewhere, pending, alone, last)
        if not worker._keep_alive(pending, alone, last):
            return False
        next(worker._sleeper())
        return True

    # -- what has happened --------------------------------------------------------------------------------------------

    def _take(self, ended: Ended, reports: list[Report]) -> None:
        worker, order = self._worker, self._active[ended.lease]
        worker._idle_since = None
        task = self._task_of(order)
        if ended.outcome is Outcome.CANCELLED and ended.message == "interrupted":
            raise KeyboardInterrupt
        if ended.outcome is Outcome.TIMED_OUT:
            limit = worker._timeout_of(task)
            message = f"Task {task.task_id} timed out after {limit:g} seconds and was terminated."
            ended = ended._replace(message=message)
        elif ended.died:
            code = f" with exit code {ended.exit_code}" if ended.exit_code is not None else f": {ended.message}"
            ended = ended._replace(message=f"Task {task.task_id} died unexpectedly{code}")
        if ended.died or ended.outcome is Outcome.TIMED_OUT:
            logger.info(ended.message)
        if ended.outcome is Outcome.PARKED:
            super()._take(ended, reports)
            return
        super()._take(ended, reports)
        status = "DONE" if ended.outcome is Outcome.DONE else "FAILED"
        if status == "FAILED":
            worker._scheduler.gather_failure(task, ended.message)
            if not (is_external(task) and worker._config.retry_external_tasks):
                worker._email_task_failure(task, ended.message)
        worker._inform(task, status, None)
        if len(order.tasks) > 1:
            for id in order.tasks:
                worker._add_task_history.append((worker._scheduled_tasks[id], status, True))
        worker.run_succeeded &= status == "DONE"
        if ended.needs:
            self._make_again(task, ended, reports)

    def _make_again(self, task: Task, ended: Ended, reports: list[Report]) -> None:
        """Put a task, and what it found missing, back to work, a few times at most."""
        worker = self._worker
        for needed in ended.needs:
            self._reschedules[needed.task_id] = self._reschedules.get(needed.task_id, 0) + 1
        if max(self._reschedules[needed.task_id] for needed in ended.needs) > worker._config.max_reschedules:
            return
        # The failure first: the scheduler does not change what is running.
        self._scheduler.exchange(reports, 0, 0.0)
        reports.clear()
        worker._look_again()
        worker.add(task)

    def _park(self, order: Order, ended: Ended) -> Report:
        worker, task = self._worker, self._task_of(order)
        try:
            asked = [self._plan_for(each) for each in ended.needs]
        except (PlanError, TaskError) as error:
            self._executor.drop(ended.lease)
            worker._inform(task, "FAILED", None)
            worker.run_succeeded = False
            return Report(ended.lease, Outcome.FAILED, str(error), retryable=False)
        self._parked[ended.lease] = order
        worker._inform(task, "PENDING", None)
        return Report(ended.lease, Outcome.PARKED, needs=tuple(asked))

    def _plan_for(self, task: Task) -> str:
        self._worker.add(task)
        return task.task_id


def run_worker(worker: Worker) -> None:
    """Let a worker's tasks be run: in this process one by one, or in a process each."""
    config, tasks = worker._config, worker._scheduled_tasks
    in_child = (
        worker.worker_processes > 1 or config.force_multiprocessing or any(map(worker._timeout_of, tasks.values()))
    )
    attempts = LuigiAttempts(worker._id, config, bool(in_child), worker._task_completion_cache)
    executor: Any
    if in_child:
        from rumbo.executors.processes import ProcessExecutor

        executor = ProcessExecutor(attempts, max(worker.worker_processes, 1), recycle_after=1, timeout=config.timeout)
    else:
        from rumbo.executors.inline import InlineExecutor

        executor = InlineExecutor(attempts, say=lambda said: engine.pass_on(said))
    engine = worker._engine = LuigiEngine(worker, f"{worker._id}/{worker._turns}", executor)
    if worker._stop_requesting_work:
        engine.drain()
    if worker.worker_processes < 1:
        engine.wait_only()
        return
    memory = worker._memory
    executor.open(dict(tasks))
    try:
        if memory is not None:
            memory.begin()
        engine.work()
    finally:
        executor.close()
        if memory is not None:
            memory.end(engine)
