"""What the pages say comes in English and in Spanish, and nothing is forgotten in either."""

from __future__ import annotations

import re

import pytest

from page_words import words_of
from rumbo.alerts import Event
from rumbo.cli.config import rows
from rumbo.scheduler.reasons import Why
from rumbo.scheduler.records import Outcome, State


def test_the_two_lists_have_the_same_words_and_gaps() -> None:
    english, spanish = words_of("en"), words_of("es")
    assert list(english) == list(spanish)
    assert len(english) > 300
    for word, text in english.items():
        assert set(re.findall(r"\{\w+\}", spanish[word])) == set(re.findall(r"\{\w+\}", text)), word
        assert len(spanish[word].split("|")) <= 2, word
        assert spanish[word] != text or len(text) < 12, word


@pytest.mark.parametrize(
    ("group", "names"),
    [
        ("why", [kind.value for kind in Why]),
        ("state", [state.name.lower() for state in State]),
        ("event", [event.value for event in Event]),
        ("outcome", [outcome.name.lower() for outcome in Outcome]),
    ],
)
def test_each_member_of_a_closed_set_has_its_word(group: str, names: list[str]) -> None:
    english = words_of("en")
    assert [name for name in names if f"{group}.{name}" not in english] == []


def test_each_setting_is_explained_in_spanish_too() -> None:
    told = words_of("settings.es")
    assert sorted(told) == sorted(f"{row.section}.{row.key}" for row in rows())
