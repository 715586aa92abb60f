"""Hive by its command line: a stand-in that notes what it is asked, and Spark's, which takes the same options."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import luigi
from integrations.data_services import big
from luigi.contrib import hive
from rumbo.errors import TargetError, TaskError
from rumbo.integrations.hive import HivePartitionTarget, HiveQueryTask

if TYPE_CHECKING:
    from rumbo.pipeline.config import Configuration


@pytest.fixture
def configuration(configuration: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    """What is configured for this test, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return configuration


class Query(hive.HiveQueryTask):
    n_reduce_tasks = 3
    bytes_per_reducer = 4
    reducers_max = 5

    def query(self) -> str:
        return "insert into sales select 1;"

    def hivevars(self) -> Any:
        return {"day": "2026-01-01"}

    def hiverc(self) -> Any:
        return ["one.rc", "two.rc"]

    def output(self) -> Any:
        return luigi.LocalTarget("deep/folder/result")


class TestCommand:
    @pytest.fixture
    def asked(self, configuration: Configuration, tmp_path: Path) -> Path:
        """What the stand-in was asked; it answers with what is in the file `answer`."""
        program = tmp_path / "hive"
        program.write_text(
            '#!/bin/sh\nprintf "%s\\n" "$@" >> asked\nif [ "$1" = -f ]; then cat "$2" > query; fi\n'
            "cat answer 2>/dev/null\ncat error >&2 2>/dev/null\ntest ! -e error\n"
        )
        program.chmod(0o755)
        configuration.set("hive", "command", str(program))
        return tmp_path / "asked"

    def test_a_query(self, asked: Path) -> None:
        task = Query(pool="nightly")
        task.run()
        assert Path("query").read_text() == "insert into sales select 1;"
        assert Path("deep/folder").is_dir()
        words = asked.read_text().splitlines()
        assert words[0] == "-f"
        assert words[2:] == [
            "-i", "one.rc", "-i", "two.rc", "--hiveconf", f"mapred.job.name='{task.task_id}'",
            "--hiveconf", "mapred.reduce.tasks=3", "--hiveconf", "mapred.fairscheduler.pool=nightly",
            "--hiveconf", "hive.exec.reducers.bytes.per.reducer=4", "--hiveconf", "hive.exec.reducers.max=5",
            "--hivevar", "day=2026-01-01",
        ]  # fmt: skip

    def test_a_task_with_typed_parameters(self, asked: Path) -> None:
        class Load(HiveQueryTask):
            day: str
            pool = "nightly"

            def query(self) -> str:
                return "select '${day}'"

            def hivevars(self) -> Any:
                return {"day": self.day}

        task = Load(day="monday")
        task.run()
        assert asked.read_text().splitlines()[2:] == [
            "--hiveconf", f"mapred.job.name='{task.task_id}'", "--hiveconf", "mapred.fairscheduler.pool=nightly",
            "--hivevar", "day=monday",
        ]  # fmt: skip

    @pytest.mark.parametrize(("answer", "is_there"), [("sales\n", True), ("", False), ("sales_old\n", False)])
    def test_a_table(self, asked: Path, answer: str, is_there: bool) -> None:
        Path("answer").write_text(answer)
        assert hive.HiveTableTarget("sales", "shop").exists() is is_there
        assert asked.read_text() == '-e\nuse shop; show tables like "sales";\n'

    @pytest.mark.parametrize(("answer", "is_there"), [("day=1/hour=2\n", True), ("", False)])
    def test_a_partition(self, asked: Path, answer: str, is_there: bool) -> None:
        Path("answer").write_text(answer)
        target = hive.ExternalHiveTask(table="sales", partition={"hour": "2", "day": "1"}).output()
        assert target.exists() is is_there
        assert asked.read_text() == "-e\nuse default; show partitions sales partition (`day`='1',`hour`='2')\n"

    def test_where_a_table_is(self, asked: Path) -> None:
        Path("answer").write_text("# Detailed\nLocation:           \thdfs://n/warehouse/sales\t \nOwner: me\n")
        assert hive.HiveTableTarget("sales").path == "hdfs://n/warehouse/sales"
        Path("answer").write_text("")
        with pytest.raises(TargetError) as caught:
            _ = hive.HivePartitionTarget("sales", {"day": 1}).path
        assert str(caught.value) == "Hive does not say where default.sales/day=1 is. Is it there?"

    def test_columns(self, asked: Path) -> None:
        Path("answer").write_text("id \tint \nname\tstring\n")
        assert hive.client.table_schema("sales") == [("id", "int"), ("name", "string")]
        Path("answer").write_text("Table sales does not exist")
        assert hive.client.table_schema("sales") is None

    def test_an_error(self, asked: Path) -> None:
        Path("error").write_text("FAILED: SemanticException no table sales")
        with pytest.raises(hive.HiveCommandError, match="no table sales"):
            hive.HivePartitionTarget("sales", {"day": 1}).exists()

    def test_another_release_ends_with_an_error_that_is_an_answer(
        self, asked: Path, configuration: Configuration
    ) -> None:
        configuration.set("hive", "release", "apache")
        Path("error").write_text("")
        Path("answer").write_text("FAILED: Table not found sales")
        assert isinstance(hive.get_default_client(), hive.ApacheHiveCommandClient)
        assert hive.get_default_client().table_schema("sales") is None

    def test_a_script(self, asked: Path) -> None:
        Path("s.sql").write_text("show tables")
        hive.run_hive_script("s.sql")
        assert asked.read_text() == "-f\ns.sql\n"
        with pytest.raises(hive.HiveCommandError) as caught:
            hive.run_hive_script("none.sql")
        assert str(caught.value) == "There is no file of statements none.sql."

    def test_no_hive(self, configuration: Configuration) -> None:
        configuration.set("hive", "command", "/no/hive")
        with pytest.raises(TaskError) as caught:
            hive.HiveTableTarget("sales").exists()
        assert str(caught.value) == "There is no /no/hive. Install Hive, or name it as command under [hive]."


class TestOtherClients:
    def test_the_folders_of_the_warehouse(self, configuration: Configuration) -> None:
        configuration.set("hive", "ignored_file_masks", r".*\.tmp")
        client = hive.WarehouseHiveClient(luigi.LocalTarget("x").fs, "warehouse")
        target = hive.HivePartitionTarget("sales", {"day": 1, "hour": 2}, client=client)
        assert target.path == "warehouse/default.db/sales/day=1/hour=2"
        assert not target.exists()
        luigi.LocalTarget(f"{target.path}/part.tmp").write_text("")
        assert not target.exists()
        luigi.LocalTarget(f"{target.path}/part").write_text("")
        assert target.exists()
        assert str(target) == "default.sales/day=1/hour=2"

    def test_the_metastore_without_its_bindings(self, configuration: Configuration) -> None:
        configuration.set("hive", "release", "metastore")
        with pytest.raises(TargetError) as caught:
            hive.HiveTableTarget("sales").exists()
        assert str(caught.value) == (
            "Hive's metastore is asked by its Thrift bindings, the modules hive_metastore and thrift, which are not "
            "installed. Install them, or set another release under [hive]."
        )


@big
@pytest.mark.slow
def test_queries_and_targets_in_a_warehouse(configuration: Configuration, tmp_path: Path) -> None:
    """Spark's command line over a metastore and a warehouse of its own."""
    pyspark = pytest.importorskip("pyspark")
    program = tmp_path / "hive"
    home = Path(pyspark.__file__).parent
    program.write_text(
        "#!/bin/sh\n"
        f"export SPARK_HOME={home} SPARK_LOCAL_IP=127.0.0.1 PYSPARK_PYTHON={sys.executable}\n"
        f"exec {home}/bin/spark-sql --master 'local[1]' --conf spark.ui.enabled=false "
        f"--conf spark.sql.warehouse.dir={tmp_path}/warehouse --conf spark.sql.catalogImplementation=hive "
        f'--conf "spark.hadoop.javax.jdo.option.ConnectionURL=jdbc:derby:;databaseName={tmp_path}/store;create=true" '
        '"$@"\n'
    )
    program.chmod(0o755)
    configuration.set("hive", "command", str(program))

    class Load(HiveQueryTask):
        day: str

        def output(self) -> Any:
            return HivePartitionTarget("sales", {"day": self.day}, fail_missing_table=False)

        def hivevars(self) -> Any:
            return {"day": self.day}

        def query(self) -> str:
            return (
                "create table if not exists sales (id int) partitioned by (day string);\n"
                "insert overwrite table sales partition (day='${day}') values (1), (2);\n"
            )

    # Each question starts Spark, so there are few.
    Load(day="monday").run()
    assert Load(day="monday").complete()
    assert not Load(day="tuesday").complete()
    path = Load(day="monday").output().path
    assert path.endswith("/warehouse/sales/day=monday")
    assert os.path.isdir(path.removeprefix("file:"))
