"""What a task made and read, as commands show it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from rumbo.cli.past import ago

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rumbo.artifacts.report import Report, Seen, Share
    from rumbo.cli.look import Ink

_WIDEST = 60
_FATES = {"changed": "changed since", "gone": "gone since"}


def lines(report: Report, ink: Ink) -> Iterator[str]:
    """Outputs, then the inputs by the tasks that made them; nothing where nothing is known."""
    known = [share for share in report.inputs if share.things]
    things = [thing for share in (report.outputs, *known) for thing in share.things]
    width = min(max((len(_name(thing)) for thing in things), default=0), _WIDEST)
    yield from _with_head("made", _lines_of(report.outputs, width, ink), ink)
    for share in known:
        yield from _with_head("read", [ink.faint(share.family), *_lines_of(share, width, ink)], ink)
    if report.more_inputs:
        yield f"  {'':9} {ink.faint(f'and what {report.more_inputs:,} more tasks made')}"


def _with_head(head: str, rows: Sequence[str], ink: Ink) -> Iterator[str]:
    for row in rows:
        yield f"  {ink.faint(head.ljust(9))} {row}"
        head = ""


def _lines_of(share: Share, width: int, ink: Ink) -> list[str]:
    rows = [_line(thing, width, ink) for thing in share.things]
    if share.made is not None and share.made.more:
        rows.append(ink.faint(f"and {share.made.more:,} more"))
    return rows


def _line(thing: Seen, width: int, ink: Ink) -> str:
    artifact, sight = thing
    size = "" if artifact.size is None else f"{artifact.size:,} B"
    when = "" if artifact.modified is None else ago(artifact.modified, time.time())
    fate = _FATES.get(sight.fate.value, "")
    told = f"{_name(thing).ljust(width)}  {size.rjust(12)}  {ink.faint(when)}".rstrip()
    return f"{told}  {ink.paint(fate, 'failed')}" if fate else told


def _name(thing: Seen) -> str:
    """The address on one line; a path below this folder as from here."""
    address = thing.artifact.address
    here = os.getcwd() + os.sep
    if address.startswith(here):
        address = address[len(here) :]
    return address if address.isprintable() else repr(address)[1:-1]


def data(report: Report) -> dict[str, Any]:
    """The same for programs."""
    return {
        "outputs": _share_data(report.outputs),
        "inputs": [_share_data(share) for share in report.inputs],
        "more_inputs": report.more_inputs,
    }


def _share_data(share: Share) -> dict[str, Any]:
    made = share.made
    return {
        "id": share.task_id,
        "family": share.family,
        "state": share.state,
        "run": None if made is None else made.run,
        "attempt": None if made is None else made.attempt,
        "at": None if made is None else made.at,
        "artifacts": [{**artifact._asdict(), **_sight_data(sight)} for artifact, sight in share.things],
        "more": 0 if made is None else made.more,
    }


def _sight_data(sight: Any) -> dict[str, Any]:
    return {"fate": sight.fate.value, "size_now": sight.size, "modified_now": sight.modified}
