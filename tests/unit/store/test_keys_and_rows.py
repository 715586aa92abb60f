"""Keys, compact dependencies, and the few shapes of statements."""

from __future__ import annotations

import sqlite3
from random import Random

import pytest

from rumbo.store import keys, statements
from rumbo.store.ledger import RunMemory, params_json, positions_in


def test_keys_are_taken_apart_as_they_were_put_together() -> None:
    task = keys.task_key(7, 123_456)
    attempt = keys.attempt_key(task, 3)
    assert (keys.run_of(task), keys.position_of(task)) == (7, 123_456)
    assert (keys.task_of(attempt), keys.number_of(attempt)) == (task, 3)
    assert keys.task_keys(7)[0] <= task <= keys.task_keys(7)[1] < keys.task_keys(8)[0]
    assert keys.attempt_keys(7)[0] <= attempt <= keys.attempt_keys(7)[1] < keys.attempt_keys(8)[0]


def test_a_key_fits_into_sixty_three_bits() -> None:
    last = keys.attempt_key(keys.task_key(2_000_000, 2**28 - 1), 10**9)
    assert last < 2**63
    assert keys.number_of(last) == keys.LAST_NUMBER


@pytest.mark.parametrize(
    ("needs", "text"),
    [
        ([], ""),
        ([4], "4"),
        ([4, 5], "4,5"),
        ([4, 5, 6], "4-6"),
        ([6, 5, 4], "6,5,4"),
        ([1, 3, 5], "1,3,5"),
        ([0, 1, 2, 4], "0,1,2,4"),
    ],
)
def test_dependencies_as_positions(needs: list[int], text: str) -> None:
    memory = RunMemory(None)  # type: ignore[arg-type]
    memory.positions = {f"t{n}": n for n in range(10)}
    assert memory._compact(tuple(f"t{n}" for n in needs)) == text
    assert positions_in(text) == needs


def test_parameters_as_json_without_a_space() -> None:
    assert params_json({}) == "{}"
    assert params_json({"date": "2013-01-01", 'a"b': "tab\there"}) == r'{"date":"2013-01-01","a\"b":"tab\there"}'


@pytest.mark.parametrize("many", [1, 7, 8, 9, 63, 64, 65, 511, 512, 1200])
def test_rows_in_bulk(many: int) -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE tasks (number INTEGER PRIMARY KEY, id TEXT, family INTEGER, params TEXT)")
    values: list[statements.Value] = []
    for n in range(many):
        values += (n, f"id-{n}", "{}")
    statements.insert_tasks(db, 3, values)
    assert db.execute("SELECT number, id, family FROM tasks ORDER BY number").fetchall() == [
        (n, f"id-{n}", 3) for n in range(many)
    ]
    db.close()


def test_ranges_of_numbers() -> None:
    assert statements.ranges([5]) == [(5, 5)]
    assert statements.ranges([1, 2, 3, 7, 9, 10]) == [(1, 3), (7, 7), (9, 10)]
    random = Random(1)
    for _ in range(50):
        numbers = sorted(random.sample(range(60), random.randint(1, 60)))
        spread = [n for first, last in statements.ranges(numbers) for n in range(first, last + 1)]
        assert spread == numbers
