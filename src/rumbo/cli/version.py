"""`rumbo version`: which Rumbo, on which Python, on which system."""

from __future__ import annotations

import platform

import click

from rumbo import __version__


def version_line() -> str:
    """One line for people and bug reports."""
    return f"rumbo {__version__} (Python {platform.python_version()}, {platform.system()} {platform.machine()})"


@click.command("version")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def version_command(as_json: bool) -> int:
    """Show which Rumbo this is."""
    if as_json:
        import json

        facts = {"rumbo": __version__, "python": platform.python_version(), "system": platform.system()}
        click.echo(json.dumps(facts, indent=2))
    else:
        click.echo(version_line())
    return 0
