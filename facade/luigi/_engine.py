"""Working by Rumbo's engine, in Luigi's words: what is logged, and what is kept for summaries."""

from __future__ import annotations

import datetime
import logging
from typing import TYPE_CHECKING, Any

from luigi import notifications
from luigi._attempts import LuigiAttempts
from luigi._dialogue import GetWorkResponse, TaskException
from luigi._history import Memory
from luigi._history import is_wanted as history_is_wanted
from luigi._planning import LuigiDescriber, LuigiPlan, is_external
from luigi.event import Event
from luigi.scheduler import WORKER_STATE_ACTIVE, Scheduler
from rumbo.errors import PlanError, TaskError
from rumbo.scheduler.commands import Report
from rumbo.scheduler.records import Outcome
from rumbo.worker.worker import Worker as Engine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from luigi.worker import Worker
    from rumbo.pipeline.task import Task
    from rumbo.ports import Ended, Order

logger = logging.getLogger("luigi-interface")


class LuigiEngine(Engine):
    """Works through a plan, and keeps what happened in Luigi's words.

    Args:
        work: what there is to do, and for whom.
        executor: where attempts happen.
    """

    def __init__(self, work: EngineWork, executor: Any) -> None:
        super().__init__(work.run_id, work.plan, work.describer, work.connection, executor, work.clock)
        self._work = work
        self._worker = work.worker
        self._reschedules = work.worker.unfulfilled_counts

    # -- what is about to happen --------------------------------------------------------------------------------------

    def _obey(self, order: Order) -> None:
        worker = self._worker
        if order.verb == "start" and len(order.tasks) > 1 and not self._can_be_merged(order):
            return
        if order.verb != "stop":
            worker._get_work_response_history.append({"task_id": order.tasks[0], "running_tasks": []})
            logger.debug("Asking scheduler for work...")
            logger.debug("Pending tasks: %s", len(self._work.unfinished))
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
            self._work.could_not_load(error, order.tasks)
            self._scheduler.exchange([Report(order.lease, Outcome.FAILED, str(error), retryable=False)], 0, 0.0)
            return False
        return True

    def wait_only(self) -> None:
        """With no room for any task: wait as long as the configuration wants it."""
        while self._wait_for_better_times():
            pass

    def _wait_for_better_times(self) -> bool:
        worker, connection = self._worker, self._work.connection
        if connection.outlook().blocked and not self._executor.room():
            self._executor.wait(0.25)  # a process is being replaced
            return True
        logger.debug("Asking scheduler for work...")
        pending = connection.pending()
        worker._get_work_response_history.append({"task_id": None, "running_tasks": []})
        answer = GetWorkResponse(None, [], pending, pending, pending, WORKER_STATE_ACTIVE)
        worker._log_remote_tasks(answer)
        worker._idle_since = worker._idle_since or datetime.datetime.now()
        if worker._stop_requesting_work or not worker._keep_alive(answer):
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
        elif ended.outcome is Outcome.FAILED and ended.message.startswith(f"{task} asked for "):
            logger.error(ended.message)  # nothing went wrong in its own process, which therefore said nothing
        if ended.outcome is Outcome.PARKED:
            super()._take(ended, reports)
            return
        super()._take(ended, reports)
        status = "DONE" if ended.outcome is Outcome.DONE else "FAILED"
        if status == "FAILED":
            if isinstance(worker._scheduler, Scheduler):
                worker._scheduler.gather_failure(task, ended.message)
            if not (is_external(task) and worker._config.retry_external_tasks):
                worker._email_task_failure(task, ended.message)
        self._work.inform(task, status, None)
        if len(order.tasks) > 1:
            for id in order.tasks:
                worker._add_task_history.append((worker._scheduled_tasks[id], status, True))
        worker.run_succeeded &= status == "DONE"
        if ended.needs:
            self._make_again(task, ended, reports)

    def _make_again(self, task: Task, ended: Ended, reports: list[Report]) -> None:
        """Put a task, and what it found missing, back to work, a few times at most."""
        for needed in ended.needs:
            self._reschedules[needed.task_id] += 1
        if max(self._reschedules[needed.task_id] for needed in ended.needs) > self._worker._config.max_reschedules:
            return
        # The failure first: the scheduler does not change what is running.
        self._scheduler.exchange(reports, 0, 0.0)
        reports.clear()
        self._work.look_again()
        self._worker.add(task)

    def _park(self, order: Order, ended: Ended) -> Report:
        worker, task = self._worker, self._task_of(order)
        try:
            asked = [self._plan_for(each) for each in ended.needs]
        except (PlanError, TaskError) as error:
            self._executor.drop(ended.lease)
            logger.error("%s asked for a task that cannot be planned: %s", task, error)
            self._work.inform(task, "FAILED", None)
            worker.run_succeeded = False
            return Report(ended.lease, Outcome.FAILED, str(error), retryable=False)
        self._parked[ended.lease] = order
        self._work.inform(task, "PENDING", None)
        return Report(ended.lease, Outcome.PARKED, needs=tuple(asked))

    def _plan_for(self, task: Task) -> str:
        self._worker.add(task)
        return task.task_id


class EngineWork:
    """What a worker has to do, done by Rumbo's engine: in this process one by one, or in a process each.

    Args:
        worker: whose work it is. Its scheduler is one of this process that nobody else speaks with.
    """

    def __init__(self, worker: Worker) -> None:
        scheduler = worker._scheduler
        self.worker = worker
        self.clock = scheduler._clock
        self.memory = Memory(self) if history_is_wanted() else None
        self.connection = scheduler._connect(worker._id, self._watch, worker._scheduled_tasks)
        self.describer = LuigiDescriber(scheduler._retry_defaults(), bool(worker._config.retry_external_tasks))
        self.plan = LuigiPlan(worker, self.inform)
        self.unfinished: dict[str, None] = {}
        self._engine: LuigiEngine | None = None
        self._turns = 0
        self._has_run = False

    @property
    def run_id(self) -> str:
        """A name for what is asked for in one go."""
        return f"{self.worker._id}/{self._turns}"

    def add(self, task: Task, threads: int) -> bool:
        """Plan a task and what it needs; gives whether every task could be asked."""
        worker = self.worker
        if self._has_run:
            self._has_run = False
            self.look_again()
        self.plan.ask_several_at_once(threads)
        try:
            nodes = self.plan.find([task])
            if self.memory is not None:
                self.memory.planned(nodes)
            self.connection.register(self.run_id, self.describer.describe(nodes))
        except TaskException:
            raise
        except Exception as error:
            worker._tell_unexpected_error(task, error)
            raise
        return worker.add_succeeded

    def look_again(self) -> None:
        """From now on ask tasks anew, and let what failed be tried again."""
        self._turns += 1
        self.plan.look_again()

    def inform(self, task: Any, status: str, is_runnable: Any) -> None:
        """Keep, and log, what the scheduler is told of a task."""
        self.worker._add_task_history.append((task, status, is_runnable))
        if status == "PENDING" and is_runnable:
            self.unfinished[task.task_id] = None
        elif status == "DONE":
            self.unfinished.pop(task.task_id, None)
        logger.info("Informed scheduler that task   %s   has status   %s", task.task_id, status)

    def could_not_load(self, error: BaseException, ids: Sequence[str]) -> None:
        """Tasks that the scheduler wants to be run, and that cannot be made, have failed."""
        headline = f"Cannot find task(s) sent by scheduler: {','.join(ids)}"
        logger.error(headline, exc_info=error)
        for id in ids:
            self.inform(self.worker._scheduled_tasks[id], "FAILED", False)
        self.worker.run_succeeded = False
        notifications.send_error_email(f"Luigi: {headline}", notifications.wrap_traceback(error))

    def run(self) -> None:
        """Do what was planned."""
        worker = self.worker
        worker._worker_info.append(("first_task", worker._first_task))
        worker._scheduler._introduce(worker._id, worker._worker_info)
        try:
            self._run()
        finally:
            self._has_run = True
            self._engine = None

    def _run(self) -> None:
        worker, memory = self.worker, self.memory
        executor = self._executor()
        engine = self._engine = LuigiEngine(self, executor)
        if worker._stop_requesting_work:
            engine.drain()
        if worker.worker_processes < 1:
            engine.wait_only()
            return
        executor.open(dict(worker._scheduled_tasks))
        try:
            if memory is not None:
                memory.begin()
            engine.work()
        finally:
            executor.close()
            if memory is not None:
                memory.end(engine)

    def _executor(self) -> Any:
        worker = self.worker
        config, count = worker._config, worker.worker_processes
        in_child = count > 1 or config.force_multiprocessing or self._has_a_timeout()
        cache, is_recorded = worker._task_completion_cache, self.memory is not None
        attempts = LuigiAttempts(worker._id, config, bool(in_child), cache, is_recorded)
        if in_child:
            from rumbo.executors.processes import ProcessExecutor

            return ProcessExecutor(attempts, max(count, 1), recycle_after=1, timeout=config.timeout)
        from rumbo.executors.inline import InlineExecutor

        return InlineExecutor(attempts, say=lambda said: self._engine.pass_on(said) if self._engine else None)

    def _has_a_timeout(self) -> bool:
        worker = self.worker
        return any(map(worker._timeout_of, worker._scheduled_tasks.values()))

    def drain(self) -> None:
        """Finish what runs, and nothing more."""
        if self._engine is not None:
            self._engine.drain()

    def leave(self) -> None:
        """Give back what is held."""
        self.connection.leave()

    def _watch(self, effects: Any) -> None:
        if self.memory is not None:
            self.memory.happened(effects)
