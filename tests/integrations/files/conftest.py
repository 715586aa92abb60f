"""The servers, each started when the first test asks for it and ended with the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import file_services as services
import hdfs_service

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[services.S3Service]:
    pytest.importorskip("boto3", reason="boto3 is not installed: pip install -e '.[s3]'")
    with services.s3_server(tmp_path_factory.mktemp("s3")) as service:
        yield service


@pytest.fixture(scope="session")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[services.SshService]:
    with services.ssh_server(tmp_path_factory.mktemp("ssh")) as service:
        yield service


@pytest.fixture(scope="session")
def ftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[services.FtpService]:
    with services.ftp_server(tmp_path_factory.mktemp("ftp")) as service:
        yield service


@pytest.fixture(scope="session")
def vsftpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[services.FtpService]:
    with services.vsftpd_server(tmp_path_factory.mktemp("vsftpd")) as service:
        yield service


@pytest.fixture(scope="session")
def implicit_vsftpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[services.FtpService]:
    """One that speaks TLS from the start."""
    with services.vsftpd_server(tmp_path_factory.mktemp("implicit"), is_implicit=True) as service:
        yield service


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A web server that has ``numbers.txt``, and once more for members."""
    pytest.importorskip("aiohttp", reason="aiohttp is not installed: pip install -e '.[http]'")
    folder = tmp_path_factory.mktemp("web")
    (folder / "members").mkdir()
    for place in (folder, folder / "members"):
        (place / "numbers.txt").write_text("1\n2\n")
    with services.web_server(folder) as url:
        yield url


@pytest.fixture(scope="session")
def hdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hdfs_service.HdfsService]:
    with hdfs_service.hdfs_server(tmp_path_factory.mktemp("hdfs")) as service:
        yield service


@pytest.fixture(scope="session")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with services.gcs_emulator(tmp_path_factory.mktemp("gcs")) as url:
        yield url


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[services.AzureService]:
    pytest.importorskip("azure.storage.blob", reason="it is not installed: pip install -e '.[azure]'")
    with services.azure_emulator(tmp_path_factory.mktemp("azure")) as service:
        yield service
