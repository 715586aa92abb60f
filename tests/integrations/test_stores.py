"""Redis, MongoDB and search servers as targets, against servers on this machine."""

from __future__ import annotations

import http.client
import json
import random
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from luigi.contrib import esindex
from luigi.contrib.mongodb import (
    MongoCellTarget,
    MongoCollectionTarget,
    MongoCountTarget,
    MongoRangeTarget,
)
from luigi.contrib.redis_store import RedisTarget
from rumbo.errors import ConfigurationError, MissingExtraError, TaskError
from rumbo.integrations.elasticsearch import CopyToIndex, ElasticsearchTarget, connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integrations.data_services import Address
    from rumbo.pipeline.config import Configuration


class TestRedis:
    @pytest.fixture
    def target(self, redis_server: Address) -> RedisTarget:
        return RedisTarget(redis_server.host, redis_server.port, 0, f"load {random.randrange(10**9)}")

    def test_a_marker(self, target: RedisTarget) -> None:
        assert not target.exists()
        assert target.modified() is None
        target.touch()
        assert target.exists()
        assert target.modified() is not None
        assert target.redis_client.hget(str(target), "update_id") == target.update_id.encode()
        target.remove()
        assert not target.exists()

    def test_a_marker_expires(self, target: RedisTarget) -> None:
        target.expire = 100
        target.touch()
        assert 90 < target.redis_client.ttl(target.marker_key()) <= 100

    def test_the_prefix_is_in_the_configuration(self, configuration: Configuration, target: RedisTarget) -> None:
        assert target.marker_key() == f"luigi:{target.update_id}"
        configuration.set("redis", "marker-prefix", "shop")
        assert target.marker_key() == f"shop:{target.update_id}"

    def test_a_password_is_not_shown(self) -> None:
        assert repr(RedisTarget("h", 1, 2, "u", password="secret")) == "RedisTarget('h:1/2', 'u')"

    def test_a_server_that_does_not_answer(self) -> None:
        import redis

        from server_process import unused_port

        with pytest.raises(redis.exceptions.ConnectionError):
            RedisTarget("127.0.0.1", unused_port(), 0, "u").exists()

    def test_no_library(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "redis", None)
        with pytest.raises(MissingExtraError) as caught:
            RedisTarget("h", 1, 2, "u").exists()
        assert str(caught.value) == "Redis needs a library that is not installed: pip install 'rumbo[redis]'"


class TestMongo:
    @pytest.fixture
    def client(self, mongo: Address) -> Iterator[Any]:
        pymongo = pytest.importorskip("pymongo")
        with pymongo.MongoClient(mongo.host, mongo.port, directConnection=True) as client:
            yield client

    @pytest.fixture
    def where(self, client: Any) -> tuple[Any, str, str]:
        return client, "shop", f"items{random.randrange(10**9)}"

    def test_a_field(self, where: Any) -> None:
        target = MongoCellTarget(*where, "tea", "price.euro")
        assert not target.exists()
        assert target.read() is None
        target.write(2.5)
        assert target.exists()
        assert target.read() == 2.5
        assert target.get_collection().find_one() == {"_id": "tea", "price": {"euro": 2.5}}
        assert str(target) == f"shop/{where[2]}"

    def test_a_field_of_several_documents(self, where: Any) -> None:
        target = MongoRangeTarget(*where, ["a", "b"], "n")
        assert target.get_empty_ids() == {"a", "b"}
        target.write({"a": 1, "stranger": 3})
        assert not target.exists()
        assert target.get_empty_ids() == {"b"}
        target.write({"b": 2})
        assert target.exists()
        assert target.read() == {"a": 1, "b": 2}
        target.write({})
        assert target.get_collection().count_documents({}) == 2

    def test_a_collection(self, where: Any) -> None:
        target = MongoCollectionTarget(*where)
        assert not target.exists()
        target.get_collection().insert_one({})
        assert target.exists()

    def test_a_number_of_documents(self, where: Any) -> None:
        target = MongoCountTarget(*where, 2)
        assert target.read() is None
        target.get_collection().insert_one({})
        assert not target.exists()
        target.get_collection().insert_one({})
        assert target.exists()


class Elastic(BaseHTTPRequestHandler):
    """Makes OpenSearch look like Elasticsearch to its client, which wants to see its maker's name in each answer."""

    upstream: Any

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection(*self.upstream)
        kind = "application/x-ndjson" if "ndjson" in self.headers.get("Content-Type", "") else "application/json"
        connection.request(self.command, self.path, body, {"Content-Type": kind} if body else {})
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name in ("Content-Type", "Content-Length"):
            if answer.getheader(name):
                self.send_header(name, answer.getheader(name) or "")
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.end_headers()
        self.wfile.write(content)
        connection.close()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _pass_on  # noqa: N815 - the base class wants these names

    def log_message(self, *args: Any) -> None:
        """Nothing."""


class Documents(CopyToIndex):
    name: str
    given: tuple[str, ...] = ('{"n": 1, "text": "one"}', '{"n": 2, "text": "two"}')
    mapping = {"properties": {"n": {"type": "integer"}, "text": {"type": "keyword"}}}
    chunk_size = 2
    where: tuple[str, int] = ("localhost", 0)

    @property
    def host(self) -> str:
        return self.where[0]

    @property
    def port(self) -> int:
        return self.where[1]

    @property
    def index(self) -> str:
        return self.name

    def docs(self) -> Any:
        return self.given


class TestSearch:
    @pytest.fixture(params=["opensearch", "elasticsearch"])
    def server(
        self, request: pytest.FixtureRequest, opensearch: Address, configuration: Configuration
    ) -> Iterator[tuple[str, int]]:
        """Where the client of each maker finds its server."""
        pytest.importorskip({"opensearch": "opensearchpy"}.get(request.param, request.param))
        configuration.set("elasticsearch", "client", request.param)
        if request.param == "opensearch":
            yield opensearch
            return
        handler = type("Handler", (Elastic,), {"upstream": tuple(opensearch)})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as proxy:
            threading.Thread(target=proxy.serve_forever, args=[0.02], daemon=True).start()
            yield "127.0.0.1", proxy.server_address[1]
            proxy.shutdown()

    @pytest.fixture
    def index(self) -> str:
        return f"test{random.randrange(10**9)}"

    def found(self, server: tuple[str, int], index: str) -> list[dict[str, Any]]:
        hits = connect(*server, None, 10, {}).search(index=index, body={"query": {"match_all": {}}, "size": 100})
        return sorted((hit["_source"] for hit in hits["hits"]["hits"]), key=lambda source: source.get("n", 0))

    def test_documents_and_marker(self, server: Any, index: str) -> None:
        task = Documents(name=index, where=tuple(server))
        assert not task.complete()
        task.run()
        assert task.complete()
        assert self.found(server, index) == [{"n": 1, "text": "one"}, {"n": 2, "text": "two"}]

    def test_a_load_that_is_made_again_leaves_nothing_twice(self, server: Any, index: str) -> None:
        class Dying(Documents):
            dies: bool = True

            def update_id(self) -> str:
                return "the load"

            def docs(self) -> Any:
                yield from [{"n": n} for n in range(5)]
                if self.dies:
                    raise OSError("gone")

        with pytest.raises(OSError, match="gone"):
            Dying(name=index, where=tuple(server)).run()
        assert not Dying(name=index, where=tuple(server)).complete()
        Dying(name=index, where=tuple(server), dies=False).run()
        assert self.found(server, index) == [{"n": n} for n in range(5)]

    def test_a_document_may_bring_its_id_and_index(self, server: Any, index: str) -> None:
        class Own(Documents):
            def docs(self) -> Any:
                yield {"_id": "tea", "n": 1, "_type": "drink"}
                yield {"_id": "tea", "n": 2}
                yield {"_index": f"{index}b", "n": 3}

        Own(name=index, where=tuple(server)).run()
        connect(*server, None, 10, {}).indices.refresh(index=f"{index}b")
        assert self.found(server, index) == [{"n": 2}]
        assert self.found(server, f"{index}b") == [{"n": 3}]

    def test_an_index_may_be_emptied_first(self, server: Any, index: str) -> None:
        class Fresh(Documents):
            purge_existing_index = True

        Documents(name=index, where=tuple(server)).run()
        Fresh(name=index, where=tuple(server), given=('{"n": 3}',)).run()
        assert self.found(server, index) == [{"n": 3}]

    def test_only_the_latest_markers_are_kept(self, server: Any, index: str) -> None:
        targets = [ElasticsearchTarget(*server, index, "default", str(n), marker_index_hist_size=2) for n in range(4)]
        for target in targets:
            target.touch()
        assert [target.exists() for target in targets] == [False, False, True, True]

    def test_luigis_names(self, server: Any, index: str) -> None:
        class Old(esindex.CopyToIndex):
            host, port = server
            doc_type = "drink"

            @property
            def index(self) -> str:
                return index

            def docs(self) -> Any:
                return [{"n": 1}]

        Old().run()
        assert isinstance(Old().output(), esindex.ElasticsearchTarget)
        assert Old().complete()


class TestSearchMistakes:
    def test_a_document_that_is_none(self, configuration: Configuration) -> None:
        with pytest.raises(TaskError) as caught:
            list(Documents(name="i", given=("[1]",))._docs())
        assert str(caught.value).endswith(": a document is a dictionary, or JSON of one, but docs() gave '[1]'.")

    def test_a_client_that_is_none(self, configuration: Configuration) -> None:
        configuration.set("elasticsearch", "client", "solr")
        with pytest.raises(ConfigurationError) as caught:
            ElasticsearchTarget("h", 1, "i", "d", "u").exists()
        assert str(caught.value) == ("[elasticsearch] client is 'solr'; it can be elasticsearch or opensearch.")

    def test_no_client(self, configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(MissingExtraError) as caught:
            ElasticsearchTarget("h", 1, "i", "d", "u").exists()
        assert str(caught.value) == (
            "Elasticsearch or OpenSearch needs a library that is not installed: pip install 'rumbo[elasticsearch]'"
        )

    def test_a_login_is_not_shown(self) -> None:
        target = ElasticsearchTarget("h", 1, "i", "d", "u", http_auth="me:secret")
        assert repr(target) == "ElasticsearchTarget('h:1/i', 'u')"
        assert json.dumps(str(target)) == '"i"'
