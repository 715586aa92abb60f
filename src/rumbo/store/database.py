"""What this package asks of a database: SQLite's own connection is one as it is, PostgreSQL's is made one.

Statements are written as SQLite takes them, with ``?`` for values.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from rumbo.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_URL = re.compile(r"postgres(ql)?://", re.IGNORECASE)


class Cursor(Protocol):
    """The outcome of a statement."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        ...

    def fetchone(self) -> Any:
        """The next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """A connection in autocommit mode; transactions are begun and ended by statements."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is under way."""
        ...

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> Cursor:
        """Carry out one statement."""
        ...

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> object:
        """Carry out one statement for each of many rows of values."""
        ...

    def rollback(self) -> None:
        """Undo the transaction under way."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class DatabaseTrouble(StoreError):
    """A database server that could not do what was asked. ``is_passing``: it may be gone when tried again."""

    def __init__(self, message: str, is_passing: bool) -> None:
        super().__init__(message)
        self.is_passing = is_passing


def is_url(place: str) -> bool:
    """Whether a place for memory is the address of a database server, and not a folder."""
    return _URL.match(place) is not None
