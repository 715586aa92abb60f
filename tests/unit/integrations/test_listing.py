"""Existence of many keys by pages of a sorted listing."""

from __future__ import annotations

from bisect import bisect_right

from hypothesis import given
from hypothesis import strategies as st

from rumbo.integrations.listing import Page, common_beginning, found_by_listing


class Store:
    """Sorted keys, listed in pages, as S3 does it."""

    def __init__(self, keys: list[str], page_size: int) -> None:
        self.keys = sorted(keys)
        self.page_size = page_size
        self.requests = 0

    def page_after(self, prefix: str, behind: str) -> Page:
        self.requests += 1
        start = bisect_right(self.keys, behind)
        rest = [key for key in self.keys[start:] if key.startswith(prefix)]
        return Page(rest[: self.page_size], len(rest) <= self.page_size)

    def has(self, key: str) -> bool:
        folder = key.rstrip("/") + "/"
        return key in self.keys or any(known.startswith(folder) for known in self.keys)


def test_neighbours_share_a_page() -> None:
    keys = [f"logs/{number:04}" for number in range(1000)]
    store = Store(keys[::2], page_size=1000)
    assert found_by_listing(keys, store.page_after) == set(keys[::2])
    assert store.requests == 1


def test_what_lies_between_distant_keys_is_not_listed() -> None:
    store = Store([f"logs/{number:06}" for number in range(100_000)], page_size=1000)
    asked = {"logs/000001", "logs/050000", "logs/099999", "logs/missing"}
    assert found_by_listing(asked, store.page_after) == asked - {"logs/missing"}
    assert store.requests <= 8


def test_a_folder_exists_as_soon_as_something_is_in_it() -> None:
    store = Store(["a-b", "a/b/c", "ab"], page_size=1)
    assert found_by_listing(["a", "a/b", "a/b/", "b", "ab/"], store.page_after) == {"a", "a/b", "a/b/"}


def test_nothing_asked_is_nothing_found() -> None:
    assert found_by_listing([], Store([], 1).page_after) == set()


def test_a_common_beginning_is_one_of_characters() -> None:
    assert common_beginning(["logs/2024-01", "logs/2023-12", "logs/2024-02"]) == "logs/202"
    assert common_beginning(["a", "ab"]) == "a"
    assert common_beginning(["/a", "b"]) == ""
    assert common_beginning([]) == ""


names = st.text(st.sampled_from("a/é\ue000\U0001f999"), min_size=1, max_size=5)


@given(st.lists(names, unique=True), st.lists(names, unique=True), st.integers(1, 5))
def test_listing_answers_as_asking_one_by_one_does(known: list[str], asked: list[str], page_size: int) -> None:
    asked = [key for key in asked if key.strip("/")]
    store = Store(known, page_size)
    assert found_by_listing(asked, store.page_after) == {key for key in asked if store.has(key)}
    assert store.requests <= 2 * len(asked)
