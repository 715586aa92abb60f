"""Targets on FTP servers, plain and over TLS, and on an SFTP server."""

from __future__ import annotations

import datetime
import ftplib
import os
import ssl
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from rumbo.errors import ConfigurationError, MissingExtraError
from rumbo.integrations.ftp import RemoteFileSystem, RemoteTarget
from rumbo.integrations.ftp_tls import UntrustedCertificate
from rumbo.pipeline.filesystem import FileAlreadyExists, MissingParentDirectory, NotADirectory
from rumbo.pipeline.target import exist
from rumbo.testing.target_contract import TargetContract
from server_house import Cable

if TYPE_CHECKING:
    from pathlib import Path

    import file_services as services
    from rumbo.pipeline.config import Configuration
    from rumbo.pipeline.formats import Format


def way_to(ftp: services.FtpService, **more: Any) -> dict[str, Any]:
    """How a server is reached."""
    return {"host": "localhost", "port": ftp.port, "username": ftp.user, "password": ftp.password, **more}


def way_by_ssh(ssh: services.SshService) -> dict[str, Any]:
    options = {"private_key": ssh.key_file, "cnopts": SimpleNamespace(hostkeys=None)}
    return {"host": "127.0.0.1", "port": ssh.port, "username": ssh.user, "sftp": True, "pysftp_conn_kwargs": options}


class ServerContract(TargetContract):
    is_shared_with_children = True
    way: dict[str, Any]

    def create_target(self, name: str, format: Format | None = None) -> Any:
        return RemoteTarget(f"{self.base}/{name}", format=format, **self.way)

    @property
    def base(self) -> str:
        return f"/{self.folder.name}"

    def files_in_store(self) -> list[str]:
        return RemoteFileSystem(**self.way).glob(f"{self.base}/**/*")


class TestFtpOverTls(ServerContract):
    @pytest.fixture(autouse=True)
    def _way(self, ftp: services.FtpService, configuration: Configuration) -> None:
        configuration.set("ftp", "ca_file", ftp.authority)
        self.way = way_to(ftp, tls=True)


class TestSftp(ServerContract):
    @pytest.fixture(autouse=True)
    def _way(self, ssh: services.SshService) -> None:
        self.way = way_by_ssh(ssh)

    @property
    def base(self) -> str:
        return str(self.folder)


@pytest.fixture(params=["ftp", "sftp"])
def fs(request: pytest.FixtureRequest, ftp: services.FtpService, ssh: services.SshService) -> RemoteFileSystem:
    return RemoteFileSystem(**(way_to(ftp) if request.param == "ftp" else way_by_ssh(ssh)))


@pytest.fixture
def base(fs: RemoteFileSystem, tmp_path: Path) -> str:
    return str(tmp_path) if fs.sftp else f"/{tmp_path.name}"


@pytest.fixture
def one(tmp_path: Path) -> str:
    """A file here."""
    path = tmp_path / "one"
    path.write_text("one")
    return str(path)


def test_files_come_and_go(fs: RemoteFileSystem, base: str, one: str, tmp_path: Path) -> None:
    fs.put(one, f"{base}/deep/er/a")
    fs.put(one, f"{base}/deep/b", atomic=False)
    fs.get(f"{base}/deep/er/a", str(tmp_path / "back/a"))
    assert (tmp_path / "back/a").read_text() == "one"
    with pytest.raises(FileNotFoundError):
        fs.get(f"{base}/missing", str(tmp_path / "back/b"))
    assert os.listdir(tmp_path / "back") == ["a"]
    assert sorted(os.path.basename(name) for name in fs.listdir(f"{base}/deep")) == ["b", "er"]
    fs.remove(f"{base}/deep")
    assert not fs.exists(f"{base}/deep")


def test_making_folders(fs: RemoteFileSystem, base: str, one: str) -> None:
    fs.mkdir(f"{base}/a/b")
    assert fs.isdir(f"{base}/a/b")
    fs.mkdir(f"{base}/a/b")
    with pytest.raises(FileAlreadyExists):
        fs.mkdir(f"{base}/a/b", raise_if_exists=True)
    with pytest.raises(MissingParentDirectory):
        fs.mkdir(f"{base}/c/d", parents=False)
    fs.put(one, f"{base}/file")
    with pytest.raises(NotADirectory) as raised:
        fs.mkdir(f"{base}/file")
    assert str(raised.value) == f"Cannot make the folder {base}/file: there is a file in its way."
    fs.remove(f"{base}/a/b", recursive=False)
    assert not fs.isdir(f"{base}/a/b")


def test_a_rename_replaces_nothing(fs: RemoteFileSystem, base: str, one: str) -> None:
    fs.put(one, f"{base}/new")
    fs.put(one, f"{base}/old")
    with pytest.raises(FileAlreadyExists):
        fs.rename_dont_move(f"{base}/new", f"{base}/old")


def test_a_folder_of_targets_is_one_listing(ftp: services.FtpService, tmp_path: Path, one: str) -> None:
    targets = [RemoteTarget(f"/{tmp_path.name}/{number}", **way_to(ftp)) for number in range(100)]
    for target in targets[::50]:
        target.put(one)
    connections = []
    connect = RemoteFileSystem._connected

    def noting(self: RemoteFileSystem) -> Any:
        connections.append(self)
        return connect(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RemoteFileSystem, "_connected", noting)
        assert exist(targets) == [True, *[False] * 49] * 2
    assert len(connections) == 1


def test_a_target_may_have_to_be_new(fs: RemoteFileSystem, base: str, one: str) -> None:
    fs.put(one, f"{base}/file")
    way = {name: value for name, value in vars(fs).items() if name != "tls"}
    hour, now = datetime.timedelta(hours=1), datetime.datetime.now(datetime.UTC)
    for before in (now - hour, (now - hour).replace(tzinfo=None), (now - hour).timestamp()):
        assert RemoteTarget(f"{base}/file", mtime=before, **way).exists()
    fresh = [RemoteTarget(f"{base}/{name}", mtime=now + hour, **way) for name in ("file", "missing")]
    assert exist(fresh) == [False, False]


def test_a_connection_that_broke_is_tried_again(ftp: services.FtpService, tmp_path: Path, one: str) -> None:
    cable = Cable(ftp.port)
    try:
        fs = RemoteFileSystem(**way_to(ftp, port=cable.port, timeout=10))
        cuts = iter([True, False])

        def operation(session: Any) -> Any:
            if next(cuts):
                cable.cut()
            return session.is_folder("/")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("rumbo.integrations.ftp._PAUSES", (0.0,))
            assert fs._do(operation) is True
    finally:
        cable.close()


class TestTls:
    """vsftpd, whose certificate an authority of its own has signed, and which wants data in the commands' session."""

    def test_a_server_is_trusted_whose_authority_the_configuration_names(
        self, vsftpd: services.FtpService, configuration: Configuration, one: str
    ) -> None:
        configuration.set("ftp", "ca_file", vsftpd.authority)
        target = RemoteTarget("careful/file", **way_to(vsftpd, tls=True))
        target.put(one)
        assert target.exists()
        assert target.open().read() == "one"
        assert target.fs.glob("careful/*") == ["careful/file"]
        target.fs.remove("careful")
        assert not target.exists()

    def test_one_without_a_voucher_is_not(self, vsftpd: services.FtpService, configuration: Configuration) -> None:
        target = RemoteTarget("file", **way_to(vsftpd, tls=True))
        with pytest.raises(UntrustedCertificate) as raised:
            target.exists()
        assert str(raised.value) == (
            f"The certificate of the FTP server localhost:{vsftpd.port} is not trusted: "
            "unable to get local issuer certificate. If it is right, name the file with the certificate of who signed "
            "it as ca_file in the section [ftp] of the configuration."
        )

    def test_nor_is_one_by_another_name(self, vsftpd: services.FtpService, configuration: Configuration) -> None:
        configuration.set("ftp", "ca_file", vsftpd.authority)
        with pytest.raises(UntrustedCertificate, match=r"IP address mismatch"):
            RemoteTarget("file", **way_to(vsftpd, host="127.0.0.1", tls=True)).exists()

    def test_a_program_brings_what_it_trusts(self, vsftpd: services.FtpService, configuration: Configuration) -> None:
        trusting = ssl.create_default_context(cafile=vsftpd.authority)
        assert RemoteFileSystem(**way_to(vsftpd, tls=trusting)).isdir("/")

    def test_anybody_is_trusted_if_that_is_said_and_the_log_repeats_it(
        self, vsftpd: services.FtpService, configuration: Configuration, caplog: pytest.LogCaptureFixture
    ) -> None:
        configuration.set("ftp", "verify_certificates", "false")
        assert RemoteFileSystem(**way_to(vsftpd, tls=True)).isdir("/")
        assert caplog.messages == ["Certificates of FTP servers are not checked: [ftp] verify_certificates is false."]

    def test_a_file_of_authorities_that_is_none(self, configuration: Configuration, one: str) -> None:
        fs = RemoteFileSystem("localhost", tls=True)
        configuration.set("ftp", "ca_file", "/missing.pem")
        with pytest.raises(ConfigurationError) as raised:
            fs.exists("/a")
        assert str(raised.value) == "[ftp] ca_file = /missing.pem: there is no such file."
        configuration.set("ftp", "ca_file", one)
        with pytest.raises(ConfigurationError) as raised:
            fs.exists("/a")
        assert str(raised.value) == (
            f"[ftp] ca_file = {one}: there is no certificate in it. It must have some in the format PEM."
        )


def test_a_server_may_say_in_its_own_way_that_nothing_is_there(
    ftp: services.FtpService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rumbo.integrations.ftp._PAUSES", ())
    fs = RemoteFileSystem(**way_to(ftp))
    with pytest.raises(FileNotFoundError, match="450 No such file or directory"):
        fs.listdir(f"/{tmp_path.name}/missing")
    assert not fs.exists(f"/{tmp_path.name}/missing/file")


def test_a_refusal_is_not_taken_for_a_missing_file(ftp: services.FtpService) -> None:
    fs = RemoteFileSystem(**way_to(ftp))

    def refuse(session: Any, *_: Any) -> Any:
        session._ftp.sendcmd("REIN")  # who is logged out is refused with 530
        return session.names("/")

    with pytest.raises(ftplib.error_perm, match=r"^530 "):
        fs._do(refuse)


def test_an_unknown_host_key_is_refused(ssh: services.SshService) -> None:
    way = way_by_ssh(ssh)
    del way["pysftp_conn_kwargs"]["cnopts"]
    with pytest.raises(Exception, match="not found in known_hosts"):
        RemoteFileSystem(**way).exists("/tmp")


def test_a_missing_paramiko_is_named_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paramiko", None)
    with pytest.raises(MissingExtraError) as raised:
        RemoteFileSystem("far", sftp=True).exists("/tmp")
    assert str(raised.value) == (
        "A target at an SFTP server needs a library that is not installed: pip install 'rumbo[sftp]'"
    )


def test_a_password_shows_nowhere(ftp: services.FtpService) -> None:
    target = RemoteTarget("/a", **way_to(ftp))
    assert ftp.password not in f"{target} {target!r} {target.fs!r}"


def test_luigi_has_it_all_under_its_names() -> None:
    from luigi.contrib import ftp as luigis

    assert luigis.RemoteTarget is RemoteTarget
