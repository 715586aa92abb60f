"""BigQuery: the jobs that are sent, and an emulator of the service."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, Any

import pytest

import luigi
import rumbo
from integrations.data_services import big
from luigi.contrib import bigquery as bq
from luigi.contrib import bigquery_avro
from luigi.target import FileAlreadyExists
from rumbo.errors import MissingExtraError, TargetError, TaskError
from rumbo.integrations.bigquery import (
    BigQueryExtractTask,
    BigQueryLoadTask,
    BigQueryTarget,
    ExternalBigQueryTask,
)
from rumbo.integrations.gcs import GCSClient, GCSTarget
from rumbo.pipeline.formats import Nop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integrations.data_services import BigQuery


class Listening(bq.BigQueryClient):
    """A client that notes the jobs it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[dict[str, Any]] = []

    def run_job(self, project_id: str, body: Any, dataset: Any = None) -> str:
        assert project_id == "p"
        self.jobs.append(body["configuration"])
        return "job"


CLIENT = Listening()
DESTINATION = {"projectId": "p", "datasetId": "d", "tableId": "t"}


def table(name: str = "t") -> bq.BigQueryTarget:
    return bq.BigQueryTarget("p", "d", name, client=CLIENT)


class Files(luigi.ExternalTask):
    path = luigi.Parameter(default="gs://b/f")

    def output(self) -> Any:
        return luigi.LocalTarget(self.path)


class TestJobs:
    @pytest.fixture(autouse=True)
    def _none_yet(self) -> None:
        CLIENT.jobs.clear()

    def test_a_load(self) -> None:
        class Load(bq.BigQueryLoadTask):
            source_format = bq.SourceFormat.CSV
            schema = [{"name": "n", "type": "INTEGER"}]
            skip_leading_rows = 1

            def requires(self) -> Any:
                return Files()

            def output(self) -> Any:
                return table()

        Load().run()
        assert CLIENT.jobs == [
            {
                "load": {
                    "destinationTable": DESTINATION, "encoding": "UTF-8", "sourceFormat": "CSV",
                    "writeDisposition": "WRITE_EMPTY", "sourceUris": ["gs://b/f"], "maxBadRecords": 0,
                    "ignoreUnknownValues": False, "fieldDelimiter": ",", "skipLeadingRows": 1,
                    "allowJaggedRows": False, "allowQuotedNewlines": False,
                    "schema": {"fields": [{"name": "n", "type": "INTEGER"}]},
                }
            }
        ]  # fmt: skip

    def test_a_query(self) -> None:
        class Query(bq.BigQueryRunQueryTask):
            query = "select 1"
            use_legacy_sql = False
            udf_resource_uris = ["gs://b/f.js"]

            def output(self) -> Any:
                return table()

            def configure_job(self, configuration: Any) -> Any:
                return {**configuration, "labels": {"team": "sums"}}

        Query().run()
        (job,) = CLIENT.jobs
        assert job["labels"] == {"team": "sums"}
        assert job["query"]["destinationTable"] == DESTINATION
        assert job["query"]["userDefinedFunctionResources"] == [{"resourceUri": "gs://b/f.js"}]
        assert job["query"]["useLegacySql"] is False

    def test_an_extract(self) -> None:
        class Extract(bq.BigQueryExtractTask):
            def requires(self) -> Any:
                return Table()

            def output(self) -> Any:
                return luigi.LocalTarget("gs://b/out-*")

        Extract().run()
        assert CLIENT.jobs == [
            {
                "extract": {
                    "sourceTable": DESTINATION, "destinationUris": ["gs://b/out-*"], "destinationFormat": "CSV",
                    "compression": "NONE", "printHeader": True, "fieldDelimiter": ",",
                }
            }
        ]  # fmt: skip

    def test_avro(self) -> None:
        class Load(bigquery_avro.BigQueryLoadAvro):
            def requires(self) -> Any:
                return [Files(), Files(path="gs://b/x.avro")]

            def output(self) -> Any:
                return table()

        Load().run()
        load = CLIENT.jobs[0]["load"]
        assert load["sourceFormat"] == "AVRO"
        assert load["sourceUris"] == ["gs://b/f/*.avro", "gs://b/x.avro"]
        assert load["autodetect"] is True

    def test_files_elsewhere(self) -> None:
        class Load(bq.BigQueryLoadTask):
            def requires(self) -> Any:
                return Files(path="/here")

            def output(self) -> Any:
                return table()

        with pytest.raises(TaskError) as caught:
            Load().run()
        assert str(caught.value) == ("Load(): BigQuery reads and writes in Cloud Storage (gs://...), and not /here.")

    def test_an_output_that_is_no_table(self) -> None:
        class Query(bq.BigQueryRunQueryTask):
            query = "select 1"

            def output(self) -> Any:
                return luigi.LocalTarget("here")

        with pytest.raises(TaskError) as caught:
            Query().run()
        assert str(caught.value) == "Query(): output() must be a BigQueryTarget, and not LocalTarget('here')."

    def test_a_view_is_done_when_it_has_the_query(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class View(bq.BigQueryCreateViewTask):
            view = "select 1"

            def output(self) -> Any:
                return table()

        for query, is_done in [(None, False), ("select 2", False), ("select 1", True)]:
            monkeypatch.setattr(Listening, "get_view", lambda self, table, query=query: query)
            assert View().complete() is is_done

    def test_names(self) -> None:
        assert str(table()) == "bq://p/d/t"
        assert table().table.dataset == bq.BQDataset("p", "d", None)
        assert bq.BigqueryTarget.from_bqtable(table().table).table == table().table

    def test_no_library(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "google.cloud", None)
        with pytest.raises(MissingExtraError) as caught:
            bq.BigQueryClient().of("p")
        assert str(caught.value) == "BigQuery needs a library that is not installed: pip install 'rumbo[bigquery]'"


class Table(luigi.ExternalTask):
    def output(self) -> Any:
        return table()


def make_table(target: bq.BigQueryTarget) -> None:
    from google.cloud.bigquery import SchemaField, Table

    name = "{projectId}.{datasetId}.{tableId}".format(**target.table.reference)
    target.client.of(target.table.project_id).create_table(Table(name, [SchemaField("n", "INTEGER")]))


@big
@pytest.mark.slow
class TestEmulator:
    @pytest.fixture
    def dataset(self, bigquery: BigQuery, monkeypatch: pytest.MonkeyPatch) -> Iterator[bq.BQDataset]:
        pytest.importorskip("google.cloud.bigquery")
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", bigquery.url)
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", bigquery.storage_url)
        dataset = bq.BQDataset("p1", f"d{random.randrange(10**9)}", None)
        yield dataset
        bq.BigQueryClient().delete_dataset(dataset)

    def test_datasets_and_tables(self, dataset: bq.BQDataset) -> None:
        client = bq.BigQueryClient()
        assert not client.dataset_exists(dataset)
        client.make_dataset(dataset)
        client.make_dataset(dataset)
        with pytest.raises(FileAlreadyExists):
            client.make_dataset(dataset, raise_if_exists=True)
        assert client.dataset_exists(dataset)
        with pytest.raises(TargetError, match="and not in the-moon"):
            client.dataset_exists(dataset._replace(location="the-moon"))
        assert dataset.dataset_id in client.list_datasets("p1")

    def rows(self, statement: str) -> list[int]:
        return [row.n for row in bq.BigQueryClient().of("p1").query(statement).result()]

    def test_a_query_with_a_destination(self, dataset: bq.BQDataset, monkeypatch: pytest.MonkeyPatch) -> None:
        class Numbers(bq.BigQueryRunQueryTask):
            query = "select 1 as n union all select 7 as n order by n"
            use_legacy_sql = False

            def output(self) -> Any:
                return bq.BigQueryTarget("p1", dataset.dataset_id, "t")

        ids: list[str] = []
        run_job = bq.BigQueryClient.run_job
        monkeypatch.setattr(bq.BigQueryClient, "run_job", lambda *args: ids.append(run_job(*args)))
        assert not Numbers().complete()
        Numbers().run()
        # The emulator runs the query, but keeps its result under a name of its own; `TestJobs` looks at what is sent.
        # Of files it takes the format and no more: no header or separator of a CSV file, no compression.
        job = bq.BigQueryClient().of("p1").get_job(ids[0])
        assert job.state == "DONE"
        assert [row.n for row in job.result()] == [1, 7]

    def test_a_table(self, dataset: bq.BQDataset) -> None:
        client = bq.BigQueryClient()
        client.make_dataset(dataset)
        target = bq.BigQueryTarget("p1", dataset.dataset_id, "t")
        assert not target.exists()
        assert target.modified() is None
        make_table(target)
        assert target.exists()
        assert target.modified() is not None
        assert list(client.list_tables(dataset)) == ["t"]
        client.delete_table(target.table)
        assert not target.exists()

    def test_a_table_is_copied(self, dataset: bq.BQDataset) -> None:
        source, copy = (bq.BigQueryTarget("p1", dataset.dataset_id, name) for name in ("t", "copy"))
        source.client.make_dataset(dataset)
        make_table(source)
        source.client.copy(source.table, copy.table)
        assert copy.exists()

    @pytest.mark.parametrize("of_luigi", [True, False])
    def test_many_tables_are_asked_at_once(self, of_luigi: bool, dataset: bq.BQDataset) -> None:
        kind: Any = bq.ExternalBigQueryTask if of_luigi else ExternalBigQueryTask

        class External(kind):
            name: str = luigi.Parameter() if of_luigi else rumbo.parameter()

            def output(self) -> Any:
                return bq.BigQueryTarget("p1", dataset.dataset_id, self.name)

        assert list(External.bulk_complete(["a", "b"])) == []
        client = bq.BigQueryClient()
        client.make_dataset(dataset)
        make_table(External(name="b").output())
        assert list(External.bulk_complete(["a", "b"])) == ["b"]

    def test_a_view(self, dataset: bq.BQDataset) -> None:
        class View(bq.BigQueryCreateViewTask):
            view = "select 5 as n"

            def output(self) -> Any:
                return bq.BigQueryTarget("p1", dataset.dataset_id, "v")

        bq.BigQueryClient().make_dataset(dataset)
        assert not View().complete()
        View().run()
        assert self.rows(f"select n from `p1.{dataset.dataset_id}.v`") == [5]

    def test_a_job_that_fails(self, dataset: bq.BQDataset) -> None:
        class Broken(bq.BigQueryRunQueryTask):
            query = "select n from nowhere.nothing"
            use_legacy_sql = False

            def output(self) -> Any:
                return bq.BigQueryTarget("p1", dataset.dataset_id, "t")

        with pytest.raises(Exception, match=r"(?i)nothing|nowhere"):
            Broken().run()
        assert not Broken().complete()

    @pytest.mark.parametrize("suffix", ["json", "csv", "parquet"])
    def test_files_of_cloud_storage_become_a_table(
        self, suffix: str, dataset: bq.BQDataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pandas = pytest.importorskip("pandas")
        folder = f"gs://lake/{dataset.dataset_id}"
        formats = {"json": "NEWLINE_DELIMITED_JSON", "csv": "CSV", "parquet": "PARQUET"}

        class Sales(rumbo.Task):
            part: int

            def output(self) -> Any:
                name = f"{folder}/{self.part}.{suffix}".replace("json", "jsonl")
                return GCSTarget(name, Nop if suffix == "parquet" else None, GCSClient(project="p1"))

            def run(self) -> None:
                self.output().dump(pandas.DataFrame({"n": [self.part, 10 * self.part], "name": ["añil", "b"]}))

        class Load(BigQueryLoadTask):
            source_format = formats[suffix]
            skip_leading_rows = 1
            schema = [{"name": "n", "type": "INTEGER"}, {"name": "name", "type": "STRING"}]

            def requires(self) -> Any:
                return [Sales(part=part) for part in (1, 2)]

            def output(self) -> Any:
                return BigQueryTarget("p1", dataset.dataset_id, "sales")

        assert rumbo.build([Load()]).ok
        assert Load().complete()
        assert self.rows(f"select n from `p1.{dataset.dataset_id}.sales` order by n") == [1, 2, 10, 20]
        assert self.rows(f"select count(*) as n from `p1.{dataset.dataset_id}.sales` where name = 'añil'") == [2]
        with pytest.raises(TaskError, match=r"BigQuery does not take a job of p1: .* is not empty"):
            Load().run()  # nothing is written over it

    @pytest.mark.parametrize("format", ["CSV", "NEWLINE_DELIMITED_JSON"])
    def test_a_table_becomes_a_file_of_cloud_storage(
        self, format: str, dataset: bq.BQDataset, bigquery: BigQuery
    ) -> None:
        class Numbers(ExternalBigQueryTask):
            def output(self) -> Any:
                return BigQueryTarget("p1", dataset.dataset_id, "numbers")

        class Extract(BigQueryExtractTask):
            destination_format = format

            def requires(self) -> Any:
                return Numbers()

            def output(self) -> Any:
                return GCSTarget(f"gs://lake/{dataset.dataset_id}.out", client=GCSClient(project="p1"))

        bq.BigQueryClient().make_dataset(dataset)
        make_table(Numbers().output())
        assert Numbers().output().client.of("p1").insert_rows_json(f"{dataset.dataset_id}.numbers", [{"n": 7}]) == []
        Extract().run()
        written = (bigquery.folder / "lake" / f"{dataset.dataset_id}.out").read_text()
        assert written == {"CSV": "n\n7\n", "NEWLINE_DELIMITED_JSON": '{"n":7}\n'}[format]
