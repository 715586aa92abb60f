"""`rumbo ui` finds the server over a folder, or starts one."""

from __future__ import annotations

import re
import urllib.request
from typing import TYPE_CHECKING

import psutil
import pytest

from server_house import house_in

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

PIPELINE = """
import rumbo

class One(rumbo.Task):
    def output(self):
        return rumbo.LocalTarget("one.txt")
    def run(self):
        self.output().write_text("1")
"""


def browser(folder: Path) -> dict[str, str]:
    """A browser that writes down what it was to open."""
    script = folder / "browser"
    script.write_text(f'#!/bin/sh\necho "$1" >> {folder}/opened\n')
    script.chmod(0o755)
    return {"BROWSER": f"{script} %s"}


def test_one_is_started_over_what_was_run_without(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(PIPELINE)
    with house_in(tmp_path) as house:
        assert house.run("run", "-m", "one", "One", "-q").returncode == 0
        opens = browser(tmp_path)
        first = house.run("ui", RUMBO_SERVER_PORT=str(house.port), **opens)
        found = re.fullmatch(
            rf"Serving {tmp_path}/\.rumbo at {house.url} \(process (\d+)\)\.\n{house.url}\n", first.stdout
        )
        assert found, first
        process = psutil.Process(int(found[1]))
        try:
            assert (tmp_path / "opened").read_text() == f"{house.url}\n"
            with urllib.request.urlopen(f"{house.url}/api/v1/runs", timeout=10) as answer:
                assert b'"status":"done"' in answer.read()
            second = house.run("ui", "--no-browser")
            assert (second.stdout, second.stderr) == (f"{house.url}\n", "")
            assert (tmp_path / "opened").read_text() == f"{house.url}\n"
        finally:
            process.terminate()
            process.wait(10)


def test_a_port_that_another_one_has_is_no_obstacle(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        house.serve("--state", "elsewhere")
        found = house.run("ui", "--no-browser", RUMBO_SERVER_PORT=str(house.port))
        number = re.search(r"process (\d+)", found.stdout)
        assert number, found
        process = psutil.Process(int(number[1]))
        process.terminate()
        process.wait(10)
        assert house.url not in found.stdout


def test_a_socket_in_the_file_system_is_for_no_browser(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        house.start("serve", "--unix-socket", "server.sock")
        from server_house import until

        until((tmp_path / "server.sock").exists)
        until(lambda: "serving" in house.output("serve"))
        found = house.run("ui")
        assert (found.returncode, found.stderr) == (
            2,
            "rumbo: The server over .rumbo listens at server.sock, which no browser can open. "
            "Start it with --port in place of --unix-socket.\n",
        )
