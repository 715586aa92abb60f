"""Parameters that check what a program gives them, as annotations promise.

Luigi's own kinds trust a program: ``IntParameter`` takes any object. These take a value of the annotated type, or one
that can be converted without loss, and refuse the rest. Their texts are those of Luigi's kinds, so a task keeps its id
when a program moves from one style to the other.
"""

from __future__ import annotations

import datetime as dt
import operator
from typing import Any

from rumbo.pipeline.parameter import (
    InvalidValueError,
    OptionalParameterMixin,
    Parameter,
    _no_value,
)
from rumbo.pipeline.parameters.choices import EnumParameter
from rumbo.pipeline.parameters.dates import (
    DateIntervalParameter,
    DateParameter,
    DateSecondParameter,
    DurationParameter,
)
from rumbo.pipeline.parameters.scalars import (
    BoolParameter,
    FloatParameter,
    IntParameter,
    PathParameter,
    StrParameter,
    TaskParameter,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rumbo.pipeline.intervals import DateInterval

# Checks ----------------------------------------------------------------------------------------------------------


def exact_str(value: Any) -> str:
    """A text as such, also one of a class derived from ``str``."""
    if isinstance(value, str):
        return str.__str__(value)
    raise InvalidValueError(value, 'text, for example "abc"')


def exact_int(value: Any) -> int:
    """A whole number, also one of another library's types; but no truth value, whose text is another."""
    if not isinstance(value, bool):
        try:
            return operator.index(value)
        except TypeError:
            pass
    raise InvalidValueError(value, "a whole number, for example 42")


def exact_float(value: Any) -> float:
    """A number. Whole ones are converted, so that 1 and 1.0 are one task."""
    if not isinstance(value, (bool, str)):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            pass
    raise InvalidValueError(value, "a number, for example 0.5")


def exact_bool(value: Any) -> bool:
    """A truth value."""
    if isinstance(value, bool):
        return value
    if type(value).__name__ == "bool_" or type(value).__name__ == "bool":  # numpy's
        return bool(value)
    raise InvalidValueError(value, "a truth value, True or False")


def exact_date(value: Any) -> dt.date:
    """A date; a moment only at midnight, so that no time is lost unseen."""
    if isinstance(value, dt.datetime):
        if value.time() == dt.time.min:
            return value.date()
        raise InvalidValueError(value, "a date without a time; give its .date()")
    if isinstance(value, dt.date):
        return dt.date(value.year, value.month, value.day)
    raise InvalidValueError(value, "a date, for example datetime.date(2013, 7, 10)")


def exact_moment(value: Any) -> dt.datetime:
    """A moment without a time zone; a date is its midnight."""
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            return value
        raise InvalidValueError(value, "a moment without a time zone; give it as UTC with .replace(tzinfo=None)")
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)
    raise InvalidValueError(value, "a moment, for example datetime.datetime(2013, 7, 10, 19, 7, 38)")


# Kinds -----------------------------------------------------------------------------------------------------------


class StrictStr(StrParameter):
    """Text, and nothing else."""

    _settled = str

    def normalize(self, value: Any) -> str:
        return exact_str(value)


class StrictInt(IntParameter):
    """A whole number, and nothing else."""

    _settled = int

    def normalize(self, value: Any) -> int:
        return exact_int(value)


class StrictFloat(FloatParameter):
    """A number, and nothing else."""

    _settled = float

    def normalize(self, value: Any) -> float:
        return exact_float(value)


class StrictBool(BoolParameter):
    """True or false. Without a default it must be given; ``--flag`` alone is true, ``--flag false`` is false."""

    _settled = bool

    def __init__(self, default: Any = _no_value, **options: Any) -> None:
        options.setdefault("parsing", BoolParameter.EXPLICIT_PARSING)
        super().__init__(default, **options)
        self._default = default

    def normalize(self, value: Any) -> bool:
        return exact_bool(value)


class StrictDate(DateParameter):
    """A day, and nothing else."""

    _settled = dt.date

    def normalize(self, value: Any) -> dt.date:
        return exact_date(value)


class StrictMoment(DateSecondParameter):
    """A moment to the second, and nothing else. Any form of ISO 8601 is understood."""

    def parse(self, text: Any) -> dt.datetime:
        if isinstance(text, str):
            try:
                return dt.datetime.fromisoformat(text)
            except ValueError:
                pass
        return super().parse(text)

    def normalize(self, value: Any) -> dt.datetime:
        return exact_moment(value).replace(microsecond=0)


class StrictDuration(DurationParameter):
    """A length of time, and nothing else."""

    _settled = dt.timedelta

    def normalize(self, value: Any) -> dt.timedelta:
        if isinstance(value, dt.timedelta):
            return value
        raise InvalidValueError(value, "a length of time, for example datetime.timedelta(hours=1)")


class StrictPath(PathParameter):
    """A path; text is converted."""


class StrictEnum(EnumParameter[Any]):
    """A member of an enumeration, and nothing else."""

    def normalize(self, value: Any) -> Any:
        if isinstance(value, self._enum):
            return value
        members = " or ".join(f"{self._enum.__name__}.{name}" for name in self._enum.__members__)
        raise InvalidValueError(value, f"a member of {self._enum.__name__}: {members}")


class StrictInterval(DateIntervalParameter):
    """A date interval of one kind, or of any when the annotation says DateInterval.

    Args:
        kind: the class of intervals.
    """

    def __init__(self, default: Any = _no_value, *, kind: type[DateInterval], **options: Any) -> None:
        super().__init__(default, **options)
        self._kind = kind

    def parse(self, text: Any) -> DateInterval:
        return self.normalize(super().parse(text))

    def normalize(self, value: Any) -> DateInterval:
        if isinstance(value, self._kind):
            return value
        raise InvalidValueError(value, f"an interval of the kind {self._kind.__name__}")


class StrictTaskClass(TaskParameter):
    """A task class, and nothing else."""

    def normalize(self, value: Any) -> Any:
        if isinstance(value, type) and hasattr(value, "get_task_family"):
            return value
        raise InvalidValueError(value, "a task class")


_optional_kinds: dict[type[Parameter[Any]], type[Parameter[Any]]] = {}


def optional(kind: type[Parameter[Any]]) -> type[Parameter[Any]]:
    """The kind that also takes None, written as the empty text."""
    if kind not in _optional_kinds:
        body = {"expected_type": object, "__doc__": f"{kind.__doc__} Or None.", "__module__": __name__}
        _optional_kinds[kind] = type("Optional" + kind.__name__, (OptionalParameterMixin, kind), body)
    return _optional_kinds[kind]
