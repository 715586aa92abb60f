"""Luigi's own workers, unchanged, at our server and at luigid: the same comes of their work."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from beside_luigi import PROGRAMS
from luigi_app import Served, Shared
from rumbo.wire.luigi import DialectOptions
from server_house import house_in, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

PROJECT = PROGRAMS.parents[2]
_JOINED = re.compile(r"Joined\(word=[abc],[abc],[abc]\)")
RETRY_DELAY = 1
CONFIG = f"""[core]
rpc_retry_attempts=1
[scheduler]
retry_delay={RETRY_DELAY}
record_task_history=false
prune_on_get_work=true
[resources]
db=1
[worker]
keep_alive=true
wait_interval=0.1
wait_jitter=0
ping_interval=0.2
"""


class Place:
    """A folder with Luigi's configuration, and Luigi's interpreter."""

    def __init__(self, python: str, folder: Path) -> None:
        self.python = python
        self.folder = folder
        (folder / "luigi.cfg").write_text(CONFIG)
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith(("LUIGI_", "PYTHON"))}
        self.environment |= {
            "LUIGI_CONFIG_PATH": str(folder / "luigi.cfg"),
            "PYTHONPATH": str(PROGRAMS),
            "PYTHONWARNINGS": "ignore",
            "PYTHONDONTWRITEBYTECODE": "1",
            "SHARED_WORK_OUT": str(folder / "out"),
        }

    def run(self, scenario: str, url: str, workers: int) -> dict[str, Any]:
        """What a scenario tells."""
        (self.folder / "out").mkdir()
        command = [self.python, "-c", f"import shared_work; shared_work.main({scenario!r}, {url!r}, {workers})"]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=100
        )
        assert done.returncode == 0, done.stderr[-4000:]
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        # In which order the words of a batch are joined is chance, at Luigi's server too.
        told["tasks"] = {_JOINED.sub("Joined(word=a,b,c)", name): status for name, status in told["tasks"].items()}
        return told


@pytest.fixture
def luigid(luigi_python: str, tmp_path: Path) -> Iterator[tuple[Place, str]]:
    """Luigi's own server, and a place to run its workers."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    place = Place(luigi_python, folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = "import sys; from luigi.cmdline import luigid; luigid(sys.argv[1:])"
    flags = ["--port", str(port), "--address", "127.0.0.1", "--state-path", str(folder / "state")]
    with open(folder / "luigid.log", "w") as log:
        server = subprocess.Popen(
            [luigi_python, "-c", start, *flags], cwd=folder, env=place.environment, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{url}/api/is_paused", timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        yield place, url
    finally:
        server.terminate()
        server.wait(10)


def ours(luigi_python: str, tmp_path: Path, scenario: str, workers: int) -> tuple[dict[str, Any], Shared]:
    folder = tmp_path / "ours"
    folder.mkdir()
    shared = Shared(DialectOptions(retry_delay=RETRY_DELAY), {"db": 1})
    with Served(shared) as server:
        return Place(luigi_python, folder).run(scenario, server.url, workers), shared


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("scenario", ["all", "hopeless", "assistant", "forgiven"])
def test_the_same_comes_of_it(scenario, workers, luigi_python, tmp_path, luigid):
    theirs = luigid[0].run(scenario, luigid[1], workers)
    found, shared = ours(luigi_python, tmp_path, scenario, workers)
    assert found == theirs
    assert not shared.machine.leases
    if scenario in ("all", "assistant"):
        lines = found["log"]
        assert [lines.count(word) for word in ("Leaf", "Holder", "Grows", "failure")] == [7, 4, 1, 1]
        # An assistant that named no batcher is given one task at a time, as by Luigi's scheduler.
        assert sum(line.startswith("batch") for line in lines) == (1 if scenario == "all" else 3)


@pytest.mark.parametrize("scenario", ["all", "hopeless", "assistant", "forgiven"])
def test_the_same_comes_of_it_by_workers_of_the_facade(scenario, luigi_python, tmp_path, luigid):
    """The `luigi` package by Rumbo works for Luigi's own server, and for ours, as Luigi does."""
    theirs = luigid[0].run(scenario, luigid[1], 2)
    (tmp_path / "at ours").mkdir()
    at_ours, _ = ours(sys.executable, tmp_path / "at ours", scenario, 2)
    assert at_ours == theirs


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_of_the_facade_at_luigis_own_server(workers, luigi_python, tmp_path, luigid):
    folder = tmp_path / "facade"
    folder.mkdir()
    told = Place(sys.executable, folder).run("all", luigid[1], workers)
    assert told["tasks"]
    assert set(told["tasks"].values()) == {"DONE"}


def test_moving_over_and_back(luigi_python: str, tmp_path: Path, luigid: tuple[Place, str]) -> None:
    """The steps of the guide "Move from luigid in an afternoon", and each way back: one command, one result."""
    work = tmp_path / "project"
    work.mkdir()
    page = (PROJECT / "docs" / "moving-from-luigid.md").read_text()
    (work / "sales.py").write_text(re.findall(r"```python\n(# sales.py.*?)```", page, re.DOTALL)[0])
    with house_in(tmp_path) as house:
        house.serve()
        steps = [
            (luigi_python, luigid[1]),  # as it was
            (luigi_python, house.url),  # step 2
            (luigi_python, luigid[1]),  # its way back
            (sys.executable, house.url),  # step 3
            (sys.executable, luigid[1]),
            (luigi_python, house.url),  # its way back
        ]
        for number, (python, url) in enumerate(steps):
            date = f"2026-02-{3 * number + 3:02}"
            words = ["-m", "luigi", "--module", "sales", "Total", "--date", date, "--scheduler-url", url]
            done = subprocess.run(
                [python, *words],
                cwd=work,
                env=luigid[0].environment | {"LUIGI_CONFIG_PATH": str(tmp_path / "none"), "PYTHONPATH": str(work)},
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert done.returncode == 0, done.stderr
            assert "* 4 ran successfully:" in done.stderr
            assert (work / "total" / f"{date}.txt").read_text() == "24\n"
        until(lambda: house.run("history").stdout.count("4 done") == 3, what="the runs at our server in the history")


def test_a_server_that_is_killed_goes_on_with_luigis_workers(luigi_python: str, tmp_path: Path) -> None:
    """Luigi 3.8.1 works for `rumbo serve`, which dies in the middle; Luigi tries again, and each task runs once."""
    work = tmp_path / "work"
    (work / "out").mkdir(parents=True)
    place = Place(luigi_python, work)
    (work / "luigi.cfg").write_text(CONFIG.replace("rpc_retry_attempts=1", "rpc_retry_attempts=60\nrpc_retry_wait=1"))
    (tmp_path / "rumbo.toml").write_text("[resources]\ndb = 1\n")
    with house_in(tmp_path) as house:
        server = house.serve()
        words = ["-m", "luigi", "--module", "shared_work", "Holders", "--workers", "2", "--scheduler-url", house.url]
        client = subprocess.Popen(
            [luigi_python, *words], cwd=work, env=place.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        until(lambda: (work / "out" / "log").exists())
        house.kill(server)
        time.sleep(0.5)
        house.serve()
        said, _ = client.communicate(timeout=60)
        assert client.returncode == 0, said.decode()
        assert "This progress looks :)" in said.decode()
        assert (work / "out" / "log").read_text().splitlines() == ["Holder"] * 30
        until(lambda: "done" in house.run("history").stdout, what="the end of the run in the history")
        assert "31 done" in house.run("show").stdout
        alive = urllib.request.Request(f"{house.url}/", method="HEAD")
        assert urllib.request.urlopen(alive, timeout=5).status == 204


def test_luigis_clients_show_a_token_as_their_password(luigi_python: str, tmp_path: Path) -> None:
    """Luigi 3.8.1 works for a server that asks for tokens; one of another role gets nothing done."""
    work = tmp_path / "work"
    (work / "out").mkdir(parents=True)
    place = Place(luigi_python, work)
    with house_in(tmp_path) as house:
        worker, viewer = (house.run("token", "create", "--role", role).stdout.strip() for role in ("worker", "viewer"))
        house.serve("--require-tokens")

        def run(user: str) -> subprocess.CompletedProcess[str]:
            url = f"http://{user}127.0.0.1:{house.port}"
            words = ["-m", "luigi", "--module", "shared_work", "Holders", "--scheduler-url", url]
            return subprocess.run(
                [luigi_python, *words], cwd=work, env=place.environment, capture_output=True, text=True, timeout=60
            )

        for stranger in ("", f"ana:{viewer}@"):
            assert "This progress looks :)" not in run(stranger).stderr
            assert not (work / "out" / "log").exists()
        said = run(f"ana:{worker}@")
        assert "This progress looks :)" in said.stderr
        assert set((work / "out" / "log").read_text().splitlines()) == {"Holder"}
