"""What tasks made and read, on the page of a task: over a history and files of a real run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from playwright.sync_api import expect
from world import HOSTILE

import rumbo
from server_inside import ServerInside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.slow
expect.set_options(timeout=20_000)

NAME = HOSTILE.replace("/", "|")
DRAWING = """<svg xmlns="http://www.w3.org/2000/svg" width="80" height="40" onload="window.hurt = 1">
<script>window.hurt = 1; parent.hurt = 1</script><rect width="80" height="40"/></svg>"""
WHAT = {
    "report.csv": f'region,amount\nnorth,12.5\n"{HOSTILE.replace(chr(34), chr(34) * 2)}",7\n',
    "notes.txt": f"first\n{HOSTILE}\n",
    "plot.svg": DRAWING,
    "gone.txt": "x",
    f"{NAME}.txt": "hello",
}


class Part(rumbo.Task):
    folder: str
    number: int

    def output(self) -> Any:
        return rumbo.LocalTarget(f"{self.folder}/part-{self.number}.jsonl")

    def run(self) -> None:
        self.output().write_text('{"n": 1}\n')


class Report(rumbo.Task):
    folder: str

    def requires(self) -> Any:
        return [Part(folder=self.folder, number=number) for number in range(8)]

    def output(self) -> Any:
        return [rumbo.LocalTarget(f"{self.folder}/{name}") for name in WHAT]

    def run(self) -> None:
        for target, text in zip(self.output(), WHAT.values(), strict=True):
            target.write_text(text)


class Place(NamedTuple):
    folder: Path
    url: str


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A server over a folder in which a report was made. One part was changed since, one output is gone."""
    folder = tmp_path / "project"
    folder.mkdir()
    report = Report(folder=str(folder))
    assert rumbo.build(report, folder=str(folder))
    (folder / "part-1.jsonl").write_text("something else")
    (folder / "gone.txt").unlink()
    with ServerInside(folder / ".rumbo") as server:
        yield Place(folder, f"{server.url}/tasks/{report.task_id}")


def row_of(page: Page, name: str) -> Locator:
    return page.locator(".artifacts .thing").filter(has=page.locator(".address", has_text=name))


def test_inputs_and_outputs_with_what_has_become_of_them(place: Place, open_page: Callable[..., Page]) -> None:
    page = open_page(place.url)
    page.wait_for_selector(".artifacts")
    things = page.locator(".artifacts .thing")

    expect(things).to_have_count(len(WHAT) + 5)
    expect(row_of(page, "report.csv")).to_contain_text(f"{len(WHAT['report.csv'])} B")
    expect(row_of(page, "report.csv")).to_contain_text("as written")
    expect(row_of(page, "gone.txt")).to_contain_text("gone since")
    expect(row_of(page, "gone.txt").locator("button[aria-expanded]")).to_have_count(0)
    expect(row_of(page, "part-1.jsonl")).to_contain_text("changed since")
    assert row_of(page, "report.csv").locator("time").get_attribute("title").endswith(" UTC")  # type: ignore[union-attr]
    page.click("text=and 3 more")
    expect(things).to_have_count(len(WHAT) + 8)
    row_of(page, "part-7.jsonl").locator(".maker a").click()
    page.wait_for_selector("h1 >> text=Part")
    expect(things).to_have_count(1)


def test_a_look_into_each_kind_of_file_shows_markup_as_text(place: Place, open_page: Callable[..., Page]) -> None:
    page = open_page(place.url)
    page.wait_for_selector(".artifacts")

    # By the keyboard alone, as somebody without a mouse would.
    row_of(page, "report.csv").locator("button[aria-expanded]").focus()
    page.keyboard.press("Enter")
    cells = page.locator(".looked td")
    expect(cells).to_have_count(4)
    assert cells.all_inner_texts() == ["north", "12.5", HOSTILE, "7"]
    expect(row_of(page, "report.csv").locator("button[aria-expanded=true]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(cells).to_have_count(0)

    row_of(page, "notes.txt").locator("button[aria-expanded]").click()
    expect(page.locator("pre.lines")).to_have_text(WHAT["notes.txt"].rstrip("\n"))
    row_of(page, "plot.svg").locator("button[aria-expanded]").click()
    picture = page.locator("img.picture")
    expect(picture).to_be_visible()
    assert picture.evaluate("each => each.decode().then(() => each.naturalWidth)") == 80
    assert NAME in row_of(page, "onerror").inner_text()
    assert page.query_selector_all("main img:not(.picture), main script") == []
    assert page.evaluate("window.hurt") is None

    # Opened by itself its scripts are blocked, and the browser says so.
    alone = open_page(picture.get_attribute("src"), is_strict=False)
    assert alone.evaluate("document.documentElement.tagName") == "svg"
    assert alone.evaluate("window.hurt") is None


def test_a_file_that_went_between_two_looks_is_told_of(place: Place, open_page: Callable[..., Page]) -> None:
    page = open_page(place.url, is_strict=False)
    page.wait_for_selector(".artifacts")
    (place.folder / "notes.txt").unlink()
    row_of(page, "notes.txt").locator("button[aria-expanded]").click()
    expect(page.locator(".look")).to_have_text("It is not shown: it is not there.")


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_it_is_in_order_wide_and_narrow_light_and_dark(
    place: Place, open_page: Callable[..., Page], axe: str, width: int, theme: str
) -> None:
    page = open_page(place.url, width, theme, locale="es-MX")
    page.evaluate(axe)
    page.wait_for_selector(".artifacts >> text=ya no está")
    for name in ("report.csv", "notes.txt", "plot.svg"):
        row_of(page, name).locator("button[aria-expanded]").click()
    page.wait_for_selector("img.picture")
    page.wait_for_selector(".looked td")
    trouble = page.evaluate("""async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
        .filter((each) => ["serious", "critical"].includes(each.impact))
        .map((each) => `${each.id}: ${each.nodes[0].html.slice(0, 200)}`)""")
    assert trouble == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
