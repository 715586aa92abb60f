"""Conversations with a scheduler by Luigi's methods: the same replies, to the letter."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from beside_luigi import PROGRAMS

if TYPE_CHECKING:
    from beside_luigi import Both

pytestmark = pytest.mark.slow

SCRIPT = PROGRAMS / "calls.py"
CONVERSATIONS = re.findall(r"^def (\w+)\(\):", SCRIPT.read_text(), re.MULTILINE)


@pytest.fixture(scope="session")
def replies(run_both: Both) -> tuple[Any, Any]:
    """By conversation: the replies of Luigi's scheduler, and of ours."""
    luigi, ours = run_both(str(SCRIPT), *CONVERSATIONS)
    assert luigi.code == 0, luigi.stderr
    assert ours.code == 0, ours.stderr
    return json.loads(luigi.stdout), json.loads(ours.stdout)


@pytest.mark.parametrize("what", CONVERSATIONS)
def test_the_replies_are_the_same(what: str, replies: tuple[Any, Any]) -> None:
    luigi, ours = (each[what] for each in replies)
    assert ours == luigi
