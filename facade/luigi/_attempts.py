"""Attempts at tasks, with the checks around ``run()`` that Luigi makes, and the lines that it writes to the log.

`LuigiAttempts` is for Rumbo's executors. `TaskProcess` is the same in the shape of a process, which reports by a queue.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import multiprocessing
import os
import queue
import time
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from luigi._planning import is_external
from luigi.task_status import DONE, FAILED, PENDING, RUNNING
from rumbo.errors import AttemptError
from rumbo.pipeline.structure import flatten
from rumbo.ports import Ended, Message, Voice
from rumbo.scheduler.records import Outcome
from rumbo.worker.attempt import Attempts, Rules, Stretch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from rumbo.pipeline.dynamic import DynamicRequirements
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

    def _needs(self, request: DynamicRequirements) -> tuple[Task, ...]:
        if self._cache is None:
            return super()._needs(request)
        from luigi import worker

        check = functools.partial(worker.check_complete_cached, completion_cache=self._cache)
        if request.custom_complete is not None:
            return () if request.complete(check) else tuple(request.flat_requirements)
        return tuple([task for task in request.flat_requirements if not check(task)])

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

    def __getstate__(self) -> dict[str, Any]:
        # A scheduler of this process stays in it, and nobody can answer to it from another one.
        from luigi.scheduler import Scheduler

        is_here = isinstance(self._scheduler, Scheduler)
        return {**vars(self), "_scheduler": None} if is_here else dict(vars(self))

    def respond(self, response: Any) -> None:
        if self._scheduler is None:
            logger.warning(
                "Nobody hears the answer to message %s: its scheduler is in another process", self._message_id
            )
            return
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
        from luigi import worker

        self.check_complete = functools.partial(worker.check_complete_cached, completion_cache=task_completion_cache)

    def run(self) -> None:
        """Make the attempt; what it yields and is not complete ends it."""
        config = _AttemptConfig(self.check_complete_on_run, self.check_unfulfilled_deps)
        attempts = LuigiAttempts(self.worker_id, config, self.use_multiprocessing, self.task_completion_cache)
        with self._forward_attributes():
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

    @contextlib.contextmanager
    def _forward_attributes(self) -> Iterator[TaskProcess]:
        """Let the task speak through the reporter while it runs."""
        reporter = self.status_reporter
        given = {ours: getattr(reporter, its) for its, ours in self.forward_reporter_attributes.items()}
        vars(self.task).update(given)
        try:
            yield self
        finally:
            for name in given:
                vars(self.task).pop(name, None)

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
