"""How values and errors are put into sentences."""

from __future__ import annotations

import json
import os

import pytest

from rumbo.errors import TaskError
from rumbo.wording import described, place_of, plain_cause, shortened


def test_a_long_text_loses_its_middle() -> None:
    assert shortened("a" * 30 + "z" * 30, 40) == "a" * 26 + " … " + "z" * 10
    assert shortened("short", 40) == "short"


def test_a_text_stays_on_one_line() -> None:
    assert shortened("two\nlines and \x1b[31m red, ñ") == "two\\nlines and \\x1b[31m red, ñ"


def test_a_value_is_described_with_its_kind() -> None:
    assert described(5) == "5, of type int"
    assert described(TaskError) == "the class TaskError"


def test_the_place_of_an_error_is_the_users_own_line() -> None:
    with pytest.raises(ValueError) as caught:
        json.loads("{")
    assert place_of(caught.value) == f"line {caught.tb.tb_lineno} of {os.path.relpath(__file__)}"


def test_of_our_own_errors_the_sentence_is_enough() -> None:
    assert plain_cause("rumbo.errors.TaskError: no output") == "no output"
    assert plain_cause("ValueError: no number") == "ValueError: no number"
