"""HDFS: by its web interface and by the hadoop command, against a real one."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

import rumbo
from luigi.contrib import webhdfs as luigis
from luigi.contrib.target import CascadingClient
from rumbo.errors import ConfigurationError
from rumbo.integrations import hdfs_clients
from rumbo.integrations.hadoop_jar import HadoopJarJobTask
from rumbo.integrations.hdfs import HdfsFlagTarget, HdfsTarget, Plain, PlainDir, tmppath
from rumbo.integrations.hdfs_clients import (
    HdfsClient,
    HdfsClientCdh3,
    HDFSCliError,
    HdfsFileSystem,
    WebHdfsClient,
    create_hadoopcli_client,
    get_autoconfig_client,
)
from rumbo.integrations.hdfs_formats import (
    CompatibleHdfsFormat,
    HdfsAtomicWriteDirPipe,
    HdfsAtomicWritePipe,
    HdfsReadPipe,
    PlainFormat,
)
from rumbo.integrations.hive import WarehouseHiveClient
from rumbo.pipeline.filesystem import FileAlreadyExists, MissingParentDirectory, NotADirectory
from rumbo.pipeline.formats import PipeError
from rumbo.pipeline.target import exist
from rumbo.testing.target_contract import TargetContract
from server_process import unused_port

if TYPE_CHECKING:
    from pathlib import Path

    import hdfs_service
    from rumbo.pipeline import config
    from rumbo.pipeline.formats import Format


# Luigi's names of some settings are deprecated in Luigi itself.
pytestmark = pytest.mark.filterwarnings("ignore:Setting .* is deprecated:DeprecationWarning")


@pytest.fixture
def web(hdfs: hdfs_service.HdfsService) -> WebHdfsClient:
    return WebHdfsClient("127.0.0.1", hdfs.web_port, "root")


@pytest.fixture
def cli(hdfs: hdfs_service.HdfsService, configuration: config.Configuration) -> HdfsClient:
    configuration.set("hadoop", "command", hdfs.command)
    return HdfsClient()


@pytest.fixture
def base(tmp_path: Path) -> str:
    return f"/{tmp_path.name}"


@pytest.fixture
def one(tmp_path: Path) -> str:
    """A file here."""
    (tmp_path / "one").write_text("one\n")
    return str(tmp_path / "one")


class TestHdfsTarget(TargetContract):
    is_shared_with_children = True

    @pytest.fixture(autouse=True)
    def _web(self, web: WebHdfsClient) -> None:
        self.web = web

    def create_target(self, name: str, format: Format | None = None) -> Any:
        return HdfsTarget(f"/{self.folder.name}/{name}", format, fs=self.web)

    def files_in_store(self) -> list[str]:
        return self.web.glob(f"/{self.folder.name}/**/*")


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("RUMBO_TEST_ALL"), reason="each question starts Java: run by `make test-all`")
class TestHdfsTargetByTheCommand(TargetContract):
    # The command replaces a file in two steps, so one of two who replace it again and again may get an error.
    is_shared_with_children = False

    @pytest.fixture(autouse=True)
    def _cli(self, cli: HdfsClient) -> None:
        self.cli = cli

    def create_target(self, name: str, format: Format | None = None) -> Any:
        return HdfsTarget(f"/{self.folder.name}/{name}", format, fs=self.cli)

    def files_in_store(self) -> list[str]:
        return self.cli.glob(f"/{self.folder.name}/**/*")


# The web interface


def test_files_come_and_go_over_the_web(web: WebHdfsClient, base: str, one: str, tmp_path: Path) -> None:
    web.put(one, f"{base}/deep/a")
    web.copy(f"{base}/deep/a", f"{base}/b")
    web.get(f"{base}/b", str(tmp_path / "back"))
    assert (tmp_path / "back").read_text() == "one\n"
    assert sorted(web.listdir(base)) == ["b", "deep"]
    assert web.count(base) == {"content_size": 8, "dir_count": 2, "file_count": 2}
    assert web.isdir(f"{base}/deep")
    web.chmod(base, "700", recursive=True)
    assert web.client.status(f"{base}/deep/a")["permission"] == "700"
    web.chown(base, "ana", None, recursive=True)
    assert web.client.status(f"{base}/deep/a")["owner"] == "ana"
    web.remove(base)
    with pytest.raises(FileNotFoundError):
        web.remove(base)


def test_who_may_not_look_is_not_told_that_nothing_is_there(
    web: WebHdfsClient, hdfs: hdfs_service.HdfsService, base: str, one: str
) -> None:
    web.put(one, f"{base}/closed/a")
    web.chmod(f"{base}/closed", "700")
    stranger = WebHdfsClient("127.0.0.1", hdfs.web_port, "bob")
    with pytest.raises(Exception, match="Permission denied: user=bob"):
        HdfsTarget(f"{base}/closed/a", fs=stranger).exists()
    with pytest.raises(PermissionError):
        rumbo.Target(f"webhdfs://127.0.0.1:{hdfs.web_port}{base}/closed/a", user="bob").exists()
    assert not HdfsTarget(f"{base}/closed/a/below", fs=web).exists()
    assert not rumbo.Target(f"webhdfs://127.0.0.1:{hdfs.web_port}{base}/closed/a/below", user="root").exists()


def test_a_name_node_that_hangs_up_is_asked_again() -> None:
    """A stand-in: the real one does not hang up when it is told to."""
    answers = iter([None, 503, 200])

    class HangingUp(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = next(answers)
            if status is None:
                self.close_connection = True
                return
            body = b'{"FileStatus": {"type": "FILE", "modificationTime": 1000}}'
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), HangingUp) as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        assert WebHdfsClient("127.0.0.1", server.server_port, "ana").exists("/a")
        server.shutdown()
    assert list(answers) == []


def test_a_path_may_name_its_cluster(web: WebHdfsClient, hdfs: hdfs_service.HdfsService, base: str) -> None:
    web.touchz(f"{hdfs.url}{base}/a")
    assert web.exists(f"{base}/a")
    assert web.glob(f"{hdfs.url}{base}/*") == [f"{hdfs.url}{base}/a"]


def test_making_folders_over_the_web(web: WebHdfsClient, base: str) -> None:
    web.mkdir(f"{base}/a/b")
    with pytest.raises(FileAlreadyExists):
        web.mkdir(f"{base}/a/b", raise_if_exists=True)
    with pytest.raises(MissingParentDirectory):
        web.mkdir(f"{base}/c/d", parents=False)
    web.touchz(f"{base}/file")
    with pytest.raises(NotADirectory):
        web.mkdir(f"{base}/file")


def test_a_folder_of_targets_is_one_listing(web: WebHdfsClient, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = [HdfsTarget(f"{base}/{number}", fs=web) for number in range(100)]
    for target in targets[::50]:
        web.touchz(target.path)
    requests: list[str] = []
    send = web.client._session.send

    def noting(request: Any, **options: Any) -> Any:
        requests.append(request.url)
        return send(request, **options)

    monkeypatch.setattr(web.client._session, "send", noting)
    assert exist(targets) == [True, *[False] * 49] * 2
    assert len(requests) == 2


# Targets


def test_a_flag_says_that_a_folder_is_whole(web: WebHdfsClient, base: str) -> None:
    target = HdfsFlagTarget(f"{base}/folder/", client=web)
    web.touchz(f"{base}/folder/part-00000")
    assert not target.exists()
    web.touchz(f"{base}/folder/_SUCCESS")
    assert target.exists()


def test_a_folder_of_map_reduce_is_read_as_one(web: WebHdfsClient, base: str) -> None:
    for name in ("part-0", "part-1", "_SUCCESS", "_logs"):
        web.client.write(f"{base}/out/{name}", data=f"{name}\n".encode())
    target = HdfsTarget(f"{base}/out", rumbo.UTF8 >> PlainDir, fs=web)
    assert target.open().read() == "part-0\npart-1\n"
    target.write_text("new\n")
    assert web.listdir(f"{base}/out") == ["data"]
    assert target.open().read() == "new\n"


def test_plain_at_the_end_of_a_chain_changes_nothing(web: WebHdfsClient, base: str) -> None:
    target = HdfsTarget(f"{base}/packed", rumbo.UTF8 >> rumbo.Gzip >> Plain, fs=web)
    target.write_text("text")
    assert target.read_text() == "text"
    assert web.open(f"{base}/packed").read(2) == b"\x1f\x8b"


def test_a_temporary_target_is_removed(web: WebHdfsClient) -> None:
    target = HdfsTarget(is_tmp=True, fs=web)
    target.write_text("text")
    path = target.path
    assert web.exists(path)
    del target
    assert not web.exists(path)


def test_where_one_may_write(web: WebHdfsClient, base: str) -> None:
    web.mkdir(base)
    assert HdfsTarget(f"{base}/not/there/yet", fs=web).is_writable()
    other = WebHdfsClient("127.0.0.1", web.port, "somebody")
    assert not HdfsTarget(f"{base}/not/there/yet", fs=other).is_writable()


def test_a_path_with_a_colon(web: WebHdfsClient) -> None:
    with pytest.raises(ValueError) as raised:
        HdfsTarget("hdfs://node:8020/a:b", fs=web)
    assert str(raised.value) == "hdfs://node:8020/a:b has a colon in it, which HDFS does not allow."


def test_temporary_names_are_of_the_same_cluster(configuration: config.Configuration) -> None:
    assert tmppath("hdfs://node:8020/a/b", include_unix_username=False).startswith(
        "hdfs://node:8020/tmp/a/b-luigi-tmp-"
    )
    assert tmppath("/tmp/a", include_unix_username=False).startswith("/tmp/a-luigi-tmp-")
    configuration.set("hdfs", "tmp_dir", "/scratch")
    assert tmppath("/a").startswith("/scratch/")


def test_copying_into_a_folder_and_moving_one(web: WebHdfsClient, base: str) -> None:
    target = HdfsTarget(f"{base}/from/a", fs=web)
    target.write_text("text")
    web.mkdir(f"{base}/to")
    target.copy(f"{base}/to")
    assert HdfsTarget(f"{base}/to/a", fs=web).read_text() == "text"
    with pytest.raises(FileAlreadyExists):
        HdfsTarget(f"{base}/from", fs=web).move_dir(f"{base}/to")
    HdfsTarget(f"{base}/from", fs=web).move_dir(f"{base}/moved")
    assert web.exists(f"{base}/moved/a")


# Formats and clients that a program brings along


class Shouting:
    """A format of Luigi's old kind, which says only how to write."""

    def __init__(self, client: WebHdfsClient) -> None:
        self.client = client

    def hdfs_writer(self, path: str) -> Any:
        return PlainFormat(self.client).pipe_writer(f"{path}.LOUD")


def test_a_format_may_take_the_path_itself(web: WebHdfsClient, base: str) -> None:
    plain = PlainFormat(web)
    format = CompatibleHdfsFormat(lambda path: plain.hdfs_writer(f"{path}.own"), plain.hdfs_reader, "bytes")
    HdfsTarget(f"{base}/a", rumbo.UTF8 >> format, fs=web).write_text("text")
    assert HdfsTarget(f"{base}/a.own", format, fs=web).open().read() == b"text"


def test_a_format_of_the_old_kind(web: WebHdfsClient, base: str) -> None:
    with pytest.warns(DeprecationWarning, match="call them pipe_writer"):
        target = HdfsTarget(f"{base}/a", Shouting(web), fs=web)  # type: ignore[arg-type]
    with target.open("w") as out:
        out.write(b"text")
    web.move(f"{base}/a.LOUD", f"{base}/a")
    assert target.open().read() == "text"


class OwnClient(HdfsFileSystem):
    """What a program makes of Luigi's abstract class, over a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _here(self, path: str) -> Path:
        return self.folder / path.lstrip("/")

    def exists(self, path: str) -> bool:
        return self._here(path).exists()

    def remove(self, path: str, recursive: bool = True, skip_trash: bool = False) -> None:
        self._here(path).unlink()

    def mkdir(self, path: str, parents: bool = True, raise_if_exists: bool = False) -> None:
        self._here(path).mkdir(parents=parents, exist_ok=not raise_if_exists)

    def move(self, path: str, dest: str) -> None:
        self._here(path).rename(self._here(dest))

    def put(self, local_path: str, destination: str) -> None:
        shutil.copyfile(local_path, self._here(destination))

    def get(self, path: str, local_destination: str) -> None:
        shutil.copyfile(self._here(path), local_destination)

    def copy(self, path: str, destination: str) -> None:
        shutil.copyfile(self._here(path), self._here(destination))

    def listdir(self, path: str, *args: Any, **kwargs: Any) -> list[str]:
        return [one.name for one in self._here(path).iterdir()]

    def touchz(self, path: str) -> None:
        self._here(path).touch()

    def chmod(self, path: str, permissions: str, recursive: bool = False) -> None: ...
    def chown(self, path: str, owner: str | None, group: str | None, recursive: bool = False) -> None: ...
    def count(self, path: str) -> dict[str, int]:
        return {}


def test_a_client_of_ones_own_needs_no_more_than_luigis(tmp_path: Path) -> None:
    target = HdfsTarget("/a", fs=OwnClient(tmp_path))
    with pytest.raises(FileNotFoundError):
        target.open()
    target.write_text("one")
    target.write_text("two")
    assert target.read_text() == "two"
    assert os.listdir(tmp_path) == ["a"]


def test_targets_go_by_the_next_client_when_one_is_away(web: WebHdfsClient, base: str) -> None:
    away = WebHdfsClient("127.0.0.1", unused_port(), "root")
    cascade: Any = CascadingClient([away, web])
    targets = [HdfsTarget(f"{base}/{name}", fs=cascade) for name in "ab"]
    targets[0].write_text("text")
    assert targets[0].read_text() == "text"
    assert exist(targets) == [True, False]
    targets[0].move_dir(f"{base}/c")
    assert cascade.listdir(base) == ["c"]


def test_a_warehouse_is_looked_into_over_the_web(web: WebHdfsClient, base: str) -> None:
    warehouse = WarehouseHiveClient(web, base)
    web.touchz(f"{base}/shop.db/orders/day=1/part-0")
    assert warehouse.table_exists("orders", "shop")
    assert warehouse.table_exists("orders", "shop", {"day": 1})
    assert not warehouse.table_exists("orders", "shop", {"day": 2})


def test_reading_over_the_web_under_luigis_old_names(web: WebHdfsClient, base: str) -> None:
    luigis.WebHdfsTarget(f"{base}/a", web).write_text("one\ntwo\n")
    with luigis.ReadableWebHdfsFile(f"{base}/a", web) as source:
        assert source.read() == b"one\ntwo\n"
        assert list(source) == ["one", "two"]
        assert list(source.readlines("w")) == ["one\nt", "o\n"]
    with web.read(f"{base}/a", offset=1, length=4, chunk_size=3) as pieces:
        assert list(pieces) == [b"ne\n", b"t"]


# The command


@pytest.fixture
def by_command(cli: HdfsClient, web: WebHdfsClient, configuration: config.Configuration) -> config.Configuration:
    """Bytes travel by the command, and all else over the web, which is quicker."""
    configuration.set("hdfs", "client", "webhdfs")
    configuration.set("hdfs", "namenode_host", web.host)
    configuration.set("webhdfs", "port", str(web.port))
    return configuration


@pytest.fixture
def _fresh_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(hdfs_clients._of_this_thread, "client", raising=False)


@pytest.mark.slow
@pytest.mark.usefixtures("by_command", "_fresh_client")
def test_streams_of_the_command(web: WebHdfsClient, base: str) -> None:
    with HdfsAtomicWritePipe(f"{base}/a") as out:
        out.write(b"text")
        assert not web.exists(f"{base}/a")
    with HdfsReadPipe(f"{base}/[^_]*") as source:
        assert source.read() == b"text"
    with HdfsAtomicWriteDirPipe(f"{base}/folder/", ".txt") as out:
        out.write(b"text")
    assert web.listdir(f"{base}/folder") == ["data.txt"]


@pytest.mark.slow
@pytest.mark.usefixtures("by_command", "_fresh_client")
def test_a_stream_that_is_given_up_leaves_nothing(web: WebHdfsClient, base: str) -> None:
    out = HdfsAtomicWritePipe(f"{base}/a")
    out.write(b"text")
    out.abort()
    assert not web.exists(out.tmppath)
    assert not web.exists(f"{base}/a")


@pytest.mark.usefixtures("by_command", "_fresh_client")
def test_a_stream_whose_command_fails(web: WebHdfsClient, configuration: config.Configuration, base: str) -> None:
    configuration.set("hadoop", "command", "false")
    out = HdfsAtomicWritePipe(f"{base}/a")
    with pytest.raises(PipeError, match=r"ended with status 1\. Nothing was published"):
        out.close()
    assert not web.exists(f"{base}/a")


@pytest.mark.slow
def test_the_command_does_it_too(cli: HdfsClient, base: str, one: str, tmp_path: Path) -> None:
    target = HdfsTarget(f"{base}/deep/with a space", fs=cli)
    assert not target.exists()
    with pytest.raises(FileNotFoundError):
        target.open()
    target.write_text("text")
    target.write_text("other")
    assert target.read_text() == "other"
    assert list(cli.listdir(f"{base}/deep", include_size=True, include_type=True)) == [(target.path, 5, "-")]
    assert list(cli.listdir(base, recursive=True, ignore_directories=True)) == [target.path]
    assert cli.glob(f"{base}/deep/with*") == [target.path]
    assert cli.count(base) == {"content_size": 5, "dir_count": 2, "file_count": 1}
    assert cli.isdir(base)
    cli.mkdir(base)
    with pytest.raises(FileAlreadyExists):
        cli.mkdir(base, parents=False, raise_if_exists=True)
    cli.put(one, f"{base}/deep/one")
    cli.getmerge(f"{base}/deep", str(tmp_path / "merged"))
    assert (tmp_path / "merged").read_text() == "one\nother"
    cli.chmod(base, "700", recursive=True)
    cli.remove(base, skip_trash=True)
    with pytest.raises(HDFSCliError, match="No such file or directory"):
        cli.remove(base)


def test_the_command_is_that_of_its_version(
    configuration: config.Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration.set("hadoop", "command", "hadoop --config /etc/old")
    configuration.set("hadoop", "version", "CDH3")
    commands = []

    def run(command: Any, **_: Any) -> Any:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    client = create_hadoopcli_client()
    assert isinstance(client, HdfsClientCdh3)
    client.mkdir("/a")
    client.remove("/a", skip_trash=True)
    assert commands == [
        ["hadoop", "--config", "/etc/old", "fs", "-mkdir", "/a"],
        ["hadoop", "--config", "/etc/old", "fs", "-rmr", "-skipTrash", "/a"],
    ]


# Jobs


def test_a_jar_is_a_job_of_map_and_reduce_over_files_there(
    hdfs: hdfs_service.HdfsService, cli: HdfsClient, base: str, one: str
) -> None:
    """Hadoop runs it in one process, for its scheduler comes in no package."""

    class Counted(HadoopJarJobTask):
        def jar(self) -> str:
            return hdfs.map_reduce_jar

        def main(self) -> str:
            return "org.apache.hadoop.mapred.lib.aggregate.ValueAggregatorJob"

        def args(self) -> Any:
            return [HdfsTarget(f"{base}/lines", fs=cli), self.output(), 1, "textinputformat"]

        def output(self) -> Any:
            return HdfsFlagTarget(f"{base}/counted/", client=cli)

    cli.put(one, f"{base}/lines")
    assert not Counted().complete()
    Counted().run()
    assert Counted().complete()
    assert sorted(os.path.basename(path) for path in cli.listdir(base)) == ["counted", "lines"]
    assert HdfsTarget(f"{base}/counted/part-00000", fs=cli).read_text().splitlines() == [
        f"{hdfs.url}{base}/lines\t1",
        "record_count\t1",
    ]


# The configuration


def test_the_configuration_names_the_client(configuration: config.Configuration) -> None:
    class Cache:
        pass

    configuration.set("hdfs", "client", "webhdfs")
    configuration.set("hdfs", "namenode_host", "first;second")
    configuration.set("webhdfs", "port", "9870")
    client = get_autoconfig_client(Cache())
    assert isinstance(client, WebHdfsClient)
    assert client.url == "http://first:9870;http://second:9870"
    configuration.set("hdfs", "client", "snakebite")
    with pytest.raises(ConfigurationError) as raised:
        get_autoconfig_client(Cache())
    assert str(raised.value) == "[hdfs] client is 'snakebite': it must be webhdfs or hadoopcli."


def test_without_the_command(configuration: config.Configuration) -> None:
    configuration.set("hadoop", "command", "/none/hadoop --config c")
    with pytest.raises(ConfigurationError) as raised:
        HdfsTarget("/a", fs=HdfsClient()).exists()
    assert str(raised.value) == (
        "There is no command /none/hadoop, by which HDFS is asked. Install Hadoop, or name the command under [hadoop]; "
        "or ask the web interface, with client = webhdfs under [hdfs]."
    )


def test_without_a_name_node(configuration: config.Configuration) -> None:
    with pytest.raises(ConfigurationError) as raised:
        WebHdfsClient()
    assert str(raised.value) == (
        "Nobody says where the name node of HDFS is: set [hdfs] namenode_host, or pass host to WebHdfsClient."
    )


def test_luigi_has_it_all_under_its_names() -> None:
    import luigi.contrib.webhdfs
    from luigi.contrib import hdfs as luigis

    assert luigis.HdfsTarget is HdfsTarget
    assert luigis.hdfs_clients.get_autoconfig_client is get_autoconfig_client
    assert issubclass(luigi.contrib.webhdfs.WebHdfsTarget, HdfsTarget)
    assert os.path.basename(luigis.tmppath("/a")).startswith("a-luigi-tmp-")
