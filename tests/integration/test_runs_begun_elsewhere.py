"""Runs that nobody waits for: handed to a server from the command line, or begun through its API by a worker."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from server_house import house_in, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from server_house import House

pytestmark = pytest.mark.slow

SHOP = """
import rumbo
print("the shop is imported")

class Prices(rumbo.Task):
    day: int
    def output(self):
        return rumbo.LocalTarget(f"prices.{self.day}")
    def run(self):
        with open("log", "a") as log:
            log.write(f"prices {self.day}\\n")
        self.output().write_text("1")

class Delivered(rumbo.ExternalTask):
    def output(self):
        return rumbo.LocalTarget("delivered")

class Table(rumbo.Task):
    days: int = 2
    def requires(self):
        return [Delivered(), *[Prices(day=day) for day in range(self.days)]]
    def output(self):
        return rumbo.LocalTarget(f"table.{self.days}")
    def run(self):
        self.output().write_text("2")
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "delivered").write_text("0")
    with house_in(tmp_path) as house:
        house.serve()
        yield house


def ask(house: House, method: str, path: str, body: Any = None) -> Any:
    """An answer of the API, or of a refusal the status and what it says."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{house.url}/api/v1/{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.loads(refusal.read())["detail"]


def ended(house: House, run: str) -> Any:
    """A run, when it is over and the history knows."""
    found: list[Any] = []

    def is_over() -> bool:
        rows = [row for row in ask(house, "GET", "runs")["rows"] if row["id"] == run and row["ended"]]
        found[:] = rows
        return bool(rows)

    until(is_over, what=f"the end of run {run}")
    return found[0]


def id_of(house: House, family: str) -> str:
    def rows() -> list[Any]:
        return list(ask(house, "GET", f"tasks?family={family}")["rows"])

    until(rows, what=f"{family} in the history")
    return str(rows()[0]["id"])


def test_a_run_is_handed_to_the_server_and_done_by_a_worker_that_comes_later(house: House) -> None:
    given = house.run("run", "-m", "shop", "Table", "--detach", "--json", "--scheduler", house.url)
    assert given.returncode == 0, given.stderr
    told = json.loads(given.stdout[given.stdout.index("{") :])
    assert told["counts"] == {"run": 3, "skip": 1}
    assert [row["id"] for row in ask(house, "GET", "runs?status=running")["rows"]] in ([told["run"]], [])
    assert ask(house, "GET", "workers") == []
    house.start("worker", "--scheduler", house.url)
    run = ended(house, told["run"])
    assert (run["status"], run["summary"], run["workers"]) == ("done", "Workers have finished it.", 0)
    assert (run["counts"], (house.folder / "table.2").read_text()) == ({"done": 3, "complete": 1}, "2")
    again = house.run("run", "-m", "shop", "Table", "--detach", "--scheduler", house.url)
    assert ": 1 skip.\nWorkers do it (`rumbo worker`). See it with: rumbo show " in again.stdout


def test_a_detached_run_outlives_the_server(house: House) -> None:
    given = house.run("run", "-m", "shop", "Table", "--detach", "--json", "--scheduler", house.url)
    run = json.loads(given.stdout[given.stdout.index("{") :])["run"]
    assert house.server is not None
    house.kill(house.server)
    house.serve()
    house.start("worker", "--scheduler", house.url)
    assert ended(house, run)["status"] == "done"


def test_detaching_needs_a_server_and_tasks_that_others_can_run(house: House) -> None:
    alone = house.run("run", "-m", "shop", "Table", "--detach")
    assert alone.returncode == 2
    assert "--detach hands the run to a server: name it with --scheduler URL" in alone.stderr
    (house.folder / "script.py").write_text(SHOP + "\nif __name__ == '__main__':\n    rumbo.main()\n")
    (house.folder / "secret.py").write_text(
        "import luigi\nfrom luigi.parameter import ParameterVisibility\n"
        "class Login(luigi.Task):\n"
        "    password = luigi.Parameter(visibility=ParameterVisibility.PRIVATE)\n"
        "    def output(self):\n        return luigi.LocalTarget('login')\n"
    )
    secret = house.run("run", "-m", "secret", "Login", "--password", "x", "--detach", "--scheduler", house.url)
    assert secret.returncode == 1
    assert "has private parameters, or is of the module __main__" in secret.stderr
    assert ask(house, "GET", "runs")["rows"] == []


def test_a_run_is_previewed_and_begun_through_the_api(house: House) -> None:
    house.run("run", "-m", "shop", "Table", "--scheduler", house.url)
    table = id_of(house, "Table")
    status, why = ask(house, "POST", "plans", {"tasks": [table]})
    assert (status, why[:46]) == (409, "No worker is connected that could plan it: sta")
    house.start("worker", "--scheduler", house.url)
    house.worker_id()

    nothing = ask(house, "POST", "plans", {"tasks": [table]})
    assert nothing["families"] == [
        {"family": "Table", "run": 0, "skip": 1, "wait": 0, "broken": 0, "seconds": None},
    ]
    alone = ask(house, "POST", "plans", {"tasks": [table], "again": "tasks"})
    assert [(each["family"], each["run"], each["skip"]) for each in alone["families"]] == [
        ("Table", 1, 0),
        ("Delivered", 0, 1),
        ("Prices", 0, 2),
    ]
    assert (alone["removed"], alone["removed_count"], alone["kept"]) == (["table.2"], 1, [])
    assert alone["families"][0]["seconds"] == alone["seconds"] > 0
    assert [(each["name"], each["reason"]) for each in alone["tasks"]] == [
        ("Table(days=2)", "its output is removed, so that it is made again")
    ]
    assert (house.folder / "table.2").exists(), "a preview changes nothing"

    begun = ask(house, "POST", "runs", {"tasks": [table], "again": "below"})
    assert begun["forecast"]["removed_count"] == 3, "what comes from elsewhere stays"
    run = ended(house, begun["run"])
    assert (run["status"], run["counts"]) == ("done", {"done": 3, "complete": 1})
    assert run["command"] == "rumbo run -m shop Table --days 2 --detach"
    assert sorted((house.folder / "log").read_text().split("\n")) == ["", *["prices 0"] * 2, *["prices 1"] * 2]
    assert (house.folder / "delivered").exists()


def test_what_could_not_be_made_again_is_not_removed(house: House) -> None:
    house.run("run", "-m", "shop", "Table", "--scheduler", house.url)
    table = id_of(house, "Table")
    (house.folder / "delivered").unlink()
    house.start("worker", "--scheduler", house.url)
    house.worker_id()
    told = ask(house, "POST", "runs", {"tasks": [table], "again": "tasks"})["forecast"]
    assert (told["removed"], told["kept"]) == ([], ["table.2"])
    assert (house.folder / "table.2").read_text() == "2"
    below = ask(house, "POST", "plans", {"tasks": [table], "again": "below"})
    assert (below["removed"], sorted(below["kept"])) == ([], ["prices.0", "prices.1", "table.2"])


def test_new_tasks_of_a_known_family_are_begun(house: House) -> None:
    house.run("run", "-m", "shop", "Table", "--scheduler", house.url)
    id_of(house, "Table")
    house.start("worker", "--scheduler", house.url)
    house.worker_id()
    wish = {"new": [{"family": "Prices", "params": {"day": day}} for day in ("7", "8")]}
    assert ask(house, "POST", "plans", wish)["families"][0]["run"] == 2
    assert ended(house, ask(house, "POST", "runs", wish)["run"])["counts"] == {"done": 2}
    assert (house.folder / "prices.7").exists()
    assert ask(house, "POST", "plans", {"new": [{"family": "Prizes", "params": {}}]}) == (
        404,
        "The history knows no task of the family 'Prizes', nor its module.",
    )
    assert ask(house, "POST", "plans", {"new": [{"family": "Table", "params": {"dais": "3"}}]}) == (
        409,
        "Table has no parameter dais; it has: days.",
    )
    status, why = ask(house, "POST", "plans", {"new": [{"family": "Prices", "params": {"day": "monday"}}]})
    assert status == 409
    assert "Prices.day: 'monday' is not a whole number" in why
    assert ask(house, "POST", "plans", {})[0] == 409


def test_a_worker_that_cannot_import_the_module_lets_another_plan(house: House) -> None:
    house.run("run", "-m", "shop", "Table", "--scheduler", house.url)
    table = id_of(house, "Table")
    elsewhere = house.folder / "elsewhere"
    elsewhere.mkdir()
    house.folder, home = elsewhere, house.folder
    house.start("worker", "--scheduler", house.url)
    stranger = house.worker_id()
    status, why = ask(house, "POST", "plans", {"tasks": [table]})
    assert status == 409
    assert why == (
        f"No worker that is connected can plan it. {stranger}: The module shop cannot be imported here: "
        "No module named 'shop'."
    )
    house.folder = home
    house.start("worker", "--scheduler", house.url)
    native = house.worker_id()
    assert ask(house, "POST", "plans", {"tasks": [table]})["worker"] == native


def test_what_was_done_just_before_is_believed_and_the_run_says_so(house: House) -> None:
    house.run("run", "-m", "shop", "Table", "--scheduler", house.url)
    (house.folder / "table.2").unlink()
    again = house.run("run", "-m", "shop", "Table", "--scheduler", house.url)
    assert (
        "1 task had been done just before, so the server holds it for complete (cooldown in its [server])."
        in again.stdout
    )
