"""The chart of the flights example: every day as a cell, and how delay builds up over the hours of a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any, NamedTuple

from flights_data import Summary, Tally


class Theme(NamedTuple):
    """The colours of one chart."""

    ink: str
    faint: str
    empty: str
    ramp: tuple[str, ...]
    lines: tuple[str, str, str]


THEMES = {
    "light": Theme(
        ink="#1f2328",
        faint="#6b7380",
        empty="#ffffff",
        ramp=("#f1f2f4", "#f6c9b8", "#e5704a", "#a3210c"),
        lines=("#1f5fbf", "#b3441e", "#5f6773"),
    ),
    "dark": Theme(
        ink="#e4e7eb",
        faint="#949ca8",
        empty="#14171c",
        ramp=("#22272f", "#5a3226", "#c2553a", "#ffb59e"),
        lines=("#79aef5", "#f08b68", "#a9b1bd"),
    ),
}


def draw(summary: Summary, worst: Collection[str], theme_name: str, path: str) -> None:
    """Draw both panels and write them to `path` as PNG on a transparent ground."""
    # matplotlib takes longer to import than most days take to clean, so only the task that draws pays for it;
    # a bare Figure instead of pyplot needs no display and leaves nothing behind in the process.
    from matplotlib.figure import Figure

    theme = THEMES[theme_name]
    months = sorted({date[:7] for date in summary["day"]})
    calendar_height = 0.6 + 0.26 * len(months)
    figure = Figure(figsize=(10, calendar_height + 3.3), dpi=144)
    figure.patch.set_alpha(0)
    above, below = figure.subplots(
        2, 1, height_ratios=(calendar_height, 2.4), gridspec_kw={"hspace": 0.7 / (1 + len(months) / 8)}
    )
    draw_calendar(figure, above, summary["day"], months, worst, theme)
    draw_hours(below, summary["hour"], theme)
    figure.savefig(path, format="png", bbox_inches="tight", metadata={"Software": None})


def plain(axes: Any, theme: Theme) -> None:
    """Take away what is not data."""
    axes.set_facecolor("none")
    axes.tick_params(length=0, labelsize=8.5, colors=theme.faint)
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_calendar(
    figure: Any, axes: Any, days: dict[str, Tally], months: list[str], worst: Collection[str], theme: Theme
) -> None:
    """A row per month, a cell per day, darker where more flights were disrupted; the worst days are framed."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    shares = [[float("nan")] * 31 for _ in months]
    for date, tally in days.items():
        shares[months.index(date[:7])][int(date[8:]) - 1] = 100 * tally.disrupted_share
    ramp = LinearSegmentedColormap.from_list("disruption", theme.ramp).with_extremes(bad=(0, 0, 0, 0))
    mesh = axes.pcolormesh(shares, cmap=ramp, vmin=0, vmax=60, edgecolors=theme.empty, linewidth=1.6)
    for date in worst:
        corner = int(date[8:]) - 1, months.index(date[:7])
        axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=theme.ink, linewidth=1.4, zorder=3, clip_on=False))
    plain(axes, theme)
    axes.set_ylim(len(months), 0)
    axes.set_yticks([row + 0.5 for row in range(len(months))])
    axes.set_yticklabels([dt.date.fromisoformat(f"{month}-01").strftime("%b") for month in months])
    axes.set_xticks([day - 0.5 for day in (1, 5, 10, 15, 20, 25, 31)], ["1", "5", "10", "15", "20", "25", "31"])
    axes.set_title(
        "Disrupted flights each day, % of those scheduled",
        loc="left", fontsize=10.5, color=theme.ink, pad=10,
    )  # fmt: skip
    scale = figure.colorbar(mesh, ax=axes, fraction=0.018, pad=0.015, aspect=18, ticks=(0, 20, 40, 60))
    scale.outline.set_visible(False)
    scale.ax.tick_params(length=0, labelsize=8.5, colors=theme.faint)


def draw_hours(axes: Any, hours: dict[str, Tally], theme: Theme) -> None:
    """A line per airport: the share of disrupted flights by the hour they were to leave in."""
    for airport, colour in zip(("EWR", "JFK", "LGA"), theme.lines, strict=True):
        points = [
            (int(name[4:]), 100 * tally.disrupted_share)
            for name, tally in sorted(hours.items())
            # The few flights of the small hours say nothing about the hour.
            if name.startswith(airport) and tally.flights >= 100
        ]
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, linewidth=2, solid_capstyle="round", label=airport)
    plain(axes, theme)
    axes.set_xlim(4.7, 23.3)
    axes.set_ylim(bottom=0)
    axes.set_xticks(range(5, 24, 2), [f"{hour:02}:00" for hour in range(5, 24, 2)])
    axes.grid(axis="y", color=theme.faint, alpha=0.25, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, fontsize=9, labelcolor=theme.ink, loc="upper left", ncols=3, handlelength=1.4)
    axes.set_title(
        "By the hour they were to leave in, %",
        loc="left", fontsize=10.5, color=theme.ink, pad=10,
    )  # fmt: skip
