"""How values and errors are put into sentences."""

from __future__ import annotations

import json
import os
import traceback

import pytest

from rumbo.errors import TaskError
from rumbo.wording import cause_in, described, place_of, plain_cause, shortened


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
    assert plain_cause("rumbo.integrations.ftp_tls.UntrustedCertificate: who?") == "who?"
    assert plain_cause("ValueError: no number") == "ValueError: no number"


def test_a_traceback_says_in_one_line_what_went_wrong() -> None:
    def fail(text: str) -> str:
        try:
            raise ValueError(text)
        except ValueError:
            return traceback.format_exc()

    assert cause_in(fail("no number")) == "ValueError: no number"
    assert cause_in(fail("the server is gone\n\tIs it running?\n(more at https://errors.example)")) == (
        "ValueError: the server is gone"
    )
    assert cause_in(f"{fail('first')}\nThe above exception was the cause:\n\n{fail('second')}") == "ValueError: second"
    repeated = (
        '  File "a.py", line 3, in f\n    f()\n  [Previous line repeated 990 more times]\nRecursionError: too deep'
    )
    assert cause_in(repeated) == "RecursionError: too deep"
    assert cause_in("It was told to stop:\nkilled by signal 9\n") == "killed by signal 9"
    assert cause_in("") == ""
