"""Targets at addresses, against real stores."""

from __future__ import annotations

import os
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

import file_services as services
import rumbo
from rumbo.errors import MissingExtraError, TargetError
from rumbo.integrations.files import FsspecDirectoryTarget, _login_apart, file_system_of, without_passwords
from rumbo.integrations.ftp_tls import UntrustedCertificate
from rumbo.pipeline.target import exist
from rumbo.testing.target_contract import TargetContract
from server_process import unused_port

if TYPE_CHECKING:
    from pathlib import Path

    import hdfs_service
    from rumbo.pipeline.config import Configuration
    from rumbo.pipeline.formats import Format


class AddressContract(TargetContract):
    """What targets at any address promise."""

    base: str
    options: dict[str, Any]

    def create_target(self, name: str, format: Format | None = None) -> Any:
        return rumbo.Target(f"{self.base}/{name}", format, **self.options)

    def files_in_store(self) -> list[str]:
        return list(self.create_target("").fs.listdir(f"{self.base}/"))


class TestS3(AddressContract):
    is_shared_with_children = True

    @pytest.fixture(autouse=True)
    def _store(self, s3: services.S3Service) -> None:
        self.base, self.options = f"s3://lake/{self.folder.name}", s3.fsspec


class TestSftp(AddressContract):
    is_shared_with_children = True

    @pytest.fixture(autouse=True)
    def _store(self, ssh: services.SshService) -> None:
        self.base = f"sftp://{ssh.user}@127.0.0.1:{ssh.port}{self.folder}"
        self.options = {"key_filename": ssh.key_file}


class TestFtpOverTls(AddressContract):
    is_shared_with_children = True

    @pytest.fixture(autouse=True)
    def _store(self, ftp: services.FtpService, configuration: Configuration) -> None:
        configuration.set("ftp", "ca_file", ftp.authority)
        self.base = f"ftp://{ftp.user}:{ftp.password}@localhost:{ftp.port}/{self.folder.name}"
        self.options = {"tls": True}


def test_an_ftp_server_that_lists_for_people_only_will_do(
    vsftpd: services.FtpService, configuration: Configuration
) -> None:
    configuration.set("ftp", "ca_file", vsftpd.authority)
    base = f"ftp://{vsftpd.user}:{vsftpd.password}@localhost:{vsftpd.port}/2024"
    names = ["01.csv", "02.csv", "03.txt", "with a space.csv"]
    for name in names:
        rumbo.Target(f"{base}/{name}", tls=True).write_text(name)
    targets = [rumbo.Target(f"{base}/{name}", tls=True) for name in [*names, "04.csv"]]
    assert exist(targets) == [True, True, True, True, False]
    assert [target.exists() for target in targets] == [True, True, True, True, False]
    assert targets[0].fs.glob(f"{targets[0].path.removesuffix(names[0])}*.csv") == [
        targets[index].path for index in (0, 1, 3)
    ]
    targets[0].move(targets[4].path)
    assert targets[4].read_text() == "01.csv"
    targets[4].remove()
    assert not targets[4].exists()


def test_an_ftp_server_may_speak_tls_from_the_start(
    implicit_vsftpd: services.FtpService, configuration: Configuration
) -> None:
    configuration.set("ftp", "ca_file", implicit_vsftpd.authority)
    user, password, port = implicit_vsftpd.user, implicit_vsftpd.password, implicit_vsftpd.port
    target = rumbo.Target(f"ftp://{user}:{password}@localhost:{port}/a", tls="tls")
    target.write_text("text")
    assert target.read_text() == "text"
    assert target.exists()


def test_the_certificate_of_an_ftp_server_is_checked(ftp: services.FtpService, configuration: Configuration) -> None:
    with pytest.raises(UntrustedCertificate, match=r"self-signed certificate\. If it is right"):
        rumbo.Target(f"ftp://{ftp.user}:{ftp.password}@localhost:{ftp.port}/a", tls=True).exists()


class TestWebHdfs(AddressContract):
    is_shared_with_children = True

    @pytest.fixture(autouse=True)
    def _store(self, hdfs: hdfs_service.HdfsService) -> None:
        self.base, self.options = f"webhdfs://127.0.0.1:{hdfs.web_port}/{self.folder.name}", {"user": "root"}


def test_addresses_of_hdfs_name_its_port_for_java(hdfs: hdfs_service.HdfsService, tmp_path: Path) -> None:
    target = rumbo.Target(f"{hdfs.url}/{tmp_path.name}/a.txt", port=hdfs.web_port)
    target.write_text("text")
    assert rumbo.Target(f"webhdfs://127.0.0.1:{hdfs.web_port}/{tmp_path.name}/a.txt").read_text() == "text"
    assert target.fs.glob(f"{hdfs.url}/{tmp_path.name}/*") == [target.path]


# Many at once


def test_a_thousand_targets_under_one_prefix_cost_s3_a_handful_of_requests(s3: services.S3Service) -> None:
    targets = [rumbo.Target(f"s3://lake/many/{number:04}.csv", **s3.fsspec) for number in range(1000)]
    store = targets[0].fs.store
    _put_many(s3, [target.path.removeprefix("s3://lake/") for target in targets[::100]])
    requests = []
    store.connect()
    store.s3.meta.events.register("before-send.s3", lambda request, **_: requests.append(request.url))
    assert exist(targets) == [True, *[False] * 99] * 10
    assert 1 <= len(requests) <= 3


def test_a_folder_of_targets_is_one_listing_elsewhere(ssh: services.SshService, tmp_path: Path) -> None:
    base = f"sftp://{ssh.user}@127.0.0.1:{ssh.port}{tmp_path}"
    targets = [rumbo.Target(f"{base}/{number}", key_filename=ssh.key_file) for number in range(100)]
    for number in range(0, 100, 2):
        (tmp_path / str(number)).touch()
    store = targets[0].fs.store
    asked: list[str] = []
    store.ftp.listdir_iter = _noting(asked, store.ftp.listdir_iter)
    store.ftp.stat = _noting(asked, store.ftp.stat)
    assert exist(targets) == [True, False] * 50
    assert asked == [str(tmp_path)]


def test_days_in_folders_of_their_own_share_a_listing_too(s3: services.S3Service) -> None:
    days = [f"s3://lake/days/2024-01-{day:02}/part.csv" for day in range(1, 32)]
    _put_many(s3, [day.removeprefix("s3://lake/") for day in days[:20]])
    fs = rumbo.Target(days[0], **s3.fsspec).fs
    assert fs.exists_many(days) == set(days[:20])
    assert fs.glob("s3://lake/days/2024-01-0[12]/*.csv") == days[:2]


# Folders


def test_a_folder_exists_when_its_flag_does(s3: services.S3Service) -> None:
    folder = rumbo.Target("s3://lake/parts/", **s3.fsspec)
    assert isinstance(folder, FsspecDirectoryTarget)
    for name in ("a.txt", "deep/b.txt"):
        folder.file(name).write_text(name)
    assert not folder.exists()
    folder.mark_done()
    assert folder.exists()
    assert folder.files() == ["s3://lake/parts/a.txt", "s3://lake/parts/deep/b.txt"]
    assert folder.fs.glob("s3://lake/parts/*.txt") == ["s3://lake/parts/a.txt"]
    folder.remove()
    assert not folder.exists()
    assert not folder.file("a.txt").exists()


def test_a_folder_can_be_filled_under_another_name(ssh: services.SshService, tmp_path: Path) -> None:
    folder = rumbo.Target(
        f"sftp://{ssh.user}@127.0.0.1:{ssh.port}{tmp_path}/parts/", flag="whole", key_filename=ssh.key_file
    )
    with folder.temporary_path() as path:
        rumbo.Target(f"{path}a.txt", key_filename=ssh.key_file).write_text("a")
        assert not folder.exists()
    assert folder.exists()
    assert sorted(os.listdir(tmp_path / "parts")) == ["a.txt", "whole"]


def test_a_folder_cannot_be_opened() -> None:
    with pytest.raises(TargetError) as raised:
        rumbo.Target("s3://lake/parts/").open("r")
    assert str(raised.value) == (
        "s3://lake/parts/ is a folder and cannot be opened. Write it file by file through file(name).open('w') and, "
        "at the end, mark_done(); read it through files()."
    )


# To be read alone


def test_what_a_web_server_has_can_be_read(web: str, tmp_path: Path) -> None:
    assert rumbo.Target(f"{web}/numbers.txt").read_text() == "1\n2\n"
    assert rumbo.Target(f"{web}/numbers.txt").exists()
    assert not rumbo.Target(f"{web}/letters.txt").exists()
    with pytest.raises(TargetError) as raised:
        rumbo.Target(f"{web}/numbers.txt").write_text("3")
    assert str(raised.value) == (
        f"Cannot write {web}/numbers.txt: what is at http:// can only be read. Let the task write somewhere else."
    )


def test_a_web_server_may_want_to_know_who_asks(web: str) -> None:
    for_ana = web.replace("http://", f"http://ana:{services.SECRET}@") + "/members"
    target = rumbo.Target(f"{for_ana}/numbers.txt")
    assert target.path == f"{for_ana.replace(f':{services.SECRET}', '')}/numbers.txt"
    assert target.exists()
    assert target.read_text() == "1\n2\n"
    assert exist([target, rumbo.Target(f"{for_ana}/letters.txt")]) == [True, False]
    with pytest.raises(Exception, match="401"):
        rumbo.Target(f"{web}/members/numbers.txt").exists()


def test_so_can_what_is_in_a_zip_file_in_a_bucket(s3: services.S3Service, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("deep/numbers.txt", "1\n2\n")
    file_system_of("s3://lake", s3.fsspec).put(str(tmp_path / "a.zip"), "s3://lake/a.zip")
    target = rumbo.Target("zip://deep/numbers.txt::s3://lake/a.zip", s3=s3.fsspec)
    assert target.exists()
    assert target.read_text() == "1\n2\n"
    assert target.fs.glob("zip://deep/*.txt::s3://lake/a.zip") == [target.path]
    assert not rumbo.Target("zip://deep/letters.txt::s3://lake/a.zip", s3=s3.fsspec).exists()


def test_frames_come_and_go(s3: services.S3Service) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"name": ["a", "b"], "legs": [2, 4]})
    for suffix in ("csv.gz", "parquet"):
        target = rumbo.Target(f"s3://lake/frames/animals.{suffix}", **s3.fsspec)
        target.dump(frame)
        assert target.load("polars").equals(frame)


# When the other side does not answer, or says no


def test_a_server_that_is_gone_is_not_taken_for_a_missing_file(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rumbo.integrations.files._PAUSES", (0.0, 0.0))
    gone = f"http://127.0.0.1:{unused_port()}/numbers.txt"
    with pytest.raises(OSError):
        rumbo.Target(gone).exists()


def test_a_wrong_secret_is_not_taken_for_a_missing_file(s3: services.S3Service) -> None:
    with pytest.raises(PermissionError):
        rumbo.Target("s3://lake/key", **{**s3.fsspec, "secret": "wrong"}).exists()


def test_a_connection_that_broke_is_made_anew(ssh: services.SshService, tmp_path: Path) -> None:
    target = rumbo.Target(f"sftp://{ssh.user}@127.0.0.1:{ssh.port}{tmp_path}/a", key_filename=ssh.key_file)
    target.write_text("text")
    target.fs.store.client.get_transport().close()
    assert target.read_text() == "text"


def test_a_password_shows_nowhere(ftp: services.FtpService) -> None:
    target = rumbo.Target(f"ftp://{ftp.user}:{ftp.password}@127.0.0.1:{ftp.port}/quiet/a")
    target.write_text("text")
    assert target.path == f"ftp://{ftp.user}@127.0.0.1:{ftp.port}/quiet/a"
    assert ftp.password not in f"{target} {target!r} {target.fs!r} {target.fs.glob(target.path + '*')}"


def test_the_root_of_a_server_is_a_folder_too(ftp: services.FtpService) -> None:
    root = f"ftp://{ftp.user}:{ftp.password}@127.0.0.1:{ftp.port}/"
    rumbo.Target(f"{root}rooted/a").write_text("text")
    assert f"ftp://{ftp.user}@127.0.0.1:{ftp.port}/rooted/a" in list(
        file_system_of(*without_passwords(root)).listdir(root.replace(f":{ftp.password}", ""))
    )


def test_passwords_are_taken_out_of_every_link_of_a_chain() -> None:
    bare, options = without_passwords("zip://a::sftp://me:p%40ss@host/b.zip")
    assert bare == "zip://a::sftp://me@host/b.zip"
    assert options == {"sftp": {"password": "p@ss"}}
    assert without_passwords("s3://lake/a:b@c") == ("s3://lake/a:b@c", {})
    bare, options = _login_apart(*without_passwords("zip://a::https://me:pass@host/b.zip"))
    assert bare == "zip://a::https://host/b.zip"
    assert options == {"https": {"client_kwargs": {"headers": {"Authorization": "Basic bWU6cGFzcw=="}}}}


def test_a_missing_library_is_named_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(MissingExtraError) as raised:
        rumbo.Target("gs://lake/key").exists()
    assert str(raised.value) == "A target at gs:// needs a library that is not installed: pip install 'rumbo[gcs]'"


def test_a_scheme_that_nobody_knows() -> None:
    with pytest.raises(TargetError) as raised:
        rumbo.Target("s4://lake/key").exists()
    assert str(raised.value) == (
        "s4://lake/key: nobody knows the scheme s4://. Is it misspelled? "
        "fsspec.available_protocols() lists those that there are."
    )


# What the tests share


def _put_many(s3: services.S3Service, keys: list[str]) -> None:
    import boto3

    client = boto3.client("s3", **s3.boto3)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: client.put_object(Bucket="lake", Key=key, Body=b""), keys))


def _noting(asked: list[str], method: Any) -> Any:
    def ask(path: str, *args: Any) -> Any:
        asked.append(path)
        return method(path, *args)

    return ask
