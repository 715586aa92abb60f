"""The program ``luigi-deps``: which tasks lie between a task and another one that it needs, and what they make.

luigi-deps --module daily Aggregate --date 2013-07-10 --upstream-family Extract
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from luigi import parameter
from luigi.cmdline_parser import CmdlineParser
from luigi.target import FileSystemTarget
from luigi.task import Config, flatten


class upstream(Config):
    """The flag ``--upstream-family``."""

    family = parameter.OptionalParameter(default=None, description="Show only what leads to this task")


def get_task_requires(task: Any) -> set[Any]:
    """The tasks that a task requires."""
    return set(flatten(task.requires()))


def dfs_paths(start_task: Any, goal_task_family: str | None, path: list[Any] | None = None) -> Iterator[Any]:
    """The tasks on all paths down to a family; all tasks below, and the task itself, without one."""
    yield from find_deps(start_task, goal_task_family)


def find_deps(task: Any, upstream_task_family: str | None) -> set[Any]:
    """The tasks on all paths from a task down to a family; all tasks below, and the task itself, without one."""
    order = _requirements_first(task)
    needed_by: dict[Any, set[Any]] = {each: get_task_requires(each) for each in order}
    found: set[Any] = set()
    for each in order:
        is_goal = upstream_task_family is None or each.task_family == upstream_task_family
        if is_goal or not found.isdisjoint(needed_by[each]):
            found.add(each)
    return found


def _requirements_first(task: Any) -> list[Any]:
    """All tasks at and below a task, each after those that it requires."""
    ordered: dict[Any, None] = {}
    entered: set[Any] = set()
    waiting = [task]
    while waiting:
        current = waiting[-1]
        below = [each for each in flatten(current.requires()) if each not in entered] if current not in entered else []
        entered.add(current)
        if below:
            waiting += below
        else:
            ordered.setdefault(waiting.pop())
    return list(ordered)


def find_deps_cli() -> set[Any]:
    """What `find_deps` finds for the words of the command line."""
    with CmdlineParser.global_instance(sys.argv[1:]) as parser:
        return find_deps(parser.get_task_obj(), upstream().family)


def get_task_output_description(task_output: Any) -> str:
    """Where an output is, for people."""
    context = getattr(getattr(task_output, "_fs", None), "remote_context", None)
    if context is not None:
        return f"[SSH] {context.host}:{task_output.path}"
    path = getattr(task_output, "path", None)
    if isinstance(path, str) and path.startswith("s3"):
        return f"[S3] {path}"
    if isinstance(task_output, FileSystemTarget):
        return f"[FileSystem] {path}"
    if hasattr(task_output, "table") and hasattr(task_output, "host"):
        return f"[DB] {task_output.host}:{task_output.table}"
    return "to be determined"


def main() -> None:
    """Print the tasks and where their outputs are."""
    for task in find_deps_cli():
        output = task.output()
        if isinstance(output, dict):
            outputs: Iterable[Any] = output.values()
        elif isinstance(output, Iterable):
            outputs = output
        else:
            outputs = [output]
        print(f"   TASK: {task}")
        for each in outputs:
            print(f"                       : {get_task_output_description(each)}")


if __name__ == "__main__":
    main()
