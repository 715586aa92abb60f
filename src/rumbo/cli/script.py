"""`rumbo.run()`: the command line of a script that holds its own tasks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.pipeline.task import Task


def run(words: Sequence[str] | None = None, main_task_cls: type[Task] | None = None) -> NoReturn:
    """Be the command line of this program: `python script.py TASK --parameter value`, with all of `rumbo run`'s flags.

    Ends the process with the exit code of `rumbo run`. To run tasks from within a program that goes on, use
    `rumbo.build`.

    Args:
        words: instead of those that the program was called with.
        main_task_cls: the task, so that the words are only its parameters and flags.
    """
    from rumbo.cli.main import guarded
    from rumbo.cli.run import run as run_command

    given = list(sys.argv[1:] if words is None else words)
    if main_task_cls is not None:
        given.insert(0, main_task_cls.get_task_family())
    sys.exit(guarded(lambda: run_command(given, "__main__")))
