"""The program ``luigi-deps-tree``: a task and all that it needs as a tree, and whether each is complete.

luigi-deps-tree --module daily Aggregate --date 2013-07-10
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

from luigi.cmdline_parser import CmdlineParser
from luigi.task import flatten


class bcolors:
    """Colours of the terminal."""

    OKBLUE = "\033[94m"
    OKGREEN = "\033[92m"
    ENDC = "\033[0m"


def print_tree(task: Any, indent: str = "", last: bool = True) -> str:
    """The tree as text. A task that several others need is shown below each of them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Task .* without outputs has no custom complete\(\) method")
        is_complete = task.complete()
    status = f"{bcolors.OKGREEN}COMPLETE" if is_complete else f"{bcolors.OKBLUE}PENDING"
    branch, below = ("└─--", "    ") if last else ("|---", "|   ")
    params = task.to_str_params(only_significant=True)
    text = f"\n{indent}{branch}[{type(task).__name__}-{params} ({status}{bcolors.ENDC})]"
    children = flatten(task.requires())
    for number, child in enumerate(children, 1):
        text += print_tree(child, indent + below, number == len(children))
    return text


def main() -> None:
    """Print the tree of the task that the command line names."""
    with CmdlineParser.global_instance(sys.argv[1:]) as parser:
        print(print_tree(parser.get_task_obj()))


if __name__ == "__main__":
    main()
