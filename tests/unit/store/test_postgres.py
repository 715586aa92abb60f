"""PostgreSQL takes the statements of SQLite, and a journal there is kept by one server at a time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg
import pytest

from rumbo.errors import MissingExtraError, StoreBusy, StoreTakenOver, StoreTooNew
from rumbo.ports import Entry
from rumbo.store import connect, versions
from rumbo.store.connect import NoHistory
from rumbo.store.database import DatabaseTrouble, is_url
from rumbo.store.postgres import HISTORY, STATE, Postgres, name_of, translated
from rumbo.store.postgres_journal import PostgresJournal
from rumbo.store.reader import HistoryReader
from rumbo.store.state_file import open_state, steps

if TYPE_CHECKING:
    from postgres_house import PostgresHouse


def entry(number: int) -> Entry:
    return Entry(number, 1000.5 + number, "work", b"[%d]" % number, number)


@pytest.mark.parametrize(
    ("sqlite", "postgres"),
    [
        ("SELECT a FROM t INDEXED BY i WHERE a = ?", "SELECT a FROM t  WHERE a = %s"),
        ("FROM a AS x CROSS JOIN b AS y ON x.i = y.i", "FROM a AS x JOIN b AS y ON x.i = y.i"),
        ("FROM a AS x CROSS JOIN b AS y JOIN c", "FROM a AS x CROSS JOIN b AS y JOIN c"),
        ("instr(t.params, ?) > 0 AND a LIKE ?", "strpos(t.params, %s) > 0 AND a ILIKE %s"),
        ("SELECT group_concat(d.octave)", "SELECT string_agg(CAST(d.octave AS TEXT), ',')"),
        ("SELECT 7 % 2", "SELECT 7 %% 2"),
        ("BEGIN IMMEDIATE", "BEGIN"),
    ],
)
def test_statements_are_translated(sqlite: str, postgres: str) -> None:
    assert translated(sqlite) == postgres


def test_places_and_their_names() -> None:
    assert is_url("postgresql://ana:secret@db.example:5433/rumbo?sslmode=require")
    assert is_url("postgres:///rumbo")
    assert not is_url(".rumbo")
    assert name_of("postgresql://ana:secret@db.example:5433/rumbo?sslmode=require") == (
        "postgresql://db.example:5433/rumbo"
    )
    assert name_of("postgresql:///rumbo") == "postgresql://localhost/rumbo"


def test_values_that_it_cannot_hold_are_spelled_out(empty_postgres: str) -> None:
    db = Postgres(empty_postgres, HISTORY)
    assert db.execute("SELECT CAST(? AS TEXT)", ("a\0b",)).fetchone() == ("a\\x00b",)
    db.close()


def test_without_its_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(MissingExtraError) as caught:
        Postgres("postgresql://localhost/rumbo", STATE)
    assert str(caught.value) == (
        "Memory in PostgreSQL needs a library that is not installed: pip install 'rumbo[postgres]'"
    )


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(DatabaseTrouble, match=r"^postgresql://127\.0\.0\.1:9/rumbo cannot be reached \(") as caught:
        connect.open_for_writing("postgresql://ana:secret@127.0.0.1:9/rumbo")
    assert caught.value.is_passing
    assert "secret" not in str(caught.value)


def test_who_reads_changes_nothing(empty_postgres: str) -> None:
    connect.open_for_writing(empty_postgres).close()
    db = connect.open_for_reading(empty_postgres)
    with pytest.raises(DatabaseTrouble, match="read-only") as caught:
        db.execute("DELETE FROM runs")
    assert not caught.value.is_passing
    db.close()


@pytest.mark.slow
def test_a_database_of_its_own_age(postgres: PostgresHouse) -> None:
    url = postgres.make_database()
    with pytest.raises(NoHistory, match="is empty"):
        HistoryReader(url)
    connect.open_for_writing(url).close()
    open_state(url).close()
    with psycopg.connect(url) as db:
        db.execute("UPDATE rumbo_history.alembic_version SET version_num = '0999'")
        db.execute("INSERT INTO rumbo_state.steps VALUES (99)")
    with pytest.raises(StoreTooNew) as caught:
        HistoryReader(url)
    assert str(caught.value) == (
        f"The history in {name_of(url)} was written by a newer Rumbo: its version is '0999', and this Rumbo knows "
        f"'{versions.REVISIONS[-1]}' and older. Upgrade Rumbo here, or name another database with --state."
    )
    with pytest.raises(StoreTooNew) as caught:
        open_state(url)
    assert str(caught.value) == (
        f"The state in {name_of(url)} was written by a newer Rumbo: it has step 99, and this Rumbo knows "
        f"{steps()[-1][0]} and older. Upgrade Rumbo here, or name another place with --state."
    )


def test_a_journal_as_in_a_file(empty_postgres: str) -> None:
    journal = PostgresJournal(empty_postgres)
    id = journal.id
    journal.append([entry(1), entry(2), entry(3)])
    body = os.urandom(5 << 20)
    journal.save(2, body)
    with pytest.raises(DatabaseTrouble, match="duplicate key"):
        journal.append([entry(4), entry(3)])
    journal.close()
    journal = PostgresJournal(empty_postgres)
    assert (journal.id, journal.snapshot(), list(journal.entries(0))) == (id, (2, body), [entry(3)])
    journal.close()


def test_one_server_for_a_database(empty_postgres: str) -> None:
    first = PostgresJournal(empty_postgres)
    with pytest.raises(StoreBusy) as caught:
        PostgresJournal(empty_postgres)
    assert str(caught.value) == (
        f"Another server ({first._keeper}) works on {name_of(empty_postgres)}: stop it first, let this one wait for "
        "its place with --standby, or name another database with --state."
    )
    looks: list[float] = []

    def stand_by(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            first.close()

    PostgresJournal(empty_postgres, stand_by).close()
    assert looks[:3] == [0.5] * 3  # that the connection is closed may be noticed a little later


def cut(url: str, journal: PostgresJournal) -> None:
    """End the journal's connection from the other side."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("SELECT pg_terminate_backend(%s, 5000)", (journal._server.process,))


def test_a_server_that_was_cut_off_goes_on(empty_postgres: str) -> None:
    journal = PostgresJournal(empty_postgres)
    journal.append([entry(1)])
    cut(empty_postgres, journal)
    with pytest.raises(DatabaseTrouble, match="is lost") as caught:
        journal.append([entry(2)])
    assert caught.value.is_passing
    journal.append([entry(2)])
    assert list(journal.entries(0)) == [entry(1), entry(2)]
    journal.close()


def test_a_connection_that_the_database_still_takes_for_alive_is_ended(empty_postgres: str) -> None:
    journal = PostgresJournal(empty_postgres)
    lost = journal._server
    lost._connection.close = lambda: None  # type: ignore[method-assign]
    journal._connect_again()
    journal.append([entry(1)])
    with pytest.raises(DatabaseTrouble, match="is lost"):
        lost.execute("SELECT 1")
    journal.close()


def test_a_server_whose_place_was_taken_gives_up(empty_postgres: str) -> None:
    first = PostgresJournal(empty_postgres)
    cut(empty_postgres, first)
    second = PostgresJournal(empty_postgres)
    words = (
        f"Another server ({second._keeper}) has taken this one's place at {name_of(empty_postgres)} while it was cut "
        "off from the database."
    )
    with pytest.raises(DatabaseTrouble):
        first.append([entry(1)])
    for _ in "while it is there, and after it has gone":
        with pytest.raises(StoreTakenOver) as caught:
            first.append([entry(1)])
        assert str(caught.value) == words
        second.close()
