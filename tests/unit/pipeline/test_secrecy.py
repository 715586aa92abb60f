"""What may be said of a task where others hear it."""

from __future__ import annotations

from typing import Any

import rumbo
from rumbo import ParameterVisibility
from rumbo.pipeline.secrecy import masked, private_texts, private_values

PRIVATE, HIDDEN = ParameterVisibility.PRIVATE, ParameterVisibility.HIDDEN


class Load(rumbo.Task):
    """With a parameter of each kind."""

    table: Any = rumbo.Parameter()
    password: Any = rumbo.Parameter(visibility=PRIVATE)
    host: Any = rumbo.Parameter(visibility=HIDDEN, default="db.example.com")


class Plain(rumbo.Task):
    """With nothing to hide."""

    table: Any = rumbo.Parameter()


class Nested(rumbo.Task):
    """With private values in values."""

    account: Any = rumbo.DictParameter(visibility=PRIVATE)
    keys: Any = rumbo.ListParameter(visibility=PRIVATE, default=("first-key", "second-key"))
    flag: Any = rumbo.BoolParameter(visibility=PRIVATE)


def test_a_name_for_others_has_public_values_only() -> None:
    assert str(Load(table="t", password="s3cret")) == "Load(table=t, password=***, host=***)"
    assert str(Plain(table="t")) == repr(Plain(table="t")) == "Plain(table=t)"


def test_private_values_are_masked_however_they_are_written() -> None:
    task = Load(table="t", password="it's\n\ts3cret")
    text = f"plain {task.password} and {task.password!r}, but not {task.host} and {task.table}"
    assert masked(text, task, Plain(table="x")) == 'plain *** and "***", but not db.example.com and t'


def test_private_values_within_values() -> None:
    task = Nested(account={"user": "ana", "login": {"password": "s3cret"}})
    assert masked(f"{task.account} {list(task.keys)} {task.flag} ana", task) == (
        f"{str(task.account).replace('s3cret', '***')} ['***', '***'] False ana"
    )


def test_what_is_too_short_to_be_a_secret_masks_nothing() -> None:
    assert masked("a cat sat", Load(table="t", password="a")) == "a cat sat"
    assert private_texts(Load(table="t", password="")) == []


def test_a_longer_secret_is_masked_before_a_part_of_it() -> None:
    task = Nested(account={"a": "abcd", "b": "abcdefgh"})
    assert masked("abcdefgh", task) == "***"


def test_values_that_stay_in_the_process() -> None:
    assert private_values(Load(table="t", password="s3cret")) == {"password": "s3cret"}
    assert private_values(Plain(table="t")) == {}
