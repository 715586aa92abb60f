"""Completeness of many tasks, by one question where the class can answer it."""

from __future__ import annotations

from typing import Any

from rumbo.pipeline.bulk import answers_in_bulk, complete_in_bulk
from rumbo.pipeline.parameters.collections import ListParameter
from rumbo.pipeline.parameters.scalars import IntParameter
from rumbo.pipeline.task import BulkCompleteNotImplementedError, MixinNaiveBulkComplete, Task


class Single(Task):
    n = IntParameter()

    @classmethod
    def bulk_complete(cls, parameter_tuples: Any) -> Any:
        return [n for n in parameter_tuples if n > 1]


class Several(Task):
    a = IntParameter()
    b = IntParameter(default=1)

    @classmethod
    def bulk_complete(cls, parameter_tuples: Any) -> Any:
        return [[a, b] for a, b in parameter_tuples if a == b]


class Named(Task):
    a = IntParameter()
    b = ListParameter(default=(), positional=False)

    @classmethod
    def bulk_complete(cls, parameter_tuples: Any) -> Any:
        return (values for values in parameter_tuples if values["a"] == len(values["b"]))


class Undecided(Task):
    n = IntParameter()

    @classmethod
    def bulk_complete(cls, parameter_tuples: Any) -> Any:
        raise BulkCompleteNotImplementedError


class Naive(MixinNaiveBulkComplete, Task):
    n = IntParameter()


def test_one_parameter_is_given_as_plain_values() -> None:
    assert complete_in_bulk([Single(3), Single(1), Single(2)]) == [True, False, True]


def test_several_are_given_as_tuples_and_may_come_back_as_lists() -> None:
    assert complete_in_bulk([Several(1), Several(2)]) == [True, False]


def test_a_parameter_without_a_position_makes_them_dictionaries() -> None:
    assert complete_in_bulk([Named(1, b=["x"]), Named(2)]) == [True, False]


def test_classes_that_cannot_answer_in_bulk() -> None:
    assert not answers_in_bulk(Naive)
    assert complete_in_bulk([Naive(1)]) is None
    assert complete_in_bulk([Undecided(1)]) is None
