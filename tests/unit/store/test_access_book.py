"""Tokens and the audit log in a state database."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from rumbo.access import AuditEntry, Role, issue
from rumbo.errors import StoreError
from rumbo.store.access_book import StateAccessBook
from rumbo.store.state_file import open_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def place(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    return str(tmp_path) if request.param == "SQLite" else str(request.getfixturevalue("empty_postgres"))


@pytest.fixture
def book(place: str) -> Iterator[StateAccessBook]:
    with closing(StateAccessBook(place)) as book:
        yield book


def entry(number: int) -> AuditEntry:
    at = 1000.0 + number
    return AuditEntry(f"{number:016d}-00000000", at, "bea", "admin", "::1", "POST", "/api/v1/pause", 200, "{}")


def test_tokens_are_kept_and_revoked(book: StateAccessBook, place: str) -> None:
    ana, _ = issue(Role.ADMIN, "ana", 2000.0)
    bea, _ = issue(Role.VIEWER, "bea", 1000.0, 3000.0)
    book.add(ana)
    book.add(bea)
    assert book.tokens() == [bea, ana]
    with closing(StateAccessBook(place)) as other:  # as a command does while the server runs
        other.revoke([bea.id], 1500.0)
        other.revoke([bea.id], 1600.0)
    assert book.tokens() == [bea._replace(revoked=1500.0), ana]
    assert isinstance(book.tokens()[0].role, Role)


def test_the_audit_log_in_pages_and_its_end(book: StateAccessBook) -> None:
    for number in range(5):
        book.note(entry(number))
    assert book.entries(None, 2) == [entry(4), entry(3)]
    assert book.entries(entry(3).id, 10) == [entry(2), entry(1), entry(0)]
    book.forget(1003.0)
    assert book.entries(None, 10) == [entry(4), entry(3)]


def test_trouble_is_told_in_words_and_may_be_over_the_next_time(book: StateAccessBook) -> None:
    for ask in (book.tokens, lambda: book.note(entry(1))):
        book.close()
        with pytest.raises(StoreError) as caught:
            ask()
        assert str(caught.value).partition(" (")[2] in (
            "Cannot operate on a closed database.)",
            "the connection is closed)",
        )
        ask()
    assert book.entries(None, 10) == [entry(1)]


def test_the_state_is_for_nobody_else_to_read(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with closing(open_state(str(tmp_path))) as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("COMMIT")
            modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("state.db*")}
    finally:
        os.umask(before)
    assert set(modes) == {"state.db", "state.db-wal", "state.db-shm"}
    assert set(modes.values()) == {0o600}
