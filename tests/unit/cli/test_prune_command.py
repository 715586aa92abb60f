"""`rumbo prune`, and the policy that holds after every run."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from rumbo.cli.prune import size_in_words

if TYPE_CHECKING:
    from typing import Any


def run_ids(desk: Any) -> list[str]:
    return [run["id"] for run in json.loads(desk.type("history", "--json").out)]


@pytest.fixture
def used(desk: Any) -> Any:
    desk.write("src/sales.txt")
    for days in ("1", "2", "3"):
        assert desk.type("run", "-m", "shop", "Report", "--days", days).code == 0
    return desk


def test_a_dry_run_shows_what_would_go_and_leaves_it(used: Any) -> None:
    third, second, first = run_ids(used)

    said = used.type("prune", "--keep-runs", "1", "--dry-run")

    lines = said.out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == [first, second]
    assert re.fullmatch(
        r"Would forget 2 runs with 0 B of logs\. The history takes [\d.]+ kB, all logs 0 B\.", lines[-1]
    )
    assert run_ids(used) == [third, second, first]


def test_what_is_beyond_goes(used: Any) -> None:
    third, *_ = run_ids(used)

    assert used.type("prune", "--keep-runs", "1").out.startswith("Forgot 2 runs with 0 B of logs. ")
    assert run_ids(used) == [third]


def test_by_age_nothing_of_today_goes(used: Any) -> None:
    assert json.loads(used.type("prune", "--keep-days", "1", "--json").out)["runs"] == []
    assert len(run_ids(used)) == 3


def test_settings_hold_for_the_command_and_after_every_run(used: Any) -> None:
    used.write("rumbo.toml", "[history]\nkeep_runs = 2\n")

    assert used.type("prune").out.startswith("Forgot 1 run ")
    assert used.type("run", "-m", "shop", "Report", "--days", "4").code == 0
    assert len(run_ids(used)) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            [],
            "What is to be kept? Say --keep-runs N or --keep-days DAYS, or set keep_runs or keep_days under [history] "
            "in rumbo.toml.",
        ),
        (
            ["--keep-runs", "-1"],
            "Invalid value for '--keep-runs': -1 is not in the range x>=0. `rumbo prune --help` tells more.",
        ),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(words: list[str], message: str, used: Any) -> None:
    assert used.type("prune", *words) == (2, "", f"rumbo: {message}\n")


def test_without_a_history_there_is_nothing_to_forget(desk: Any) -> None:
    said = desk.type("prune", "--keep-runs", "1")

    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("rumbo: There is no history in ")


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 kB"),
        (20_340_000, "20.3 MB"),
        (3 * 10**9, "3.0 GB"),
        (10**15, "1000.0 TB"),
    ],
)
def test_sizes_are_told_as_people_do(size: int, words: str) -> None:
    assert size_in_words(size) == words
