"""The page of what is compared with Luigi names every comparison, and none that is not made."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from beside_luigi import PROGRAMS
from compat.test_command_lines import COMMANDS
from compat.test_graphs import NAMES as GRAPHS
from compat.test_values import ALL as VALUES

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "luigi-compared.md"


def named() -> Iterator[tuple[str, str]]:
    """File and name of each comparison on the page."""
    for row in re.findall(r"^\| (?!what programs).* \| (`.*) \|$", PAGE.read_text(), re.MULTILINE):
        file = ""
        for word in re.findall(r"`([^`]+)`", row):
            if word.endswith(".py"):
                file = word
            else:
                yield file, word


def test_what_the_page_names_is_there() -> None:
    texts = {path.name: path.read_text() for path in [*PROGRAMS.glob("*.py"), *Path(__file__).parent.glob("*.py")]}
    lost = [(file, name) for file, name in named() if not re.search(rf'def {name}\(|^ *"{name}":', texts[file], re.M)]
    assert lost == []


def test_the_page_names_all() -> None:
    made = {(f"{program}.py", subject) for program, subject in VALUES} | {("graphs.py", name) for name in GRAPHS}
    made |= {("test_command_lines.py", name) for name in COMMANDS}
    replaced = re.findall(r"^def (\w+)", (PROGRAMS / "replaced.py").read_text(), re.MULTILINE)
    made |= {("replaced.py", name) for name in replaced}
    assert made - set(named()) == set()
