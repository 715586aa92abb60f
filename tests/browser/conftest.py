"""Chromium for the tests of the pages. Without it they are skipped, and the reason is told at the end of the run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from world import World

from rumbo.server.daemon import Terms
from server_inside import ServerInside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page, Response

CHROMIUM = "/usr/bin/chromium"
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """For one module at a time: while Playwright is there, nobody else in this process can run an event loop."""
    playwright = pytest.importorskip("playwright.sync_api", reason="The pages are NOT tested: Playwright is missing.")
    if not os.path.exists(CHROMIUM):
        pytest.skip(f"The pages are NOT tested: there is no {CHROMIUM} (apt-get install chromium).")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with ServerInside(tmp_path / ".rumbo", Terms(lease=600.0)) as server:
        yield World(server)


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages; at the end, none of them may have complained on its console."""
    complaints: list[str] = []
    contexts = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    def note_answer(answer: Response) -> None:
        # That a server asks nobody who they are, or has forgotten a task, is no mistake.
        if answer.status >= 400 and not answer.url.endswith(("/session", "/live")):
            complaints.append(f"{answer.status} {answer.url}")

    def open_one(
        url: str, width: int = 1280, theme: str = "light", locale: str = "en-GB", is_strict: bool = True
    ) -> Page:
        height = 844 if width < 600 else 800
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, locale=locale, reduced_motion="reduce"
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        if is_strict:
            page.on("console", note)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("response", note_answer)
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def axe() -> str:
    if not AXE.exists():
        pytest.skip("Accessibility is NOT tested: axe-core is missing (npm install).")
    return AXE.read_text(encoding="utf-8")
