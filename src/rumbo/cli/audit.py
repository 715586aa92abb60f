"""`rumbo audit`: who changed what at a server."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from rumbo.cli.look import Ink
from rumbo.cli.token import STATE_OPTION, access_book

if TYPE_CHECKING:
    from rumbo.access import AuditEntry


@click.command("audit")
@click.option("-n", "--number", default=50, show_default=True, type=click.IntRange(1), help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@STATE_OPTION
def audit_command(number: int, as_json: bool, state: str | None) -> int:
    """Show who changed what at a server, or was refused, the latest first."""
    with access_book(state) as book:
        entries = book.entries(None, number)
    if as_json:
        import json

        click.echo(json.dumps([entry._asdict() for entry in entries], indent=2))
        return 0
    if not entries:
        click.echo("Nobody has changed anything yet.")
    ink = Ink(sys.stdout)
    for entry in entries:
        line = _line(entry)
        click.echo(ink.paint(line, "failed") if entry.outcome >= 400 else line)
    return 0


def _line(entry: AuditEntry) -> str:
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.at))
    who = entry.who or "somebody unknown"
    if entry.role:
        who += f" ({entry.role})"
    if entry.address:
        who += f" from {entry.address}"
    outcome = "" if entry.outcome < 400 else f"  refused ({entry.outcome})"
    what = entry.path if entry.method == "COMMAND" else f"{entry.method} {entry.path}"
    return f"{moment}  {who}  {what}  {entry.summary}".rstrip() + outcome
