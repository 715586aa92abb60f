"""Every page in Chromium: wide and narrow, light and dark, in order and legible for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from world import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from world import World

pytestmark = pytest.mark.slow
expect.set_options(timeout=20_000)

PAGES = {
    "": ".numbers",
    "runs": "[data-index='1']",
    "runs/run-2": ".tree .turn",
    "runs/run-2?tab=tasks": "[data-index='3']",
    "runs/run-2?tab=graph&by=task": ".canvas-box canvas",
    "runs/run-2?tab=graph&by=family": ".canvas-box canvas",
    "runs/run-1?tab=timeline": ".canvas-box canvas",
    "runs/run-1?tab=log": ".trace",
    "tasks": "[data-index='3']",
    "tasks/Clean_1": ".log .lines",
    "tasks/Fetch_1": ".progress",
    "tasks/Evil_1": ".facts",
    "graph?run=run-2": ".canvas-box canvas",
    "grid?family=Fetch&x=name": ".cells button",
    "workers": ".facts",
    "resources": ".meter",
    "history": ".chart canvas",
    "settings": ".table td",
    "sign-in": "form",
    "runs?status=crashed": ".empty",
}
"""Address, and what is there when the page is complete."""

_SERIOUS = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  return found.violations
    .filter((each) => ["serious", "critical"].includes(each.impact))
    .map((each) => `${each.id}: ${each.nodes[0].html.slice(0, 200)}`);
}"""


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_every_page_is_in_order(world: World, open_page: Callable[..., Page], axe: str, width: int, theme: str) -> None:
    page = open_page(f"{world.server.url}/runs", width, theme)
    page.evaluate(axe)
    found: dict[str, list[str]] = {}
    for path, ready in PAGES.items():
        # The pages change as they do when somebody follows a link.
        page.evaluate("(to) => { history.pushState(null, '', to); dispatchEvent(new Event('popstate')); }", f"/{path}")
        page.wait_for_selector(ready)
        trouble = page.evaluate(_SERIOUS)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            trouble.append("wider than the window")
        if trouble:
            found[path] = trouble
    assert found == {}
    assert page.evaluate("window.hurt") is None


def test_an_empty_server_says_how_to_begin(tmp_path: Any, open_page: Callable[..., Page]) -> None:
    from server_inside import ServerInside

    with ServerInside(tmp_path / ".rumbo") as server:
        page = open_page(server.url)
        page.wait_for_selector("main h2 >> text=Nothing has run yet")
        assert f"--scheduler {server.url}" in page.inner_text("main pre >> nth=0")
        for path in ("runs", "tasks", "graph", "grid", "workers", "history"):
            page.goto(f"{server.url}/{path}")
            page.wait_for_selector(".empty h2")


def test_markup_in_names_parameters_and_logs_is_text(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/tasks/Evil_1")
    page.wait_for_selector(".facts dd")
    assert HOSTILE in page.inner_text(".facts")
    page.goto(f"{world.server.url}/tasks/Clean_1")
    page.wait_for_selector(".log .c1")
    assert page.inner_text(".log .lines").splitlines() == ["red <b>not bold</b>", "second line"]
    assert page.inner_text(".log .c1") == "red"
    page.goto(world.server.url)
    page.wait_for_selector(".progress")
    assert HOSTILE in page.inner_text("main")
    assert page.query_selector_all("main img, main script") == []
    assert page.evaluate("window.hurt") is None


def test_an_address_from_a_task_is_a_link_only_if_it_leads_to_the_web(
    world: World, open_page: Callable[..., Page]
) -> None:
    from rumbo import codec

    note = codec.Noting(world.fetch.lease, "tracking_url", "javascript:window.hurt=1")
    world.work(world.agent.says(note))
    world.server.history.flush(5)
    page = open_page(f"{world.server.url}/tasks/Fetch_1")
    page.wait_for_selector("text=javascript:window.hurt=1")
    assert page.query_selector_all('a[href^="javascript"]') == []


def test_the_reader_is_spoken_to_in_spanish_and_can_choose_otherwise(
    world: World, open_page: Callable[..., Page]
) -> None:
    page = open_page(world.server.url, locale="es-MX")
    page.wait_for_selector("h1 >> text=Ahora")
    assert page.get_attribute("html", "lang") == "es"
    page.click("text=Ejecuciones")
    page.wait_for_selector("text=fallida")
    page.click("button[title=English]")
    page.wait_for_selector("h1 >> text=Runs")
    page.reload()
    page.wait_for_selector("h1 >> text=Runs")


def test_light_and_dark_can_be_chosen(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(world.server.url)
    shade = "getComputedStyle(document.body).backgroundColor"
    page.wait_for_selector(".numbers")
    assert page.evaluate(shade) == "rgb(255, 255, 255)"
    page.click("button[title^=Theme]")
    page.click("button[title^=Theme]")
    assert page.evaluate(shade) == "rgb(13, 17, 23)"
    page.reload()
    page.wait_for_selector(".numbers")
    assert page.evaluate(shade) == "rgb(13, 17, 23)"


def test_keys_lead_everywhere(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(world.server.url)
    page.wait_for_selector(".numbers")
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_selector("[data-index='3']")
    page.keyboard.press("/")
    page.keyboard.type("Clean")
    expect(page.locator("[data-index]")).to_have_count(1)
    page.keyboard.press("Escape")
    page.focus("main .rows input >> nth=1")
    page.keyboard.press("ArrowUp")
    expect(page.locator("main .rows a").first).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_selector("h1 >> text=Clean")
    page.keyboard.press("?")
    page.wait_for_selector("dialog")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")


def test_the_address_of_a_view_is_the_view(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/runs/run-2?tab=tasks")
    page.wait_for_selector("[data-index='3']")
    page.click(".toolbar .chip >> text=running")
    expect(page.locator("[data-index]")).to_have_count(1)
    assert "state=running" in page.url
    other = open_page(page.url)
    expect(other.locator("[data-index]")).to_have_count(1)
    page.click("[data-index='0'] a")
    page.wait_for_selector("h1 >> text=Fetch")
    page.go_back()
    expect(page.locator("[data-index]")).to_have_count(1)


def test_tasks_are_sorted_and_narrowed_down_in_the_address(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/tasks")
    first = page.locator("[data-index='0']")
    expect(first).to_contain_text("All_1")
    page.click(".titles button >> text=Task")
    expect(first).to_contain_text("All_1")
    page.click(".titles button >> text=Task")
    expect(first).to_contain_text("Report_1")
    expect(page.locator("[aria-sort=descending]")).to_have_text("Task ↓")
    page.click(".titles button >> text=Worker")
    expect(first).to_contain_text("Fetch_1")
    page.click(".chip >> text=failed")
    page.click(".chip >> text=running")
    expect(page.locator("[data-index]")).to_have_count(2)
    page.fill("input[name=worker]", "ana")
    page.keyboard.press("Enter")
    expect(page.locator("[data-index]")).to_have_count(1)
    assert page.url.endswith("/tasks?sort=worker&state=failed&state=lost&state=running&state=batched&worker=ana")
    other = open_page(page.url)
    expect(other.locator("[data-index]")).to_have_count(1)
    expect(other.locator("[data-index='0']")).to_contain_text("Clean_1")
    other.click(".chip >> text=worker ana")
    other.fill("input[name=param]", "name=Fetch_1")
    other.keyboard.press("Enter")
    expect(other.locator("[data-index]")).to_have_count(1)
    expect(other.locator(".chip", has_text="name=Fetch_1")).to_have_attribute("aria-pressed", "true")


def test_every_page_has_a_twin_for_programs(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/runs")
    for path, ready in PAGES.items():
        if path.startswith(("sign-in", "graph")):  # the graph is that of a run, which has one
            continue
        page.evaluate("(to) => { history.pushState(null, '', to); dispatchEvent(new Event('popstate')); }", f"/{path}")
        page.wait_for_selector(ready)
        address = page.get_attribute("a[href*='/api/v1/'][target=_blank]", "href")
        assert page.request.get(address or "").headers["content-type"] == "application/json", path


def test_runs_are_found_by_what_they_were_to_make(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/runs")
    page.wait_for_selector("[data-index='1']")
    page.fill("[data-search]", "report")
    expect(page.locator("[data-index]")).to_have_count(1)
    expect(page.locator("[data-index='0']")).to_contain_text("Report_1")
    assert page.url.endswith("/runs?search=report")
    page.fill("[data-search]", "nobody's")
    page.wait_for_selector(".empty >> text=No runs of this kind")


def test_any_place_in_a_long_list_is_one_pull_away(world: World, open_page: Callable[..., Page]) -> None:
    from server_talk import spec

    world.work(world.ana.begins("run-3", *(spec(f"Many_{number}") for number in range(2000))))
    world.server.history.flush(5)
    page = open_page(f"{world.server.url}/tasks?family=Many&sort=new")
    page.wait_for_selector("[data-index='10']")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    expect(page.locator("[data-index='1999']")).to_contain_text("Many_1999")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    expect(page.locator("[data-index='1000']")).to_contain_text("Many_1000")
    assert len(page.query_selector_all("[data-index]")) < 120


def test_on_a_narrow_window_the_places_are_in_a_menu(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/runs", 390)
    page.wait_for_selector("[data-index='1']")
    assert not page.is_visible(".rail >> text=Workers")
    menu = page.locator(".turn-menu")
    menu.click()
    expect(menu).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(page.locator(".menu")).to_be_hidden()
    menu.click()
    page.click(".rail >> text=Workers")
    page.wait_for_selector("h1 >> text=Workers")
    expect(page.locator(".menu")).to_be_hidden()
    menu.click()
    page.mouse.click(200, 800)
    expect(page.locator(".menu")).to_be_hidden()


def test_a_graph_is_focused_and_kept_as_a_file(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/runs/run-2?tab=graph&by=family")
    page.wait_for_selector(".canvas-box canvas")
    with page.expect_download() as kept:
        page.click(".canvas-box button >> text=SVG")
    drawn = kept.value.path().read_text(encoding="utf-8")
    assert ">Fetch</text>" in drawn
    assert "12" in drawn
    page.fill("[data-search]", "Evil_1")
    page.wait_for_url("**/runs/run-2?*focus=Evil_1*")
    page.wait_for_selector(".toolbar input[type=number]")


def test_luigis_links_find_what_they_meant(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{world.server.url}/static/visualiser/index.html#tab=graph&taskId=Clean_1")
    page.wait_for_selector("h1 >> text=Clean")
    assert page.url == f"{world.server.url}/tasks/Clean_1"


def test_of_a_thousand_rows_only_those_in_sight_exist(world: World, open_page: Callable[..., Page]) -> None:
    from server_talk import spec

    world.work(world.ana.begins("run-3", *(spec(f"Many_{number}") for number in range(1000))))
    world.server.history.flush(5)
    page = open_page(f"{world.server.url}/runs/run-3?tab=tasks")
    page.wait_for_selector("[data-index='10']")
    page.mouse.move(700, 500)
    for number in (190, 390, 590, 790):
        for _ in range(200):  # as far as rows are there, then as they come
            if page.query_selector(f"[data-index='{number}']"):
                break
            page.mouse.wheel(0, 400)
            page.wait_for_timeout(50)
        assert page.query_selector(f"[data-index='{number}']"), f"row {number} never came into sight"
    assert len(page.query_selector_all("[data-index]")) < 120
