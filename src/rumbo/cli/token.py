"""`rumbo token`: who may ask a server for what."""

from __future__ import annotations

import re
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from rumbo.access import AuditEntry, Role, Token, entry_id, issue
from rumbo.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rumbo.access import AccessBook

STATE_OPTION = click.option("--state", metavar="PLACE", help="Where the server's memory is (.rumbo).")
_UNITS = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


@click.group("token")
def token_command() -> None:
    """Say who may ask a server for what.

    Tokens are shown by workers and commands (`token` in the table [scheduler], or RUMBO_SCHEDULER_TOKEN), by browsers
    when they sign in, and by Luigi's clients as a password. A server that runs notices at once.
    """


@token_command.command("create")
@click.option("--role", type=click.Choice([str(role) for role in Role]), required=True, help="What one may do with it.")
@click.option("--name", default="", metavar="WHO", help="Who has it, for the audit log (made up from the role).")
@click.option("--expires", metavar="TIME", help="For how long it is good, such as 12h, 30d or 8w (for ever).")
@STATE_OPTION
def create(role: str, name: str, expires: str | None, state: str | None) -> int:
    """Make a token, and print it: it cannot be shown again."""
    now = time.time()
    until = now + _duration(expires) if expires is not None else None
    with access_book(state) as book:
        if name and any(each.name == name and each.is_good(now) for each in book.tokens()):
            raise ConfigurationError(
                f"There is a token named {name} already: revoke it with `rumbo token revoke {name}`, or name this one "
                "otherwise."
            )
        token, shown = issue(Role(role), name, now, until)
        book.add(token)
        book.note(_entry("token create", f"{token.name}, {token.role}, id {token.id}", now))
    click.echo(shown)
    click.echo(f"This is {token.name}, a token of the role {token.role}. It is not shown again.", err=True)
    return 0


@token_command.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@STATE_OPTION
def list_tokens(as_json: bool, state: str | None) -> int:
    """List all tokens, the oldest first."""
    with access_book(state) as book:
        tokens = book.tokens()
    if as_json:
        import json

        click.echo(json.dumps([_as_data(token) for token in tokens], indent=2))
        return 0
    if not tokens:
        click.echo("There are no tokens. `rumbo token create --role ROLE` makes one.")
        return 0
    from rumbo.cli.look import Ink

    ink, now = Ink(sys.stdout), time.time()
    width = max(len(token.name) for token in tokens)
    for token in tokens:
        line = f"{token.id}  {token.name:{width}}  {token.role:8}  made {_day(token.created)}  {_standing(token, now)}"
        click.echo(line if token.is_good(now) else ink.faint(line))
    return 0


@token_command.command("revoke")
@click.argument("name_or_id")
@STATE_OPTION
def revoke(name_or_id: str, state: str | None) -> int:
    """Make a token, by its name or id, good for nothing."""
    now = time.time()
    with access_book(state) as book:
        found = [each for each in book.tokens() if name_or_id in (each.name, each.id) and each.revoked is None]
        if not found:
            raise ConfigurationError(
                f"There is no token {name_or_id} to revoke: `rumbo token list` shows those there are."
            )
        book.revoke([token.id for token in found], now)
        for token in found:
            book.note(_entry("token revoke", f"{token.name}, {token.role}, id {token.id}", now))
    click.echo(f"Revoked: {', '.join(f'{token.name} ({token.id})' for token in found)}.")
    return 0


@contextmanager
def access_book(state: str | None) -> Iterator[AccessBook]:
    """The tokens and the audit log of the server with this state; of the one in the settings, if it is None."""
    from rumbo import settings
    from rumbo.store.access_book import StateAccessBook

    book = StateAccessBook(state or settings.load().server.state)
    try:
        yield book
    finally:
        book.close()


def _entry(command: str, summary: str, now: float) -> AuditEntry:
    from rumbo.cli.wiring import user

    return AuditEntry(entry_id(now), now, f"command line ({user()})", "", "", "COMMAND", f"rumbo {command}", 0, summary)


def _duration(text: str) -> float:
    found = re.fullmatch(r"([0-9]{1,6})([mhdw])", text.strip())
    if found is None or not int(found[1]):
        raise ConfigurationError(f"--expires {text}: give a number and a unit, such as 30m, 12h, 30d or 8w.")
    return int(found[1]) * _UNITS[found[2]]


def _standing(token: Token, now: float) -> str:
    if token.revoked is not None:
        return f"revoked {_day(token.revoked)}"
    if token.expires is None:
        return "good for ever"
    return f"{'good until' if token.is_good(now) else 'expired'} {_day(token.expires)}"


def _day(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def _as_data(token: Token) -> dict[str, str | float | None]:
    return {name: value for name, value in token._asdict().items() if name != "digest"}
