"""Tables of PostgreSQL, filled by COPY."""

from __future__ import annotations

import os
from typing import Any

from luigi.contrib import rdbms
from rumbo.integrations.postgres import (
    MultiReplacer,
    PostgresCopyWork,
    PostgresQueryWork,
    PostgresTarget,
    default_escape,
    logger,
    sqlstate_of,
)

__all__ = [
    "DB_DRIVER",
    "DB_ERROR_CODES",
    "ERROR_DUPLICATE_TABLE",
    "ERROR_UNDEFINED_TABLE",
    "CopyToTable",
    "MultiReplacer",
    "PostgresQuery",
    "PostgresTarget",
    "db_error_code",
    "default_escape",
    "logger",
]

DB_DRIVER = os.environ.get("LUIGI_PGSQL_DRIVER", "psycopg2")
ERROR_DUPLICATE_TABLE = "duplicate_table"
ERROR_UNDEFINED_TABLE = "undefined_table"
DB_ERROR_CODES = {"42P07": ERROR_DUPLICATE_TABLE, "42P01": ERROR_UNDEFINED_TABLE}


def db_error_code(exception: BaseException) -> str | None:
    """What kind of error it is, of those that loads care about."""
    return DB_ERROR_CODES.get(sqlstate_of(exception) or "")


class CopyToTable(PostgresCopyWork, rdbms.CopyToTable):
    """A task that fills a table of PostgreSQL."""


class PostgresQuery(PostgresQueryWork, rdbms.Query):
    """A task that runs a statement in PostgreSQL."""

    def run(self) -> Any:
        """Run the statement, in one transaction with its marker."""
        return PostgresQueryWork.run(self)
