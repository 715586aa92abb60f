"""Parameters, tasks, targets, formats, intervals, ranges, configuration: value by value as Luigi has them."""

from __future__ import annotations

import json
import re
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import pytest

from beside_luigi import PROGRAMS

if TYPE_CHECKING:
    from beside_luigi import Both

pytestmark = pytest.mark.slow

SCRIPT = PROGRAMS / "rows.py"
SUBJECTS = re.findall(r"^def ([a-z]\w+)\(\):", SCRIPT.read_text(), re.MULTILINE)


@pytest.fixture(scope="session")
def values(run_both: Both) -> tuple[Any, Any]:
    """By subject: the values under Luigi, and here."""
    luigi, ours = run_both(str(SCRIPT), *SUBJECTS)
    assert luigi.code == 0, luigi.stderr
    assert ours.code == 0, ours.stderr
    return json.loads(luigi.stdout), json.loads(ours.stdout)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_same_values(subject: str, values: tuple[Any, Any]) -> None:
    luigi, ours = (each[subject] for each in values)
    assert like_luigi(ours, luigi) == luigi


def like_luigi(ours: Any, luigi: Any) -> Any:
    """What is ours, with Luigi's exceptions where ours are all that those are, and perhaps more."""
    if isinstance(ours, dict) and isinstance(luigi, dict):
        return {name: like_luigi(value, luigi.get(name)) for name, value in ours.items()}
    if isinstance(ours, list) and isinstance(luigi, list):
        return [like_luigi(value, other) for value, other in zip_longest(ours, luigi)]
    both_raise = all(isinstance(each, str) and each.startswith("raises ") for each in (ours, luigi))
    return luigi if both_raise and set(luigi.split()) <= set(ours.split()) else ours
