"""`rumbo serve`, `rumbo run --scheduler` and `rumbo worker` as people use them: real processes, signals and sockets."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import stat
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil
import pytest

from self_signed import certificate_for
from server_house import RUMBO, House, house_in, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

PIPELINE = """
import os
import time

import rumbo


class Clean(rumbo.Task):
    n: int
    seconds: float = 0.0

    def output(self):
        return rumbo.LocalTarget(f"out/{self.n}")

    def run(self):
        print("cleaning", self.n, flush=True)
        with open(f"began.{self.n}", "a") as file:
            file.write(f"{os.getpid()}\\n")
        end = time.monotonic() + self.seconds
        while time.monotonic() < end and not os.path.exists("go"):
            time.sleep(0.02)
        self.output().write_text("clean")


class All(rumbo.WrapperTask):
    count: int = 4
    seconds: float = 0.0

    def requires(self):
        return [Clean(n=n, seconds=self.seconds) for n in range(self.count)]


class Heavy(Clean):
    resources = {"memory": 1e9}
"""


@contextmanager
def house_with(folder: Path) -> Iterator[House]:
    (folder / "farm.py").write_text(PIPELINE)
    with house_in(folder) as house:
        yield house


def history(house: House, *words: str) -> str:
    said = house.run(*words, "--folder", str(house.folder))
    assert said.returncode in (0, 1), said.stderr
    return said.stdout


def test_a_run_a_restart_and_what_is_remembered(tmp_path: Path) -> None:
    with house_with(tmp_path) as house:
        server = house.serve()
        run = house.run("run", "-m", "farm", "All", "--scheduler", house.url)
        assert run.returncode == 0, run.stderr
        assert "done, 5 tasks done" in run.stdout
        house.kill(server)
        house.serve()
        again = house.run("run", "-m", "farm", "All", "--scheduler", house.url)
        assert again.stdout.strip() == "Nothing to do: All(count=4, seconds=0.0) is complete."
        until(lambda: "done" in history(house, "history"), what="an entry in the history")
        told = json.loads(house.run("show", "Clean", "--n", "2", "--seconds", "0.0", "--json").stdout)
        assert [(each["address"], each["size"], each["fate"]) for each in told[0]["outputs"]["artifacts"]] == [
            (str(tmp_path / "out" / "2"), 5, "there")
        ]
        log = house.run("logs", "Clean", "--n", "2", "--seconds", "0.0")
        assert log.stdout == "cleaning 2\n"


def test_killed_in_the_middle_the_server_goes_on_where_it_was(tmp_path: Path) -> None:
    with house_with(tmp_path) as house:
        server = house.serve()
        run = house.start("run", "-m", "farm", "All", "--seconds", "30", "-w", "2", "--plain", "--scheduler", house.url)
        until(lambda: (tmp_path / "began.1").exists())
        house.kill(server)
        time.sleep(0.3)
        (tmp_path / "go").touch()
        house.serve()
        assert run.wait(30) == 0, house.output("run")
        assert "The scheduler answers again." in house.output("run")
        assert [len((tmp_path / f"began.{n}").read_text().splitlines()) for n in range(4)] == [1, 1, 1, 1]


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_graceful_stop_is_quick_though_workers_wait(tmp_path: Path, sign: signal.Signals) -> None:
    with house_with(tmp_path) as house:
        server = house.serve()
        house.start("worker", "--scheduler", house.url)
        house.worker_id()
        began = time.monotonic()
        server.send_signal(sign)
        assert server.wait(10) == 0
        assert time.monotonic() - began < 5
        assert "stopped" in house.output("serve")


def test_an_agent_runs_what_somebody_else_planned(tmp_path: Path) -> None:
    with house_with(tmp_path) as house:
        house.serve()
        house.start("worker", "--slots", "2", "--scheduler", house.url)
        house.worker_id()
        run = house.run("run", "-m", "farm", "All", "--count", "12", "--seconds", "0.2", "--scheduler", house.url)
        assert run.returncode == 0, run.stderr
        processes = {(tmp_path / f"began.{n}").read_text() for n in range(12)}
        assert len(processes) >= 3
        assert "done     Clean_" in house.output("worker")


def test_a_module_that_an_agent_does_not_have(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with house_with(tmp_path) as house:
        house.serve()
        with open(tmp_path / "agent.out", "wb") as out:
            agent = subprocess.Popen(
                [RUMBO, "worker", "--slots", "1", "--scheduler", house.url], cwd=elsewhere, stdout=out, stderr=out
            )
        try:
            until(lambda: "Worker" in (tmp_path / "agent.out").read_text())
            run = house.run("run", "-m", "farm", "All", "--seconds", "0.3", "--scheduler", house.url)
            assert run.returncode == 0, run.stderr
            until(lambda: "farm" in (tmp_path / "agent.out").read_text())
            assert "No module named 'farm'" in (tmp_path / "agent.out").read_text()
        finally:
            agent.terminate()
            agent.wait(10)


def test_what_a_machine_has_of_its_own(tmp_path: Path) -> None:
    """Two heavy tasks and room for one at a time: the second waits for the first."""
    with house_with(tmp_path) as house:
        house.serve()
        house.start("worker", "--slots", "4", "--resources", "memory=1.5GB", "--scheduler", house.url)
        house.worker_id()
        runs = [
            house.start(
                "run",
                "-m",
                "farm",
                "Heavy",
                "--n",
                str(n),
                "--seconds",
                "30",
                "--plain",
                "--scheduler",
                house.url,
                RUMBO_RESOURCES_MEMORY="0",
            )
            for n in (1, 2)
        ]
        until(lambda: len(list(tmp_path.glob("began.*"))) >= 1)
        (tmp_path / "go").touch()
        assert [run.wait(30) for run in runs] == [0, 0], house.output("run")


def test_a_worker_is_drained_by_a_signal(tmp_path: Path) -> None:
    with house_with(tmp_path) as house:
        house.serve()
        worker = house.start("worker", "--slots", "1", "--scheduler", house.url)
        house.worker_id()
        run = house.start("run", "-m", "farm", "All", "--seconds", "20", "--plain", "--scheduler", house.url)
        until(lambda: len(list(tmp_path.glob("began.*"))) == 2)
        worker.send_signal(signal.SIGUSR1)
        time.sleep(0.2)
        assert worker.poll() is None
        (tmp_path / "go").touch()
        assert worker.wait(10) == 0
        assert run.wait(20) == 0


def test_a_worker_that_is_told_to_go_gives_back_what_it_runs(tmp_path: Path) -> None:
    with house_with(tmp_path) as house:
        house.serve()
        worker = house.start("worker", "--slots", "1", "--scheduler", house.url)
        house.worker_id()
        run = house.start(
            "run", "-m", "farm", "All", "--count", "2", "--seconds", "20", "--plain", "--scheduler", house.url
        )
        until(lambda: len(list(tmp_path.glob("began.*"))) == 2)
        worker.terminate()
        assert worker.wait(10) == 130
        (tmp_path / "go").touch()
        assert run.wait(20) == 0, house.output("run")
        assert sorted(len(path.read_text().splitlines()) for path in tmp_path.glob("began.*")) == [1, 2]


def test_a_socket_in_the_file_system(tmp_path: Path) -> None:
    with house_with(tmp_path) as house:
        path = tmp_path / "s"
        server = house.start("serve", "--unix-socket", str(path))
        until(lambda: "serving" in house.output("serve"))
        assert stat.S_ISSOCK(path.stat().st_mode)
        run = house.run("run", "-m", "farm", "All", "--scheduler", f"http+unix://{path}")
        assert run.returncode == 0, run.stderr
        second = house.run("serve", "--unix-socket", str(path), "--state", "other")
        assert (
            second.stderr.strip()
            == f"rumbo: Something listens at {path} already: stop it, or name another --unix-socket."
        )
        house.kill(server)
        house.start("serve", "--unix-socket", str(path))
        until(lambda: house.run("run", "-m", "farm", "All", "--scheduler", f"http+unix://{path}").returncode == 0)


def test_tls(tmp_path: Path) -> None:
    certificate, key = certificate_for("localhost", tmp_path)
    with house_with(tmp_path) as house:
        half = house.run("serve", "--certificate", certificate)
        assert (half.returncode, half.stderr.strip()) == (
            2,
            "rumbo: TLS takes both --certificate and --key, each the name of a PEM file.",
        )
        house.start("serve", "--port", str(house.port), "--certificate", certificate, "--key", key)
        until(lambda: "serving" in house.output("serve"))
        url = f"https://localhost:{house.port}"
        run = house.run("run", "-m", "farm", "All", "--scheduler", url, RUMBO_SCHEDULER_CERTIFICATES=certificate)
        assert run.returncode == 0, run.stderr
        stranger = house.run("run", "-m", "farm", "All", "--scheduler", url)
        assert stranger.returncode == 1
        assert "certificate" in stranger.stderr.lower()


def test_in_the_background(tmp_path: Path) -> None:
    with house_with(tmp_path) as house:
        flags = ("serve", "--port", str(house.port), "--background", "--pid-file", "server.pid")
        first = house.run(*flags)
        found = re.fullmatch(rf"Serving {tmp_path}/\.rumbo at {house.url} \(process (\d+)\)\.\n", first.stdout)
        assert found, first
        process = psutil.Process(int(found[1]))
        try:
            assert (tmp_path / "server.pid").read_text() == f"{process.pid}\n"
            assert house.run("run", "-m", "farm", "All", "--scheduler", house.url).returncode == 0
            second = house.run("serve", "--port", "0", "--background")
            assert (second.returncode, second.stderr) == (
                2,
                "rumbo: The server did not start; .rumbo/server.log says why.\n",
            )
            assert (
                f"Another server (process {process.pid}) works on .rumbo"
                in (tmp_path / ".rumbo/server.log").read_text()
            )
        finally:
            process.terminate()
            process.wait(10)
        assert not (tmp_path / "server.pid").exists()


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with house_with(tmp_path) as house:
        house.serve()
        second = house.run("serve", "--port", str(house.port), "--state", "other")
        assert (second.returncode, second.stderr.strip()) == (
            2,
            f"rumbo: The server cannot listen at 127.0.0.1:{house.port} (Address already in use). Name another address "
            "with --host and --port, or stop what listens there.",
        )


def test_memory_of_a_newer_server(tmp_path: Path) -> None:
    with house_with(tmp_path) as house:
        house.kill(house.serve())
        with sqlite3.connect(tmp_path / ".rumbo" / "state.db") as db:
            db.execute("INSERT INTO steps VALUES (99)")
        db.close()
        second = house.run("serve", "--port", "0")
        assert second.returncode == 1
        assert "was written by a newer Rumbo: it has step 99" in second.stderr
        assert "Upgrade Rumbo here, or name another place with --state." in second.stderr


def test_nobody_answers(tmp_path: Path) -> None:
    with house_with(tmp_path) as house:
        for words in (("run", "-m", "farm", "All"), ("worker",)):
            said = house.run(*words, "--scheduler", house.url)
            assert (said.returncode, said.stderr.strip()) == (
                1,
                f"rumbo: No scheduler answers at {house.url} (connection refused). Start one with `rumbo serve`, name "
                "another one with --scheduler, or leave it out to run without.",
            )


def test_a_server_logs_as_json(tmp_path: Path) -> None:
    with house_with(tmp_path) as house:
        server = house.serve("--log-format", "json")
        server.terminate()
        server.wait(10)
        lines = [json.loads(line) for line in house.output("serve").splitlines()]
        assert [line["message"].split(" ")[0] for line in lines] == ["serving", "stopped"]
        assert {"time", "level", "logger", "message"} <= lines[0].keys()


def test_it_starts_quickly_and_idles(tmp_path: Path) -> None:
    """Not a measurement: a server that turned in a loop would use far more than this."""
    with house_with(tmp_path) as house:
        server = psutil.Process(house.serve().pid)
        time.sleep(0.5)
        before = server.cpu_times()
        time.sleep(1.5)
        after = server.cpu_times()
        assert after.user + after.system - before.user - before.system < 0.5
        assert os.path.exists(tmp_path / ".rumbo" / "state.db")
