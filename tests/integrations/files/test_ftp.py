"""Targets on FTP servers, plain and over TLS, and on an SFTP server."""

from __future__ import annotations

import datetime
import os
import ssl
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from rumbo.errors import MissingExtraError
from rumbo.integrations.ftp import RemoteFileSystem, RemoteTarget
from rumbo.pipeline.filesystem import FileAlreadyExists, MissingParentDirectory, NotADirectory
from rumbo.pipeline.target import exist
from rumbo.testing.target_contract import TargetContract
from server_house import Cable

if TYPE_CHECKING:
    from pathlib import Path

    import file_services as services
    from rumbo.pipeline.formats import Format


def way_to(ftp: services.FtpService, **more: Any) -> dict[str, Any]:
    """How a server is reached."""
    return {"host": "127.0.0.1", "port": ftp.port, "username": ftp.user, "password": ftp.password, **more}


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
    def _way(self, ftp: services.FtpService) -> None:
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


def test_a_certificate_is_checked_for_those_who_want_it(ftp: services.FtpService) -> None:
    trusting = ssl.create_default_context(cafile=ftp.certificate)
    assert RemoteFileSystem(**way_to(ftp, host="localhost", tls=trusting)).isdir("/")
    with pytest.raises(ssl.SSLCertVerificationError):
        RemoteFileSystem(**way_to(ftp, host="localhost", tls=ssl.create_default_context())).isdir("/")


def test_a_careful_server_gets_data_in_the_session_of_the_commands(vsftpd: services.FtpService, one: str) -> None:
    target = RemoteTarget("careful/file", **way_to(vsftpd, tls=True))
    target.put(one)
    assert target.exists()
    assert target.open().read() == "one"
    assert target.fs.glob("careful/*") == ["careful/file"]
    target.fs.remove("careful")
    assert not target.exists()


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
