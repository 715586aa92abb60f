"""mypy and pyright know the constructors of tasks, without a plugin."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = """
from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import rumbo


class Extract(rumbo.ExternalTask):
    date: dt.date

    @property
    def priority(self) -> int:
        return 3


class Clean(rumbo.Task):
    date: dt.date
    limit: int = 100
    note: str | None = None
    secret: str = rumbo.parameter(default="x", significant=False)
    required: int = rumbo.parameter(description="must be given")
    retries = 3
    backoff = (1.0, 2.0)
    priority = 5

    def requires(self) -> list[Extract]:
        return [self.clone(Extract)]

    async def run(self) -> None:
        self.set_status_message("at work")


class Derived(Clean):
    extra: Path = Path("x")


DAY = dt.date(2020, 1, 1)
clean = Clean(date=DAY, required=1)
derived = Derived(date=DAY, required=1, extra=Path("y"), limit=3, note="n")
limit: int = clean.limit
again: Clean = clean.clone(limit=5)
extract: Extract = clean.clone(Extract)
identity: str = clean.task_id
values: dict[str, Any] = clean.param_kwargs
texts: Clean = Clean.from_str_params({"date": "2020-01-01"})
settings = rumbo.Config()

Clean(required=1)  # wrong: date is missing
Clean(date="2020-01-01", required=1)  # wrong: a text
Clean(date=DAY, required=1, limt=3)  # wrong: no such parameter
Clean(date=DAY, required=1, limit=None)  # wrong: None
Derived(date=DAY, required=1, extra=5)  # wrong: a number
day: str = clean.date  # wrong: a date
other: Extract = clean.clone(limit=1)  # wrong: a Clean
clean.set_status_message(5)  # wrong: a number
"""

WRONG = {number for number, line in enumerate(SAMPLE.splitlines(), 1) if "# wrong" in line}


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample.py"
    path.write_text(SAMPLE, encoding="utf-8")
    return path


@pytest.mark.slow
def test_mypy_finds_what_is_wrong_and_nothing_else(sample: Path) -> None:
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", "cache", sample.name]
    done = subprocess.run(command, cwd=sample.parent, capture_output=True, text=True, timeout=300, check=False)
    complaints = re.findall(r"^sample\.py:(\d+): error: .*", done.stdout, flags=re.MULTILINE)
    assert {int(number) for number in complaints} == WRONG, done.stdout + done.stderr


@pytest.mark.slow
def test_pyright_finds_what_is_wrong_and_nothing_else(sample: Path) -> None:
    pytest.importorskip("pyright")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson", sample.name]
    try:
        done = subprocess.run(command, cwd=sample.parent, capture_output=True, text=True, timeout=120, check=False)
        complaints = json.loads(done.stdout)["generalDiagnostics"]
    except (subprocess.TimeoutExpired, ValueError, KeyError) as error:
        pytest.skip(f"PYRIGHT DID NOT RUN, so the constructors' types are unchecked by it (is it offline?): {error!r}")
    errors = [complaint for complaint in complaints if complaint["severity"] == "error"]
    assert {complaint["range"]["start"]["line"] + 1 for complaint in errors} == WRONG, errors
