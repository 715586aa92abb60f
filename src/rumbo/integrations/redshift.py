"""Amazon Redshift: COPY from S3 and UNLOAD to it, over PostgreSQL's wire, in one transaction with the marker.

The statements are those of Amazon's "Database Developer Guide" (COPY, UNLOAD, CREATE TABLE). `copy_statement` and its
kin build them from plain values, so that they can be looked at without a cluster. Credentials never reach a log.
"""

from __future__ import annotations

import json
import logging
import os
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from rumbo.errors import ConfigurationError, TaskError
from rumbo.integrations import rdbms
from rumbo.integrations.postgres import PostgresQueryWork, PostgresTarget
from rumbo.integrations.rdbms import ConfiguredName, LoginWork, statement_of
from rumbo.pipeline import typed
from rumbo.pipeline.config import get_config

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "CredentialsWork",
    "KillSessionsWork",
    "RedshiftQueryWork",
    "RedshiftTarget",
    "RedshiftUnloadTask",
    "RedshiftUnloadWork",
    "S3CopyJSONToTable",
    "S3CopyJSONWork",
    "S3CopyToTable",
    "S3CopyWork",
    "copy_statement",
    "create_table_statement",
    "manifest_of",
    "quoted",
    "unload_statement",
]

logger = logging.getLogger("luigi-interface")


# Statements ------------------------------------------------------------------------------------------------------


def quoted(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def copy_statement(
    table: str, columns: Sequence[str], source: str, credentials: str, options: str = "", json_paths: str | None = None
) -> str:
    """``COPY table (columns) FROM 's3://...' CREDENTIALS '...' options``.

    Args:
        table: the table, perhaps with its schema.
        columns: names; empty for all in order.
        source: a prefix of keys in S3, or a manifest.
        credentials: as CREDENTIALS takes them.
        options: further clauses.
        json_paths: ``auto``, or where the file of JSONPath expressions is; None: the data is not JSON.
    """
    names = f" ({','.join(columns)})" if columns else ""
    clauses = [f"COPY {table}{names} FROM {quoted(source)}", f"CREDENTIALS {quoted(credentials)}"]
    if json_paths is not None:
        clauses.append(f"JSON AS {quoted(json_paths)}")
    return " ".join([*clauses, options.strip()]).strip()


def unload_statement(query: str, path: str, credentials: str, options: str = "") -> str:
    """``UNLOAD ('query') TO 's3://...' CREDENTIALS '...' options``."""
    return f"UNLOAD ({quoted(query)}) TO {quoted(path)} CREDENTIALS {quoted(credentials)} {options.strip()}".strip()


def create_table_statement(
    table: str, columns: Sequence[Sequence[str]], kind: str = "", constraints: str = "", attributes: str = ""
) -> str:
    """``CREATE kind TABLE table (columns, constraints) attributes``.

    Args:
        table: the table, perhaps with its schema.
        columns: (name, type) or (name, type, encoding).
        kind: such as ``TEMP``.
        constraints: such as ``PRIMARY KEY (day)``, which Redshift notes and does not enforce.
        attributes: such as ``DISTKEY (day) SORTKEY (day)``.
    """
    for column in columns:
        if len(column) not in (2, 3):
            raise TaskError(f"{table}: a column is (name, type) or (name, type, encoding), not {column!r}.")
    defined = [f"{column[0]} {column[1]}" + (f" ENCODE {column[2]}" if len(column) == 3 else "") for column in columns]
    inside = ", ".join([*defined, *([constraints] if constraints else [])])
    return " ".join(filter(None, ["CREATE", kind, "TABLE", table, f"({inside})", attributes]))


def manifest_of(paths: Iterable[str]) -> str:
    """The manifest that names files for one COPY, each of which must be there."""
    return json.dumps({"entries": [{"url": path, "mandatory": True} for path in paths]})


# Targets and tasks -----------------------------------------------------------------------------------------------


class RedshiftTarget(PostgresTarget):
    """A load into a table of Redshift."""

    marker_table: Any = ConfiguredName("redshift")
    DEFAULT_DB_PORT = 5439
    use_db_timestamps = False


class CredentialsWork:
    """By what right the cluster reads and writes in S3: a role if one is named, else a key.

    Each value is an attribute of the task, or in ``[redshift]`` of the configuration, or a variable of the environment
    with the name in capitals.
    """

    @property
    def configuration_section(self) -> str:
        """Where the configuration has them."""
        return "redshift"

    @property
    def aws_access_key_id(self) -> str | None:
        """The key's name."""
        return self._get_configuration_attribute("aws_access_key_id")

    @property
    def aws_secret_access_key(self) -> str | None:
        """The key."""
        return self._get_configuration_attribute("aws_secret_access_key")

    @property
    def aws_account_id(self) -> str | None:
        """The account that the role is in."""
        return self._get_configuration_attribute("aws_account_id")

    @property
    def aws_arn_role_name(self) -> str | None:
        """The role."""
        return self._get_configuration_attribute("aws_arn_role_name")

    @property
    def aws_session_token(self) -> str | None:
        """Belongs to a key that is good for some hours."""
        return self._get_configuration_attribute("aws_session_token")

    def _get_configuration_attribute(self, attribute: str) -> str | None:
        value: str | None = get_config().get(self.configuration_section, attribute, None)
        return value or os.environ.get(attribute.upper())

    def _credentials(self) -> str:
        if self.aws_account_id and self.aws_arn_role_name:
            return f"aws_iam_role=arn:aws:iam::{self.aws_account_id}:role/{self.aws_arn_role_name}"
        if self.aws_access_key_id and self.aws_secret_access_key:
            token = f";token={self.aws_session_token}" if self.aws_session_token else ""
            key = f"aws_access_key_id={self.aws_access_key_id};aws_secret_access_key={self.aws_secret_access_key}"
            return key + token
        raise NoCredentials(
            f"{self} has no right to use S3. Set aws_account_id and aws_arn_role_name, or aws_access_key_id and "
            f"aws_secret_access_key: in [{self.configuration_section}] of the configuration, in the environment "
            "(in capitals), or as attributes of the class."
        )


class NoCredentials(ConfigurationError, NotImplementedError):
    """Neither a role nor a key is known."""


class S3CopyWork(CredentialsWork, rdbms.CopyWork):
    """What a task that loads files of S3 into a table does."""

    def s3_load_path(self) -> str:
        """Where the files are."""
        raise NotImplementedError(f"{type(self).__name__} does not say where its files are. Give it an s3_load_path().")

    copy_options: Any = ""
    """Further clauses of COPY, such as ``CSV IGNOREHEADER 1 TIMEFORMAT 'auto'``."""
    table_type: Any = ""
    table_attributes: Any = ""
    table_constraints: Any = ""
    do_truncate_table: Any = False
    """Empty the table first. Redshift's TRUNCATE commits at once; to be safe, delete in ``init_copy`` instead."""
    prune_table: Any = None
    prune_column: Any = None
    prune_date: Any = None
    queries: Any = ()
    """Statements after the load, in the transaction."""

    def output(self) -> RedshiftTarget:
        """The marker of this load."""
        return self._marker(RedshiftTarget, self.table)

    def do_prune(self) -> bool:
        """Whether rows from `prune_date` on are removed from `prune_table` first."""
        given = [self.prune_table, self.prune_column, self.prune_date]
        if any(given) and not all(given):
            raise TaskError(f"{self}: set all of prune_table, prune_column and prune_date, or none of them.")
        return all(given)

    def create_schema(self, connection: Any) -> None:
        """Make the table's schema, if its name has one."""
        schema, _, _ = self.table.rpartition(".")
        if schema:
            connection.cursor().execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")

    def create_table(self, connection: Any) -> None:
        """Make the table, from the types in `columns`."""
        if not self.columns or isinstance(self.columns[0], str) or len(self.columns[0]) == 1:
            super().create_table(connection)
        connection.cursor().execute(
            create_table_statement(
                self.table, self.columns, self.table_type, self.table_constraints, self.table_attributes
            )
        )

    def _has_types(self) -> bool:
        return bool(self.columns) and not isinstance(self.columns[0], str) and len(self.columns[0]) > 1

    def truncate_table(self, connection: Any) -> None:
        """Empty the table."""
        connection.cursor().execute(f"TRUNCATE {self.table}")

    def prune(self, connection: Any) -> None:
        """Remove what is as new as `prune_date` or newer."""
        connection.cursor().execute(
            f"DELETE FROM {self.prune_table} WHERE {self.prune_column} >= %s", (self.prune_date,)
        )  # fmt: skip

    def does_schema_exist(self, connection: Any) -> bool:
        """Whether the table's schema is there; true for a table without one."""
        schema, _, _ = self.table.rpartition(".")
        question = "SELECT 1 FROM pg_namespace WHERE nspname = LOWER(%s) LIMIT 1"
        return not schema or _is_there(connection, question, [schema])

    def does_table_exist(self, connection: Any) -> bool:
        """Whether the table is there."""
        schema, _, table = self.table.rpartition(".")
        if schema:
            question = (
                "SELECT 1 FROM information_schema.tables "
                "WHERE table_schema = LOWER(%s) AND table_name = LOWER(%s) LIMIT 1"
            )
            return _is_there(connection, question, [schema, table])
        # Redshift's own view knows what is on the search path.
        return _is_there(connection, "SELECT 1 FROM pg_table_def WHERE tablename = LOWER(%s) LIMIT 1", [table])

    def init_copy(self, connection: Any) -> None:
        """Make what is missing, and remove what the load replaces."""
        if not self.does_schema_exist(connection):
            self.create_schema(connection)
        if not self.does_table_exist(connection):
            logger.info("Creating table %s", self.table)
            self.create_table(connection)
        super().init_copy(connection)
        if self.do_truncate_table:
            self.truncate_table(connection)
        if self.do_prune():
            self.prune(connection)

    def copy(self, cursor: Any, f: Any) -> Any:
        """Let the cluster read the files that are at a path."""
        logger.info("Inserting %s into %s.", f, self.table)
        _execute(cursor, self._copy_statement(f), self)

    def _copy_statement(self, source: str) -> str:
        names = self._column_names() if self.columns else []
        return copy_statement(self.table, names, source, self._credentials(), self.copy_options)

    def post_copy(self, cursor: Any) -> None:
        """Run `queries`."""
        for query in self.queries:
            cursor.execute(query)

    def post_copy_metacolums(self, cursor: Any) -> None:
        """The same as `post_copy_metacolumns`."""
        self.post_copy_metacolumns(cursor)

    def run(self) -> Any:
        """Load the files, in one transaction with the marker."""
        output = self.output()
        output.create_marker_table()
        with closing(output.connect()) as connection:
            cursor = connection.cursor()
            self.init_copy(connection)
            self.copy(cursor, self.s3_load_path())
            self.post_copy(cursor)
            if self.enable_metadata_columns:
                self.post_copy_metacolumns(cursor)
            output.touch(connection)
            connection.commit()


def _execute(cursor: Any, statement: str, task: Any) -> None:
    """Run a statement with credentials in it, which drivers show in their errors after the first line."""
    try:
        cursor.execute(statement)
    except Exception as error:  # noqa: BLE001 - all of the driver's, told again without its text
        kind, _, _ = str(error).partition("\n")
        raise TaskError(f"{task}: {statement.partition(' ')[0]} failed: {kind}") from None


def _is_there(connection: Any, question: str, values: Sequence[str]) -> bool:
    cursor = connection.cursor()
    cursor.execute(question, values)
    return cursor.fetchone() is not None


class S3CopyJSONWork(S3CopyWork):
    """What a task that loads JSON of S3 into a table does."""

    jsonpath: Any = "auto"
    """Where the file of JSONPath expressions is; ``auto`` takes keys by the names of the columns."""
    copy_json_options: Any = ""
    """Further clauses of COPY, such as ``GZIP``."""

    def _copy_statement(self, source: str) -> str:
        options = f"{self.copy_json_options} {self.copy_options}"
        return copy_statement(self.table, [], source, self._credentials(), options, self.jsonpath)


class RedshiftQueryWork(PostgresQueryWork):
    """What a task that runs a statement in Redshift does."""

    def output(self) -> RedshiftTarget:
        """The marker of this statement."""
        return self._marker(RedshiftTarget, self.table)


class RedshiftUnloadWork(CredentialsWork, RedshiftQueryWork):
    """What a task that writes a query's result to S3 does."""

    s3_unload_path: Any = ""
    """Where the files go: the beginning of their keys."""
    unload_options: Any = "DELIMITER '|' ADDQUOTES GZIP ALLOWOVERWRITE PARALLEL ON"

    @property
    def unload_query(self) -> str:
        """A statement of one's own, with ``{query}``, ``{s3_unload_path}``, ``{credentials}``, ``{unload_options}``."""
        return ""

    def _statement(self) -> str:
        query = statement_of(self.query)
        if self.unload_query:
            return self.unload_query.format(
                query=query.replace("'", "''"),
                s3_unload_path=self.s3_unload_path,
                unload_options=self.unload_options,
                credentials=self._credentials(),
            )
        return unload_statement(query, self.s3_unload_path, self._credentials(), self.unload_options)

    def run(self) -> Any:
        """Write the files, and then the marker."""
        output = self.output()
        output.create_marker_table()
        with closing(output.connect()) as connection:
            _execute(connection.cursor(), self._statement(), self)
            output.touch(connection)
            connection.commit()


class KillSessionsWork(LoginWork):
    """What a task that ends all other sessions in a database does, so that none blocks what comes next."""

    if TYPE_CHECKING:
        connection_reset_wait_seconds: Any

    def output(self) -> RedshiftTarget:
        """The marker of this."""
        return self._marker(RedshiftTarget, type(self).__name__)

    def run(self) -> Any:
        """End the sessions, but for ours and the cluster's own."""
        output = self.output()
        connection = output.connect()
        try:
            connection.cursor().execute(
                "SELECT pg_terminate_backend(process) FROM stv_sessions "
                "WHERE db_name = %s AND user_name != 'rdsdb' AND process != pg_backend_pid()",
                (self.database,),
            )
            connection.commit()
        except Exception as error:
            if "EOF" not in str(error):
                raise
            # Sometimes our own session goes too, and Redshift wants some time before the next.
            connection.close()
            logger.info("Waiting %s s for Redshift to take connections again.", self.connection_reset_wait_seconds)
            time.sleep(self.connection_reset_wait_seconds)
            connection = output.connect()
        with closing(connection):
            output.touch(connection)
            connection.commit()


class S3CopyToTable(S3CopyWork, typed.Task):
    """A task that loads files of S3 into a table of Redshift."""


class S3CopyJSONToTable(S3CopyJSONWork, typed.Task):
    """A task that loads JSON of S3 into a table of Redshift."""


class RedshiftUnloadTask(RedshiftUnloadWork, typed.Task):
    """A task that writes a query's result to S3."""
