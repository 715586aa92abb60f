"""Draws the states of a task from the scheduler's table of transitions, and puts the table into the page about them.

    python docs/draw_states.py

The places of states and arrows are chosen by hand; what the arrows say comes from the table. Whoever changes the table
is told by a test that the picture must follow.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from rumbo.looks import LOOKS
from rumbo.scheduler.records import State
from rumbo.scheduler.transitions import HELD, TABLE, Cause, diagram

DOCS = Path(__file__).parent
PICTURE = DOCS / "pictures" / "states.svg"
PAGE = DOCS / "design" / "life-of-a-task.md"

WIDTH, HEIGHT = 924, 740
_BOX = (124, 44)

PLACES = {
    State.PENDING: (400, 60),
    State.RUNNING: (330, 240),
    State.PARKED: (330, 355),
    State.BATCHED: (555, 240),
    State.CANCELLED: (150, 520),
    State.DONE: (400, 520),
    State.FAILED: (640, 520),
    State.UNKNOWN: (150, 650),
    State.DISABLED: (640, 650),
}


class Arrow(NamedTuple):
    """What leads to a state, from one state or from several."""

    causes: tuple[Cause, ...]
    to: State
    path: str
    labels: tuple[tuple[int, int, str, str], ...]
    """x, y, anchor and text; together the texts are those of the causes."""
    sources: frozenset[State] = frozenset()
    """None: from the several states that the table says; drawn with dashes."""


def _arrow(
    sources: frozenset[State] | State | None,
    to: State,
    causes: tuple[Cause, ...],
    path: str,
    *labels: tuple[int, int, str, str],
) -> Arrow:
    if isinstance(sources, State):
        sources = frozenset((sources,))
    return Arrow(causes, to, path, labels, sources or frozenset())


_START, _END = "start", "end"

ARROWS = (
    _arrow(State.PENDING, State.RUNNING, (Cause.ASSIGNED,), "M375 82 L334 216", (346, 130, _END, "given to a worker")),
    _arrow(
        State.PENDING, State.BATCHED, (Cause.GATHERED,), "M440 82 L548 216",
        (488, 122, _START, "given to a worker"), (501, 140, _START, "in a batch"),
    ),
    _arrow(
        State.RUNNING, State.PARKED, (Cause.ASKED_FOR_MORE,), "M305 262 V331",
        (297, 292, _END, "waits for what"), (297, 310, _END, "it asked for"),
    ),
    _arrow(
        State.PARKED, State.RUNNING, (Cause.RESUMED,), "M355 333 V264",
        (363, 292, _START, "goes on, what it"), (363, 310, _START, "asked for is done"),
    ),
    _arrow(HELD, State.DONE, (Cause.SUCCEEDED,), "M400 400 V496", (408, 440, _START, "finished")),
    _arrow(
        HELD, State.FAILED, (Cause.ATTEMPT_FAILED, Cause.TIMED_OUT, Cause.LOST_TOO_OFTEN), "M610 400 V496",
        (618, 428, _START, "attempt failed"), (618, 448, _START, "attempt took too long"),
        (618, 468, _START, "its workers fell silent too often"),
    ),
    _arrow(
        HELD, State.PENDING, (Cause.RELEASED, Cause.WORKER_LOST),
        "M640 300 H682 Q690 300 690 292 V76 Q690 68 682 68 H464",
        (698, 180, _START, "given back by its worker"), (698, 200, _START, "its worker fell silent"),
    ),
    _arrow(HELD, State.CANCELLED, (Cause.STOPPED,), "M190 400 V496", (198, 440, _START, "stopped on request")),
    _arrow(
        State.FAILED, State.PENDING, (Cause.RETRY_DUE, Cause.FORGIVEN),
        "M702 520 H883 Q891 520 891 512 V58 Q891 50 883 50 H464",
        (710, 512, _START, "due for another attempt"), (710, 538, _START, "forgiven"),
    ),
    _arrow(
        State.FAILED, State.DISABLED, (Cause.FAILED_TOO_OFTEN,), "M640 542 V626",
        (648, 588, _START, "failed too often"),
    ),
    _arrow(
        State.DISABLED, State.FAILED, (Cause.ENABLED_AS_FAILURE,), "M620 628 V544",
        (612, 582, _END, "enabled again"), (612, 602, _END, "as a failure"),
    ),
    _arrow(
        State.DISABLED, State.PENDING, (Cause.ENABLED,),
        "M702 650 H900 Q908 650 908 642 V24 Q908 16 900 16 H428 Q420 16 420 24 V36",
        (710, 642, _START, "enabled again"),
    ),
    _arrow(
        State.CANCELLED, State.PENDING, (Cause.FORGIVEN,), "M88 520 H48 Q40 520 40 512 V58 Q40 50 48 50 H336",
        (48, 290, _START, "forgiven"),
    ),
    _arrow(
        None, State.RUNNING, (Cause.CLAIMED,), "M64 240 H264",
        (64, 212, _START, "begun by"), (64, 231, _START, "a worker of"), (64, 258, _START, "its own accord"),
    ),
    _arrow(None, State.PENDING, (Cause.DESCRIBED,), "M166 76 H336", (172, 70, _START, "described as missing")),
    _arrow(
        None, State.DONE, (Cause.FOUND_COMPLETE, Cause.MARKED_DONE), "M400 610 V544",
        (392, 582, _END, "found complete"), (392, 602, _END, "marked as done by hand"),
    ),
    _arrow(None, State.CANCELLED, (Cause.WITHDRAWN,), "M310 520 H214", (224, 512, _START, "withdrawn")),
    _arrow(
        None, State.UNKNOWN, (Cause.FOUND_BROKEN,), "M396 650 H214",
        (220, 642, _START, "its description is broken"),
    ),
    _arrow(
        None, State.DISABLED, (Cause.SWITCHED_OFF,), "M470 650 H576",
        (472, 642, _START, "switched off"), (472, 668, _START, "by its author"),
    ),
)  # fmt: skip

_LOOKS = {
    State.PENDING: LOOKS["waiting"],
    State.RUNNING: LOOKS["running"],
    State.PARKED: LOOKS["parked"],
    State.BATCHED: LOOKS["running"],
    State.DONE: LOOKS["done"],
    State.FAILED: LOOKS["failed"],
    State.DISABLED: LOOKS["disabled"],
    State.CANCELLED: LOOKS["cancelled"],
    State.UNKNOWN: LOOKS["unknown"],
}


def _style() -> str:
    light = "".join(f" .{state.name} {{ fill: {look.light}; stroke: {look.light}; }}" for state, look in _LOOKS.items())
    dark = "".join(f" .{state.name} {{ fill: {look.dark}; stroke: {look.dark}; }}" for state, look in _LOOKS.items())
    return f"""
    .paper {{ fill: #ffffff; stroke: #d5dae2; }}
    text {{ font: 14px system-ui, sans-serif; fill: #39424e; }}
    .name {{ font-weight: 600; fill: #1b2430; text-anchor: middle; }}
    .note {{ font-size: 13px; fill: #5c6673; }}
    .box {{ fill-opacity: 0.12; stroke-width: 1.5; }}
    .held {{ fill: #f4f8fd; stroke: #9db8dc; stroke-width: 1.5; }}
    .arrow {{ fill: none; stroke: #56616f; stroke-width: 1.5; marker-end: url(#head); }}
    .several {{ stroke-dasharray: 5 4; }}
    .head {{ fill: #56616f; }}
   {light}
    @media (prefers-color-scheme: dark) {{
      .paper {{ fill: #1b2029; stroke: #333b48; }}
      text {{ fill: #c4ccd8; }}
      .name {{ fill: #f0f3f8; }}
      .note {{ fill: #97a2b2; }}
      .box {{ fill-opacity: 0.2; }}
      .held {{ fill: #1e2733; stroke: #4c6a94; }}
      .arrow {{ stroke: #9aa6b6; }}
      .head {{ fill: #9aa6b6; }}
     {dark}
    }}
  """


def svg() -> str:
    """The picture. It has a ground of its own, so it can be read on a light page and on a dark one."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-label="The states of a task and what leads from one to another">',
        f"  <style>{_style()}</style>",
        '  <defs><marker id="head" markerWidth="9" markerHeight="9" refX="7" refY="4" orient="auto">'
        '<path class="head" d="M0 0 L8 4 L0 8 Z"/></marker></defs>',
        f'  <rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="8"/>',
        '  <rect class="held" x="160" y="170" width="480" height="230" rx="12"/>',
        '  <text class="note" x="628" y="390" text-anchor="end">held by a worker, under a lease</text>',
    ]
    for arrow in ARROWS:
        several = "" if arrow.sources else " several"
        lines.append(f'  <path class="arrow{several}" d="{arrow.path}"/>')
        lines += [f'  <text x="{x}" y="{y}" text-anchor="{side}">{text}</text>' for x, y, side, text in arrow.labels]
    for state, (x, y) in PLACES.items():
        wide, high = _BOX
        lines.append(
            f'  <rect class="box {state.name}" x="{x - wide // 2}" y="{y - high // 2}" '
            f'width="{wide}" height="{high}" rx="9"/>'
        )
        lines.append(f'  <text class="name" x="{x}" y="{y + 5}">{_LOOKS[state].symbol} {state.name}</text>')
    lines += [
        '  <circle class="head" cx="60" cy="650" r="6"/><path class="arrow" d="M66 650 H86"/>',
        '  <text x="32" y="618">first heard of</text>',
        '  <path class="arrow several" d="M40 712 H96"/>',
        '  <text class="note" x="104" y="716">from several states, none of them held: '
        "what a new plan finds, or what a person asks for</text>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def drawn() -> dict[tuple[State, Cause], State]:
    """The table again, as the arrows of the picture say it."""
    found = {}
    for arrow in ARROWS:
        for cause in arrow.causes:
            for state in arrow.sources or TABLE[cause]:
                found[state, cause] = arrow.to
    return found


def table() -> str:
    """The whole table of transitions, for the page."""
    lines = ["| because it was | a task goes from | to |", "|---|---|---|"]
    for cause, row in TABLE.items():
        for target in dict.fromkeys(row.values()):
            states = ", ".join(state.name for state, to in row.items() if to is target)
            lines.append(f"| {cause.value} | {states} | {target.name} |")
    return "\n".join(lines)


def with_table(page: str) -> str:
    """A page with its table and its diagram brought up to date."""
    page = _between(page, "transitions", table())
    return _between(page, "diagram", f"```mermaid\n{diagram()}\n```")


def _between(page: str, name: str, content: str) -> str:
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    return re.sub(
        f"{re.escape(begin)}\n.*?{re.escape(end)}", lambda _: f"{begin}\n\n{content}\n\n{end}", page, flags=re.DOTALL
    )


if __name__ == "__main__":
    PICTURE.write_text(svg(), encoding="utf-8")
    if PAGE.exists():
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
