"""Loads into PostgreSQL over its driver: by COPY, in one transaction with the marker."""

from __future__ import annotations

import logging
import os
import re
import tempfile
from contextlib import closing
from typing import IO, TYPE_CHECKING, Any, ClassVar

from rumbo.errors import ConfigurationError, MissingExtraError
from rumbo.integrations.rdbms import ConfiguredName, CopyWork, MarkerTarget, QueryWork
from rumbo.integrations.reaching import reach
from rumbo.pipeline.config import get_config

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MultiReplacer", "PostgresCopyWork", "PostgresQueryWork", "PostgresTarget", "default_escape"]

logger = logging.getLogger("luigi-interface")

_UNDEFINED_TABLE = "42P01"
_CHUNK = 1 << 16
_DRIVERS = ("psycopg2", "psycopg", "pg8000")


def driver_name() -> str:
    """The driver that is used: ``LUIGI_PGSQL_DRIVER``, or the first of psycopg2, psycopg and pg8000 that is installed.

    Raises:
        ConfigurationError: the variable names another.
        MissingExtraError: none is installed.
    """
    from importlib.util import find_spec

    named = os.environ.get("LUIGI_PGSQL_DRIVER")
    if named and named not in _DRIVERS:
        raise ConfigurationError(f"LUIGI_PGSQL_DRIVER is {named!r}; it can be {', '.join(_DRIVERS)}.")
    for driver in [named] if named else _DRIVERS:
        if find_spec(driver):
            return driver
    raise MissingExtraError("PostgreSQL", "postgres")


def connection_errors() -> Any:
    """What the driver raises when it cannot connect."""
    from importlib import import_module

    name = driver_name()
    module: Any = import_module({"pg8000": "pg8000.dbapi"}.get(name, name))
    return (module.InterfaceError, module.OperationalError)


def connect(host: str, port: int, database: str, user: str, password: str | None) -> Any:
    """A connection by whichever driver there is. Cursors of all of them know ``copy_expert(sql, file)``."""
    driver = driver_name()
    if driver == "psycopg2":
        import psycopg2

        connection: Any = psycopg2.connect(
            host=host, port=port, database=database, user=user, password=password, connect_timeout=10
        )
        connection.set_client_encoding("utf-8")
        return connection
    if driver == "pg8000":
        import pg8000.dbapi

        return pg8000.dbapi.connect(
            host=host, port=port, database=database, user=user, password=password, timeout=10
        )  # fmt: skip
    return _connect_by_psycopg(host, port, database, user, password)


def _connect_by_psycopg(host: str, port: int, database: str, user: str, password: str | None) -> Any:
    import psycopg

    class Cursor(psycopg.ClientCursor[Any]):
        """Binds values as psycopg2 does, and copies as it does."""

        def copy_expert(self, sql: str, file: IO[Any], size: int = _CHUNK) -> None:
            """Send a file to ``COPY ... FROM STDIN``."""
            with self.copy(sql) as copy:
                while chunk := file.read(size):
                    copy.write(chunk)

    return psycopg.connect(
        host=host,
        port=port,
        dbname=database,
        user=user,
        password=password,
        connect_timeout=10,
        client_encoding="utf8",
        cursor_factory=Cursor,
    )


def sqlstate_of(error: BaseException) -> str | None:
    """The five characters by which PostgreSQL names an error, whatever the driver."""
    for attribute in ("sqlstate", "pgcode"):
        code = getattr(error, attribute, None)
        if code:
            return str(code)
    first = error.args[0] if error.args else None
    return first.get("C") if isinstance(first, dict) else None


class PostgresTarget(MarkerTarget):
    """A load into a table of PostgreSQL."""

    marker_table: Any = ConfiguredName("postgres")
    DEFAULT_DB_PORT = 5432
    use_db_timestamps: ClassVar[bool] = True
    """The database says when; without this, this machine does."""

    def connect(self) -> Any:
        """A new connection."""
        return reach(
            lambda: connect(self.host, self.port, self.database, self.user, self.password),
            connection_errors(),
            self._address,
        )

    def _is_missing_table(self, error: Exception) -> bool:
        return sqlstate_of(error) == _UNDEFINED_TABLE

    def _set_autocommit(self, connection: Any) -> None:
        connection.autocommit = True

    def _write_marker(self, connection: Any) -> None:
        if self.use_db_timestamps:
            super()._write_marker(connection)
            return
        import datetime as dt

        connection.cursor().execute(
            f"INSERT INTO {self.marker_table} (update_id, target_table, inserted) VALUES (%s, %s, %s)",
            (self.update_id, self.table, dt.datetime.now()),
        )

    @property
    def _create_marker(self) -> str:  # type: ignore[override]
        moment = "TIMESTAMP DEFAULT NOW()" if self.use_db_timestamps else "TIMESTAMP"
        return (
            "CREATE TABLE IF NOT EXISTS {marker_table} "
            f"(update_id TEXT PRIMARY KEY, target_table TEXT, inserted {moment})"
        )


class MultiReplacer:
    """Replaces several texts in one pass.

    Args:
        replace_pairs: (what, by what); where two begin at one place, the first is taken.
    """

    def __init__(self, replace_pairs: Iterable[tuple[str, str]]) -> None:
        pairs = list(replace_pairs)
        self._replacements = dict(pairs)
        self._pattern = re.compile("|".join(re.escape(old) for old, _ in pairs))

    def __call__(self, search_string: str) -> str:
        return self._pattern.sub(lambda found: self._replacements[found.group()], search_string)


default_escape = MultiReplacer(
    [("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\v", "\\v"), ("\b", "\\b"), ("\f", "\\f")]
)
"""Writes a text as COPY's text format wants it (PostgreSQL's manual, COPY, "Text Format")."""

_NULL = r"\\N"


class PostgresCopyWork(CopyWork):
    """What a task that fills a table of PostgreSQL does."""

    def map_column(self, value: Any) -> str:
        """A value as COPY's text format has it."""
        return _NULL if value in self.null_values else default_escape(str(value))

    def output(self) -> PostgresTarget:
        """The marker of this load."""
        return self._marker(PostgresTarget, self.table)

    def copy(self, cursor: Any, file: Any) -> Any:
        """Send a file in COPY's text format."""
        columns = ", ".join(self._column_names())
        statement = (
            f"COPY {self.table} ({columns}) FROM STDIN "
            f"WITH (FORMAT text, NULL '{_NULL}', DELIMITER '{self.column_separator}')"
        )
        if hasattr(cursor, "copy_expert"):
            cursor.copy_expert(statement, file)
        else:  # pg8000
            cursor.execute(statement, stream=file)

    def run(self) -> Any:
        """Fill the table, which is made if it is missing, in one transaction with the marker."""
        self._check()
        output = self.output()
        output.create_marker_table()
        folder = get_config().get("postgres", "local_tmp_dir", None)
        with tempfile.TemporaryFile(dir=folder) as file, closing(output.connect()) as connection:
            self._write_rows(file)
            try:
                self._send(connection, file)
            except Exception as error:
                if sqlstate_of(error) != _UNDEFINED_TABLE:
                    raise
                logger.info("Creating table %s", self.table)
                connection.rollback()
                self.create_table(connection)
                self._send(connection, file)
            output.touch(connection)
            connection.commit()

    def _write_rows(self, file: IO[bytes]) -> None:
        for row in self.rows():
            file.write((self.column_separator.join(map(self.map_column, row)) + "\n").encode())

    def _send(self, connection: Any, file: IO[bytes]) -> None:
        file.seek(0)
        self._load(connection, connection.cursor(), file)


class PostgresQueryWork(QueryWork):
    """What a task that runs a statement in PostgreSQL does."""

    def output(self) -> PostgresTarget:
        """The marker of this statement."""
        return self._marker(PostgresTarget, self.table)
