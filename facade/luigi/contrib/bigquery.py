"""Tables of Google BigQuery, and the jobs that fill and read them."""

from __future__ import annotations

from typing import Any

import luigi
from rumbo.integrations.bigquery import (
    AnswersInBulk,
    BigQueryClient,
    BigQueryExecutionError,
    BigQueryTarget,
    BQDataset,
    BQTable,
    CreateViewWork,
    ExtractWork,
    LoadWork,
    RunQueryWork,
    logger,
)

__all__ = [
    "BQDataset",
    "BQTable",
    "BigQueryClient",
    "BigQueryCreateViewTask",
    "BigQueryExecutionError",
    "BigQueryExtractTask",
    "BigQueryLoadTask",
    "BigQueryRunQueryTask",
    "BigQueryTarget",
    "BigqueryClient",
    "BigqueryCreateViewTask",
    "BigqueryLoadTask",
    "BigqueryRunQueryTask",
    "BigqueryTarget",
    "Compression",
    "CreateDisposition",
    "DestinationFormat",
    "Encoding",
    "ExternalBigQueryTask",
    "ExternalBigqueryTask",
    "FieldDelimiter",
    "MixinBigQueryBulkComplete",
    "MixinBigqueryBulkComplete",
    "PrintHeader",
    "QueryMode",
    "SourceFormat",
    "WriteDisposition",
    "is_error_5xx",
    "logger",
]


class CreateDisposition:
    """Whether a job makes the table."""

    CREATE_IF_NEEDED = "CREATE_IF_NEEDED"
    CREATE_NEVER = "CREATE_NEVER"


class WriteDisposition:
    """What a job does with a table that is there."""

    WRITE_TRUNCATE = "WRITE_TRUNCATE"
    WRITE_APPEND = "WRITE_APPEND"
    WRITE_EMPTY = "WRITE_EMPTY"


class QueryMode:
    """When a query runs."""

    INTERACTIVE = "INTERACTIVE"
    BATCH = "BATCH"


class SourceFormat:
    """What files are loaded from."""

    AVRO = "AVRO"
    CSV = "CSV"
    DATASTORE_BACKUP = "DATASTORE_BACKUP"
    NEWLINE_DELIMITED_JSON = "NEWLINE_DELIMITED_JSON"
    PARQUET = "PARQUET"


class FieldDelimiter:
    """What stands between two fields."""

    COMMA = ","
    TAB = "\t"
    PIPE = "|"


class PrintHeader:
    """Whether the first line names the fields."""

    TRUE = True
    FALSE = False


class DestinationFormat:
    """What files are extracted to."""

    AVRO = "AVRO"
    CSV = "CSV"
    NEWLINE_DELIMITED_JSON = "NEWLINE_DELIMITED_JSON"


class Compression:
    """How extracted files are compressed."""

    GZIP = "GZIP"
    NONE = "NONE"


class Encoding:
    """How text in loaded files is encoded."""

    UTF_8 = "UTF-8"
    ISO_8859_1 = "ISO-8859-1"


def is_error_5xx(err: Any) -> bool:
    """Whether an error of Google's libraries says that the server is in trouble."""
    code: Any = getattr(err, "code", None) or getattr(getattr(err, "resp", None), "status", 0)
    return isinstance(code, int) and code >= 500


MixinBigQueryBulkComplete = AnswersInBulk


class BigQueryLoadTask(LoadWork, MixinBigQueryBulkComplete, luigi.Task):
    """A task that loads files of Cloud Storage into a table."""


class BigQueryRunQueryTask(RunQueryWork, MixinBigQueryBulkComplete, luigi.Task):
    """A task that puts the result of a query into a table."""


class BigQueryCreateViewTask(CreateViewWork, luigi.Task):
    """A task that makes a view."""


class BigQueryExtractTask(ExtractWork, luigi.Task):
    """A task that writes a table into Cloud Storage."""


class ExternalBigQueryTask(MixinBigQueryBulkComplete, luigi.ExternalTask):
    """A table that somebody else makes."""


BigqueryClient = BigQueryClient
BigqueryTarget = BigQueryTarget
MixinBigqueryBulkComplete = MixinBigQueryBulkComplete
BigqueryLoadTask = BigQueryLoadTask
BigqueryRunQueryTask = BigQueryRunQueryTask
BigqueryCreateViewTask = BigQueryCreateViewTask
ExternalBigqueryTask = ExternalBigQueryTask
