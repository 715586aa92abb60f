from __future__ import annotations

import enum
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rumbo.errors import ParameterError
from rumbo.pipeline.parameter import InvalidValueError, Parameter
from rumbo.pipeline.parameters.choices import (
    ChoiceListParameter,
    ChoiceParameter,
    EnumListParameter,
    EnumParameter,
    LiteralParameter,
    OptionalChoiceParameter,
)

# A loaded machine must not fail a property, and a property must not hold up the suite.
quick = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])


class Model(enum.Enum):
    HONDA = 1
    VOLVO = 2


@pytest.mark.parametrize(
    ("parameter", "text", "message"),
    [
        (ChoiceParameter(choices=["b", "a"]), "c", "'c' is not one of b, a."),
        (ChoiceParameter(choices=[1, 2], var_type=int), "x", "'x' is not one of 1, 2."),
        (ChoiceListParameter(choices=["a", "b"]), "a,c", "'c' is not one of a, b."),
        (EnumParameter(enum=Model), "FIAT", "'FIAT' is not one of HONDA, VOLVO."),
        (
            EnumListParameter(enum=Model),
            "HONDA,FIAT",
            "'FIAT' is not one of HONDA, VOLVO (it is number 2 of the list 'HONDA,FIAT').",
        ),
        (LiteralParameter(["a", 1]), "b", "'b' is not one of a, 1."),
    ],
)
def test_text_that_is_no_choice(parameter: Parameter[Any], text: str, message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        parameter.parse(text)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        (ChoiceParameter(choices=["a", "b"]), "c", "'c' is not one of a, b."),
        (ChoiceParameter(choices=["a", "b"]), [], "[] is not one of a, b."),
        (ChoiceListParameter(choices=["a", "b"]), 5, "5 is not a list of choices, each one of a, b."),
        (LiteralParameter(["a", 1]), True, "True is not one of 'a', 1."),
    ],
)
def test_a_program_must_give_a_choice_too(parameter: Parameter[Any], value: Any, message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        parameter.normalize(value)
    assert str(raised.value) == message


@quick
@given(st.lists(st.sampled_from(["a", "b c", "ñ"])))
def test_lists_of_choices_survive_as_text(values: list[str]) -> None:
    parameter = ChoiceListParameter(choices=["a", "b c", "ñ"])
    assert parameter.parse(parameter.serialize(values)) == tuple(values)


@quick
@given(st.lists(st.sampled_from([1, 20])))
def test_lists_of_numbers_survive_as_text(values: list[int]) -> None:
    parameter = ChoiceListParameter(choices=[1, 20], var_type=int)
    assert parameter.parse(parameter.serialize(values)) == tuple(values)


@quick
@given(st.lists(st.sampled_from(Model)))
def test_lists_of_members_survive_as_text(values: list[Model]) -> None:
    parameter = EnumListParameter(enum=Model)
    assert parameter.parse(parameter.serialize(values)) == tuple(values)


@quick
@given(st.sampled_from(["a", 1, 2.5, True, None, Model.HONDA]))
def test_literals_survive_as_text(value: Any) -> None:
    parameter = LiteralParameter(["a", 1, 2.5, True, None, Model.HONDA])
    again = parameter.parse(parameter.serialize(value))
    assert again is value or (again == value and type(again) is type(value))
    assert parameter.normalize(value) is value


def test_members_are_written_by_name() -> None:
    assert EnumParameter(enum=Model).serialize(Model.VOLVO) == "VOLVO"
    assert EnumParameter(enum=Model).parse("VOLVO") is Model.VOLVO
    with pytest.raises(InvalidValueError):
        EnumParameter(enum=Model).parse([])  # type: ignore[arg-type]


def test_choices_are_in_the_description_in_their_order() -> None:
    assert ChoiceParameter(choices=["b", "a", "b"]).description == "Choices: {b, a}"
    assert ChoiceParameter(choices=["a"], description="Which.").description == "Which. Choices: {a}"
    assert ChoiceParameter(choices=["b", "a"])._choices == {"a", "b"}


def test_choices_are_of_one_type() -> None:
    with pytest.raises(ParameterError) as raised:
        ChoiceParameter(choices=[1, "2"], var_type=int)  # type: ignore[list-item]
    assert isinstance(raised.value, AssertionError)
    assert str(raised.value) == (
        "The choice '2' is not exactly of type int, so text could never become it: "
        "give var_type the type that all choices have."
    )


def test_what_to_choose_from_is_required() -> None:
    with pytest.raises(
        ParameterError, match=r'^ChoiceParameter needs its choices: ChoiceParameter\(choices=\["small", "large"\]\).$'
    ):
        ChoiceParameter()
    for kind in (EnumParameter, EnumListParameter):
        with pytest.raises(ParameterError) as raised:
            kind()
        assert str(raised.value) == f"{kind.__name__} needs its enumeration: {kind.__name__}(enum=Color)."


def test_literals_that_are_written_alike() -> None:
    with pytest.raises(ParameterError) as raised:
        LiteralParameter([1, "1"])
    assert str(raised.value) == (
        "Two values, 1 and '1', are both written '1', so text cannot tell them apart: leave one of them out."
    )


def test_an_optional_choice() -> None:
    parameter: Any = OptionalChoiceParameter(choices=[1, 2], var_type=int)
    assert parameter._default is None
    assert parameter.parse("") is None
    assert parameter.parse("2") == 2
    assert parameter.normalize(None) is None
    assert parameter.serialize(None) == ""
    assert parameter.expected_type is int
