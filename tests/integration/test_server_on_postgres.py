"""`rumbo serve` with its memory in PostgreSQL: it outlives kill -9, crashes of the database, and its own death."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from rumbo.store.postgres import name_of
from server_house import house_in, until

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from postgres_house import PostgresHouse
    from server_house import House

pytestmark = pytest.mark.slow

STEPS = """
import time
import rumbo

class Step(rumbo.Task):
    number: int
    def output(self):
        return rumbo.LocalTarget(f"out/{self.number}")
    def run(self):
        time.sleep(0.05)
        print("step", self.number)
        with open("effects", "a") as effects:
            effects.write(f"{self.number}\\n")
        self.output().write_text("done")

class Steps(rumbo.WrapperTask):
    many: int = 40
    def requires(self):
        return [Step(number=number) for number in range(self.many)]
"""


def begin(house: House) -> subprocess.Popen[bytes]:
    """A run of forty steps, some of which are done when this returns."""
    (house.folder / "steps.py").write_text(STEPS)
    run = house.start("run", "-m", "steps", "Steps", "--workers", "2", "--scheduler", house.url)
    until(lambda: done(house) > 3, what="the first steps")
    return run


def done(house: House) -> int:
    effects = house.folder / "effects"
    return len(effects.read_text().splitlines()) if effects.exists() else 0


def check(house: House, run: subprocess.Popen[bytes], url: str) -> None:
    """The run ends well, each step ran once, and the history says so."""
    assert run.wait(60) == 0, house.output("run")
    assert sorted(map(int, (house.folder / "effects").read_text().split())) == list(range(40))

    def history() -> str:
        return house.run("history", "--folder", url).stdout

    until(lambda: " done " in history(), what="the end of the run in the history")
    assert "41 done" in house.run("show", "--folder", url).stdout
    assert "step 7" in house.run("logs", "--folder", url, "Step", "--number", "7").stdout


def test_a_server_and_its_database_crash_and_the_run_goes_on(tmp_path: Path, postgres: PostgresHouse) -> None:
    url = postgres.make_database()
    with house_in(tmp_path) as house:
        server = house.serve("--state", url)
        run = begin(house)
        house.kill(server)
        server = house.serve("--state", url)
        until(lambda: done(house) > 12, what="more steps")
        postgres.stop()
        time.sleep(0.5)
        postgres.start()
        check(house, run, url)
        assert "takes nothing on" in house.output("serve")
        assert "can be written again" in house.output("serve")
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0


def test_another_server_takes_the_place_of_one_that_died(tmp_path: Path, postgres: PostgresHouse) -> None:
    url = postgres.make_database()
    with house_in(tmp_path) as house:
        first = house.serve("--state", url)
        refused = house.run("serve", "--port", "0", "--state", url)
        assert refused.returncode != 0
        assert f"works on {name_of(url)}: stop it first, let this one wait" in refused.stderr
        second = house.start("serve", "--port", str(house.port), "--state", url, "--standby")
        until(lambda: "standing by: another server works on" in house.output("serve"))
        run = begin(house)
        house.kill(first)
        check(house, run, url)
        assert second.poll() is None
        second.send_signal(signal.SIGTERM)
        assert second.wait(20) == 0


def test_who_stands_by_can_be_told_to_stop(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        house.serve()
        second = house.start("serve", "--port", "0", "--standby", "--pid-file", "second.pid")
        until(lambda: "standing by: another server works on" in house.output("serve"))
        second.send_signal(signal.SIGTERM)
        assert second.wait(20) == 0
        assert not (tmp_path / "second.pid").exists()
