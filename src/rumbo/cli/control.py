"""The commands that step in at a server: thin words over its API."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from rumbo.cli import past
from rumbo.cli.arguments import UsageError, amount
from rumbo.wording import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.wire.connection import Connection

_NAP = 0.1
_API = "/api/v1"


class Change(NamedTuple):
    """A command that changes something and takes at most one task."""

    about: str
    path: str
    nothing: str
    """What to say when no task has changed."""


CHANGES = {
    "pause": Change("Let a server give out nothing new; what runs goes on.", "/pause", "Paused."),
    "resume": Change("Let a server give out work again after a pause.", "/resume", "Going on."),
    "cancel": Change(
        "Withdraw a task, or all of a run, at a server; what runs is stopped.", "/{}/cancel", "Nothing to cancel."
    ),
    "forgive": Change(
        "Let a failed or cancelled task be tried again by a server.", "/{}/forgive", "Nothing to forgive."
    ),
    "enable": Change(
        "Let a task that was disabled by its failures be tried again.", "/{}/enable", "It is not disabled."
    ),
    "done": Change("Hold a task for complete at a server because you say so.", "/{}/done", "It is done already."),
}

_SCHEDULER = click.option("--scheduler", metavar="URL", help="Address of the server (`rumbo serve`).")
_JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")


def _change(name: str) -> click.Command:
    change = CHANGES[name]
    wants = "RUN|TASK [--parameter VALUE ...]" if name == "cancel" else "TASK [--parameter VALUE ...]"

    def carry_out(scheduler: str | None, as_json: bool, words: tuple[str, ...] = ()) -> int:
        connection = past.server(scheduler)
        path = change.path.format(_place(connection, words)) if words else change.path
        changed: dict[str, str] = connection.ask("POST", _API + path)["changed"]
        if as_json:
            _print_json(changed)
            return 0
        for task, state in changed.items():
            click.echo(f"{task}: {state}")
        if not changed:
            click.echo(change.nothing)
        return 0

    command = click.command(name, help=change.about, context_settings={"ignore_unknown_options": True})
    with_words = click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar=wants)
    return command(_SCHEDULER(_JSON(with_words(carry_out) if "{}" in change.path else carry_out)))


pause_command = _change("pause")
resume_command = _change("resume")
cancel_command = _change("cancel")
forgive_command = _change("forgive")
enable_command = _change("enable")
done_command = _change("done")


@click.command("message", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="TASK [--parameter VALUE ...] TEXT")
@click.option("--wait", type=click.FloatRange(0), metavar="SECONDS", help="Wait so long for an answer, and print it.")
@_SCHEDULER
@_JSON
def message_command(words: tuple[str, ...], wait: float | None, scheduler: str | None, as_json: bool) -> int:
    """Send a message to a task that runs for a server, and accepts messages."""
    *task, text = words
    if not task:
        raise UsageError("A message needs a task and a text: rumbo message TASK TEXT.")
    connection = past.server(scheduler)
    sent = connection.ask("POST", f"{_API}/{_place(connection, task)}/messages", {"content": text})["id"]
    answer = _wait_for_answer(connection, sent, wait) if wait else None
    if as_json:
        _print_json({"id": sent, "answer": answer})
    elif answer is not None:
        click.echo(answer)
    elif wait:
        click.echo(f"No answer within {duration(wait)}.", err=True)
        return 1
    else:
        click.echo("Sent.")
    return 0


def _wait_for_answer(connection: Connection, message: str, seconds: float) -> str | None:
    end = time.monotonic() + seconds
    while True:
        answer: str | None = connection.ask("GET", f"{_API}/messages/{message}")["text"]
        if answer is not None or time.monotonic() >= end:
            return answer
        time.sleep(_NAP)


@click.command("runs")
@_SCHEDULER
@_JSON
def runs_command(scheduler: str | None, as_json: bool) -> int:
    """List the runs that are under way at a server."""
    from rumbo.cli.history import tell
    from rumbo.wire.remote_history import RemoteHistory

    return tell(RemoteHistory(past.server(scheduler)).runs("running", limit=1000).rows, as_json, "No run is under way.")


@click.command("workers")
@_SCHEDULER
@_JSON
def workers_command(scheduler: str | None, as_json: bool) -> int:
    """List the workers of a server, with what they run."""
    workers = past.server(scheduler).ask("GET", f"{_API}/workers")
    if as_json:
        _print_json(workers)
    elif not workers:
        click.echo("No worker is connected.")
    else:
        _print_table([_worker_cells(each) for each in workers])
        for worker in workers:
            for held in worker["running"]:
                click.echo(f"  {worker['id']} runs {held['task_id']} (attempt {held['attempt']})")
    return 0


def _worker_cells(worker: Any) -> list[str]:
    states = [("is_disabled", "disabled"), ("is_draining", "finishing")]
    state = next((word for name, word in states if worker[name]), "working" if worker["running"] else "idle")
    slots = f"{len(worker['running'])} of {worker['slots']}" if worker["slots"] else str(len(worker["running"]))
    person = f"{worker['user']}@{worker['host']}" if worker["host"] else ""
    return [
        worker["id"],
        worker["kind"],
        state,
        slots,
        ",".join(worker["pools"]),
        f"heard {duration(worker['silent'])} ago",
        person,
    ]


@click.command("resources")
@click.argument("amounts", nargs=-1, metavar="[NAME=AMOUNT]...")
@_SCHEDULER
@_JSON
def resources_command(amounts: tuple[str, ...], scheduler: str | None, as_json: bool) -> int:
    """List the resources that the workers of a server share, or change how much there is of some."""
    from rumbo.wire.connection import path_part

    connection = past.server(scheduler)
    for text in amounts:
        try:
            name, value = amount(text)
        except ValueError as error:
            raise UsageError(f"{text!r} is not {error}.") from None
        connection.ask("PUT", f"{_API}/resources/{path_part(name)}", {"amount": value})
    found = connection.ask("GET", f"{_API}/resources")
    if as_json:
        _print_json(found)
    elif not found:
        click.echo("No resource is set or in use.")
    else:
        _print_table([_resource_cells(each) for each in found])
    return 0


def _resource_cells(resource: Any) -> list[str]:
    holders = [f"{each['task_id']} ({each['amount']:g})" for each in resource["held_by"]]
    return [resource["name"], f"{resource['used']:g} of {resource['total']:g} in use", ", ".join(holders)]


# What words name at a server ---------------------------------------------------------------------------


def _place(connection: Connection, words: Sequence[str]) -> str:
    """The address of the run or task that words name: ``runs/<id>`` or ``tasks/<id>``.

    Raises:
        NotInHistory: there is none.
        UsageError: there are several, or the words make no sense.
    """
    from rumbo.wire.connection import path_part
    from rumbo.wire.remote_history import RemoteHistory

    archive = RemoteHistory(connection)
    if past.is_run(words[0]):
        return f"runs/{path_part(archive.run(words[0]).id)}"
    return f"tasks/{path_part(past.find_task(archive, words).id)}"


# Printing --------------------------------------------------------------------------------------------------------


def _print_json(data: Any) -> None:
    import json

    click.echo(json.dumps(data, indent=2))


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
