"""Completion in shells: of commands by click, of modules, tasks and parameters by us."""

from __future__ import annotations

import contextlib
import io
import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from rumbo.cli.arguments import MODULE, Option, may_stand_alone, parameter_flag, takes_no_value
from rumbo.cli.help import choices_of, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rumbo.pipeline.parameter import Parameter
    from rumbo.pipeline.task import Task

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def completion_command(shell: str) -> int:
    """Print what lets SHELL complete commands, tasks and parameters.

    \b
    bash:  eval "$(rumbo completion bash)"      in ~/.bashrc
    zsh:   eval "$(rumbo completion zsh)"       in ~/.zshrc
    fish:  rumbo completion fish > ~/.config/fish/completions/rumbo.fish
    """
    from click.shell_completion import get_completion_class

    from rumbo.cli.group import rumbo

    found = get_completion_class(shell)
    assert found is not None
    complete = found(rumbo, {}, "rumbo", "_RUMBO_COMPLETE")
    # Not source(): that also starts the shell to ask for its version, which here nobody wants to know.
    click.echo(complete.source_template % complete.source_vars())
    return 0


def complete_modules(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Modules and files of the current folder that begin like this."""
    return _items(modules_here(incomplete))


def modules_here(incomplete: str) -> list[str]:
    """Modules, packages and files with tasks in the current folder, by how one would name them."""
    if os.sep in incomplete or incomplete.endswith(".py"):
        folder = os.path.dirname(incomplete)
        names = [os.path.join(folder, name) for name in _listed(folder or ".")]
        return sorted(name for name in names if name.startswith(incomplete) and name.endswith(".py"))
    found = []
    for name in _listed("."):
        if name.endswith(".py") and name[:-3].isidentifier() and name != "__init__.py":
            found.append(name[:-3])
        elif os.path.isfile(os.path.join(name, "__init__.py")):
            found.append(name)
    return sorted(name for name in found if name.startswith(incomplete))


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def complete_task_line(command: str, words: Sequence[str], incomplete: str) -> list[CompletionItem]:
    """What the word at the cursor may become, given the words after the command."""
    try:
        # Whatever the user's module prints when it is imported must not end up among the answers.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return list(_complete(command, list(words), incomplete))
    except Exception:  # noqa: BLE001 - half a command line may be anything; then there is nothing to offer
        return []


def _complete(command: str, words: list[str], incomplete: str) -> Iterator[CompletionItem]:
    options = options_of(command)
    by_flag = {flag: option for option in options for flag in option.flags}
    before = words[-1] if words else ""
    if before in by_flag and by_flag[before].metavar:
        yield from _values_of_option(by_flag[before], incomplete)
        return
    modules, task = _context(words, by_flag)
    parameters = dict(task.get_params()) if task else {}
    if before.startswith("--"):
        parameter = parameters.get(before[2:].replace("-", "_"))
        if parameter is not None and not takes_no_value(parameter):
            yield from _items(_values_of_parameter(parameter, incomplete))
            return
    if not incomplete.startswith("-"):
        if task is None:
            yield from _tasks(modules, incomplete)
        return
    for name, parameter in parameters.items():
        if parameter_flag(name).startswith(incomplete):
            yield CompletionItem(parameter_flag(name), help=parameter.description or kind_of(parameter))
    for option in options:
        for flag in option.flags:
            if flag.startswith(incomplete) and flag not in words:
                yield CompletionItem(flag, help=option.help)


def options_of(command: str) -> tuple[Option, ...]:
    """The flags of a command that names tasks."""
    from importlib import import_module

    from rumbo.cli.main import TASK_COMMANDS

    options: tuple[Option, ...] = import_module(f"rumbo.cli.{TASK_COMMANDS[command]}").OPTIONS
    return options


def _context(words: Sequence[str], by_flag: dict[str, Option]) -> tuple[list[str], type[Task] | None]:
    """The modules that the words name, and the last task among them."""
    from rumbo.cli.finding import finder, load_module
    from rumbo.errors import RumboError
    from rumbo.settings import load

    modules = [load_module(word) for flag, word in pairwise(words) if flag in MODULE.flags]
    default = load().run.module
    if not modules and default:
        modules = [load_module(default)]
    find = finder("run", default).find
    task = None
    is_value = False
    for word in words:
        if is_value or word.startswith("-"):
            option = by_flag.get(word)
            is_value = not is_value and option is not None and bool(option.metavar)
            continue
        try:
            task = find(word, modules)
        except RumboError:
            continue  # the value of some parameter
    return modules, task


def _tasks(modules: Sequence[str], incomplete: str) -> Iterator[CompletionItem]:
    from rumbo.cli.finding import load_module, tasks_of
    from rumbo.cli.listing import about_of

    module, colon, _ = incomplete.rpartition(":")
    if colon:
        modules = [load_module(module)]
    for each in modules:
        for cls in tasks_of(each):
            name = f"{module}:{cls.get_task_family()}" if colon else cls.get_task_family()
            if name.startswith(incomplete):
                yield CompletionItem(name, help=about_of(cls) or None)
    if not modules:
        yield from _items(f"{name}:" for name in modules_here(incomplete))


def _values_of_option(option: Option, incomplete: str) -> list[CompletionItem]:
    if option.name == "module":
        return _items(modules_here(incomplete))
    if option.metavar == "FILE":
        return [CompletionItem(incomplete, type="file")]
    return _items(choice for choice in option.choices if choice.startswith(incomplete))


def _values_of_parameter(parameter: Parameter[Any], incomplete: str) -> list[str]:
    words = choices_of(parameter) or (["true", "false"] if may_stand_alone(parameter) else [])
    return [word for word in words if word.startswith(incomplete)]


def _items(texts: Any) -> list[CompletionItem]:
    return [CompletionItem(text) for text in texts]
