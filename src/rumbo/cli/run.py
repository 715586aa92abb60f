"""`rumbo run`: makes what is missing of some tasks."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TextIO

from rumbo.cli.arguments import HELP, MODULE, Option, amount, count, read
from rumbo.cli.finding import finder, make_tasks
from rumbo.cli.look import Ink, is_terminal
from rumbo.cli.main import ALL_COMPLETE, FAILED, INCOMPLETE, INTERRUPTED
from rumbo.cli.masking import without_secrets
from rumbo.cli.streams import outlet, set_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rumbo.cli.alerting import Alerting
    from rumbo.cli.arguments import Line
    from rumbo.cli.wiring import Options
    from rumbo.pipeline.task import Task
    from rumbo.ports import Observer
    from rumbo.settings import Settings
    from rumbo.worker.result import RunResult

OPTIONS = (
    MODULE,
    Option("workers", ("-w", "--workers"), "How many attempts at a time (1).", "N", count),
    Option(
        "executor",
        ("--executor",),
        "Where attempts happen.",
        "KIND",
        choices=("auto", "inline", "processes", "threads"),
    ),
    Option("deep", ("--deep",), "Look below complete tasks too, and make again what was made from something missing."),
    Option("dry_run", ("--dry-run",), "Only show what would run: the same as `rumbo plan`."),
    Option(
        "resources",
        ("--resources",),
        "How much there is of a resource; one of those not named.",
        "NAME=AMOUNT",
        amount,
        True,
    ),
    Option("no_capture", ("-s", "--no-capture"), "Let tasks print straight to here, and keep nothing of it."),
    Option("no_history", ("--no-history",), "Leave no trace of the run in .rumbo/."),
    Option("quiet", ("-q", "--quiet"), "Show only what fails, and what tasks print."),
    Option("plain", ("--plain",), "Lines instead of the live view, on a terminal too."),
    Option("json", ("--json",), "What came of it as JSON on standard output; all else goes to standard error."),
    Option("scheduler", ("--scheduler",), "Address of a server (`rumbo serve`) that schedules for many.", "URL"),
    Option("local_scheduler", ("--local-scheduler",), "Schedule in this process, whatever the settings say."),
    Option("detach", ("--detach",), "Hand the run to the server, for workers to do, and do not wait for its end."),
    HELP,
)

ABOUT = (
    "Makes what is missing of a task: first what it needs, then itself. What is complete is left alone. "
    "TASK is a task's name, MODULE:NAME or FILE.py:NAME; its parameters are flags after its name, those of other tasks "
    "are --Family-parameter. Without TASK, the tasks of the module are listed."
)

EXIT_CODES = (
    ("0", "all is complete"),
    ("1", "something failed, or is broken"),
    ("2", "the command line or the configuration is wrong"),
    ("3", "something is missing that must come from elsewhere"),
    ("130", "interrupted"),
)


def run(words: Sequence[str], default_module: str = "") -> int:
    """Carry out ``rumbo run``; gives the exit code.

    Args:
        words: what comes after the command's name.
        default_module: where tasks are looked for when no module is named, instead of what the settings say.
    """
    from rumbo import settings
    from rumbo.settings import HistorySettings

    in_force = settings.load()
    default_module = default_module or in_force.run.module
    line = read(words, OPTIONS, finder("run", default_module))
    if line.options.get("help"):
        print(help_page(line))
        return ALL_COMPLETE
    if not line.wanted:
        from rumbo.cli.listing import print_tasks

        return print_tasks(line.modules or [default_module], "run")
    if line.options.get("dry_run"):
        from rumbo.cli.plan import show_plan

        return show_plan(make_tasks(line), in_force, line.options)
    options = options_of(line.options, in_force, ["run", *without_secrets(words, line)])
    if line.options.get("detach"):
        from rumbo.cli.detach import detach

        return detach(make_tasks(line), options, line.options)
    code = perform(make_tasks(line), options, line.options)
    if options.history and not options.scheduler and in_force.history != HistorySettings():
        from rumbo.cli.prune import keep_to

        keep_to(in_force.history, options.folder)
    return code


def help_page(line: Line, command: str = "run") -> str:
    """The help for the command, and for the tasks that are named."""
    from rumbo.cli.help import help_text, option_rows, parameter_rows

    sections: list[tuple[str, Sequence[tuple[str, str]]]] = []
    for wanted in line.wanted:
        cls = wanted.cls
        about = (cls.__doc__ or "").strip().split("\n\n")[0]
        title = f"{cls.get_task_family()}: {' '.join(about.split())}" if about else cls.get_task_family()
        rows = parameter_rows(cls)
        sections.append((title.rstrip("."), rows or [("(no parameters)", "")]))
    sections += [("Options", option_rows(OPTIONS)), ("Exit codes", EXIT_CODES)]
    return help_text(f"rumbo {command} [-m MODULE] TASK [--parameter VALUE ...] [options]", ABOUT, sections)


def options_of(flags: Mapping[str, Any], settings: Settings, words: Sequence[str]) -> Options:
    """How to run, from flags and settings."""
    from rumbo.cli.wiring import Options
    from rumbo.worker.attempt import Rules
    from rumbo.worker.specs import RetryDefaults

    chosen = settings.run
    history = chosen.history and not flags.get("no_history", False)
    return Options(
        workers=flags.get("workers", chosen.workers),
        executor=flags.get("executor", chosen.executor),
        deep=flags.get("deep", chosen.deep),
        history=history,
        capture=history and chosen.capture and not flags.get("no_capture", False),
        resources={**settings.resources, **dict(flags.get("resources", ()))},
        rules=Rules(chosen.check_dependencies, chosen.check_complete, max_parked=chosen.max_parked),
        retries=RetryDefaults(*settings.retry),
        check_threads=chosen.check_threads,
        allow_collisions=chosen.allow_collisions,
        recycle_after=chosen.recycle_after,
        command=_command(words),
        scheduler="" if flags.get("local_scheduler") else flags.get("scheduler", settings.scheduler.url),
        token=settings.scheduler.token,
        certificates=settings.scheduler.certificates,
        patience=settings.scheduler.patience,
        pools=tuple(settings.scheduler.pools.split(",")),
        alerts=_alerting(settings),
    )


def _alerting(settings: Settings) -> Alerting | None:
    """Who is told what goes wrong; None, and nothing is imported for it, if it is nobody."""
    if not settings.has_receivers:
        return None
    from rumbo.cli.alerting import wanted_by

    return wanted_by(settings)


def _command(words: Sequence[str]) -> str:
    """What the person typed, as far as it can be known."""
    return " ".join(["rumbo", *(word if _is_plain(word) else _quoted(word) for word in words)])


def _is_plain(word: str) -> bool:
    return bool(word) and word.replace("-", "").replace("_", "").replace(".", "").replace("=", "").isalnum()


def _quoted(word: str) -> str:
    import shlex  # most command lines do without it

    return shlex.quote(word)


def perform(tasks: Sequence[Task], options: Options, flags: Mapping[str, Any]) -> int:
    """Run tasks, show how it goes, and say what came of it; gives the exit code."""
    from rumbo.cli.planning import Counter
    from rumbo.cli.wiring import execute

    wants_json = flags.get("json", False)
    # Streams of our own still lead to the person when that of the process is kept in files.
    out = outlet(sys.stderr if wants_json else sys.stdout)
    aside = out if wants_json else outlet(sys.stderr)
    if not options.capture:
        _keep_order(sys.stdout)
    view = _view(out, options, flags)
    counter = Counter(sys.stderr)
    try:
        with set_aside() if wants_json else nullcontext():
            result = execute(tasks, options, [view], _teller(view, aside), counter)
    except BaseException:
        view.close()
        raise
    finally:
        counter.clear()
    if wants_json:
        import json

        print(json.dumps(as_json(result), indent=2))
    else:
        _say_what_came(result, out, flags.get("quiet", False))
    broken = getattr(out, "broken", None)
    if broken is not None and not isinstance(broken, BrokenPipeError):
        aside.write(f"Not all of this could be shown: {broken.strerror}. The tasks themselves are not affected.\n")
    return code_of(result)


def _keep_order(stream: TextIO) -> None:
    """Let what tasks print and what we print come in the order in which it happens."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(line_buffering=True)


def _view(out: TextIO, options: Options, flags: Mapping[str, Any]) -> Observer:
    from rumbo.cli.plain import PlainLines

    is_quiet = flags.get("quiet", False)
    # Where tasks print straight to the terminal, a picture there would be torn.
    prints_here = not options.capture
    if is_quiet or flags.get("plain") or prints_here or not is_terminal(out) or os.environ.get("TERM") == "dumb":
        return PlainLines(out, is_quiet)
    from rumbo.cli.live import LiveView

    return LiveView(out)


def _teller(view: Observer, aside: TextIO) -> Callable[[str], None]:
    """How a sentence reaches the person: in the picture where there is one, else on standard error."""

    def tell(sentence: str) -> None:
        show = getattr(view, "tell", None)
        if show is not None:
            show(sentence)
        else:
            print(sentence, file=aside)

    return tell


def code_of(result: RunResult) -> int:
    """The exit code for what came of a run."""
    if result.was_interrupted:
        return INTERRUPTED
    return {"done": ALL_COMPLETE, "incomplete": INCOMPLETE}.get(result.status, FAILED)


def _say_what_came(result: RunResult, out: TextIO, is_quiet: bool) -> None:
    if result.counts.keys() <= {"complete"}:
        if not is_quiet:
            roots = [node.name for node in result.plan.roots]
            what = f"{roots[0]} is complete" if len(roots) == 1 else f"all {len(roots)} tasks are complete"
            out.write(f"Nothing to do: {what}.\n")
    elif not is_quiet or not result.ok:
        ink = Ink(out)
        strip = ink.strip([_STRIP.get(fate, "unknown") for fate in result.fates.values()], 60)
        out.write(f"{strip}\n" if strip else "")
        out.write(f"{result.summary()}\n")
    out.flush()


_STRIP = {
    "complete": "skipped",
    "done": "done",
    "failed": "failed",
    "broken": "failed",
    "cancelled": "cancelled",
    "external": "waiting",
    "held up": "waiting",
    "not run": "cancelled",
}


def as_json(result: RunResult) -> dict[str, Any]:
    """What came of a run, for programs."""
    failures = result.failures()
    tasks = []
    for id, fate in result.fates.items():
        node = result.plan.nodes[id]
        entry: dict[str, Any] = {
            "id": id,
            "family": node.task.get_task_family(),
            "params": node.task.to_str_params(only_public=True),
            "fate": str(fate),
            "reason": node.reason,
        }
        if id in result.outcomes:
            entry["attempts"] = result.attempts.get(id, 1)
            entry["seconds"] = round(result.outcomes[id].seconds, 6)
        if id in failures:
            entry["message"] = failures[id]
        tasks.append(entry)
    return {
        "run": result.id,
        "status": result.status,
        "seconds": round(result.seconds, 6),
        "roots": [node.id for node in result.plan.roots],
        "counts": result.counts,
        "tasks": tasks,
    }
