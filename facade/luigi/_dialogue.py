"""Working by Luigi's own steps: each task is told to a scheduler, asked for, tried, and reported, by a method each.

Programs override these methods, replace them, or bring a scheduler that is not of this process. `luigi._choice` says
when a run goes this way and when it takes Rumbo's engine.
"""

from __future__ import annotations

import collections
import datetime
import json
import logging
import multiprocessing
import queue
import random
import signal
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any, NamedTuple

from luigi import notifications
from luigi._attempts import SchedulerMessage, TaskStatusReporter
from luigi._planning import is_external
from luigi.event import Event
from luigi.scheduler import WORKER_STATE_ACTIVE, WORKER_STATE_DISABLED, RetryPolicy
from luigi.target import Target
from luigi.task import Task
from luigi.task_register import TaskClassException, load_task
from luigi.task_status import DISABLED, DONE, FAILED, PENDING, RUNNING, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

logger = logging.getLogger("luigi-interface")

fork_lock = threading.Lock()
"""Held while a process is forked, so that no other thread holds anything at that moment."""


class TaskException(Exception):
    """A task broke a rule for tasks."""


class TracebackWrapper:
    """A traceback that is not to be taken for an ordinary text."""

    def __init__(self, trace: str) -> None:
        self.trace = trace


class AsyncCompletionException(Exception):
    """A task could not say whether it is complete."""

    def __init__(self, trace: str) -> None:
        super().__init__(trace)
        self.trace = trace


class GetWorkResponse(NamedTuple):
    """What a scheduler says when it is asked for work."""

    task_id: Any
    running_tasks: Any
    n_pending_tasks: Any
    n_unique_pending: Any
    n_pending_last_scheduled: Any
    worker_state: Any


class SingleProcessPool:
    """A pool that does everything at once and here."""

    def apply_async(self, function: Any, args: Any) -> Any:
        return function(*args)

    def close(self) -> None:
        pass

    def join(self) -> None:
        pass


class DequeQueue(collections.deque):  # type: ignore[type-arg]
    """A queue without processes; the last comes first."""

    def put(self, obj: Any, block: Any = None, timeout: Any = None) -> None:
        self.append(obj)

    def get(self, block: Any = None, timeout: Any = None) -> Any:
        try:
            return self.pop()
        except IndexError:
            raise queue.Empty from None


class KeepAliveThread(threading.Thread):
    """Tells a scheduler now and then that a worker lives, and hands on what it is told."""

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


class DialogueWorker:
    """The steps of a worker. `luigi.worker.Worker` makes the parts that they work with."""

    _scheduler: Any
    _config: Any
    _id: str
    _assistant: bool
    _worker_info: list[tuple[str, Any]]
    _first_task: str | None
    _scheduled_tasks: dict[str, Any]
    _running_tasks: dict[str, Any]
    _batch_running_tasks: dict[str, Any]
    _batch_families_sent: set[str]
    _add_task_history: list[tuple[Any, str, Any]]
    _get_work_response_history: list[dict[str, Any]]
    _task_result_queue: Any
    _task_completion_cache: Any
    _stop_requesting_work: bool
    _idle_since: datetime.datetime | None
    _keep_alive_thread: Any
    unfulfilled_counts: collections.defaultdict[str, int]
    worker_processes: int
    host: str
    add_succeeded: bool
    run_succeeded: bool

    _email_complete_error: Callable[..., None]
    _email_dependency_error: Callable[..., None]
    _email_unexpected_error: Callable[..., None]
    _email_task_failure: Callable[..., None]

    # -- its beginning and its end ------------------------------------------------------------------------------------

    def _begin_dialogue(self) -> None:
        from luigi import worker

        self._keep_alive_thread = worker.KeepAliveThread(
            self._scheduler, self._id, self._config.ping_interval, self._handle_rpc_message
        )
        self._keep_alive_thread.daemon = True
        self._keep_alive_thread.start()

    def _end_dialogue(self) -> None:
        self._keep_alive_thread.stop()
        self._keep_alive_thread.join()
        for process in self._running_tasks.values():
            if process.is_alive():
                process.terminate()
        self._task_result_queue.close()

    # -- tasks are told -----------------------------------------------------------------------------------------------

    def _add_all(self, task: Any, multiprocess: bool, processes: int) -> bool:
        """Tell the scheduler of a task and of what it needs."""
        from luigi import worker

        answers: Any = multiprocessing.Manager().Queue() if multiprocess else DequeQueue()
        pool: Any = multiprocessing.Pool(processes=processes or None) if multiprocess else SingleProcessPool()

        def ask(each: Any) -> None:
            pool.apply_async(worker.check_complete, [each, answers, self._task_completion_cache])

        seen = {task.task_id}
        try:
            ask(task)
            awaited = 1
            while awaited:
                awaited -= 1
                for each in self._add(*answers.get()):
                    if each.task_id not in seen:
                        self._validate_task(each)
                        seen.add(each.task_id)
                        ask(each)
                        awaited += 1
        except TaskException:
            raise
        except Exception as error:
            self._tell_unexpected_error(task, error)
            raise
        finally:
            pool.close()
            pool.join()
        return self.add_succeeded

    def _tell_unexpected_error(self, task: Any, error: Exception) -> None:
        """Log, fire and mail that a task could not be planned. Called where the error is being handled."""
        self.add_succeeded = False
        self._log_unexpected_error(task)
        task.trigger_event(Event.BROKEN_TASK, task, error)
        self._email_unexpected_error(task, traceback.format_exc())

    def _add(self, task: Any, is_complete: Any) -> Iterator[Any]:
        """Tell the scheduler of a task; gives those that it needs, to be told as well."""
        status, is_runnable, needs = self._look_at(task, is_complete)
        if task.disabled:
            status = DISABLED
        for each in needs or ():
            self._validate_dependency(each)
            task.trigger_event(Event.DEPENDENCY_DISCOVERED, task, each)
            yield each
        self._scheduled_tasks[task.task_id] = task
        self._add_task(
            worker=self._id,
            task_id=task.task_id,
            status=status,
            deps=[each.task_id for each in needs] if needs else needs,
            runnable=is_runnable,
            priority=task.priority,
            resources=task.process_resources(),
            params=task.to_str_params(),
            family=task.task_family,
            module=task.task_module,
            batchable=task.batchable,
            retry_policy_dict=_retry_policy(task),
            accepts_messages=task.accepts_messages,
        )

    def _look_at(self, task: Any, is_complete: Any) -> tuple[str, bool, Any]:
        """A task's status, whether we can run it, and what it needs if we do."""
        limit = self._config.task_limit
        if limit is not None and len(self._scheduled_tasks) >= limit:
            self._log_task_limit(task)
            return UNKNOWN, False, None
        try:
            self._check_complete_value(is_complete)
        except Exception as error:  # noqa: BLE001 - the user's code; one broken branch must not stop the others
            trace = error.trace if isinstance(error, AsyncCompletionException) else traceback.format_exc()
            task.trigger_event(Event.DEPENDENCY_MISSING, task)
            self._could_not_ask(task, trace)
            return UNKNOWN, False, None
        if is_complete:
            task.trigger_event(Event.DEPENDENCY_PRESENT, task)
            return DONE, False, None
        if is_external(task):
            task.trigger_event(Event.DEPENDENCY_MISSING, task)
            self._log_missing_data(task)
            return PENDING, self._config.retry_external_tasks, None
        try:
            needs = task.deps()
            self._add_task_batcher(task)
        except Exception as error:  # noqa: BLE001 - as above
            task.trigger_event(Event.BROKEN_TASK, task, error)
            self._could_not_descend(task, traceback.format_exc())
            return UNKNOWN, False, None
        return PENDING, True, needs

    def _add_task(self, *args: Any, **kwargs: Any) -> None:
        """Tell the scheduler something of a task, and keep it for the summary."""
        id, status, is_runnable = kwargs["task_id"], kwargs["status"], kwargs["runnable"]
        task = self._scheduled_tasks.get(id)
        if task:
            self._add_task_history.append((task, status, is_runnable))
            kwargs["owners"] = task._owner_list()
            if kwargs.get("params"):
                kwargs["param_visibilities"] = task._get_param_visibilities()
        for each in self._batch_running_tasks.pop(id, ()):
            self._add_task_history.append((each, status, True))
        self._scheduler.add_task(*args, **kwargs)
        logger.info("Informed scheduler that task   %s   has status   %s", id, status)

    def _add_task_batcher(self, task: Any) -> None:
        family = task.task_family
        if family in self._batch_families_sent:
            return
        names = type(task).batch_param_names()
        if names:
            self._scheduler.add_task_batcher(
                worker=self._id, task_family=family, batched_args=names, max_batch_size=task.max_batch_size
            )
        self._batch_families_sent.add(family)

    def _check_complete_value(self, is_complete: Any) -> None:
        if isinstance(is_complete, TracebackWrapper):
            raise AsyncCompletionException(is_complete.trace)
        if is_complete not in (True, False):
            raise Exception(f"Return value of Task.complete() must be boolean (was {is_complete!r})")

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

    def _could_not_ask(self, task: Any, formatted_traceback: str) -> None:
        self.add_succeeded = False
        self._log_complete_error(task, formatted_traceback)
        self._email_complete_error(task, formatted_traceback)

    def _could_not_descend(self, task: Any, formatted_traceback: str) -> None:
        self.add_succeeded = False
        self._log_dependency_error(task, formatted_traceback)
        self._email_dependency_error(task, formatted_traceback)

    def _announce_scheduling_failure(self, task: Any, expl: Any) -> None:
        """Let the scheduler mail about a task that it will never see."""
        try:
            self._scheduler.announce_scheduling_failure(
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

    # -- what is logged -----------------------------------------------------------------------------------------------

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

    def _log_remote_tasks(self, get_work_response: GetWorkResponse) -> None:
        logger.debug("Done")
        logger.debug("There are no more tasks to run at this time")
        if get_work_response.running_tasks:
            for each in get_work_response.running_tasks:
                logger.debug("%s is currently run by worker %s", each["task_id"], each["worker"])
        elif get_work_response.n_pending_tasks:
            logger.debug(
                "There are %s pending tasks possibly being run by other workers", get_work_response.n_pending_tasks
            )
            if get_work_response.n_unique_pending:
                logger.debug("There are %i pending tasks unique to this worker", get_work_response.n_unique_pending)
            if get_work_response.n_pending_last_scheduled:
                logger.debug(
                    "There are %i pending tasks last scheduled by this worker",
                    get_work_response.n_pending_last_scheduled,
                )

    # -- work is asked for --------------------------------------------------------------------------------------------

    def _add_worker(self) -> None:
        self._worker_info.append(("first_task", self._first_task))
        self._scheduler.add_worker(self._id, self._worker_info)

    def _get_work(self) -> GetWorkResponse:
        if self._stop_requesting_work:
            return GetWorkResponse(None, 0, 0, 0, 0, WORKER_STATE_DISABLED)
        answer = self._ask_for_work()
        id = self._get_work_task_id(answer)
        running = answer["running_tasks"]
        self._get_work_response_history.append({"task_id": id, "running_tasks": running})
        if id is not None and id not in self._scheduled_tasks:
            id = self._load(id, answer)
        if id is not None and "batch_task_ids" in answer:
            members = [self._scheduled_tasks.get(each) for each in answer["batch_task_ids"]]
            self._batch_running_tasks[id] = [each for each in members if each]
        return GetWorkResponse(
            task_id=id,
            running_tasks=running,
            n_pending_tasks=answer["n_pending_tasks"],
            n_unique_pending=answer["n_unique_pending"],
            n_pending_last_scheduled=answer.get("n_pending_last_scheduled", 0),  # servers of 2016 have none of these
            worker_state=answer.get("worker_state", WORKER_STATE_ACTIVE),
        )

    def _ask_for_work(self) -> Any:
        if self.worker_processes < 1:
            logger.debug("Checking if tasks are still pending")
            return self._scheduler.count_pending(worker=self._id)
        logger.debug("Asking scheduler for work...")
        return self._scheduler.get_work(
            worker=self._id, host=self.host, assistant=self._assistant, current_tasks=list(self._running_tasks)
        )

    def _get_work_task_id(self, get_work_response: Any) -> Any:
        """The task that was given; several that shall be done as one become one first."""
        answer = get_work_response
        if answer.get("task_id") is not None or "batch_id" not in answer:
            return answer.get("task_id")
        module, family = answer.get("task_module"), answer["task_family"]
        try:
            task = load_task(module=module, task_name=family, params_str=answer["task_params"])
        except Exception as error:  # noqa: BLE001 - the batch method is the user's code
            self._handle_task_load_error(error, answer["batch_task_ids"])
            self.run_succeeded = False
            return None
        self._scheduler.add_task(
            worker=self._id,
            task_id=task.task_id,
            module=module,
            family=family,
            params=task.to_str_params(),
            status=RUNNING,
            batch_id=answer["batch_id"],
        )
        return task.task_id

    def _load(self, id: str, answer: Any) -> str | None:
        """Make a task that somebody else told the scheduler of; gives its id if that can be done."""
        logger.info("Did not schedule %s, will load it dynamically", id)
        try:
            self._scheduled_tasks[id] = load_task(
                module=answer.get("task_module"), task_name=answer["task_family"], params_str=answer["task_params"]
            )
        except TaskClassException as error:
            self._handle_task_load_error(error, [id])
            self.run_succeeded = False
            return None
        return id

    def _handle_task_load_error(self, exception: BaseException, task_ids: Sequence[str]) -> None:
        """Tasks that the scheduler wants to be run, and that cannot be made, have failed."""
        headline = f"Cannot find task(s) sent by scheduler: {','.join(task_ids)}"
        logger.error(headline, exc_info=exception)
        message = notifications.wrap_traceback(exception)
        for id in task_ids:
            self._add_task(worker=self._id, task_id=id, status=FAILED, runnable=False, expl=message)
        notifications.send_error_email(f"Luigi: {headline}", message)

    # -- work is done -------------------------------------------------------------------------------------------------

    def _run_all(self) -> None:
        """Ask for work and do it, until there is nothing more to hope for."""
        self._add_worker()
        sleeper = self._sleeper()
        while True:
            while len(self._running_tasks) >= self.worker_processes > 0:
                logger.debug("%d running tasks, waiting for next task to finish", len(self._running_tasks))
                self._handle_next_task()
            response = self._get_work()
            if response.worker_state == WORKER_STATE_DISABLED:
                self._start_phasing_out()
            if response.task_id is not None:
                logger.debug("Pending tasks: %s", response.n_pending_tasks)
                self._run_task(response.task_id)
                continue
            if not self._stop_requesting_work:
                self._log_remote_tasks(response)
            if self._running_tasks:
                self._handle_next_task()
                continue
            self._idle_since = self._idle_since or datetime.datetime.now()
            if not self._keep_alive(response):
                break
            next(sleeper)
        while self._running_tasks:
            logger.debug("Shut down Worker, %d more tasks to go", len(self._running_tasks))
            self._handle_next_task()

    def _run_task(self, task_id: str) -> None:
        if task_id in self._running_tasks:
            logger.debug("Got already running task id %s from scheduler, taking a break", task_id)
            next(self._sleeper())
            return
        process = self._create_task_process(self._scheduled_tasks[task_id])
        self._running_tasks[task_id] = process
        if process.use_multiprocessing:
            with fork_lock:
                process.start()
        else:
            process.run()

    def _create_task_process(self, task: Any) -> Any:
        """An attempt at a task: anything with ``run()``, ``is_alive()`` and so on, that reports by the result queue."""
        from luigi import worker

        config = self._config
        in_child = bool(config.force_multiprocessing or self.worker_processes > 1)
        has_timeout = bool(config.timeout if task.worker_timeout is None else task.worker_timeout)
        messages: Any = None
        if task.accepts_messages:  # in this process they need not be fit for travelling
            messages = multiprocessing.Queue() if in_child or has_timeout else queue.Queue()
        return worker.ContextManagedTaskProcess(
            config.task_process_context,
            task,
            self._id,
            self._task_result_queue,
            TaskStatusReporter(self._scheduler, task.task_id, self._id, messages),
            use_multiprocessing=in_child,
            worker_timeout=config.timeout,
            check_unfulfilled_deps=config.check_unfulfilled_deps,
            check_complete_on_run=config.check_complete_on_run,
            task_completion_cache=self._task_completion_cache,
        )

    def _purge_children(self) -> None:
        """Report attempts that ended without a word, and end those that take too long."""
        for id, process in self._running_tasks.items():
            if not process.is_alive() and process.exitcode:
                message = f"Task {id} died unexpectedly with exit code {process.exitcode}"
                process.task.trigger_event(Event.PROCESS_FAILURE, process.task, message)
            elif process.timeout_time is not None and time.time() > float(process.timeout_time) and process.is_alive():
                process.terminate()
                message = f"Task {id} timed out after {process.worker_timeout} seconds and was terminated."
                process.task.trigger_event(Event.TIMEOUT, process.task, message)
            else:
                continue
            logger.info(message)
            self._task_result_queue.put((id, FAILED, message, [], []))

    def _handle_next_task(self) -> None:
        """Wait a while for an attempt to end, and report it."""
        self._idle_since = None
        while True:
            self._purge_children()
            try:
                result = self._task_result_queue.get(timeout=self._config.wait_interval)
            except queue.Empty:
                return
            # An attempt that was ended by force may have put its own result as well.
            if result[0] in self._running_tasks:
                self._take_result(*result)
                return

    def _take_result(self, task_id: str, status: str, expl: Any, missing: Any, new_requirements: Any) -> None:
        task = self._scheduled_tasks[task_id]
        if status == FAILED and not (is_external(task) and self._config.retry_external_tasks):
            self._email_task_failure(task, expl)
        needed = [load_task(module, family, params) for module, family, params in new_requirements or ()]
        for each in needed:
            self.add(each)
        self._add_task(
            worker=self._id,
            task_id=task_id,
            status=status,
            expl=json.dumps(expl),
            resources=task.process_resources(),
            runnable=None,
            params=task.to_str_params(),
            family=task.task_family,
            module=task.task_module,
            new_deps=[each.task_id for each in needed],
            assistant=self._assistant,
            retry_policy_dict=_retry_policy(task),
        )
        self._running_tasks.pop(task_id)
        if missing:
            for each in missing:
                self.unfulfilled_counts[each] += 1
            if max(map(self.unfulfilled_counts.__getitem__, missing)) <= self._config.max_reschedules:
                self.add(task)
        self.run_succeeded &= status == DONE or bool(needed)

    def add(self, task: Any, multiprocess: bool = False, processes: int = 0) -> bool:
        """Find out what a task needs, and tell the scheduler."""
        raise NotImplementedError

    # -- how long to stay ---------------------------------------------------------------------------------------------

    def _sleeper(self) -> Iterator[None]:
        """Each step is a sleep of ``wait_interval``, and up to ``wait_jitter`` more."""
        while True:
            seconds = self._config.wait_interval + random.uniform(0, self._config.wait_jitter)
            logger.debug("Sleeping for %f seconds", seconds)
            time.sleep(seconds)
            yield

    def _keep_alive(self, get_work_response: GetWorkResponse) -> bool:
        """Whether to wait although there is nothing to do right now."""
        config = self._config
        if not config.keep_alive:
            return False
        if self._assistant:
            return True
        if config.count_last_scheduled:
            return bool(get_work_response.n_pending_last_scheduled > 0)
        if config.count_uniques:
            return bool(get_work_response.n_unique_pending > 0)
        if get_work_response.n_pending_tasks == 0:
            return False
        if not config.max_keep_alive_idle_duration or not self._idle_since:
            return True
        left = self._idle_since + config.max_keep_alive_idle_duration - datetime.datetime.now()
        logger.debug("[%s] %s until shutdown", self._id, left)
        return bool(left > datetime.timedelta(0))

    def handle_interrupt(self, signum: int, _: Any) -> None:
        """SIGUSR1: finish what runs, and nothing more."""
        if signum == signal.SIGUSR1:
            self._start_phasing_out()

    def _start_phasing_out(self) -> None:
        self._config.keep_alive = False
        self._stop_requesting_work = True

    # -- what the scheduler tells -------------------------------------------------------------------------------------

    def _handle_rpc_message(self, message: Any) -> None:
        """Do what somebody asked for, if it is one of the methods that may be asked for."""
        logger.info("Worker %s got message %s", self._id, message)
        name = message["name"]
        method = getattr(self, name, None)
        if not callable(method):
            logger.error("Worker %s has no function '%s'", self._id, name)
        elif not getattr(method, "is_rpc_message_callback", False):
            logger.error("Worker %s function '%s' is not available as rpc message callback", self._id, name)
        else:
            logger.info("Worker %s successfully dispatched rpc message to function '%s'", self._id, name)
            method(**message["kwargs"])

    @rpc_message_callback
    def set_worker_processes(self, n: int) -> None:
        """How many tasks run at a time, from now on."""
        self.worker_processes = max(1, n)
        self._scheduler.add_worker(self._id, {"workers": self.worker_processes})

    @rpc_message_callback
    def dispatch_scheduler_message(self, task_id: str, message_id: str, content: Any, **kwargs: Any) -> None:
        """Hand a message to a task that runs and reads its messages."""
        process = self._running_tasks.get(str(task_id))
        if process is not None and process.status_reporter.scheduler_messages:
            message = SchedulerMessage(self._scheduler, str(task_id), message_id, content, **kwargs)
            process.status_reporter.scheduler_messages.put(message)


def _retry_policy(task: Any) -> dict[str, Any]:
    return RetryPolicy(task.retry_count, task.disable_hard_timeout, task.disable_window)._asdict()
