"""Programs that replace names within Luigi's modules, or bring parts of their own, find that it holds here too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from beside_luigi import PROGRAMS

if TYPE_CHECKING:
    from beside_luigi import Both

pytestmark = pytest.mark.slow

SCRIPT = PROGRAMS / "replaced.py"


@pytest.mark.parametrize("what", re.findall(r"^def (\w+)", SCRIPT.read_text(), re.MULTILINE))
def test_the_replacement_holds(what: str, both: Both) -> None:
    luigi, ours = both(str(SCRIPT), what)
    assert luigi.code == 0, luigi.stderr
    assert ours.code == 0, ours.stderr
    assert ours.stdout == luigi.stdout
