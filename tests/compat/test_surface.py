"""Every public name of Luigi is at its place and is called as in Luigi, but for what `differences.toml` explains."""

from __future__ import annotations

import json
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from beside_luigi import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beside_luigi import Both

pytestmark = pytest.mark.slow

EXPLAINED = tomllib.loads((Path(__file__).parent / "differences.toml").read_text())["difference"]

Surface = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def surfaces(run_both: Both) -> tuple[Surface, Surface]:
    """What Luigi offers, and what we do."""
    luigi, ours = run_both(str(PROGRAMS / "surface.py"))
    assert luigi.code == 0, luigi.stderr
    assert ours.code == 0, ours.stderr
    return json.loads(luigi.stdout), json.loads(ours.stdout)


def test_nothing_is_missing_or_called_otherwise_without_a_reason(surfaces: tuple[Surface, Surface]) -> None:
    patterns = [pattern for each in EXPLAINED for pattern in each["names"]]
    unexplained = [each for each in differences(*surfaces) if not any(fnmatchcase(each, one) for one in patterns)]
    assert unexplained == []


def test_every_explanation_explains_something(surfaces: tuple[Surface, Surface]) -> None:
    found = list(differences(*surfaces))
    patterns = [pattern for each in EXPLAINED if "passing" not in each for pattern in each["names"]]
    assert [one for one in patterns if not any(fnmatchcase(each, one) for each in found)] == []


def differences(luigi: Surface, ours: Surface) -> Iterator[str]:
    """Names of Luigi's that we lack, and those that are called otherwise. Classes count where they are defined."""
    for module, names in luigi.items():
        for name, thing in names.items():
            other = ours.get(module, {}).get(name)
            if name == "not importable":
                continue  # it needs a library that is not there
            if other is None or ("class" in thing) != ("class" in other):
                yield f"{module}:{name}"
            elif "class" in thing:
                if thing["home"] == module:
                    for member, signature in thing["class"].items():
                        if not fits(signature, other["class"].get(member)):
                            yield f"{module}:{name}.{member}"
            elif "function" in thing and not fits(thing["function"], other.get("function")):
                yield f"{module}:{name}"


def fits(wanted: list[str] | str | None, given: list[str] | str | None) -> bool:
    """Whether a call that Luigi understands is understood: the same arguments in order, and perhaps more."""
    if not isinstance(wanted, list) or not isinstance(given, list):
        return given is not None or wanted is None
    wanted, given = [plain(each) for each in wanted], [plain(each) for each in given]
    if wanted[-1:] == ["**"] == given[-1:]:
        wanted, given = wanted[:-1], given[:-1]
    more = given[len(wanted) :]
    return given[: len(wanted)] == wanted and all("=" in each or each.startswith("*") for each in more)


def plain(argument: str) -> str:
    """An argument without what its name does not matter for: the object itself, and what gathers all others."""
    if argument in ("self", "cls", "_cls"):
        return "self"
    return argument[: argument.count("*", 0, 2)] if argument.startswith("*") else argument
