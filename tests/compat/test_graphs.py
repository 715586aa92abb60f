"""Small graphs of every kind give the same summary, the same result and the same log as Luigi."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from beside_luigi import PROGRAMS, Both, searched

pytestmark = pytest.mark.slow

SCRIPT = PROGRAMS / "graphs.py"
NAMES = re.findall(r"^@graph\(.*\)\ndef (\w+)", SCRIPT.read_text(), re.M)

# What is different on purpose: lines and events that Luigi has and we have not.
ONLY_LUIGI = {
    # Our generators go on where they stopped; Luigi starts run() anew after each yield that had to wait.
    "dynamic": ["START Dynamic__99914b932b"] * 2,
    "dynamic_with_a_failure": ["START DynamicFailing__99914b932b"],
    # Luigi tells the scheduler of a task once for each root that needs it.
    "several_roots": [
        "DEBUG: Checking if Number(n=110) is complete",
        "DEPENDENCY_MISSING Number_110_5a8ac0c592",
        "INFO: Informed scheduler that task   Number_110_5a8ac0c592   has status   PENDING",
    ],
}


@pytest.fixture(scope="session")
def results(run_both: Both) -> tuple[dict[str, Any], dict[str, Any]]:
    """What came of each graph, under Luigi and here."""
    luigi, ours = run_both(str(SCRIPT))
    assert luigi.code == 0, luigi.stderr
    assert ours.code == 0, ours.stderr
    return json.loads(luigi.stdout), json.loads(ours.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_the_summary_is_the_same_to_the_letter(name: str, results: Any) -> None:
    luigi, ours = (result[name] for result in results)
    assert (ours["summary"], ours["one_line"]) == (luigi["summary"], luigi["one_line"])


@pytest.mark.parametrize("name", NAMES)
def test_the_result_is_the_same(name: str, results: Any) -> None:
    luigi, ours = (result[name] for result in results)
    assert (ours["status"], ours["ok"]) == (luigi["status"], luigi["ok"])


@pytest.mark.parametrize("name", NAMES)
def test_the_same_events_are_fired(name: str, results: Any) -> None:
    luigi, ours = (result[name]["events"] for result in results)
    assert ours == _without(luigi, ONLY_LUIGI.get(name, []))


@pytest.mark.parametrize("name", NAMES)
def test_the_lines_that_people_search_for_are_the_same(name: str, results: Any) -> None:
    luigi, ours = (searched(result[name]["log"]) for result in results)
    assert ours == _without(luigi, ONLY_LUIGI.get(name, []))


def _without(lines: list[str], left_out: list[str]) -> list[str]:
    rest = list(lines)
    for line in left_out:
        if line in rest:
            rest.remove(line)
    return rest
