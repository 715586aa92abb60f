from __future__ import annotations

import datetime as dt
import operator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rumbo.pipeline.intervals import Custom, Date, DateInterval, Month, Week, Year

# A loaded machine must not fail a property, and a property must not hold up the suite.
quick = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])

KINDS = [Date, Week, Month, Year]
DAYS = st.dates(dt.date(1000, 1, 8), dt.date(9990, 1, 1))


@pytest.mark.parametrize(
    ("interval", "first", "after", "text"),
    [
        (Date(2015, 12, 31), dt.date(2015, 12, 31), dt.date(2016, 1, 1), "2015-12-31"),
        (Week(2009, 1), dt.date(2008, 12, 29), dt.date(2009, 1, 5), "2009-W01"),
        (Week(2009, 53), dt.date(2009, 12, 28), dt.date(2010, 1, 4), "2009-W53"),
        (Month(2015, 12), dt.date(2015, 12, 1), dt.date(2016, 1, 1), "2015-12"),
        (Year(2016), dt.date(2016, 1, 1), dt.date(2017, 1, 1), "2016"),
        (
            Custom(dt.date(2015, 1, 2), dt.date(2015, 1, 4)),
            dt.date(2015, 1, 2),
            dt.date(2015, 1, 4),
            "2015-01-02-2015-01-04",
        ),
    ],
    ids=str,
)
def test_an_interval_knows_its_ends_and_its_text(
    interval: DateInterval, first: dt.date, after: dt.date, text: str
) -> None:
    assert (interval.date_a, interval.date_b) == (first, after)
    assert str(interval) == repr(interval) == interval.to_string() == text
    assert type(interval).parse(text) == interval


@quick
@given(DAYS)
def test_every_day_is_in_its_interval_between_the_neighbours(day: dt.date) -> None:
    for kind in KINDS:
        interval = kind.from_date(day)
        assert day in interval
        assert kind.parse(str(interval)) == interval
        assert interval.next().prev() == interval
        assert interval.prev() < interval < interval.next()
        assert interval.prev().date_b == interval.date_a
        assert interval.next().date_a == interval.date_b


def test_days_and_hours() -> None:
    weekend = Custom(dt.date(2015, 1, 3), dt.date(2015, 1, 5))
    assert weekend.dates() == list(weekend) == [dt.date(2015, 1, 3), dt.date(2015, 1, 4)]
    hours = list(weekend.hours())
    assert len(hours) == 48
    assert hours[25] == dt.datetime(2015, 1, 4, 1)


def test_only_dates_are_in_an_interval_of_dates() -> None:
    month = Month(2015, 1)
    assert dt.date(2015, 1, 31) in month
    assert dt.date(2015, 2, 1) not in month
    assert dt.datetime(2015, 1, 31) not in month
    assert "2015-01-31" not in month


def test_an_interval_of_moments_holds_moments() -> None:
    assert dt.datetime(2015, 1, 2) in Custom(dt.datetime(2015, 1, 1), dt.datetime(2015, 1, 3))


def test_intervals_of_one_kind_compare_by_their_ends() -> None:
    assert Month(2015, 1) < Month(2015, 2)
    assert Month(2015, 1) <= Month(2015, 1) >= Month(2015, 1)
    assert Month(2015, 2) > Month(2015, 1)
    assert Month(2015, 2) != Month(2015, 1)
    assert {Month(2015, 1): "found"}[Month(2015, 1)] == "found"


@pytest.mark.parametrize("compare", [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge])
def test_intervals_of_two_kinds_cannot_be_compared(compare: Any) -> None:
    with pytest.raises(TypeError) as raised:
        compare(Year(2015), Month(2015, 1))
    assert str(raised.value) == (
        "A Year interval (2015) cannot be compared with a Month (2015-01): compare their date_a and date_b."
    )


def test_an_interval_equals_nothing_else() -> None:
    assert Year(2015) != "2015"
    assert Year(2015) != 2015
    with pytest.raises(TypeError):
        operator.lt(Year(2015), 2016)


@pytest.mark.parametrize("kind", [*KINDS, Custom])
@pytest.mark.parametrize("text", ["", "x", "15", "2015-1", "2015-1-1", "2015-w01", "2015-01-01-2015"])
def test_text_of_no_kind_is_none(kind: type[DateInterval], text: str) -> None:
    assert kind.parse(text) is None


def test_intervals_that_the_calendar_does_not_have() -> None:
    with pytest.raises(ValueError, match=r"^The year 2014 has no ISO week 53.$"):
        Week.parse("2014-W53")
    with pytest.raises(ValueError):
        Month.parse("2014-13")


def test_custom_intervals_have_no_neighbours() -> None:
    custom = Custom(dt.date(2015, 1, 1), dt.date(2015, 1, 3))
    with pytest.raises(NotImplementedError, match=r"^No single Custom belongs to a day.$"):
        custom.next()
    with pytest.raises(NotImplementedError):
        custom.prev()


def test_the_base_has_no_text() -> None:
    base = DateInterval(dt.date(2015, 1, 1), dt.date(2015, 1, 3))
    with pytest.raises(NotImplementedError, match=r"^DateInterval has no text of its own.$"):
        str(base)
    with pytest.raises(NotImplementedError, match=r"^DateInterval cannot be read from text.$"):
        DateInterval.parse("2015")
