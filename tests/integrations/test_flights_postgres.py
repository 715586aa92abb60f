"""The flights example with its last step in PostgreSQL: the same report as from SQLite; loads follow the files."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from rumbo.integrations.sql import SQLAlchemyTarget

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "examples" / "flights"


@pytest.fixture
def url(postgres: Any) -> str:
    return f"postgresql://postgres@{postgres.host}:{postgres.port}/postgres"


def run(folder: Path, url: str, words: str) -> Counter[str]:
    """How many tasks of each family were run."""
    command = [sys.executable, "-m", "rumbo", "run", *words.split(), "--workers", "2", "--json"]
    env = {**os.environ, "FLIGHTS_DATABASE": url, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    tasks: list[dict[str, str]] = json.loads(done.stdout)["tasks"]
    return Counter(task["family"] for task in tasks if task["fate"] == "done")


def test_a_month_of_flights_in_postgres(url: str, tmp_path: Path) -> None:
    for path in EXAMPLE.glob("*.py"):
        shutil.copy(path, tmp_path)
    made = run(tmp_path, url, "-m flights_postgres PostgresReport --period 2013-02")
    loads = {family: count for family, count in made.items() if family.startswith("Load")}
    assert loads == {"LoadDay": 28, "LoadAirports": 1, "LoadDelays": 1, "LoadWorstDays": 1}
    assert made["Database"] == 0

    with SQLAlchemyTarget(url, "", "").transaction() as connection:
        counted = connection.execute(sa.text("select count(*), count(distinct date) from flights")).one()
        assert tuple(counted) == (24_951, 28)
        assert connection.execute(sa.text("select count(*) from table_updates")).scalar() == 31
        worst = connection.execute(sa.text("select date from worst_days where rank = 1")).scalar()
        assert str(worst) == "2013-02-09"

    run(tmp_path, url, "-m flights FlightReport --period 2013-02")
    pages = [(tmp_path / f"data/2013-02/{name}.html").read_text() for name in ("report", "report-from-postgres")]
    tables = [re.search(r'id="routes".*?</table>', page, re.DOTALL) for page in pages]
    assert tables[0] is not None
    assert tables[1] is not None
    assert tables[0][0] == tables[1][0]

    # A day that is cleaned again replaces what was loaded.
    (tmp_path / "data/days/2013-02-03.csv").unlink()
    again = run(tmp_path, url, "-m flights_postgres PostgresReport --period 2013-02 --deep")
    assert (again["CleanDay"], again["LoadDay"]) == (1, 1)
    with SQLAlchemyTarget(url, "", "").transaction() as connection:
        assert connection.execute(sa.text("select count(*) from flights")).scalar() == 24_951
