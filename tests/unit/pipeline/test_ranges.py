"""Ranges: which instances they require, and how they find out what is missing."""

from __future__ import annotations

import calendar
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from rumbo.errors import ParameterError
from rumbo.pipeline import local, ranges
from rumbo.pipeline.local import LocalTarget
from rumbo.pipeline.memory import MemoryFileSystem, MemoryTarget
from rumbo.pipeline.parameter import Parameter
from rumbo.pipeline.parameters.dates import DateHourParameter, DateMinuteParameter, DateParameter, MonthParameter
from rumbo.pipeline.ranges import (
    RangeBase,
    RangeByMinutes,
    RangeDaily,
    RangeDailyBase,
    RangeEvent,
    RangeHourly,
    RangeMonthly,
    _constrain_glob,
    _get_filesystems_and_globs,
)
from rumbo.pipeline.registry import Register
from rumbo.pipeline.target import Target
from rumbo.pipeline.task import MixinNaiveBulkComplete, Task, WrapperTask

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    registry, events = Register._get_reg(), {key: dict(value) for key, value in Task._event_callbacks.items()}
    MemoryFileSystem().clear()
    yield
    MemoryFileSystem().clear()
    Register._set_reg(registry)
    Register.clear_instance_cache()
    Task._event_callbacks.clear()
    Task._event_callbacks.update(events)


def at(*parts: int) -> int:
    """Seconds since the epoch of a time in UTC."""
    return calendar.timegm(dt.datetime(*parts).timetuple())  # type: ignore[arg-type]


def day(number: int, month: int = 1) -> dt.date:
    return dt.date(2014, month, number)


class Daily(MixinNaiveBulkComplete, Task):
    date = DateParameter()
    other = Parameter(default="x")
    done: set[Any] = set()

    def complete(self) -> bool:
        return self.date in self.done


class Hourly(MixinNaiveBulkComplete, Task):
    hour = DateHourParameter()

    def complete(self) -> bool:
        return False


class ByMinutes(MixinNaiveBulkComplete, Task):
    minute = DateMinuteParameter()

    def complete(self) -> bool:
        return False


class Monthly(Task):
    month = MonthParameter()

    def complete(self) -> bool:
        return self.month == dt.date(2014, 2, 1)


def dates(task: RangeBase) -> list[Any]:
    return [next(iter(required.param_kwargs.values())) for required in task.requires()]


# The span


def test_a_range_requires_each_day_from_start_to_before_stop() -> None:
    task = RangeDaily(of=Daily, start=day(1), stop=day(4), now=at(2014, 2, 1))
    assert dates(task) == [day(1), day(2), day(3)]
    assert task.requires()[0] == Daily(date=day(1))


def test_what_is_complete_is_not_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Daily, "done", {day(2)})
    assert dates(RangeDaily(of=Daily, start=day(1), stop=day(4), now=at(2014, 2, 1))) == [day(1), day(3)]


def test_without_stop_a_range_ends_at_the_present() -> None:
    task = RangeDaily(of=Daily, start=day(1), now=at(2014, 1, 3, 12))
    assert dates(task) == [day(1), day(2), day(3)]
    task = RangeDaily(of=Daily, start=day(1), now=at(2014, 1, 3, 12), days_forward=1)
    assert dates(task)[-1] == day(4)


def test_a_range_does_not_look_further_back_than_it_may() -> None:
    task = RangeDaily(of=Daily, start=dt.date(1999, 1, 1), now=at(2014, 1, 3, 12), days_back=2)
    assert dates(task) == [day(2), day(3)]


def test_a_range_that_works_backwards_begins_at_the_newest() -> None:
    task = RangeDaily(of=Daily, stop=day(4), reverse=True, task_limit=2, now=at(2014, 2, 1))
    assert dates(task) == [day(3), day(2)]


def test_a_range_requires_no_more_than_its_limit() -> None:
    task = RangeDaily(of=Daily, start=day(1), stop=day(31), task_limit=2, now=at(2014, 2, 1))
    assert dates(task) == [day(1), day(2)]


def test_a_range_beyond_what_it_may_look_at_is_empty() -> None:
    task = RangeDaily(of=Daily, start=dt.date(2015, 1, 1), now=at(2014, 1, 1))
    assert dates(task) == []
    assert task.complete()


def test_the_present_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges.SystemClock, "now", lambda self: float(at(2014, 1, 3, 12)))
    assert dates(RangeDaily(of=Daily, start=day(2))) == [day(2), day(3)]


def test_a_range_looks_once(monkeypatch: pytest.MonkeyPatch) -> None:
    task = RangeDaily(of=Daily, start=day(1), stop=day(3), now=at(2014, 2, 1))
    assert dates(task) == [day(1), day(2)]
    monkeypatch.setattr(Daily, "done", {day(1)})
    assert dates(task) == [day(1), day(2)]


@pytest.mark.parametrize(
    ("span", "message"),
    [
        ({}, "RangeDaily needs start or stop, or both."),
        (
            {"stop": day(1)},
            "RangeDaily has no start: give one, or set reverse to work backwards from stop.",
        ),
        (
            {"start": day(2), "stop": day(1)},
            "RangeDaily has a start (2014-01-02) after its stop (2014-01-01).",
        ),
    ],
)
def test_spans_that_cannot_be(span: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as error:
        RangeDaily(of=Daily, **span).requires()
    assert str(error.value) == message


def test_hours() -> None:
    task = RangeHourly(
        of=Hourly, start=dt.datetime(2014, 1, 1, 22), stop=dt.datetime(2014, 1, 2, 1), now=at(2014, 1, 3)
    )
    assert dates(task) == [dt.datetime(2014, 1, 1, 22), dt.datetime(2014, 1, 1, 23), dt.datetime(2014, 1, 2)]
    recent = RangeHourly(of=Hourly, reverse=True, stop=dt.datetime(2015, 1, 1), hours_back=2, now=at(2014, 1, 1, 5, 30))
    assert dates(recent) == [dt.datetime(2014, 1, 1, 5), dt.datetime(2014, 1, 1, 4)]


def test_minutes() -> None:
    task = RangeByMinutes(
        of=ByMinutes,
        start=dt.datetime(2014, 1, 1, 22, 51),
        stop=dt.datetime(2014, 1, 1, 23, 1),
        minutes_interval=5,
        now=at(2014, 1, 2),
    )
    assert dates(task) == [dt.datetime(2014, 1, 1, 22, 55), dt.datetime(2014, 1, 1, 23)]
    assert (
        len(dates(RangeByMinutes(of=ByMinutes, start=dt.datetime(2014, 1, 1), now=at(2014, 1, 1, 1), task_limit=99)))
        == 60
    )


@pytest.mark.parametrize("interval", [0, 7, 60, -1])
def test_minutes_that_do_not_divide_an_hour(interval: int) -> None:
    task = RangeByMinutes(of=ByMinutes, start=dt.datetime(2014, 1, 1), minutes_interval=interval, now=at(2014, 1, 2))
    with pytest.raises(ParameterError) as error:
        task.requires()
    assert str(error.value) == (
        f"RangeByMinutes has minutes_interval={interval}: it must be a divisor of 60, from 1 to 30."
    )


def test_months() -> None:
    task = RangeMonthly(of=Monthly, start=day(1, 1), stop=day(1, 5), now=at(2014, 12, 24))
    assert dates(task) == [day(1, 1), day(1, 3), day(1, 4)]
    recent = RangeMonthly(of=Monthly, stop=day(1, 5), reverse=True, months_back=2, now=at(2014, 5, 24))
    assert dates(recent) == [day(1, 4), day(1, 3)]
    ahead = RangeMonthly(of=Monthly, start=day(1, 11), months_forward=3, now=at(2014, 11, 24))
    assert dates(ahead) == [day(1, 11), day(1, 12), dt.date(2015, 1, 1)]


# The task that is ranged over


def test_the_id_of_a_range_is_luigis() -> None:
    class MyTask(Task):
        date = DateParameter()

    assert RangeDaily(of=MyTask, start=day(1)).task_id == "RangeDaily_100_0_None_2da39aa12d"


def test_other_parameters_of_the_task_are_given() -> None:
    task = RangeDaily(of=Daily, start=day(1), stop=day(2), of_params={"other": "y"}, now=at(2014, 2, 1))
    assert task.requires() == [Daily(date=day(1), other="y")]


def test_the_parameter_of_time_can_be_named() -> None:
    class Named(MixinNaiveBulkComplete, Task):
        name = Parameter(default="z")
        when = DateParameter()

        @classmethod
        def bulk_complete(cls, parameter_tuples: Any) -> Any:
            return []

    task = RangeDaily(of=Named, start=day(1), stop=day(2), param_name="when", now=at(2014, 2, 1))
    assert task.requires() == [Named(when=day(1))]
    assert task.datetime_to_parameters(dt.datetime(2014, 1, 1)) == {"when": day(1)}
    assert task.parameters_to_datetime({"when": day(1)}) == dt.datetime(2014, 1, 1)


def test_a_task_without_a_positional_parameter_cannot_be_ranged_over() -> None:
    class Shy(Task):
        date = DateParameter(positional=False)

    with pytest.raises(ParameterError) as error:
        RangeDaily(of=Shy, start=day(1), now=at(2014, 1, 2)).requires()
    assert str(error.value) == (
        "RangeDaily cannot range over Shy: it has no positional parameter. Name its parameter of time with param_name."
    )


def test_the_task_may_be_named_with_a_warning() -> None:
    with pytest.warns(UserWarning, match='dont pass "of" param as string'):
        required = RangeDaily(of="Daily", start=day(1), stop=day(2), now=at(2014, 2, 1)).requires()
    assert required == [Daily(date=day(1))]


@pytest.mark.parametrize(
    ("task", "value", "moment"),
    [
        (RangeDaily(of=Daily), dt.date(2014, 5, 6), dt.datetime(2014, 5, 6)),
        (RangeHourly(of=Hourly), dt.datetime(2014, 5, 6, 7), dt.datetime(2014, 5, 6, 7)),
        (RangeByMinutes(of=ByMinutes), dt.datetime(2014, 5, 6, 7, 8), dt.datetime(2014, 5, 6, 7, 8)),
        (RangeMonthly(of=Monthly), dt.date(2014, 5, 1), dt.datetime(2014, 5, 1)),
    ],
)
def test_values_and_moments_are_two_ways_to_say_one_thing(task: Any, value: Any, moment: dt.datetime) -> None:
    assert task.datetime_to_parameter(moment) == value
    assert task.parameter_to_datetime(value) == moment
    assert task.parameters_to_datetime(task.datetime_to_parameters(moment)) == moment


@pytest.mark.parametrize(
    ("task", "text"),
    [
        (RangeHourly(of=Hourly), "2014-05-06T07"),
        (RangeByMinutes(of=ByMinutes), "2014-05-06T0708"),
        (RangeMonthly(of=Monthly), "2014-05"),
        (RangeDaily(of=Daily), dt.date(2014, 5, 6)),
    ],
)
def test_how_moments_are_shown(task: Any, text: Any) -> None:
    assert task._format_datetime(dt.datetime(2014, 5, 6, 7, 8)) == text


def test_a_kind_of_range_must_know_its_time() -> None:
    task = RangeBase(of=Daily, start="a", stop="b")
    moment = dt.datetime(2014, 1, 1)
    for method in ("datetime_to_parameter", "parameter_to_datetime", "moving_start", "moving_stop"):
        with pytest.raises(NotImplementedError):
            getattr(task, method)(moment)
    with pytest.raises(NotImplementedError):
        task.finite_datetimes(moment, moment)


# Events


def test_a_range_reports_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Daily, "done", {day(1), day(4)})
    heard = []
    for event in (RangeEvent.DELAY, RangeEvent.COMPLETE_COUNT, RangeEvent.COMPLETE_FRACTION):
        RangeDaily.event_handler(event)(lambda *arguments, event=event: heard.append((event, *arguments)))
    RangeDaily(of=Daily, start=day(1), stop=day(5), now=at(2014, 2, 1)).requires()
    RangeDaily(of=Daily, start=day(5), stop=day(5), now=at(2014, 2, 1)).requires()
    assert heard == [
        ("event.tools.range.delay", "Daily", 3),
        ("event.tools.range.complete.count", "Daily", 2),
        ("event.tools.range.complete.fraction", "Daily", 0.5),
        ("event.tools.range.delay", "Daily", 0),
        ("event.tools.range.complete.count", "Daily", 0),
        ("event.tools.range.complete.fraction", "Daily", 1),
    ]


# What is missing


def test_bulk_complete_is_asked_once_with_the_values_and_a_class_that_has_the_others() -> None:
    asked = []

    class Bulk(Task):
        date = DateParameter()
        other = Parameter()

        @classmethod
        def bulk_complete(cls, parameter_tuples: Any) -> Any:
            values = list(parameter_tuples)
            asked.append((values, cls(values[0]).other))
            return values[1:]

    task = RangeDaily(of=Bulk, of_params={"other": "y"}, start=day(1), stop=day(4), now=at(2014, 2, 1))
    assert task.requires() == [Bulk(day(1), "y")]
    assert asked == [([day(1), day(2), day(3)], "y")]


def test_a_range_of_ones_own_may_look_by_itself() -> None:
    class OneByOne(RangeDailyBase):
        pass

    class Old(RangeDailyBase):
        def missing_datetimes(self, task_cls: Any, finite_datetimes: Any) -> Any:  # type: ignore[override]
            return finite_datetimes[:1]

    class Broken(RangeDailyBase):
        def missing_datetimes(self, finite_datetimes: Any) -> Any:
            raise TypeError("another one")

    span: dict[str, Any] = {"of": Daily, "start": day(1), "stop": day(3), "now": at(2014, 2, 1)}
    assert dates(OneByOne(**span)) == [day(1), day(2)]
    with pytest.warns(UserWarning, match="should only take 1 argument"):
        assert dates(Old(**span)) == [day(1)]
    with pytest.raises(TypeError, match="another one"):
        Broken(**span).requires()


def test_outputs_on_this_machine_are_asked_in_bulk(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Files(Task):
        date = DateParameter()

        def output(self) -> Any:
            return [LocalTarget(tmp_path / f"{self.date:%Y/%m}/{self.date}.{kind}") for kind in ("csv", "json")]

    for number in (1, 3):
        for target in Files(day(number)).output():
            target._touchz()
    Files(day(2)).output()[0]._touchz()
    monkeypatch.setattr(local.os.path, "exists", lambda path: pytest.fail("asked one by one"))
    task = RangeDaily(of=Files, start=day(1), stop=day(5), now=at(2014, 2, 1))
    assert dates(task) == [day(2), day(4)]


def test_a_wrapper_is_complete_when_what_it_wraps_is(tmp_path: pathlib.Path) -> None:
    class File(Task):
        date = DateParameter()
        name = Parameter()

        def output(self) -> Any:
            return LocalTarget(tmp_path / f"{self.date}.{self.name}")

    class Both(WrapperTask):
        date = DateParameter()

        def requires(self) -> Any:
            return [File(self.date, "a"), File(self.date, "b")]

    class WithDaily(WrapperTask):
        date = DateParameter()

        def requires(self) -> Any:
            return [Daily(self.date), File(self.date, "a")]

    for number, name in ((1, "a"), (2, "a"), (2, "b")):
        File(day(number), name).output()._touchz()
    span: dict[str, Any] = {"start": day(1), "stop": day(3), "now": at(2014, 2, 1)}
    assert dates(RangeDaily(of=Both, **span)) == [day(1)]
    assert dates(RangeDaily(of=WithDaily, **span)) == [day(1), day(2)]


def test_tasks_with_an_answer_of_their_own_are_asked_themselves() -> None:
    class Odd(Task):
        date = DateParameter()

        def complete(self) -> bool:
            return bool(self.date.day % 2)

    assert dates(RangeDaily(of=Odd, start=day(1), stop=day(5), now=at(2014, 2, 1))) == [day(2), day(4)]


class Listed(Task):
    """Its outputs are in a file system that is asked by listing."""

    hour = DateHourParameter()

    def output(self) -> Any:
        return MemoryTarget(f"/data/{self.hour:%Y-%m-%d/%H}/part")


def test_outputs_elsewhere_are_found_by_listing_the_folders_that_can_hold_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed = []

    def listing(self: MemoryFileSystem, path: str) -> list[str]:
        listed.append(path)
        return ["/data/2014-01-01/22/part", "/data/2014-01-02/00/part"]

    monkeypatch.setattr(MemoryFileSystem, "listdir", listing)
    monkeypatch.setattr(MemoryFileSystem, "exists", lambda self, path: True)
    task = RangeHourly(
        of=Listed, start=dt.datetime(2014, 1, 1, 22), stop=dt.datetime(2014, 1, 2, 2), now=at(2014, 1, 3)
    )
    assert dates(task) == [dt.datetime(2014, 1, 1, 23), dt.datetime(2014, 1, 2, 1)]
    assert listed == [
        "/data/2014-01-01/22",
        "/data/2014-01-01/23",
        "/data/2014-01-02/00",
        "/data/2014-01-02/01",
    ]


def test_outputs_whose_path_does_not_tell_the_time_are_asked_one_by_one(caplog: pytest.LogCaptureFixture) -> None:
    class Hidden(Task):
        date = DateParameter()

        def output(self) -> Any:
            return MemoryTarget(f"/data/{self.date.toordinal()}")

    Hidden(day(1)).output()._touchz()
    assert dates(RangeDaily(of=Hidden, start=day(1), stop=day(3), now=at(2014, 2, 1))) == [day(2)]
    assert caplog.messages == [
        "What is missing cannot be found by listing: the time of Hidden(date=2000-01-05) is not to be seen in its path "
        "/data/730124. Each task is asked by itself, which may be slow."
    ]


def test_outputs_in_no_file_system_are_asked_one_by_one(caplog: pytest.LogCaptureFixture) -> None:
    class Row(Target):
        def __init__(self, date: dt.date) -> None:
            self.date = date

        def exists(self) -> bool:
            return self.date == day(1)

        def __repr__(self) -> str:
            return "Row()"

    class Table(Task):
        date = DateParameter()

        def output(self) -> Any:
            return Row(self.date)

    assert dates(RangeDaily(of=Table, start=day(1), stop=day(3), now=at(2014, 2, 1))) == [day(2)]
    assert caplog.messages == [
        "What is missing cannot be found by listing: the output Row() of Table(date=2000-01-05) is in no file system. "
        "Each task is asked by itself, which may be slow."
    ]


# Patterns


def test_the_place_of_the_time_in_a_path_is_found_by_trial() -> None:
    class Confusing(Task):
        hour = DateHourParameter()

        def output(self) -> Any:
            return [
                MemoryTarget(f"/fifa2000k/v21/{self.hour:%Y-%m-%d/%H}/part"),
                MemoryTarget(f"/x/{self.hour:%Y%m%d%H}.csv"),
            ]

    found = list(_get_filesystems_and_globs(Confusing, lambda moment: moment.strftime("(%Y).*(%m).*(%d).*(%H)")))
    digit = "[0-9]"
    assert [pattern for _, pattern in found] == [
        f"/fifa2000k/v21/{digit * 4}-{digit * 2}-{digit * 2}/{digit * 2}",
        "/x",
    ]
    assert all(isinstance(filesystem, MemoryFileSystem) for filesystem, _ in found)


def test_outputs_must_be_as_many_at_any_time() -> None:
    class Changing(Task):
        hour = DateHourParameter()

        def output(self) -> Any:
            return [MemoryTarget("a")] * (1 if self.hour.year < 2020 else 2)

    with pytest.raises(NotImplementedError) as error:
        list(_get_filesystems_and_globs(Changing, lambda moment: "a"))
    assert str(error.value) == (
        "What is missing cannot be found by listing: Changing(hour=2020-01-05T21) has 2 outputs, others have 1."
    )


@pytest.mark.parametrize(
    ("glob", "paths", "expected"),
    [
        ("/[0-9][0-9]", ["/14", "/15"], ["/14", "/15"]),
        ("/[0-9][0-9]", [f"/1{digit}" for digit in "1234567"], ["/1[1-7]"]),
        ("/[0-9][0-9]", [f"/1{digit}" for digit in "135790"], ["/1[013579]"]),
        ("/[0-9]x[0-9]", [f"/{a}x{b}" for a in "12" for b in "345"], ["/1x[3-5]", "/2x[3-5]"]),
        ("/a", ["/a"], ["/a"]),
        ("/[0-9]-[0-9]", [f"/{digit}-0" for digit in "123456"], ["/[1-6]-[0-9]"]),
    ],
)
def test_patterns_are_narrowed_while_they_stay_few(glob: str, paths: list[str], expected: list[str]) -> None:
    assert sorted(_constrain_glob(glob, paths)) == expected
