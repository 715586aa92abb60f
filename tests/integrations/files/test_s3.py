"""S3: its client and its targets, against a real server."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import rumbo
from luigi.contrib.opener import OpenerTarget
from luigi.contrib.redshift import RedshiftManifestTask
from luigi.contrib.target import CascadingClient
from rumbo.errors import MissingExtraError
from rumbo.integrations.s3 import ReadableS3File, S3FlagTarget, S3FlagTask, S3PathTask, S3Target
from rumbo.integrations.s3_client import (
    DeprecatedBotoClientException,
    FileNotFoundException,
    InvalidDeleteException,
    S3Client,
)
from rumbo.pipeline import config
from rumbo.pipeline.filesystem import FileAlreadyExists, MissingParentDirectory
from rumbo.pipeline.target import exist
from rumbo.testing.target_contract import TargetContract
from server_house import Cable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import file_services as services
    from rumbo.pipeline.formats import Format

PART = 5 << 20  # bytes; S3 takes no smaller parts but the last
BIG = (1024 if os.environ.get("RUMBO_TEST_ALL") else 200) << 20


@pytest.fixture
def client(s3: services.S3Service) -> S3Client:
    return S3Client(**s3.boto3)


@pytest.fixture
def base(tmp_path: Path) -> str:
    return f"s3://lake/{tmp_path.name}"


class TestS3Target(TargetContract):
    is_shared_with_children = True

    @pytest.fixture(autouse=True)
    def _client(self, client: S3Client) -> None:
        self.client = client

    def create_target(self, name: str, format: Format | None = None) -> Any:
        return S3Target(f"s3://lake/{self.folder.name}/{name}", format, self.client)

    def files_in_store(self) -> list[str]:
        return list(self.client.listdir(f"s3://lake/{self.folder.name}"))


# What goes there and comes back


def test_a_large_file_goes_there_in_parts(client: S3Client, base: str, tmp_path: Path) -> None:
    content = os.urandom(2 * PART + 1)
    (tmp_path / "here").write_bytes(content)
    client.put_multipart(str(tmp_path / "here"), f"{base}/there", part_size=PART)
    assert client.get_key(f"{base}/there").e_tag.endswith('-3"')
    client.get(f"{base}/there", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == content


def test_short_contents_need_no_file(client: S3Client, base: str) -> None:
    client.put_string("ñandú", f"{base}/text", ContentType="text/plain")
    assert client.get_as_string(f"{base}/text") == "ñandú"
    assert client.get_as_bytes(f"{base}/text") == "ñandú".encode()
    assert client.get_key(f"{base}/text").get()["ContentType"] == "text/plain"


def test_a_key_may_have_a_question_mark_in_it(client: S3Client, base: str) -> None:
    client.put_string("x", f"{base}/what? #1")
    assert list(client.list(base)) == ["what? #1"]
    assert client.exists(f"{base}/what? #1")


def test_only_what_is_read_of_a_file_travels(client: S3Client, base: str) -> None:
    client.put_string(bytes(range(256)) * 10_000, f"{base}/bytes")
    with ReadableS3File(client.get_key(f"{base}/bytes")) as stream:
        stream.seek(-256, os.SEEK_END)
        assert stream.read() == bytes(range(256))
        assert stream.seek(10) == 10
        assert stream.read(2) == b"\x0a\x0b"
        assert stream.read() == (bytes(range(256)) * 10_000)[12:]


def test_reading_goes_on_where_a_connection_broke(s3: services.S3Service, client: S3Client, base: str) -> None:
    content = os.urandom(8 << 20)
    client.put_string(content, f"{base}/long")
    cable = Cable(int(s3.url.rpartition(":")[2]))
    try:
        target = S3Target(f"{base}/long", rumbo.Nop, S3Client(**{**s3.boto3, "endpoint_url": cable.url}))
        with target.open() as stream:
            beginning = stream.read(1 << 20)
            cable.cut()
            assert beginning + stream.read() == content
    finally:
        cable.close()


def test_large_files_are_streamed_both_ways_in_little_memory(s3: services.S3Service, base: str) -> None:
    program = f"""
import sys, rumbo
from rumbo.integrations.s3 import S3Target
from rumbo.integrations.s3_client import S3Client

def most_memory():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

client = S3Client(**{s3.boto3!r})
small, large = (S3Target(f"{base}/{{name}}", rumbo.Nop, client) for name in ("small", "large"))
with small.open("w") as out:
    out.write(b"x")
with small.open() as source:
    source.read()
before = most_memory()
block = bytes(range(256)) * 4096
with large.open("w") as out:
    for _ in range({BIG} // len(block)):
        out.write(block)
after_writing = most_memory()
length = 0
with large.open() as source:
    while data := source.read(1 << 20):
        length += len(data)
assert length == {BIG}, length
large.remove()
print(after_writing - before, most_memory() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    written, read = (int(kibibytes) for kibibytes in done.stdout.split())
    assert written <= read < 64 << 10


def test_nothing_is_seen_of_a_writer_that_was_killed(s3: services.S3Service, client: S3Client, base: str) -> None:
    program = f"""
import os, signal, rumbo
from rumbo.integrations.s3 import S3Target
from rumbo.integrations.s3_client import S3Client
out = S3Target("{base}/killed", rumbo.Nop, S3Client(**{s3.boto3!r})).open("w")
out.write(b"x" * 1_000_000)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == -9
    assert not client.exists(f"{base}/killed")


# Folders


def test_folders_are_what_keys_begin_with(client: S3Client, base: str) -> None:
    client.put_string("x", f"{base}/folder/deep/key")
    assert client.isdir(f"{base}/folder")
    assert client.isdir(f"{base}/folder/deep/")
    assert not client.isdir(f"{base}/fold")
    assert not client.isdir(f"{base}/folder/deep/key")
    assert client.exists(f"{base}/folder")
    assert client.isdir("s3://lake")


def test_a_mark_of_old_hadoop_is_a_folder_too(client: S3Client, base: str) -> None:
    client.put_string("", f"{base}/old_$folder$")
    assert client.isdir(f"{base}/old")
    assert client.exists_many([f"{base}/old", f"{base}/new"]) == {f"{base}/old"}
    assert client.remove(f"{base}/old")
    assert not client.exists(f"{base}/old")


def test_making_folders(client: S3Client, base: str) -> None:
    with pytest.raises(MissingParentDirectory):
        client.mkdir(f"{base}/above/below", parents=False)
    client.mkdir(f"{base}/above/below")
    assert client.isdir(f"{base}/above/below")
    client.mkdir(f"{base}/above/below")
    client.mkdir(f"{base}/above/beside", parents=False)
    with pytest.raises(FileAlreadyExists) as raised:
        client.mkdir(f"{base}/above/below", raise_if_exists=True)
    assert str(raised.value) == f"Cannot make the folder {base}/above/below: it exists already."


def test_listing_tells_paths_or_what_is_below(client: S3Client, base: str) -> None:
    for name in ("a", "b/c"):
        client.put_string(name, f"{base}/{name}")
    assert list(client.listdir(base)) == [f"{base}/a", f"{base}/b/c"]
    assert list(client.list(f"{base}/")) == ["a", "b/c"]
    assert [item.size for item in client.list(base, return_key=True)] == [1, 3]


def test_listing_can_be_of_a_time(client: S3Client, base: str) -> None:
    client.put_string("x", f"{base}/now")
    now = datetime.datetime.now(datetime.UTC)
    hour = datetime.timedelta(hours=1)
    assert list(client.list(base, start_time=now - hour, end_time=now + hour)) == ["now"]
    assert list(client.list(base, start_time=now + hour)) == []
    assert list(client.list(base, end_time=now - hour)) == []


def test_removing(client: S3Client, base: str) -> None:
    for name in ("one", "folder/a", "folder/b"):
        client.put_string("x", f"{base}/{name}")
    assert client.remove(f"{base}/one") is True
    assert client.remove(f"{base}/one") is False
    with pytest.raises(InvalidDeleteException) as raised:
        client.remove(f"{base}/folder", recursive=False)
    assert str(raised.value) == f"{base}/folder is a folder. Pass recursive=True to remove all in it."
    assert client.remove(f"{base}/folder") is True
    assert not client.exists(f"{base}/folder")
    with pytest.raises(InvalidDeleteException) as raised:
        client.remove("s3://lake/")
    assert str(raised.value) == "Cannot remove the whole bucket at s3://lake/. Name a folder in it."


def test_copying_a_file_in_parts(client: S3Client, base: str) -> None:
    content = os.urandom(2 * PART + 1)
    client.put_string(content, f"{base}/one")
    assert client.copy(f"{base}/one", f"{base}/two", part_size=PART) == (1, len(content))
    assert client.get_as_bytes(f"{base}/two") == content
    with pytest.raises(FileNotFoundException) as raised:
        client.copy(f"{base}/three", f"{base}/four")
    assert str(raised.value) == f"Cannot copy {base}/three: there is nothing at this path."


def test_copying_and_moving_a_folder(client: S3Client, base: str) -> None:
    client.mkdir(f"{base}/from")
    for number in range(10):
        client.put_string(str(number), f"{base}/from/{number}")
    assert client.copy(f"{base}/from", f"{base}/to", threads=5) == (10, 10)
    client.move(f"{base}/to", f"{base}/further")
    assert not client.exists(f"{base}/to")
    assert list(client.list(f"{base}/further")) == [str(number) for number in range(10)]


# Targets


def test_a_thousand_targets_under_one_prefix_cost_a_handful_of_requests(client: S3Client, base: str) -> None:
    targets = [S3Target(f"{base}/{number:04}", client=client) for number in range(1000)]
    for target in targets[::100]:
        client.put_string("", target.path)
    requests = []
    client.s3.meta.client.meta.events.register("before-send.s3", lambda request, **_: requests.append(request.url))
    assert exist(targets) == [True, *[False] * 99] * 10
    assert len(requests) <= 4


def test_options_of_a_target_go_to_its_upload(client: S3Client, base: str) -> None:
    target = S3Target(f"{base}/kept", client=client, Metadata={"colour": "blue"})
    target.write_text("x")
    assert client.get_key(target.path).get()["Metadata"] == {"colour": "blue"}


def test_a_flag_says_that_a_folder_is_whole(client: S3Client, base: str) -> None:
    target = S3FlagTarget(f"{base}/folder/", client=client)
    client.put_string("x", f"{base}/folder/part")
    assert not target.exists()
    client.put_string("", f"{base}/folder/_SUCCESS")
    assert target.exists()
    assert not S3FlagTarget(f"{base}/folder/", client=client, flag="_OTHER").exists()


def test_the_path_of_a_flag_target_ends_with_a_slash() -> None:
    with pytest.raises(ValueError) as raised:
        S3FlagTarget("s3://lake/folder")
    assert str(raised.value) == "S3FlagTarget('s3://lake/folder') is a folder: end its path with a slash."


def test_tasks_for_what_others_put_there(client: S3Client, base: str, from_file: config.Configuration) -> None:
    client.put_string("x", f"{base}/day/part")
    assert S3PathTask(path=f"{base}/day/part").complete()
    assert not S3FlagTask(path=f"{base}/day/").complete()
    client.put_string("", f"{base}/day/done")
    assert S3FlagTask(path=f"{base}/day/", flag="done").complete()


# How it is reached


@pytest.fixture
def from_file(s3: services.S3Service, tmp_path: Path) -> Iterator[config.Configuration]:
    """A configuration whose file says how S3 is reached."""
    lines = [f"{name} = {value}" for name, value in {**s3.boto3, "use_ssl": "false"}.items()]
    (tmp_path / "luigi.cfg").write_text("\n".join(["[s3]", *lines]))
    configuration = config.discover(str(tmp_path))
    before = config.use(configuration)
    yield configuration
    config.use(before)


def test_the_configuration_says_how_it_is_reached(from_file: config.Configuration, base: str) -> None:
    one, two = S3Target(f"{base}/one"), S3Target(f"{base}/two")
    one.write_text("x")
    assert one.exists()
    assert one.fs is two.fs
    from_file.set("s3", "region_name", "eu-west-1")
    assert S3Target(f"{base}/one").fs is not one.fs


def test_numbers_and_truths_of_the_configuration_are_such(from_file: config.Configuration) -> None:
    from_file.set("s3", "api_version", "2006")
    assert S3Client._get_s3_config("api_version") == 2006
    assert S3Client._get_s3_config("use_ssl") is False


def test_a_role_is_assumed_and_its_credentials_are_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    server = pytest.importorskip("moto.server", reason="moto is not installed: pip install -e '.[dev-services]'")
    moto = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    try:
        url = "http://{}:{}".format(*moto.get_host_and_port())
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
        client = S3Client(
            "own-key",
            "own-secret",
            endpoint_url=url,
            region_name="us-east-1",
            aws_role_arn="arn:aws:iam::123456789012:role/loader",
            aws_role_session_name="nightly",
        )
        client.s3.create_bucket(Bucket="lake")
        client.put_string("x", "s3://lake/key")
        assert client.get_as_bytes("s3://lake/key") == b"x"
        credentials = client.s3.meta.client._request_signer._credentials
        assert credentials.method == "assume-role"
        frozen = credentials.get_frozen_credentials()
        assert frozen.token
        assert frozen.access_key != "own-key"
        assert credentials.refresh_needed(refresh_in=2 * 3600)
    finally:
        moto.stop()


def test_arguments_of_the_old_boto_are_refused_with_the_new_ones_name(client: S3Client, base: str) -> None:
    with pytest.raises(DeprecatedBotoClientException) as raised:
        client.put_string("x", f"{base}/key", encrypt_key=True)
    assert str(raised.value) == (
        "boto3 has no encrypt_key: pass ServerSideEncryption='AES256', or another of its encryption arguments."
    )
    with pytest.raises(DeprecatedBotoClientException, match="boto3 has no host: pass region_name="):
        client.put("nowhere", f"{base}/key", host="x")
    with pytest.raises(DeprecatedBotoClientException, match="boto3 does not know an option given to S3Client"):
        S3Client(is_secure=True).exists(f"{base}/key")


def test_a_missing_boto3_is_named_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(MissingExtraError) as raised:
        S3Client().exists("s3://lake/key")
    assert str(raised.value) == "A target in S3 needs a library that is not installed: pip install 'rumbo[s3]'"


def test_secrets_show_nowhere(client: S3Client, s3: services.S3Service, base: str) -> None:
    target = S3Target(f"{base}/key", client=client)
    assert s3.secret not in f"{target} {target!r} {client!r}"


def test_luigi_has_it_all_under_its_names() -> None:
    from luigi.contrib import s3 as luigis

    assert luigis.S3Target is S3Target
    assert luigis.S3Client.DEFAULT_PART_SIZE == 8388608
    assert issubclass(luigis.S3PathTask, luigis.ExternalTask)


def test_an_address_opens_a_target(from_file: config.Configuration, base: str) -> None:
    target = OpenerTarget(f"{base}/a?StorageClass=STANDARD", format=rumbo.UTF8)
    assert (type(target), target.path) == (S3Target, f"{base}/a")
    target.write_text("text")
    assert OpenerTarget(f"{base}/a").read_text() == "text"


def test_targets_go_by_the_next_client_when_one_is_away(client: S3Client, base: str) -> None:
    class Away(S3Client):
        def exists(self, path: str) -> bool:
            raise ConnectionError("away")

    cascade: Any = CascadingClient([Away(), client])
    client.put_string("text", f"{base}/a")
    assert exist([S3Target(f"{base}/a", client=cascade), S3Target(f"{base}/b", client=cascade)]) == [True, False]
    assert list(CascadingClient([client, client]).list(base)) == ["a"]  # type: ignore[attr-defined]


def test_a_manifest_for_redshift(from_file: config.Configuration, client: S3Client, base: str) -> None:
    client.put_string("1", f"{base}/orders/part-0")
    client.put_string("2", f"{base}/orders/part-1")

    class Orders(RedshiftManifestTask):
        folder_paths = [f"{base}/orders"]

    task = Orders(path=f"{base}/manifest")
    task.run()
    assert json.loads(task.output().read_text()) == {
        "entries": [{"url": f"{base}/orders/part-{number}", "mandatory": True} for number in (0, 1)]
    }


def test_frames_come_and_go(client: S3Client, base: str) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"name": ["a", "b"], "legs": [2, 4]})
    for suffix in ("csv.gz", "parquet"):
        target = S3Target(f"{base}/animals.{suffix}", client=client)
        target.dump(frame)
        pandas.testing.assert_frame_equal(target.load("pandas"), frame)
