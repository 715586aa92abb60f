"""`rumbo list`: the tasks of modules, with their parameters."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from rumbo.cli.arguments import UsageError, parameter_flag, takes_no_value
from rumbo.cli.finding import load_module, tasks_of
from rumbo.cli.help import default_of, kind_of
from rumbo.cli.look import Ink

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from rumbo.pipeline.task import Task


def print_tasks(modules: Sequence[str], command: str = "list", as_json: bool = False) -> int:
    """Print the tasks of modules that are imported already; gives the exit code."""
    modules = [module for module in modules if module]
    if not modules:
        from rumbo.cli.finding import _files_here

        raise UsageError(
            f"Which module? rumbo {command} {'' if command == 'list' else '-m '}MODULE. {_files_here()}".strip()
        )
    for module in modules:
        load_module(module)
    if as_json:
        import json

        print(json.dumps([_as_data(cls) for module in modules for cls in tasks_of(module)], indent=2))
        return 0
    ink = Ink(sys.stdout)
    for module in modules:
        classes = tasks_of(module)
        print(ink.faint(f"{module}:" if classes else f"{module} defines no tasks."))
        for cls in classes:
            _print_task(cls, ink)
    return 0


def _print_task(cls: type[Task], ink: Ink) -> None:
    about = about_of(cls)
    print(f"  {ink.strong(cls.get_task_family())}{ink.faint(f'  {about}') if about else ''}")
    rows = []
    for name, parameter in cls.get_params():
        flag = parameter_flag(name)
        kind = kind_of(parameter)
        head = flag if takes_no_value(parameter) else f"{flag} {kind if '|' in kind else kind.upper()}"
        default = default_of(cls, name, parameter)
        tail = "required" if default is None else f"default {default or repr(default)}"
        rows.append((head, tail, parameter.description or ""))
    width = max((len(head) for head, _, _ in rows), default=0)
    for head, tail, description in rows:
        print(f"      {head.ljust(width)}  {ink.faint(tail)}{f'  {description}' if description else ''}")


def about_of(cls: type[Task]) -> str:
    """The first sentence of a task's docstring; empty when it has none of its own."""
    text = (vars(cls).get("__doc__") or "").strip().split("\n\n")[0]
    return " ".join(text.split())


def _as_data(cls: type[Task]) -> dict[str, Any]:
    from rumbo.pipeline.task import Config, ExternalTask, WrapperTask

    kinds = {Config: "config", ExternalTask: "external", WrapperTask: "wrapper"}
    kind = next((word for base, word in kinds.items() if issubclass(cls, base)), "task")
    return {
        "family": cls.get_task_family(),
        "module": cls.__module__,
        "kind": kind,
        "about": about_of(cls),
        "parameters": [
            {
                "name": name,
                "flag": parameter_flag(name),
                "kind": kind_of(parameter),
                "default": default_of(cls, name, parameter),
                "significant": parameter.significant,
                "description": parameter.description or "",
            }
            for name, parameter in cls.get_params()
        ],
    }


def _command() -> click.Command:
    import click

    from rumbo.cli.completion import complete_modules

    @click.command("list")
    @click.argument("modules", nargs=-1, shell_complete=complete_modules)
    @click.option("-m", "--module", "more", multiple=True, metavar="MODULE", help="The same as an argument.",
                  shell_complete=complete_modules)  # fmt: skip
    @click.option("--json", "as_json", is_flag=True, help="As JSON.")
    def list_command(modules: tuple[str, ...], more: tuple[str, ...], as_json: bool) -> int:
        """List the tasks of MODULES (modules or files) with their parameters."""
        from rumbo import settings

        wanted = [*modules, *more] or [settings.load().run.module]
        return print_tasks([load_module(module) for module in wanted if module], "list", as_json)

    return list_command


def __getattr__(name: str) -> Any:
    # `rumbo run` prints lists too, and need not pay for click.
    if name == "list_command":
        return _command()
    raise AttributeError(name)
