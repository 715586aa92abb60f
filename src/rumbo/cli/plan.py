"""`rumbo plan`: what would run, what not, and why. `rumbo graph` is the same as a drawing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from rumbo.cli.arguments import HELP, MODULE, Option, UsageError, count, read
from rumbo.cli.finding import finder, make_tasks, trimmed
from rumbo.cli.look import Ink
from rumbo.cli.main import ALL_COMPLETE, FAILED, INCOMPLETE
from rumbo.cli.streams import set_aside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rumbo.pipeline.task import Task
    from rumbo.settings import Settings
    from rumbo.worker.plan import Node, Plan

WOULD_RUN = 10
VERDICTS = ("run", "skip", "wait", "broken")
FORMATS = ("text", "json", "mermaid", "svg")

OPTIONS = (
    MODULE,
    Option("deep", ("--deep",), "Look below complete tasks too."),
    Option(
        "format",
        ("-f", "--format"),
        "What to write (text; for -o FILE, what the file's ending says).",
        "FORMAT",
        choices=FORMATS,
    ),
    Option("output", ("-o", "--output"), "Write to this file.", "FILE"),
    Option("only", ("--only",), "Only the tasks with this verdict, as a list.", "VERDICT", choices=VERDICTS),
    Option("all", ("-a", "--all"), "Show every task, also where there are many of one family."),
    Option("depth", ("--depth",), "How many levels of the tree to show (30).", "N", count),
    Option("json", ("--json",), "The same as --format json."),
    Option("local_scheduler", ("--local-scheduler",), "Understood for the sake of Luigi's users, without effect."),
    HELP,
)

ABOUT = (
    "Shows what `rumbo run` would do for a task, and why: which tasks run, which are skipped since they are complete, "
    "which wait for something that must come from elsewhere, and which are broken. Nothing runs. "
    "TASK is written as for `rumbo run`."
)

EXIT_CODES = (
    ("0", "there is nothing to do"),
    ("10", "something would run"),
    ("1", "something is broken"),
    ("2", "the command line or the configuration is wrong"),
    ("3", "something waits for what must come from elsewhere"),
)

_ENDINGS = {".svg": "svg", ".json": "json", ".mmd": "mermaid", ".mermaid": "mermaid", ".txt": "text"}


def plan(words: Sequence[str]) -> int:
    """Carry out ``rumbo plan``; gives the exit code."""
    return _plan(words, "plan")


def graph(words: Sequence[str]) -> int:
    """Carry out ``rumbo graph``: a drawing, which goes to a file or to standard output. 0 unless there is trouble."""
    code = _plan(words, "graph", "svg")
    return ALL_COMPLETE if code in (WOULD_RUN, INCOMPLETE) else code


def _plan(words: Sequence[str], command: str, format: str = "text") -> int:
    from rumbo import settings

    in_force = settings.load()
    line = read(words, OPTIONS, finder(command, in_force.run.module))
    if line.options.get("help"):
        from rumbo.cli.help import help_text, option_rows

        usage = f"rumbo {command} [-m MODULE] TASK [--parameter VALUE ...] [options]"
        print(help_text(usage, ABOUT, [("Options", option_rows(OPTIONS)), ("Exit codes", EXIT_CODES)]))
        return ALL_COMPLETE
    if not line.wanted:
        raise UsageError(f"Which task? rumbo {command} -m MODULE TASK; `rumbo list MODULE` shows what there is.")
    return show_plan(make_tasks(line), in_force, line.options, format)


def find(tasks: Iterable[Task], settings: Settings, deep: bool) -> Plan:
    """The plan for tasks, with a word to who waits."""
    from rumbo.cli.planning import Counter
    from rumbo.cli.wiring import Options, find_plan

    chosen = settings.run
    options = Options(
        deep=deep or chosen.deep, check_threads=chosen.check_threads, allow_collisions=chosen.allow_collisions
    )
    counter = Counter(sys.stderr)
    try:
        with set_aside():
            return find_plan(tasks, options, counter)
    finally:
        counter.clear()


def show_plan(tasks: Iterable[Task], settings: Settings, flags: Mapping[str, Any], format: str = "text") -> int:
    """Find the plan for tasks and write it; gives the exit code."""
    path = flags.get("output")
    if path:
        import os

        format = _ENDINGS.get(os.path.splitext(path)[1].lower(), format)
    format = flags.get("format") or ("json" if flags.get("json") else format)
    found = find(tasks, settings, flags.get("deep", False))
    text = write(found, format, flags, Ink(sys.stdout) if not path else None)
    if path:
        try:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise UsageError(f"--output: {path} cannot be written: {error.strerror}.") from None
    else:
        sys.stdout.write(text)
    return code_of(found)


def write(plan: Plan, format: str, flags: Mapping[str, Any], ink: Ink | None = None) -> str:
    """A plan as text in one of the formats."""
    only = flags.get("only")
    nodes = [node for node in plan.nodes.values() if not only or node.verdict == only]
    if format == "json":
        import json

        from rumbo.cli.drawings.data import as_data

        return json.dumps(as_data(plan, nodes), indent=2) + "\n"
    if format == "text":
        return _as_text(plan, nodes, flags, ink)
    from rumbo.drawings.picture import picture

    drawn = picture(plan, flags.get("all", False))
    if format == "mermaid":
        from rumbo.cli.drawings.mermaid import mermaid

        return mermaid(drawn)
    from rumbo.drawings.svg import svg

    return svg(drawn)


def _as_text(plan: Plan, nodes: Sequence[Node], flags: Mapping[str, Any], ink: Ink | None) -> str:
    import io

    from rumbo.cli.drawings.text import DEPTH, Style, listing, summary, tree

    ink = ink or Ink(io.TextIOWrapper(io.BytesIO(), "utf-8"))
    style = Style(ink, flags.get("all", False), flags.get("depth", DEPTH))
    lines = list(listing(nodes, ink) if flags.get("only") else tree(plan, style))
    for node in plan.nodes.values():
        if node.error is not None:
            lines += ["", f"{ink.paint(node.name, 'broken')}:"]
            lines += [f"  {line}" for line in trimmed(node.traceback).rstrip().split("\n")]
    return "\n".join([*lines, "", summary(list(plan.nodes.values())), ""])


def code_of(plan: Plan) -> int:
    """The exit code that tells a script what would happen."""
    verdicts = {str(node.verdict) for node in plan.nodes.values()}
    if "broken" in verdicts:
        return FAILED
    if "run" in verdicts:
        return WOULD_RUN
    return INCOMPLETE if "wait" in verdicts else ALL_COMPLETE
