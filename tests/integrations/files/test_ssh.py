"""Commands, tunnels and targets on a machine that is reached by ssh: this one, by its own sshd."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from rumbo.errors import TargetError
from rumbo.integrations.ssh import RemoteCalledProcessError, RemoteContext, RemoteFileSystem, RemoteTarget
from rumbo.pipeline.filesystem import FileAlreadyExists, MissingParentDirectory, NotADirectory
from rumbo.pipeline.target import exist
from rumbo.testing.target_contract import TargetContract
from server_house import free_port

if TYPE_CHECKING:
    from pathlib import Path

    import file_services as services
    from rumbo.pipeline.formats import Format


@pytest.fixture
def way(ssh: services.SshService) -> dict[str, Any]:
    """How the machine is reached."""
    return {"port": ssh.port, "username": ssh.user, "key_file": ssh.key_file, "no_host_key_check": True}


@pytest.fixture
def context(way: dict[str, Any]) -> RemoteContext:
    return RemoteContext("127.0.0.1", **way)


@pytest.fixture
def fs(way: dict[str, Any]) -> RemoteFileSystem:
    return RemoteFileSystem("127.0.0.1", **way)


class TestRemoteTarget(TargetContract):
    is_shared_with_children = True

    @pytest.fixture(autouse=True)
    def _way(self, way: dict[str, Any]) -> None:
        self.way = way

    def create_target(self, name: str, format: Format | None = None) -> Any:
        return RemoteTarget(f"{self.folder}/{name}", "127.0.0.1", format, **self.way)


# Commands


def test_a_command_says_what_it_prints(context: RemoteContext) -> None:
    assert context.check_output(["echo", "one", "&&", "echo two"]) == b"one\ntwo\n"


def test_a_command_that_ends_badly(context: RemoteContext) -> None:
    with pytest.raises(RemoteCalledProcessError) as raised:
        context.check_output(["echo begun; exit 3"])
    assert str(raised.value) == "'echo begun; exit 3' on 127.0.0.1 ended with status 3."
    assert (raised.value.output, raised.value.host) == (b"begun\n", "127.0.0.1")


def test_a_command_can_run_beside_us(context: RemoteContext) -> None:
    with context.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.communicate(b"text")[0] == b"text"


def test_a_machine_that_is_not_reached_is_asked_again_and_then_named(
    way: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rumbo.integrations.ssh._PAUSES", (0.0, 0.0))
    fs = RemoteFileSystem("127.0.0.1", **{**way, "port": free_port()})
    with pytest.raises(RemoteCalledProcessError) as raised:
        fs.exists("/")
    assert str(raised.value) == (
        "127.0.0.1 was not reached to run 'test -e /': see what ssh said above, and try: ssh 127.0.0.1"
    )


def test_a_host_cannot_be_an_option() -> None:
    with pytest.raises(TargetError) as raised:
        RemoteContext("-oProxyCommand=reboot")
    assert str(raised.value) == "'-oProxyCommand=reboot' cannot be a host: ssh would take it for an option."


def test_the_command_line_says_how_it_is_reached() -> None:
    context = RemoteContext("far", username="ana", port="2222", connect_timeout=5, sshpass=True, tty=True)
    command = context._prepare_cmd(["uptime"])
    assert command[:4] == ["sshpass", "-e", "ssh", "ana@far"]
    assert command[-6:] == ["-p", "2222", "-o", "ConnectTimeout=5", "-t", "uptime"]
    assert "BatchMode=yes" not in command
    assert "BatchMode=yes" in RemoteContext("far")._prepare_cmd(["uptime"])


def test_a_tunnel_leads_to_what_that_machine_sees(context: RemoteContext, web: str) -> None:
    local = free_port()
    with context.tunnel(local, int(web.rpartition(":")[2]), "127.0.0.1"):
        connection = http.client.HTTPConnection("127.0.0.1", local)
        connection.request("GET", "/numbers.txt")
        assert connection.getresponse().read() == b"1\n2\n"
        connection.close()
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection("127.0.0.1", local).request("GET", "/")


# Files


def test_a_thousand_targets_are_one_command(fs: RemoteFileSystem, way: dict[str, Any], tmp_path: Path) -> None:
    targets = [RemoteTarget(str(tmp_path / f"it's {number}"), "127.0.0.1", **way) for number in range(1000)]
    for target in targets[::100]:
        open(target.path, "w").close()
    commands = []
    popen = RemoteContext.Popen

    def noting(self: RemoteContext, command: Any, **kwargs: Any) -> Any:
        commands.append(command)
        return popen(self, command, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RemoteContext, "Popen", noting)
        assert exist(targets) == [True, *[False] * 99] * 10
    assert len(commands) == 1


def test_what_a_shell_would_read_otherwise_is_a_name_like_any(fs: RemoteFileSystem, tmp_path: Path) -> None:
    path = str(tmp_path / "$(touch evil); 'a' *\n")
    fs.put(__file__, path)
    assert os.listdir(tmp_path) == [os.path.basename(path)]
    assert fs.listdir(str(tmp_path)) == [path]
    fs.remove(path)
    assert os.listdir(tmp_path) == []


def test_files_and_folders_come_and_go(fs: RemoteFileSystem, tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "deep").mkdir(parents=True)
    (here / "deep/a").write_text("a")
    fs.put(str(here), str(tmp_path / "new/there"))
    assert fs.listdir(str(tmp_path / "new")) == [str(tmp_path / "new/there/deep/a")]
    fs.get(str(tmp_path / "new/there/deep/a"), str(tmp_path / "back/a"))
    assert (tmp_path / "back/a").read_text() == "a"
    with pytest.raises(RemoteCalledProcessError):
        fs.get(str(tmp_path / "missing"), str(tmp_path / "back/b"))
    assert os.listdir(tmp_path / "back") == ["a"]


def test_making_folders(fs: RemoteFileSystem, tmp_path: Path) -> None:
    fs.mkdir(str(tmp_path / "a/b"), raise_if_exists=True)
    assert fs.isdir(str(tmp_path / "a/b"))
    fs.mkdir(str(tmp_path / "a/b"))
    with pytest.raises(FileAlreadyExists):
        fs.mkdir(str(tmp_path / "a/b"), raise_if_exists=True)
    with pytest.raises(MissingParentDirectory):
        fs.mkdir(str(tmp_path / "c/d"), parents=False)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectory):
        fs.mkdir(str(tmp_path / "file"))


def test_a_rename_replaces_nothing(fs: RemoteFileSystem, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    with pytest.raises(FileAlreadyExists):
        fs.rename_dont_move(str(tmp_path / "new"), str(tmp_path / "old"))
    fs.rename_dont_move(str(tmp_path / "new"), str(tmp_path / "deep/newer"))
    assert (tmp_path / "deep/newer").read_text() == "new"


def test_a_temporary_path_is_one_over_there(fs: RemoteFileSystem, way: dict[str, Any], tmp_path: Path) -> None:
    target = RemoteTarget(str(tmp_path / "deep/target"), "127.0.0.1", **way)
    with target.temporary_path() as path:
        fs.remote_context.check_output([f"seq 3 > {path}"])
    assert target.read_text() == "1\n2\n3\n"
    assert target.modified() == pytest.approx(os.stat(target.path).st_mtime, abs=1)


def test_nothing_is_published_by_a_writer_that_was_killed(way: dict[str, Any], tmp_path: Path) -> None:
    program = f"""
import os, signal
from rumbo.integrations.ssh import RemoteTarget
out = RemoteTarget("{tmp_path}/killed", "127.0.0.1", **{way!r}).open("w")
out.write("x" * 1_000_000)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == -signal.SIGKILL
    assert not (tmp_path / "killed").exists()


def test_luigi_has_it_all_under_its_names() -> None:
    from luigi.contrib import ssh as luigis

    assert luigis.RemoteTarget is RemoteTarget
    assert luigis.RemoteContext("a", port=1) == RemoteContext("a", port=1)
