"""A server forgets what its policy does not keep."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest

from rumbo.errors import StoreError
from rumbo.store import housekeeping
from rumbo.store.history import HistoryWriter
from rumbo.store.housekeeping import Housekeeping
from rumbo.store.reader import HistoryReader
from store_story import Story, node

if TYPE_CHECKING:
    from pathlib import Path


class Noon:
    """A clock that stands still."""

    def now(self) -> float:
        return 1_000_000.0

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def place(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A history of three runs, whose logs lie in a folder of their own."""
    where = str(tmp_path / ".rumbo") if request.param == "SQLite" else str(request.getfixturevalue("empty_postgres"))
    writer = HistoryWriter(where)
    for number in range(3):
        Story(writer, f"run-{number}").plan(node("A_1")).runs("A_1").ends()
        os.makedirs(tmp_path / "printed" / "logs" / f"run-{number}")
    writer.close()
    return where


def runs(place: str) -> list[str]:
    with HistoryReader(place) as history:
        return [run.id for run in history.runs().rows]


def test_what_is_not_kept_is_forgotten_with_its_logs(place: str, tmp_path: Path) -> None:
    logs = str(tmp_path / "printed")
    keeping = Housekeeping(place, logs, 1, None, Noon())
    keeping.start()
    keeping.stop()
    assert runs(place) == ["run-2"]
    assert os.listdir(f"{logs}/logs") == ["run-2"]


def test_without_a_policy_nothing_is_forgotten(tmp_path: Path) -> None:
    keeping = Housekeeping(str(tmp_path / "nowhere"), "", None, None, Noon())
    keeping.start()
    keeping.stop()
    assert not (tmp_path / "nowhere").exists()


def test_trouble_is_told(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise StoreError("the disk that holds rumbo.db is full")

    monkeypatch.setattr(housekeeping, "prune", fails)
    with caplog.at_level(logging.WARNING, "rumbo"):
        Housekeeping(".rumbo", "", 1, None, Noon()).tidy()
    assert caplog.messages == ["Old runs could not be forgotten: the disk that holds rumbo.db is full."]
