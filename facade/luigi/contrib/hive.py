"""Queries in Hive, and its tables and partitions."""

from __future__ import annotations

from typing import Any

import luigi
from luigi._forwarding import stand_for
from luigi.contrib.hadoop import BaseHadoopJobTask
from rumbo.integrations import hive as _home
from rumbo.integrations.hive import (
    ApacheHiveCommandClient,
    HiveClient,
    HiveCommandClient,
    HiveCommandError,
    HivePartitionTarget,
    HiveQueryRunner,
    HiveQueryWork,
    HiveTableTarget,
    MetastoreClient,
    WarehouseHiveClient,
    get_default_client,
    load_hive_cmd,
    logger,
    run_hive,
    run_hive_cmd,
    run_hive_script,
)
from rumbo.pipeline.config import get_config

__all__ = [
    "ApacheHiveCommandClient",
    "ExternalHiveTask",
    "HiveClient",
    "HiveCommandClient",
    "HiveCommandError",
    "HivePartitionTarget",
    "HiveQueryRunner",
    "HiveQueryTask",
    "HiveTableTarget",
    "HiveThriftContext",
    "MetastoreClient",
    "WarehouseHiveClient",
    "client",
    "get_default_client",
    "get_hive_syntax",
    "get_hive_warehouse_location",
    "get_ignored_file_masks",
    "load_hive_cmd",
    "logger",
    "run_hive",
    "run_hive_cmd",
    "run_hive_script",
]

client: HiveClient
"""The client that the configuration names, made when it is first used."""

HiveThriftContext = _home._metastore


def __getattr__(name: str) -> Any:
    if name == "client":
        return get_default_client()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def get_hive_syntax() -> str:
    """Which client is asked."""
    release: str = get_config().get("hive", "release", "cdh4")
    return release


def get_hive_warehouse_location() -> str:
    """The warehouse's folder."""
    return WarehouseHiveClient().warehouse_location


def get_ignored_file_masks() -> Any:
    """The names of files that do not make a table exist, as a regular expression."""
    return get_config().get("hive", "ignored_file_masks", None)


class HiveQueryTask(HiveQueryWork, BaseHadoopJobTask):
    """A task that runs a query."""


class ExternalHiveTask(luigi.ExternalTask):
    """A table or partition that somebody else makes."""

    database: Any = luigi.Parameter(default="default")
    table: Any = luigi.Parameter()
    partition: Any = luigi.DictParameter(default={}, description='Columns and values, such as {"day": "2013-01-25"}')

    def output(self) -> HivePartitionTarget:
        return HivePartitionTarget(database=self.database, table=self.table, partition=self.partition)


stand_for(__name__, _home)
