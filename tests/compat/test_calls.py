"""Conversations with a scheduler by Luigi's methods: the same replies, to the letter."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from beside_luigi import PROGRAMS

if TYPE_CHECKING:
    from beside_luigi import Both

pytestmark = pytest.mark.slow

SCRIPT = PROGRAMS / "calls.py"
CONVERSATIONS = re.findall(r"^def (\w+)\(\):", SCRIPT.read_text(), re.MULTILINE)


@pytest.mark.parametrize("what", CONVERSATIONS)
def test_the_replies_are_the_same(what: str, run_both: Both) -> None:
    luigi, ours = run_both(str(SCRIPT), what)
    assert luigi.code == 0, luigi.stderr
    assert ours.code == 0, ours.stderr
    assert json.loads(ours.stdout) == json.loads(luigi.stdout)
