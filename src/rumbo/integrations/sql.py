"""Tables of SQL databases as targets, and tasks that fill them: all rows together with their marker, or none.

That a load happened is told by a row of the marker table (``table_updates``): the load's id, the table and the moment.
It is written in the transaction that writes the data, and before the data: of two loads with one id at once, the second
waits for the first and then fails, instead of writing everything twice. A process that is killed leaves nothing.

The databases are those of SQLAlchemy, named by its URLs: ``sqlite:///data/warehouse.db``,
``postgresql://reader@localhost/warehouse``, ``mysql://...``, ``duckdb:///data/warehouse.duckdb``.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
from abc import ABC, abstractmethod
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from rumbo.errors import ConfigurationError, MissingExtraError, TaskError
from rumbo.integrations.reaching import reach
from rumbo.pipeline import typed
from rumbo.pipeline.config import get_config
from rumbo.pipeline.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Column, Connection, Engine, Table
    from sqlalchemy.engine import URL

__all__ = ["CopyToTable", "CopyWork", "QueryTask", "QueryWork", "SQLAlchemyTarget"]

logger = logging.getLogger("luigi-interface")

_DRIVERS = {
    "postgresql": ("psycopg", "psycopg2"),
    "mysql": ("pymysql", "mysqldb"),
    "mariadb": ("pymysql", "mysqldb"),
}
"""What is taken for a URL that names no driver: the first that is installed."""
_EXTRAS = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql", "duckdb": "duckdb"}
_CONNECT_ARGS: dict[str, dict[str, Any]] = {
    "psycopg": {"connect_timeout": 10},
    "psycopg2": {"connect_timeout": 10},
    "pymysql": {"connect_timeout": 10, "read_timeout": 3600, "write_timeout": 3600},
    "pysqlite": {"timeout": 60},
}
"""Seconds after which a database that does not answer counts as gone, unless ``connect_args`` says otherwise."""
_IN_FILES = ("sqlite", "duckdb")


class _OfProcess(NamedTuple):
    engine: Engine
    pid: int


class SQLAlchemyTarget(Target):
    """A load into a table, told by its row in the marker table.

    Args:
        connection_string: the database, as a URL of SQLAlchemy's.
        target_table: the table that is filled.
        update_id: what the load is known by; at most 255 characters.
        echo: log all statements.
        connect_args: further arguments for the driver's ``connect``.
    """

    marker_table: str | None = None
    """Name of the marker table; None: ``[sqlalchemy] marker_table`` of the configuration, or ``table_updates``."""

    _engine_dict: ClassVar[dict[Any, _OfProcess]] = {}

    def __init__(
        self,
        connection_string: str,
        target_table: str,
        update_id: str,
        echo: bool = False,
        connect_args: Mapping[str, Any] | None = None,
    ) -> None:
        self.target_table = target_table
        self.update_id = update_id
        self.connection_string = connection_string
        self.echo = echo
        self.connect_args = dict(connect_args or {})

    def __str__(self) -> str:
        return self.target_table

    def __repr__(self) -> str:
        from sqlalchemy.engine import make_url

        shown = make_url(self.connection_string).render_as_string(hide_password=True)
        return f"{type(self).__name__}({shown!r}, {self.target_table!r}, {self.update_id!r})"

    @property
    def engine(self) -> Engine:
        """The engine for this database, shared by all targets of this process."""
        # An engine's connections must not be used on both sides of a fork, so each process makes its own.
        key = (self.connection_string, repr(sorted(self.connect_args.items())), self.echo)
        known = self._engine_dict.get(key)
        if known is None or known.pid != os.getpid():
            engine = _create_engine(self.connection_string, self.connect_args, self.echo)
            known = self._engine_dict[key] = _OfProcess(engine, os.getpid())
        return known.engine

    @property
    def marker_table_bound(self) -> Table:
        """The marker table, as SQLAlchemy knows tables."""
        from sqlalchemy import Column, DateTime, MetaData, String, Table

        name: str = self.marker_table or get_config().get("sqlalchemy", "marker_table", "table_updates")
        self.marker_table = name
        schema, _, table = name.rpartition(".")
        return Table(
            table,
            MetaData(schema=schema or None),
            Column("update_id", String(255), primary_key=True),
            Column("target_table", String(255)),
            Column("inserted", DateTime),
        )

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection whose changes are kept at the end of the block, or after an exception none of them."""
        with _connected(self.engine) as connection, connection.begin():
            yield connection

    def exists(self) -> bool:
        """Whether the marker is there."""
        return self._inserted() is not None

    def modified(self) -> float | None:
        """When the load began, in seconds since the epoch."""
        moment = self._inserted()
        return None if moment is None else moment.timestamp()

    def _inserted(self) -> dt.datetime | None:
        from sqlalchemy import inspect, select
        from sqlalchemy.exc import DBAPIError

        if _is_missing_file(self.engine.url):
            return None  # connecting would make it
        marker = self.marker_table_bound
        question = select(marker.c.inserted).where(self._is_ours(marker))
        with _connected(self.engine) as connection:
            try:
                row = connection.execute(question).first()
            except DBAPIError:
                connection.rollback()
                if inspect(connection).has_table(marker.name, schema=marker.schema):
                    raise
                return None
        return None if row is None else row[0] or dt.datetime.fromtimestamp(0)

    def _is_ours(self, marker: Table) -> Any:
        return (marker.c.update_id == self.update_id) & (marker.c.target_table == self.target_table)

    def touch(self, connection: Connection | None = None) -> None:
        """Write the marker: in the transaction of a connection, or in one of its own."""
        if connection is None:
            self.create_marker_table()
            with self.transaction() as connection:
                self.touch(connection)
            return
        from sqlalchemy import select
        from sqlalchemy.exc import IntegrityError

        marker = self.marker_table_bound
        now = dt.datetime.now()
        # First to look and then to insert locks nothing that other loads need; DELETE would, in MySQL.
        if connection.execute(select(marker.c.update_id).where(self._is_ours(marker))).first():
            connection.execute(marker.update().where(self._is_ours(marker)).values(inserted=now))
            return
        row = {"update_id": self.update_id, "target_table": self.target_table, "inserted": now}
        try:
            connection.execute(marker.insert().values(row))
        except IntegrityError as error:
            raise TaskError(
                f"{self.target_table}: another process makes the same load, {self.update_id}, or has made it by now. "
                "Nothing was written a second time."
            ) from error

    def create_marker_table(self) -> None:
        """Make the marker table if it is missing."""
        create_if_missing(self.engine, self.marker_table_bound)

    def open(self, mode: str) -> Any:
        """Not possible: a table is read by a query."""
        raise NotImplementedError(
            f"{self} is a table and cannot be opened. Read it with a query: target.engine is a connection to it."
        )


# Engines ---------------------------------------------------------------------------------------------------------


def _create_engine(connection_string: str, connect_args: Mapping[str, Any], echo: bool) -> Engine:
    from sqlalchemy import NullPool, create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import NoSuchModuleError

    url = _with_driver(make_url(connection_string))
    backend = url.get_backend_name()
    options: dict[str, Any] = {"pool_pre_ping": True}
    if backend in _IN_FILES and url.database not in (None, "", ":memory:"):
        # A connection that waits in a pool keeps other processes from a DuckDB file.
        options = {"poolclass": NullPool}
    try:
        arguments = {**_CONNECT_ARGS.get(url.get_dialect().driver, {}), **connect_args}
        return create_engine(url, connect_args=arguments, echo=echo, **options)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        if backend in _EXTRAS:
            raise MissingExtraError(f"A database at {backend}://", _EXTRAS[backend]) from error
        raise ConfigurationError(
            f"{url.render_as_string()}: there is no dialect {url.drivername!r}. Install the library that brings it."
        ) from error


def _with_driver(url: URL) -> URL:
    from importlib.util import find_spec

    for driver in _DRIVERS.get(url.drivername, ()):
        if find_spec({"mysqldb": "MySQLdb"}.get(driver, driver)):
            return url.set(drivername=f"{url.drivername}+{driver}")
    return url


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    from sqlalchemy.exc import DBAPIError

    _make_folder_of(engine.url)
    connection = reach(engine.connect, DBAPIError, engine.url)
    try:
        yield connection
    finally:
        connection.close()


def _file_of(url: URL) -> str | None:
    if url.get_backend_name() not in _IN_FILES or url.database in (None, "", ":memory:"):
        return None
    return url.database


def _is_missing_file(url: URL) -> bool:
    path = _file_of(url)
    return path is not None and not path.startswith("file:") and not os.path.exists(path)


def _make_folder_of(url: URL) -> None:
    path = _file_of(url)
    if path is not None and not path.startswith("file:"):
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)


def create_if_missing(engine: Engine, table: Table) -> None:
    """Make a table unless it is there, also while others do the same."""
    from sqlalchemy import inspect
    from sqlalchemy.exc import DBAPIError

    with _connected(engine) as connection:
        try:
            with connection.begin():
                table.create(connection, checkfirst=True)
        except DBAPIError:
            # Not even CREATE TABLE IF NOT EXISTS is safe from a second one at the same moment.
            if not inspect(connection).has_table(table.name, schema=table.schema):
                raise


# Filling a table -------------------------------------------------------------------------------------------------


class CopyWork(ABC):
    """What a task that fills a table has and does, whatever kind of task it is."""

    if TYPE_CHECKING:
        task_id: str
        set_status_message: Any

        def input(self) -> Any: ...

    echo: ClassVar[bool] = False
    connect_args: ClassVar[Mapping[str, Any]] = {}
    columns: Any = ()
    """The table's columns: ``("name", sqlalchemy.String(64))``, a ``sqlalchemy.Column``, or Luigi's
    ``(["name", sqlalchemy.String(64)], {"nullable": False})``."""
    schema: Any = ""
    """The table's schema, which must exist; the marker table is not in it."""
    column_separator: Any = "\t"
    chunk_size: Any = 5000
    """Rows that are sent at once."""
    reflect: Any = False
    """The table is there already: take its columns from the database."""
    table_bound: Any = None
    """The table, as SQLAlchemy knows tables, once `create_table` has run."""

    @property
    @abstractmethod
    def connection_string(self) -> str:
        """The database, as a URL of SQLAlchemy's."""

    @property
    @abstractmethod
    def table(self) -> str:
        """The name of the table."""

    def update_id(self) -> str:
        """What this load is known by."""
        return self.task_id

    def output(self) -> SQLAlchemyTarget:
        """The marker of this load."""
        return SQLAlchemyTarget(
            connection_string=self.connection_string,
            target_table=self.table,
            update_id=self.update_id(),
            echo=self.echo,
            connect_args=self.connect_args,
        )

    def rows(self) -> Iterable[Sequence[Any]]:
        """The rows, each with a value for every column. By default the lines of the input, split at tabs.

        Text for a column of another type is converted; the empty text is then null.
        """
        with self.input().open("r") as lines:
            for line in lines:
                yield line.strip("\n").split(self.column_separator)

    def init_copy(self, connection: Connection) -> None:  # noqa: B027 - need not be overridden
        """Called before the first row, in the transaction: the place to remove what the rows replace."""

    def post_copy(self, connection: Connection) -> None:  # noqa: B027 - need not be overridden
        """Called after the last row, in the transaction."""

    def create_table(self, engine: Engine) -> None:
        """Make the table if it is missing, and set `table_bound`."""
        from sqlalchemy import MetaData, Table

        if self.reflect:
            self.table_bound = _reflected(engine, self.table, self.schema or None)
            return
        if not self.columns:
            raise NotImplementedError(
                f"{type(self).__name__} does not say what columns {self.table} has. "
                "List them in columns, or set reflect = True if the table exists."
            )
        columns = [_as_column(given) for given in self.columns]
        self.table_bound = Table(self.table, MetaData(schema=self.schema or None), *columns)
        create_if_missing(engine, self.table_bound)

    def run(self) -> Any:
        """Fill the table, in one transaction with the marker."""
        output = self.output()
        self.create_table(output.engine)
        output.create_marker_table()
        count = 0
        with output.transaction() as connection:
            output.touch(connection)
            self.init_copy(connection)
            for chunk in _chunks(self._named_rows(), self.chunk_size):
                self.copy(connection, chunk, self.table_bound)
                count += len(chunk)
                if self.set_status_message is not None:
                    self.set_status_message(f"{count} rows")
            self.post_copy(connection)
        logger.info("%d rows are in %s.", count, self.table)

    def _named_rows(self) -> Iterator[dict[str, Any]]:
        columns = list(self.table_bound.columns)
        names = [f"_{column.key}" for column in columns]
        converters = [_converter_for(column) for column in columns]
        for number, row in enumerate(self.rows(), 1):
            if len(row) > len(columns):
                raise TaskError(
                    f"{self}: row {number} has {len(row)} values for the {len(columns)} columns of {self.table}."
                )
            try:
                yield {
                    name: convert(value) if isinstance(value, str) and convert is not None else value
                    for name, convert, value in zip(names, converters, row, strict=False)
                }
            except ValueError as error:
                raise TaskError(f"{self}: row {number} does not fit into {self.table}: {error}.") from error

    def copy(self, conn: Connection, ins_rows: Sequence[Mapping[str, Any]], table_bound: Table) -> None:
        """Send some rows. Override it to update instead of to insert.

        Args:
            conn: the connection of the transaction.
            ins_rows: dictionaries from the name of each column, with ``_`` before it, to a value.
            table_bound: the table.
        """
        from sqlalchemy import bindparam

        columns = [column for column in table_bound.columns if f"_{column.key}" in ins_rows[0]]
        if conn.dialect.driver == "psycopg":
            _copy_in(conn, table_bound, columns, ins_rows)
            return
        values: dict[Any, Any] = {column: bindparam(f"_{column.key}") for column in columns}
        conn.execute(table_bound.insert().values(values), list(ins_rows))


def _as_column(given: Any) -> Column[Any]:
    from sqlalchemy import Column

    if isinstance(given, Column):
        return given._copy() if given.table is not None else given
    first, second = given
    if isinstance(first, str):
        return Column(first, second)
    return Column(*first, **second)


def _reflected(engine: Engine, name: str, schema: str | None) -> Table:
    """The table as the database describes it, or at least the names of its columns."""
    from sqlalchemy import Column, MetaData, Table, select, table, text
    from sqlalchemy.exc import DBAPIError

    with _connected(engine) as connection:
        try:
            return Table(name, MetaData(schema=schema), autoload_with=connection)
        except DBAPIError:
            if engine.dialect.name != "duckdb":
                raise
    # DuckDB lacks some of PostgreSQL's catalogue, which its dialect asks.
    with _connected(engine) as connection:
        found = connection.execute(select(text("*")).select_from(table(name, schema=schema)).limit(0))
        return Table(name, MetaData(schema=schema), *(Column(key) for key in found.keys()))  # noqa: SIM118


def _chunks(rows: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    while chunk := list(islice(rows, size)):
        yield chunk


def _copy_in(
    connection: Connection, table: Table, columns: Sequence[Column[Any]], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Send rows to PostgreSQL by COPY, which takes a fraction of the time of INSERT."""
    dialect = connection.dialect
    quote = dialect.identifier_preparer
    names = ", ".join(quote.format_column(column) for column in columns)
    binders = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns]
    keys = [f"_{column.key}" for column in columns]
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {quote.format_table(table)} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(
                [row[key] if bind is None else bind(row[key]) for key, bind in zip(keys, binders, strict=True)]
            )


# Text into values ------------------------------------------------------------------------------------------------


def _converter_for(column: Column[Any]) -> Callable[[str], Any] | None:
    """What makes a value for a column of a text; None where a text is one already."""
    try:
        kind = column.type.python_type
    except NotImplementedError:
        return None
    known = _CONVERSIONS.get(kind)
    if known is None:
        return None
    convert, expected = known

    def converted(text: str) -> Any:
        if not text:
            return None
        try:
            return convert(text)
        except (ValueError, ArithmeticError):
            raise ValueError(f"{column.name} wants {expected}, not {text!r}") from None

    return converted


def _boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered in ("true", "t", "yes", "y", "on", "1"):
        return True
    if lowered in ("false", "f", "no", "n", "off", "0"):
        return False
    raise ValueError(text)


_CONVERSIONS: dict[type, tuple[Callable[[str], Any], str]] = {
    int: (int, "a whole number"),
    float: (float, "a number"),
    Decimal: (Decimal, "a number"),
    bool: (_boolean, "true or false"),
    dt.date: (dt.date.fromisoformat, "a date such as 2026-01-31"),
    dt.datetime: (dt.datetime.fromisoformat, "a moment such as 2026-01-31T12:00:00"),
    dt.time: (dt.time.fromisoformat, "a time such as 12:00:00"),
}


# Queries ---------------------------------------------------------------------------------------------------------


class QueryWork(ABC):
    """What a task that runs statements has and does, whatever kind of task it is."""

    if TYPE_CHECKING:
        task_id: str

    echo: ClassVar[bool] = False
    connect_args: ClassVar[Mapping[str, Any]] = {}

    @property
    @abstractmethod
    def connection_string(self) -> str:
        """The database, as a URL of SQLAlchemy's."""

    @property
    @abstractmethod
    def table(self) -> str:
        """The table that the statements change; a label in the marker table."""

    @property
    @abstractmethod
    def query(self) -> str | Sequence[str]:
        """The statement, or several, with ``:name`` where a value goes."""

    def query_parameters(self) -> Mapping[str, Any]:
        """The values: by default those of the task's parameters."""
        return dict(getattr(self, "param_kwargs", {}))

    def update_id(self) -> str:
        """What this work is known by."""
        return self.task_id

    def output(self) -> SQLAlchemyTarget:
        """The marker of this work."""
        return SQLAlchemyTarget(self.connection_string, self.table, self.update_id(), self.echo, self.connect_args)

    def run(self) -> Any:
        """Run the statements, in one transaction with the marker."""
        from sqlalchemy import text

        output = self.output()
        output.create_marker_table()
        values = self.query_parameters()
        with output.transaction() as connection:
            output.touch(connection)
            for statement in [self.query] if isinstance(self.query, str) else self.query:
                clause = text(statement)
                connection.execute(clause, {name: values[name] for name in clause._bindparams if name in values})


class CopyToTable(CopyWork, typed.Task):
    """A task that fills a table with what `rows` gives.

    class Prices(CopyToTable):
        day: dt.date
        connection_string = "sqlite:///data/shop.db"
        table = "prices"
        columns = [("day", sqlalchemy.Date), ("product", sqlalchemy.String(64)), ("price", sqlalchemy.Float)]
    """


class QueryTask(QueryWork, typed.Task):
    """A task that runs statements which change a database."""
