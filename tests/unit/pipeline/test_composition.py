"""Tasks that take parameters and requirements over from others."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

import pytest

from rumbo.pipeline import intervals
from rumbo.pipeline.composition import (
    common_params,
    copies,
    delegates,
    get_previous_completed,
    inherits,
    previous,
    requires,
)
from rumbo.pipeline.parameter import Parameter
from rumbo.pipeline.parameters.dates import (
    DateHourParameter,
    DateIntervalParameter,
    DateMinuteParameter,
    DateParameter,
    DateSecondParameter,
    MonthParameter,
)
from rumbo.pipeline.parameters.scalars import IntParameter
from rumbo.pipeline.registry import Register, get_task_cls
from rumbo.pipeline.task import Task

DAY = dt.date(2013, 7, 10)


class A(Task):
    a = IntParameter()


class B(Task):
    a = IntParameter(default=5)
    b = IntParameter(default=2)


class TestInherits:
    def test_parameters_are_taken_over_and_come_first(self) -> None:
        @inherits(A)
        class C(Task):
            c = IntParameter()

        assert C(1, 2).param_kwargs == {"a": 1, "c": 2}
        assert C.a is A.a
        assert not issubclass(C, A)

    def test_a_parameter_that_is_there_already_is_kept(self) -> None:
        @inherits(A, B)
        class C(Task):
            b = Parameter(default="own")

        assert C(a=1).param_kwargs == {"b": "own", "a": 1}
        assert C.a is A.a

    def test_parents_are_made_with_the_same_values(self) -> None:
        @inherits(A, B)
        class C(Task):
            pass

        task = C(a=1)
        assert task.clone_parent() is A(1)  # type: ignore[attr-defined]
        assert task.clone_parents() == [A(1), B(1, 2)]  # type: ignore[attr-defined]
        assert task.clone_parents(a=3) == [A(3), B(3, 2)]  # type: ignore[attr-defined]

    def test_parents_by_name(self) -> None:
        @inherits(first=A, second=B)
        class C(Task):
            pass

        assert C(a=1).clone_parents() == {"first": A(1), "second": B(1, 2)}  # type: ignore[attr-defined]
        assert not hasattr(C, "clone_parent")

    def test_nothing_to_inherit(self) -> None:
        with pytest.raises(TypeError) as caught:
            inherits()
        assert str(caught.value) == "@inherits needs at least one task class: @inherits(Extract)."

    def test_by_position_and_by_name_at_once(self) -> None:
        with pytest.raises(TypeError) as caught:
            requires(A, b=B)
        assert str(caught.value) == ("@requires takes classes either all by position or all by name, but got A, b.")


class TestRequires:
    def test_one_class_is_one_task(self) -> None:
        @requires(A)
        class C(Task):
            pass

        assert C(1).requires() is A(1)

    def test_several_classes_are_a_list(self) -> None:
        @requires(A, B)
        class C(Task):
            pass

        assert C(1, 2).requires() == [A(1), B(1, 2)]

    def test_classes_by_name_are_a_dictionary(self) -> None:
        @requires(only=A)
        class C(Task):
            pass

        assert C(1).requires() == {"only": A(1)}


class Lines:
    written: ClassVar[dict[str, str]] = {"source": "one\ntwo\n"}

    def __init__(self, name: str) -> None:
        self.name = name

    def open(self, mode: str) -> Any:
        import io

        if mode == "r":
            return io.StringIO(self.written[self.name])
        written, name = self.written, self.name

        class Writer(io.StringIO):
            def close(self) -> None:
                written[name] = self.getvalue()
                super().close()

        return Writer()


def test_copies_copies_line_by_line() -> None:
    class Source(Task):
        def output(self) -> Any:
            return Lines("source")

    @copies(Source)
    class Copy(Task):
        def output(self) -> Any:
            return Lines("copy")

    assert Copy().requires() is Source()
    Copy().run()
    assert Lines.written["copy"] == "one\ntwo\n"
    assert get_task_cls("Copy") is Copy
    assert Copy.__name__ == "Copy"


class TestDelegates:
    def test_subtasks_run_inside_the_task(self) -> None:
        ran = []

        class Part(Task):
            n = IntParameter()

            def requires(self) -> Any:
                return A(self.n)

            def run(self) -> None:
                ran.append(self.n)

        @delegates
        class Whole(Task):
            def subtasks(self) -> Any:
                return [Part(1), Part(2)]

            def requires(self) -> Any:
                return B()

            def run(self) -> None:
                ran.append("whole")

        Whole().run()
        assert ran == [1, 2, "whole"]
        assert Whole().deps() == [B(), A(1), A(2)]

    def test_without_subtasks(self) -> None:
        with pytest.raises(AttributeError) as caught:
            delegates(A)
        assert str(caught.value) == "A needs a method subtasks() that gives the tasks to delegate to."


class TestPrevious:
    @pytest.mark.parametrize(
        ("parameter", "value", "before"),
        [
            (DateParameter(), DAY, dt.date(2013, 7, 9)),
            (MonthParameter(), DAY, dt.date(2013, 6, 1)),
            (DateHourParameter(), dt.datetime(2013, 7, 10, 0), dt.datetime(2013, 7, 9, 23)),
            (DateMinuteParameter(), dt.datetime(2013, 7, 10, 0, 0), dt.datetime(2013, 7, 9, 23, 59)),
            (DateSecondParameter(), dt.datetime(2013, 7, 10), dt.datetime(2013, 7, 9, 23, 59, 59)),
            (DateIntervalParameter(), intervals.Month(2013, 7), intervals.Month(2013, 6)),
        ],
    )
    def test_one_step_earlier(self, parameter: Any, value: Any, before: Any) -> None:
        cls = Register("Timed", (Task,), {"when": parameter, "other": IntParameter(default=1)})
        assert previous(cls(value, other=4)) is cls(before, other=4)

    def test_without_a_date(self) -> None:
        with pytest.raises(NotImplementedError) as caught:
            previous(A(1))
        assert str(caught.value) == (
            "A needs exactly one parameter that is a date, moment or interval, so that there is a previous task; "
            "it has none."
        )

    def test_with_two_dates(self) -> None:
        class Two(Task):
            start = DateParameter()
            end = DateParameter()

        with pytest.raises(NotImplementedError, match=r"it has several \(start, end\)\."):
            previous(Two(DAY, DAY))

    def test_the_nearest_complete_one(self) -> None:
        class Daily(Task):
            day = DateParameter()

            def complete(self) -> bool:
                return bool(self.day.day == 5)

        assert get_previous_completed(Daily(DAY)) is Daily(dt.date(2013, 7, 5))
        assert get_previous_completed(Daily(DAY), max_steps=3) is None


def test_common_params() -> None:
    assert common_params(B(1, 3), A) == {"a": 1}
    with pytest.raises(TypeError) as caught:
        common_params(B(1, 3), A(1))  # type: ignore[arg-type]
    assert str(caught.value) == (
        "common_params needs a task and a task class, but its second argument is A(a=1). "
        "Give the class without calling it."
    )
