"""`rumbo tree`: a task and all that it needs, with what is complete and what is not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rumbo.cli.arguments import HELP, MODULE, Option, UsageError, count, read
from rumbo.cli.finding import finder, make_tasks
from rumbo.cli.help import help_text, option_rows
from rumbo.cli.look import Ink

if TYPE_CHECKING:
    from collections.abc import Sequence

OPTIONS = (
    MODULE,
    Option("all", ("-a", "--all"), "Show every task, also where there are many of one family."),
    Option("depth", ("--depth",), "How many levels to show (30).", "N", count),
    HELP,
)

ABOUT = (
    "Shows a task and all that it needs, also below what is complete. Nothing runs. "
    "TASK is written as for `rumbo run`; `rumbo plan` tells what a run would do."
)


def tree(words: Sequence[str]) -> int:
    """Carry out ``rumbo tree``; gives the exit code."""
    from rumbo import settings
    from rumbo.cli.drawings import text
    from rumbo.cli.plan import find

    in_force = settings.load()
    line = read(words, OPTIONS, finder("tree", in_force.run.module))
    if line.options.get("help"):
        usage = "rumbo tree [-m MODULE] TASK [--parameter VALUE ...] [options]"
        print(help_text(usage, ABOUT, [("Options", option_rows(OPTIONS))]))
        return 0
    if not line.wanted:
        raise UsageError("Which task? rumbo tree -m MODULE TASK; `rumbo list MODULE` shows what there is.")
    plan = find(make_tasks(line), in_force, True)
    style = text.Style(Ink(sys.stdout), line.options.get("all", False), line.options.get("depth", text.DEPTH))
    for each in text.tree(plan, style._replace(only_state=True)):
        print(each)
    return 0
