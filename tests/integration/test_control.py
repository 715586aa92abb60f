"""The commands that look and step in at a server, from a folder that knows nothing of it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from server_house import House, house_in, until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

PIPELINE = """
import os
import time
import rumbo


class Talk(rumbo.Task):
    n: int
    accepts_messages = True
    resources = {"line": 1}

    def output(self):
        return rumbo.LocalTarget(f"out/{self.n}")

    def run(self):
        print("listening", self.n, flush=True)
        while True:
            message = self.scheduler_messages.get()
            print("heard", message, flush=True)
            message.respond(f"yes, {message}")
            if str(message) == "end":
                break
        self.output().write_text("heard it")


class Quiet(rumbo.Task):
    def output(self):
        return rumbo.LocalTarget("quiet")

    def run(self):
        while not os.path.exists("go"):
            time.sleep(0.05)
        self.output().write_text("")


class Talks(rumbo.WrapperTask):
    def requires(self):
        return [Talk(n=1), Talk(n=2)]


class Say(rumbo.Task):
    worker_pool = "agents"

    def output(self):
        return rumbo.LocalTarget("said")

    def run(self):
        print("said by an agent")
        self.output().write_text("")


class Bad(rumbo.Task):
    def output(self):
        return rumbo.LocalTarget("bad")

    def run(self):
        if not os.path.exists("good"):
            raise ValueError("not yet")
        self.output().write_text("")
"""


class Elsewhere:
    """A folder from which a server is asked."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.folder = folder
        folder.mkdir()

    def says(self, *words: str, code: int = 0) -> str:
        said = self._type(*words)
        assert said.returncode == code, said
        return said.stdout if code == 0 else said.stderr

    def comes_to_say(self, text: str, *words: str) -> None:
        """The history follows the scheduler by a moment."""
        until(lambda: text in self._type(*words).stdout, what=text)

    def data(self, *words: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(self.says(*words, "--json"))
        return found

    def _type(self, *words: str) -> subprocess.CompletedProcess[str]:
        here, self.house.folder = self.house.folder, self.folder
        try:
            return self.house.run(*words, RUMBO_SCHEDULER=self.house.url)
        finally:
            self.house.folder = here


@contextmanager
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    home = tmp_path / "server"
    home.mkdir()
    (home / "talks.py").write_text(PIPELINE)
    with house_in(home) as house:
        house.serve()
        yield Elsewhere(house, tmp_path / "elsewhere")


def test_a_task_that_looks_for_no_messages_is_sent_none(tmp_path: Path) -> None:
    with elsewhere(tmp_path) as away:
        quiet = away.house.start("run", "-m", "talks", "Quiet", "--scheduler", away.house.url)
        until(lambda: "Quiet" in away.says("workers"), what="the quiet one")
        assert "looks for no messages: give Quiet the attribute `accepts_messages = True`" in away.says(
            "message", "Quiet()", "hello", code=1
        )
        (away.house.folder / "go").touch()
        assert quiet.wait(30) == 0


def test_a_task_is_talked_to_and_its_words_are_read_from_afar(tmp_path: Path) -> None:
    with elsewhere(tmp_path) as away:
        run = away.house.start("run", "-m", "talks", "Talk", "--n", "1", "--scheduler", away.house.url)
        until(lambda: [each for each in away.data("workers") if each["running"]], what="the attempt")
        until(lambda: away.data("runs"), what="the run in the history")

        assert away.says("message", "Talk", "--n", "1", "hello").strip() == "Sent."
        assert away.says("message", "Talk(n=1)", "are you there", "--wait", "20").strip() == "yes, are you there"
        (worker,) = away.data("workers")
        assert "1 of 1" in away.says("workers")
        assert f"  {worker['id']} runs Talk_1_" in away.says("workers")
        assert "line  1 of 1 in use  Talk_1_" in away.says("resources")
        assert "running" in away.says("runs")
        following = away.house.start("logs", "-f", "Talk(n=1)", RUMBO_SCHEDULER=away.house.url)
        until(lambda: "heard are you there\n" in away.house.output("logs"), what="what was heard")
        away.says("message", "Talk(n=1)", "end")

        assert run.wait(30) == 0
        assert following.wait(30) == 0
        assert away.house.output("logs") == "listening 1\nheard hello\nheard are you there\nheard end\n"
        away.comes_to_say(" done ", "history")
        assert away.says("logs", "-m", "talks", "Talk", "--n", "1").endswith("heard end\n")
        assert "Talk(n=1)" in away.says("show", "last", "--tasks")
        assert "attempt 1 done" in away.says("show", "Talk(n=1)")
        (told,) = away.data("show", "Talk_1")
        assert (told["state"], told["params"]) == ("done", {"n": "1"})


@pytest.mark.parametrize("executor", ["processes", "threads"])
def test_what_an_agent_ran_can_be_read_from_afar(executor: str, tmp_path: Path) -> None:
    with elsewhere(tmp_path) as away:
        words = ["--slots", "1", "--pool", "agents", "--executor", executor, "--scheduler", away.house.url]
        agent = away.house.start("worker", *words)
        until(lambda: away.data("workers"), what="the agent")
        assert away.house.run("run", "-m", "talks", "Say", "--scheduler", away.house.url).returncode == 0

        away.comes_to_say("said by an agent", "logs", "Say")
        agent.terminate()


def test_stepping_in(tmp_path: Path) -> None:
    with elsewhere(tmp_path) as away:
        assert away.says("pause").strip() == "Paused."
        run = away.house.start("run", "-m", "talks", "Talks", "--workers", "2", "--scheduler", away.house.url)
        until(lambda: away.data("runs"), what="the run in the history")
        assert away.data("workers")[0]["running"] == []
        (away.folder / "talks.py").write_text(PIPELINE)
        assert "  The server: " in away.says("why", "-m", "talks", "Talk", "--n", "1")

        assert away.says("resume").strip() == "Going on."
        until(lambda: away.data("workers")[0]["running"], what="an attempt")
        assert "of 2 in use" in away.says("resources", "line=2")
        assert "done" in away.says("done", "Talk(n=1)")
        until(lambda: away.data("workers")[0]["running"], what="the other attempt")
        assert "cancelled" in away.says("cancel", away.data("runs")[0]["id"])  # type: ignore[arg-type]
        assert run.wait(30) == 1


def test_a_task_that_failed_is_forgiven(tmp_path: Path) -> None:
    with elsewhere(tmp_path) as away:
        assert away.house.run("run", "-m", "talks", "Bad", "--scheduler", away.house.url).returncode == 1
        agent = away.house.start("worker", "--slots", "1", "--scheduler", away.house.url)
        (away.house.folder / "good").touch()

        away.comes_to_say(" failed ", "history")
        assert "pending" in away.says("forgive", "Bad()")
        until(lambda: (away.house.folder / "bad").exists(), what="another attempt")
        agent.terminate()


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    with elsewhere(tmp_path) as away:
        url = away.house.url
        missing = "rumbo: Neither a run nor a task in the history is called Nobody. It is empty.\n"
        assert away.says("cancel", "Nobody", code=1) == missing
        assert "has an id that begins with '20200101-000000-0000'" in away.says("show", "20200101-000000-0000", code=1)
        assert away.says("message", "alone", code=2) == (
            "rumbo: A message needs a task and a text: rumbo message TASK TEXT.\n"
        )
        assert away.says("resources", "line", code=2) == (
            "rumbo: 'line' is not an amount of a resource, for example database=3 or memory=8GB.\n"
        )
        away.house.kill(away.house.server)  # type: ignore[arg-type]
        nobody = f"rumbo: No scheduler answers at {url} (connection refused)."
        assert away.says("pause", code=1) == f"{nobody}\n"
        assert away.says("history", code=1) == f"{nobody} With --folder, the history of a folder is read.\n"


def test_without_a_server_it_is_asked_for(tmp_path: Path) -> None:
    said = House(tmp_path).run("pause")
    assert (said.returncode, said.stderr) == (
        2,
        "rumbo: Which server? Name it with --scheduler URL, RUMBO_SCHEDULER, or url in [scheduler].\n",
    )
