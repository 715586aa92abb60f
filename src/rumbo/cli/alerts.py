"""`rumbo alerts`: what waits to be told, and what was given up."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

import click

from rumbo import settings
from rumbo.cli.look import Ink
from rumbo.errors import ConfigurationError
from rumbo.wording import duration

if TYPE_CHECKING:
    from rumbo.ports import Alert, Letter


@click.group("alerts", invoke_without_command=True)
@click.option("--state", metavar="DIR", help="Folder of the server's memory (.rumbo).")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def alerts_command(context: click.Context, state: str | None, as_json: bool) -> int:
    """Show the alerts of a server that wait to be sent, and those that were given up.

    `rumbo alerts test` tries every receiver.
    """
    if context.invoked_subcommand is not None:
        return 0
    letters = undelivered(state or settings.load().server.state)
    if as_json:
        click.echo(json.dumps([as_data(letter) for letter in letters], indent=2))
        return 0
    if not letters:
        click.echo("No alert waits, and none was given up.")
        return 0
    ink, now = Ink(sys.stdout), time.time()
    for letter in letters:
        click.echo(line(letter, now, ink))
    return 0


def undelivered(state: str) -> list[Letter]:
    """The letters in the memory of a server; none if it has none."""
    from rumbo.store.outbox import StateOutbox
    from rumbo.store.state_file import FILE

    is_folder = "://" not in state
    if is_folder and not os.path.exists(os.path.join(state, FILE)):
        raise ConfigurationError(
            f"There is no memory of a server in {state}. Name its folder with --state. Runs without a server send "
            "their alerts before they end."
        )
    outbox = StateOutbox(state)
    try:
        return outbox.undelivered()
    finally:
        outbox.close()


def as_data(letter: Letter) -> dict[str, object]:
    """A letter for programs."""
    return {
        "receiver": letter.sink,
        "status": "given up" if letter.is_given_up else "waiting",
        "due": letter.due,
        "tries": letter.tries,
        "error": letter.error,
        "alert": {**letter.alert._asdict(), "params": dict(letter.alert.params)},
    }


def line(letter: Letter, now: float, ink: Ink) -> str:
    """A letter in a line, and why it has not arrived in a second one."""
    from rumbo.sinks.message import headline_of

    look = "failed" if letter.is_given_up else "waiting"
    when = "given up" if letter.is_given_up else f"in {duration(letter.due - now)}" if letter.due > now else "now"
    tried = "" if not letter.tries else " after 1 try" if letter.tries == 1 else f" after {letter.tries} tries"
    text = f"{ink.symbol(look)} {letter.sink}  {ink.strong(headline_of(letter.alert))}  {ink.faint(when + tried)}"
    return f"{text}\n    {letter.error}" if letter.error else text


@alerts_command.command("test")
def test_command() -> int:
    """Send a test message to every receiver in the settings, and say how it went."""
    from rumbo.cli.alerting import routes, wanted_by
    from rumbo.errors import SinkError

    in_force = settings.load()
    found = routes(wanted_by(in_force))
    if not found:
        raise ConfigurationError(
            "Nobody is told of anything: set [mail] host and to, [webhook] url, or [alerts] services."
        )
    ink, has_failed = Ink(sys.stdout), False
    for route in found:
        if route.sink.name == "mail" and not in_force.mail.to:
            click.echo(f"{ink.symbol('waiting')} mail: [mail] to names nobody, so only owners of tasks are told.")
            continue
        try:
            route.sink.send([_test_alert()])
        except SinkError as error:
            has_failed = True
            click.echo(f"{ink.symbol('failed')} {route.sink.name}: {str(error).rstrip('.')}.")
        else:
            click.echo(f"{ink.symbol('done')} {route.sink.name}: sent.")
    return 1 if has_failed else 0


def _test_alert() -> Alert:
    from rumbo.alerts import Event
    from rumbo.ports import Alert

    message = "Somebody called `rumbo alerts test`. Whoever reads this is told of what goes wrong."
    return Alert(os.urandom(12).hex(), Event.TEST, time.time(), message=message)
