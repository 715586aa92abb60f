"""`rumbo history`: past runs, the latest first."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from rumbo.cli import past
from rumbo.cli.look import Ink
from rumbo.wording import duration, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.history import RunRow

FOLDER_OPTION = click.option(
    "--folder", metavar="DIR|URL", help="Where the runs were started (here), or a server's database."
)
SCHEDULER_OPTION = click.option("--scheduler", metavar="URL", help="Address of a server (`rumbo serve`) to ask.")
_STATUSES = ("running", "done", "failed", "incomplete", "cancelled", "crashed")


@click.command("history")
@click.option("-n", "--number", default=20, show_default=True, type=click.IntRange(1), help="How many runs at most.")
@click.option("--status", type=click.Choice(_STATUSES), help="Only runs of this status.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@FOLDER_OPTION
@SCHEDULER_OPTION
def history_command(number: int, status: str | None, as_json: bool, folder: str | None, scheduler: str | None) -> int:
    """List past runs, the latest first. `rumbo show RUN` tells more about one."""
    with past.open_archive(folder, scheduler) as reader:
        runs = reader.runs(status=status, limit=number).rows
    return tell(runs, as_json, f"No run is {status}." if status else "No runs yet.")


def tell(runs: Sequence[RunRow], as_json: bool, nothing: str) -> int:
    """Print runs, a line each or as JSON."""
    if as_json:
        import json

        click.echo(json.dumps([as_data(run) for run in runs], indent=2))
        return 0
    if not runs:
        click.echo(nothing)
        return 0
    ink = Ink(sys.stdout)
    now = time.time()
    for run in runs:
        click.echo(line(run, now, ink))
    return 0


def line(run: RunRow, now: float, ink: Ink) -> str:
    """A run on one line."""
    look = past.RUN_LOOKS.get(run.status, "unknown")
    took = past.run_took(run)
    parts = [
        f"{ink.symbol(look)} {ink.strong(run.id)}",
        past.ago(run.started, now).rjust(19),
        ("" if took is None else duration(took)).rjust(7),
        ink.paint(run.status.ljust(10), look),
        ink.strip(past.strip_states(run.counts), 12) or past.counts_in_words(run.counts),
        ink.faint(shortened(run.command or ", ".join(run.roots), 300)),
    ]
    return "  ".join(parts).rstrip()


def as_data(run: RunRow) -> dict[str, Any]:
    """A run for programs."""
    data = run._asdict()
    del data["number"]
    return {**data, "roots": list(run.roots), "counts": dict(run.counts)}
