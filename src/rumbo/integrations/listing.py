"""Which of many keys exist in a store that lists its keys in order, in as few pages as that takes."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class Page(NamedTuple):
    """Some keys one after the other, as a store lists them."""

    keys: Sequence[str]
    is_last: bool


def found_by_listing(keys: Iterable[str], page_after: Callable[[str, str], Page]) -> set[str]:
    """Those of ``keys`` that exist, as an object or as a folder of objects.

    The keys are sorted, and pages are read from the first on. Each page answers for all keys up to its end; the next
    one begins at the first key that is still open. So neighbours share a page, and what lies between distant keys is
    never listed: the number of requests is at most twice that of asking one by one, and a thousandth of it at best.

    Args:
        keys: relative to the store's root; with a closing slash only a folder is meant.
        page_after: gives the first keys behind its second argument that begin with its first one.
    """
    probes = sorted({(probe, key) for key in keys for probe in (key, key.rstrip("/") + "/")})
    prefix = common_beginning([probe for probe, _ in probes])
    found: set[str] = set()
    position = 0
    while position < len(probes):
        page = page_after(prefix, _just_before(probes[position][0]))
        end = _answered_until(probes, position, page)
        found.update(key for probe, key in probes[position:end] if _is_on(page.keys, probe))
        position = end
        while position < len(probes) and probes[position][1] in found:
            position += 1
    return found


def common_beginning(keys: Sequence[str]) -> str:
    """What all keys begin with, character by character."""
    first, last = min(keys, default=""), max(keys, default="")
    for position, character in enumerate(first):
        if not last.startswith(character, position):
            return first[:position]
    return first


def _answered_until(probes: list[tuple[str, str]], position: int, page: Page) -> int:
    if page.is_last or not page.keys:
        return len(probes)
    last = page.keys[-1]
    # The first one is answered by any page: it begins there.
    position += 1
    while position < len(probes) and probes[position][0] <= last:
        position += 1
    return position


def _is_on(keys: Sequence[str], probe: str) -> bool:
    place = bisect_left(keys, probe)
    if place == len(keys):
        return False
    return keys[place] == probe or (probe.endswith("/") and keys[place].startswith(probe))


def _just_before(key: str) -> str:
    """A text that nothing in use comes between and ``key``: the store lists what is *behind* a text."""
    previous = ord(key[-1]) - 1
    if 0xD800 <= previous <= 0xDFFF:  # no characters of their own
        previous = 0xD7FF
    return key[:-1] + chr(previous) + "\U0010ffff"
