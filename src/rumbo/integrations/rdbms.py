"""Loads over the database's own Python driver, as Luigi's programs write them: host, database, user, password, cursors.

New programs are better off with `rumbo.integrations.sql`, which does the same for every database. What is common to the
databases is here; what differs is in ``postgres``, ``mysql`` and ``redshift``.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from rumbo.errors import TaskError
from rumbo.pipeline.config import get_config
from rumbo.pipeline.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["ConfiguredName", "CopyWork", "LoginWork", "MarkerTarget", "MetadataColumns", "QueryWork", "text_rows"]

logger = logging.getLogger("luigi-interface")


Marker = TypeVar("Marker", bound="MarkerTarget")


class ConfiguredName:
    """The name of a marker table: ``[section] marker_table`` of the configuration, read when it is needed."""

    def __init__(self, section: str) -> None:
        self._section = section

    def __get__(self, target: Any, owner: type) -> str:
        name: str = get_config().get(self._section, "marker_table", "table_updates")
        return name


class MarkerTarget(Target):
    """A load into a table, told by its row in a marker table.

    Args:
        host: the server; ``host:port`` too.
        database: the database there.
        user: who we are to it.
        password: proves that. It is shown nowhere.
        table: the table that is filled.
        update_id: what the load is known by.
        port: the server's port, if ``host`` does not say it.
    """

    marker_table: Any = None
    DEFAULT_DB_PORT: ClassVar[int] = 0
    #: The statement that makes the marker table, with ``{marker_table}`` for its name.
    _create_marker: ClassVar[str] = ""
    #: The statement that writes a marker, with the id and the table as arguments.
    _insert_marker: ClassVar[str] = "INSERT INTO {marker_table} (update_id, target_table) VALUES (%s, %s)"

    def __init__(
        self,
        host: str,
        database: str,
        user: str,
        password: str | None,
        table: str,
        update_id: str,
        port: int | str | None = None,
    ) -> None:
        name, _, stated = host.partition(":")
        self.host = name
        self.port = int(stated or port or self.DEFAULT_DB_PORT)
        self.database = database
        self.user = user
        self.password = password
        self.table = table
        self.update_id = update_id

    def __str__(self) -> str:
        return self.table

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._address!r}, {self.table!r}, {self.update_id!r})"

    @property
    def _address(self) -> str:
        return f"{self.user}@{self.host}:{self.port}/{self.database}"

    @abstractmethod
    def connect(self) -> Any:
        """A new connection of the database's driver. Its changes wait for ``commit()``."""

    @abstractmethod
    def _is_missing_table(self, error: Exception) -> bool:
        """Whether the database says that there is no such table."""

    @abstractmethod
    def _set_autocommit(self, connection: Any) -> None:
        """Let each statement be a transaction of its own."""

    def exists(self, connection: Any = None) -> bool:
        """Whether the marker is there; asked over a connection of its own, or over the one given."""
        if connection is None:
            with closing(self.connect()) as connection:
                self._set_autocommit(connection)
                return self.exists(connection)
        cursor = connection.cursor()
        try:
            cursor.execute(f"SELECT 1 FROM {self.marker_table} WHERE update_id = %s LIMIT 1", (self.update_id,))
            return cursor.fetchone() is not None
        except Exception as error:
            if self._is_missing_table(error):
                return False
            raise

    def touch(self, connection: Any = None) -> None:
        """Write the marker: in the transaction of a connection, or in one of its own."""
        self.create_marker_table()
        if connection is None:
            with closing(self.connect()) as connection:
                self._write_marker(connection)
                connection.commit()
            return
        self._write_marker(connection)

    def _write_marker(self, connection: Any) -> None:
        statement = self._insert_marker.format(marker_table=self.marker_table)
        connection.cursor().execute(statement, (self.update_id, self.table))

    def create_marker_table(self) -> None:
        """Make the marker table if it is missing, over a connection of its own."""
        with closing(self.connect()) as connection:
            self._set_autocommit(connection)
            try:
                connection.cursor().execute(self._create_marker.format(marker_table=self.marker_table))
            except Exception:
                # Not even IF NOT EXISTS is safe from a second one at the same moment.
                if not self._has_marker_table(connection):
                    raise

    def _has_marker_table(self, connection: Any) -> bool:
        try:
            connection.cursor().execute(f"SELECT 1 FROM {self.marker_table} LIMIT 0")
        except Exception as error:
            if self._is_missing_table(error):
                return False
            raise
        return True

    def open(self, mode: str) -> Any:
        """Not possible: a table is read by a query."""
        raise NotImplementedError(f"Cannot open() {type(self).__name__}: read {self.table} with a query.")


class LoginWork(ABC):
    """Where a task's database is, and as whom it is used."""

    if TYPE_CHECKING:
        task_id: str

        def input(self) -> Any: ...

    @property
    @abstractmethod
    def host(self) -> Any:
        """The server; ``host:port`` too."""

    @property
    def port(self) -> Any:
        """The server's port, if ``host`` does not say it."""
        return None

    @property
    @abstractmethod
    def database(self) -> Any:
        """The database there."""

    @property
    @abstractmethod
    def user(self) -> Any:
        """Who we are to it."""

    @property
    @abstractmethod
    def password(self) -> Any:
        """Proves that."""

    @property
    def update_id(self) -> Any:
        """What the work is known by in the marker table."""
        return self.task_id

    @abstractmethod
    def output(self) -> Any:
        """The marker of the work."""

    def _marker(self, kind: type[Marker], table: str) -> Marker:
        return kind(self.host, self.database, self.user, self.password, table, self.update_id, port=self.port)


class MetadataColumns:
    """Columns that every table gets, and the statements that fill them after a load."""

    if TYPE_CHECKING:
        table: Any

    @property
    def metadata_columns(self) -> Sequence[tuple[str, ...]]:
        """The columns: (name, type) or, for Redshift, (name, type, encoding)."""
        return []

    @property
    def metadata_queries(self) -> Sequence[str]:
        """The statements."""
        return []

    @property
    def enable_metadata_columns(self) -> bool:
        """Whether any of this happens."""
        return False

    def _add_metadata_columns(self, connection: Any) -> None:
        cursor = connection.cursor()
        for column in self.metadata_columns:
            if not column:
                raise ValueError(f"A metadata column for {self.table} has no name: {column!r}.")
            if not self._column_exists(cursor, column[0]):
                logger.info("Adding the column %s to %s.", column[0], self.table)
                self._add_column_to_table(cursor, column)

    def _column_exists(self, cursor: Any, column_name: str) -> bool:
        schema, _, table = self.table.rpartition(".")
        cursor.execute(
            "SELECT 1 FROM information_schema.columns WHERE table_name = LOWER(%s) AND column_name = LOWER(%s)"
            + (" AND table_schema = LOWER(%s)" if schema else "")
            + " LIMIT 1",
            (table, column_name, *([schema] if schema else [])),
        )
        return cursor.fetchone() is not None

    def _add_column_to_table(self, cursor: Any, column: Sequence[str]) -> None:
        if len(column) not in (2, 3):
            raise ValueError(
                f"A metadata column for {self.table} is (name, type) or (name, type, encoding): {column!r}."
            )
        encoding = f" ENCODE {column[2]}" if len(column) == 3 else ""
        cursor.execute(f"ALTER TABLE {self.table} ADD COLUMN {column[0]} {column[1]}{encoding}")

    def post_copy_metacolumns(self, cursor: Any) -> None:
        """Run the statements."""
        for query in self.metadata_queries:
            cursor.execute(query)


class CopyWork(MetadataColumns, LoginWork):
    """What a task that fills a table over a driver has and does, whatever kind of task it is."""

    columns: Any = []
    """Names of columns, or (name, type of SQL)."""
    null_values: Any = (None,)
    """What becomes null."""
    column_separator: Any = "\t"

    @property
    @abstractmethod
    def table(self) -> Any:
        """The name of the table."""

    def create_table(self, connection: Any) -> None:
        """Make the table, from the types in `columns`, in the transaction of the load where the database can."""
        if not self._has_types():
            raise NotImplementedError(
                f"There is no table {self.table}, and columns does not say the types to make it with. "
                "Write (name, type) for each column, or override create_table()."
            )
        columns = ",".join(f"{name} {kind}" for name, kind in self.columns)
        connection.cursor().execute(f"CREATE TABLE {self.table} ({columns})")

    def _has_types(self) -> bool:
        return not isinstance(self.columns[0], str) and len(self.columns[0]) == 2

    def _column_names(self) -> list[str]:
        return [column if isinstance(column, str) else column[0] for column in self.columns]

    def init_copy(self, connection: Any) -> None:
        """Called before the first row, in the transaction. Call ``super()`` when there are metadata columns."""
        if hasattr(self, "clear_table"):
            raise TaskError(f"{self}: clear_table has no effect. Override init_copy() to clear {self.table}.")
        if self.enable_metadata_columns:
            self._add_metadata_columns(connection)

    def post_copy(self, connection: Any) -> None:
        """Called after the last row, in the transaction."""

    @abstractmethod
    def copy(self, cursor: Any, file: Any) -> Any:
        """Send the rows."""

    def rows(self) -> Iterable[Sequence[Any]]:
        """The rows, each with a value for every column: by default the lines of the input, split at tabs."""
        return text_rows(self.input())

    def _check(self) -> None:
        if not (self.table and self.columns):
            raise TaskError(f"{self} does not say where its rows go: give the class a table and columns.")

    def _load(self, connection: Any, cursor: Any, source: Any) -> None:
        """All that happens between the beginning of a load and its marker."""
        self.init_copy(connection)
        self.copy(cursor, source)
        self.post_copy(connection)
        if self.enable_metadata_columns:
            self.post_copy_metacolumns(cursor)


def text_rows(source: Any) -> Iterable[Sequence[str]]:
    """The lines of a target, split at tabs."""
    with source.open("r") as lines:
        for line in lines:
            yield line.strip("\n").split("\t")


class QueryWork(LoginWork):
    """What a task that runs a statement over a driver has and does, whatever kind of task it is."""

    @property
    @abstractmethod
    def table(self) -> Any:
        """The table that the statement changes; a label in the marker table."""

    @property
    @abstractmethod
    def query(self) -> Any:
        """The statement."""

    @property
    def autocommit(self) -> bool:
        """Whether the statement runs outside a transaction, as VACUUM must."""
        return False

    def run(self) -> Any:
        """Run the statement, in one transaction with its marker."""
        output = self.output()
        with closing(output.connect()) as connection:
            if self.autocommit:
                output._set_autocommit(connection)
            logger.info("Running the statement of %s.", self)
            connection.cursor().execute(statement_of(self.query))
            output.touch(connection)
            connection.commit()


def statement_of(query: Any) -> str:
    """A statement that is given as it is, or by a method."""
    text: str = query() if callable(query) else query
    return text
