"""Loads into an index of Elasticsearch or OpenSearch, by the bulk interface, with a marker that says that all is there.

There are no transactions over documents. So a document that brings no id of its own gets one that follows from the load
and its place in it: a load that died and is made again writes over what it left, and nothing is there twice.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rumbo.errors import ConfigurationError, MissingExtraError, TaskError
from rumbo.pipeline import typed
from rumbo.pipeline.config import get_config
from rumbo.pipeline.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import ModuleType

__all__ = ["CopyToIndex", "ElasticsearchTarget", "IndexWork"]

logger = logging.getLogger("luigi-interface")

_RETRIES = 3
_MODULES = {"elasticsearch": "elasticsearch", "opensearch": "opensearchpy"}


def _library() -> tuple[str, ModuleType]:
    """The client library: ``[elasticsearch] client`` of the configuration, or the one that is installed."""
    from importlib import import_module
    from importlib.util import find_spec

    named = get_config().get("elasticsearch", "client", None)
    if named is not None and named not in _MODULES:
        raise ConfigurationError(f"[elasticsearch] client is {named!r}; it can be {' or '.join(_MODULES)}.")
    for name in [named] if named else _MODULES:
        if find_spec(_MODULES[name]):
            return name, import_module(_MODULES[name])
    raise MissingExtraError("Elasticsearch or OpenSearch", named or "elasticsearch")


def connect(host: str, port: int, http_auth: Any, timeout: float, further: Mapping[str, Any]) -> Any:
    """A client of whichever library there is.

    Args:
        host: the server; ``https://host`` for TLS.
        port: its port.
        http_auth: (user, password), or both with a colon between; None for neither.
        timeout: seconds to wait for an answer.
        further: arguments of the client's constructor.
    """
    name, library = _library()
    scheme, _, bare = host.rpartition("://")
    login = tuple(http_auth.split(":", 1)) if isinstance(http_auth, str) else http_auth
    common: dict[str, Any] = {"max_retries": _RETRIES, "retry_on_timeout": True}
    if name == "opensearch":
        hosts = [{"host": bare, "port": port}]
        common |= {"http_auth": login, "timeout": timeout, "use_ssl": scheme == "https"}
        return library.OpenSearch(hosts=hosts, **common, **further)
    common |= {"basic_auth": login, "request_timeout": timeout}
    hosts = [{"host": bare, "port": port, "scheme": scheme or "http"}]
    return library.Elasticsearch(hosts=hosts, **common, **further)


class _Configured:
    def __init__(self, option: str, default: str) -> None:
        self._option = option
        self._default = default

    def __get__(self, target: Any, owner: type) -> str:
        value: str = get_config().get("elasticsearch", self._option, self._default)
        return value


class ElasticsearchTarget(Target):
    """A load into an index, told by its document in the marker index.

    Args:
        host: the server; ``https://host`` for TLS.
        port: its port.
        index: the index that is filled.
        doc_type: a label for the marker. Servers know no types of documents any more.
        update_id: what the load is known by.
        marker_index_hist_size: so many markers of the index are kept; 0: all.
        http_auth: (user, password), or both with a colon between. They are shown nowhere.
        timeout: seconds to wait for an answer.
        extra_elasticsearch_args: further arguments of the client's constructor.
    """

    marker_index: Any = _Configured("marker_index", "update_log")
    marker_doc_type: Any = _Configured("marker_doc_type", "entry")

    def __init__(
        self,
        host: str,
        port: int,
        index: str,
        doc_type: str,
        update_id: str,
        marker_index_hist_size: int = 0,
        http_auth: Any = None,
        timeout: float = 10,
        extra_elasticsearch_args: Mapping[str, Any] | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.index = index
        self.doc_type = doc_type
        self.update_id = update_id
        self.marker_index_hist_size = marker_index_hist_size
        self.http_auth = http_auth
        self.timeout = timeout
        self.extra_elasticsearch_args = dict(extra_elasticsearch_args or {})

    def __str__(self) -> str:
        return self.index

    def __repr__(self) -> str:
        return f"{type(self).__name__}('{self.host}:{self.port}/{self.index}', {self.update_id!r})"

    @cached_property
    def es(self) -> Any:
        """The client."""
        return connect(self.host, self.port, self.http_auth, self.timeout, self.extra_elasticsearch_args)

    def marker_index_document_id(self) -> str:
        """The marker's id."""
        return hashlib.sha1(f"{self.index}:{self.doc_type}:{self.update_id}".encode()).hexdigest()

    def touch(self) -> None:
        """Write the marker."""
        self.create_marker_index()
        marker = {
            "update_id": self.update_id,
            "target_index": self.index,
            "target_doc_type": self.doc_type,
            "date": dt.datetime.now().isoformat(),
        }
        self.es.index(index=self.marker_index, id=self.marker_index_document_id(), body=marker, refresh=True)
        self.ensure_hist_size()

    def exists(self) -> bool:
        """Whether the marker is there."""
        return bool(self.es.exists(index=self.marker_index, id=self.marker_index_document_id()))

    def create_marker_index(self) -> None:
        """Make the marker index if it is missing."""
        _create_index(self.es, self.marker_index, {})

    def ensure_hist_size(self) -> None:
        """Remove all markers of this index but the latest."""
        if not self.marker_index_hist_size:
            return
        found = self.es.search(
            index=self.marker_index,
            body={
                "query": {"match": {"target_index": self.index}},
                "sort": [{"date": {"order": "desc"}}],
                "size": 1000,
            },
        )
        ours = [hit for hit in found["hits"]["hits"] if hit["_source"]["target_index"] == self.index]
        for hit in ours[self.marker_index_hist_size :]:
            self.es.delete(index=self.marker_index, id=hit["_id"], refresh=True)


def _create_index(client: Any, index: str, body: Mapping[str, Any]) -> None:
    if client.indices.exists(index=index):
        return
    try:
        client.indices.create(index=index, body=dict(body))
    except Exception:
        if not client.indices.exists(index=index):  # or somebody else was quicker
            raise


class IndexWork(ABC):
    """What a task that fills an index has and does, whatever kind of task it is."""

    if TYPE_CHECKING:
        task_id: str

        def input(self) -> Any: ...

    host: Any = "localhost"
    port: Any = 9200
    http_auth: Any = None
    """(user, password), or both with a colon between."""
    doc_type: Any = "default"
    mapping: Any = None
    """The index's mapping, such as ``{"properties": {"day": {"type": "date"}}}``."""
    settings: Any = {"settings": {}}
    """Given to the index when it is made."""
    chunk_size: Any = 2000
    """Documents that are sent at once."""
    raise_on_error: Any = True
    """A document that the server refuses is an error."""
    purge_existing_index: Any = False
    """Remove the whole index first."""
    marker_index_hist_size: Any = 0
    timeout: Any = 10
    extra_elasticsearch_args: Any = {}

    @property
    @abstractmethod
    def index(self) -> Any:
        """The index, which is made if it is missing."""

    def docs(self) -> Iterable[Any]:
        """The documents, as dictionaries or as JSON: by default the lines of the input.

        One with an ``_id`` replaces what has that id; one with an ``_index`` goes there.
        """
        with self.input().open("r") as lines:
            yield from lines

    def update_id(self) -> str:
        """What this load is known by."""
        return self.task_id

    def output(self) -> ElasticsearchTarget:
        """The marker of this load."""
        return ElasticsearchTarget(
            host=self.host,
            port=self.port,
            index=self.index,
            doc_type=self.doc_type,
            update_id=self.update_id(),
            marker_index_hist_size=self.marker_index_hist_size,
            http_auth=self.http_auth,
            timeout=self.timeout,
            extra_elasticsearch_args=self.extra_elasticsearch_args,
        )

    def _init_connection(self) -> Any:
        return connect(self.host, self.port, self.http_auth, self.timeout, self.extra_elasticsearch_args)

    def create_index(self) -> None:
        """Make the index if it is missing."""
        _create_index(self._init_connection(), self.index, self.settings)

    def delete_index(self) -> None:
        """Remove the index with all that is in it."""
        client = self._init_connection()
        if client.indices.exists(index=self.index):
            client.indices.delete(index=self.index)

    def run(self) -> Any:
        """Fill the index, and then write the marker."""
        if self.purge_existing_index:
            self.delete_index()
        self.create_index()
        client = self._init_connection()
        if self.mapping:
            client.indices.put_mapping(index=self.index, body=self.mapping)
        _, library = _library()
        from importlib import import_module

        bulk = import_module(f"{library.__name__}.helpers").bulk
        # Without a refresh each second the server takes documents much faster. None is the server's own interval.
        _set_refresh_interval(client, self.index, "-1")
        try:
            done, _ = bulk(
                client,
                self._actions(),
                chunk_size=self.chunk_size,
                raise_on_error=self.raise_on_error,
                max_retries=_RETRIES,
            )
        finally:
            _set_refresh_interval(client, self.index, None)
        client.indices.refresh(index=self.index)
        self.output().touch()
        logger.info("%d documents are in %s.", done, self.index)

    def _actions(self) -> Iterator[dict[str, Any]]:
        for number, document in enumerate(self._docs()):
            place = f"{self.update_id()}:{number}"
            yield {"_id": hashlib.sha1(place.encode()).hexdigest(), **document}

    def _docs(self) -> Iterator[dict[str, Any]]:
        for given in self.docs():
            document = json.loads(given) if isinstance(given, (str, bytes)) else given
            if not isinstance(document, dict):
                raise TaskError(f"{self}: a document is a dictionary, or JSON of one, but docs() gave {given!r}.")
            known = {name: value for name, value in document.items() if name != "_type"}
            yield {"_index": self.index, **known}


def _set_refresh_interval(client: Any, index: str, interval: str | None) -> None:
    client.indices.put_settings(index=index, body={"index": {"refresh_interval": interval}})


class CopyToIndex(IndexWork, typed.Task):
    """A task that fills an index with the documents that `docs` gives."""
