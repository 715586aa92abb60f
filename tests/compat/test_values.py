"""Values, subject by subject, as Luigi has them: what tasks, targets and settings are, what runs and schedulers tell.

What is different on purpose stands here with the reason. `[rumbo] luigi_compat = strict` gives Luigi's way where
programs could depend on it.
"""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import pytest

from beside_luigi import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from beside_luigi import Both

pytestmark = pytest.mark.slow

NAMES = ("rows", "tasks_and_values", "files_and_settings", "running", "calls")
TELL = "import sys, telling; telling.tell(sys.argv[1], sys.argv[2:])"


def subjects(program: str) -> list[str]:
    """The functions of a program that give values."""
    found = re.findall(r"^def ([a-z]\w+)\(\):", (PROGRAMS / f"{program}.py").read_text(), re.MULTILINE)
    return [each for each in found if each != "prepare"]


ALL = [(program, subject) for program in NAMES for subject in subjects(program)]

# By subject: where our value is another one, and which.
ALWAYS: dict[str, tuple[list[Any], Any]] = {
    # The answer to a message reaches the scheduler in this process too; Luigi's goes to a copy of it.
    "messages_to_a_task": ([1, "response"], "well"),
    # Where Luigi gives up because the outputs are in no file system, every task is asked.
    "ranges_of_tasks_that_tell_in_bulk": ([3], ["list", *[f"Elsewhere(day=2015-01-0{n})" for n in range(1, 6)]]),
    # What on_failure() returns is kept as text.
    "why_it_failed": ([1, "Explains", "error"], "\"{'why': 'because'}\""),
}
UNLESS_STRICT: dict[str, tuple[list[Any], Any]] = {
    # A private value goes with its task into another process; Luigi's task takes the default there.
    "private_values_do_not_travel": ([1, 0], "word"),
}

Told = dict[str, Any]


@pytest.fixture(scope="session")
def told(run_both: Both) -> Callable[[str], tuple[Told, Told]]:
    """By program: what each of its subjects gives under Luigi, and here."""

    @cache
    def of_both(program: str) -> tuple[Told, Told]:
        luigi, ours = run_both("-c", TELL, program, *subjects(program))
        assert luigi.code == 0, luigi.stderr
        assert ours.code == 0, ours.stderr
        return json.loads(luigi.stdout.splitlines()[-1]), json.loads(ours.stdout.splitlines()[-1])

    return of_both


@pytest.fixture(scope="session")
def told_strictly(run_both: Both) -> Told:
    """What each subject of a run gives with Luigi's own steps."""
    done = run_both.ours("-c", TELL, "running", *subjects("running"), RUMBO_LUIGI_COMPAT="strict")
    assert done.code == 0, done.stderr
    result: Told = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.mark.parametrize(("program", "subject"), ALL)
def test_the_same_values(program: str, subject: str, told: Callable[[str], tuple[Told, Told]]) -> None:
    luigi, ours = (each[subject] for each in told(program))
    wanted = with_differences(luigi, subject, ALWAYS | UNLESS_STRICT)
    assert like_luigi(ours, wanted) == wanted


@pytest.mark.parametrize("subject", subjects("running"))
def test_the_same_values_by_luigis_own_steps(
    subject: str, told: Callable[[str], tuple[Told, Told]], told_strictly: Told
) -> None:
    wanted = with_differences(told("running")[0][subject], subject, ALWAYS)
    assert like_luigi(told_strictly[subject], wanted) == wanted


def test_every_difference_is_one() -> None:
    assert (ALWAYS | UNLESS_STRICT).keys() <= {subject for _, subject in ALL}


def with_differences(luigi: Any, subject: str, differences: dict[str, tuple[list[Any], Any]]) -> Any:
    """Luigi's value, with ours where that is another one on purpose."""
    if subject not in differences:
        return luigi
    path, value = differences[subject]
    changed = inner = copy.deepcopy(luigi)
    for step in path[:-1]:
        inner = inner[step]
    assert inner[path[-1]] != value
    inner[path[-1]] = value
    return changed


def like_luigi(ours: Any, luigi: Any) -> Any:
    """What is ours, with Luigi's exceptions where ours are all that those are, and perhaps more."""
    if isinstance(ours, dict) and isinstance(luigi, dict):
        return {name: like_luigi(value, luigi.get(name)) for name, value in ours.items()}
    if isinstance(ours, list) and isinstance(luigi, list):
        return [like_luigi(value, other) for value, other in zip_longest(ours, luigi)]
    both_raise = all(isinstance(each, str) and each.startswith("raises ") for each in (ours, luigi))
    return luigi if both_raise and set(luigi.split()) <= set(ours.split()) else ours
