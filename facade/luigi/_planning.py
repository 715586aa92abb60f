"""Scheduling as Luigi does it, by Rumbo's planner: what is asked, what is logged, and what the scheduler is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rumbo.pipeline.bulk import answers_in_bulk
from rumbo.pipeline.events import Event, fire
from rumbo.pipeline.task import Task
from rumbo.worker.completeness import Answer, check_all
from rumbo.worker.plan import Node, Plan, Verdict
from rumbo.worker.specs import Describer, RetryDefaults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from luigi.worker import Worker
    from rumbo.scheduler.records import TaskSpec


class LuigiPlan(Plan):
    """Finds what a worker must do.

    Unlike Rumbo's own plan it takes two tasks with one id for one, does not look below external tasks, never uses
    ``bulk_complete`` by itself, and asks a task again when it is added after the worker has run.

    Args:
        worker: what is found is told to it.
        inform: told of each task its status, and whether it can be run.
    """

    def __init__(self, worker: Worker, inform: Callable[[Any, str, Any], None]) -> None:
        super().__init__(threads=1, allow_collisions=True, ask_wrappers=True)
        self._worker = worker
        self._inform = inform
        self._known: set[str] = set()

    def look_again(self) -> None:
        """From now on ask tasks anew: time has passed, and what was complete may be gone."""
        self._known.clear()

    def ask_several_at_once(self, threads: int) -> None:
        """How many tasks may be asked at the same time whether they are complete."""
        self._threads = threads

    def _meet(self, task: Task, fresh: list[Node]) -> Node:
        id = task.task_id
        if id in self._known:
            return self.nodes[id]
        self._known.add(id)
        node = self.nodes[id] = Node(task, id)
        fresh.append(node)
        return node

    def _ask(self, tasks: Sequence[Task]) -> Sequence[Answer]:
        from luigi import worker

        for task in tasks:
            worker.logger.debug("Checking if %s is complete", task)
        cache = self._worker._task_completion_cache
        if cache is None and worker.check_complete_cached is _original_check():
            plain = [task for task in tasks if type(task).complete is Task.complete and not answers_in_bulk(type(task))]
            if len(plain) == len(tasks):
                return check_all(tasks, self._threads)
        if self._threads > 1 and len(tasks) > 1:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(self._threads) as pool:
                return list(pool.map(lambda task: _answer(task, cache), tasks))
        return [_answer(task, cache) for task in tasks]

    def _judge(self, node: Node, answer: Answer) -> bool:
        task, worker = node.task, self._worker
        limit = worker._config.task_limit
        if limit is not None and len(worker._scheduled_tasks) >= limit:
            worker._log_task_limit(task)
            node.verdict, node.reason = Verdict.BROKEN, "more tasks than task_limit allows"
        elif isinstance(answer, BaseException):
            self._break(node, answer, "complete() failed")
            fire(task, Event.DEPENDENCY_MISSING, task)
            worker._could_not_ask(task, node.traceback)
        elif answer:
            node.verdict, node.reason = Verdict.SKIP, "complete"
            fire(task, Event.DEPENDENCY_PRESENT, task)
        elif is_external(task):
            node.verdict, node.reason = Verdict.WAIT, "external: somebody else must bring it about"
            fire(task, Event.DEPENDENCY_MISSING, task)
            worker._log_missing_data(task)
        else:
            node.reason = "not complete"
            return True
        self._tell(node)
        return False

    def _descend(self, node: Node, below: list[Node]) -> None:
        task, worker = node.task, self._worker
        try:
            needed = task.deps()
        except Exception as error:  # noqa: BLE001 - the user's code; one broken branch must not stop the others
            self._break(node, error, "requires() failed")
            fire(task, Event.BROKEN_TASK, task, error)
            worker._could_not_descend(task, node.traceback)
        else:
            for each in needed:
                worker._validate_dependency(each)
                fire(task, Event.DEPENDENCY_DISCOVERED, task, each)
                worker._validate_task(each)
                node.needs.append(self._meet(each, below))
        self._tell(node)

    def _tell(self, node: Node) -> None:
        task = node.task
        status, is_runnable = _STATUS[node.verdict], node.verdict is Verdict.RUN
        if is_external(task) and node.verdict is Verdict.WAIT:
            is_runnable = self._worker._config.retry_external_tasks
        if task.disabled:
            status = "DISABLED"
            if node.verdict is Verdict.SKIP:
                node.verdict = Verdict.WAIT  # Luigi calls it disabled even if it is complete
        self._worker._scheduled_tasks[node.id] = task
        self._inform(task, status, is_runnable)


_STATUS = {Verdict.RUN: "PENDING", Verdict.SKIP: "DONE", Verdict.WAIT: "PENDING", Verdict.BROKEN: "UNKNOWN"}


def is_external(task: Any) -> bool:
    """Whether somebody else makes the task's outputs."""
    return task.run is None or task.run == NotImplemented


def _original_check() -> Any:
    from luigi import worker

    return worker._check_complete_cached


def _answer(task: Task, cache: Any) -> Answer:
    """What a task says of itself. Anything that equals True or False counts as such, as in Luigi."""
    from luigi import worker

    try:
        answer = worker.check_complete_cached(task, completion_cache=cache)
        if answer not in (True, False):
            raise worker.TaskException(f"Return value of Task.complete() must be boolean (was {answer!r})")
    except Exception as error:  # noqa: BLE001 - as in _descend
        return error
    return bool(answer)


class LuigiDescriber(Describer):
    """Tells the scheduler of tasks, those that are external too when they shall be asked again."""

    def __init__(self, defaults: RetryDefaults, retry_external_tasks: bool) -> None:
        super().__init__(defaults=defaults)
        self._retry_external_tasks = retry_external_tasks

    def describe(self, nodes: Iterable[Node]) -> list[TaskSpec]:
        """A spec for each node, in order."""
        specs = super().describe(nodes)
        return [spec._replace(runnable=True) for spec in specs] if self._retry_external_tasks else specs
