"""Loads of Avro files into BigQuery, with the description that their schema brings."""

from __future__ import annotations

from typing import Any

from luigi.contrib.bigquery import BigQueryLoadTask, SourceFormat
from luigi.task import flatten
from rumbo.errors import MissingExtraError
from rumbo.integrations.bigquery import logger

__all__ = ["BigQueryLoadAvro", "logger"]


class BigQueryLoadAvro(BigQueryLoadTask):
    """A task that loads Avro files of Cloud Storage, or folders of them, into a table."""

    source_format: Any = SourceFormat.AVRO

    def _avro_uri(self, target: Any) -> str:
        uri: str = target.uri if hasattr(target, "uri") else target.path
        return uri if uri.endswith(".avro") else f"{uri.rstrip('/')}/*.avro"

    def source_uris(self) -> list[str]:
        return [self._avro_uri(target) for target in flatten(self.input())]

    def _get_input_schema(self) -> Any:
        """The schema of one of the files."""
        try:
            from avro.datafile import DataFileReader
            from avro.io import DatumReader
        except ImportError:
            raise MissingExtraError("The schema of Avro files", "avro") from None
        target = flatten(self.input())[0]
        uri = self.source_uris()[0]
        found = next(iter(target.fs.list_wildcard(uri)), None) if "*" in uri else uri
        if found is None:
            raise RuntimeError(f"There is no file {uri}.")
        with type(target)(found, format=getattr(target, "format", None)).open("r") as file:
            reader = DataFileReader(file, DatumReader())
            return reader.datum_reader.writers_schema

    def _set_output_doc(self, avro_schema: Any) -> None:
        target = self.output()
        client = target.client.of(target.table.project_id)
        table = client.get_table("{projectId}.{datasetId}.{tableId}".format(**target.table.reference))
        table.description = avro_schema.doc
        client.update_table(table, ["description"])

    def run(self) -> Any:
        super().run()
        try:
            self._set_output_doc(self._get_input_schema())
        except Exception as error:  # noqa: BLE001 - the data is there, and that is what counts
            logger.warning("The description of %s could not be set: %r", self.output(), error)
