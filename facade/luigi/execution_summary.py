"""The summary at the end of a run, to the letter as Luigi writes it, since people search their logs for it.

It is made from three attributes of a worker, and asks nothing else of it: ``_add_task_history`` (what the scheduler was
told: task, status, whether the worker can run it), ``_get_work_response_history`` (what the scheduler said when it had
no work, with the tasks that other workers run) and ``_scheduled_tasks`` (by id).
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from luigi.parameter import IntParameter
from luigi.task import Config

Tasks = Collection[Any]
TaskSets = dict[str, set[Any]]
ByFamily = dict[str, list[Any]]


class execution_summary(Config):
    """How much the summary tells."""

    summary_length = IntParameter(default=5, description="Task families shown under each heading; 0: all")


class LuigiStatusCode(enum.Enum):
    """How a run went as a whole: a face, and why it makes it."""

    SUCCESS = (":)", "there were no failed tasks or missing dependencies")
    SUCCESS_WITH_RETRY = (":)", "there were failed tasks but they all succeeded in a retry")
    FAILED = (":(", "there were failed tasks")
    FAILED_AND_SCHEDULING_FAILED = (":(", "there were failed tasks and tasks whose scheduling failed")
    SCHEDULING_FAILED = (":(", "there were tasks whose scheduling failed")
    NOT_RUN = (":|", "there were tasks that were not granted run permission by the scheduler")
    MISSING_EXT = (":|", "there were missing external dependencies")


class LuigiRunResult:
    """All that is known of a run.

    Attributes:
        one_line_summary: how it went, in a sentence.
        summary_text: what became of the tasks, for people.
        status: how it went, as a `LuigiStatusCode`.
        worker: who ran it.
        scheduling_succeeded: whether every task could be scheduled, and none failed.
    """

    def __init__(self, worker: Any, worker_add_run_status: bool = True) -> None:
        task_sets = _summary_dict(worker)
        self.worker = worker
        self.summary_text = _summary_wrap(_summary_format(task_sets, worker))
        self.status = _tasks_status(task_sets)
        self.one_line_summary = _create_one_line_summary(self.status)
        self.scheduling_succeeded = worker_add_run_status

    def __str__(self) -> str:
        return f"LuigiRunResult with status {self.status}"

    def __repr__(self) -> str:
        return (
            f"LuigiRunResult(status={self.status!r},worker={self.worker!r},"
            f"scheduling_succeeded={self.scheduling_succeeded!r})"
        )


# What became of each task ----------------------------------------------------------------------------------------

_HEADINGS = {
    "already_done": "complete ones were encountered",
    "completed": "ran successfully",
    "failed": "failed",
    "scheduling_error": "failed scheduling",
    "still_pending": "were left pending, among these",
    "still_pending_ext": "were missing external dependencies",
    "run_by_other_worker": "were being run by another worker",
    "upstream_failure": "had failed dependencies",
    "upstream_missing_dependency": "had missing dependencies",
    "upstream_run_by_other_worker": "had dependencies that were being run by other worker",
    "upstream_scheduling_error": "had dependencies whose scheduling failed",
    "not_run": "was not granted run permission by the scheduler",
}
_ORDERED_STATUSES = (
    "already_done",
    "completed",
    "ever_failed",
    "failed",
    "scheduling_error",
    "still_pending",
    "still_pending_ext",
    "run_by_other_worker",
    "upstream_failure",
    "upstream_missing_dependency",
    "upstream_run_by_other_worker",
    "upstream_scheduling_error",
    "not_run",
)
_PENDING_SUB_STATUSES = frozenset(_ORDERED_STATUSES[_ORDERED_STATUSES.index("still_pending_ext") :])


def _partition_tasks(worker: Any) -> TaskSets:
    """The tasks by what their worker said of them. A task that is pending still may be in several sets."""
    said: dict[str, set[Any]] = defaultdict(set)
    cannot_run: set[Any] = set()
    can_run: set[Any] = set()
    for task, status, is_runnable in worker._add_task_history:
        said[status].add(task)
        if status == "PENDING":
            (can_run if is_runnable else cannot_run).add(task)
    completed = said["DONE"] & said["PENDING"]
    settled = said["FAILED"] | completed
    sets: TaskSets = {
        "completed": completed,
        "already_done": said["DONE"] - said["PENDING"],
        "ever_failed": said["FAILED"],
        "failed": said["FAILED"] - completed,
        "scheduling_error": said["UNKNOWN"],
        "still_pending_ext": cannot_run - settled,
        "still_pending_not_ext": can_run - settled,
    }
    for name in (*_UPSTREAM, "run_by_other_worker", "not_run"):
        sets[name] = set()
    return sets


_UPSTREAM = {
    "upstream_failure": ("ever_failed", "upstream_failure"),
    "upstream_missing_dependency": ("still_pending_ext", "upstream_missing_dependency"),
    "upstream_run_by_other_worker": ("run_by_other_worker", "upstream_run_by_other_worker"),
    "upstream_scheduling_error": ("scheduling_error",),
}
"""Why a task is pending still -> in which sets one of those that it requires must be."""


def _populate_unknown_statuses(set_tasks: TaskSets) -> None:
    """Find out, for each task that could have run and did not, which of those it requires kept it from that."""
    visited: set[Any] = set()
    for task in set_tasks["still_pending_not_ext"]:
        for each in _requirements_first(task, set_tasks["still_pending_not_ext"], visited):
            _find_hindrances(set_tasks, each)


def _requirements_first(task: Any, pending: set[Any], visited: set[Any]) -> Iterator[Any]:
    """The pending tasks below a task, and itself, each after those that it requires."""
    if task in visited:
        return
    visited.add(task)
    path = [(task, iter(task._requires()))]
    while path:
        current, requirements = path[-1]
        for needed in requirements:
            if needed not in visited:
                visited.add(needed)
                if needed in pending:
                    path.append((needed, iter(needed._requires())))
                    break
        else:
            path.pop()
            yield current


def _find_hindrances(set_tasks: TaskSets, task: Any) -> None:
    is_hindered = False
    for name, sources in _UPSTREAM.items():
        if any(needed in set_tasks[source] for needed in task._requires() for source in sources):
            set_tasks[name].add(task)
            is_hindered = True
    if not is_hindered and task not in set_tasks["run_by_other_worker"]:
        set_tasks["not_run"].add(task)


def _root_task(worker: Any) -> Any:
    """The task that the scheduler was told of first."""
    return worker._add_task_history[0][0]


def _get_external_workers(worker: Any) -> dict[str, set[Any]]:
    """The tasks that other workers ran while this one had nothing to do, by worker."""
    found: dict[str, set[Any]] = defaultdict(set)
    for response in worker._get_work_response_history:
        if response["task_id"] is not None:
            continue
        for running in response["running_tasks"]:
            task = worker._scheduled_tasks.get(running["task_id"])
            if task and running["worker"] != worker._id:
                found[running["worker"]].add(task)
    return found


def _get_run_by_other_worker(worker: Any) -> set[Any]:
    return {task for tasks in _get_external_workers(worker).values() for task in tasks}


def _summary_dict(worker: Any) -> TaskSets:
    """The tasks of a worker by what became of them."""
    set_tasks = _partition_tasks(worker)
    set_tasks["run_by_other_worker"] = _get_run_by_other_worker(worker)
    _populate_unknown_statuses(set_tasks)
    return set_tasks


def _tasks_status(set_tasks: Mapping[str, Tasks]) -> LuigiStatusCode:
    """How a run went as a whole."""
    if set_tasks["ever_failed"]:
        if not set_tasks["failed"]:
            return LuigiStatusCode.SUCCESS_WITH_RETRY
        if set_tasks["scheduling_error"]:
            return LuigiStatusCode.FAILED_AND_SCHEDULING_FAILED
        return LuigiStatusCode.FAILED
    if set_tasks["scheduling_error"]:
        return LuigiStatusCode.SCHEDULING_FAILED
    if set_tasks["not_run"]:
        return LuigiStatusCode.NOT_RUN
    if set_tasks["still_pending_ext"]:
        return LuigiStatusCode.MISSING_EXT
    return LuigiStatusCode.SUCCESS


# The text --------------------------------------------------------------------------------------------------------


def _create_one_line_summary(status_code: LuigiStatusCode) -> str:
    face, reason = status_code.value
    return f"This progress looks {face} because {reason}"


def _summary_wrap(str_output: str) -> str:
    frame = "===== Luigi Execution Summary ====="
    return f"\n{frame}\n\n{str_output}\n\n{frame}\n"


def _summary_format(set_tasks: Mapping[str, Tasks], worker: Any) -> str:
    idle = ("already_done", "scheduling_error", "still_pending_ext", "still_pending_not_ext")
    not_run = sum(len(set_tasks[status]) for status in idle)
    total = not_run + len(set_tasks["completed"]) + len(set_tasks["failed"])
    if not total:
        return "Did not schedule any tasks"
    text = f"Scheduled {total} tasks of which:\n"
    for status in _ORDERED_STATUSES:
        text += _section(status, set_tasks)
    others = _get_external_workers(worker)
    text += _other_workers(others)
    if not_run == total:
        text += "Did not run any tasks" if others else "\nDid not run any tasks"
    return f"{text}\n{_create_one_line_summary(_tasks_status(set_tasks))}"


def _section(status: str, set_tasks: Mapping[str, Tasks]) -> str:
    """A heading with its tasks; empty without any."""
    if status == "still_pending":
        number = len(set_tasks["still_pending_ext"]) + len(set_tasks["still_pending_not_ext"])
    else:
        number = len(set_tasks[status])
    if not number or status not in _HEADINGS:
        return ""
    is_nested = status in _PENDING_SUB_STATUSES
    heading = f"{'    ' if is_nested else ''}* {number} {_HEADINGS[status]}:\n"
    if status == "still_pending":
        return heading
    return f"{heading}{_get_str(_group_tasks_by_name_and_status(set_tasks[status]), is_nested)}\n"


def _other_workers(others: Mapping[str, Tasks]) -> str:
    if not others:
        return ""
    lines = []
    for number, (worker, tasks) in enumerate(others.items()):
        if number > 3 and number < len(others) - 1:
            lines.append(f"    and {len(others) - number} other workers")
            break
        lines.append(f"    - {worker} ran {len(tasks)} tasks\n")
    return "\nThe other workers were:\n" + "".join(lines) + "\n"


def _group_tasks_by_name_and_status(task_dict: Iterable[Any]) -> ByFamily:
    by_family: ByFamily = {}
    for task in task_dict:
        by_family.setdefault(task.task_family, []).append(task)
    return by_family


def _get_str(task_dict: ByFamily, extra_indent: bool) -> str:
    """A line for each family, and dots when there are too many."""
    limit = execution_summary().summary_length
    indent = " " * (8 if extra_indent else 4)
    lines: list[str] = []
    for family in sorted(task_dict):
        if 0 < limit <= len(lines):
            lines.append(f"{indent}...")
            break
        tasks = sorted(task_dict[family], key=str)
        lines.append(f"{indent}- {len(tasks)} {_family_line(family, tasks)}")
    return "\n".join(lines)


def _family_line(family: str, tasks: list[Any]) -> str:
    """The tasks of one family in a few words."""
    params = tasks[0].get_params()
    if not params:
        return f"{family}()"
    if _is_too_long(tasks):
        return f"{family}(...)"
    if len(params) == 1:
        name, parameter = params[0]
        values = {getattr(task, name) for task in tasks}
        ends = _ranging_attributes(values, parameter) if len(values) > 3 else None
        return f"{family}({name}={_range_text(parameter, ends) if ends else _listed(tasks)})"
    varying = [(name, parameter) for name, parameter in params if len({getattr(task, name) for task in tasks}) > 1]
    if len(varying) == 1:
        name, parameter = varying[0]
        values = {getattr(task, name) for task in tasks}
        ends = _ranging_attributes(values, parameter) if len(values) > 2 else None
        if ends:
            return f"{family}({_with_range(tasks[0], name, _range_text(parameter, ends))})"
    if len(tasks) == 1:
        return str(tasks[0])
    if len(tasks) == 2:
        return f"{tasks[0]} and {tasks[1]}"
    return f"{tasks[0]} ..."


def _is_too_long(tasks: list[Any]) -> bool:
    """Whether the names of the parameters, or the first task, would fill the line. Of two tasks both are shown."""
    first = tasks[0]
    names = sum(len(name) for name, _ in first.get_params())
    text = len(str(first))
    if names > 60 or text > 200:
        return True
    return len(tasks) == 2 and len(first.get_params()) > 1 and (names > 40 or text > 100)


def _ranging_attributes(attributes: set[Any], param_class: Any) -> tuple[Any, Any] | None:
    """The first and the last of values that follow each other without a gap; None when they do not."""
    following = {value: param_class.next_in_enumeration(value) for value in attributes}
    first = attributes.difference(following.values())
    beyond = set(following.values()) - attributes
    if len(first) != 1 or len(beyond) != 1:
        return None
    (start,) = first
    last = next((value for value, after in following.items() if after in beyond), None)
    return None if start is None or last is None else (start, last)


def _range_text(parameter: Any, ends: tuple[Any, Any]) -> str:
    return f"{parameter.serialize(ends[0])}...{parameter.serialize(ends[1])}"


def _with_range(task: Any, name: str, text: str) -> str:
    """The parameters of a task, with a range in the place of one of them."""
    shown = [
        f"{each}={text if each == name else parameter.serialize(getattr(task, each))}"
        for each, parameter in task.get_params()
    ]
    return ", ".join(shown)


def _listed(tasks: list[Any]) -> str:
    """The values of tasks with one parameter, until the line is full."""
    name, parameter = tasks[0].get_params()[0]
    text = ""
    for number, task in enumerate(tasks):
        if (len(text) >= 30 and number > 2 and number != len(tasks) - 1) or len(text) > 200:
            return text + "..."
        text += parameter.serialize(getattr(task, name))
        if number < len(tasks) - 1:
            text += ","
    return text


def summary(worker: Any) -> str:
    """What became of a worker's tasks, for people."""
    return _summary_wrap(_summary_format(_summary_dict(worker), worker))
