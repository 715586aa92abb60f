"""One shape of the database, however it came about; and what happens with databases of other versions."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from rumbo.errors import StoreError, StoreTooNew
from rumbo.store import connect, versions
from rumbo.store.history import HistoryWriter
from rumbo.store.reader import HistoryReader

if TYPE_CHECKING:
    from pathlib import Path


def shape(db: sqlite3.Connection) -> dict[str, object]:
    """Tables with their columns, keys and indices, in words that do not depend on who wrote the SQL."""

    def plain(sql: str | None) -> str:
        return re.sub(r"[\s\"()]+", " ", (sql or "").partition(" WHERE ")[2]).strip().lower()

    found: dict[str, object] = {}
    for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall():
        indices = []
        for _, name, is_unique, origin, is_partial in db.execute(f"PRAGMA index_list({table})").fetchall():
            columns = [row[2] for row in db.execute(f"PRAGMA index_info({name})")]
            sql = next((row[0] for row in db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,))), "")
            indices.append((name if origin == "c" else "", is_unique, is_partial, columns, plain(sql)))
        (sql,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
        found[table] = {
            "columns": [row[1:] for row in db.execute(f"PRAGMA table_xinfo({table})")],
            "references": sorted(row[2:5] for row in db.execute(f"PRAGMA foreign_key_list({table})")),
            "indices": sorted(indices),
            "without rowid": "WITHOUT ROWID" in sql,
            "constraints": sorted(re.findall(r"CONSTRAINT (\w+)", sql)),
        }
    return found


def made_from_snapshot(folder: Path) -> dict[str, object]:
    db = connect.open_for_writing(str(folder))
    try:
        assert versions.version_of(db) == versions.REVISIONS[-1]
        return shape(db)
    finally:
        db.close()


def made_by_migrations(path: Path) -> dict[str, object]:
    versions.migrate(str(path))
    with sqlite3.connect(path) as db:
        assert versions.version_of(db) == versions.REVISIONS[-1]
        return shape(db)


def made_from_metadata(path: Path) -> dict[str, object]:
    from sqlalchemy import create_engine

    from rumbo.store.schema import metadata

    engine = create_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    engine.dispose()
    with sqlite3.connect(path) as db:
        db.execute(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
            "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
        return shape(db)


@pytest.mark.slow
def test_the_snapshot_the_migrations_and_the_metadata_agree(tmp_path: Path) -> None:
    snapshot = made_from_snapshot(tmp_path / "snapshot")
    assert set(snapshot) == {
        *("alembic_version", "attempts", "bookmarks", "durations", "families", "run_tasks", "runs", "tasks", "workers")
    }
    assert made_by_migrations(tmp_path / "migrated.db") == snapshot
    assert made_from_metadata(tmp_path / "metadata.db") == snapshot


@pytest.mark.slow
def test_all_revisions_are_listed() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", versions.MIGRATIONS)
    config.set_main_option("path_separator", "os")
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    assert tuple(script.revision for script in reversed(scripts)) == versions.REVISIONS


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this were the next Rumbo, whose runs have a mood."""
    migrations = tmp_path / "migrations"
    shutil.copytree(versions.MIGRATIONS, migrations, ignore=shutil.ignore_patterns("__pycache__"))
    (migrations / "versions" / "v9999_mood.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision = '9999'\ndown_revision = '{versions.REVISIONS[-1]}'\n"
        "def upgrade():\n    op.add_column('runs', sa.Column('mood', sa.Text))\n"
    )
    monkeypatch.setattr(versions, "MIGRATIONS", str(migrations))
    monkeypatch.setattr(versions, "REVISIONS", (*versions.REVISIONS, "9999"))


def columns_of_runs(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "rumbo.db") as db:
        return [row[1] for row in db.execute("PRAGMA table_info(runs)")]


def an_old_database(folder: Path) -> Path:
    writer = HistoryWriter(str(folder))
    from store_story import Story, node

    Story(writer).plan(node("A_1")).runs("A_1").ends()
    writer.close()
    return folder


@pytest.mark.slow
def test_an_older_database_is_brought_up_to_date_by_who_writes(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = an_old_database(tmp_path / "old")
    request.getfixturevalue("next_version")
    connect.open_for_writing(str(folder)).close()
    assert columns_of_runs(folder)[-1] == "mood"


@pytest.mark.slow
def test_an_older_database_is_brought_up_to_date_by_who_reads(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = an_old_database(tmp_path / "old")
    request.getfixturevalue("next_version")
    with HistoryReader(str(folder)) as history:
        assert [task.id for task in history.tasks().rows] == ["A_1"]
    assert columns_of_runs(folder)[-1] == "mood"


@pytest.mark.slow
def test_a_migration_that_fails_changes_nothing(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = an_old_database(tmp_path / "old")
    request.getfixturevalue("next_version")
    script = tmp_path / "migrations" / "versions" / "v9999_mood.py"
    script.write_text(script.read_text() + "    raise RuntimeError('no such mood')\n")
    before = columns_of_runs(folder)

    with pytest.raises(StoreError) as caught:
        connect.open_for_writing(str(folder))
    assert str(caught.value) == (
        f"{folder}/rumbo.db could not be brought up to date (no such mood). It was left as it was; "
        "move it away to begin a new history"
    )
    assert columns_of_runs(folder) == before


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    folder = an_old_database(tmp_path / "new")
    with sqlite3.connect(folder / "rumbo.db") as db:
        db.execute("UPDATE alembic_version SET version_num = '0999'")

    words = (
        f"The history in {folder}/rumbo.db was written by a newer Rumbo: its version is '0999', and this Rumbo knows "
        f"'{versions.REVISIONS[-1]}' and older. Upgrade Rumbo here, or move the file away to begin a new history."
    )
    for act in (connect.open_for_writing, HistoryReader):
        with pytest.raises(StoreTooNew) as caught:
            act(str(folder))
        assert str(caught.value) == words


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    os.mkdir(tmp_path / "x")
    with sqlite3.connect(tmp_path / "x" / "rumbo.db") as db:
        db.execute("CREATE TABLE mine (a)")

    for act in (connect.open_for_writing, HistoryReader):
        with pytest.raises(StoreError) as caught:
            act(str(tmp_path / "x"))
        assert str(caught.value) == (
            f"{tmp_path}/x/rumbo.db is not a history of Rumbo: it holds tables that Rumbo did not make. "
            "Move it away to begin a new one"
        )
    with sqlite3.connect(tmp_path / "x" / "rumbo.db") as db:
        assert db.execute("SELECT name FROM sqlite_schema").fetchall() == [("mine",)]


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    os.mkdir(tmp_path / "x")
    (tmp_path / "x" / "rumbo.db").write_bytes(b"This was a shopping list. " * 100)

    for act in (connect.open_for_writing, HistoryReader):
        with pytest.raises(StoreError) as caught:
            act(str(tmp_path / "x"))
        assert str(caught.value) == (
            f"{tmp_path}/x/rumbo.db is damaged or is not a database (file is not a database). Move it away, with its "
            "-wal and -shm files, and the next run begins a new history"
        )


def test_the_numbers_of_states_and_outcomes_are_those_on_disk() -> None:
    """Changing a number would give another meaning to every row that was ever written."""
    from rumbo.scheduler.records import Outcome, State

    assert [(state.name, state.value) for state in State] == [
        *(("PENDING", 0), ("RUNNING", 1), ("PARKED", 2), ("BATCHED", 3), ("DONE", 4)),
        *(("FAILED", 5), ("DISABLED", 6), ("CANCELLED", 7), ("UNKNOWN", 8)),
    ]
    assert [(outcome.name, outcome.value) for outcome in Outcome] == [
        *(("DONE", 0), ("FAILED", 1), ("PARKED", 2), ("RELEASED", 3)),
        *(("TIMED_OUT", 4), ("CANCELLED", 5), ("LOST", 6)),
    ]
