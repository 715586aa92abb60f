"""On the Spanish pages all is Spanish, but what pipelines call by their own names."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest
from test_every_page import PAGES

import rumbo
from page_words import vocabulary
from rumbo.server.coordinator import _outcome
from rumbo.web.api.requests import _NOBODY, _PRIVATE
from rumbo.worker.plan import Plan
from server_talk import spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from world import World

DATA = {"all", "clean", "evil", "fetch", "long", "report", "name", "database", "agent"}
"""Families, parameters, resources and workers in the world of these tests."""

ALIKE = {"error", "no", "total", "id", "rumbo", "json"}

_SAID = """() => {
  const isData = "code, pre, .mono, .mono-title, .log, .trace, kbd, option, select, noscript, .below, script, style";
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode()); )
    if (!node.parentElement.closest(isData)) found.push(node.textContent);
  for (const each of document.querySelectorAll("[aria-label], [title], [placeholder]"))
    if (!each.closest(isData))
      for (const name of ["aria-label", "title", "placeholder"]) found.push(each.getAttribute(name) ?? "");
  return found.map((text) => text.trim()).filter(Boolean);
}"""


class External(rumbo.ExternalTask):
    name = rumbo.StrParameter()

    def complete(self) -> bool:
        if self.name == "broken":
            raise ValueError("no such table")
        return self.name == "there"


class Made(rumbo.Task):
    name = rumbo.StrParameter()

    def requires(self) -> list[rumbo.Task]:
        if self.name == "broken":
            raise ValueError("no such table")
        return [Made(name=self.name[1:]) if len(self.name) > 1 else External(name="there")]

    def complete(self) -> bool:
        return False


class Root(rumbo.Task):
    def requires(self) -> list[rumbo.Task]:
        return [Made(name="xx"), Made(name="broken"), *(External(name=each) for each in ("gone", "broken"))]

    def complete(self) -> bool:
        return False


OUTCOMES: list[tuple[bool, dict[str, int]]] = [
    (True, {}),
    (False, {"failed": 2}),
    (False, {"cancelled": 1}),
    (False, {}),
]
"""Of runs that nobody watched."""


def refusal(world: World, path: str, body: object = None) -> str:
    """What the server says when it does not do something."""
    request = urllib.request.Request(
        f"{world.server.url}/api/v1/{path}",
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10).close()
    with refused.value as answer:
        return str(json.load(answer)["detail"])


def test_what_the_server_says_is_put_into_spanish(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(world.server.url, locale="es")
    page.wait_for_selector(".numbers")
    world.work(world.ana.begins("run-3", spec("Quiet_1", accepts_messages=False, priority=9), slots=1))
    reasons = {node.reason for node in Plan().find([Root()])}
    refusals = [
        refusal(world, "tasks/Nobody/cancel", {}),
        refusal(world, "tasks/Nobody/live"),
        refusal(world, "tasks/Nobody"),
        refusal(world, "runs/nothing"),
        refusal(world, "runs/nothing/cancel", {}),
        refusal(world, "tasks/Fetch_1/forgive", {}),
        refusal(world, "tasks/Fetch_1/enable", {}),
        refusal(world, "tasks/Fetch_2/messages", {"content": "x"}),
        refusal(world, "tasks/Quiet_1/messages", {"content": "x"}),
        refusal(world, "workers/nobody"),
        refusal(world, "runs/run-2/diagram?focus=nothing"),
        _NOBODY,
        _PRIVATE.format("Fetch_1"),
        *(
            _outcome(*about)[1]
            for about in ((True, {}), (False, {"failed": 2}), (False, {"cancelled": 1}), (False, {}))
        ),
    ]
    assert len(reasons) >= 6
    words = "import(document.querySelector('script[src]').src.replace('main.js', 'words.js'))"
    unchanged = "texts.filter((text) => words.told(text) === text)"
    left = page.evaluate(
        f"async (texts) => {{ const words = await {words}; return {unchanged}; }}", [*reasons, *refusals]
    )
    assert left == []


@pytest.mark.slow
def test_no_english_is_left_on_the_spanish_pages(world: World, open_page: Callable[..., Page]) -> None:
    english = vocabulary("en") - vocabulary("es") - vocabulary("settings.es") - DATA - ALIKE
    assert {"the", "is", "waits", "failed"} <= english
    page = open_page(f"{world.server.url}/runs", locale="es")
    left: dict[str, list[str]] = {}
    for path, ready in {**PAGES, "tasks/All_1": ".facts", "tasks/Fetch_2": ".facts"}.items():
        page.evaluate("(to) => { history.pushState(null, '', to); dispatchEvent(new Event('popstate')); }", f"/{path}")
        page.wait_for_selector(ready)
        for text in page.evaluate(_SAID):
            if (
                "Traceback" not in text
                and "ValueError" not in text
                and english & set(re.findall(r"\b[^\W\d_]+\b", text.lower()))
            ):
                left.setdefault(path, []).append(text)
    assert left == {}
