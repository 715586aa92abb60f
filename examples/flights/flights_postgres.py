"""The flights example with its database in PostgreSQL: a day is loaded as soon as it is clean.

    export FLIGHTS_DATABASE=postgresql://localhost/flights
    rumbo run -m flights_postgres PostgresReport --workers 2

Each load is one transaction that ends with its marker, a row of the table table_updates. A load that is killed leaves
nothing; a day that is cleaned again is loaded again, in place of what was there.
"""

from __future__ import annotations

import csv
import datetime as dt
import os
from collections.abc import Iterable, Sequence
from typing import Any

import flights_data as data
import flights_database as database
import sqlalchemy as sa

import flights
import rumbo
from flights import CarrierDelays, CleanDay, FlightReport, NycFlights, WorstDays, months_of, read_json
from rumbo.integrations.sql import CopyToTable, SQLAlchemyTarget
from rumbo.pipeline.intervals import DateInterval, Year

NUMBERS = {
    "flight": sa.Integer, "distance_km": sa.Integer, "departure_delay": sa.Integer, "arrival_delay": sa.Integer,
    "air_time": sa.Integer, "temperature_c": sa.Float, "wind_kmh": sa.Float, "precipitation_mm": sa.Float,
    "visibility_km": sa.Float,
}  # fmt: skip

WORST_ROUTES = """
select origin, coalesce(airports.name, destination), count(*),
       avg(case when status <> 'flown' or arrival_delay > :limit then 1.0 else 0.0 end) as disrupted
from flights left join airports on airports.code = destination
where date between :first and :last
group by origin, destination, airports.name
having count(*) >= (select count(*) / 1000 from flights where date between :first and :last)
order by disrupted desc, origin, destination
limit 10
"""


def database_url() -> str:
    return os.environ.get("FLIGHTS_DATABASE", "postgresql://localhost/flights")


class Load(CopyToTable):
    """What all loads have in common."""

    @property
    def connection_string(self) -> str:
        return database_url()


class LoadDay(Load):
    """The flights of a day."""

    date: dt.date

    table = "flights"
    columns = [
        sa.Column(name, sa.Date if name == "date" else NUMBERS.get(name, sa.Text), index=name == "date")
        for name in data.COLUMNS
    ]

    def requires(self) -> CleanDay:
        return CleanDay(date=self.date)

    def init_copy(self, connection: sa.Connection) -> None:
        connection.execute(sa.delete(self.table_bound).where(self.table_bound.c.date == self.date))

    def rows(self) -> Iterable[Sequence[str | None]]:
        with self.input().open() as file:
            for row in csv.DictReader(file):
                yield [row[name] or None for name in data.COLUMNS]


class LoadAirports(Load):
    """The names of the airports."""

    table = "airports"
    columns = [sa.Column("code", sa.Text, primary_key=True), ("name", sa.Text)]

    def requires(self) -> NycFlights:
        return NycFlights(file="airports.csv")

    def init_copy(self, connection: sa.Connection) -> None:
        connection.execute(sa.delete(self.table_bound))

    def rows(self) -> Iterable[Sequence[str | None]]:
        with data.open_source(self.input().path) as source:
            for row in csv.DictReader(source):
                yield row["faa"], row["name"]


class LoadDelays(Load):
    """The carriers' delays in a period."""

    period: DateInterval = Year(flights.YEAR)

    table = "carrier_delays"
    columns = [
        ("report", sa.Text), ("carrier", sa.Text), ("period", sa.Text), ("flights", sa.Integer),
        ("cancelled", sa.Integer), ("diverted", sa.Integer), ("disrupted", sa.Integer), ("on_time_share", sa.Float),
        ("mean_delay", sa.Float), ("median_delay", sa.Integer), ("delay_9_of_10", sa.Integer),
    ]  # fmt: skip

    def requires(self) -> dict[str, CarrierDelays]:
        return {code: CarrierDelays(carrier=code, period=self.period) for code in data.carrier_names()}

    def init_copy(self, connection: sa.Connection) -> None:
        connection.execute(sa.delete(self.table_bound).where(self.table_bound.c.report == str(self.period)))

    def rows(self) -> Iterable[Sequence[str | None]]:
        for code, delays in self.input().items():
            with delays.open() as file:
                for row in csv.DictReader(file):
                    yield [str(self.period), code, *(row[column] or None for column in data.DELAY_TABLE)]


class LoadWorstDays(Load):
    """The days with the most disruption in a period."""

    period: DateInterval = Year(flights.YEAR)

    table = "worst_days"
    columns = [
        ("report", sa.Text), ("rank", sa.Integer), ("date", sa.Date),
        ("flights", sa.Integer), ("disrupted", sa.Integer),
    ]  # fmt: skip

    def requires(self) -> WorstDays:
        return WorstDays(period=self.period)

    def init_copy(self, connection: sa.Connection) -> None:
        connection.execute(sa.delete(self.table_bound).where(self.table_bound.c.report == str(self.period)))

    def rows(self) -> Iterable[Sequence[Any]]:
        for rank, day in enumerate(read_json(self.input()), 1):
            yield str(self.period), rank, day["date"], day["flights"], day["disrupted"]


class Warehouse(rumbo.WrapperTask):
    """Everything that a period's report reads, in PostgreSQL."""

    period: DateInterval = Year(flights.YEAR)

    def requires(self) -> list[Load]:
        return [
            *(LoadDay(date=date) for month in months_of(self.period) for date in month.dates()),
            LoadAirports(),
            LoadDelays(period=self.period),
            LoadWorstDays(period=self.period),
        ]


class PostgresReport(FlightReport):
    """The report, with its routes from PostgreSQL."""

    def requires(self) -> dict[str, Any]:
        return {**super().requires(), "database": Warehouse(period=self.period)}

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"{flights.DATA}/{self.period}/report-from-postgres.html")

    def worst_routes(self) -> list[tuple[str, str, int, float]]:
        dates = [date for month in months_of(self.period) for date in month.dates()]
        values = {"limit": database.DISRUPTED_AFTER, "first": dates[0], "last": dates[-1]}
        with SQLAlchemyTarget(database_url(), "flights", "").transaction() as connection:
            found = connection.execute(sa.text(WORST_ROUTES), values)
            return [(origin, name, count, float(share)) for origin, name, count, share in found]
