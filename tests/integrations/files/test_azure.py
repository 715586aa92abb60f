"""Azure's blobs, against Microsoft's own emulator."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

import rumbo
from rumbo.errors import MissingExtraError
from rumbo.integrations.azure import AzureBlobClient, AzureBlobTarget, ReadableAzureBlobFile
from rumbo.pipeline.filesystem import FileAlreadyExists, FileSystemException
from rumbo.pipeline.target import exist
from rumbo.testing.target_contract import TargetContract

if TYPE_CHECKING:
    from pathlib import Path

    import file_services as services
    from rumbo.pipeline.formats import Format


@pytest.fixture
def client(azure: services.AzureService) -> AzureBlobClient:
    return AzureBlobClient(connection_string=azure.connection_string)


class TestAzureBlobTarget(TargetContract):
    is_shared_with_children = True

    @pytest.fixture(autouse=True)
    def _client(self, client: AzureBlobClient) -> None:
        self.client = client

    def create_target(self, name: str, format: Format | None = None) -> Any:
        return AzureBlobTarget("lake", f"{self.folder.name}/{name}", self.client, format)

    def files_in_store(self) -> list[str]:
        return list(self.client.listdir(f"lake/{self.folder.name}"))


class TestAddress(TargetContract):
    is_shared_with_children = True

    @pytest.fixture(autouse=True)
    def _options(self, azure: services.AzureService) -> None:
        self.options = {"connection_string": azure.connection_string}

    def create_target(self, name: str, format: Format | None = None) -> Any:
        return rumbo.Target(f"abfs://lake/{self.folder.name}/{name}", format, **self.options)

    def files_in_store(self) -> list[str]:
        return list(self.create_target("").fs.listdir(f"abfs://lake/{self.folder.name}/"))


def test_blobs_come_and_go(client: AzureBlobClient, tmp_path: Path) -> None:
    (tmp_path / "here").write_text("text")
    sent: list[Any] = []
    client.upload(
        str(tmp_path / "here"), "fresh", "deep/there", progress_callback=lambda now, whole: sent.append((now, whole))
    )
    assert client.exists("fresh")
    assert sent[-1] == (4, 4)
    assert client.download_as_bytes("fresh", "deep/there") == b"text"
    assert client.download_as_bytes("fresh", "deep/there", 2) == b"te"
    assert client.download_as_file("fresh", "deep/there", str(tmp_path / "back")).size == 4
    assert (tmp_path / "back").read_text() == "text"
    client.copy("fresh/deep/there", "lake/elsewhere")
    assert client.exists("lake/elsewhere")
    with pytest.raises(FileAlreadyExists):
        client.rename_dont_move("fresh/deep/there", "lake/elsewhere")
    assert client.remove("lake/elsewhere") is True
    assert client.remove("lake/elsewhere") is False
    client.delete_container("fresh")
    assert not client.exists("fresh")


def test_a_container_is_no_blob(client: AzureBlobClient) -> None:
    client.mkdir("lake")
    with pytest.raises(FileSystemException) as raised:
        client.remove("lake")
    assert str(raised.value) == "lake is a container. Name a blob in it: lake/name."


def test_a_hundred_targets_are_a_request(client: AzureBlobClient, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = [AzureBlobTarget("lake", f"many/{number:03}", client) for number in range(100)]
    for target in targets[::50]:
        target.write_text("")
    listings: list[str] = []
    container = client.container_client

    def noting(name: str) -> Any:
        listings.append(name)
        return container(name)

    monkeypatch.setattr(client, "container_client", noting)
    assert exist(targets) == [True, *[False] * 49] * 2
    assert listings == ["lake"]


def test_a_blob_need_not_be_brought_here_to_be_read(client: AzureBlobClient, tmp_path: Path) -> None:
    packed = rumbo.UTF8 >> rumbo.Gzip
    target = AzureBlobTarget("lake", f"{tmp_path.name}/a", client, packed, download_when_reading=False)
    target.write_text("text")
    assert target.read_text() == "text"
    client.blob_client("lake", f"{tmp_path.name}/b").upload_blob(b"0123456789")
    for brought_here in (True, False):
        with ReadableAzureBlobFile("lake", f"{tmp_path.name}/b", client, brought_here) as source:
            assert source.read(n=3) == b"012"
            assert source.seek(offset=-2, whence=os.SEEK_END) == 8
            assert source.read() == b"89"
        with pytest.raises(FileNotFoundError) as raised:
            ReadableAzureBlobFile("lake", "not there", client, brought_here)
        assert str(raised.value) == "There is nothing at lake/not there."


def test_what_is_read_in_parts_is_of_one_version(client: AzureBlobClient, tmp_path: Path) -> None:
    from azure.core.exceptions import ResourceModifiedError

    target = AzureBlobTarget("lake", f"{tmp_path.name}/a", client, rumbo.Nop, download_when_reading=False)
    with target.open("w") as out:
        out.write(bytes(9 << 20))
    with target.open() as source:
        assert len(source.read(4 << 20)) == 4 << 20
        client.blob_client("lake", target.blob).upload_blob(b"other", overwrite=True)
        with pytest.raises(ResourceModifiedError):
            source.read()


def test_clouds_that_are_not_the_public_one() -> None:
    assert AzureBlobClient("shop").account_url == "https://shop.blob.core.windows.net"
    assert AzureBlobClient("shop", endpoint_suffix="core.chinacloudapi.cn").account_url == (
        "https://shop.blob.core.chinacloudapi.cn"
    )
    own = AzureBlobClient("shop", protocol="http", custom_domain="127.0.0.1:10000")
    assert own.account_url == "http://127.0.0.1:10000/shop"


def test_an_account_has_a_key(azure: services.AzureService) -> None:
    client = AzureBlobClient(
        azure.account, azure.key, protocol="http", custom_domain=f"127.0.0.1:{azure.port}", retry_total=0
    )
    assert client.exists("lake")
    assert azure.key not in f"{client!r} {AzureBlobTarget('lake', 'a', client)!r}"


def test_a_missing_library_is_named_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.storage.blob", None)
    with pytest.raises(MissingExtraError) as raised:
        AzureBlobClient("shop").exists("lake/key")
    assert str(raised.value) == (
        "A target in Azure Blob Storage needs a library that is not installed: pip install 'rumbo[azure]'"
    )


def test_luigi_has_it_all_under_its_names() -> None:
    from luigi.contrib import azureblob as luigis

    assert luigis.AzureBlobTarget is AzureBlobTarget
