"""Queries in Presto, and its tables."""

from __future__ import annotations

import inspect
import logging
import re
import time
from contextlib import closing
from importlib import import_module
from typing import TYPE_CHECKING, Any

import luigi
from luigi.contrib import rdbms
from luigi.task_register import Register
from rumbo.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PrestoClient", "PrestoTarget", "PrestoTask", "WithPrestoClient", "logger", "presto"]

logger = logging.getLogger("luigi-interface")


class presto(luigi.Config):
    """The section ``[presto]``."""

    host = luigi.Parameter(default="localhost", description="Presto's coordinator")
    port: Any = luigi.IntParameter(default=8090, description="Port there")
    user = luigi.Parameter(default="anonymous", description="Who we are to it")
    catalog = luigi.Parameter(default="hive", description="Catalog")
    password: Any = luigi.OptionalParameter(default=None, description="Proves who we are; then TLS is used")
    protocol = luigi.Parameter(default="https", description="http or https")
    poll_interval: Any = luigi.FloatParameter(default=1.0, description="Seconds between questions")


def _library() -> Any:
    try:
        return import_module("pyhive.presto")
    except ImportError:
        raise MissingExtraError("Presto", "presto") from None


class PrestoClient:
    """Runs queries over a connection, and knows how far they are.

    Args:
        connection: a ``pyhive.presto.Connection``.
        sleep_time: seconds between questions.
    """

    def __init__(self, connection: Any, sleep_time: float = 1) -> None:
        self.sleep_time = sleep_time
        self._connection = connection
        self._status: dict[str, Any] = {"state": "initial"}

    @property
    def percentage_progress(self) -> float:
        """How far the query is, in percent."""
        progress: float = self._status.get("stats", {}).get("progressPercentage", 0.1)
        return progress

    @property
    def info_uri(self) -> str | None:
        """Where the query can be watched."""
        return self._status.get("infoUri")

    def execute(self, query: str, parameters: Any = None, mode: str | None = None) -> Iterator[Any]:
        """Run a query.

        Args:
            query: the query.
            parameters: its values.
            mode: ``watch`` gives what the server says on the way; ``fetch`` the rows.
        """
        if mode not in (None, "watch", "fetch"):
            raise ValueError(f"mode is {mode!r}; it can be watch or fetch.")
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(query, parameters)
            while True:
                status = cursor.poll()
                if not status:
                    break
                self._status = status
                if mode != "fetch":
                    yield status
                time.sleep(self.sleep_time)
            if mode == "fetch":
                yield from cursor.fetchall()


class WithPrestoClient(Register):
    """Gives a class ``_client``, over a connection that is made of the task's own attributes."""

    def __new__(cls, name: str, bases: Any, attrs: dict[str, Any], **kwargs: Any) -> Any:
        def _client(task: Any) -> PrestoClient:
            library = _library()
            names = inspect.getfullargspec(library.Cursor.__init__)[0][1:]
            given = {name: value for name in names if (value := getattr(task, name, None))}
            return PrestoClient(library.Connection(**given), task.poll_interval)

        attrs["_client"] = property(_client)
        return super().__new__(cls, name, bases, attrs, **kwargs)


class PrestoTarget(luigi.Target):
    """A table with rows, or with rows in one partition.

    Args:
        client: whom to ask.
        catalog: the catalog.
        database: the schema there.
        table: the table there.
        partition: columns and values.
    """

    def __init__(self, client: Any, catalog: str, database: str, table: str, partition: Any = None) -> None:
        self.catalog = catalog
        self.database = database
        self.table = table
        self.partition = partition
        self._client = client
        self._count: int | None = None

    def __str__(self) -> str:
        return self.table

    @property
    def _count_query(self) -> tuple[str, list[Any]]:
        partition = dict(self.partition or {1: 1})
        where = " AND ".join(f"{column} = %s" for column in partition)
        query = f"SELECT COUNT(*) AS cnt FROM {self.catalog}.{self.database}.{self.table} WHERE {where} LIMIT 1"
        return query, list(partition.values())

    def _table_doesnot_exist(self, exception: BaseException) -> bool:
        name = re.escape(f"{self.catalog}.{self.database}.{self.table}")
        said = f"{exception} {getattr(exception, 'message', '')}"
        return re.search(rf"Table '?{name}'? does not exist", said) is not None

    def count(self) -> int:
        """How many rows there are; asked once."""
        if not self._count:
            self._count = next(self._client.execute(*self._count_query, mode="fetch"))[0]
        return self._count or 0

    def exists(self) -> bool:
        try:
            return self.count() > 0
        except Exception as error:
            if self._table_doesnot_exist(error):
                return False
            raise


class PrestoTask(rdbms.Query, metaclass=WithPrestoClient):
    """A task that runs a query. Its progress, and where it can be watched, are told."""

    _client: Any
    query: Any = None
    partition: Any = None
    source: Any = "pyhive"
    session_props: Any = None
    requests_session: Any = None
    requests_kwargs: Any = None
    """Further arguments of each request, such as ``{"verify": "/path/to/ca.pem"}``."""

    @property
    def host(self) -> Any:
        return presto().host

    @property
    def port(self) -> Any:
        return presto().port

    @property
    def user(self) -> Any:
        return presto().user

    @property
    def username(self) -> Any:
        """The same as ``user``."""
        return self.user

    @property
    def schema(self) -> Any:
        """The same as ``database``."""
        return self.database

    @property
    def password(self) -> Any:
        return presto().password

    @property
    def catalog(self) -> Any:
        """The catalog."""
        return presto().catalog

    @property
    def poll_interval(self) -> Any:
        """Seconds between questions."""
        return presto().poll_interval

    @property
    def protocol(self) -> Any:
        """A password travels over TLS only."""
        return "https" if self.password else presto().protocol

    def run(self) -> Any:
        client = self._client
        is_told = False
        for _ in client.execute(self.query):
            if not is_told and client.info_uri:
                self.set_tracking_url(client.info_uri)
                is_told = True
            self.set_progress_percentage(client.percentage_progress)

    def output(self) -> Any:
        return PrestoTarget(self._client, self.catalog, self.database, self.table, self.partition)
