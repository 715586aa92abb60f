"""Takes the pictures of the web pages for the documentation: a real server, real runs, real Chromium.

    python docs/screenshots/take.py

It takes about two minutes, most of which the pipeline in `shop.py` needs to look busy.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HERE = Path(__file__).parent
PICTURES = HERE.parent / "pictures"
RUMBO = str(Path(sys.executable).parent / "rumbo")
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--font-render-hinting=none"),
]
LARGEST = 300_000
"""Bytes of a picture."""


def shoot(
    browser: Browser, url: str, name: str, ready: str, theme: str = "light", width: int = 1280, press: str = ""
) -> None:
    """One picture of one page, or with ``press`` of what is around a button once it was pressed."""
    size = {"width": width, "height": 800 if width > 600 else 780}
    page = browser.new_page(viewport=size, color_scheme=theme, reduced_motion="reduce", locale="en-GB")
    page.goto(url)
    page.wait_for_selector(ready)
    if press:
        page.click(press)
        page.locator(press).evaluate("each => scrollTo(0, each.getBoundingClientRect().top + scrollY - 260)")
    time.sleep(1.5)
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path)
    page.close()
    print(f"{path.name}: {path.stat().st_size:,} bytes")
    if path.stat().st_size > LARGEST:
        raise SystemExit(f"{path} is too large.")


def run(folder: Path, pace: str, *words: str) -> subprocess.Popen[bytes]:
    """A run of the shop's report."""
    environment = {**os.environ, "SHOP_PACE": pace, "LOGNAME": "ana", "USER": "ana"}
    command = [RUMBO, "run", "-m", "shop", "Report", "-w", "6", "-q", *words]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def take(folder: Path) -> None:
    """Run, serve, shoot."""
    shutil.copy(HERE / "shop.py", folder)
    (folder / "rumbo.toml").write_text("[resources]\ndatabase = 3\n", encoding="utf-8")
    for first in ("2026-07-01", "2026-08-01"):
        run(folder, "0.5", "--first", first, "--days", "12").wait()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen([RUMBO, "serve", "--port", str(port)], cwd=folder, stderr=subprocess.DEVNULL)
    last = None
    try:
        time.sleep(3)
        run(folder, "0.3", "--first", "2026-09-05", "--days", "9", "--scheduler", url).wait()
        last = run(folder, "6", "--first", "2026-11-01", "--days", "28", "--scheduler", url)
        time.sleep(25)
        with urllib.request.urlopen(f"{url}/api/v1/runs?limit=5", timeout=10) as answer:
            runs = answer.read().decode().split('"id":"')[1:]
        now, before = runs[0].partition('"')[0], runs[2].partition('"')[0]
        with urllib.request.urlopen(f"{url}/api/v1/failures?limit=1", timeout=10) as answer:
            failed = answer.read().decode().partition('"task_id":"')[2].partition('"')[0]
        with urllib.request.urlopen(f"{url}/api/v1/tasks?family=CleanOrders&state=done&limit=1", timeout=10) as answer:
            cleaned = answer.read().decode().partition('"id":"')[2].partition('"')[0]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            shoot(browser, url, "web-now", ".progress")
            shoot(browser, url, "web-now-dark", ".progress", "dark")
            shoot(browser, url, "web-now-narrow", ".progress", width=390)
            shoot(browser, f"{url}/runs/{now}?tab=graph&by=family", "web-graph", ".canvas-box canvas")
            shoot(browser, f"{url}/runs/{now}", "web-run", ".tree .turn")
            shoot(browser, f"{url}/runs/{before}?tab=timeline", "web-timeline", ".canvas-box canvas", "dark")
            shoot(browser, f"{url}/tasks?sort=-started", "web-tasks", "[data-index='5']")
            shoot(browser, f"{url}/tasks/{failed}", "web-task", ".log .lines span")
            shoot(
                browser,
                f"{url}/tasks/{cleaned}",
                "web-artifacts",
                ".artifacts",
                press=".artifacts [aria-expanded] >> nth=0",
            )
            shoot(browser, f"{url}/grid?family=SalesByRegion&x=first&y=region", "web-grid", ".cells button")
            browser.close()
    finally:
        if last is not None:
            last.send_signal(signal.SIGKILL)
            last.wait()
        server.terminate()
        server.wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        take(Path(folder))
