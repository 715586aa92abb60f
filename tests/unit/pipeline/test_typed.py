"""Tasks whose parameters are annotations."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple, Optional

import pytest

import rumbo
from rumbo.errors import MissingParameterError, ParameterError
from rumbo.pipeline import config, intervals, task, typed
from rumbo.pipeline.config import Configuration, command_line_values
from rumbo.pipeline.freezing import FrozenOrderedDict
from rumbo.pipeline.parameter import Parameter
from rumbo.pipeline.parameters.dates import DateParameter, MonthParameter
from rumbo.pipeline.parameters.scalars import IntParameter
from rumbo.pipeline.registry import load_root
from rumbo.pipeline.task import task_id_str
from rumbo.pipeline.typed import ExternalTask, Task, WrapperTask, parameter

DAY = dt.date(2013, 7, 10)


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass(frozen=True)
class Point:
    x: int
    tags: list[str] = field(default_factory=list)


class Pair(NamedTuple):
    day: dt.date
    size: float = 0.5


class Clean(Task):
    date: dt.date
    limit: int = 100


class UnmistakablyNamed(Task):
    pass


def with_annotation(annotation: Any, *default: Any) -> Any:
    body: dict[str, Any] = {"__annotations__": {"x": annotation}, "__module__": __name__}
    if default:
        body["x"] = default[0]
    return type("Sample", (Task,), body)


class TestWhatIsAParameter:
    def test_annotated_attributes_in_the_order_of_the_lines(self) -> None:
        assert [name for name, _ in Clean.get_params()] == ["date", "limit"]
        assert Clean(date=DAY).param_kwargs == {"date": DAY, "limit": 100}
        assert Clean(DAY, 3) is Clean(date=DAY, limit=3)  # type: ignore[misc]

    def test_it_has_the_id_that_luigis_style_gives(self) -> None:
        class Old(task.Task):
            date = DateParameter()
            limit = IntParameter(default=100)

        assert Clean(date=DAY).task_id == Old(DAY).task_id.replace("Old", "Clean")

    def test_what_is_not(self) -> None:
        class Sample(Task):
            x: int
            shared: ClassVar[int] = 1
            fixed: Final = 2
            bare: ClassVar = 3
            _hidden: int = 4
            priority: int = 5
            retries: ClassVar[int] = 6
            plain = 7

        assert [name for name, _ in Sample.get_params()] == ["x"]
        assert (Sample.shared, Sample.fixed, Sample.priority, Sample.retries, Sample.plain) == (1, 2, 5, 6, 7)

    def test_a_parameter_of_luigis_kind_is_kept_with_its_place(self) -> None:
        class Sample(Task):
            a: int
            b: dt.date = MonthParameter()  # type: ignore[assignment]
            c: str = "c"

        assert [name for name, _ in Sample.get_params()] == ["a", "b", "c"]
        assert Sample(a=1, b=DAY).b == dt.date(2013, 7, 1)

    def test_luigis_kind_stays_lenient(self) -> None:
        class Sample(Task):
            a = IntParameter()

        assert Sample(a="text").a == "text"  # type: ignore[call-arg]

    def test_more_can_be_said_of_a_parameter(self) -> None:
        class Sample(Task):
            a: int = parameter(default=1, significant=False, description="how many")
            month: dt.date = parameter(kind=MonthParameter, interval=3)
            must: str = parameter(positional=False)

        described = dict(Sample.get_params())["a"]
        assert (described.significant, described.description) == (False, "how many")
        made = Sample(month=DAY, must="m")
        assert made.month == dt.date(2013, 7, 1)
        assert repr(made) == "Sample(month=2013-07, must=m)"

    def test_a_derived_class_may_change_a_default_and_keeps_the_place(self) -> None:
        class Derived(Clean):
            extra: str = ""
            date: dt.date = DAY

        assert list(Derived().param_kwargs.items()) == [("date", DAY), ("limit", 100), ("extra", "")]

    def test_a_plain_attribute_of_a_derived_class_is_a_new_default(self) -> None:
        class Small(Clean):
            limit = 5

        assert Small(date=DAY).to_str_params() == {"date": "2013-07-10", "limit": "5"}
        assert Small(date=DAY, limit=7).limit == 7
        with pytest.raises(ParameterError, match=r"Wrong\.limit: the default 'x' is not a whole number"):

            class Wrong(Clean):
                limit = "x"  # type: ignore[assignment]

    def test_a_plain_attribute_fixes_a_parameter_of_luigis_kind(self) -> None:
        class Old(Task):
            limit = IntParameter(default=1)

        class Fixed(Old):
            limit = 5  # type: ignore[assignment]

        assert (Fixed().limit, Fixed().param_kwargs) == (5, {})

    def test_a_property_fixes_a_parameter(self) -> None:
        class Computed(Clean):
            @property
            def limit(self) -> int:  # type: ignore[override]
                return self.date.day

        assert Computed(date=DAY).limit == 10
        assert Computed(date=DAY).param_kwargs == {"date": DAY}

    def test_annotations_may_name_what_a_function_defines(self) -> None:
        class Local(enum.Enum):
            ONE = 1

        class Sample(Task):
            x: Local

        assert Sample.from_str_params({"x": "ONE"}).x is Local.ONE

    def test_an_attribute_may_have_the_name_of_its_type(self) -> None:
        scope: dict[str, Any] = {"__name__": __name__, "Task": Task}
        exec(
            "from datetime import date\nclass Sample(Task):\n    date: 'date' = date(2013, 7, 10)\n",
            scope,
        )
        assert scope["Sample"]().date == DAY

    def test_other_kinds_of_tasks(self) -> None:
        class Given(ExternalTask):
            x: int

        class All(WrapperTask):
            x: int

            def requires(self) -> Any:
                return Given(x=self.x)

        class settings(typed.Config):
            level: str = "info"

        assert Given(x=1).run is None
        assert isinstance(Given(x=1), task.ExternalTask)
        assert All(x=1).deps() == [Given(x=1)]
        assert settings().level == "info"

    def test_they_are_the_public_names(self) -> None:
        assert rumbo.Task is Task
        assert rumbo.parameter is parameter
        with pytest.raises(AttributeError, match="module 'rumbo' has no attribute 'Tsak'"):
            _ = rumbo.Tsak  # type: ignore[attr-defined]
        assert set(rumbo.__all__) <= set(dir(rumbo))
        assert all(hasattr(rumbo, name) for name in rumbo.__all__)


KINDS: list[tuple[Any, Any, Any, str]] = [
    # annotation, value given, value seen, text
    (str, "text", "text", "text"),
    (int, 7, 7, "7"),
    (float, 1, 1.0, "1.0"),
    (bool, True, True, "True"),
    (dt.date, DAY, DAY, "2013-07-10"),
    (dt.date, dt.datetime(2013, 7, 10), DAY, "2013-07-10"),
    (dt.datetime, dt.datetime(2013, 7, 10, 1, 2, 3, 4), dt.datetime(2013, 7, 10, 1, 2, 3), "2013-07-10T010203"),
    (dt.datetime, DAY, dt.datetime(2013, 7, 10), "2013-07-10T000000"),
    (dt.timedelta, dt.timedelta(hours=1), dt.timedelta(hours=1), "0 w 0 d 1 h 0 m 0 s"),
    (Path, "a/b", Path("a/b"), "a/b"),
    (Color, Color.RED, Color.RED, "RED"),
    (Literal["a", 3], 3, 3, "3"),
    (intervals.Month, intervals.Month(2013, 7), intervals.Month(2013, 7), "2013-07"),
    (intervals.DateInterval, intervals.Year(2013), intervals.Year(2013), "2013"),
    (type[Task], UnmistakablyNamed, UnmistakablyNamed, "UnmistakablyNamed"),
    (int | None, None, None, ""),
    (Optional[int], 7, 7, "7"),  # noqa: UP045 - the old spelling counts too
    (Color | None, Color.RED, Color.RED, "RED"),
    (list[int] | None, [1], (1,), "[1]"),
    (list[int] | None, None, None, ""),
    (Annotated[int, "metadata"], 7, 7, "7"),
    (list[int], [1, 2], (1, 2), "[1, 2]"),
    (list, [1, "a", [None]], (1, "a", (None,)), '[1, "a", [null]]'),
    (tuple[dt.date, ...], [DAY], (DAY,), '["2013-07-10"]'),
    (tuple[int, str], [1, "a"], (1, "a"), '[1, "a"]'),
    (Sequence[float], (1, 2), (1.0, 2.0), "[1.0, 2.0]"),
    (set[str], {"b", "a"}, frozenset("ab"), '["a", "b"]'),
    (frozenset[int], [1], frozenset([1]), "[1]"),
    (dict[str, int], {"a": 1}, FrozenOrderedDict(a=1), '{"a": 1}'),
    (Mapping[str, Any], {"a": [1]}, FrozenOrderedDict(a=(1,)), '{"a": [1]}'),
    (dict[str, list[Color]], {"a": [Color.RED]}, FrozenOrderedDict(a=(Color.RED,)), '{"a": ["RED"]}'),
    (Point, Point(1, ["a"]), Point(1, ("a",)), '{"x": 1, "tags": ["a"]}'),  # type: ignore[arg-type]
    (Pair, Pair(DAY), Pair(DAY, 0.5), '{"day": "2013-07-10", "size": 0.5}'),
    (list[Pair], [Pair(DAY)], (Pair(DAY, 0.5),), '[{"day": "2013-07-10", "size": 0.5}]'),
]


@pytest.mark.parametrize(("annotation", "given", "seen", "text"), KINDS, ids=[str(kind[0]) for kind in KINDS])
def test_values_and_their_texts(annotation: Any, given: Any, seen: Any, text: str) -> None:
    cls = with_annotation(annotation)
    made = cls(x=given)
    assert made.x == seen
    assert type(made.x) is type(seen)
    assert made.to_str_params() == {"x": text}
    assert cls.from_str_params({"x": text}) is made
    assert made.task_id == task_id_str("Sample", {"x": text})


def test_an_optional_value_is_none_when_nothing_is_given() -> None:
    assert with_annotation(int | None)().x is None
    assert with_annotation(list[int] | None)().x is None


def test_a_truth_value_without_a_default_must_be_given() -> None:
    cls = with_annotation(bool)
    with pytest.raises(MissingParameterError):
        cls()
    assert load_root("Sample", {"x": True}).param_kwargs == {"x": True}
    assert cls.from_str_params({"x": "false"}).x is False


def test_any_form_of_iso_is_a_moment() -> None:
    cls = with_annotation(dt.datetime)
    assert cls.from_str_params({"x": "2013-07-10 19:07"}).x == dt.datetime(2013, 7, 10, 19, 7)
    assert cls.from_str_params({"x": "2013-07-10T190738"}).x == dt.datetime(2013, 7, 10, 19, 7, 38)


def test_defaults_are_frozen() -> None:
    assert with_annotation(list[int], [1])().x == (1,)


def test_files_and_command_line_fill_annotated_parameters() -> None:
    class Filled(Task):
        days: list[dt.date]
        limit: int = 1

    configuration = Configuration()
    configuration.set("Filled", "days", [DAY])
    before = config.use(configuration)
    try:
        with command_line_values({("Filled", "limit"): "7"}):
            assert Filled().param_kwargs == {"days": (DAY,), "limit": 7}  # type: ignore[call-arg]
    finally:
        config.use(before)


WRONG: list[tuple[Any, Any, str]] = [
    (str, 7, '7 is not text, for example "abc".'),
    (int, "7", "'7' is not a whole number, for example 42."),
    (int, True, "True is not a whole number, for example 42."),
    (int, 1.5, "1.5 is not a whole number, for example 42."),
    (float, "1", "'1' is not a number, for example 0.5."),
    (bool, "yes", "'yes' is not a truth value, True or False."),
    (dt.date, "2013-07-10", "'2013-07-10' is not a date, for example datetime.date(2013, 7, 10)."),
    (
        dt.date,
        dt.datetime(2013, 7, 10, 1),
        "datetime.datetime(2013, 7, 10, 1, 0) is not a date without a time; give its .date().",
    ),
    (
        dt.datetime,
        dt.datetime(2013, 7, 10, tzinfo=dt.UTC),
        "datetime.datetime(2013, 7, 10, 0, 0, tzinfo=datetime.timezone.utc) is not a moment without a time zone; "
        "give it as UTC with .replace(tzinfo=None).",
    ),
    (dt.datetime, 7, "7 is not a moment, for example datetime.datetime(2013, 7, 10, 19, 7, 38)."),
    (dt.timedelta, 7, "7 is not a length of time, for example datetime.timedelta(hours=1)."),
    (Path, 7, "7 is not a path, for example data/input.csv."),
    (Color, "RED", "'RED' is not a member of Color: Color.RED or Color.BLUE."),
    (Literal["a", 1], True, "True is not one of 'a', 1."),
    (intervals.Month, intervals.Year(2013), "2013 is not an interval of the kind Month."),
    (type[Task], "Clean", "'Clean' is not a task class."),
    (list[int], "12", "'12' is not a tuple or a list."),
    (list[int], ["1"], "'1' is not a whole number, for example 42 (item 1)."),
    (tuple[int, str], [1], "[1] is not a tuple of 2 items."),
    (dict[str, int], [1], "[1] is not a dictionary."),
    (Point, {"x": 1}, "{'x': 1} is not an instance of Point."),
    (dt.date, None, "None is not a date, for example datetime.date(2013, 7, 10)."),
]


@pytest.mark.parametrize(("annotation", "value", "problem"), WRONG, ids=[case[2] for case in WRONG])
def test_a_value_of_another_type(annotation: Any, value: Any, problem: str) -> None:
    with pytest.raises(ParameterError) as caught:
        with_annotation(annotation)(x=value)
    assert str(caught.value) == f"Sample.x: {problem} It was given to the constructor."


class TestErrorsOfAClass:
    def test_a_type_that_cannot_be_a_parameter(self) -> None:
        class Frame:
            pass

        with pytest.raises(ParameterError) as caught:

            class Sample(Task):
                x: Frame

        assert str(caught.value) == (
            f"{Sample_name()}.x: Frame cannot be a parameter, since there is no way to write Frame as text. If it is "
            "none, annotate it as ClassVar[Frame]; if it is one, say how its values are written: "
            "x: Frame = parameter(kind=...) with a Parameter class."
        )

    @pytest.mark.parametrize(
        ("annotation", "text", "reason"),
        [
            (int | str, "int | str", "a text could mean any of int, str"),
            (list[complex], "list[complex]", "there is no way to write complex as text"),
            (dict[Point, int], None, "JSON cannot have keys that are Point"),
            (Any, "Any", "there is no way to write Any as text"),
        ],
    )
    def test_others(self, annotation: Any, text: str | None, reason: str) -> None:
        with pytest.raises(ParameterError) as caught:
            with_annotation(annotation)
        assert f"cannot be a parameter, since {reason}. If it is none, annotate it as ClassVar[" in str(caught.value)
        if text:
            assert str(caught.value).startswith(f"Sample.x: {text} cannot")

    def test_a_record_that_can_be_changed(self) -> None:
        @dataclass
        class Loose:
            x: int

        with pytest.raises(ParameterError, match=r"write @dataclass\(frozen=True\) above it"):
            with_annotation(Loose)

    def test_an_annotation_that_names_nothing(self) -> None:
        with pytest.raises(ParameterError) as caught:
            with_annotation("Nothing | None")
        assert isinstance(caught.value, TypeError)
        assert str(caught.value) == (
            "Sample.x: the annotation 'Nothing | None' cannot be understood: name 'Nothing' is not defined. What a "
            "parameter's annotation names must be imported when the program runs, not only under TYPE_CHECKING."
        )

    def test_the_name_of_a_method(self) -> None:
        with pytest.raises(ParameterError) as caught:

            class Sample(Task):
                input: str

        assert str(caught.value) == (
            f"{Sample_name()}.input cannot be a parameter: input is a method of every task. "
            "Give the parameter another name."
        )

    def test_a_default_of_another_type(self) -> None:
        with pytest.raises(ParameterError) as caught:
            with_annotation(int, "7")
        assert str(caught.value) == "Sample.x: the default '7' is not a whole number, for example 42."

    def test_a_default_of_none(self) -> None:
        with pytest.raises(ParameterError) as caught:
            with_annotation("int", None)
        assert str(caught.value) == (
            "Sample.x: the default None is not a whole number, for example 42. Annotate it as int | None."
        )


def Sample_name() -> str:
    """The qualified name of a class Sample in the calling test."""
    import sys

    return f"{sys._getframe(1).f_code.co_qualname}.<locals>.Sample"


def test_a_kind_of_a_programs_own() -> None:
    class Upper(Parameter[str]):
        def normalize(self, value: Any) -> str:
            return str(value).upper()

    class Sample(Task):
        x: str = parameter(kind=Upper, default="a")

    assert Sample().x == "A"
    assert Sample(x="b").x == "B"


def test_a_private_value_is_not_printed() -> None:
    from rumbo.pipeline.parameter import ParameterVisibility

    class Login(Task):
        user: str
        password: str = parameter(visibility=ParameterVisibility.PRIVATE)

    assert repr(Login(user="ana", password="hunter2")) == "Login(user=ana, password=***)"
