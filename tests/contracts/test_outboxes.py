"""What every outbox must do: the one in memory and the one in a server's state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rumbo.errors import StoreError
from rumbo.ports import Alert, Letter, Outbox
from rumbo.sinks.memory import MemoryOutbox
from rumbo.store.outbox import StateOutbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["memory", "SQLite", "PostgreSQL"])
def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Outbox]:
    found: Outbox
    if request.param == "memory":
        found = MemoryOutbox()
    else:
        found = StateOutbox(str(tmp_path) if request.param == "SQLite" else request.getfixturevalue("empty_postgres"))
    yield found
    found.close()


def letter(id: str, sink: str = "mail", due: float = 10.0) -> Letter:
    alert = Alert(id, "task_failed", 5.0, "run-1", "Clean_1", "Clean", {"n": "1"}, "Clean", ("a@b.org",), "w", 1, "no")
    return Letter(sink, alert, due)


def test_letters_come_back_as_they_were_put(outbox: Outbox) -> None:
    outbox.put([letter("a")])
    assert outbox.undelivered() == [letter("a")]
    assert outbox.due("mail", 10.0, 10) == [letter("a")]


def test_letters_are_due_in_their_order_each_for_its_sink(outbox: Outbox) -> None:
    outbox.put([letter("c", due=30.0), letter("b", due=20.0), letter("a", due=10.0), letter("a", "webhook", 5.0)])
    assert [each.alert.id for each in outbox.due("mail", 20.0, 10)] == ["a", "b"]
    assert [each.alert.id for each in outbox.due("mail", float("inf"), 2)] == ["a", "b"]
    assert (outbox.next_due("mail"), outbox.next_due("webhook"), outbox.next_due("other")) == (10.0, 5.0, None)


def test_letters_of_one_moment_are_due_in_the_order_in_which_they_were_put(outbox: Outbox) -> None:
    ids = ["c", "a", "d", "b"]
    outbox.put([letter(id) for id in ids])
    assert [each.alert.id for each in outbox.due("mail", 10.0, 10)] == ids
    assert [each.alert.id for each in outbox.undelivered()] == ids


def test_a_letter_that_is_put_again_stays_as_it_is(outbox: Outbox) -> None:
    outbox.put([letter("a")])
    outbox.keep([letter("a")._replace(due=50.0, tries=2, error="closed")])
    outbox.put([letter("a")])
    assert outbox.undelivered() == [letter("a")._replace(due=50.0, tries=2, error="closed")]


def test_what_is_delivered_is_forgotten(outbox: Outbox) -> None:
    outbox.put([letter("a"), letter("a", "webhook"), letter("b")])
    outbox.delivered([letter("a")])
    assert {each.key for each in outbox.undelivered()} == {("webhook", "a"), ("mail", "b")}
    outbox.keep([letter("a")])
    assert len(outbox.undelivered()) == 2


def test_what_is_given_up_is_kept_but_not_due(outbox: Outbox) -> None:
    outbox.put([letter("a"), letter("b", due=40.0)])
    outbox.keep([letter("a")._replace(is_given_up=True)])
    assert outbox.due("mail", 100.0, 10) == [letter("b", due=40.0)]
    assert outbox.next_due("mail") == 40.0
    assert [each.alert.id for each in outbox.undelivered()] == ["b", "a"]
    assert outbox.forget(5.0) == 0
    assert outbox.forget(6.0) == 1
    assert [each.alert.id for each in outbox.undelivered()] == ["b"]


def test_how_far_a_journal_was_read_is_kept_with_its_letters(outbox: Outbox) -> None:
    assert outbox.bookmark("journal-1") == 0
    outbox.put([letter("a")], "journal-1", 17)
    outbox.put([], "journal-1", 18)
    outbox.put([letter("b")], "journal-2", 3)
    assert (outbox.bookmark("journal-1"), outbox.bookmark("journal-2")) == (18, 3)


def test_what_comes_too_late_for_an_outbox_in_a_database_is_an_error_of_the_store(tmp_path: Path) -> None:
    outbox = StateOutbox(str(tmp_path))
    outbox.close()
    with pytest.raises(StoreError):
        outbox.due("mail", 0.0, 1)


def test_letters_outlive_the_process_that_put_them(tmp_path: Path) -> None:
    outbox = StateOutbox(str(tmp_path))
    outbox.put([letter("a")], "journal", 7)
    another = StateOutbox(str(tmp_path))
    assert (another.undelivered(), another.bookmark("journal")) == ([letter("a")], 7)
    another.close()
    outbox.close()


def test_a_connection_that_was_lost_is_made_anew(tmp_path: Path) -> None:
    outbox = StateOutbox(str(tmp_path))
    outbox.put([letter("a")])
    outbox._db.close()
    with pytest.raises(StoreError):
        outbox.undelivered()
    assert outbox.undelivered() == [letter("a")]
    outbox.close()
