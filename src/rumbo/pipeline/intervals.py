"""Half-open intervals of dates: a day, an ISO week, a month, a year, or any two dates.

Written as ISO 8601 writes them: ``2015-11-04``, ``2015-W35``, ``2015-05``, ``2015``, and ``2015-11-04-2015-12-04`` for
the rest. Intervals of one kind can be compared; comparing kinds is a mistake, since it is not defined whether the
interval of 2012's days is the year 2012.
"""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

_ONE_DAY = datetime.timedelta(days=1)


class DateInterval:
    """The base of all intervals.

    Attributes:
        date_a: the first day.
        date_b: the day after the last.
    """

    def __init__(self, date_a: datetime.date, date_b: datetime.date) -> None:
        self.date_a = date_a
        self.date_b = date_b

    def dates(self) -> list[datetime.date]:
        """Every day, the first to the last."""
        days = []
        day = self.date_a
        while day < self.date_b:
            days.append(day)
            day += _ONE_DAY
        return days

    def hours(self) -> Iterator[datetime.datetime]:
        """Every hour of every day."""
        for day in self.dates():
            for hour in range(24):
                yield datetime.datetime.combine(day, datetime.time(hour))

    def to_string(self) -> str:
        """The interval as `parse` reads it."""
        raise NotImplementedError(f"{type(self).__name__} has no text of its own.")

    @classmethod
    def from_date(cls, day: datetime.date) -> Self:
        """The interval of this kind that holds the day."""
        raise NotImplementedError(f"No single {cls.__name__} belongs to a day.")

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The interval that the text writes, or None if it is not of this kind.

        Raises:
            ValueError: it is of this kind, but the calendar has no such interval.
        """
        raise NotImplementedError(f"{cls.__name__} cannot be read from text.")

    def prev(self) -> Self:
        """The interval of this kind just before: May gives April."""
        return self.from_date(self.date_a - _ONE_DAY)

    def next(self) -> Self:
        """The interval of this kind just after: 2014 gives 2015."""
        return self.from_date(self.date_b)

    def __str__(self) -> str:
        return self.to_string()

    def __repr__(self) -> str:
        return self.to_string()

    def __iter__(self) -> Iterator[datetime.date]:
        return iter(self.dates())

    def __contains__(self, day: object) -> bool:
        # Two exact dates need no list; a datetime never equals a date, so it is in no interval of dates.
        if type(day) is datetime.date and type(self.date_a) is type(self.date_b) is datetime.date:
            return self.date_a <= day < self.date_b
        return day in self.dates()

    def __hash__(self) -> int:
        return hash(repr(self))

    def _ends_beside(self, other: Any) -> tuple[tuple[datetime.date, ...], tuple[datetime.date, ...]]:
        if not isinstance(other, DateInterval) or not isinstance(self, type(other)):
            raise TypeError(
                f"A {type(self).__name__} interval ({self}) cannot be compared with "
                f"a {type(other).__name__} ({other}): compare their date_a and date_b."
            )
        return (self.date_a, self.date_b), (other.date_a, other.date_b)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DateInterval):
            return False
        mine, others = self._ends_beside(other)
        return mine == others

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: Any) -> bool:
        mine, others = self._ends_beside(other)
        return mine < others

    def __le__(self, other: Any) -> bool:
        mine, others = self._ends_beside(other)
        return mine <= others

    def __gt__(self, other: Any) -> bool:
        mine, others = self._ends_beside(other)
        return mine > others

    def __ge__(self, other: Any) -> bool:
        mine, others = self._ends_beside(other)
        return mine >= others


class Date(DateInterval):
    """One day."""

    def __init__(self, year: int, month: int, day: int) -> None:
        first = datetime.date(year, month, day)
        super().__init__(first, first + _ONE_DAY)

    def to_string(self) -> str:
        return self.date_a.strftime("%Y-%m-%d")

    @classmethod
    def from_date(cls, day: datetime.date) -> Self:
        return cls(day.year, day.month, day.day)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        return cls(*_numbers(text)) if re.match(r"\d{4}-\d\d-\d\d$", text) else None


class Week(DateInterval):
    """An ISO 8601 week, Monday to Sunday; the days around New Year may belong to a week of the other year."""

    def __init__(self, year: int, week: int) -> None:
        try:
            monday = datetime.date.fromisocalendar(year, week, 1)
        except ValueError as error:
            raise ValueError(f"The year {year} has no ISO week {week}.") from error
        super().__init__(monday, monday + 7 * _ONE_DAY)

    def to_string(self) -> str:
        year, week, _ = self.date_a.isocalendar()
        return f"{year}-W{week:02}"

    @classmethod
    def from_date(cls, day: datetime.date) -> Self:
        year, week, _ = day.isocalendar()
        return cls(year, week)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        return cls(*_numbers(text, "-W")) if re.match(r"\d{4}-W\d\d$", text) else None


class Month(DateInterval):
    """A calendar month."""

    def __init__(self, year: int, month: int) -> None:
        super().__init__(datetime.date(year, month, 1), datetime.date(year + month // 12, 1 + month % 12, 1))

    def to_string(self) -> str:
        return self.date_a.strftime("%Y-%m")

    @classmethod
    def from_date(cls, day: datetime.date) -> Self:
        return cls(day.year, day.month)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        return cls(*_numbers(text)) if re.match(r"\d{4}-\d\d$", text) else None


class Year(DateInterval):
    """A calendar year."""

    def __init__(self, year: int) -> None:
        super().__init__(datetime.date(year, 1, 1), datetime.date(year + 1, 1, 1))

    def to_string(self) -> str:
        return self.date_a.strftime("%Y")

    @classmethod
    def from_date(cls, day: datetime.date) -> Self:
        return cls(day.year)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        return cls(int(text)) if re.match(r"\d{4}$", text) else None


class Custom(DateInterval):
    """Any two dates; it has no neighbours, so ``prev`` and ``next`` raise NotImplementedError."""

    def to_string(self) -> str:
        return "-".join(day.strftime("%Y-%m-%d") for day in (self.date_a, self.date_b))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        if not re.match(r"\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d$", text):
            return None
        numbers = _numbers(text)
        return cls(datetime.date(*numbers[:3]), datetime.date(*numbers[3:]))


def _numbers(text: str, separator: str = "-") -> list[int]:
    return [int(part) for part in text.split(separator)]
