"""`rumbo worker`: runs what anybody planned."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from rumbo.cli.arguments import amounts
from rumbo.cli.main import INTERRUPTED
from rumbo.errors import ConfigurationError

if TYPE_CHECKING:
    from rumbo.cli.wiring import Options
    from rumbo.settings import Settings


@click.command("worker")
@click.option("--scheduler", metavar="URL", help="Address of the server (`rumbo serve`) to work for.")
@click.option("-n", "--slots", type=click.IntRange(1), help="How many attempts at a time (one for each processor).")
@click.option("--pool", "pools", multiple=True, metavar="POOL", help="Serve this pool of tasks (default).")
@click.option(
    "--resources",
    metavar="NAME=AMOUNT,...",
    multiple=True,
    help="What this machine has of its own (its processors as cpu, its memory in bytes as memory).",
)
@click.option("-m", "--module", "modules", multiple=True, metavar="MODULE", help="Import this before beginning.")
@click.option("--executor", type=click.Choice(["processes", "threads"]), help="Where attempts happen (processes).")
@click.option("-s", "--no-capture", is_flag=True, help="Let tasks print straight to here; the server keeps nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Show only what fails.")
@click.option("--drain", metavar="WORKER", help="Let a worker finish what it runs, and end; then do nothing else.")
def worker_command(drain: str | None, quiet: bool, modules: tuple[str, ...], **flags: Any) -> int:
    """Run what anybody planned for a server, until told to stop.

    Ctrl-C or SIGUSR1 once: finish what runs, and end. Ctrl-C twice, or SIGTERM: stop what runs, and end; the server
    gives it to others.
    """
    from rumbo import settings
    from rumbo.cli.finding import load_module
    from rumbo.cli.plain import PlainLines
    from rumbo.cli.streams import outlet
    from rumbo.cli.wiring import work_for_others

    options = _options(flags, settings.load())
    if drain is not None:
        from rumbo.cli.wiring import connect
        from rumbo.wire.connection import path_part

        connect(options).request("POST", f"/api/v1/workers/{path_part(drain)}/drain")
        click.echo(f"{drain} finishes what it runs, and ends.")
        return 0
    sys.path.insert(0, os.getcwd())  # as `python -m` does: what is run here was often planned here
    for name in modules:
        load_module(name)
    out = outlet(sys.stdout)
    aside = outlet(sys.stderr)
    interrupts = work_for_others(options, [PlainLines(out, quiet)], lambda sentence: print(sentence, file=aside))
    return INTERRUPTED if interrupts.received else 0


def _options(flags: dict[str, Any], in_force: Settings) -> Options:
    from rumbo.cli.wiring import Options, measured_capacity
    from rumbo.worker.attempt import Rules

    chosen, scheduler = in_force.run, in_force.scheduler
    url = flags["scheduler"] or scheduler.url
    if not url:
        raise ConfigurationError(
            "A worker needs a server to work for: name it with --scheduler URL, RUMBO_SCHEDULER, or url in [scheduler]."
        )
    capacity = measured_capacity()
    slots = flags["slots"] or int(capacity["cpu"])
    try:
        for text in flags["resources"]:
            capacity.update(amounts(text))
    except ValueError as error:
        raise ConfigurationError(f"--resources {', '.join(flags['resources'])}: give {error}.") from None
    return Options(
        workers=slots,
        executor=flags["executor"] or "processes",
        capture=chosen.capture and not flags["no_capture"],
        rules=Rules(chosen.check_dependencies, chosen.check_complete, max_parked=chosen.max_parked),
        check_threads=chosen.check_threads,
        recycle_after=chosen.recycle_after,
        scheduler=url,
        token=scheduler.token,
        certificates=scheduler.certificates,
        patience=scheduler.patience,
        pools=flags["pools"] or tuple(scheduler.pools.split(",")),
        capacity=capacity,
    )
