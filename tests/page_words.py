"""The two lists of words that the pages have, read from their sources."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "src" / "rumbo" / "web" / "static" / "words"
_ENTRY = re.compile(r'^  (?:"([^"]+)"|(\w+)):\s+"((?:[^"\\]|\\.)*)",$', re.MULTILINE)


def words_of(name: str) -> dict[str, str]:
    """Texts by their keys, of a file such as ``en``."""
    text = (FOLDER / f"{name}.js").read_text(encoding="utf-8")
    return {quoted or bare: said for quoted, bare, said in _ENTRY.findall(text)}


def vocabulary(name: str) -> set[str]:
    """All words in the texts of a list, small, without those that stand in code or in gaps."""
    texts = " ".join(words_of(name).values())
    return set(re.findall(r"[^\W\d_]+", re.sub(r"`[^`]*`|\{\w+\}", " ", texts).lower()))
