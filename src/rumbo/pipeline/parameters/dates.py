"""Parameters of time: days, months, years, moments on a grid, intervals of dates, lengths of time."""

from __future__ import annotations

import datetime
import re
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from rumbo.pipeline import intervals
from rumbo.pipeline.parameter import (
    InvalidValueError,
    OptionalParameterMixin,
    Parameter,
    _no_value,
    _NoValueType,
    _warn_of_type,
)

if TYPE_CHECKING:
    from typing import TypeGuard, Unpack

    from rumbo.pipeline.parameter import ParameterOptions

_EPOCH = datetime.datetime(1970, 1, 1)
_EPOCH_DAY = _EPOCH.date()
_ZERO = datetime.timedelta(0)

_EXPECTED_DAY = "a datetime.date, for example datetime.date(2013, 7, 10)"
_EXPECTED_MOMENT = "a datetime.datetime without a time zone, for example datetime.datetime(2013, 7, 10, 19)"
_EXPECTED_INTERVAL = "an interval of dates, for example 2015, 2015-11, 2015-W35, 2015-11-04 or 2015-11-04-2015-12-04"
_EXPECTED_DURATION = 'a length of time, for example 90 (seconds), "1 h 30 m", "2 days" or P1DT2H'

# The formats that datetime.fromisoformat reads, how long their texts are, and isoformat's name for them.
_ISO_LENGTHS = {"%Y-%m-%dT%H": 13, "%Y-%m-%dT%H%M": 15, "%Y-%m-%dT%H%M%S": 17}
_ISO_UNITS = {"%Y-%m-%dT%H": "hours", "%Y-%m-%dT%H%M": "minutes", "%Y-%m-%dT%H%M%S": "seconds"}


class _DateParameterBase(Parameter[datetime.date]):
    """A date on a grid of every so many days, months or years.

    Args:
        interval: the width of the grid; values are clamped down to it.
        start: where the grid begins (the first of January 1970).
    """

    date_format: str
    _expected: ClassVar[str]

    def __init__(
        self,
        default: datetime.date | _NoValueType = _no_value,
        interval: int = 1,
        start: datetime.date | None = None,
        **options: Unpack[ParameterOptions],
    ) -> None:
        super().__init__(default=default, **options)
        self.interval = interval
        self.start = _EPOCH_DAY if start is None else start

    def parse(self, text: Any) -> datetime.date:
        return self._read(text)

    def _read(self, text: Any) -> datetime.date:
        """What strptime understands by ``date_format``, or a date that a TOML file already holds."""
        if isinstance(text, datetime.date):
            return text
        try:
            return datetime.datetime.strptime(text, self.date_format).date()
        except (ValueError, TypeError) as error:
            raise InvalidValueError(text, self._expected) from error

    def serialize(self, value: datetime.date | None) -> str:
        # None, which programs use as a default, is written as text that cannot be read back.
        return str(value) if value is None else value.strftime(self.date_format)


def _is_plain(value: object) -> TypeGuard[datetime.date]:
    """Whether isoformat writes the date as strftime does, which does not pad years below 1000."""
    return type(value) is datetime.date and value.year >= 1000


class DateParameter(_DateParameterBase):
    """A day, written ``2013-07-10``."""

    date_format = "%Y-%m-%d"
    _expected = "a date of the form YYYY-MM-DD, for example 2013-07-10"

    def parse(self, text: Any) -> datetime.date:
        # Many times as fast as strptime; what does not look like this, strptime may still understand.
        if self.date_format == "%Y-%m-%d" and type(text) is str and len(text) == 10 and text[4] == text[7] == "-":
            try:
                return datetime.date.fromisoformat(text)
            except ValueError:
                pass
        return self._read(text)

    def serialize(self, value: datetime.date | None) -> str:
        if self.date_format == "%Y-%m-%d" and _is_plain(value):
            return value.isoformat()
        return super().serialize(value)

    def normalize(self, value: Any) -> datetime.date:
        if type(value) is datetime.date and self.interval == 1:
            return value
        return self._clamped(value)

    def _clamped(self, value: Any) -> datetime.date:
        if value is None:
            return None  # type: ignore[return-value]  # programs use None as a default
        if isinstance(value, datetime.datetime):
            value = value.date()
        try:
            beyond = (value - self.start).days % self.interval
            return value - datetime.timedelta(days=beyond)  # type: ignore[no-any-return]
        except (TypeError, AttributeError) as error:
            raise InvalidValueError(value, _EXPECTED_DAY) from error

    def next_in_enumeration(self, value: datetime.date) -> datetime.date | None:
        return value + datetime.timedelta(days=self.interval)


class MonthParameter(DateParameter):
    """A month, written ``2013-07``; the value is its first day. Programs may give any day of it, or a Month."""

    date_format = "%Y-%m"
    _expected = "a month of the form YYYY-MM, for example 2013-07"

    def parse(self, text: Any) -> datetime.date:
        if self.date_format == "%Y-%m" and type(text) is str and len(text) == 7 and text[4] == "-":
            try:
                return datetime.date.fromisoformat(text + "-01")
            except ValueError:
                pass
        return self._read(text)

    def serialize(self, value: datetime.date | None) -> str:
        if self.date_format == "%Y-%m" and _is_plain(value):
            return value.isoformat()[:7]
        return super().serialize(value)

    def normalize(self, value: Any) -> datetime.date:
        if type(value) is datetime.date and self.interval == 1 and value.day == 1:
            return value
        return self._clamped(value)

    def _clamped(self, value: Any) -> datetime.date:
        if value is None:
            return None  # type: ignore[return-value]
        if isinstance(value, intervals.Month):
            value = value.date_a
        try:
            months = (value.year - self.start.year) * 12 + value.month - self.start.month
            return _months_later(self.start, months - months % self.interval)
        except (TypeError, AttributeError) as error:
            raise InvalidValueError(value, _EXPECTED_DAY) from error

    def next_in_enumeration(self, value: datetime.date) -> datetime.date | None:
        return _months_later(value, self.interval)


def _months_later(day: datetime.date, months: int) -> datetime.date:
    years, month = divmod(day.month - 1 + months, 12)
    return datetime.date(day.year + years, month + 1, 1)


def _is_year(text: str) -> bool:
    return text.isascii() and text.isdigit() and text != "0000"


class YearParameter(DateParameter):
    """A year, written ``2013``; the value is its first day. Programs may give any day of it, or a Year."""

    date_format = "%Y"
    _expected = "a year of four digits, for example 2013"

    def parse(self, text: Any) -> datetime.date:
        if self.date_format == "%Y" and type(text) is str and len(text) == 4 and _is_year(text):
            return datetime.date(int(text), 1, 1)
        return self._read(text)

    def serialize(self, value: datetime.date | None) -> str:
        if self.date_format == "%Y" and _is_plain(value):
            return str(value.year)
        return super().serialize(value)

    def normalize(self, value: Any) -> datetime.date:
        if type(value) is datetime.date and self.interval == 1 and value.day == value.month == 1:
            return value
        return self._clamped(value)

    def _clamped(self, value: Any) -> datetime.date:
        if value is None:
            return None  # type: ignore[return-value]
        if isinstance(value, intervals.Year):
            value = value.date_a
        try:
            return datetime.date(value.year - (value.year - self.start.year) % self.interval, 1, 1)
        except (TypeError, AttributeError) as error:
            raise InvalidValueError(value, _EXPECTED_DAY) from error

    def next_in_enumeration(self, value: datetime.date) -> datetime.date | None:
        return value.replace(year=value.year + self.interval)


class _DatetimeParameterBase(Parameter[datetime.datetime]):
    """A moment on a grid of every so many hours, minutes or seconds.

    Args:
        interval: the width of the grid; values are clamped down to it.
        start: where the grid begins (midnight of the first of January 1970).
    """

    date_format: str
    _timedelta: datetime.timedelta
    _expected: ClassVar[str]

    def __init__(
        self,
        default: datetime.datetime | _NoValueType = _no_value,
        interval: int = 1,
        start: datetime.datetime | None = None,
        **options: Unpack[ParameterOptions],
    ) -> None:
        super().__init__(default=default, **options)
        self.interval = interval
        self.start = _EPOCH if start is None else start

    def parse(self, text: Any) -> datetime.datetime:
        # Many times as fast as strptime. fromisoformat also knows time zones, weeks and the hour 24, which these
        # formats do not: the conditions leave such texts to strptime.
        if (
            type(text) is str
            and len(text) == _ISO_LENGTHS.get(self.date_format)
            and text[4] == text[7] == "-"
            and text[10] == "T"
            and text[11:].isdigit()
            and text[11:13] != "24"
        ):
            try:
                return datetime.datetime.fromisoformat(text)
            except ValueError:
                pass
        return self._read(text)

    def _read(self, text: Any) -> datetime.datetime:
        if isinstance(text, datetime.date):
            return _as_moment(text)
        try:
            return datetime.datetime.strptime(text, self.date_format)
        except (ValueError, TypeError) as error:
            raise InvalidValueError(text, self._expected) from error

    def serialize(self, value: datetime.datetime | None) -> str:
        if value is None:
            return str(value)
        if type(value) is datetime.datetime and value.year >= 1000 and value.tzinfo is None:
            unit = _ISO_UNITS.get(self.date_format)
            if unit is not None:
                return value.isoformat(timespec=unit).replace(":", "")
        return value.strftime(self.date_format)

    def normalize(self, value: Any) -> datetime.datetime:
        if (
            type(value) is datetime.datetime
            and self.interval == 1
            and self.start is _EPOCH
            and value.microsecond == 0
            and value.tzinfo is None
            and self._is_whole(value)
        ):
            return value
        return self._clamped(value)

    def _is_whole(self, value: datetime.datetime) -> bool:
        """Whether a moment without microseconds is on the grid of width one; in doubt, no."""
        return False

    def _clamped(self, value: Any) -> datetime.datetime:
        if value is None:
            return None  # type: ignore[return-value]  # programs use None as a default
        try:
            moment = _as_moment(value).replace(microsecond=0)
            beyond = (moment - self.start) % (self._timedelta * self.interval)
        except TypeError as error:
            raise InvalidValueError(value, _EXPECTED_MOMENT) from error
        return moment - beyond if beyond else moment

    def next_in_enumeration(self, value: datetime.datetime) -> datetime.datetime | None:
        return value + self._timedelta * self.interval


def _as_moment(value: datetime.date) -> datetime.datetime:
    if isinstance(value, datetime.datetime):
        return value
    return datetime.datetime.combine(value, datetime.time.min)


class DateHourParameter(_DatetimeParameterBase):
    """An hour, written ``2013-07-10T19``."""

    date_format = "%Y-%m-%dT%H"
    _timedelta = datetime.timedelta(hours=1)
    _expected = "an hour of the form YYYY-MM-DDTHH, for example 2013-07-10T19"

    def _is_whole(self, value: datetime.datetime) -> bool:
        return value.second == value.minute == 0


class DateMinuteParameter(_DatetimeParameterBase):
    """A minute, written ``2013-07-10T1907``."""

    date_format = "%Y-%m-%dT%H%M"
    deprecated_date_format = "%Y-%m-%dT%HH%M"
    _timedelta = datetime.timedelta(minutes=1)
    _expected = "a minute of the form YYYY-MM-DDTHHMM, for example 2013-07-10T1907"

    def _is_whole(self, value: datetime.datetime) -> bool:
        return value.second == 0

    def _read(self, text: Any) -> datetime.datetime:
        if isinstance(text, str) and "H" in text.upper():
            try:
                moment = datetime.datetime.strptime(text, self.deprecated_date_format)
            except ValueError:
                return super()._read(text)
            warnings.warn(
                # Luigi's text, since programs filter on it.
                'Using "H" between hours and minutes is deprecated, omit it instead.',
                DeprecationWarning,
                stacklevel=3,
            )
            return moment
        return super()._read(text)


class DateSecondParameter(_DatetimeParameterBase):
    """A second, written ``2013-07-10T190738``."""

    date_format = "%Y-%m-%dT%H%M%S"
    _timedelta = datetime.timedelta(seconds=1)
    _expected = "a second of the form YYYY-MM-DDTHHMMSS, for example 2013-07-10T190738"

    def _is_whole(self, value: datetime.datetime) -> bool:
        return True


class DateIntervalParameter(Parameter[intervals.DateInterval]):
    """A day, ISO week, month, year, or two dates with a dash between."""

    def parse(self, text: Any) -> intervals.DateInterval:
        if isinstance(text, intervals.DateInterval):
            return text
        try:
            for kind in (intervals.Year, intervals.Month, intervals.Week, intervals.Date, intervals.Custom):
                interval = kind.parse(text)
                if interval is not None:
                    return interval
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidValueError(text, _EXPECTED_INTERVAL) from error
        raise InvalidValueError(text, _EXPECTED_INTERVAL)


class TimeDeltaParameter(Parameter[datetime.timedelta]):
    """A length of time.

    Written as seconds (``90``), in words from the longest unit to the shortest (``1 week 2 days``, ``1 h 30 m``) or as
    an ISO 8601 duration without years and months (``P1DT2H``, ``P2W``).
    """

    def parse(self, text: Any) -> datetime.timedelta:
        if isinstance(text, datetime.timedelta):
            return text
        try:
            return datetime.timedelta(seconds=float(text))
        except (ValueError, TypeError, OverflowError):
            pass
        if isinstance(text, str):
            for pattern in _duration_patterns():
                found = pattern.match(text)
                if found and any(found.groupdict().values()):
                    return _length_of_time(text, found.groupdict(default="0"))
        raise InvalidValueError(text, _EXPECTED_DURATION)

    def serialize(self, value: datetime.timedelta) -> str:
        weeks, days = divmod(value.days, 7)
        hours, seconds = divmod(value.seconds, 3600)
        minutes, seconds = divmod(seconds, 60)
        return f"{weeks} w {days} d {hours} h {minutes} m {seconds} s"

    def _warn_on_wrong_param_type(self, param_name: str, param_value: object) -> None:
        if type(self) is TimeDeltaParameter and not isinstance(param_value, datetime.timedelta):
            _warn_of_type(param_name, param_value, "timedelta")


def _length_of_time(text: str, fields: dict[str, str]) -> datetime.timedelta:
    try:
        return datetime.timedelta(**{unit: int(number) for unit, number in fields.items()})
    except (OverflowError, ValueError) as error:
        raise InvalidValueError(text, _EXPECTED_DURATION) from error


@cache
def _duration_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """ISO 8601's form and the one in words; compiled when a length of time is first read."""

    def iso(unit: str) -> str:
        return rf"(?P<{unit}>\d+){unit[0].upper()}"

    def words(unit: str) -> str:
        return rf"((?P<{unit}>\d+) ?{unit[0]}({unit[1:-1]})?(s)? ?)?"

    clock = "".join(f"({iso(unit)})?" for unit in ("hours", "minutes", "seconds"))
    return (
        re.compile(f"P({iso('weeks')}|({iso('days')})?(T{clock})?)"),
        re.compile("".join(map(words, ("weeks", "days", "hours", "minutes", "seconds")))),
    )


class DurationParameter(TimeDeltaParameter):
    """A length of time that is written to the microsecond, and may be negative.

    TimeDeltaParameter's text has whole seconds only and cannot be read back when negative.
    """

    def serialize(self, value: datetime.timedelta) -> str:
        if value.microseconds == 0 and value >= _ZERO:
            return super().serialize(value)
        sign = "-" if value < _ZERO else ""
        seconds, microseconds = divmod(abs(value) // datetime.timedelta(microseconds=1), 1_000_000)
        return f"{sign}{seconds}.{microseconds:06}"


class OptionalDateParameter(OptionalParameterMixin[datetime.date], DateParameter):  # type: ignore[misc]
    """A day, or None."""

    expected_type: Any = datetime.date
