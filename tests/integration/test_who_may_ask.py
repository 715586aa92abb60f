"""`rumbo serve` where others can reach it: what it asks of workers, commands and Luigi's clients, as real processes."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from self_signed import certificate_for
from server_house import House, house_in, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

PIPELINE = """
import rumbo


class Clean(rumbo.Task):
    n: int

    def output(self):
        return rumbo.LocalTarget(f"out/{self.n}")

    def run(self):
        print("cleaning", self.n, flush=True)
        self.output().write_text("clean")


class All(rumbo.WrapperTask):
    count: int = 3

    def requires(self):
        return [Clean(n=n) for n in range(self.count)]
"""


@contextmanager
def house_with(folder: Path) -> Iterator[House]:
    (folder / "farm.py").write_text(PIPELINE)
    with house_in(folder) as house:
        yield house


def token(house: House, role: str, *flags: str) -> str:
    said = house.run("token", "create", "--role", role, *flags)
    assert said.returncode == 0, said.stderr
    return said.stdout.strip()


def test_no_server_for_everybody_by_mistake(tmp_path: Path) -> None:
    with house_with(tmp_path) as house:
        port = str(house.port)
        refused = house.run("serve", "--host", "0.0.0.0", "--port", port)
        assert (refused.returncode, refused.stdout, refused.stderr) == (
            2,
            "",
            f"rumbo: At http://0.0.0.0:{port} tokens are asked for, and there are none: make one with `rumbo token "
            "create --role admin`, or say --insecure to let everybody in.\n",
        )
        refused = house.run("serve", "--require-tokens", "--port", port)
        assert refused.stderr == (
            f"rumbo: At http://127.0.0.1:{port} tokens are asked for, and there are none: make one with `rumbo token "
            "create --role admin`, or leave --require-tokens out.\n"
        )
        refused = house.run("serve", "--require-tokens", "--insecure", "--port", port)
        assert refused.stderr == (
            "rumbo: Tokens are asked for by --require-tokens, and not by --insecure: leave one of them out.\n"
        )
        token(house, "admin", "--expires", "1h")
        shown = house.run("token", "list", "--json").stdout
        assert house.run("token", "revoke", shown.partition('"id": "')[2][:8]).returncode == 0
        assert house.run("serve", "--host", "0.0.0.0", "--port", port).returncode == 2  # a revoked one is none


def test_insecure_is_said_aloud(tmp_path: Path) -> None:
    with house_with(tmp_path) as house:
        house.serve("--host", "0.0.0.0", "--insecure")
        assert house.run("run", "-m", "farm", "All", "--scheduler", house.url).returncode == 0
        said = f"WARNING whoever reaches http://0.0.0.0:{house.port} may do everything here, because of --insecure\n"
        assert said in house.output("serve")


def test_a_worker_with_a_token_and_one_without(tmp_path: Path) -> None:
    with house_with(tmp_path) as house:
        worker = token(house, "worker", "--name", "machine")
        viewer = token(house, "viewer")
        house.serve("--host", "0.0.0.0", "--lease", "3")
        warning = f"WARNING tokens can be read by others on their way to http://0.0.0.0:{house.port}: "
        assert f"{warning}--certificate and --key would hide them\n" in house.output("serve")
        words = ("run", "-m", "farm", "All", "--scheduler", house.url)
        stranger = house.run(*words)
        assert (stranger.returncode, stranger.stderr) == (
            1,
            f"rumbo: {house.url}: This takes a token of the role worker or admin, shown as bearer token or as "
            "password.\n",
        )
        guest = house.run(*words, RUMBO_SCHEDULER_TOKEN=viewer)
        assert "This takes a token of the role worker or admin; yours, viewer-" in guest.stderr
        run = house.run(*words, RUMBO_SCHEDULER_TOKEN=worker)
        assert run.returncode == 0, run.stderr
        agent = house.start("worker", "--scheduler", house.url, RUMBO_SCHEDULER_TOKEN=worker)
        name = house.worker_id()
        drain = ("worker", "--scheduler", house.url, "--drain", name)
        assert "operator or admin" in house.run(*drain, RUMBO_SCHEDULER_TOKEN=worker).stderr
        assert house.run("token", "revoke", "machine").returncode == 0
        until(lambda: agent.poll() is not None, 20, "the end of a worker whose token was revoked")
        assert "revoked" in house.output("worker")
        assert "refused (403)" in house.run("audit").stdout


def test_tls_with_a_token(tmp_path: Path) -> None:
    certificate, key = certificate_for("localhost", tmp_path)
    with house_with(tmp_path) as house:
        worker = token(house, "worker")
        flags = ("--certificate", certificate, "--key", key, "--host", "0.0.0.0", "--port", str(house.port))
        house.start("serve", *flags)
        until(lambda: "serving" in house.output("serve"))
        assert "WARNING" not in house.output("serve")
        (tmp_path / "rumbo.toml").write_text(
            f'[scheduler]\nurl = "https://localhost:{house.port}"\ncertificates = "{certificate}"\ntoken = "{worker}"\n'
        )
        run = house.run("run", "-m", "farm", "All")
        assert run.returncode == 0, run.stderr
        assert worker not in house.run("config").stdout


def test_a_socket_in_the_file_system_is_its_owners(tmp_path: Path) -> None:
    with house_with(tmp_path) as house:
        for mode, flags in ((0o600, ()), (0o660, ("--unix-socket-mode", "660"))):
            path = tmp_path / f"s{mode}"
            server = house.start("serve", "--unix-socket", str(path), *flags, name=f"serve{mode}")
            until(lambda name=f"serve{mode}": "serving" in house.output(name))
            assert stat.S_IMODE(path.stat().st_mode) == mode
            assert house.run("run", "-m", "farm", "All", "--scheduler", f"http+unix://{path}").returncode == 0
            house.kill(server)
        wrong = house.run("serve", "--unix-socket", str(tmp_path / "t"), "--unix-socket-mode", "everybody")
        assert wrong.stderr == (
            "rumbo: --unix-socket-mode everybody: give permissions as chmod takes them, like 660.\n"
        )
        assert not os.path.exists(tmp_path / "t")
