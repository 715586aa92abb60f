"""What a task's attributes say about trying again."""

from __future__ import annotations

from typing import Any

import pytest

from rumbo.errors import TaskError
from rumbo.pipeline import task, typed
from rumbo.pipeline.retry import Retry


class Fetch(typed.Task):
    retries = 3
    backoff = 5
    retry_on = (OSError,)
    timeout = 60


def test_the_typed_style() -> None:
    assert Fetch().retry_policy() == Retry(retries=3, delay=5.0, retry_on=(OSError,), timeout=60)


def test_a_delay_doubles_up_to_an_hour() -> None:
    policy = Fetch().retry_policy()
    assert [policy.delay_before(retry) for retry in (1, 2, 3)] == [5, 10, 20]
    assert policy.delay_before(30) == policy.delay_before(3000) == 3600


def test_delays_one_by_one_and_the_last_for_all_that_follow() -> None:
    class Patient(typed.Task):
        retries = 5
        backoff = (1, 60)

    policy = Patient().retry_policy()
    assert policy.delays == (1.0, 60.0)
    assert [policy.delay_before(retry) for retry in (1, 2, 3)] == [1, 60, 60]
    assert policy._replace(delays=()).delay_before(1) == 0


def test_luigis_style() -> None:
    class Old(task.Task):
        retry_count = 4
        disable_window = 100
        worker_timeout = 7

        @property
        def disable_hard_timeout(self) -> int:
            return 50

    assert Old().retry_policy() == Retry(disable_after=4, window=100, hard_timeout=50, timeout=7)


def test_luigi_programs_may_use_the_typed_names_for_anything() -> None:
    class Old(task.Task):
        timeout = "tomorrow"
        retries = "many"

    assert Old().retry_policy() == Retry()


def test_one_exception_class_or_a_list_will_do() -> None:
    class Lenient(typed.Task):
        retry_on: Any = OSError

    class Listed(typed.Task):
        retry_on: Any = [OSError, ValueError]

    assert Lenient().retry_policy().retry_on == (OSError,)
    assert Listed().retry_policy().retry_on == (OSError, ValueError)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("retries", -1, "a whole number, 0 or more"),
        ("retries", 1.5, "a whole number, 0 or more"),
        ("backoff", "soon", "seconds (the first delay, doubled each time) or a tuple of seconds"),
        ("backoff", (1, -1), "seconds (the first delay, doubled each time) or a tuple of seconds"),
        ("retry_on", "OSError", "an exception class or a tuple of them, such as (OSError,)"),
        ("timeout", True, "seconds, 0 or more"),
    ],
)
def test_a_value_that_means_nothing(name: str, value: Any, expected: str) -> None:
    broken = type("Broken", (typed.Task,), {name: value})
    with pytest.raises(TaskError) as caught:
        broken().retry_policy()  # type: ignore[attr-defined]
    assert str(caught.value) == f"Broken.{name} is {value!r}, but must be {expected}."
