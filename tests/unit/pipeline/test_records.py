from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Mapping  # noqa: TC003 - a field's type, which is looked up
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rumbo.errors import ParameterError
from rumbo.pipeline.parameter import InvalidValueError, Parameter
from rumbo.pipeline.parameters.records import RecordParameter
from rumbo.pipeline.parameters.scalars import IntParameter

# A loaded machine must not fail a property, and a property must not hold up the suite.
quick = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])


class Model(enum.Enum):
    HONDA = 1
    VOLVO = 2


class Place(NamedTuple):
    name: str
    latitude: float = 0.0


@dataclasses.dataclass(frozen=True)
class Trip:
    day: dt.date
    model: Model
    log: Path
    stops: tuple[Place, ...] = ()
    limits: Mapping[str, int] = dataclasses.field(default_factory=dict)
    note: str | None = None


PLACES = st.builds(Place, st.text(), st.floats(allow_nan=False))
TRIPS = st.builds(
    Trip,
    st.dates(dt.date(1000, 1, 1)),
    st.sampled_from(Model),
    st.sampled_from([Path("a/b"), Path("/c")]),
    st.lists(PLACES, max_size=3).map(tuple),
    st.dictionaries(st.text(), st.integers(), max_size=3),
    st.one_of(st.none(), st.text()),
)


@quick
@given(TRIPS)
def test_dataclasses_survive_as_text(trip: Trip) -> None:
    parameter = RecordParameter(Trip)
    value = parameter.normalize(trip)
    again = parameter.normalize(parameter.parse(parameter.serialize(value)))
    assert again == value == trip
    assert hash(again) == hash(value)


@quick
@given(PLACES)
def test_named_tuples_survive_as_text(place: Place) -> None:
    parameter = RecordParameter(Place)
    again = parameter.parse(parameter.serialize(place))
    assert type(again) is Place
    assert again == place


def test_a_record_is_written_as_json_without_nested_quotes() -> None:
    trip = Trip(dt.date(2013, 7, 10), Model.VOLVO, Path("a/b"), (Place("Lima", -12.0),), {"km": 5})
    assert RecordParameter(Trip).serialize(trip) == (
        '{"day": "2013-07-10", "model": "VOLVO", "log": "a/b", '
        '"stops": [{"name": "Lima", "latitude": -12.0}], "limits": {"km": 5}, "note": null}'
    )


def test_fields_with_defaults_may_be_left_out() -> None:
    assert RecordParameter(Place).parse('{"name": "Lima"}') == Place("Lima")


def test_the_value_is_the_instance_itself() -> None:
    place = Place("Lima", 1.0)
    assert RecordParameter(Place).normalize(place) is place


def test_fields_are_normalized_as_their_types_ask() -> None:
    place: Any = Place("Lima", 1)
    trip: Any = Trip(dt.date(2013, 7, 10), Model.HONDA, "a/b", [place])  # type: ignore[arg-type]
    value = RecordParameter(Trip).normalize(trip)
    assert value.log == Path("a/b")
    assert value.stops == (place,)
    assert type(RecordParameter(Place).normalize(place).latitude) is float
    hash(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Lima", """'Lima' is not a JSON object {"name": ..., "latitude": ...}."""),
        ("[1]", """[1] is not a JSON object {"name": ..., "latitude": ...}."""),
        (
            '{"nme": "Lima"}',
            """{'nme': 'Lima'} is not a JSON object {"name": ..., "latitude": ...}: there is no field 'nme'.""",
        ),
        (
            '{"name": "Lima", "latitude": "south"}',
            "'south' is not a number, for example 0.5, -7 or 1e-3 (field latitude).",
        ),
        (
            '{"latitude": 1}',
            """{'latitude': 1} is not a JSON object {"name": ..., "latitude": ...}: it needs the field 'name'.""",
        ),
    ],
)
def test_text_that_cannot_be_understood(text: str, message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        RecordParameter(Place).parse(text)
    assert str(raised.value) == message


def test_a_check_of_the_class_itself_is_heard() -> None:
    with pytest.raises(InvalidValueError) as raised:
        RecordParameter(Share).parse('{"part": 7}')
    assert str(raised.value) == """{'part': 7} is not a JSON object {"part": ...}: a part is at most 1."""


@dataclasses.dataclass(frozen=True)
class Share:
    part: float
    half: float = dataclasses.field(init=False, default=0.0)

    def __post_init__(self) -> None:
        if self.part > 1:
            raise ValueError("a part is at most 1")


class Landmark(Place):
    pass


@pytest.mark.parametrize("value", ["Lima", ("Lima", 1.0), {"name": "Lima"}, Landmark("Lima")], ids=repr)
def test_a_program_must_give_an_instance_of_the_very_class(value: Any) -> None:
    with pytest.raises(InvalidValueError) as raised:
        RecordParameter(Place).normalize(value)
    assert str(raised.value) == f"{value!r} is not an instance of Place."


@dataclasses.dataclass
class Changing:
    x: int


@dataclasses.dataclass(frozen=True, eq=False)
class Alike:
    x: int


@pytest.mark.parametrize("record", [Changing, Alike])
def test_instances_that_cannot_be_part_of_an_identity(record: type[Any]) -> None:
    with pytest.raises(ParameterError) as raised:
        RecordParameter(record)
    assert str(raised.value) == (
        f"{record.__name__} cannot be a parameter's type, since its instances can change or do not compare by "
        "their fields: write @dataclass(frozen=True) above it."
    )


def test_a_class_that_is_no_record() -> None:
    with pytest.raises(ParameterError) as raised:
        RecordParameter(Path)
    assert str(raised.value) == "Path cannot be a parameter's type: it is neither a dataclass nor a NamedTuple."


class Odd(NamedTuple):
    thing: complex


class Lost(NamedTuple):
    thing: NoSuchType  # type: ignore[name-defined]  # noqa: F821


def test_a_field_that_cannot_be_written() -> None:
    with pytest.raises(ParameterError) as raised:
        RecordParameter(Odd).serialize(Odd(1j))
    assert str(raised.value) == ("The field's type complex cannot be used: there is no way to write complex as text.")


def test_a_field_whose_type_is_not_there() -> None:
    with pytest.raises(ParameterError) as raised:
        RecordParameter(Lost).serialize(Lost(1))
    assert str(raised.value) == (
        "The fields of Lost cannot be understood: name 'NoSuchType' is not defined. Define that type in the module, "
        "not in a function or under TYPE_CHECKING."
    )


def test_fields_may_be_resolved_by_somebody_else() -> None:
    asked: list[Any] = []

    def resolve(annotation: Any) -> Parameter[Any]:
        asked.append(annotation)
        return IntParameter()

    parameter = RecordParameter(Place, resolve=resolve)
    assert asked == []
    assert parameter.parse('{"name": 1, "latitude": 2}') == (1, 2)
    assert asked == [str, float]
