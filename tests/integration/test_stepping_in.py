"""People step in through the API while real workers run real processes."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from server_house import house_in, until

if TYPE_CHECKING:
    from pathlib import Path

    from server_house import House

pytestmark = pytest.mark.slow

SLEEPERS = """
import os
import subprocess
import rumbo

class Sleeper(rumbo.Task):
    number: int
    accepts_messages = True

    def output(self):
        return rumbo.LocalTarget(f"woken.{self.number}")

    def run(self):
        child = subprocess.Popen(["sleep", "300"])
        with open(f"sleeps.{self.number}.tmp", "w") as file:
            file.write(f"{os.getpid()} {child.pid}")
        os.rename(f"sleeps.{self.number}.tmp", f"sleeps.{self.number}")
        message = self.scheduler_messages.get() if hasattr(self, "scheduler_messages") else None
        if message is not None:
            message.respond(message.content.upper())
        child.terminate()
        child.wait()
        self.output().write_text("good morning")

class Sleepers(rumbo.WrapperTask):
    def requires(self):
        return [Sleeper(number=number) for number in range(3)]
"""


def ask(house: House, method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{house.url}/api/v1/{path}", data, {"Content-Type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def processes(house: House, number: int) -> list[int]:
    """The processes of a sleeper that sleeps: its worker's child, and the program that this one started."""
    path = house.folder / f"sleeps.{number}"
    until(path.exists, what=f"sleeper {number}")
    return [int(word) for word in path.read_text().split()]


def are_gone(pids: list[int]) -> bool:
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)


def task_id(house: House, number: int) -> str:
    def rows() -> list[Any]:
        return list(ask(house, "GET", f"tasks?family=Sleeper&param=number%3D{number}")["rows"])

    until(rows, what="the task in the history")
    return str(rows()[0]["id"])


def test_a_task_and_then_a_whole_run_are_cancelled(tmp_path: Path) -> None:
    (tmp_path / "sleepers.py").write_text(SLEEPERS)
    with house_in(tmp_path) as house:
        house.serve()
        run = house.start("run", "-m", "sleepers", "Sleepers", "--workers", "3", "--scheduler", house.url)
        asleep = {number: processes(house, number) for number in range(3)}
        until(lambda: ask(house, "GET", "tasks?family=Sleeper")["rows"], what="the history")
        first = task_id(house, 0)
        assert ask(house, "POST", f"tasks/{first}/cancel") == {"changed": {}, "stopping": [first]}
        until(lambda: are_gone(asleep[0]), 3, "the end of the first sleeper with its child")
        assert not are_gone(asleep[1])
        (open_run,) = ask(house, "GET", "runs?status=running")["rows"]
        done = ask(house, "POST", f"runs/{open_run['id']}/cancel")
        assert (set(done["changed"].values()), len(done["stopping"])) == ({"cancelled"}, 2)
        until(lambda: are_gone([*asleep[1], *asleep[2]]), 3, "the end of all sleepers")
        assert run.wait(20) == 1
        assert "4 tasks stopped:" in house.output("run")
        assert "withdrawn" not in house.output("run")
        assert not list(tmp_path.glob("woken.*"))


def test_a_message_wakes_a_task_and_its_answer_comes_back(tmp_path: Path) -> None:
    (tmp_path / "sleepers.py").write_text(SLEEPERS)
    with house_in(tmp_path) as house:
        house.serve()
        house.start("worker", "--scheduler", house.url, "--slots", "1", name="worker")
        run = house.start("run", "-m", "sleepers", "Sleeper", "--number", "7", "--scheduler", house.url)
        processes(house, 7)
        until(lambda: ask(house, "GET", "tasks?family=Sleeper")["rows"], what="the history")
        sent = ask(house, "POST", f"tasks/{task_id(house, 7)}/messages", {"content": "good morning"})["id"]
        until(lambda: ask(house, "GET", f"messages/{sent}")["text"] == "GOOD MORNING", what="the answer")
        assert run.wait(20) == 0
        assert (tmp_path / "woken.7").read_text() == "good morning"


def test_a_worker_is_given_more_slots_and_then_drained(tmp_path: Path) -> None:
    (tmp_path / "sleepers.py").write_text(SLEEPERS)
    with house_in(tmp_path) as house:
        house.serve()
        worker = house.start("worker", "--scheduler", house.url, "--slots", "3", name="worker")
        name = house.worker_id()
        ask(house, "PUT", f"workers/{name}/slots", {"slots": 1})
        # The run itself serves another pool, so that the agent has all the work.
        (tmp_path / "rumbo.toml").write_text('[scheduler]\npools = "nobody\'s"\n')
        house.start("run", "-m", "sleepers", "Sleepers", "--scheduler", house.url)
        until(lambda: len(list(tmp_path.glob("sleeps.?"))) == 1, what="the first sleeper")
        ask(house, "PUT", f"workers/{name}/slots", {"slots": 2})
        until(lambda: len(list(tmp_path.glob("sleeps.?"))) == 2, what="the second sleeper")
        assert "ends" in house.run("worker", "--drain", name, "--scheduler", house.url).stdout
        until(lambda: ask(house, "GET", f"workers/{name}")["is_draining"])
        for path in tmp_path.glob("sleeps.?"):
            number = path.name[-1]
            ask(house, "POST", f"tasks/{task_id(house, int(number))}/messages", {"content": "wake up"})
        assert worker.wait(20) == 0
        assert len(list(tmp_path.glob("woken.?"))) == 2
        assert len(list(tmp_path.glob("sleeps.?"))) == 2
        assert os.path.exists(tmp_path / ".rumbo" / "state.db")
