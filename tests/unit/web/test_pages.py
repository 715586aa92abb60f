"""The web page and its files, as a browser or a proxy asks for them."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette

from rumbo.looks import LOOKS
from rumbo.web.pages import FOLDER, PLACES, Files, page_routes

if TYPE_CHECKING:
    from pathlib import Path


class Browser:
    """Asks the routes, without a network in between."""

    def __init__(self) -> None:
        self._transport = httpx.ASGITransport(Starlette(routes=page_routes()))

    def get(self, path: str, encoding: str = "gzip") -> httpx.Response:
        """What is answered."""

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://server") as client:
                return await client.get(path, headers={"Accept-Encoding": encoding})

        return asyncio.run(ask())


@pytest.fixture(scope="module")
def browser() -> Browser:
    return Browser()


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("/", "./"),
        ("/runs", "./"),
        ("/runs/", "../"),
        ("/runs/a", "../"),
        ("/tasks/a%2Fb", "../"),
        ("/graph?x=/y/", "./"),
    ],
)
def test_every_place_is_the_same_page_that_knows_how_deep_it_lies(browser: Browser, path: str, base: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 200
    assert f'<base href="{base}">' in answer.text
    assert "@" not in answer.text
    assert answer.headers["Cache-Control"] == "no-cache"


def test_nothing_from_elsewhere_and_nothing_inline_may_run(browser: Browser) -> None:
    answer = browser.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "<style" not in answer.text
    assert re.findall(r"<script(?![^>]*src=)", answer.text) == []
    assert re.findall(r'(?:src|href)="(?:https?:)?//', answer.text) == []
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_files_are_kept_for_good_below_the_hash_of_them_all(browser: Browser) -> None:
    release = Files().release
    answer = browser.get(f"/static/{release}/main.js")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.text == (FOLDER / "main.js").read_text(encoding="utf-8")
    plain = browser.get(f"/static/{release}/main.js", encoding="identity")
    assert "Content-Encoding" not in plain.headers
    assert plain.text == answer.text
    assert browser.get("/static/earlier/main.js").headers["Cache-Control"] == "no-store"
    assert browser.get(f"/static/{release}/vendor/preact.js").headers["Content-Type"].startswith("text/javascript")


def test_another_file_makes_another_hash(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("1")
    before = Files(tmp_path).release
    (tmp_path / "a.js").write_text("2")
    assert Files(tmp_path).release != before


@pytest.mark.parametrize(
    "path", ["/nothing", "/graph/a", "/static/x/nothing.js", "/static/x/../../pages.py", "/static/x/vendor/LICENCES.md"]
)
def test_what_is_not_there(browser: Browser, path: str) -> None:
    assert browser.get(path).status_code == 404


def test_luigis_page_leads_here(browser: Browser) -> None:
    answer = browser.get("/static/visualiser/index.html")
    assert answer.status_code == 307
    assert answer.headers["Location"] == "../../"


def test_states_have_the_colours_that_they_have_everywhere() -> None:
    style = (FOLDER / "look.css").read_text(encoding="utf-8")
    found = dict(re.findall(r"--(\w+): light-dark\((#\w+, #\w+)\)", style))
    for name in ("done", "running", "waiting", "parked", "failed", "retrying", "disabled", "cancelled", "skipped"):
        assert found[name] == f"{LOOKS[name].light}, {LOOKS[name].dark}"


def test_every_place_in_the_rail_is_served() -> None:
    frame = (FOLDER / "parts" / "frame.js").read_text(encoding="utf-8")
    assert set(re.findall(r'path: \["([\w-]+)"\]', frame)) <= set(PLACES)


def test_every_script_can_be_found_by_those_that_import_it() -> None:
    for path in FOLDER.rglob("*.js"):
        for name in re.findall(r'(?:from|import\()\s*"(\.[^"]+)"', path.read_text(encoding="utf-8")):
            assert (path.parent / name).is_file(), f"{path.name} imports {name}"
