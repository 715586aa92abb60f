"""A run without the server, in another process: the pages of a server over the same folder follow it by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from server_house import House, house_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.slow
expect.set_options(timeout=20_000)

PIPELINE = """
import os
import time

import rumbo


class Step(rumbo.Task):
    number: int

    def requires(self):
        return [Step(number=self.number - 1)] if self.number else []

    def output(self):
        return rumbo.LocalTarget(f"out/{self.number}.txt")

    def run(self):
        print("step", self.number, "begins", flush=True)
        self.set_status_message(f"waiting for go.{self.number}")
        while not os.path.exists(f"go.{self.number}"):
            time.sleep(0.02)
        print("step", self.number, "ends", flush=True)
        self.output().write_text("made")

"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    (tmp_path / "steps.py").write_text(PIPELINE)
    with house_in(tmp_path) as house:
        house.serve()
        yield house


def go(house: House, number: int) -> None:
    (house.folder / f"go.{number}").touch()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_pages_follow_a_run_of_another_process(house: House, open_page: Callable[..., Page], workers: str) -> None:
    page = open_page(f"{house.url}/runs")
    page.wait_for_selector(".empty")

    run = house.start("run", "-m", "steps", "Step", "--number", "1", "-w", workers, "--plain")
    expect(page.locator("[data-index='0']")).to_contain_text("running")

    page.click("[data-index='0'] a")
    page.wait_for_selector("h1")
    strip = page.locator("main .head .strip, main .strip").first
    expect(strip.locator(".is-running")).to_have_count(1)
    go(house, 0)
    expect(strip.locator(".is-done")).to_have_count(1)
    expect(page.locator(".head")).to_contain_text("running")

    page.goto(f"{house.url}/tasks?family=Step")
    page.click("main a >> text=Step_1")
    expect(page.locator(".why")).to_contain_text("waiting for go.1")
    expect(page.locator(".log .lines")).to_have_text("step 1 begins")
    page.evaluate("window.isSame = true")
    go(house, 1)
    expect(page.locator(".head")).to_contain_text("done")
    expect(page.locator(".log .lines")).to_contain_text("step 1 ends")
    expect(page.locator(".artifacts .thing").first).to_contain_text("out/1.txt")
    assert page.evaluate("window.isSame")
    assert run.wait(20) == 0


def test_a_run_that_is_killed_is_shown_as_crashed(house: House, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{house.url}/runs")
    page.wait_for_selector(".empty")
    run = house.start("run", "-m", "steps", "Step", "--number", "0", "--plain")
    row = page.locator("[data-index='0']")
    expect(row).to_contain_text("running")
    house.kill(run)
    expect(row).to_contain_text("crashed")
