"""Markers in Microsoft SQL Server, over pymssql's low-level connection."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from rumbo.errors import MissingExtraError
from rumbo.integrations.rdbms import ConfiguredName, MarkerTarget

__all__ = ["MSSqlTarget"]

_NO_SUCH_TABLE = 208
_TABLE_EXISTS = 2714


class MSSqlTarget(MarkerTarget):
    """A load into a table of SQL Server. Each statement is a transaction of its own."""

    marker_table: Any = ConfiguredName("mssql")
    DEFAULT_DB_PORT = 1433

    def connect(self) -> Any:
        """A new connection, with ``execute_non_query`` and ``execute_row``."""
        try:
            from pymssql import _mssql
        except ImportError:
            raise MissingExtraError("SQL Server", "mssql") from None
        return _mssql.connect(
            user=self.user, password=self.password, server=self.host, port=self.port, database=self.database
        )

    def _is_missing_table(self, error: Exception) -> bool:
        return getattr(error, "number", None) == _NO_SUCH_TABLE

    def _set_autocommit(self, connection: Any) -> None:
        """Nothing to do: such a connection has no other way."""

    def exists(self, connection: Any = None) -> bool:
        """Whether the marker is there."""
        if connection is None:
            with closing(self.connect()) as connection:
                return self.exists(connection)
        try:
            row = connection.execute_row(
                f"SELECT 1 FROM {self.marker_table} WHERE update_id = %s", (self.update_id,)
            )  # fmt: skip
        except Exception as error:
            if self._is_missing_table(error):
                return False
            raise
        return row is not None

    def touch(self, connection: Any = None) -> None:
        """Write the marker."""
        self.create_marker_table()
        if connection is None:
            with closing(self.connect()) as connection:
                self._write_marker(connection)
            return
        self._write_marker(connection)

    def _write_marker(self, connection: Any) -> None:
        connection.execute_non_query(
            f"MERGE {self.marker_table} AS marker USING (SELECT %(update_id)s AS update_id) AS ours "
            "ON marker.update_id = ours.update_id "
            "WHEN MATCHED THEN UPDATE SET target_table = %(table)s, inserted = GETDATE() "
            "WHEN NOT MATCHED THEN INSERT (update_id, target_table) VALUES (%(update_id)s, %(table)s);",
            {"update_id": self.update_id, "table": self.table},
        )

    def create_marker_table(self) -> None:
        """Make the marker table if it is missing."""
        with closing(self.connect()) as connection:
            try:
                connection.execute_non_query(
                    f"CREATE TABLE {self.marker_table} (id BIGINT NOT NULL IDENTITY(1,1), "
                    "update_id VARCHAR(255) NOT NULL PRIMARY KEY, target_table VARCHAR(255), "
                    "inserted DATETIME DEFAULT(GETDATE()))"
                )
            except Exception as error:
                if getattr(error, "number", None) != _TABLE_EXISTS:
                    raise
