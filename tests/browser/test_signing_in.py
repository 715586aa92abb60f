"""Pages of a server that wants to know who asks."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from rumbo.access import Role, issue
from rumbo.store.access_book import StateAccessBook
from rumbo.web.access.access import AccessTerms
from server_inside import ServerInside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerInside]:
    terms = AccessTerms(asks=True, names=None, fresh=0.1)
    with ServerInside(tmp_path / ".rumbo", access=terms) as server:
        yield server


def token_of(server: ServerInside, role: Role) -> str:
    token, shown = issue(role, f"ana-{role}", 1000.0, None)
    with closing(StateAccessBook(server.folder)) as book:
        book.add(token)
    return shown


def sign_in(page: Page, token: str) -> None:
    page.fill("input[name=token]", token)
    page.click("button[type=submit]")


def test_who_is_not_known_signs_in_and_comes_to_where_it_was_going(
    server: ServerInside, open_page: Callable[..., Page]
) -> None:
    token = token_of(server, Role.VIEWER)
    page = open_page(f"{server.url}/runs?status=failed", is_strict=False)
    sign_in(page, "rumbo_00000000_of-nobody")
    page.wait_for_selector("text=This token is unknown, revoked or expired.")
    sign_in(page, token)
    page.wait_for_selector(".rail >> text=ana-viewer")
    assert page.url == f"{server.url}/runs?status=failed"
    assert page.evaluate("document.cookie") == ""
    page.reload()
    page.wait_for_selector(".rail >> text=ana-viewer")


def test_a_role_that_may_not_is_told_so(server: ServerInside, open_page: Callable[..., Page]) -> None:
    page = open_page(server.url, is_strict=False)
    sign_in(page, token_of(server, Role.VIEWER))
    page.click(".actions >> text=Pause")
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".words >> text=Not allowed: This takes a token of the role operator or admin")
    assert not server.daemon.coordinator.machine.paused


def test_an_admin_sees_tokens_and_who_changed_what(server: ServerInside, open_page: Callable[..., Page]) -> None:
    page = open_page(server.url, is_strict=False)
    sign_in(page, token_of(server, Role.ADMIN))
    page.click(".actions >> text=Pause")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("text=The scheduler is paused")
    page.click(".rail >> text=Settings")
    page.wait_for_selector("main td:has-text('/api/v1/pause')")
    page.wait_for_selector("main td >> text=ana-admin")
    page.click("main >> text=Sign out")
    page.wait_for_selector("input[name=token]")
    page.goto(f"{server.url}/tasks")
    page.wait_for_selector("input[name=token]")
