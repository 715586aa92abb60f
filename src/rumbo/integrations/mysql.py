"""Loads into MySQL and MariaDB over their driver: INSERT of many rows, in one transaction with the marker."""

from __future__ import annotations

import logging
from contextlib import closing
from itertools import islice
from typing import Any

from rumbo.errors import MissingExtraError
from rumbo.integrations.rdbms import ConfiguredName, CopyWork, MarkerTarget
from rumbo.integrations.reaching import reach

__all__ = ["MySqlCopyWork", "MySqlTarget"]

logger = logging.getLogger("luigi-interface")

_NO_SUCH_TABLE = 1146


def _driver() -> Any:
    """MySQL's own driver, which Luigi's programs expect; else PyMySQL, which takes the arguments in common use."""
    try:
        import mysql.connector as driver
    except ImportError:
        try:
            import pymysql as driver
        except ImportError:
            raise MissingExtraError("MySQL", "mysql") from None
    return driver


def _number_of(error: BaseException) -> int | None:
    number = getattr(error, "errno", None)
    if number is None and error.args and isinstance(error.args[0], int):
        number = error.args[0]
    return number


class MySqlTarget(MarkerTarget):
    """A load into a table of MySQL.

    Args:
        cnx_kwargs: further arguments for the driver's ``connect``.
    """

    marker_table: Any = ConfiguredName("mysql")
    DEFAULT_DB_PORT = 3306
    _create_marker = (
        "CREATE TABLE IF NOT EXISTS {marker_table} (id BIGINT NOT NULL AUTO_INCREMENT, "
        "update_id VARCHAR(255) NOT NULL, target_table VARCHAR(255), inserted TIMESTAMP DEFAULT NOW(), "
        "PRIMARY KEY (update_id), KEY id (id))"
    )
    _insert_marker = (
        "INSERT INTO {marker_table} (update_id, target_table) VALUES (%s, %s) "
        "ON DUPLICATE KEY UPDATE update_id = VALUES(update_id)"
    )

    def __init__(
        self, host: str, database: str, user: str, password: str, table: str, update_id: str, **cnx_kwargs: Any
    ) -> None:
        super().__init__(host, database, user, password, table, update_id, cnx_kwargs.pop("port", None))
        self.cnx_kwargs = cnx_kwargs

    def connect(self, autocommit: bool = False) -> Any:
        """A new connection."""
        driver = _driver()

        def connect() -> Any:
            return driver.connect(
                user=self.user,
                password=self.password,
                host=self.host,
                port=self.port,
                database=self.database,
                autocommit=autocommit,
                **self.cnx_kwargs,
            )

        return reach(connect, driver.Error, self._address)

    def _is_missing_table(self, error: Exception) -> bool:
        return _number_of(error) == _NO_SUCH_TABLE

    def _set_autocommit(self, connection: Any) -> None:
        # In PyMySQL it is a method, in MySQL's driver a property.
        if callable(connection.autocommit):
            connection.autocommit(True)
        else:
            connection.autocommit = True


class MySqlCopyWork(CopyWork):
    """What a task that fills a table of MySQL does."""

    def output(self) -> MySqlTarget:
        """The marker of this load."""
        return self._marker(MySqlTarget, self.table)

    @property
    def bulk_size(self) -> int:
        """Rows that are sent at once."""
        return 10_000

    def copy(self, cursor: Any, file: Any = None) -> Any:
        """Send the rows."""
        names = self._column_names()
        query = f"INSERT INTO {self.table} ({','.join(names)}) VALUES ({','.join(['%s'] * len(names))})"
        rows = iter(self.rows())
        while some := [self._nulled(row) for row in islice(rows, self.bulk_size)]:
            cursor.executemany(query, some)

    def _nulled(self, row: Any) -> list[Any]:
        return [None if value in self.null_values else value for value in row]

    def run(self) -> Any:
        """Fill the table, which is made if it is missing, in one transaction with the marker."""
        self._check()
        output = self.output()
        output.create_marker_table()
        with closing(output.connect()) as connection:
            try:
                self._load(connection, connection.cursor(), None)
            except Exception as error:
                if _number_of(error) != _NO_SUCH_TABLE:
                    raise
                logger.info("Creating table %s", self.table)
                connection.rollback()
                self.create_table(connection)
                self._load(connection, connection.cursor(), None)
            output.touch(connection)
            connection.commit()
