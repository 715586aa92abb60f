"""The commands as click sees them: imported when called, described without being imported."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from rumbo.cli.arguments import UsageError
from rumbo.cli.main import INTERRUPTED, TASK_COMMANDS, task_command

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "run": "Make what is missing of a task.",
    "plan": "Show what would run, what not, and why.",
    "tree": "Show a task and all that it needs.",
    "graph": "Draw a plan as SVG.",
    "deps": "List what a task needs, with its outputs.",
    "why": "Tell why a task would run, did not run, or failed.",
    "clean": "Remove the outputs of a task, and what was made from them.",
    "list": "List the tasks of a module with their parameters.",
    "history": "List past runs.",
    "show": "Show a past run, or what became of a task.",
    "logs": "Show what a task printed.",
    "prune": "Forget old runs and their logs.",
    "serve": "Schedule for many workers.",
    "worker": "Run what anybody planned.",
    "runs": "List the runs under way at a server.",
    "workers": "List the workers of a server.",
    "resources": "List or change what workers of a server share.",
    "pause": "Let a server give out nothing new.",
    "resume": "Let a server give out work again.",
    "cancel": "Withdraw a run or a task at a server.",
    "forgive": "Let a failed task be tried again.",
    "enable": "Let a disabled task be tried again.",
    "done": "Hold a task for complete.",
    "message": "Send a message to a running task.",
    "token": "Say who may ask a server for what.",
    "audit": "Show who changed what at a server.",
    "alerts": "Show what a server has not told yet, or try whether it can.",
    "ui": "Open the web pages of the server over this folder.",
    "config": "Show the settings in force and where each comes from.",
    "doctor": "Look for what may be wrong with a project, above all one from Luigi.",
    "version": "Show which Rumbo this is.",
    "completion": "Print what lets a shell complete commands, tasks and parameters.",
}
_MODULES = {
    "list": "listing",
    "history": "history",
    "show": "show",
    "logs": "logs",
    "prune": "prune",
    "serve": "serve",
    **dict.fromkeys(
        ("runs", "workers", "resources", "pause", "resume", "cancel", "forgive", "enable", "done", "message"), "control"
    ),
    "worker": "worker",
    "token": "token",
    "audit": "audit",
    "alerts": "alerts",
    "ui": "ui",
    "config": "config",
    "doctor": "doctor",
    "version": "version",
    "completion": "completion",
}

EPILOG = (
    "Exit codes: 0 all complete, 1 something failed or is broken, 2 wrong usage or configuration, "
    "3 something is missing that must come from elsewhere, 130 interrupted. "
    "`rumbo plan` says 10 when something would run."
)


class TaskCommand(click.Command):
    """A command that reads its words itself, since which flags there are depends on the task."""

    def __init__(self, name: str) -> None:
        super().__init__(name, short_help=COMMANDS[name], add_help_option=False)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words."""
        ctx.args = list(args)
        return []

    def invoke(self, ctx: click.Context) -> int:
        """Carry it out; gives the exit code."""
        return task_command(self.name or "")(ctx.args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What the word at the cursor may become."""
        from rumbo.cli.completion import complete_task_line

        return complete_task_line(self.name or "", ctx.args, incomplete)


class Commands(click.Group):
    """`rumbo` itself."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of a day's work, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now if need be."""
        if cmd_name in TASK_COMMANDS:
            return TaskCommand(cmd_name)
        if cmd_name not in _MODULES:
            return None
        command: click.Command = getattr(import_module(f"rumbo.cli.{_MODULES[cmd_name]}"), f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in the help page, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command for the first word; a slip of the finger gets a suggestion."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=2, cutoff=0.6)
            advice = f"Did you mean {' or '.join(near)}?" if near else "`rumbo --help` lists them."
            raise UsageError(f"There is no command {args[0]}. {advice}")
        return super().resolve_command(ctx, args)


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from rumbo.cli.version import version_line

        click.echo(version_line())
        ctx.exit()


@click.group(
    cls=Commands,
    name="rumbo",
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show it.")
def rumbo() -> None:
    """Builds data pipelines: runs only what is missing, and remembers how everything came to be.

    `rumbo COMMAND --help` tells more about each command.
    """


def call(words: list[str]) -> int:
    """Carry out a command line; gives the exit code."""
    if "_RUMBO_COMPLETE" in os.environ:
        rumbo.main(words, prog_name="rumbo")  # answers the shell, and ends the process
    if not words:
        click.echo(rumbo.get_help(click.Context(rumbo, info_name="rumbo", max_content_width=100)), err=True)
        return 2
    try:
        # Not main(): it has ways of its own with broken pipes and exit codes.
        with rumbo.make_context("rumbo", words) as context:
            code: Any = rumbo.invoke(context)
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except click.Abort:
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        raise UsageError(_full_sentence(error)) from error
    return code if isinstance(code, int) else 0


def _full_sentence(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "rumbo"
    return f"{text if text.endswith(('.', '?', '!')) else text + '.'} `{path} --help` tells more."
