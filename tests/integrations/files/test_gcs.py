"""Google Cloud Storage, against an emulator: Google's own store can be had nowhere else."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

import rumbo
from rumbo.errors import MissingExtraError, TargetError
from rumbo.integrations.gcs import GCSClient, GCSFlagTarget, GCSTarget, InvalidDeleteException
from rumbo.pipeline.filesystem import FileAlreadyExists, MissingParentDirectory
from rumbo.pipeline.target import exist
from rumbo.testing.target_contract import TargetContract

if TYPE_CHECKING:
    from pathlib import Path

    from rumbo.pipeline.formats import Format


@pytest.fixture(autouse=True)
def _emulator(gcs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs)


@pytest.fixture
def client() -> GCSClient:
    return GCSClient(project="test")


@pytest.fixture
def base(tmp_path: Path) -> str:
    return f"gs://lake/{tmp_path.name}"


class TestGCSTarget(TargetContract):
    is_shared_with_children = True

    @pytest.fixture(autouse=True)
    def _client(self, client: GCSClient) -> None:
        self.client = client

    def create_target(self, name: str, format: Format | None = None) -> Any:
        return GCSTarget(f"gs://lake/{self.folder.name}/{name}", format, self.client)

    def files_in_store(self) -> list[str]:
        return list(self.client.listdir(f"gs://lake/{self.folder.name}"))


class TestAddress(TargetContract):
    is_shared_with_children = True

    def create_target(self, name: str, format: Format | None = None) -> Any:
        return rumbo.Target(f"gs://lake/{self.folder.name}/{name}", format, token="anon")

    def files_in_store(self) -> list[str]:
        return list(self.create_target("").fs.listdir(f"gs://lake/{self.folder.name}/"))


def test_files_come_and_go(client: GCSClient, base: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    client.put_multiple([str(tmp_path / "a"), str(tmp_path / "b")], f"{base}/from", num_process=2)
    client.copy(source_path=f"{base}/from", destination_path=f"{base}/to")
    client.move(source_path=f"{base}/to/a", destination_path=f"{base}/to/c")
    assert sorted(client.listdir(f"{base}/to")) == [f"{base}/to/b", f"{base}/to/c"]
    assert client.download(f"{base}/to/c").read() == b"a"
    assert list(client.list_wildcard(f"{base}/from/a*")) == [f"{base}/from/a"]
    with pytest.raises(TargetError):
        client.put_multiple("a", base)
    with pytest.raises(FileAlreadyExists):
        client.rename_dont_move(f"{base}/to/b", f"{base}/to/c")


def test_a_download_can_be_enough(client: GCSClient, base: str) -> None:
    client.put_string(bytes(600 << 10), f"{base}/large")
    with client.download(f"{base}/large", 256 << 10, lambda here: here.tell() >= 512 << 10) as source:
        assert len(source.read()) == 512 << 10
    with client.download(f"{base}/large", chunk_callback=lambda here: False) as source:
        assert len(source.read()) == 600 << 10


def test_errors_of_the_store_can_be_told_from_ones_own() -> None:
    from google.api_core.exceptions import NotFound, ServiceUnavailable

    from luigi.contrib.gcs import is_error_5xx

    assert is_error_5xx(ServiceUnavailable("down"))
    assert not is_error_5xx(NotFound("nothing"))
    assert not is_error_5xx(OSError("here"))


def test_folders(client: GCSClient, base: str) -> None:
    client.put_string("x", f"{base}/folder/key")
    assert client.isdir(f"{base}/folder")
    assert not client.isdir(f"{base}/fold")
    with pytest.raises(MissingParentDirectory):
        client.mkdir(f"{base}/above/below", parents=False)
    client.mkdir(f"{base}/above/below")
    assert client.isdir(f"{base}/above/below")
    with pytest.raises(FileAlreadyExists):
        client.mkdir(f"{base}/above/below", raise_if_exists=True)


def test_removing(client: GCSClient, base: str) -> None:
    client.put_string("x", f"{base}/folder/key")
    with pytest.raises(InvalidDeleteException):
        client.remove(f"{base}/folder", recursive=False)
    assert client.remove(f"{base}/folder") is True
    assert client.remove(f"{base}/folder") is False
    with pytest.raises(InvalidDeleteException) as raised:
        client.remove("gs://lake")
    assert str(raised.value) == "Cannot remove the whole bucket at gs://lake. Name a folder in it."


def test_a_large_file_is_sent_in_pieces_and_read_at_any_place(client: GCSClient, base: str, tmp_path: Path) -> None:
    content = os.urandom(3 << 18)
    (tmp_path / "here").write_bytes(content)
    client.put(str(tmp_path / "here"), f"{base}/there", chunksize=1 << 18)
    with client.download(f"{base}/there", chunksize=1 << 18) as stream:
        stream.seek(1000)
        assert stream.read() == content[1000:]


def test_a_hundred_targets_are_a_request(client: GCSClient, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = [GCSTarget(f"{base}/{number:03}", client=client) for number in range(100)]
    for target in targets[::50]:
        client.put_string("", target.path)
    requests: list[str] = []
    session = client.client._http
    send = session.request

    def noting(*args: Any, **options: Any) -> Any:
        requests.append(options.get("url") or args[1])
        return send(*args, **options)

    monkeypatch.setattr(session, "request", noting)
    assert exist(targets) == [True, *[False] * 49] * 2
    assert len(requests) == 1


def test_a_flag_says_that_a_folder_is_whole(client: GCSClient, base: str) -> None:
    target = GCSFlagTarget(f"{base}/folder/", client=client)
    client.put_string("x", f"{base}/folder/part")
    assert not target.exists()
    client.put_string("", f"{base}/folder/_SUCCESS")
    assert target.exists()
    with pytest.raises(ValueError) as raised:
        GCSFlagTarget(f"{base}/folder", client=client)
    assert str(raised.value) == f"GCSFlagTarget('{base}/folder') is a folder: end its path with a slash."


def test_a_missing_library_is_named_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud", None)
    with pytest.raises(MissingExtraError) as raised:
        GCSClient().exists("gs://lake/key")
    assert str(raised.value) == (
        "A target in Google Cloud Storage needs a library that is not installed: pip install 'rumbo[gcs]'"
    )


def test_luigi_has_it_all_under_its_names() -> None:
    from luigi.contrib import gcs as luigis

    assert luigis.GCSTarget is GCSTarget
