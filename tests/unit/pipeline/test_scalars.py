from __future__ import annotations

import math
import operator
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rumbo.errors import ParameterError
from rumbo.pipeline.parameter import InvalidValueError, OptionalParameterTypeWarning, Parameter
from rumbo.pipeline.parameters.scalars import (
    BoolParameter,
    FloatParameter,
    IntParameter,
    NumericalParameter,
    OptionalBoolParameter,
    OptionalFloatParameter,
    OptionalIntParameter,
    OptionalNumericalParameter,
    OptionalParameter,
    OptionalPathParameter,
    OptionalStrParameter,
    PathParameter,
    StrParameter,
    TaskParameter,
)

# A loaded machine must not fail a property, and a property must not hold up the suite.
quick = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("parameter", "text", "message"),
    [
        (IntParameter(), "abc", "'abc' is not a whole number, for example 42 or -7."),
        (IntParameter(), "4.5", "'4.5' is not a whole number, for example 42 or -7."),
        (FloatParameter(), "1,5", "'1,5' is not a number, for example 0.5, -7 or 1e-3."),
        (BoolParameter(), "yes", "'yes' is not a truth value, which is true or false."),
        (
            NumericalParameter(var_type=int, min_value=-3, max_value=7),
            "7",
            "'7' is not a whole number at least -3 and below 7.",
        ),
        (
            NumericalParameter(var_type=float, min_value=0, max_value=1, left_op=operator.lt, right_op=operator.le),
            "x",
            "'x' is not a number above 0 and at most 1.",
        ),
    ],
)
def test_text_that_cannot_be_understood(parameter: Parameter[Any], text: str, message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        parameter.parse(text)
    assert str(raised.value) == message
    assert raised.value.value == text


@quick
@given(st.integers())
def test_whole_numbers_survive_as_text(value: int) -> None:
    assert IntParameter().parse(IntParameter().serialize(value)) == value


@quick
@given(st.floats())
def test_numbers_survive_as_text(value: float) -> None:
    again = FloatParameter().parse(FloatParameter().serialize(value))
    assert again == value or (math.isnan(again) and math.isnan(value))


@quick
@given(st.text())
def test_text_survives(value: str) -> None:
    assert StrParameter().parse(StrParameter().serialize(value)) == value
    assert Parameter().parse(Parameter().serialize(value)) == value


@quick
@given(st.booleans())
def test_truth_values_survive_as_text(value: bool) -> None:
    assert BoolParameter().parse(BoolParameter().serialize(value)) is value


@quick
@given(st.one_of(st.none(), st.integers()))
def test_optional_whole_numbers_survive_as_text(value: int | None) -> None:
    assert OptionalIntParameter().parse(OptionalIntParameter().serialize(value)) == value


def test_values_that_a_program_gives_are_taken_as_they_are() -> None:
    value = object()
    for kind in (Parameter, StrParameter, IntParameter, FloatParameter):
        assert kind().normalize(value) is value


def test_whole_numbers_can_be_counted_up() -> None:
    assert IntParameter().next_in_enumeration(4) == 5
    assert FloatParameter().next_in_enumeration(4) is None
    assert OptionalIntParameter().next_in_enumeration(4) is None


# Truth values ----------------------------------------------------------------------------------------------------


def test_a_truth_value_is_false_unless_said_otherwise() -> None:
    assert BoolParameter()._default is False
    assert BoolParameter(default=True)._default is True
    assert OptionalBoolParameter()._default is None


def test_what_is_neither_true_nor_false_becomes_none() -> None:
    assert BoolParameter().normalize("perhaps") is None
    assert BoolParameter().normalize("TRUE") is True


def test_implicit_truth_values_are_flags() -> None:
    assert BoolParameter()._parser_kwargs("x", "Clean") == {"action": "store_true", "dest": "Clean_x"}


def test_explicit_truth_values_may_have_a_word() -> None:
    explicit = BoolParameter(parsing=BoolParameter.EXPLICIT_PARSING)
    assert explicit._parser_kwargs("x") == {
        "action": "store",
        "dest": "x",
        "nargs": "?",
        "const": True,
    }


def test_the_way_of_parsing_can_be_switched_for_later_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    before = BoolParameter()
    monkeypatch.setattr(BoolParameter, "parsing", BoolParameter.EXPLICIT_PARSING)
    assert before.parsing == BoolParameter.IMPLICIT_PARSING
    assert BoolParameter().parsing == BoolParameter.EXPLICIT_PARSING


def test_an_unknown_way_of_parsing() -> None:
    with pytest.raises(ParameterError) as raised:
        BoolParameter(parsing="guess")._parser_kwargs("x")
    assert isinstance(raised.value, ValueError)
    assert str(raised.value) == (
        "BoolParameter cannot be parsed in the way 'guess': parsing is BoolParameter.IMPLICIT_PARSING or "
        "BoolParameter.EXPLICIT_PARSING."
    )


# Numbers within bounds -------------------------------------------------------------------------------------------


def test_only_text_is_checked_against_the_bounds() -> None:
    parameter = NumericalParameter(var_type=int, min_value=0, max_value=5)
    assert parameter.parse("0") == 0
    assert parameter.normalize(100) == 100


def test_the_bounds_are_in_the_description() -> None:
    half_open = NumericalParameter(var_type=int, min_value=0, max_value=5)
    assert half_open.description == "permitted values: int in [0, 5)"
    other = NumericalParameter(
        var_type=float,
        min_value=0,
        max_value=5,
        left_op=operator.lt,
        right_op=operator.le,
        description="A share.",
    )
    assert other.description == "A share. permitted values: float in (0, 5]"


def test_bounds_are_required() -> None:
    with pytest.raises(ParameterError) as raised:
        NumericalParameter(min_value=0)
    assert str(raised.value) == (
        "NumericalParameter needs var_type and max_value: NumericalParameter(var_type=int, min_value=0, max_value=10)."
    )


def test_optional_bounds() -> None:
    parameter: Any = OptionalNumericalParameter(var_type=int, min_value=0, max_value=5)
    assert parameter.parse("") is None
    assert parameter.parse("4") == 4
    assert parameter.expected_type is int


# Paths -----------------------------------------------------------------------------------------------------------


def test_text_becomes_a_path() -> None:
    path = Path("a/b")
    assert PathParameter().normalize("a/b") == path
    assert PathParameter().normalize(path) is path
    assert PathParameter(absolute=True).normalize("a") == Path.cwd() / "a"
    assert OptionalPathParameter().normalize(None) is None
    assert OptionalPathParameter().normalize("a/b") == path


def test_a_path_that_must_exist(tmp_path: Path) -> None:
    parameter = PathParameter(exists=True)
    assert parameter.normalize(tmp_path) == tmp_path
    with pytest.raises(InvalidValueError, match=r"^The path '/no/such' does not exist.$"):
        parameter.normalize("/no/such")


def test_what_cannot_be_a_path() -> None:
    with pytest.raises(InvalidValueError, match=r"^5 is not a path, for example data/input.csv.$"):
        PathParameter().normalize(5)


def test_an_optional_path_may_be_text() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        OptionalPathParameter()._warn_on_wrong_param_type("x", "a/b")
        OptionalPathParameter()._warn_on_wrong_param_type("x", Path("a/b"))
    with pytest.warns(OptionalParameterTypeWarning):
        OptionalPathParameter()._warn_on_wrong_param_type("x", 5)


# Optional kinds, task classes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameter", "value", "text"),
    [
        (OptionalParameter(), "a", "a"),
        (OptionalStrParameter(), "a", "a"),
        (OptionalFloatParameter(), 0.5, "0.5"),
        (OptionalBoolParameter(), True, "True"),
    ],
)
def test_optional_kinds_write_none_as_the_empty_text(parameter: Parameter[Any], value: Any, text: str) -> None:
    assert parameter._default is None
    assert parameter.serialize(None) == ""
    assert parameter.parse("") is None
    assert parameter.serialize(value) == text
    assert parameter.parse(text) == value


def test_a_task_class_is_written_as_its_family() -> None:
    from rumbo.pipeline.task import Task

    class ChosenByAnotherTask(Task):
        task_namespace = "shop"

    parameter = TaskParameter()
    assert parameter.serialize(ChosenByAnotherTask) == "shop.ChosenByAnotherTask"
    assert parameter.parse("shop.ChosenByAnotherTask") is ChosenByAnotherTask
