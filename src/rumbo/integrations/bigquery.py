"""Tables of Google BigQuery as targets, and tasks that load, query and extract them by BigQuery's jobs.

The client is google-cloud-bigquery's, which brings the login (application default credentials) and retries. With
``BIGQUERY_EMULATOR_HOST`` set it talks to an emulator, without a login. A job is cancelled when its task is stopped.
"""

from __future__ import annotations

import logging
import os
from abc import ABC, abstractmethod
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from rumbo.errors import MissingExtraError, TargetError, TaskError
from rumbo.integrations.remote import ended_with_us
from rumbo.pipeline import typed
from rumbo.pipeline.filesystem import FileAlreadyExists
from rumbo.pipeline.structure import flatten
from rumbo.pipeline.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = [
    "AnswersInBulk",
    "BQDataset",
    "BQTable",
    "BigQueryClient",
    "BigQueryCreateViewTask",
    "BigQueryExecutionError",
    "BigQueryExtractTask",
    "BigQueryLoadTask",
    "BigQueryRunQueryTask",
    "BigQueryTarget",
    "CreateViewWork",
    "ExternalBigQueryTask",
    "ExtractWork",
    "LoadWork",
    "RunQueryWork",
]

logger = logging.getLogger("luigi-interface")

_TIMEOUT = 60
"""Seconds that BigQuery may take to answer; waiting for a job's end is without a limit."""


class BQDataset(NamedTuple):
    """A dataset."""

    project_id: str
    dataset_id: str
    location: str | None


class BQTable(NamedTuple):
    """A table."""

    project_id: str
    dataset_id: str
    table_id: str
    location: str | None

    @property
    def dataset(self) -> BQDataset:
        """The dataset that it is in."""
        return BQDataset(self.project_id, self.dataset_id, self.location)

    @property
    def uri(self) -> str:
        """``bq://project/dataset/table``."""
        return f"bq://{self.project_id}/{self.dataset_id}/{self.table_id}"

    @property
    def reference(self) -> dict[str, str]:
        """As the API names it."""
        return {"projectId": self.project_id, "datasetId": self.dataset_id, "tableId": self.table_id}


class BigQueryExecutionError(TaskError):
    """A job failed.

    Attributes:
        job_id: the job.
        error_message: what BigQuery says about it.
    """

    def __init__(self, job_id: str, error_message: Any) -> None:
        self.job_id = job_id
        self.error_message = error_message
        super().__init__(f"BigQuery job {job_id} failed: {error_message}")


class BigQueryClient:
    """The questions and jobs that targets and tasks need.

    Args:
        oauth_credentials: the login; None: as Google's libraries find it.
        descriptor: without meaning; taken since Luigi's client has it.
        http_: without meaning, too.
    """

    def __init__(self, oauth_credentials: Any = None, descriptor: str = "", http_: Any = None) -> None:
        self.oauth_credentials = oauth_credentials
        self._clients: dict[str, Any] = {}

    def of(self, project_id: str) -> Any:
        """google-cloud-bigquery's client for a project."""
        if project_id not in self._clients:
            try:
                from google.auth.credentials import AnonymousCredentials
                from google.cloud import bigquery
            except ImportError:
                raise MissingExtraError("BigQuery", "bigquery") from None
            credentials = self.oauth_credentials
            if credentials is None and os.environ.get("BIGQUERY_EMULATOR_HOST"):
                credentials = AnonymousCredentials()
            self._clients[project_id] = bigquery.Client(project=project_id, credentials=credentials)
        return self._clients[project_id]

    def dataset_exists(self, dataset: BQDataset) -> bool:
        """Whether there is such a dataset.

        Raises:
            TargetError: it is in another location than it says.
        """
        found = _found(self.of(dataset.project_id).get_dataset, f"{dataset.project_id}.{dataset.dataset_id}")
        if found is None:
            return False
        if dataset.location is not None and found.location != dataset.location:
            place = found.location or "no location"
            raise TargetError(f"The dataset {dataset.dataset_id} is in {place} and not in {dataset.location}.")
        return True

    def table_exists(self, table: BQTable) -> bool:
        """Whether there is such a table."""
        if table.location is not None and not self.dataset_exists(table.dataset):
            return False
        return _found(self.of(table.project_id).get_table, _name(table)) is not None

    def make_dataset(self, dataset: BQDataset, raise_if_exists: bool = False, body: Any = None) -> None:
        """Make a dataset.

        Raises:
            FileAlreadyExists: there is one, and ``raise_if_exists`` is set.
        """
        client = self.of(dataset.project_id)
        from google.api_core.exceptions import Conflict
        from google.cloud import bigquery

        reference = {"projectId": dataset.project_id, "datasetId": dataset.dataset_id}
        location = {} if dataset.location is None else {"location": dataset.location}
        described = bigquery.Dataset.from_api_repr({**(body or {}), **location, "datasetReference": reference})
        try:
            client.create_dataset(described, timeout=_TIMEOUT)
        except Conflict as error:
            if raise_if_exists:
                raise FileAlreadyExists(f"There is a dataset {dataset.dataset_id} already.") from error

    def delete_dataset(self, dataset: BQDataset, delete_nonempty: bool = True) -> None:
        """Remove a dataset, if it is there."""
        name = f"{dataset.project_id}.{dataset.dataset_id}"
        self.of(dataset.project_id).delete_dataset(
            name, delete_contents=delete_nonempty, not_found_ok=True, timeout=_TIMEOUT
        )

    def delete_table(self, table: BQTable) -> None:
        """Remove a table, if it is there."""
        self.of(table.project_id).delete_table(_name(table), not_found_ok=True, timeout=_TIMEOUT)

    def list_datasets(self, project_id: str) -> Iterator[str]:
        """The names of a project's datasets."""
        for dataset in self.of(project_id).list_datasets(timeout=_TIMEOUT):
            yield dataset.dataset_id

    def list_tables(self, dataset: BQDataset) -> Iterator[str]:
        """The names of a dataset's tables."""
        name = f"{dataset.project_id}.{dataset.dataset_id}"
        for table in self.of(dataset.project_id).list_tables(name, timeout=_TIMEOUT):
            yield table.table_id

    def get_view(self, table: BQTable) -> str | None:
        """The query of a view; None if there is none, or if it is a table."""
        found = _found(self.of(table.project_id).get_table, _name(table))
        return None if found is None else found.view_query

    def update_view(self, table: BQTable, view: str) -> None:
        """Make a view, or give it another query."""
        client = self.of(table.project_id)
        from google.cloud import bigquery

        described = bigquery.Table(_name(table))
        described.view_query = view
        if self.table_exists(table):
            client.update_table(described, ["view_query"], timeout=_TIMEOUT)
        else:
            client.create_table(described, timeout=_TIMEOUT)

    def run_job(self, project_id: str, body: Mapping[str, Any], dataset: BQDataset | None = None) -> str:
        """Run a job to its end.

        Args:
            project_id: the project that pays for it.
            body: ``{"configuration": {...}}``, as the API takes it.
            dataset: made first, if it is missing.

        Returns:
            the job's id.

        Raises:
            TaskError: BigQuery does not take the job.
            BigQueryExecutionError: it failed.
        """
        client = self.of(project_id)
        from google.api_core.exceptions import GoogleAPICallError

        if dataset and not self.dataset_exists(dataset):
            self.make_dataset(dataset)
        try:
            job = client.create_job(body["configuration"], timeout=_TIMEOUT)
        except GoogleAPICallError as error:
            raise TaskError(f"BigQuery does not take a job of {project_id}: {error.message}") from error
        logger.info("Started BigQuery job %s:%s.", project_id, job.job_id)
        with ended_with_us(job.cancel):
            try:
                job.result()
            except GoogleAPICallError as error:
                raise BigQueryExecutionError(job.job_id, job.error_result or error.message) from error
        id: str = job.job_id
        return id

    def copy(
        self,
        source_table: BQTable,
        dest_table: BQTable,
        create_disposition: str = "CREATE_IF_NEEDED",
        write_disposition: str = "WRITE_TRUNCATE",
    ) -> None:
        """Copy a table, or add it to another."""
        copying = {
            "sourceTable": source_table.reference,
            "destinationTable": dest_table.reference,
            "createDisposition": create_disposition,
            "writeDisposition": write_disposition,
        }
        self.run_job(dest_table.project_id, {"configuration": {"copy": copying}}, dest_table.dataset)


def _name(table: BQTable) -> str:
    return f"{table.project_id}.{table.dataset_id}.{table.table_id}"


def _found(get: Any, name: str) -> Any:
    """What is there by that name; None without it."""
    from google.api_core.exceptions import NotFound

    try:
        return get(name, timeout=_TIMEOUT)
    except NotFound:
        return None


class BigQueryTarget(Target):
    """A table.

    Args:
        project_id: the project.
        dataset_id: the dataset there.
        table_id: the table there.
        client: whom to ask.
        location: where the dataset must be, or is made.
    """

    def __init__(
        self,
        project_id: str,
        dataset_id: str,
        table_id: str,
        client: BigQueryClient | None = None,
        location: str | None = None,
    ) -> None:
        self.table = BQTable(project_id, dataset_id, table_id, location)
        self.client = client or BigQueryClient()

    @classmethod
    def from_bqtable(cls, table: BQTable, client: BigQueryClient | None = None) -> BigQueryTarget:
        """The target of a table."""
        return cls(table.project_id, table.dataset_id, table.table_id, client, table.location)

    def __str__(self) -> str:
        return self.table.uri

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.table.uri!r})"

    def exists(self) -> bool:
        """Whether the table is there."""
        return self.client.table_exists(self.table)

    def modified(self) -> float | None:
        """When it was last changed, in seconds since the epoch."""
        found = _found(self.client.of(self.table.project_id).get_table, _name(self.table))
        return None if found is None or found.modified is None else float(found.modified.timestamp())


class AnswersInBulk:
    """Lets many tasks of one class, such as those of a range, be asked for by one question for each dataset."""

    @classmethod
    def bulk_complete(cls, parameter_tuples: Iterable[Any]) -> Iterator[Any]:
        """Those of many parameters whose tasks' tables are there."""
        wanted: dict[BQDataset, list[tuple[BigQueryTarget, Any]]] = defaultdict(list)
        for given in parameter_tuples:
            target: BigQueryTarget = cls(given).output()  # type: ignore[call-arg, attr-defined] # the task's
            wanted[target.table.dataset].append((target, given))
        for dataset, members in wanted.items():
            client = members[0][0].client
            if client.dataset_exists(dataset):
                there = set(client.list_tables(dataset))
                yield from (given for target, given in members if target.table.table_id in there)


# Tasks -----------------------------------------------------------------------------------------------------------


class _JobWork(ABC):  # noqa: B024 - its kinds have abstract methods
    """What tasks have in common that are a job of BigQuery."""

    if TYPE_CHECKING:

        def input(self) -> Any: ...

        def output(self) -> Any: ...

    def configure_job(self, configuration: dict[str, Any]) -> dict[str, Any]:
        """Change the job's configuration before it is sent."""
        return configuration

    def _target(self) -> BigQueryTarget:
        target = self.output()
        if not isinstance(target, BigQueryTarget):
            raise TaskError(f"{self}: output() must be a BigQueryTarget, and not {target!r}.")
        return target

    def _run_into_target(self, configuration: dict[str, Any]) -> None:
        table = self._target().table
        body = {"configuration": self.configure_job(configuration)}
        self._target().client.run_job(table.project_id, body, table.dataset)


class LoadWork(_JobWork):
    """What a task that loads files of Cloud Storage into a table does."""

    source_format: Any = "NEWLINE_DELIMITED_JSON"
    encoding: Any = "UTF-8"
    write_disposition: Any = "WRITE_EMPTY"
    """What to do with a table that is there: by default that is an error."""
    schema: Any = ()
    """The fields, as the API takes them; without them BigQuery guesses."""
    max_bad_records: Any = 0
    ignore_unknown_values: Any = False
    field_delimiter: Any = ","
    skip_leading_rows: Any = 0
    allow_jagged_rows: Any = False
    allow_quoted_new_lines: Any = False

    def source_uris(self) -> Sequence[str]:
        """The files, as ``gs://bucket/...``; a ``*`` is allowed after the bucket."""
        return [target.path for target in flatten(self.input())]

    def run(self) -> Any:
        """Load the files."""
        uris = list(self.source_uris())
        _check_uris(self, uris)
        load: dict[str, Any] = {
            "destinationTable": self._target().table.reference,
            "encoding": self.encoding,
            "sourceFormat": self.source_format,
            "writeDisposition": self.write_disposition,
            "sourceUris": uris,
            "maxBadRecords": self.max_bad_records,
            "ignoreUnknownValues": self.ignore_unknown_values,
        }
        if self.source_format == "CSV":
            load["fieldDelimiter"] = self.field_delimiter
            load["skipLeadingRows"] = self.skip_leading_rows
            load["allowJaggedRows"] = self.allow_jagged_rows
            load["allowQuotedNewlines"] = self.allow_quoted_new_lines
        if self.schema:
            load["schema"] = {"fields": list(self.schema)}
        else:
            load["autodetect"] = True
        self._run_into_target({"load": load})


def _check_uris(task: Any, uris: Iterable[str]) -> None:
    for uri in uris:
        if not uri.startswith("gs://"):
            raise TaskError(f"{task}: BigQuery reads and writes in Cloud Storage (gs://...), and not {uri}.")


class RunQueryWork(_JobWork):
    """What a task that puts the result of a query into a table does."""

    write_disposition: Any = "WRITE_TRUNCATE"
    create_disposition: Any = "CREATE_IF_NEEDED"
    flatten_results: Any = True
    query_mode: Any = "INTERACTIVE"
    udf_resource_uris: Any = ()
    use_legacy_sql: Any = True
    """Legacy SQL, Luigi's default, and not GoogleSQL."""

    @property
    @abstractmethod
    def query(self) -> Any:
        """The query."""

    def run(self) -> Any:
        """Run the query."""
        query = {
            "query": self.query,
            "priority": self.query_mode,
            "destinationTable": self._target().table.reference,
            "allowLargeResults": True,
            "createDisposition": self.create_disposition,
            "writeDisposition": self.write_disposition,
            "flattenResults": self.flatten_results,
            "userDefinedFunctionResources": [{"resourceUri": uri} for uri in self.udf_resource_uris],
            "useLegacySql": self.use_legacy_sql,
        }
        logger.info("The result of a query goes to %s: %s", self._target(), self.query)
        self._run_into_target({"query": query})


class CreateViewWork(_JobWork):
    """What a task that makes a view does. It is done when the view has this very query."""

    @property
    @abstractmethod
    def view(self) -> Any:
        """The view's query."""

    def complete(self) -> bool:
        """Whether the view has this query."""
        target = self._target()
        return bool(target.client.get_view(target.table) == self.view)

    def run(self) -> Any:
        """Make the view."""
        target = self._target()
        target.client.update_view(target.table, self.view)


class ExtractWork(_JobWork):
    """What a task that writes a table into Cloud Storage does."""

    print_header: Any = True
    field_delimiter: Any = ","
    destination_format: Any = "CSV"
    compression: Any = "NONE"

    @property
    def destination_uris(self) -> Sequence[str]:
        """The files, as ``gs://bucket/...``; a ``*`` is allowed after the bucket."""
        return [target.path for target in flatten(self.output())]

    def run(self) -> Any:
        """Write the files."""
        sources = flatten(self.input())
        if len(sources) != 1 or not isinstance(sources[0], BigQueryTarget):
            raise TaskError(f"{self}: the input must be one BigQueryTarget, and not {sources!r}.")
        table = sources[0].table
        uris = list(self.destination_uris)
        _check_uris(self, uris)
        extract: dict[str, Any] = {
            "sourceTable": table.reference,
            "destinationUris": uris,
            "destinationFormat": self.destination_format,
            "compression": self.compression,
        }
        if self.destination_format == "CSV":
            extract["printHeader"] = self.print_header
            extract["fieldDelimiter"] = self.field_delimiter
        configuration = self.configure_job({"extract": extract})
        sources[0].client.run_job(table.project_id, {"configuration": configuration}, table.dataset)


class BigQueryLoadTask(LoadWork, AnswersInBulk, typed.Task):
    """A task that loads files of Cloud Storage, the outputs of what it requires, into a table.

    class Load(BigQueryLoadTask):
        day: dt.date
        schema = [{"name": "product", "type": "STRING"}, {"name": "price", "type": "NUMERIC"}]

        def requires(self):
            return Export(day=self.day)

        def output(self):
            return BigQueryTarget("my-project", "shop", f"prices_{self.day:%Y%m%d}")
    """


class BigQueryRunQueryTask(RunQueryWork, AnswersInBulk, typed.Task):
    """A task that puts the result of a `query` in GoogleSQL into a table."""

    use_legacy_sql = False


class BigQueryCreateViewTask(CreateViewWork, typed.Task):
    """A task that makes a view of the query `view`."""


class BigQueryExtractTask(ExtractWork, typed.Task):
    """A task that writes a table, the output of what it requires, into files of Cloud Storage."""


class ExternalBigQueryTask(AnswersInBulk, typed.ExternalTask):
    """A table that somebody else makes."""
