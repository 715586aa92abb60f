"""Luigi's database tasks over the databases' own drivers: PostgreSQL, MySQL (MariaDB here), Redshift, SQL Server.

Redshift itself cannot be had: its statements are compared with their documented form, and everything that PostgreSQL
understands is run there. SQL Server neither: its target is run against a stand-in for the driver's connection.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import traceback
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import luigi
from luigi.contrib import mssqldb, mysqldb, postgres, rdbms, redshift
from rumbo.errors import ConfigurationError, MissingExtraError, TaskError
from rumbo.integrations import mysql as mysql_home
from rumbo.integrations.redshift import copy_statement, create_table_statement, manifest_of, unload_statement
from rumbo.pipeline.config import Configuration, use

if TYPE_CHECKING:
    from pathlib import Path


class Login(NamedTuple):
    """How a database is reached."""

    host: str
    database: str
    user: str
    password: str


@pytest.fixture
def pg(request: pytest.FixtureRequest) -> Login:
    """A database of PostgreSQL without tables."""
    address = request.getfixturevalue("postgres")
    login = Login(f"{address.host}:{address.port}", f"test{random.randrange(10**9)}", "postgres", "secret")
    with closing(postgres.PostgresTarget(login.host, "postgres", "postgres", None, "", "").connect()) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"create database {login.database}")
    return login


@pytest.fixture
def my(mariadb: Any) -> Login:
    """A database of MariaDB without tables."""
    login = Login(f"{mariadb.host}:{mariadb.port}", f"test{random.randrange(10**9)}", "t", "pw")
    with closing(mysqldb.MySqlTarget(login.host, "d", "t", "pw", "", "").connect()) as connection:
        connection.cursor().execute(f"create database {login.database}")
    return login


def asked(target: Any, statement: str) -> list[tuple[Any, ...]]:
    with closing(target.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute(statement)
        return [tuple(row) for row in cursor.fetchall()]


def task_of(base: type, login: Login, **attributes: Any) -> Any:
    """A task of a class derived from one of Luigi's, in a database."""
    return type(base.__name__, (base,), {**login._asdict(), **attributes})()


AWKWARD = "tab\there, new\nline, back\\slash, 'quotes\" and \\N"


class LoadContract:
    """What loads into PostgreSQL and MySQL do alike."""

    base: Any

    @pytest.fixture
    def login(self) -> Login:
        raise NotImplementedError

    def load(self, login: Login, rows: Any, **attributes: Any) -> Any:
        attributes.setdefault("columns", [("id", "INT"), ("name", "VARCHAR(100)")])
        return task_of(self.base, login, table="items", rows=lambda self: rows, **attributes)

    def test_rows_and_marker_come_together(self, login: Login) -> None:
        task = self.load(login, [(1, "ä"), (2, None), (3, AWKWARD)])
        assert not task.complete()
        task.run()
        assert task.complete()
        assert asked(task.output(), "select * from items order by id") == [(1, "ä"), (2, None), (3, AWKWARD)]
        assert asked(task.output(), "select update_id, target_table from table_updates") == [(task.task_id, "items")]

    def test_an_error_leaves_nothing(self, login: Login) -> None:
        self.load(login, [(1, "before")]).run()
        broken = self.load(login, [(2, "x"), ("not a number", "y")], update_id="broken")
        with pytest.raises(Exception, match="not a number"):
            broken.run()
        assert not broken.complete()
        assert asked(broken.output(), "select id from items") == [(1,)]

    def test_hooks_are_within_the_transaction(self, login: Login) -> None:
        self.load(login, [(1, "old")]).run()

        def init_copy(task: Any, connection: Any) -> None:
            connection.cursor().execute("delete from items")

        def post_copy(task: Any, connection: Any) -> None:
            raise OSError("full")

        with pytest.raises(OSError, match="full"):
            self.load(login, [(2, "new")], update_id="b", init_copy=init_copy, post_copy=post_copy).run()
        task = self.load(login, [(2, "new")], update_id="c", init_copy=init_copy)
        assert asked(task.output(), "select id from items") == [(1,)]
        task.run()
        assert asked(task.output(), "select id from items") == [(2,)]

    def test_metadata_columns_are_added_and_filled(self, login: Login) -> None:
        task = self.load(
            login,
            [(1, "a")],
            metadata_columns=[("origin", "VARCHAR(10)")],
            metadata_queries=["update items set origin = 'here'"],
            enable_metadata_columns=True,
            columns=[("id", "INT"), ("name", "VARCHAR(100)")],
        )
        self.load(login, [], update_id="first").run()
        task.run()
        assert asked(task.output(), "select id, name, origin from items") == [(1, "a", "here")]

    def test_a_table_that_is_missing_cannot_be_made_without_types(self, login: Login) -> None:
        with pytest.raises(NotImplementedError) as caught:
            self.load(login, [(1, "a")], columns=["id", "name"]).run()
        assert str(caught.value) == (
            "There is no table items, and columns does not say the types to make it with. "
            "Write (name, type) for each column, or override create_table()."
        )

    def test_names_of_columns_are_enough_for_a_table_that_exists(self, login: Login) -> None:
        self.load(login, [(1, "a")]).run()
        task = self.load(login, [("b", 2)], columns=["name", "id"], update_id="b")
        task.run()
        assert asked(task.output(), "select id, name from items order by id") == [(1, "a"), (2, "b")]

    def test_the_input_is_split_at_tabs(self, login: Login, tmp_path: Path) -> None:
        class Lines(luigi.ExternalTask):
            def output(self) -> Any:
                return luigi.LocalTarget(tmp_path / "lines")

        (tmp_path / "lines").write_text("1\tone\n2\ttwo\n")
        task = task_of(
            self.base,
            login,
            table="items",
            columns=[("id", "INT"), ("name", "VARCHAR(100)")],
            requires=lambda self: Lines(),
        )
        task.run()
        assert asked(task.output(), "select * from items order by id") == [(1, "one"), (2, "two")]

    def test_no_table_or_columns(self, login: Login) -> None:
        with pytest.raises(TaskError) as caught:
            self.load(login, [], columns=[]).run()
        assert str(caught.value).endswith("does not say where its rows go: give the class a table and columns.")

    def test_clear_table_is_an_error(self, login: Login) -> None:
        with pytest.raises(TaskError) as caught:
            self.load(login, [(1, "a")], clear_table=True).run()
        assert str(caught.value).endswith(": clear_table has no effect. Override init_copy() to clear items.")

    def test_many_targets_touch_at_once(self, login: Login) -> None:
        target = self.load(login, []).output()
        target.touch()
        assert target.exists()
        with pytest.raises(NotImplementedError):
            target.open("r")
        assert login.password not in repr(target)
        assert str(target) == "items"


class TestPostgres(LoadContract):
    base = postgres.CopyToTable

    @pytest.fixture
    def login(self, pg: Login) -> Login:
        return pg

    def test_a_task_may_copy_in_its_own_way(self, login: Login) -> None:
        def copy(task: Any, cursor: Any, file: Any) -> None:
            cursor.copy_expert("COPY items (id, name) FROM STDIN", file)

        task = self.load(login, [(1, "own way")], copy=copy)
        task.run()
        assert asked(task.output(), "select * from items") == [(1, "own way")]

    def test_a_query_and_its_marker(self, login: Login) -> None:
        self.load(login, [(1, "a"), (2, "b")]).run()
        query = task_of(postgres.PostgresQuery, login, table="items", query="delete from items where name like '%b'")
        query.run()
        assert query.complete()
        assert asked(query.output(), "select id from items") == [(1,)]

    def test_a_query_outside_a_transaction(self, login: Login) -> None:
        self.load(login, []).run()
        query = task_of(postgres.PostgresQuery, login, table="items", query="vacuum items", autocommit=True)
        query.run()
        assert query.complete()

    def test_an_error_has_luigis_name(self, login: Login) -> None:
        target = self.load(login, []).output()
        with closing(target.connect()) as connection, pytest.raises(Exception, match="nowhere") as caught:
            connection.cursor().execute("select * from nowhere")
        assert postgres.db_error_code(caught.value) == postgres.ERROR_UNDEFINED_TABLE

    def test_the_marker_table_is_named_by_the_configuration(self, login: Login) -> None:
        configuration = Configuration()
        configuration.set("postgres", "marker-table", "done")
        before = use(configuration)
        try:
            target = self.load(login, []).output()
            target.touch()
            assert asked(target, "select target_table from done") == [("items",)]
        finally:
            use(before)

    def test_the_driver_that_the_environment_names(self, login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LUIGI_PGSQL_DRIVER", "oracle")
        with pytest.raises(ConfigurationError) as caught:
            self.load(login, []).output().connect()
        assert str(caught.value) == "LUIGI_PGSQL_DRIVER is 'oracle'; it can be psycopg2, psycopg, pg8000."

    def test_no_driver(self, login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(MissingExtraError) as caught:
            self.load(login, []).output().connect()
        assert str(caught.value) == ("PostgreSQL needs a library that is not installed: pip install 'rumbo[postgres]'")


class TestMySQL(LoadContract):
    base = mysqldb.CopyToTable

    @pytest.fixture
    def login(self, my: Login) -> Login:
        return my

    def test_rows_are_sent_in_bulk(self, login: Login) -> None:
        task = self.load(login, [(n, str(n)) for n in range(25)], bulk_size=10)
        task.run()
        assert asked(task.output(), "select count(*), sum(id) from items") == [(25, 300)]

    def test_arguments_for_the_driver(self, login: Login) -> None:
        target = mysqldb.MySqlTarget(*login, "items", "u", charset="latin1")
        assert asked(target, "select @@character_set_client") == [("latin1",)]

    def test_no_driver(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "mysql", None)
        monkeypatch.setitem(sys.modules, "pymysql", None)
        with pytest.raises(MissingExtraError) as caught:
            mysql_home._driver()
        assert str(caught.value) == "MySQL needs a library that is not installed: pip install 'rumbo[mysql]'"


LOADER = """
import os, time
from luigi.contrib import mysqldb, postgres

class Load({"postgres": postgres, "mysql": mysqldb}[os.environ["KIND"]].CopyToTable):
    host, database, user, password = os.environ["LOGIN"].split("|")
    table = "items"
    columns = [("id", "INT"), ("name", "VARCHAR(100)")]
    bulk_size = 100

    def rows(self):
        for n in range(1000):
            yield n, "x" * 50

    def post_copy(self, connection):
        print("here", flush=True)
        time.sleep(60)

Load().run()
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_a_load_that_is_killed_leaves_nothing(kind: str, request: pytest.FixtureRequest) -> None:
    login = request.getfixturevalue({"postgres": "pg", "mysql": "my"}[kind])
    env = {**os.environ, "KIND": kind, "LOGIN": "|".join(login)}
    process = subprocess.Popen([sys.executable, "-c", LOADER], env=env, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.kill()
    assert process.wait() == -signal.SIGKILL
    target = {"postgres": postgres.PostgresTarget, "mysql": mysqldb.MySqlTarget}[kind](*login, "items", "u")
    tables = asked(target, "select table_name from information_schema.tables where table_name = 'items'")
    # PostgreSQL makes the table in the transaction, MySQL before it.
    assert not tables or asked(target, "select count(*) from items") == [(0,)]
    assert asked(target, "select count(*) from table_updates") == [(0,)]


# Redshift --------------------------------------------------------------------------------------------------------

LITERAL = r"'(?:[^']|'')*'"
NAME = r"[a-z_][a-z0-9_]*"
# Amazon Redshift, Database Developer Guide: COPY, UNLOAD. What follows the authorization is a list of clauses.
COPY_GRAMMAR = re.compile(
    rf"COPY {NAME}(?:\.{NAME})?(?: \({NAME}(?:,{NAME})*\))? FROM 's3://(?:[^']|'')*' "
    rf"CREDENTIALS '(?:aws_iam_role=[^']+|aws_access_key_id=[^';]+;aws_secret_access_key=[^';]+(?:;token=[^';]+)?)'"
    rf"(?: JSON AS {LITERAL})?(?: [A-Z]+(?: {LITERAL}| \d+| ON| OFF)?)*"
)
UNLOAD_GRAMMAR = re.compile(
    rf"UNLOAD \({LITERAL}\) TO 's3://(?:[^']|'')*' CREDENTIALS '(?:aws_iam_role=[^']+|aws_access_key_id=[^']+)'"
    rf"(?: [A-Z]+(?: {LITERAL}| ON| OFF)?)*"
)
ROLE = {"aws_account_id": "123", "aws_arn_role_name": "loader"}
KEY = {"aws_access_key_id": "AK", "aws_secret_access_key": "SK"}


class TestRedshiftStatements:
    def test_copy(self) -> None:
        statement = copy_statement("s.prices", ["day", "price"], "s3://b/o'clock/", "aws_iam_role=arn", "CSV GZIP")
        assert statement == (
            "COPY s.prices (day,price) FROM 's3://b/o''clock/' CREDENTIALS 'aws_iam_role=arn' CSV GZIP"
        )
        assert COPY_GRAMMAR.fullmatch(statement)

    def test_copy_of_json(self) -> None:
        statement = copy_statement("prices", [], "s3://b/f", "aws_iam_role=arn", "IGNOREHEADER 1", "auto")
        assert statement == "COPY prices FROM 's3://b/f' CREDENTIALS 'aws_iam_role=arn' JSON AS 'auto' IGNOREHEADER 1"
        assert COPY_GRAMMAR.fullmatch(statement)

    def test_unload(self) -> None:
        statement = unload_statement(
            "select * from v where s = 'NV'", "s3://b/v_", "aws_iam_role=arn", "GZIP PARALLEL ON"
        )
        assert statement == (
            "UNLOAD ('select * from v where s = ''NV''') TO 's3://b/v_' CREDENTIALS 'aws_iam_role=arn' GZIP PARALLEL ON"
        )
        assert UNLOAD_GRAMMAR.fullmatch(statement)

    def test_create_table(self) -> None:
        assert create_table_statement(
            "t",
            [("day", "DATE", "AZ64"), ("name", "VARCHAR(9)")],
            "TEMP",
            "PRIMARY KEY (day)",
            "DISTKEY (day) SORTKEY (day)",
        ) == (
            "CREATE TEMP TABLE t (day DATE ENCODE AZ64, name VARCHAR(9), PRIMARY KEY (day)) DISTKEY (day) SORTKEY (day)"
        )

    def test_a_column_without_a_type(self) -> None:
        with pytest.raises(TaskError) as caught:
            create_table_statement("t", [("day",)])
        assert str(caught.value) == "t: a column is (name, type) or (name, type, encoding), not ('day',)."

    def test_manifest(self) -> None:
        assert manifest_of(["s3://b/1"]) == '{"entries": [{"url": "s3://b/1", "mandatory": true}]}'

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (ROLE, "aws_iam_role=arn:aws:iam::123:role/loader"),
            (KEY, "aws_access_key_id=AK;aws_secret_access_key=SK"),
            ({**KEY, "aws_session_token": "T"}, "aws_access_key_id=AK;aws_secret_access_key=SK;token=T"),
            ({**KEY, **ROLE}, "aws_iam_role=arn:aws:iam::123:role/loader"),
        ],
    )
    def test_credentials(self, given: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in given.items():
            monkeypatch.setenv(name.upper(), value)
        assert redshift._CredentialsMixin()._credentials() == expected

    def test_no_credentials(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ACCOUNT_ID", "AWS_ARN_ROLE_NAME"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(NotImplementedError) as caught:
            task_of(redshift.S3CopyToTable, Login("h", "d", "u", "p"), table="t")._credentials()
        assert str(caught.value) == (
            "S3CopyToTable() has no right to use S3. Set aws_account_id and aws_arn_role_name, or "
            "aws_access_key_id and aws_secret_access_key: in [redshift] of the configuration, "
            "in the environment (in capitals), "
            "or as attributes of the class."
        )

    def test_what_the_tasks_say(self) -> None:
        login = Login("h", "d", "u", "p")
        load = task_of(
            redshift.S3CopyToTable, login, table="t", columns=[("a", "INT"), ("b", "TEXT")], copy_options="CSV", **ROLE
        )
        assert COPY_GRAMMAR.fullmatch(load._copy_statement("s3://b/f"))
        json = task_of(
            redshift.S3CopyJSONToTable, login, table="t", jsonpath="s3://b/p", copy_json_options="GZIP", **KEY
        )
        assert json._copy_statement("s3://b/f") == (
            "COPY t FROM 's3://b/f' CREDENTIALS 'aws_access_key_id=AK;aws_secret_access_key=SK' JSON AS 's3://b/p' GZIP"
        )
        unload = task_of(
            redshift.RedshiftUnloadTask,
            login,
            table="t",
            query=lambda self: "select 'x'",
            s3_unload_path="s3://b/u",
            **ROLE,
        )
        assert UNLOAD_GRAMMAR.fullmatch(unload._statement())
        assert unload._statement().endswith(" DELIMITER '|' ADDQUOTES GZIP ALLOWOVERWRITE PARALLEL ON")


class TestRedshiftOnPostgres:
    @pytest.fixture
    def login(self, pg: Login) -> Login:
        target = redshift.RedshiftTarget(*pg, "", "")
        with closing(target.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(
                "create view pg_table_def as select tablename::text from pg_tables where schemaname = 'public'"
            )
            cursor.execute(
                "create view stv_sessions as select pid as process, datname as db_name, usename as user_name "
                "from pg_stat_activity"
            )
            connection.commit()
        return pg

    def load(self, login: Login, **attributes: Any) -> Any:
        """A load whose COPY is PostgreSQL's, since that has none from S3."""

        def copy(task: Any, cursor: Any, file: str) -> None:
            assert file == "s3://bucket/prices"
            cursor.execute(f"insert into {task.table} values ('2026-01-01', 1), ('2026-01-02', 2)")

        attributes.setdefault("columns", [("day", "DATE"), ("price", "INT")])
        attributes.setdefault("table", "prices")
        return task_of(
            redshift.S3CopyToTable, login, copy=copy, s3_load_path=lambda self: "s3://bucket/prices", **attributes
        )

    def test_a_load_makes_the_schema_and_the_table(self, login: Login) -> None:
        task = self.load(login, table="shop.prices", queries=["update shop.prices set price = price * 10"])
        task.run()
        assert task.complete()
        assert asked(task.output(), "select price from shop.prices order by 1") == [(10,), (20,)]
        assert asked(task.output(), "select target_table, inserted > now() - interval '1 day' from table_updates") == [
            ("shop.prices", True)
        ]

    def test_what_the_load_replaces_goes_first(self, login: Login) -> None:
        self.load(login).run()
        self.load(login, update_id="2", do_truncate_table=True).run()
        task = self.load(login, update_id="3", prune_table="prices", prune_column="day", prune_date="2026-01-02")
        task.run()
        assert asked(task.output(), "select price from prices order by 1") == [(1,), (1,), (2,)]

    def test_half_of_what_pruning_needs(self, login: Login) -> None:
        with pytest.raises(TaskError) as caught:
            self.load(login, prune_table="prices").run()
        assert (
            str(caught.value)
            == "S3CopyToTable(): set all of prune_table, prune_column and prune_date, or none of them."
        )

    def test_the_statement_reaches_the_database_as_built(self, login: Login) -> None:
        task = task_of(
            redshift.S3CopyToTable,
            login,
            table="t",
            columns=[("a", "INT")],
            s3_load_path=lambda self: "s3://b/f",
            **ROLE,
        )
        with pytest.raises(TaskError) as caught:
            task.run()
        assert str(caught.value) == 'S3CopyToTable(): COPY failed: syntax error at or near "CREDENTIALS"'
        assert "loader" not in "".join(traceback.format_exception(caught.value))
        assert not task.complete()

    def test_a_query(self, login: Login) -> None:
        self.load(login).run()
        query = task_of(redshift.RedshiftQuery, login, table="prices", query="delete from prices")
        query.run()
        assert query.complete()
        assert asked(query.output(), "select count(*) from prices") == [(0,)]

    def test_other_sessions_are_ended(self, login: Login) -> None:
        task = task_of(redshift.KillOpenRedshiftSessions, login)
        other = task.output().connect()
        task.run()
        assert task.complete()
        with pytest.raises(Exception, match=r"terminat|closed"):
            other.cursor().execute("select 1")


# SQL Server ------------------------------------------------------------------------------------------------------


class StandIn:
    """A connection of pymssql, as far as the target uses it; the server cannot be had here."""

    def __init__(self) -> None:
        self.markers: dict[str, str] | None = None
        self.closed = 0

    def _missing(self) -> Exception:
        error = Exception("Invalid object name")
        error.number = 208  # type: ignore[attr-defined]
        return error

    def execute_non_query(self, statement: str, values: dict[str, str] | None = None) -> None:
        if statement.startswith("CREATE TABLE table_updates "):
            if self.markers is not None:
                error = Exception("There is already an object named")
                error.number = 2714  # type: ignore[attr-defined]
                raise error
            self.markers = {}
            return
        assert statement.startswith("MERGE table_updates ")
        assert values is not None
        if self.markers is None:
            raise self._missing()
        self.markers[values["update_id"]] = values["table"]

    def execute_row(self, statement: str, values: tuple[str]) -> tuple[int] | None:
        assert statement == "SELECT 1 FROM table_updates WHERE update_id = %s"
        if self.markers is None:
            raise self._missing()
        return (1,) if values[0] in self.markers else None

    def close(self) -> None:
        self.closed += 1


class TestSqlServer:
    @pytest.fixture
    def target(self) -> Any:
        connection = StandIn()

        class Target(mssqldb.MSSqlTarget):
            def connect(self) -> Any:
                return connection

        return Target("server:1434", "d", "u", "secret", "items", "load 1")

    def test_a_marker(self, target: Any) -> None:
        assert not target.exists()
        target.touch()
        target.touch()
        assert target.exists()
        assert target.connect().markers == {"load 1": "items"}
        assert repr(target) == "Target('u@server:1434/d', 'items', 'load 1')"

    def test_no_driver(self) -> None:
        with pytest.raises(MissingExtraError) as caught:
            mssqldb.MSSqlTarget("h", "d", "u", "p", "t", "i").connect()
        assert str(caught.value) == "SQL Server needs a library that is not installed: pip install 'rumbo[mssql]'"


def test_a_class_without_a_login_cannot_be_used() -> None:
    class Half(rdbms.CopyToTable):
        host = "h"

    with pytest.raises(TypeError, match="abstract"):
        Half()
