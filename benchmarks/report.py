"""Turns measured points into lines to read and into JSON."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from cases import SIDES
from growth import exponent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from measuring import Point

NOTE_WIDTH = 140
ROW = "{:64} {:>8} {:>15} {:>15} {:>22} {:>9} {:>12}"
BUDGET_ROW = "{:64} {:>8} {:>10} {:>10}  {}"


def table(points: Sequence[Point]) -> list[str]:
    """Every point, side by side, and under each case how it grows and what there is to say."""
    lines = [ROW.format("", "size", "Luigi", "Rumbo", "Luigi / Rumbo", "floor", "Rumbo/floor")]
    cases: dict[str, list[Point]] = {}
    for point in points:
        cases.setdefault(point.case.name, []).append(point)
    for group in cases.values():
        lines += [row(point, titled=point is group[0]) for point in group]
        lines += [f"    {note[:NOTE_WIDTH]}" for note in notes_on(group)]
    return lines


def row(point: Point, titled: bool = True) -> str:
    rumbo, floor = point.median("rumbo"), point.median("floor")
    return ROW.format(
        title_of(point) if titled else "",
        f"{point.size:,}",
        figure(point, "luigi"),
        figure(point, "rumbo"),
        ratio(point),
        number(floor),
        f"{rumbo / floor:.1f}x" if rumbo and floor else "",
    ).rstrip()


def title_of(point: Point) -> str:
    return f"{point.case.title} [{point.case.unit.name}]"


def notes_on(group: Sequence[Point]) -> list[str]:
    """What a case has to say under its figures: how it grows, what failed, what to bear in mind."""
    powers = growth(group)
    notes = ["growth: " + ", ".join(f"{side} n^{power:.2f}" for side, power in powers.items())] if powers else []
    for point in group:
        notes += [f"{side} at {point.size:,}: {failure.reason}" for side, failure in point.failures.items()]
    return notes + ([group[0].case.note] if group[0].case.note else [])


def growth(group: Sequence[Point]) -> dict[str, float]:
    """By side, the growth law of a case."""
    powers = {}
    for side in SIDES:
        medians = {point.size: median for point in group if (median := point.median(side)) is not None}
        if (power := exponent(medians)) is not None:
            powers[side] = power
    return powers


def figure(point: Point, side: str) -> str:
    """Median and half the range around it, in percent."""
    figures = point.figures.get(side, [])
    if not figures:
        return "no figure" if side in point.failures else ""
    median = statistics.median(figures)
    spread = f" ±{(max(figures) - min(figures)) / 2 / median:.0%}" if len(figures) > 1 and median > 0 else ""
    return number(median) + spread


def ratio(point: Point) -> str:
    ratios = point.ratios()
    if not ratios:
        return ""
    spread = f" ({number(min(ratios))}-{number(max(ratios))})" if len(ratios) > 1 else ""
    return f"{number(statistics.median(ratios))}x{spread}"


def number(value: float | None) -> str:
    """Three digits that mean something."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def budget_table(points: Sequence[Point]) -> list[str]:
    """Promised and kept."""
    lines = [BUDGET_ROW.format("", "size", "measured", "budget", "met?")]
    for point in points:
        budget = point.case.budgets.get(point.size)
        if budget is not None:
            measured = point.median("rumbo")
            cells = (f"{point.size:,}", number(measured), f"{budget:g}", verdict(measured, budget))
            lines.append(BUDGET_ROW.format(title_of(point), *cells))
    return lines


def verdict(measured: float | None, budget: float) -> str:
    if measured is None:
        return "no figure"
    return "yes" if measured <= budget else f"no: {measured / budget:.2f} times the budget"


def as_data(points: Sequence[Point], machine: dict[str, Any]) -> dict[str, Any]:
    """Everything measured, for other programs."""
    return {"machine": machine, "points": [point_as_data(point) for point in points]}


def point_as_data(point: Point) -> dict[str, Any]:
    budget, measured = point.case.budgets.get(point.size), point.median("rumbo")
    return {
        "case": point.case.name,
        "title": point.case.title,
        "unit": point.case.unit.name,
        "size": point.size,
        "figures": dict(point.figures),
        "medians": {side: point.median(side) for side in point.figures},
        "luigi_over_rumbo": point.ratios(),
        "failures": {side: failure.reason for side, failure in point.failures.items()},
        "budget": budget,
        "met": None if budget is None or measured is None else measured <= budget,
    }
