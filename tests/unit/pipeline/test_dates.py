from __future__ import annotations

import datetime as dt
import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rumbo.pipeline import intervals
from rumbo.pipeline.parameter import InvalidValueError, Parameter
from rumbo.pipeline.parameters.dates import (
    DateHourParameter,
    DateIntervalParameter,
    DateMinuteParameter,
    DateParameter,
    DateSecondParameter,
    DurationParameter,
    MonthParameter,
    OptionalDateParameter,
    TimeDeltaParameter,
    YearParameter,
)

# A loaded machine must not fail a property, and a property must not hold up the suite.
quick = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])

# The platform's strftime does not pad years below 1000, so such dates cannot be read back. (Nor can they in Luigi.)
DAYS = st.dates(dt.date(1000, 1, 1))
MOMENTS = st.datetimes(dt.datetime(1000, 1, 1))


@quick
@given(DAYS)
def test_days_months_and_years_survive_as_text(day: dt.date) -> None:
    for parameter in (DateParameter(), MonthParameter(), YearParameter()):
        value = parameter.normalize(day)
        assert parameter.normalize(value) is value
        assert parameter.parse(parameter.serialize(value)) == value
        assert parameter.serialize(value) == value.strftime(parameter.date_format)


@quick
@given(MOMENTS)
def test_moments_survive_as_text(moment: dt.datetime) -> None:
    for parameter in (DateHourParameter(), DateMinuteParameter(), DateSecondParameter()):
        value = parameter.normalize(moment)
        assert parameter.normalize(value) is value
        assert parameter.parse(parameter.serialize(value)) == value
        assert parameter.serialize(value) == value.strftime(parameter.date_format)


@quick
@given(
    MOMENTS.filter(lambda moment: moment.year > 1002),
    st.integers(1, 400),
    st.sampled_from([DateHourParameter, DateMinuteParameter, DateSecondParameter]),
)
def test_clamping_goes_down_to_the_grid_and_stays_there(moment: dt.datetime, interval: int, kind: Any) -> None:
    parameter = kind(interval=interval)
    clamped = parameter.normalize(moment)
    assert clamped <= moment < clamped + kind._timedelta * interval
    assert parameter.normalize(clamped) == clamped
    assert (clamped - dt.datetime(1970, 1, 1)) % (kind._timedelta * interval) == dt.timedelta(0)


def test_grids_of_dates() -> None:
    assert DateParameter(interval=7, start=dt.date(2013, 1, 1)).normalize(dt.date(2013, 1, 10)) == dt.date(2013, 1, 8)
    assert MonthParameter(interval=3).normalize(dt.date(2013, 6, 10)) == dt.date(2013, 4, 1)
    assert YearParameter(interval=4).normalize(dt.date(2013, 6, 10)) == dt.date(2010, 1, 1)


def test_the_next_point_of_the_grid() -> None:
    assert DateParameter(interval=2).next_in_enumeration(dt.date(2013, 1, 31)) == dt.date(2013, 2, 2)
    assert MonthParameter(interval=3).next_in_enumeration(dt.date(2013, 11, 1)) == dt.date(2014, 2, 1)
    assert YearParameter().next_in_enumeration(dt.date(2013, 1, 1)) == dt.date(2014, 1, 1)
    assert DateMinuteParameter(interval=5).next_in_enumeration(dt.datetime(2013, 1, 1, 23, 55)) == dt.datetime(
        2013, 1, 2
    )


def test_a_moment_is_no_day_until_it_is_cut() -> None:
    assert DateParameter().normalize(dt.datetime(2013, 7, 10, 19)) == dt.date(2013, 7, 10)
    assert type(DateParameter().normalize(dt.datetime(2013, 7, 10, 19))) is dt.date


def test_intervals_stand_for_their_first_day() -> None:
    assert MonthParameter().normalize(intervals.Month(2013, 7)) == dt.date(2013, 7, 1)
    assert YearParameter().normalize(intervals.Year(2013)) == dt.date(2013, 1, 1)


def test_none_passes_where_programs_use_it_as_a_default() -> None:
    for parameter in (DateParameter(interval=2), MonthParameter(), YearParameter(), DateHourParameter()):
        assert parameter.normalize(None) is None
        assert parameter.serialize(None) == "None"


def test_short_forms_are_read_as_strptime_reads_them() -> None:
    assert DateParameter().parse("2013-1-5") == dt.date(2013, 1, 5)
    assert DateHourParameter().parse("2013-7-1T9") == dt.datetime(2013, 7, 1, 9)


def test_dates_of_toml_files_are_dates_already() -> None:
    assert DateParameter().parse(dt.date(2013, 7, 10)) == dt.date(2013, 7, 10)
    assert DateHourParameter().parse(dt.date(2013, 7, 10)) == dt.datetime(2013, 7, 10)
    assert TimeDeltaParameter().parse(90) == dt.timedelta(seconds=90)
    assert TimeDeltaParameter().parse(dt.timedelta(1)) == dt.timedelta(1)
    assert DateIntervalParameter().parse(intervals.Year(2013)) == intervals.Year(2013)


def test_a_users_own_format_is_obeyed() -> None:
    class GermanDate(DateParameter):
        date_format = "%d.%m.%Y"

    class SpacedMinute(DateMinuteParameter):
        date_format = "%Y-%m-%d %H:%M"

    assert GermanDate().parse("10.07.2013") == dt.date(2013, 7, 10)
    assert GermanDate().serialize(dt.date(2013, 7, 10)) == "10.07.2013"
    assert SpacedMinute().parse("2013-07-10 19:07") == dt.datetime(2013, 7, 10, 19, 7)
    assert SpacedMinute().serialize(dt.datetime(2013, 7, 10, 19, 7)) == "2013-07-10 19:07"


def test_an_h_between_hours_and_minutes_is_deprecated() -> None:
    with pytest.warns(
        DeprecationWarning,
        match='^Using "H" between hours and minutes is deprecated, omit it instead.$',
    ):
        assert DateMinuteParameter().parse("2013-07-10T19H07") == dt.datetime(2013, 7, 10, 19, 7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DateMinuteParameter().parse("2013-07-10T1907")


@pytest.mark.parametrize(
    ("parameter", "text", "message"),
    [
        (
            DateParameter(),
            "2013-02-30",
            "'2013-02-30' is not a date of the form YYYY-MM-DD, for example 2013-07-10.",
        ),
        (MonthParameter(), "2013-13", "'2013-13' is not a month of the form YYYY-MM, for example 2013-07."),
        (YearParameter(), "13", "'13' is not a year of four digits, for example 2013."),
        (YearParameter(), "0000", "'0000' is not a year of four digits, for example 2013."),
        (
            DateHourParameter(),
            "2013-07-10T24",
            "'2013-07-10T24' is not an hour of the form YYYY-MM-DDTHH, for example 2013-07-10T19.",
        ),
        (
            DateMinuteParameter(),
            "2013-07-10T19:07",
            "'2013-07-10T19:07' is not a minute of the form YYYY-MM-DDTHHMM, for example 2013-07-10T1907.",
        ),
        (
            DateMinuteParameter(),
            "2013-07-10Th",
            "'2013-07-10Th' is not a minute of the form YYYY-MM-DDTHHMM, for example 2013-07-10T1907.",
        ),
        (
            DateSecondParameter(),
            "2013-07-10T19:07Z",
            "'2013-07-10T19:07Z' is not a second of the form YYYY-MM-DDTHHMMSS, for example 2013-07-10T190738.",
        ),
        (
            DateIntervalParameter(),
            "2014-W53",
            "'2014-W53' is not an interval of dates, for example 2015, 2015-11, 2015-W35, 2015-11-04 or "
            "2015-11-04-2015-12-04.",
        ),
        (
            DateIntervalParameter(),
            "soon",
            "'soon' is not an interval of dates, for example 2015, 2015-11, 2015-W35, 2015-11-04 or "
            "2015-11-04-2015-12-04.",
        ),
        (
            TimeDeltaParameter(),
            "a while",
            '\'a while\' is not a length of time, for example 90 (seconds), "1 h 30 m", "2 days" or P1DT2H.',
        ),
        (
            TimeDeltaParameter(),
            "99999999999999 weeks",
            '\'99999999999999 weeks\' is not a length of time, for example 90 (seconds), "1 h 30 m", "2 days" '
            "or P1DT2H.",
        ),
    ],
)
def test_text_that_cannot_be_understood(parameter: Parameter[Any], text: str, message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        parameter.parse(text)
    assert str(raised.value) == message


@pytest.mark.parametrize("parameter", [DateParameter(), MonthParameter(), YearParameter()])
def test_a_program_must_give_dates(parameter: DateParameter) -> None:
    with pytest.raises(InvalidValueError) as raised:
        parameter.normalize("2013-07-10")
    assert str(raised.value) == ("'2013-07-10' is not a datetime.date, for example datetime.date(2013, 7, 10).")


def test_a_program_must_give_moments_without_time_zone() -> None:
    for value in ("2013-07-10T19", dt.datetime(2013, 7, 10, 19, tzinfo=dt.UTC)):
        with pytest.raises(InvalidValueError) as raised:
            DateHourParameter().normalize(value)
        assert str(raised.value) == (
            f"{value!r} is not a datetime.datetime without a time zone, for example datetime.datetime(2013, 7, 10, 19)."
        )


# Intervals -------------------------------------------------------------------------------------------------------


@quick
@given(
    DAYS.filter(lambda day: day.year < 9998),
    st.sampled_from([intervals.Date, intervals.Week, intervals.Month, intervals.Year]),
)
def test_intervals_survive_as_text(day: dt.date, kind: Any) -> None:
    parameter, value = DateIntervalParameter(), kind.from_date(day)
    again = parameter.parse(parameter.serialize(value))
    assert type(again) is kind
    assert again == value


@quick
@given(DAYS, DAYS)
def test_custom_intervals_survive_as_text(first: dt.date, after: dt.date) -> None:
    parameter, value = DateIntervalParameter(), intervals.Custom(first, after)
    assert parameter.parse(parameter.serialize(value)) == value


# Lengths of time -------------------------------------------------------------------------------------------------


@quick
@given(st.timedeltas(min_value=dt.timedelta(0)))
def test_lengths_of_time_survive_as_text_to_the_second(value: dt.timedelta) -> None:
    parameter = TimeDeltaParameter()
    assert parameter.parse(parameter.serialize(value)) == value - dt.timedelta(microseconds=value.microseconds)


@quick
@given(st.timedeltas(dt.timedelta(days=-40_000), dt.timedelta(days=40_000)))
def test_durations_survive_as_text_to_the_microsecond(value: dt.timedelta) -> None:
    parameter = DurationParameter()
    assert parameter.parse(parameter.serialize(value)) == value


def test_durations_are_written_as_luigi_does_where_that_can_be_read_back() -> None:
    assert DurationParameter().serialize(dt.timedelta(hours=1)) == "0 w 0 d 1 h 0 m 0 s"
    assert DurationParameter().serialize(dt.timedelta(seconds=-1.5)) == "-1.500000"


def test_a_length_of_time_warns_of_other_values() -> None:
    with pytest.warns(UserWarning, match='^Parameter "x" with value "5" is not of type timedelta.$'):
        TimeDeltaParameter()._warn_on_wrong_param_type("x", 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TimeDeltaParameter()._warn_on_wrong_param_type("x", dt.timedelta(1))
        DurationParameter()._warn_on_wrong_param_type("x", 5)


def test_an_optional_day() -> None:
    parameter: Any = OptionalDateParameter()
    assert parameter._default is None
    assert parameter.parse("") is None
    assert parameter.parse("2013-07-10") == dt.date(2013, 7, 10)
    assert parameter.serialize(None) == ""
