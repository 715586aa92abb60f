"""Nested requirements and outputs, flat or in their shape."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from typing import Any, NamedTuple

import pytest

from rumbo.errors import TaskError
from rumbo.pipeline.parameters.scalars import IntParameter
from rumbo.pipeline.structure import flatten, flatten_output, getpaths
from rumbo.pipeline.task import Task


class Number(Task):
    n = IntParameter()

    def output(self) -> Any:
        return f"output {self.n}"


class Pair(NamedTuple):
    left: Any
    right: Any


def test_flatten_takes_items_in_order() -> None:
    assert flatten({"b": 1, "a": [2, (3, {4})]}) == [1, 2, 3, 4]
    assert flatten(number for number in (1, 2)) == [1, 2]


def test_flatten_takes_a_text_as_one_item_and_none_as_nothing() -> None:
    assert flatten("text") == ["text"]
    assert flatten(None) == flatten([None, []]) == []
    assert flatten(42) == [42]


def test_outputs_keep_the_shape_of_the_tasks() -> None:
    assert getpaths(Number(1)) == "output 1"
    assert getpaths([Number(1), (Number(2),)]) == ["output 1", ("output 2",)]
    assert getpaths({"a": Number(1), "b": [Number(2)]}) == {"a": "output 1", "b": ["output 2"]}
    assert getpaths(Number(n) for n in (1, 2)) == ["output 1", "output 2"]


def test_outputs_keep_the_classes_of_the_collections() -> None:
    class Numbers(list[Any]):
        pass

    assert type(getpaths(Numbers([Number(1)]))) is Numbers
    assert type(getpaths(OrderedDict(a=Number(1)))) is OrderedDict
    assert getpaths(Pair(Number(1), Number(2))) == Pair("output 1", "output 2")
    grouped = getpaths(defaultdict(list, a=Number(1)))
    assert grouped.default_factory is list
    assert grouped["a"] == "output 1"


def test_what_is_no_task_is_an_error_that_says_so() -> None:
    with pytest.raises(TaskError) as caught:
        getpaths([Number(1), 7])
    assert str(caught.value) == (
        "7 is of type int, where a task or a list, tuple or dictionary of tasks is needed. "
        "Return tasks (not their targets, not their classes) from requires()."
    )


def test_flatten_output_looks_through_tasks_without_outputs() -> None:
    class Wrapper(Task):
        def requires(self) -> Any:
            return [Number(1), Number(2)]

    class Top(Task):
        def requires(self) -> Any:
            return {"a": Wrapper(), "b": Number(2)}

    assert flatten_output(Top()) == ["output 2", "output 1"]
    assert flatten_output(Number(3)) == ["output 3"]
