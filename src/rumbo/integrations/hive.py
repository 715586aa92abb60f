"""Queries in Hive by its command line, and tables and partitions of Hive as targets.

Whether a table is there is asked of one of three clients, as ``[hive] release`` of the configuration says: the command
line (``cdh4``, ``apache``), the metastore (``metastore``), or the folders of the warehouse (``warehouse``).
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import tempfile
from abc import ABC, abstractmethod
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from rumbo.errors import TargetError, TaskError
from rumbo.integrations.hadoop import BaseHadoopJobWork, CommandFailed, JobRunner, run_and_track_hadoop_job
from rumbo.pipeline import typed
from rumbo.pipeline.config import get_config
from rumbo.pipeline.structure import flatten
from rumbo.pipeline.target import FileSystemTarget, Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "ApacheHiveCommandClient",
    "HiveClient",
    "HiveCommandClient",
    "HiveCommandError",
    "HivePartitionTarget",
    "HiveQueryRunner",
    "HiveQueryTask",
    "HiveQueryWork",
    "HiveTableTarget",
    "MetastoreClient",
    "WarehouseHiveClient",
    "get_default_client",
    "run_hive",
    "run_hive_cmd",
    "run_hive_script",
]

logger = logging.getLogger("luigi-interface")


# The command -----------------------------------------------------------------------------------------------------


class HiveCommandError(CommandFailed):
    """The ``hive`` command failed."""


def load_hive_cmd() -> list[str]:
    """The command: ``[hive] command`` of the configuration."""
    command: str = get_config().get("hive", "command", "hive")
    return command.split()


def run_hive(args: Sequence[str], check_return_code: bool = True) -> str:
    """What the command prints.

    Raises:
        HiveCommandError: it failed, and ``check_return_code`` is set.
        TaskError: there is no such command.
    """
    command = [*load_hive_cmd(), *args]
    try:
        done = subprocess.run(command, capture_output=True)
    except FileNotFoundError as error:
        raise TaskError(f"There is no {command[0]}. Install Hive, or name it as command under [hive].") from error
    if check_return_code and done.returncode:
        last = done.stderr.decode(errors="replace").strip()[-2000:]
        raise HiveCommandError(
            f"Hive command: {' '.join(command)} failed with error code: {done.returncode}\n{last}",
            done.stdout,
            done.stderr,
        )
    return done.stdout.decode()


def run_hive_cmd(hivecmd: str, check_return_code: bool = True) -> str:
    """What a statement prints."""
    return run_hive(["-e", hivecmd], check_return_code)


def run_hive_script(script: str) -> str:
    """What a file of statements prints."""
    if not os.path.isfile(script):
        raise HiveCommandError(f"There is no file of statements {script}.")
    return run_hive(["-f", script])


# Clients ---------------------------------------------------------------------------------------------------------


class HiveClient(ABC):
    """Answers questions about tables. A partition is a dictionary from columns to values."""

    @abstractmethod
    def table_location(self, table: str, database: str = "default", partition: Any = None) -> str | None:
        """Where the data of a table or a partition is."""

    @abstractmethod
    def table_schema(self, table: str, database: str = "default") -> Any:
        """The columns as (name, type); None without such a table."""

    @abstractmethod
    def table_exists(self, table: str, database: str = "default", partition: Any = None) -> bool:
        """Whether there is such a table, or such a partition of it."""

    @abstractmethod
    def partition_spec(self, partition: Mapping[str, Any]) -> str:
        """A partition as this client's side writes it."""


class HiveCommandClient(HiveClient):
    """Asks the command line."""

    _absent = "does not exist"
    _checks_schema = True

    def table_location(self, table: str, database: str = "default", partition: Any = None) -> str | None:
        statement = f"use {database}; describe formatted {table}"
        if partition is not None:
            statement += f" PARTITION ({self.partition_spec(partition)})"
        found = re.search(r"^Location:?\s+(\S+)", run_hive_cmd(statement), re.MULTILINE)
        return found[1] if found else None

    def table_exists(self, table: str, database: str = "default", partition: Any = None) -> bool:
        if partition:
            return bool(
                run_hive_cmd(f"use {database}; show partitions {table} partition ({self.partition_spec(partition)})")
            )
        # The answer has a line for each table, and other words on it in some versions.
        said = run_hive_cmd(f'use {database}; show tables like "{table}";')
        return table.lower() in re.split(r"\s+", said.lower())

    def table_schema(self, table: str, database: str = "default") -> Any:
        said = run_hive_cmd(f"use {database}; describe {table}", self._checks_schema)
        if not said or self._absent in said:
            return None
        return [tuple(cell.strip() for cell in line.strip().split("\t")) for line in said.strip().split("\n")]

    def partition_spec(self, partition: Mapping[str, Any]) -> str:
        return ",".join(f"`{column}`='{value}'" for column, value in sorted(partition.items()))


class ApacheHiveCommandClient(HiveCommandClient):
    """Asks the command line of Apache's release, which ends with an error where others only say so."""

    _absent = "Table not found"
    _checks_schema = False


class MetastoreClient(HiveClient):
    """Asks the metastore, at ``[hive] metastore_host`` and ``metastore_port``."""

    def table_location(self, table: str, database: str = "default", partition: Any = None) -> str | None:
        with _metastore() as client:
            if partition is None:
                return str(client.get_table(database, table).sd.location)
            missing = import_module("hive_metastore.ttypes").NoSuchObjectException
            try:
                found = client.get_partition_by_name(database, table, self.partition_spec(partition))
            except missing:
                return ""
            return str(found.sd.location)

    def table_exists(self, table: str, database: str = "default", partition: Any = None) -> bool:
        with _metastore() as client:
            if not partition:
                return table in client.get_all_tables(database)
            names = client.get_partition_names(database, table, -1)  # all of them
            wanted = {column: str(value) for column, value in partition.items()}
            return wanted in [dict(part.split("=", 1) for part in name.split("/")) for name in names]

    def table_schema(self, table: str, database: str = "default") -> Any:
        with _metastore() as client:
            return [(field.name, field.type) for field in client.get_schema(database, table)]

    def partition_spec(self, partition: Mapping[str, Any]) -> str:
        return "/".join(f"{column}={value}" for column, value in sorted(partition.items()))


@contextmanager
def _metastore() -> Iterator[Any]:
    try:
        service = import_module("hive_metastore.ThriftHiveMetastore")
        socket = import_module("thrift.transport.TSocket")
        transports = import_module("thrift.transport.TTransport")
        protocols = import_module("thrift.protocol.TBinaryProtocol")
    except ImportError as error:
        raise TargetError(
            "Hive's metastore is asked by its Thrift bindings, the modules hive_metastore and thrift, which are not "
            "installed. Install them, or set another release under [hive]."
        ) from error
    config = get_config()
    connection = socket.TSocket(config.get("hive", "metastore_host"), config.getint("hive", "metastore_port"))
    connection.setTimeout(10_000)
    transport = transports.TBufferedTransport(connection)
    transport.open()
    try:
        yield service.Client(protocols.TBinaryProtocol(transport))
    finally:
        transport.close()


class WarehouseHiveClient(HiveClient):
    """Looks into the folders of tables that Hive manages.

    Args:
        hdfs_client: the file system of the warehouse; by default HDFS, as it is configured.
        warehouse_location: the warehouse's folder; by default ``[hive] warehouse_location`` of the configuration.
    """

    def __init__(self, hdfs_client: Any = None, warehouse_location: str | None = None) -> None:
        self._hdfs_client = hdfs_client
        self.warehouse_location: str = warehouse_location or get_config().get(
            "hive", "warehouse_location", "/user/hive/warehouse"
        )

    @property
    def hdfs_client(self) -> Any:
        """The file system of the warehouse."""
        if self._hdfs_client is None:
            self._hdfs_client = import_module("rumbo.integrations.hdfs").get_autoconfig_client()
        return self._hdfs_client

    def table_schema(self, table: str, database: str = "default") -> Any:
        return NotImplemented

    def table_location(self, table: str, database: str = "default", partition: Any = None) -> str | None:
        return os.path.join(self.warehouse_location, f"{database}.db", table, self.partition_spec(partition))

    def table_exists(self, table: str, database: str = "default", partition: Any = None) -> bool:
        path = self.table_location(table, database, partition)
        if not self.hdfs_client.exists(path):
            return False
        ignored = get_config().get("hive", "ignored_file_masks", None)
        if ignored is None:
            return True
        return any(not re.match(ignored, name) for name in self.hdfs_client.listdir(path))

    def partition_spec(self, partition: Mapping[str, Any]) -> str:
        return "/".join(f"{column}={value}" for column, value in (partition or {}).items())


def get_default_client() -> HiveClient:
    """The client that ``[hive] release`` of the configuration names."""
    release = get_config().get("hive", "release", "cdh4")
    clients: dict[str, type[HiveClient]] = {
        "apache": ApacheHiveCommandClient,
        "metastore": MetastoreClient,
        "warehouse": WarehouseHiveClient,
    }
    return clients.get(release, HiveCommandClient)()


# Targets and tasks -----------------------------------------------------------------------------------------------


class HivePartitionTarget(Target):
    """A partition of a table.

    Args:
        table: the table.
        partition: a dictionary from columns to values; None or empty for a table without partitions.
        database: the table's database.
        fail_missing_table: a table that is not there is an error, and not only a partition that is not there.
        client: whom to ask.
    """

    def __init__(
        self,
        table: str,
        partition: Any,
        database: str = "default",
        fail_missing_table: bool = True,
        client: HiveClient | None = None,
    ) -> None:
        self.database = database
        self.table = table
        self.partition = partition
        self.fail_missing_table = fail_missing_table
        self.client = client or get_default_client()

    def __str__(self) -> str:
        spec = "/".join(f"{column}={value}" for column, value in (self.partition or {}).items())
        return f"{self.database}.{self.table}" + (f"/{spec}" if spec else "")

    def exists(self) -> bool:
        """Whether it is there."""
        try:
            return self.client.table_exists(self.table, self.database, self.partition)
        except HiveCommandError:
            if self.fail_missing_table or self.client.table_exists(self.table, self.database):
                raise
            return False

    @property
    def path(self) -> str:
        """Where its data is."""
        location = self.client.table_location(self.table, self.database, self.partition)
        if not location:
            raise TargetError(f"Hive does not say where {self} is. Is it there?")
        return location


class HiveTableTarget(HivePartitionTarget):
    """A table without partitions."""

    def __init__(self, table: str, database: str = "default", client: HiveClient | None = None) -> None:
        super().__init__(table, None, database, fail_missing_table=False, client=client)


class HiveQueryWork(BaseHadoopJobWork):
    """What a task that runs a query does."""

    n_reduce_tasks: Any = None
    bytes_per_reducer: Any = None
    reducers_max: Any = None

    @abstractmethod
    def query(self) -> Any:
        """The query, or several with ``;`` between."""

    def hiverc(self) -> Any:
        """Files of statements to run first: ``[hive] hiverc_location`` of the configuration."""
        return get_config().get("hive", "hiverc_location", None)

    def hivevars(self) -> Mapping[str, Any]:
        """Variables of the query."""
        return {}

    def hiveconfs(self) -> dict[str, Any]:
        """Settings of Hive."""
        settings: dict[str, Any] = {"mapred.job.name": f"'{self.task_id}'"}
        if self.n_reduce_tasks is not None:
            settings["mapred.reduce.tasks"] = self.n_reduce_tasks
        if self.pool is not None:
            scheduler = get_config().get("hadoop", "scheduler", "fair")
            name = {"fair": "mapred.fairscheduler.pool", "capacity": "mapred.job.queue.name"}.get(scheduler)
            if name:
                settings[name] = self.pool
        if self.bytes_per_reducer is not None:
            settings["hive.exec.reducers.bytes.per.reducer"] = self.bytes_per_reducer
        if self.reducers_max is not None:
            settings["hive.exec.reducers.max"] = self.reducers_max
        return settings

    def job_runner(self) -> Any:
        return HiveQueryRunner()


class HiveQueryRunner(JobRunner):
    """Runs a query by the command line."""

    def prepare_outputs(self, job: Any) -> None:
        """Make the folders that hold the outputs, since Hive does not."""
        for target in flatten(job.output()):
            if isinstance(target, FileSystemTarget):
                folder = os.path.dirname(target.path)
                if folder:
                    target.fs.mkdir(folder, parents=True, raise_if_exists=False)

    def get_arglist(self, f_name: str, job: Any) -> list[str]:
        """The command for a file with the query."""
        command = [*load_hive_cmd(), "-f", f_name]
        first = job.hiverc()
        for path in [first] if isinstance(first, str) else first or ():
            command += ["-i", path]
        for name, value in (job.hiveconfs() or {}).items():
            command += ["--hiveconf", f"{name}={value}"]
        for name, value in (job.hivevars() or {}).items():
            command += ["--hivevar", f"{name}={value}"]
        return command

    def run_job(self, job: Any, tracking_url_callback: Any = None) -> Any:
        """Run the query, and give what the command wrote."""
        self.prepare_outputs(job)
        query = job.query()
        with tempfile.NamedTemporaryFile(suffix=".sql") as file:
            file.write(query.encode() if isinstance(query, str) else query)
            file.flush()
            tell_url = tracking_url_callback or job.set_tracking_url
            return run_and_track_hadoop_job(self.get_arglist(file.name, job), tell_url)


class HiveQueryTask(HiveQueryWork, typed.Task):
    """A task that runs a query of Hive."""
