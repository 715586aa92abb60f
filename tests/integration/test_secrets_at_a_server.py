"""What is private never leaves the worker, and what is hidden is not shown: looked for in all that a server keeps and
says."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from server_house import House, house_in, until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

PRIVATE, HIDDEN = "pr1vate-s3cret", "h1dden-s3cret"

PIPELINE = """
import os
import time

import rumbo
from rumbo import ParameterVisibility


class Load(rumbo.Task):
    table: str
    password = rumbo.Parameter(visibility=ParameterVisibility.PRIVATE)
    host = rumbo.Parameter(visibility=ParameterVisibility.HIDDEN)
    batched = rumbo.IntParameter(default=0, batch_method=max)

    def output(self):
        return rumbo.LocalTarget(f"out/{self.table}")

    def run(self):
        with open("ran", "a") as file:
            file.write(f"{self.table} {os.getppid()} {self.password}\\n")
        self.set_status_message(f"logging in with {self.password}")
        self.set_tracking_url(f"http://localhost/?key={self.password}")
        if self.table == "bad":
            raise ValueError(f"{self!r}: nobody may log in with {self.password!r}")
        if self.table == "slow":
            time.sleep(1)
        self.output().write_text("loaded")


class Broken(Load):
    def requires(self):
        raise KeyError(f"no {self.password} on {self.table}")


class Later(rumbo.Task):
    name: str
    worker_pool = "gpu"

    def output(self):
        return rumbo.LocalTarget(f"out/{self.name}")

    def run(self):
        yield Load(table=f"of-{self.name}", password=os.environ["SECRET"], host=os.environ["HOST"])
        self.output().write_text("done")


class All(rumbo.WrapperTask):
    password = rumbo.Parameter(visibility=ParameterVisibility.PRIVATE)
    host = rumbo.Parameter(visibility=ParameterVisibility.HIDDEN)

    def requires(self):
        given = {"password": self.password, "host": self.host}
        return [*(Load(table=name, **given) for name in ("good", "bad", "slow")), Broken(table="broken", **given)]
"""


class Anything(dict[str, object]):
    """Something for each part of an address."""

    def __missing__(self, name: str) -> str:
        return "x"


def answers(house: House) -> dict[str, str]:
    """All that the server tells anybody who asks."""
    schema = json.loads(ask(house, "/api/v1/openapi.json"))
    said: dict[str, str] = {}
    runs = [run["id"] for run in json.loads(ask(house, "/api/v1/runs"))["rows"]]
    tasks = [task["id"] for task in json.loads(ask(house, "/api/v1/tasks"))["rows"]]
    for path, methods in schema["paths"].items():
        if "get" not in methods or path == "/events":
            continue
        for run in runs if "{run}" in path else [""]:
            for task in tasks if "{task}" in path else [""]:
                filled = path.format_map(Anything(run=run, task=task, attempt=1, family="Load"))
                said[filled] = ask(house, f"/api/v1{filled}")
    for method in ("task_list", "worker_list", "resource_list", "graph"):
        said[method] = ask(house, f"/api/{method}?data=%7B%22status%22%3A%22%22%2C%22upstream_status%22%3A%22%22%7D")
    for task in tasks:
        for method, name in (("dep_graph", "task_id"), ("fetch_error", "task_id"), ("task_search", "task_str")):
            data = urllib.request.quote(json.dumps({name: task}))
            said[f"{method} {task}"] = ask(house, f"/api/{method}?data={data}")
    said["metrics"] = ask(house, "/metrics")
    return said


def ask(house: House, path: str) -> str:
    try:
        with urllib.request.urlopen(house.url + path, timeout=10) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


def test_secrets_stay_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "farm.py").write_text(PIPELINE)
    with house_in(tmp_path) as house:
        house.serve("--state", "server")
        given = ("--password", PRIVATE, f"--host={HIDDEN}")
        run = house.run("run", "-m", "farm", "All", *given, "--scheduler", house.url, "--workers", "2")
        assert run.returncode == 1, run.stderr
        ran = (tmp_path / "ran").read_text()
        assert {line.split(" ")[2] for line in ran.splitlines()} == {PRIVATE}  # the tasks themselves know it
        until(lambda: json.loads(ask(house, "/api/v1/runs/last"))["status"] == "failed", what="the history")

        said = answers(house)
        assert len(said) > 50
        assert [path for path, text in said.items() if PRIVATE in text] == []
        assert [path for path, text in said.items() if HIDDEN in text] == []
        history = json.loads(ask(house, "/api/v1/runs/last"))
        assert history["command"].startswith("rumbo run -m farm All --password '***' '--host=***'")
        failed = json.loads(ask(house, "/api/v1/runs/last/tasks?state=failed"))["rows"][0]
        assert "nobody may log in with '***'" in ask(house, f"/api/v1/runs/last/tasks/{failed['task_id']}/attempts")
        assert failed["params"] == {"table": "bad", "batched": "0"}
        kept = {path: path.read_bytes() for path in (tmp_path / "server").rglob("*") if path.is_file()}
        assert {"state.db", "state.db-wal", "rumbo.db"} <= {path.name for path in kept}
        assert [path for path, data in kept.items() if PRIVATE.encode() in data] == []
        assert PRIVATE not in house.output("serve")
        assert HIDDEN not in house.output("serve")
        assert HIDDEN in kept[tmp_path / "server" / "state.db-wal"].decode("latin-1")  # who looks, finds


def test_a_local_history_has_no_secrets_either(tmp_path: Path) -> None:
    (tmp_path / "farm.py").write_text(PIPELINE)
    with house_in(tmp_path) as house:
        run = house.run("run", "-m", "farm", "All", "--password", PRIVATE, "--host", HIDDEN)
        assert run.returncode == 1
        kept = b"".join(path.read_bytes() for path in (tmp_path / ".rumbo").glob("rumbo.db*"))
        assert b"nobody may log in with" in kept
        assert PRIVATE.encode() not in kept
        assert HIDDEN.encode() not in kept
        assert PRIVATE not in house.run("show").stdout


def test_only_who_planned_it_runs_a_task_with_a_private_parameter(tmp_path: Path) -> None:
    """An agent leaves such tasks alone, but for those that it came upon itself."""
    (tmp_path / "farm.py").write_text(PIPELINE)
    with house_in(tmp_path) as house:
        house.serve("--state", "server")
        pools = ("--pool", "default", "--pool", "gpu")
        agent = house.start("worker", "--scheduler", house.url, "-n", "2", *pools, SECRET=PRIVATE, HOST=HIDDEN)
        house.worker_id()
        words = ("run", "-m", "farm", "--scheduler", house.url)
        run = house.run(*words, "Load", "--table", "own", "--password", PRIVATE, "--host", HIDDEN)
        assert run.returncode == 0, run.stderr
        assert "Load" not in house.output("worker")
        later = house.run(*words, "Later", "--name", "x")  # which has the secret not even in its environment
        assert later.returncode == 0, later.stderr
        assert "Load(batched=0, table=of-x)" in house.output("worker")
        assert sorted(line.split(" ")[0] for line in (tmp_path / "ran").read_text().splitlines()) == ["of-x", "own"]
        assert {line.split(" ")[2] for line in (tmp_path / "ran").read_text().splitlines()} == {PRIVATE}
        assert agent.poll() is None
        kept = [path for path in (tmp_path / "server").rglob("*") if path.is_file()]
        assert [path for path in kept if PRIVATE.encode() in path.read_bytes()] == []
