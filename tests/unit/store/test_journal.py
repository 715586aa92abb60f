"""What a server promises to remember, in a file."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

import pytest

from rumbo.errors import StoreBusy, StoreError, StoreTooNew
from rumbo.ports import Entry
from rumbo.store.journal import DatabaseJournal
from rumbo.store.log_store import LogStore
from rumbo.store.state_file import FILE, lock_for_server, open_state, steps

if TYPE_CHECKING:
    from pathlib import Path


def entry(number: int) -> Entry:
    return Entry(number, 1000.5 + number, "work", b"[%d]" % number, number)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / ".rumbo")


def test_what_was_appended_is_there_for_the_next_server(folder: str) -> None:
    journal = DatabaseJournal(open_state(folder))
    id = journal.id
    assert (journal.snapshot(), list(journal.entries(0))) == (None, [])
    journal.append([entry(1), entry(2)])
    journal.append([entry(3)])
    journal.append([])
    journal.close()
    journal = DatabaseJournal(open_state(folder))
    assert journal.id == id
    assert list(journal.entries(1)) == [entry(2), entry(3)]
    journal.close()


def test_a_snapshot_takes_the_place_of_what_came_before(folder: str) -> None:
    journal = DatabaseJournal(open_state(folder))
    journal.append([entry(1), entry(2), entry(3)])
    body = os.urandom(9 << 20)
    journal.save(2, body)
    assert journal.snapshot() == (2, body)
    assert list(journal.entries(2)) == list(journal.entries(0)) == [entry(3)]
    journal.save(3, b"small")
    assert journal.snapshot() == (3, b"small")
    journal.close()


def test_entries_are_written_all_or_none(folder: str) -> None:
    journal = DatabaseJournal(open_state(folder))
    journal.append([entry(1)])
    with pytest.raises(StoreError, match=r"state\.db cannot be used"):
        journal.append([entry(2), entry(1)])
    assert list(journal.entries(0)) == [entry(1)]
    journal.append([entry(2)])
    journal.close()


def test_a_journal_that_is_locked_says_so(folder: str) -> None:
    journal = DatabaseJournal(open_state(folder, patience=0.0))
    other = sqlite3.connect(os.path.join(folder, FILE), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for write in (lambda: journal.append([entry(1)]), lambda: journal.save(1, b"x")):
        with pytest.raises(StoreBusy, match=r"another program keeps state\.db locked"):
            write()
    other.execute("ROLLBACK")
    journal.append([entry(1)])
    journal.close()
    other.close()


def test_a_newer_state_is_refused(folder: str) -> None:
    db = open_state(folder)
    db.execute("INSERT INTO steps VALUES (99)")
    db.close()
    with pytest.raises(StoreTooNew) as caught:
        open_state(folder)
    newest = steps()[-1][0]
    assert str(caught.value) == (
        f"The state in {folder}/state.db was written by a newer Rumbo: it has step 99, and this Rumbo knows {newest} "
        "and older. Upgrade Rumbo here, or name another place with --state."
    )


def test_what_is_no_database_is_left_alone(folder: str) -> None:
    os.makedirs(folder)
    path = os.path.join(folder, FILE)
    with open(path, "wb") as file:
        file.write(b"a letter to my aunt" * 100)
    with pytest.raises(StoreError, match="is damaged or is not a database"):
        open_state(folder)
    with open(path, "rb") as file:
        assert file.read().startswith(b"a letter")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        open_state(str(tmp_path / "file" / ".rumbo"))
    with pytest.raises(StoreError, match="cannot be written"):
        lock_for_server(str(tmp_path / "file" / ".rumbo"))


def test_one_server_for_a_folder(folder: str) -> None:
    lock = lock_for_server(folder)
    with pytest.raises(StoreBusy) as caught:
        lock_for_server(folder)
    assert str(caught.value) == (
        f"Another server (process {os.getpid()}) works on {folder}: stop it first, let this one wait for its "
        "place with --standby, or name another folder with --state."
    )
    os.close(lock)
    os.close(lock_for_server(folder))


# Logs ---------------------------------------------------------------------------------------------------------------


def test_pieces_of_a_log_go_where_they_belong(tmp_path: Path) -> None:
    logs = LogStore(str(tmp_path))
    path = logs.write("run-1", "Clean_1", 2, 0, b"first ")
    logs.write("run-1", "Clean_1", 2, 6, b"second")
    logs.write("run-1", "Clean_1", 2, 6, b"second")
    assert path == logs.path("run-1", "Clean_1", 2)
    assert logs.read("run-1", "Clean_1", 2, 0, 100) == b"first second"
    assert logs.read("run-1", "Clean_1", 2, 6, 3) == b"sec"
    assert logs.read("run-1", "Clean_1", 1, 0, 100) == b""


def test_a_log_has_a_limit(tmp_path: Path) -> None:
    logs = LogStore(str(tmp_path), limit=10)
    logs.write("run-1", "Clean_1", 1, 0, b"12345678")
    logs.write("run-1", "Clean_1", 1, 8, b"90abc")
    logs.write("run-1", "Clean_1", 1, 13, b"def")
    assert logs.read("run-1", "Clean_1", 1, 0, 100) == (
        b"1234567890\n[cut here: an attempt may print no more than 10 bytes]\n"
    )


def test_a_log_stays_in_its_folder(tmp_path: Path) -> None:
    logs = LogStore(str(tmp_path / "state"))
    for run, task in (("../../evil", "x"), ("run", "../../../evil"), ("..", ".."), ("/etc", "/etc/passwd")):
        assert os.path.realpath(logs.write(run, task, 1, 0, b"x")).startswith(str(tmp_path / "state" / "logs"))
