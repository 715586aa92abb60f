"""PostgreSQL as a `Database`: it takes the statements of this package as SQLite takes them.

What the two spell in different ways is translated by the rules below, once for each statement. Our tables lie in
schemas of their own, so that they do not meet those of others in the same database.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rumbo.errors import MissingExtraError, StoreError
from rumbo.store.database import DatabaseTrouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

HISTORY = "rumbo_history"
STATE = "rumbo_state"

_RULES = tuple(
    (re.compile(found), put)
    for found, put in (
        (r"\bNOT INDEXED\b|\bINDEXED BY \w+", ""),  # it decides by itself
        (r"\bCROSS JOIN (\w+ AS \w+)\s+ON\b", r"JOIN \1 ON"),  # only in SQLite an order to join in
        (r"\binstr\(", "strpos("),
        (r"\bgroup_concat\(([\w.]+)\)", r"string_agg(CAST(\1 AS TEXT), ',')"),
        (r"\bLIKE\b", "ILIKE"),
        (r"\bjson_group_array\(([\w.]+)\)", r"coalesce(CAST(json_agg(\1) AS TEXT), '[]')"),
        (r"\bjson_each\(", "rumbo_each("),  # made by a migration
        (r"\bjson_extract\(value, '\$\[(\d+)\]'\)", r"(CAST(value AS JSON) ->> \1)"),
        (r"\bBEGIN IMMEDIATE\b", "BEGIN"),
        (r"%", "%%"),
        (r"\?", "%s"),
    )
)

_PASSING = ("08", "40", "53", "55", "57")
"""Classes of SQLSTATE: connection, rollback, no room, in use, intervention."""


class Postgres:
    """A connection to a server. May be handed from thread to thread.

    Args:
        url: as libpq takes it: ``postgresql://user:password@host:port/database?sslmode=require``.
        schema: where its tables are; made if it is missing.

    Raises:
        MissingExtraError: the driver is not installed.
        StoreError: the server cannot be reached or does not let us in.
    """

    def __init__(self, url: str, schema: str, patience: float = 5.0) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise MissingExtraError("Memory in PostgreSQL", "postgres") from error
        self.name = name_of(url)
        self._error = psycopg.Error
        try:
            self._connection: psycopg.Connection[Any] = psycopg.connect(
                url, autocommit=True, connect_timeout=max(int(patience), 2), keepalives_idle=10, keepalives_count=3
            )
        except psycopg.Error as error:
            raise DatabaseTrouble(f"{self.name} cannot be reached ({_first_line(error)})", is_passing=True) from error
        self._prepare(schema)

    def _prepare(self, schema: str) -> None:
        known = self.execute("SELECT 1 FROM information_schema.schemata WHERE schema_name = ?", (schema,)).fetchone()
        if known is None:
            self.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        self.execute(f"SET search_path TO {schema}")

    @property
    def process(self) -> int:
        """Number of the server's process that serves this connection."""
        return self._connection.info.backend_pid

    @property
    def is_broken(self) -> bool:
        """Whether the connection is lost, so that another is needed."""
        return self._connection.closed

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is under way."""
        return not self._connection.closed and self._connection.info.transaction_status.name != "IDLE"

    def execute(self, sql: str, values: Sequence[Any] = ()) -> psycopg.Cursor[Any]:
        """Carry out one statement. Raises `DatabaseTrouble`."""
        try:
            return self._connection.execute(translated(sql), [_storable(value) for value in values])
        except self._error as error:
            raise self._explained(error) from error

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Carry out one statement for each of many rows of values. Raises `DatabaseTrouble`."""
        try:
            with self._connection.cursor() as cursor:
                cursor.executemany(translated(sql), [[_storable(value) for value in row] for row in rows])
        except self._error as error:
            raise self._explained(error) from error

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Insert many rows, in the quickest way that there is. Raises `DatabaseTrouble`."""
        try:
            with (
                self._connection.cursor() as cursor,
                cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
            ):
                for row in rows:
                    copy.write_row([_storable(value) for value in row])
        except self._error as error:
            raise self._explained(error) from error

    def rollback(self) -> None:
        """Undo the transaction under way."""
        if not self._connection.closed:
            try:
                self._connection.execute("ROLLBACK")
            except self._error:
                self._connection.close()

    def close(self) -> None:
        """Let go."""
        self._connection.close()

    def _explained(self, error: psycopg.Error) -> StoreError:
        state = error.sqlstate or ""
        if self._connection.closed:
            return DatabaseTrouble(f"the connection to {self.name} is lost ({_first_line(error)})", is_passing=True)
        return DatabaseTrouble(f"{self.name} cannot be used ({_first_line(error)})", state.startswith(_PASSING))


def name_of(url: str) -> str:
    """A database as messages name it: without who and with which password."""
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    port = f":{parts.port}" if parts.port else ""
    return f"postgresql://{f'[{host}]' if ':' in host else host}{port}{parts.path}"


@lru_cache(1000)
def translated(sql: str) -> str:
    """A statement as PostgreSQL takes it through its driver."""
    for found, put in _RULES:
        sql = found.sub(put, sql)
    return sql


def _storable(value: Any) -> Any:
    """The value; of text, what PostgreSQL cannot hold is spelled out."""
    if not isinstance(value, str):
        return value
    if not value.isascii():
        value = value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value.replace("\0", "\\x00") if "\0" in value else value


def _first_line(error: Exception) -> str:
    return (str(error).strip() or error.__class__.__name__).splitlines()[0]
