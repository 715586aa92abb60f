"""A run over time as SVG: a lane for each place of a worker, a bar for each attempt, the critical path outlined."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from rumbo.drawings.svg import page, width_of
from rumbo.looks import LOOKS
from rumbo.wording import duration

if TYPE_CHECKING:
    from rumbo.drawings.timeline import Timeline

_WIDTH = 1000.0
_LANE = 22.0
_BAR = 16.0
_AXIS = 28.0
_MARGIN = 16.0
_LEAST = 1.5
"""Points that a bar is wide at least: what took no time is seen all the same."""
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
_LONG_STEPS = (3600, 7200, 10800, 21600, 43200, 86400)
_MOST_TICKS = 10

_LOOKS = {
    "done": "done",
    "running": "running",
    "failed": "failed",
    "timed_out": "failed",
    "lost": "failed",
    "cancelled": "cancelled",
    "released": "cancelled",
    "parked": "parked",
}
"""An attempt's outcome -> its look."""


def gantt(drawn: Timeline, title: str) -> str:
    """The drawing, with a key to its colours. ``title`` says for people, and for those who hear it, what it is of."""
    left = _MARGIN + min(max([0.0, *(width_of(each) * 12 for each in drawn.workers)]), 200.0) + 12
    scale = (_WIDTH - left - _MARGIN) / max(drawn.until - drawn.since, 0.001)
    height = _AXIS + _LANE * max(len(drawn.workers), 1) + 2 * _MARGIN + 24
    critical = set(drawn.critical)
    bars = [_bar(drawn, place, left, scale, drawn.tasks[place] in critical) for place in range(len(drawn.tasks))]
    parts = [
        *_axis(drawn, left, scale, height),
        *_workers(drawn, left),
        # What is outlined lies on top of its neighbours.
        *[bar for bar in bars if "critical" not in bar],
        *[bar for bar in bars if "critical" in bar],
        _legend(drawn, height),
    ]
    return page(_WIDTH, height, title, "\n".join(parts), _STYLE)


def _bar(drawn: Timeline, place: int, left: float, scale: float, is_critical: bool) -> str:
    seconds = drawn.seconds[place]
    took = drawn.until - drawn.started[place] if seconds is None else seconds
    x = left + (drawn.started[place] - drawn.since) * scale
    y = _MARGIN + _AXIS + _LANE * drawn.lanes[place] + (_LANE - _BAR) / 2
    width = max(took * scale, _LEAST)
    look = _LOOKS.get(drawn.outcomes[place], "unknown")
    told = f"{drawn.tasks[place]}, attempt {drawn.numbers[place]}: {LOOKS[look].word}, {_moment(took)}"
    name = drawn.families[place]
    label = ""
    if width_of(name) * 11 + 8 < width:
        label = f'<text class="name" x="{x + 4:.1f}" y="{y + 12:.1f}">{escape(name)}</text>'
    return (
        f'<g class="{look}{" critical" if is_critical else ""}"><title>{escape(told)}</title><rect class="bar {look}" '
        f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_BAR:.0f}" rx="2"/>{label}</g>'
    )


def _axis(drawn: Timeline, left: float, scale: float, height: float) -> list[str]:
    """Time since the beginning, and when that was."""
    length = drawn.until - drawn.since
    step = next((each for each in (*_STEPS, *_LONG_STEPS) if length / each <= _MOST_TICKS), length / _MOST_TICKS)
    began = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(drawn.since))
    parts = [f'<text class="line" x="{_MARGIN:.0f}" y="{_MARGIN + 4:.0f}">{began}</text>']
    for number in range(int(length / step + 1e-9) + 1):
        x = left + number * step * scale
        word = _moment(number * step) if number else "0"
        parts.append(
            f'<path class="grid" d="M{x:.1f} {_MARGIN + _AXIS - 4:.0f}V{height - _MARGIN - 28:.0f}"/>'
            f'<text class="line tick" x="{x:.1f}" y="{_MARGIN + _AXIS - 8:.0f}">{word}</text>'
        )
    return parts


def _moment(seconds: float) -> str:
    return f"{seconds * 1000:.3g}ms" if seconds < 1 else duration(seconds)


def _workers(drawn: Timeline, left: float) -> list[str]:
    """The name of each worker beside the first of its lanes."""
    parts = []
    for lane, worker in enumerate(drawn.workers):
        y = _MARGIN + _AXIS + _LANE * lane
        if lane and worker == drawn.workers[lane - 1]:
            continue
        parts.append(
            f'<path class="grid" d="M{_MARGIN:.0f} {y:.1f}H{_WIDTH - _MARGIN:.0f}"/>'
            f'<svg x="{_MARGIN:.0f}" y="{y:.1f}" width="{left - _MARGIN - 8:.0f}" height="{_LANE:.0f}">'
            f'<title>{escape(worker)}</title><text class="line" y="15">{escape(worker or "this process")}</text></svg>'
        )
    return parts


def _legend(drawn: Timeline, height: float) -> str:
    looks = [each for each in dict.fromkeys(_LOOKS.values()) if each in {_LOOKS.get(o) for o in drawn.outcomes}]
    y = height - _MARGIN - 4
    parts = []
    for place, look in enumerate(looks):
        x = _MARGIN + 110 * place
        parts.append(
            f'<rect class="bar {look}" x="{x:.0f}" y="{y - 10:.0f}" width="12" height="12" rx="2"/>'
            f'<text class="line" x="{x + 18:.0f}" y="{y:.0f}">{LOOKS[look].word}</text>'
        )
    if drawn.critical:
        x = _MARGIN + 110 * len(looks)
        parts.append(
            f'<g class="critical"><rect class="bar plain" x="{x:.0f}" y="{y - 10:.0f}" width="12" height="12" rx="2"/>'
            "</g>"
            f'<text class="line" x="{x + 18:.0f}" y="{y:.0f}">decided how long it took</text>'
        )
    if drawn.is_cut:
        parts.append(
            f'<text class="line tick" x="{_WIDTH - _MARGIN - 80:.0f}" y="{y:.0f}">not all attempts are shown</text>'
        )
    return "".join(parts)


_STYLE = (
    ".tick{text-anchor:middle}.grid{stroke-width:1;fill:none}.name{font-size:11px}"
    ".critical .bar{stroke-width:2}.bar.plain{fill:none}"
)
