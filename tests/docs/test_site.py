"""The picture of a task's states follows the table, and the site can be built and read without a network."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rumbo.scheduler.transitions import TABLE, diagram

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"


def script(name: str) -> Any:
    """A script of the documentation, as a module."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def drawing() -> Any:
    """The script that draws the picture."""
    return script("draw_states")


def test_the_arrows_of_the_picture_are_those_of_the_table() -> None:
    table = {(state, cause): to for cause, row in TABLE.items() for state, to in row.items()}
    assert drawing().drawn() == table


def test_each_arrow_says_its_causes_in_the_words_of_the_table() -> None:
    for arrow in drawing().ARROWS:
        said = " ".join(text for _, _, _, text in arrow.labels)
        assert said == " ".join(cause.value for cause in arrow.causes)


def test_the_picture_is_the_one_that_the_script_draws() -> None:
    assert (DOCS / "pictures" / "states.svg").read_text(encoding="utf-8") == drawing().svg(), (
        "Run: python docs/draw_states.py"
    )


def test_the_page_has_the_table_and_the_diagram_of_the_scheduler() -> None:
    page = (DOCS / "design" / "life-of-a-task.md").read_text(encoding="utf-8")
    assert drawing().with_table(page) == page, "Run: python docs/draw_states.py"
    assert diagram() in page
    for cause in TABLE:
        assert f"| {cause.value} |" in page


def test_the_page_has_all_addresses_of_the_api() -> None:
    page = (DOCS / "reference" / "api.md").read_text(encoding="utf-8")
    assert script("describe_api").with_table(page) == page, "Run: python docs/describe_api.py"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    built = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.mark.slow
def test_the_site_fetches_nothing_from_other_hosts(site: Path) -> None:
    fetching = re.compile(
        r"""<(?:script|img|iframe)\b[^>]*\bsrc=["']?https?:|<link\b[^>]*\bhref=["']?https?:|@import"""
    )
    fetched = {page.name: found[0] for page in site.rglob("*.html") if (found := fetching.search(page.read_text()))}
    assert fetched == {}
    assert not [page.name for page in site.rglob("*.html") if 'class="mermaid"' in page.read_text()]


@pytest.mark.slow
def test_the_public_names_are_described_on_the_site(site: Path) -> None:
    page = (site / "reference" / "python.html").read_text()
    for name in ("rumbo.Task", "rumbo.build", "rumbo.RunResult", "rumbo.requires"):
        assert f'id="{name}"' in page
