"""Runs begun from the pages, on a real server, planned and done by a real worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server_house import house_in, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from server_house import House

pytestmark = pytest.mark.slow

SHOP = """
import datetime
import rumbo

class Sales(rumbo.Task):
    day: datetime.date
    shop: str = "north <b>"

    def output(self):
        return rumbo.LocalTarget(f"sales.{self.day}.{len(self.shop)}")

    def run(self):
        self.output().write_text("1")

class Report(rumbo.Task):
    def requires(self):
        return [Sales(day=datetime.date(2026, 3, day)) for day in (1, 2, 4, 5)]

    def output(self):
        return rumbo.LocalTarget("report")

    def run(self):
        self.output().write_text("2")
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    (tmp_path / "shop.py").write_text(SHOP)
    with house_in(tmp_path) as house:
        house.serve()
        done = house.run("run", "-m", "shop", "Report", "--scheduler", house.url)
        assert done.returncode == 0, done.stdout + done.stderr
        yield house


def test_a_run_is_begun_again_with_all_below_after_a_preview(house: House, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{house.url}/runs", is_strict=False)
    page.get_by_role("link", name="Report").first.click()
    page.get_by_role("button", name="Run again").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("No worker is connected that could plan it").wait_for()
    assert "rumbo run -m shop Report" in dialog.inner_text()
    dialog.get_by_role("button", name="No").click()

    house.start("worker", "--scheduler", house.url)
    house.worker_id()
    page.get_by_role("button", name="Run again").click()
    dialog.get_by_text("One task runs.").wait_for()
    dialog.get_by_label("This task again, and all that it needs").check()
    dialog.get_by_text("5 tasks run.").wait_for()
    dialog.get_by_text("5 outputs are removed first").click()
    assert "sales.2026-03-01.9" in dialog.inner_text()
    assert (house.folder / "report").exists()
    before = (house.folder / "report").stat().st_mtime_ns
    dialog.get_by_role("button", name="Run 5 tasks").click()
    page.get_by_text("Workers have finished it.").wait_for()
    until(lambda: (house.folder / "report").stat().st_mtime_ns > before)


def test_days_that_nobody_has_run_are_filled_in_from_the_grid(house: House, open_page: Callable[..., Page]) -> None:
    house.start("worker", "--scheduler", house.url)
    house.worker_id()
    page = open_page(f"{house.url}/grid?family=Sales&x=day&y=shop")
    missing = page.get_by_role("button", name="day=2026-03-03, shop=north <b>: never run")
    missing.wait_for()
    page.get_by_role("button", name="day=2026-03-02, shop=north <b>: 1 done").hover()
    page.mouse.down()
    page.get_by_role("button", name="day=2026-03-04, shop=north <b>: 1 done").hover()
    page.mouse.up()
    bar = page.get_by_role("toolbar")
    bar.get_by_text("3 chosen").wait_for()
    bar.get_by_role("button", name="Run …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("One task runs.").wait_for()
    dialog.get_by_text("Each task, and why").click()
    assert "Sales(day=2026-03-03, shop=north <b>)" in dialog.inner_text()
    dialog.get_by_role("button", name="Run one task").click()
    page.get_by_text("Workers have finished it.").wait_for()
    assert (house.folder / "sales.2026-03-03.9").exists()
