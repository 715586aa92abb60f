"""Amazon Redshift: COPY from S3 and UNLOAD to it."""

from __future__ import annotations

from typing import Any

import luigi
from luigi.contrib import postgres, rdbms
from luigi.contrib.s3 import S3PathTask, S3Target
from rumbo.integrations.redshift import (
    CredentialsWork,
    KillSessionsWork,
    RedshiftQueryWork,
    RedshiftTarget,
    RedshiftUnloadWork,
    S3CopyJSONWork,
    S3CopyWork,
    logger,
    manifest_of,
)

__all__ = [
    "KillOpenRedshiftSessions",
    "RedshiftManifestTask",
    "RedshiftQuery",
    "RedshiftTarget",
    "RedshiftUnloadTask",
    "S3CopyJSONToTable",
    "S3CopyToTable",
    "S3PathTask",
    "S3Target",
    "logger",
]

_CredentialsMixin = CredentialsWork


class S3CopyToTable(S3CopyWork, rdbms.CopyToTable):
    """A task that loads files of S3 into a table."""


class S3CopyJSONToTable(S3CopyJSONWork, S3CopyToTable):
    """A task that loads JSON of S3 into a table."""


class RedshiftManifestTask(S3PathTask):
    """Writes a manifest of all files in some folders of S3, for one COPY of them all."""

    path: Any = luigi.Parameter(description="Where the manifest goes")
    folder_paths: Any = luigi.Parameter(description="The folders")
    text_target = True

    def run(self) -> Any:
        folders = [S3Target(folder) for folder in self.folder_paths]
        manifest = manifest_of(f"{folder.path}/{name}" for folder in folders for name in folder.fs.list(folder.path))
        with self.output().open("w") as out:
            out.write(manifest if self.text_target else manifest.encode())


class KillOpenRedshiftSessions(KillSessionsWork, luigi.Task):
    """Ends all other sessions in a database, so that none blocks what comes next."""

    connection_reset_wait_seconds: Any = luigi.IntParameter(default=60)


class RedshiftQuery(RedshiftQueryWork, postgres.PostgresQuery):
    """A task that runs a statement in Redshift."""


class RedshiftUnloadTask(RedshiftUnloadWork, RedshiftQuery):
    """A task that writes a query's result to S3."""
