"""`rumbo config`: the settings in force, and where each comes from."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import click

from rumbo import settings
from rumbo.cli.look import Ink

_MASK = "********"


class Row(NamedTuple):
    """One setting, or one parameter of a task that a file sets."""

    section: str
    key: str
    value: Any
    origin: str
    help: str = ""


def rows() -> list[Row]:
    """All settings, then what files say about parameters of tasks. Secrets are masked."""
    in_force = settings.load()
    found = []
    for key in settings.all_keys():
        shown = _shown(key.name, getattr(getattr(in_force, key.section), key.name), key.section)
        origin = in_force.origins.get((key.section, key.name), "default")
        found.append(Row(key.section, key.name, shown, origin, key.help))
    for name, amount in in_force.resources.items():
        found.append(Row("resources", name, amount, in_force.origins["resources", name]))
    return found + _parameter_rows()


def _parameter_rows() -> list[Row]:
    from rumbo.pipeline.config import get_config

    found = []
    configuration = get_config()
    for section in configuration.sections():
        for key, value in configuration.items(section):
            where = configuration.where(section, key) or ""
            found.append(Row(f"tasks.{section}", key, _shown(key, value), where.rpartition(" in ")[2] or where))
    return found


def _shown(name: str, value: Any, section: str = "") -> Any:
    """A value as anybody may see it: a secret masked, of an address the password."""
    if not isinstance(value, str) or not value:
        return value
    return _MASK if settings.is_secret(name, section) else settings.without_passwords(value)


@click.command("config")
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option(
    "--all", "with_help", is_flag=True, help="Also say what each setting means, and its environment variable."
)
def config_command(tables: tuple[str, ...], as_json: bool, with_help: bool) -> int:
    """Show the settings in force and where each comes from; all, or those of some tables.

    Stronger ones first: flags of a command, RUMBO_* variables, rumbo.toml (or [tool.rumbo] in pyproject.toml) here,
    ~/.config/rumbo/rumbo.toml, the defaults.
    """
    found = _of_tables(rows(), tables)
    if as_json:
        import json

        entries = [row._asdict() for row in found]
        click.echo(json.dumps(entries, indent=2, default=str))
        return 0
    ink = Ink(sys.stdout)
    section = None
    width = max((len(f"{row.key} = {written(row.value)}") for row in found), default=0)
    for row in found:
        if row.section != section:
            click.echo(f"{'' if section is None else chr(10)}[{row.section}]")
            section = row.section
        text = f"{row.key} = {written(row.value)}"
        colour = ink.faint if row.origin == "default" else ink.strong
        click.echo(f"{colour(text.ljust(width))}  {ink.faint(row.origin)}")
        if with_help and row.help:
            variable = f"RUMBO_{row.section}_{row.key}".upper()
            click.echo(ink.faint(f"    {row.help} ({variable})"))
    return 0


def _of_tables(found: list[Row], tables: tuple[str, ...]) -> list[Row]:
    """The rows of these tables; `tasks` has a table for each family below it."""
    if not tables:
        return found
    known = {row.section for row in found} | {"resources", "tasks"}
    for table in tables:
        if table not in known:
            raise click.UsageError(
                f"There is no table {table!r} in the settings: there are {', '.join(sorted(known))}."
            )
    return [row for row in found if row.section in tables or row.section.partition(".")[0] in tables]


def written(value: Any) -> str:
    """A value as TOML has it; what is not set as a dash."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)
