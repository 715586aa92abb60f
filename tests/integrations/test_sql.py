"""Loads into real databases: all rows with their marker or none, whatever happens in between."""

from __future__ import annotations

import datetime as dt
import os
import random
import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import rumbo
from luigi.contrib import sqla as twin
from rumbo.errors import ConfigurationError, MissingExtraError, TaskError
from rumbo.integrations.sql import CopyToTable, QueryTask, SQLAlchemyTarget

if TYPE_CHECKING:
    from pathlib import Path

    from rumbo.pipeline.config import Configuration

DATABASES = ["sqlite", "duckdb", "postgres", "mariadb"]


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return url_of(request.param, request, tmp_path)


def url_of(database: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """A database without tables."""
    if database in ("sqlite", "duckdb"):
        (folder / "data").mkdir(exist_ok=True)
    if database == "sqlite":
        return f"sqlite:///{folder}/data/warehouse.db"
    if database == "duckdb":
        pytest.importorskip("duckdb_engine")
        return f"duckdb:///{folder}/data/warehouse.duckdb"
    address = request.getfixturevalue(database)
    name = f"test{random.randrange(10**9)}"
    if database == "postgres":
        server = f"postgresql://postgres@{address.host}:{address.port}"
        execute(f"{server}/postgres", f"create database {name}", autocommit=True)
        return f"{server}/{name}"
    server = f"mysql://t:pw@{address.host}:{address.port}"
    execute(f"{server}/d", f"create database {name}", autocommit=True)
    return f"{server}/{name}"


def execute(url: str, statement: str, autocommit: bool = False) -> None:
    engine = SQLAlchemyTarget(url, "", "").engine
    options = {"isolation_level": "AUTOCOMMIT"} if autocommit else {}
    with engine.connect().execution_options(**options) as connection:
        connection.execute(sa.text(statement))
        if not autocommit:
            connection.commit()


def rows_of(url: str, statement: str) -> list[tuple[Any, ...]]:
    with SQLAlchemyTarget(url, "", "").engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(statement))]


def count_of(url: str, table: str) -> int:
    return int(rows_of(url, f"select count(*) from {table}")[0][0])


class Prices(CopyToTable):
    url: str
    given: tuple[tuple[str, ...], ...] = (("1", "tea", "2.50"), ("2", "cöffee\tstrong \\ \"x\" 'y'", ""))

    table = "prices"
    columns = [("id", sa.Integer), ("product", sa.String(64)), ("price", sa.Numeric(10, 2))]
    chunk_size = 2

    @property
    def connection_string(self) -> str:
        return self.url

    def rows(self) -> Any:
        return self.given


class EveryType(CopyToTable):
    url: str
    table = "every type"
    columns = [
        sa.Column("a day", sa.Date, primary_key=True),
        ("moment", sa.DateTime),
        ("amount", sa.Numeric(10, 3)),
        ("share", sa.Float),
        ("is_open", sa.Boolean),
        ("text", sa.Text),
    ]

    @property
    def connection_string(self) -> str:
        return self.url

    def rows(self) -> Any:
        yield ["2026-01-31", "2026-01-31 12:30:00", "1.125", "0.5", "yes", ""]
        yield [dt.date(2026, 2, 1), dt.datetime(2026, 2, 1, 9), Decimal("-3"), 0.25, False, None]


class TestLoad:
    def test_rows_and_marker_come_together(self, url: str) -> None:
        task = Prices(url=url)
        assert not task.complete()
        task.run()
        assert task.complete()
        assert rows_of(url, "select id, product, price from prices order by id") == [
            (1, "tea", Decimal("2.50")),
            (2, "cöffee\tstrong \\ \"x\" 'y'", None),
        ]
        assert rows_of(url, "select update_id, target_table from table_updates") == [(task.task_id, "prices")]

    def test_asking_makes_nothing(self, url: str, tmp_path: Path) -> None:
        assert not Prices(url=url).output().exists()
        assert list(tmp_path.glob("data/*")) == []

    def test_the_folder_of_a_file_is_made(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path}/new/folder/w.db"
        assert not Prices(url=url).complete()
        Prices(url=url).run()
        assert Prices(url=url).complete()

    def test_values_have_the_types_of_their_columns(self, url: str) -> None:
        EveryType(url=url).run()
        table = EveryType(url=url)
        table.create_table(table.output().engine)
        with table.output().engine.connect() as connection:
            found = [tuple(row) for row in connection.execute(sa.select(table.table_bound).order_by("a day"))]
        assert found == [
            (dt.date(2026, 1, 31), dt.datetime(2026, 1, 31, 12, 30), Decimal("1.125"), 0.5, True, ""),
            (dt.date(2026, 2, 1), dt.datetime(2026, 2, 1, 9), Decimal("-3"), 0.25, False, None),
        ]

    def test_an_error_in_the_middle_leaves_nothing(self, url: str) -> None:
        class Failing(Prices):
            def rows(self) -> Any:
                yield from [(1, "a", 1), (2, "b", 2), (3, "c", 3)]
                raise OSError("the source is gone")

        with pytest.raises(OSError, match="the source is gone"):
            Failing(url=url).run()
        assert count_of(url, "prices") == 0
        assert not Failing(url=url).complete()

    def test_what_a_load_replaces_goes_in_the_same_transaction(self, url: str) -> None:
        class Replacing(Prices):
            fails: bool

            def init_copy(self, connection: sa.Connection) -> None:
                connection.execute(sa.delete(self.table_bound))

            def post_copy(self, connection: sa.Connection) -> None:
                assert connection.execute(sa.text("select count(*) from prices")).scalar() == 1
                if self.fails:
                    raise OSError

        Prices(url=url).run()
        with pytest.raises(OSError):
            Replacing(url=url, given=(("9", "new", "1"),), fails=True).run()
        assert count_of(url, "prices") == 2
        Replacing(url=url, given=(("9", "new", "1"),), fails=False).run()
        assert rows_of(url, "select id from prices") == [(9,)]

    def test_a_table_that_exists_is_taken_as_it_is(self, url: str) -> None:
        class Reflecting(Prices):
            columns = ()
            reflect = True

            def rows(self) -> Any:  # of DuckDB only the names of columns can be had, so no text is converted
                return [(1, "tea", Decimal(2)), (2, "milk", None)]

        execute(url, "create table prices (id integer, product varchar(64), price numeric(10, 2))")
        Reflecting(url=url).run()
        assert count_of(url, "prices") == 2

    def test_the_same_load_twice_at_once_is_made_once(self, url: str) -> None:
        if url.startswith("duckdb"):
            pytest.skip("DuckDB lets one process write at a time")
        first_is_in = threading.Event()
        go_on = threading.Event()

        class Slow(Prices):
            def rows(self) -> Any:
                if not first_is_in.is_set():
                    first_is_in.set()
                    go_on.wait(20)
                return self.given

        errors: list[BaseException] = []

        def load() -> None:
            try:
                Slow(url=url).run()
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=load) for _ in range(2)]
        threads[0].start()
        assert first_is_in.wait(20)
        threads[1].start()
        go_on.set()
        for thread in threads:
            thread.join(60)
        # The second may also have begun when the first had ended: then it replaced the marker and added its rows.
        assert (len(errors), count_of(url, "prices")) in [(1, 2), (0, 4)]

    def test_many_loads_make_the_tables_at_once(self, url: str) -> None:
        if url.startswith(("duckdb", "sqlite")):
            pytest.skip("one writer at a time")
        tasks = [Prices(url=url, given=((str(n), "x", "1"),)) for n in range(8)]
        threads = [threading.Thread(target=task.run) for task in tasks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert count_of(url, "prices") == 8
        assert all(task.complete() for task in tasks)

    def test_the_marker_tells_when(self, url: str) -> None:
        before = time.time()
        target = Prices(url=url).output()
        assert target.modified() is None
        Prices(url=url).run()
        modified = target.modified()
        assert modified is not None
        assert before - 2 < modified < time.time() + 2

    def test_touching_again_is_no_error(self, url: str) -> None:
        target = SQLAlchemyTarget(url, "anything", "by hand")
        target.touch()
        target.touch()
        assert target.exists()
        assert not SQLAlchemyTarget(url, "something else", "by hand").exists()

    @pytest.mark.slow
    def test_loads_in_several_processes(self, url: str) -> None:
        result = rumbo.build(
            [Prices(url=url, given=((str(n), "x", "1"),)) for n in range(4)], workers=2, executor="processes"
        )
        assert result.ok, result.summary()
        assert count_of(url, "prices") == 4


class Renamed(QueryTask):
    url: str
    product: str
    table = "prices"
    query = ["update prices set product = :product where id = 1", "delete from prices where id <> 1"]

    @property
    def connection_string(self) -> str:
        return self.url


class TestQuery:
    def test_statements_and_marker_come_together(self, url: str) -> None:
        Prices(url=url).run()
        task = Renamed(url=url, product="o'clock; drop table prices")
        task.run()
        assert rows_of(url, "select id, product from prices") == [(1, "o'clock; drop table prices")]
        assert task.complete()

    def test_an_error_leaves_nothing(self, url: str) -> None:
        class Broken(Renamed):
            query = ["delete from prices", "delete from nowhere"]

        Prices(url=url).run()
        with pytest.raises(sa.exc.DBAPIError):
            Broken(url=url, product="").run()
        assert count_of(url, "prices") == 2
        assert not Broken(url=url, product="").complete()


LOADER = """
import os, sys, time
import sqlalchemy as sa
from rumbo.integrations.sql import CopyToTable

class Load(CopyToTable):
    connection_string = os.environ["DATABASE"]
    table = "numbers"
    columns = [("n", sa.Integer), ("text", sa.String(40))]
    chunk_size = 100

    def rows(self):
        stop_at = int(os.environ["STOP_AT"])
        for n in range(2000):
            if n == stop_at:
                print("here", flush=True)
                time.sleep(60)
            yield n, "x" * 40

    def post_copy(self, connection):
        if os.environ["STOP_AT"] == "2000":
            print("here", flush=True)
            time.sleep(60)

if __name__ == "__main__":
    Load().run()
"""


@pytest.mark.slow
class TestKilled:
    """A process that is killed with SIGKILL in the middle of a load."""

    def start(self, url: str, folder: Path, stop_at: int) -> subprocess.Popen[str]:
        (folder / "loader.py").write_text(LOADER)
        env = {**os.environ, "DATABASE": url, "STOP_AT": str(stop_at)}
        return subprocess.Popen([sys.executable, "loader.py"], cwd=folder, env=env, stdout=subprocess.PIPE, text=True)

    @pytest.mark.parametrize("stop_at", [1000, 2000], ids=["half of them", "after the last row"])
    def test_it_leaves_no_row_and_no_marker_and_the_next_one_makes_all(
        self, url: str, tmp_path: Path, stop_at: int
    ) -> None:
        process = self.start(url, tmp_path, stop_at)
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.kill()
        assert process.wait() == -signal.SIGKILL
        assert count_of(url, "numbers") == 0
        assert count_of(url, "table_updates") == 0
        again = self.start(url, tmp_path, -1)
        assert again.wait(timeout=60) == 0
        assert count_of(url, "numbers") == 2000
        assert count_of(url, "table_updates") == 1

    @pytest.mark.parametrize("database", ["postgres", "sqlite", "mariadb"])
    def test_whenever_it_dies_the_rows_are_all_there_exactly_when_the_marker_is(
        self, database: str, request: pytest.FixtureRequest, tmp_path: Path
    ) -> None:
        url = url_of(database, request, tmp_path)
        chance = random.Random(5)
        for _ in range(3):
            process = self.start(url, tmp_path, -1)
            time.sleep(0.4 + chance.random() * 0.8)
            process.kill()
            process.wait()
            if "table_updates" not in sa.inspect(SQLAlchemyTarget(url, "", "").engine).get_table_names():
                continue
            deadline = time.monotonic() + 30
            loads = count_of(url, "table_updates")
            while count_of(url, "numbers") != 2000 * loads and time.monotonic() < deadline:
                loads = count_of(url, "table_updates")  # it was committed between the two questions
            assert count_of(url, "numbers") == 2000 * loads
            execute(url, "delete from numbers")
            execute(url, "delete from table_updates")


class TestMistakes:
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/w.db"

    def test_text_that_is_no_number(self, url: str) -> None:
        with pytest.raises(TaskError) as caught:
            Prices(url=url, given=(("1", "tea", "2"), ("2", "milk", "cheap"))).run()
        assert str(caught.value).endswith(": row 2 does not fit into prices: price wants a number, not 'cheap'.")

    def test_too_many_values(self, url: str) -> None:
        with pytest.raises(TaskError) as caught:
            Prices(url=url, given=(("1", "tea", "2", "3"),)).run()
        assert str(caught.value).endswith(": row 1 has 4 values for the 3 columns of prices.")

    def test_no_columns(self, url: str) -> None:
        class Columnless(Prices):
            columns = ()

        with pytest.raises(NotImplementedError) as caught:
            Columnless(url=url).run()
        assert str(caught.value) == (
            "Columnless does not say what columns prices has. "
            "List them in columns, or set reflect = True if the table exists."
        )

    def test_a_table_cannot_be_opened(self, url: str) -> None:
        with pytest.raises(NotImplementedError) as caught:
            SQLAlchemyTarget(url, "prices", "x").open("r")
        assert str(caught.value) == (
            "prices is a table and cannot be opened. Read it with a query: target.engine is a connection to it."
        )

    def test_a_driver_that_is_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(MissingExtraError) as caught:
            _ = SQLAlchemyTarget("postgresql+psycopg://nobody@127.0.0.1/none", "t", "u").engine
        assert str(caught.value) == (
            "A database at postgresql:// needs a library that is not installed: pip install 'rumbo[postgres]'"
        )

    def test_a_dialect_that_is_not_installed(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            _ = SQLAlchemyTarget("dbase4://me:secret@disk", "t", "u").engine
        assert str(caught.value) == (
            "dbase4://me:***@disk: there is no dialect 'dbase4'. Install the library that brings it."
        )

    def test_a_password_is_not_shown(self) -> None:
        target = SQLAlchemyTarget("postgresql://me:secret@db/w", "prices", "u")
        assert repr(target) == "SQLAlchemyTarget('postgresql://me:***@db/w', 'prices', 'u')"
        assert str(target) == "prices"

    def test_a_database_that_does_not_answer_is_tried_again(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        from server_process import unused_port

        monkeypatch.setattr("rumbo.integrations.reaching.PAUSES", (0.0, 0.01))
        port = unused_port()
        target = SQLAlchemyTarget(f"postgresql://me:secret@127.0.0.1:{port}/w", "prices", "u")
        with pytest.raises(sa.exc.OperationalError):
            target.touch()
        shown = f"postgresql+psycopg://me:***@127.0.0.1:{port}/w does not answer; trying again in "
        assert caplog.messages == [shown + "0 s.", shown + "0.01 s."]


class TestLuigisNames:
    def test_columns_and_rows_as_luigi_writes_them(self, tmp_path: Path) -> None:
        class Old(twin.CopyToTable):
            connection_string = f"sqlite:///{tmp_path}/w.db"
            table = "items"
            columns = [(["id", sa.Integer], {"primary_key": True}), (["name", sa.String(64)], {})]

            def rows(self) -> Any:
                return [(1, "one"), (2, "two")]

            def copy(self, conn: Any, ins_rows: Any, table_bound: Any) -> None:
                self.seen = ins_rows
                super().copy(conn, ins_rows, table_bound)

        task = Old()
        task.run()
        assert task.complete()
        assert task.seen == [{"_id": 1, "_name": "one"}, {"_id": 2, "_name": "two"}]
        assert isinstance(task.output(), twin.SQLAlchemyTarget)
        assert rows_of(Old.connection_string, "select * from items") == [(1, "one"), (2, "two")]

    def test_the_input_is_split_at_tabs(self, tmp_path: Path) -> None:
        import luigi

        class Lines(luigi.ExternalTask):
            def output(self) -> Any:
                return luigi.LocalTarget(tmp_path / "lines")

        class Old(twin.CopyToTable):
            connection_string = f"sqlite:///{tmp_path}/w.db"
            table = "items"
            columns = [(["id", sa.Integer], {}), (["name", sa.String(64)], {})]

            def requires(self) -> Any:
                return Lines()

        (tmp_path / "lines").write_text("1\tone\n2\ttwo\n")
        Old().run()
        assert rows_of(Old.connection_string, "select * from items") == [(1, "one"), (2, "two")]

    def test_the_marker_table_is_named_by_the_configuration(self, tmp_path: Path, configuration: Configuration) -> None:
        configuration.set("sqlalchemy", "marker-table", "done")
        url = f"sqlite:///{tmp_path}/w.db"
        twin.SQLAlchemyTarget(url, "t", "u").touch()
        assert rows_of(url, "select update_id from done") == [("u",)]
