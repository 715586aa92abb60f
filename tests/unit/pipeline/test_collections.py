from __future__ import annotations

import datetime as dt
import json
import sys
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rumbo.errors import ParameterError
from rumbo.pipeline.freezing import FrozenOrderedDict, recursively_freeze
from rumbo.pipeline.parameter import InvalidValueError, OptionalParameterMixin, Parameter
from rumbo.pipeline.parameters.choices import EnumParameter
from rumbo.pipeline.parameters.collections import (
    DictParameter,
    FixedSequenceParameter,
    ListParameter,
    MappingParameter,
    NullableParameter,
    OptionalDictParameter,
    OptionalListParameter,
    OptionalTupleParameter,
    SequenceParameter,
    SetParameter,
    TupleParameter,
    _DictParamEncoder,
)
from rumbo.pipeline.parameters.dates import DateParameter
from rumbo.pipeline.parameters.scalars import (
    BoolParameter,
    FloatParameter,
    IntParameter,
    OptionalStrParameter,
    StrParameter,
)

# A loaded machine must not fail a property, and a property must not hold up the suite.
quick = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)


@quick
@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_mappings_survive_as_text(value: dict[str, Any]) -> None:
    parameter = DictParameter()
    frozen = parameter.normalize(value)
    again = parameter.normalize(parameter.parse(parameter.serialize(frozen)))
    assert again == frozen
    assert list(again) == list(value)
    assert hash(again) == hash(frozen)


@quick
@given(st.lists(JSON, max_size=4))
def test_lists_survive_as_text(value: list[Any]) -> None:
    parameter = ListParameter()
    frozen = parameter.normalize(value)
    assert type(frozen) is tuple
    assert parameter.normalize(parameter.parse(parameter.serialize(frozen))) == frozen


@quick
@given(st.lists(st.one_of(st.lists(st.integers()), st.integers(), st.booleans(), st.none()), max_size=4))
def test_tuples_survive_as_text(value: list[Any]) -> None:
    parameter = TupleParameter()
    frozen = parameter.normalize(value)
    assert parameter.normalize(parameter.parse(parameter.serialize(frozen))) == frozen


def test_values_are_written_with_their_keys_in_the_order_given() -> None:
    assert DictParameter().serialize(recursively_freeze({"b": 1, "a": [1, {"c": None}]})) == (
        '{"b": 1, "a": [1, {"c": null}]}'
    )
    assert ListParameter().serialize((1, ("a", True))) == '[1, ["a", true]]'


def test_a_frozen_value_is_not_frozen_again() -> None:
    value = DictParameter().normalize({"a": [1]})
    assert DictParameter().normalize(value) is value


def test_the_encoder_that_programs_use() -> None:
    assert json.dumps(recursively_freeze({"a": {"b": 1}}), cls=_DictParamEncoder) == '{"a": {"b": 1}}'


def test_tuples_are_read_in_both_languages() -> None:
    nested = ((1, 2), (3, 4))
    assert TupleParameter().parse("((1, 2), (3, 4))") == nested
    assert TupleParameter().parse("[[1, 2], [3, 4]]") == nested
    assert TupleParameter().parse("('a', 'b')") == ("a", "b")
    assert TupleParameter().parse('["a", true, null]') == ("a", True, None)


def test_collections_of_toml_files_are_collections_already() -> None:
    assert DictParameter().parse({"a": 1}) == {"a": 1}
    assert ListParameter().parse([1, 2]) == [1, 2]
    assert TupleParameter().parse([1, 2]) == (1, 2)
    assert SequenceParameter(DateParameter()).parse([dt.date(2013, 7, 10)]) == (dt.date(2013, 7, 10),)


@pytest.mark.parametrize(
    ("parameter", "text", "message"),
    [
        (DictParameter(), "a=1", '\'a=1\' is not a JSON object, for example {"role": "web"}.'),
        (ListParameter(), "1,2", "'1,2' is not a JSON array, for example [100, 70]."),
        (ListParameter(), "5", "'5' is not a JSON array, for example [100, 70]."),
        (
            TupleParameter(),
            '("abcd")',
            "'(\"abcd\")' is not a tuple, for example (1, 2), ((1, 2), (3, 4)) or [[1, 2], [3, 4]].",
        ),
        (
            TupleParameter(),
            "((1,",
            "'((1,' is not a tuple, for example (1, 2), ((1, 2), (3, 4)) or [[1, 2], [3, 4]].",
        ),
        (
            SequenceParameter(IntParameter()),
            "1,2",
            '\'1,2\' is not a JSON array, for example ["one", "two"] or [1, 2].',
        ),
        (
            SequenceParameter(IntParameter()),
            '{"a": 1}',
            '{\'a\': 1} is not a JSON array, for example ["one", "two"] or [1, 2].',
        ),
        (
            SequenceParameter(IntParameter()),
            '[1, "x"]',
            "'x' is not a whole number, for example 42 or -7 (item 2).",
        ),
        (SequenceParameter(StrParameter()), "[5]", "5 is not text in quotes (item 1)."),
        (SequenceParameter(IntParameter()), "[null]", "None is not a whole number, for example 42 or -7 (item 1)."),
        (FixedSequenceParameter([IntParameter(), StrParameter()]), "[1]", "[1] is not a JSON array of 2 items."),
        (
            MappingParameter(StrParameter(), IntParameter()),
            '{"a": "b"}',
            "'b' is not a whole number, for example 42 or -7 (under 'a').",
        ),
        (
            MappingParameter(IntParameter(), IntParameter()),
            '{"a": 1}',
            "'a' is not a whole number, for example 42 or -7 (key 'a').",
        ),
        (
            MappingParameter(StrParameter(), IntParameter()),
            "[1]",
            '[1] is not a JSON object, for example {"one": 1}.',
        ),
    ],
)
def test_text_that_cannot_be_understood(parameter: Parameter[Any], text: str, message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        parameter.parse(text)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        (SequenceParameter(IntParameter()), "abc", "'abc' is not a tuple or a list."),
        (SequenceParameter(IntParameter()), {1}, "{1} is not a tuple or a list."),
        (
            SequenceParameter(DateParameter()),
            [5],
            "5 is not a datetime.date, for example datetime.date(2013, 7, 10) (item 1).",
        ),
        (SetParameter(IntParameter()), "abc", "'abc' is not a set or a list."),
        (FixedSequenceParameter([IntParameter()]), (1, 2), "(1, 2) is not a tuple of 1 items."),
        (MappingParameter(StrParameter(), IntParameter()), [1], "[1] is not a dictionary."),
    ],
)
def test_a_program_must_give_the_right_collection(parameter: Parameter[Any], value: Any, message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        parameter.normalize(value)
    assert str(raised.value) == message


def test_what_json_cannot_write() -> None:
    with pytest.raises(ParameterError) as raised:
        DictParameter().serialize(recursively_freeze({"when": dt.date(2013, 7, 10)}))
    assert isinstance(raised.value, TypeError)
    assert str(raised.value) == (
        "datetime.date(2013, 7, 10) (a date) cannot be written as JSON: give text, numbers, true, false, None, "
        "and lists and dictionaries of them."
    )


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (OptionalDictParameter(), '{"a": 1}', FrozenOrderedDict(a=1)),
        (OptionalListParameter(), "[1]", (1,)),
        (OptionalTupleParameter(), "(1, 2)", (1, 2)),
    ],
)
def test_optional_collections(parameter: Parameter[Any], text: str, value: Any) -> None:
    assert parameter._default is None
    assert parameter.parse("") is None
    assert parameter.serialize(None) == ""
    assert parameter.normalize(None) is None
    assert parameter.normalize(parameter.parse(text)) == value


# Schemas ---------------------------------------------------------------------------------------------------------

WORDS = {"type": "object", "patternProperties": {".*": {"type": "string"}}}


@pytest.mark.parametrize("schema", [WORDS, jsonschema.Draft7Validator(WORDS)], ids=["schema", "validator"])
def test_a_value_must_follow_the_schema(schema: Any) -> None:
    parameter = DictParameter(schema=schema)
    assert parameter.normalize({"a": "b"}) == {"a": "b"}
    assert parameter.normalize(FrozenOrderedDict(a="b")) == {"a": "b"}
    with pytest.raises(InvalidValueError) as raised:
        parameter.normalize({"a": 5})
    assert str(raised.value) == "{'a': 5} is not what the schema allows: 5 is not of type 'string'."
    assert isinstance(raised.value, jsonschema.ValidationError)
    assert raised.value.validator == "type"
    assert list(raised.value.path) == ["a"]
    assert raised.value in {raised.value}


def test_lists_have_schemas_too() -> None:
    parameter = ListParameter(schema={"type": "array", "minItems": 1})
    assert parameter.normalize([1]) == (1,)
    with pytest.raises(InvalidValueError):
        parameter.normalize([])


def test_a_schema_without_the_library_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "jsonschema")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.warns(
        UserWarning,
        match="^A parameter has a schema, but no value is checked against it, since jsonschema is not installed: "
        r"pip install 'rumbo\[schema\]'$",
    ):
        parameter = DictParameter(schema=WORDS)
    assert parameter.schema is None
    assert parameter.normalize({"a": 5}) == {"a": 5}


# Collections of elements with a parameter of their own -------------------------------------------------------------


@quick
@given(st.lists(st.dates(dt.date(1000, 1, 1))))
def test_sequences_survive_as_text(value: list[dt.date]) -> None:
    parameter = SequenceParameter(DateParameter())
    assert parameter.parse(parameter.serialize(value)) == tuple(value) == parameter.normalize(value)


@quick
@given(st.lists(st.tuples(st.text(), st.integers(), st.floats(allow_nan=False), st.booleans())))
def test_nested_sequences_survive_as_text(value: list[Any]) -> None:
    inner = FixedSequenceParameter([StrParameter(), IntParameter(), FloatParameter(), BoolParameter()])
    parameter = SequenceParameter(inner)
    assert parameter.parse(parameter.serialize(value)) == tuple(value)


@quick
@given(st.frozensets(st.integers()))
def test_sets_survive_as_text(value: frozenset[int]) -> None:
    parameter = SetParameter(IntParameter())
    assert parameter.parse(parameter.serialize(value)) == value == parameter.normalize(set(value))


@quick
@given(st.dictionaries(st.dates(dt.date(1000, 1, 1)), st.lists(st.integers())))
def test_typed_mappings_survive_as_text(value: dict[dt.date, list[int]]) -> None:
    parameter = MappingParameter(DateParameter(), SequenceParameter(IntParameter()))
    frozen = parameter.normalize(value)
    assert parameter.parse(parameter.serialize(frozen)) == frozen
    assert hash(parameter.parse(parameter.serialize(frozen))) == hash(frozen)


@quick
@given(st.lists(st.one_of(st.none(), st.text())))
def test_none_and_the_empty_text_are_two_things_inside_json(value: list[str | None]) -> None:
    elements: tuple[Parameter[Any], ...] = (NullableParameter(StrParameter()), OptionalStrParameter())
    for element in elements:
        parameter = SequenceParameter(element)
        assert parameter.parse(parameter.serialize(value)) == tuple(value)


@quick
@given(st.lists(st.dictionaries(st.text(), JSON, max_size=2), max_size=3))
def test_untyped_collections_inside_typed_ones_survive(value: list[Any]) -> None:
    parameter = SequenceParameter(DictParameter())
    frozen = parameter.normalize(value)
    assert parameter.normalize(parameter.parse(parameter.serialize(frozen))) == frozen


def test_elements_stand_in_json_as_what_they_are() -> None:
    assert SequenceParameter(IntParameter()).serialize((1, 2)) == "[1, 2]"
    assert SequenceParameter(BoolParameter()).serialize((True,)) == "[true]"
    assert SequenceParameter(DateParameter()).serialize((dt.date(2013, 7, 10),)) == '["2013-07-10"]'
    assert SetParameter(IntParameter()).serialize(frozenset({3, 1})) == "[1, 3]"
    assert MappingParameter(StrParameter(), FloatParameter()).serialize({"b": 1.5, "a": 2.0}) == (
        '{"a": 2.0, "b": 1.5}'
    )


def test_equal_mappings_are_the_same_text() -> None:
    parameter = MappingParameter(StrParameter(), IntParameter())
    assert parameter.serialize({"a": 1, "b": 2}) == parameter.serialize({"b": 2, "a": 1})


def test_numbers_may_be_written_with_quotes() -> None:
    assert SequenceParameter(IntParameter()).parse('["1", 2]') == (1, 2)
    assert SequenceParameter(FloatParameter()).parse("[1, 2.5]") == (1.0, 2.5)


def test_a_kind_with_texts_of_its_own_keeps_them_inside_json() -> None:
    class Hexadecimal(IntParameter):
        def parse(self, text: str) -> int:
            return int(text, 16)

        def serialize(self, value: int) -> str:
            return hex(value)

    parameter = SequenceParameter(Hexadecimal())
    assert parameter.serialize((255,)) == '["0xff"]'
    assert parameter.parse('["0xff"]') == (255,)
    with pytest.raises(InvalidValueError) as raised:
        parameter.parse('["g"]')
    assert str(raised.value) == (
        "'g' is not understood by Hexadecimal: invalid literal for int() with base 16: 'g' (item 1)."
    )


def test_a_tuple_of_plain_values_is_taken_as_it_is() -> None:
    value = (1, 2)
    assert SequenceParameter(IntParameter()).normalize(value) is value


def test_a_nullable_value() -> None:
    parameter = NullableParameter(SequenceParameter(IntParameter()))
    assert parameter._default is None
    assert parameter.parse("") is None
    assert parameter.serialize(None) == ""
    assert parameter.normalize(None) is None
    assert parameter.parse("[1]") == (1,)
    assert parameter.serialize((1,)) == "[1]"
    assert parameter.normalize([1]) == (1,)


def test_an_optional_element_that_is_not_text() -> None:
    import enum

    Model = enum.Enum("Model", "HONDA VOLVO")

    class OptionalEnum(OptionalParameterMixin[Any], EnumParameter[Any]):
        expected_type = Model

    parameter = SequenceParameter(OptionalEnum(enum=Model))
    value = (Model.HONDA, None)
    assert parameter.serialize(value) == '["HONDA", null]'
    assert parameter.parse(parameter.serialize(value)) == value
