"""The database of the flights example: every clean flight, and the tables around it, in one SQLite file."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from flights_data import COLUMNS, DELAY_TABLE, DISRUPTED_AFTER, known, open_source

SCHEMA = f"""
create table flights (
    date text, scheduled text, carrier text, flight integer, tail_number text, origin text, destination text,
    distance_km integer, status text, departure_delay integer, arrival_delay integer, air_time integer,
    temperature_c real, wind_kmh real, precipitation_mm real, visibility_km real
);
create table carriers (code text primary key, name text);
create table airports (code text primary key, name text, latitude real, longitude real, altitude_ft integer);
create table planes (tail_number text primary key, year integer, manufacturer text, model text, seats integer);
create table carrier_delays (
    carrier text, period text, flights integer, cancelled integer, diverted integer, disrupted integer,
    on_time_share real, mean_delay real, median_delay integer, delay_9_of_10 integer,
    primary key (carrier, period)
);
create table worst_days (rank integer primary key, date text, flights integer, disrupted integer);
create view disrupted_flights as
    select * from flights where status <> 'flown' or arrival_delay > {DISRUPTED_AFTER};
"""

# Read from the source's tables: our table, and its columns in the source.
SOURCE_TABLES = {
    "airlines.csv": ("carriers", ("carrier", "name")),
    "airports.csv": ("airports", ("faa", "name", "lat", "lon", "alt")),
    "planes.csv": ("planes", ("tailnum", "year", "manufacturer", "model", "seats")),
}

WORST_ROUTES = """
select origin, coalesce(airports.name, destination), count(*),
       avg(status <> 'flown' or arrival_delay > ?) as disrupted
from flights left join airports on airports.code = destination
group by origin, destination
having count(*) >= (select count(*) / 1000 from flights)
order by disrupted desc, origin, destination
limit 10
"""


def create(path: str) -> sqlite3.Connection:
    """A new database. It is worthless until it is whole, so it is written without a journal."""
    connection = sqlite3.connect(path)
    connection.executescript("pragma journal_mode = off; pragma synchronous = off;" + SCHEMA)
    return connection


def insert(connection: sqlite3.Connection, table: str, rows: Iterable[Sequence[object]], width: int) -> None:
    connection.executemany(f"insert into {table} values ({', '.join('?' * width)})", rows)


def add_day(connection: sqlite3.Connection, file: Iterable[str]) -> None:
    """The flights of a clean day; an empty cell is a null."""
    rows = csv.reader(file)
    next(rows)
    insert(connection, "flights", ([cell or None for cell in row] for row in rows), len(COLUMNS))


def add_source_table(connection: sqlite3.Connection, path: str, name: str) -> None:
    table, columns = SOURCE_TABLES[name]

    def rows(source: Iterable[str]) -> Iterator[list[str | None]]:
        for row in csv.DictReader(source):
            yield [known(row[column]) or None for column in columns]

    with open_source(path) as source:
        insert(connection, table, rows(source), len(columns))


def add_delays(connection: sqlite3.Connection, carrier: str, rows: Iterable[dict[str, str]]) -> None:
    lines = ([carrier, *(row[column] or None for column in DELAY_TABLE)] for row in rows)
    insert(connection, "carrier_delays", lines, 1 + len(DELAY_TABLE))


def worst_routes(path: str) -> list[tuple[str, str, int, float]]:
    """Among the routes with at least a thousandth of the flights, the ten with the most disruption."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(WORST_ROUTES, (DISRUPTED_AFTER,)).fetchall()
    finally:
        connection.close()
