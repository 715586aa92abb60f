"""The words of a command that names tasks: whose flag is whose, and what stands for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import rumbo
from rumbo.cli.arguments import HELP, MODULE, Line, Option, UsageError, amount, count, read
from rumbo.cli.finding import finder

if TYPE_CHECKING:
    from collections.abc import Sequence

OPTIONS = (
    MODULE,
    Option("workers", ("-w", "--workers"), "", "N", count),
    Option("quiet", ("-q", "--quiet"), ""),
    Option("resources", ("--resources",), "", "NAME=AMOUNT", amount, True),
    Option("deep", ("--deep",), ""),
    HELP,
)


@pytest.fixture(autouse=True)
def _tasks() -> None:
    class Job(rumbo.Task):
        workers: int = 1
        my_date: str = ""
        loud: bool = False
        switch = rumbo.BoolParameter(parsing=rumbo.BoolParameter.IMPLICIT_PARSING)

    class Other(rumbo.Task):
        my_size: int = 1

    class Settled(rumbo.Config):
        use_cmdline_section = False
        city: str = ""


def understood(*words: str) -> Line:
    return read(words, OPTIONS, finder("run"))


def root(*words: str) -> dict[str, str]:
    return understood("Job", *words).wanted[0].texts


def failure(words: Sequence[str]) -> str:
    with pytest.raises(UsageError) as caught:
        understood(*words)
    return str(caught.value)


def test_before_the_tasks_name_a_flag_is_the_commands_and_after_it_the_tasks() -> None:
    line = understood("--workers", "4", "Job", "--workers", "7")

    assert line.options == {"workers": 4}
    assert line.wanted[0].texts == {"workers": "7"}


def test_after_the_tasks_name_flags_of_the_command_are_still_understood() -> None:
    line = understood("Other", "--workers", "4", "--deep")

    assert line.options == {"workers": 4, "deep": True}


@pytest.mark.parametrize(
    "words", [["--my-date", "2013"], ["--my_date", "2013"], ["--my-date=2013"], ["--my_date=2013"]]
)
def test_a_parameter_is_spelled_with_dashes_or_with_lines(words: list[str]) -> None:
    assert root(*words) == {"my_date": "2013"}


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        (["--my-date", "-5"], {"my_date": "-5"}),
        (["--my-date", ""], {"my_date": ""}),
        (["--my-date=--x"], {"my_date": "--x"}),
        (["--my-date=a=b"], {"my_date": "a=b"}),
        (["--loud", "true"], {"loud": "true"}),
        (["--loud", "--deep"], {"loud": "true"}),
        (["--loud=false"], {"loud": "false"}),
        (["--no-loud"], {"loud": "false"}),
        (["--switch", "--deep"], {"switch": "true"}),
        (["--switch", "false"], {"switch": "false"}),
        (["--no-switch"], {"switch": "false"}),
    ],
)
def test_values_are_taken_as_they_are_written(words: list[str], texts: dict[str, str]) -> None:
    assert root(*words) == texts


def test_a_switch_that_is_followed_by_a_task_leaves_it_alone() -> None:
    line = understood("Job", "--switch", "Other", "--my-size", "3")

    assert [(wanted.cls.__name__, wanted.texts) for wanted in line.wanted] == [
        ("Job", {"switch": "true"}),
        ("Other", {"my_size": "3"}),
    ]


@pytest.mark.parametrize("place", ["before", "after"])
def test_parameters_of_any_task_can_be_set_anywhere(place: str) -> None:
    words = ["--Other-my-size", "3", "Job"] if place == "before" else ["Job", "--Other-my-size=3"]

    assert understood(*words).others == {("Other", "my_size"): "3"}


def test_a_family_without_a_section_has_short_flags() -> None:
    assert understood("Job", "--city", "Lima").others == {("Settled", "city"): "Lima"}


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["-w4"], {"workers": 4}),
        (["-w", "4"], {"workers": 4}),
        (["--workers=4"], {"workers": 4}),
        (["-qw4"], {"quiet": True, "workers": 4}),
        (["--resources", "gpu=2", "--resources=disk=0.5"], {"resources": [("gpu", 2.0), ("disk", 0.5)]}),
        (["-h"], {"help": True}),
    ],
)
def test_flags_of_the_command_are_written_as_everywhere(words: list[str], options: dict[str, object]) -> None:
    assert understood(*words).options == options


def test_the_module_is_imported_before_the_flags_of_its_tasks_are_read() -> None:
    loaded: list[str] = []
    own = finder("run")._replace(load=lambda name: loaded.append(name) or name)

    for words in (["Job", "-m", "a"], ["--module=a", "Job"], ["-ma", "Job"], ["Job", "--module", "a"]):
        assert read(words, OPTIONS, own).modules == ["a"]
    assert loaded == ["a"] * 4


def test_after_two_dashes_all_are_names() -> None:
    assert [wanted.cls.__name__ for wanted in understood("--", "Job", "Other").wanted] == ["Job", "Other"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-x"], "There is no flag -x. Flags of a task come after its name."),
        (["-qx"], "There is no flag -qx. Flags of a task come after its name."),
        (["-w"], "-w needs a value: -w N."),
        (["--xyzzy"], "There is no flag --xyzzy. Flags of a task come after its name."),
        (["Job", "--my-dat", "x"], "There is no flag --my-dat: Job has no such parameter, and the command no such "
         "option. Did you mean --my-date?"),
        (["Job", "--Other-my-sise", "x"], "There is no flag --Other-my-sise: Job has no such parameter, and the "
         "command no such option. Did you mean --Other-my-size?"),
        (["Job", "--loud", "--no-loud"], "--no-loud was given twice: true and false. Leave one out."),
    ],
)  # fmt: skip
def test_slips_are_told(words: list[str], message: str) -> None:
    assert failure(words) == message
