"""`rumbo.build` and what it says to those who call it wrongly."""

from __future__ import annotations

from typing import Any

import pytest

import rumbo
from rumbo.errors import ConfigurationError, RumboError, TaskError

GIVE = "Give an instance of Task to build, or several in a list."


class Nothing(rumbo.Task):
    def complete(self) -> bool:
        return True


def test_one_task_or_several_or_none() -> None:
    assert rumbo.build(Nothing(), history=False)
    assert rumbo.build((each for each in [Nothing()]), history=False)
    assert rumbo.build([], history=False)


@pytest.mark.parametrize(
    ("tasks", "options", "error", "message"),
    [
        (Nothing, {}, TaskError, f"Not a task: the class Nothing. {GIVE}"),
        ("Nothing", {}, TaskError, f"Not a task: 'Nothing', of type str. {GIVE}"),
        (None, {}, TaskError, f"Not a task: None, of type NoneType. {GIVE}"),
        ([5], {}, TaskError, "Not a task: 5, of type int. Give instances of Task to build."),
        ([], {"workers": 0}, ConfigurationError, "workers=0: it must be a whole number of at least 1."),
        (
            [],
            {"executor": "process"},
            ConfigurationError,
            "executor='process': it must be one of auto, inline, processes, threads.",
        ),
        ([], {"histroy": False}, ConfigurationError, "There is no option histroy. Did you mean history?"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_runs(
    tasks: Any, options: dict[str, Any], error: type[RumboError], message: str
) -> None:
    with pytest.raises(error) as caught:
        rumbo.build(tasks, **options)
    assert str(caught.value) == message
