"""`rumbo prune`: forgets old runs, with their tasks, attempts and logs."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click

from rumbo.cli import past
from rumbo.cli.arguments import UsageError
from rumbo.cli.history import FOLDER_OPTION
from rumbo.cli.look import plural
from rumbo.store.connect import FOLDER

if TYPE_CHECKING:
    from rumbo.settings import HistorySettings


@click.command("prune")
@click.option("--keep-runs", type=click.IntRange(0), metavar="N", help="Keep so many runs, the latest.")
@click.option("--keep-days", type=click.FloatRange(0), metavar="DAYS", help="Keep runs of so many days.")
@click.option("-n", "--dry-run", is_flag=True, help="Only show what would go.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@FOLDER_OPTION
def prune_command(
    keep_runs: int | None, keep_days: float | None, dry_run: bool, as_json: bool, folder: str | None
) -> int:
    """Forget old runs, with their tasks, attempts and logs.

    What to keep is said here, or under [history] in the settings. With both flags a run goes when either says so; one
    that is still going on never goes.
    """
    from rumbo import settings
    from rumbo.store.prune import old_runs, prune, sizes

    folder = folder or "."
    if keep_runs is None and keep_days is None:
        keep_runs, keep_days = settings.load(folder).history
    if keep_runs is None and keep_days is None:
        raise UsageError(
            "What is to be kept? Say --keep-runs N or --keep-days DAYS, or set keep_runs or keep_days under [history] "
            "in rumbo.toml."
        )
    past.open_history(folder).close()  # says so if there is none
    memory = os.path.join(folder, FOLDER)
    old = old_runs(memory, time.time(), keep_runs, keep_days)
    if not dry_run:
        prune(memory, time.time(), keep_runs, keep_days)
    left = sizes(memory)
    if as_json:
        import json

        runs = [run._asdict() for run in old]
        click.echo(json.dumps({"forgotten": not dry_run, "runs": runs, "left": left._asdict()}, indent=2))
        return 0
    if dry_run:
        for run in old:
            click.echo(f"{run.id}  {past.at(run.started)}  {size_in_words(run.log_bytes).rjust(8)} of logs")
    verb = "Would forget" if dry_run else "Forgot"
    freed = size_in_words(sum(run.log_bytes for run in old))
    click.echo(
        f"{verb} {plural(len(old), 'run')} with {freed} of logs. "
        f"The history takes {size_in_words(left.database)}, all logs {size_in_words(left.logs)}."
    )
    return 0


def keep_to(policy: HistorySettings, folder: str) -> None:
    """Forget what a policy does not keep. Trouble is told and harms nobody: the next run tries again."""
    import logging

    from rumbo.errors import StoreError
    from rumbo.store.prune import prune

    try:
        prune(os.path.join(folder, FOLDER), time.time(), policy.keep_runs, policy.keep_days)
    except StoreError as error:
        logging.getLogger("rumbo").warning("Old runs could not be forgotten: %s.", error)


def size_in_words(size: int) -> str:
    """Bytes as people say them: ``512 B``, ``1.5 kB``, ``20.3 MB``."""
    if size < 1000:
        return f"{size} B"
    amount = float(size)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 999.95:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:.1f} TB"
