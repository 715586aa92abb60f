"""Make task instances of three parameters: `instances.py SIDE HOW SIZE`."""

from __future__ import annotations

import datetime
import sys
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

from language import answer, load

if TYPE_CHECKING:
    from collections.abc import Callable

side, how, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
language = load(side)
FIRST = datetime.date(2000, 1, 1)


class Declared(language.Task):
    number = language.IntParameter()
    day = language.DateParameter()
    name = language.Parameter()


if side == "rumbo":

    class Annotated(language.Task):
        number: int
        day: datetime.date
        name: str


def values_of(numbers: range) -> list[dict[str, Any]]:
    """Parameters made before the clock starts: they are the caller's, whoever holds the task."""
    return [
        {"number": number, "day": FIRST + datetime.timedelta(number % 5000), "name": f"name {number}"}
        for number in numbers
    ]


def strings_of(numbers: range) -> list[dict[str, str]]:
    return [{name: str(value) for name, value in row.items()} for row in values_of(numbers)]


def seconds_of(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def bytes_of(action: Callable[[], object]) -> float:
    tracemalloc.start()
    kept = action()
    held = tracemalloc.get_traced_memory()[0] - sys.getsizeof(kept)
    tracemalloc.stop()
    return held


def make(kind: Any, rows: list[dict[str, Any]]) -> list[Any]:
    return [kind(**row) for row in rows]


def make_with_id(kind: Any, rows: list[dict[str, Any]]) -> list[Any]:
    tasks = make(kind, rows)
    for task in tasks:
        _ = task.task_id
    return tasks


rows = values_of(range(size))
make(Declared, values_of(range(size, size + 10)))  # whatever a class does once, it has done now

match how:
    case "new":
        amount = seconds_of(lambda: make(Declared, rows))
    case "new-with-id":
        amount = seconds_of(lambda: make_with_id(Declared, rows))
    case "annotated":
        make(Annotated, values_of(range(size, size + 10)))
        amount = seconds_of(lambda: make(Annotated, rows))
    case "again":
        kept = make(Declared, rows)
        amount = seconds_of(lambda: make(Declared, rows))
    case "clone":
        kept = make(Declared, rows)
        amount = seconds_of(lambda: [task.clone() for task in kept])
    case "strings":
        texts = strings_of(range(size))
        Declared.from_str_params(strings_of(range(size, size + 1))[0])
        amount = seconds_of(lambda: [Declared.from_str_params(text) for text in texts])
    case "bytes":
        amount = bytes_of(lambda: make(Declared, rows))
    case "bytes-with-id":
        amount = bytes_of(lambda: make_with_id(Declared, rows))
    case _:
        sys.exit(f"no way of making instances is called {how}")
answer(amount, size)
