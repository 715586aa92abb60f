"""Tasks that need every instance of another task in a span of time: each day, hour, few minutes, month.

A range looks for the instances that are not complete and requires those, up to a limit at a time, so that run again
and again it fills every gap. It asks for many at once: by the task's own ``bulk_complete``; else by asking the file
system of its outputs in bulk; else, where a file system can only list, by finding out where in the output paths the
time stands and listing the folders that can hold them.
"""

from __future__ import annotations

import functools
import logging
import re
import warnings
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from rumbo.clock import SystemClock
from rumbo.errors import ParameterError
from rumbo.pipeline.events import Event
from rumbo.pipeline.parameter import Parameter
from rumbo.pipeline.parameters.collections import DictParameter
from rumbo.pipeline.parameters.dates import DateHourParameter, DateMinuteParameter, DateParameter, MonthParameter
from rumbo.pipeline.parameters.scalars import BoolParameter, IntParameter, TaskParameter
from rumbo.pipeline.registry import Register
from rumbo.pipeline.structure import flatten, flatten_output
from rumbo.pipeline.target import FileSystemTarget, exist
from rumbo.pipeline.task import Task, WrapperTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rumbo.pipeline.filesystem import FileSystem

logger = logging.getLogger("luigi-interface")

_NONE: Any = None  # a default that the type of the parameter does not know

_DIGIT = "[0-9]"


class _NameParameter(Parameter[Any]):
    """Text or nothing. Unlike OptionalParameter it writes nothing as "None": the ids of ranges are Luigi's."""


class RangeEvent(Event):
    """What a range reports each time it looks. Each comes with the task's family and a number."""

    COMPLETE_COUNT = "event.tools.range.complete.count"  # how many instances are complete
    COMPLETE_FRACTION = "event.tools.range.complete.fraction"  # of all that should be
    DELAY = "event.tools.range.delay"  # how many instances there are from the first gap to the end


class RangeBase(WrapperTask):
    """Requires the missing instances of a task over a span of time.

    ``start`` or ``stop`` must be given, and ``start`` or ``reverse``. The span is cut to what lies near the present,
    so that an open end, or one far away, asks for a bounded number of instances. All times are in UTC.
    """

    of = TaskParameter(description="the task; it must take one parameter of time")
    of_params: Any = DictParameter(default={}, description="values for the task's other parameters")
    # Each kind of range has parameters of its own kind here.
    start: Any = Parameter()
    stop: Any = Parameter()
    reverse = BoolParameter(
        default=False, description="where to begin: False at the oldest missing instance, True at the newest"
    )
    task_limit = IntParameter(default=50, description="how many instances to require at once")
    now = IntParameter(default=_NONE, description="what to take for the present time, in seconds since the epoch")
    param_name = _NameParameter(
        default=_NONE,
        description="the task's parameter of time; by default its first positional one",
        positional=False,
    )

    # What a kind of range knows about its time

    def datetime_to_parameter(self, dt: datetime) -> Any:
        """The value of the task's parameter for a point in time."""
        raise NotImplementedError

    def parameter_to_datetime(self, p: Any) -> datetime:
        """The point in time for a value of the task's parameter."""
        raise NotImplementedError

    def datetime_to_parameters(self, dt: datetime) -> dict[str, Any]:
        """All the task's values for a point in time."""
        return self._task_parameters(self.datetime_to_parameter(dt))

    def parameters_to_datetime(self, p: dict[str, Any]) -> datetime:
        """The point in time for all the task's values."""
        return self.parameter_to_datetime(p[self._param_name])

    def moving_start(self, now: datetime) -> datetime:
        """The earliest time that is looked at."""
        raise NotImplementedError

    def moving_stop(self, now: datetime) -> datetime:
        """The time before which is looked."""
        raise NotImplementedError

    def finite_datetimes(self, finite_start: datetime, finite_stop: datetime) -> list[datetime]:
        """The sorted points in time for which there should be an instance, from the start to before the stop."""
        raise NotImplementedError

    def _format_datetime(self, dt: datetime) -> Any:
        return self.datetime_to_parameter(dt)

    # The task

    @property
    def of_cls(self) -> Any:
        """The task's class."""
        if isinstance(self.of, str):
            warnings.warn(
                'When using Range programatically, dont pass "of" param as string!', UserWarning, stacklevel=2
            )
            return Register.get_task_cls(self.of)
        return self.of

    @property
    def _param_name(self) -> str:
        if self.param_name is not None:
            return str(self.param_name)
        for name, parameter in self.of_cls.get_params():
            if parameter.positional:
                return str(name)
        raise ParameterError(
            f"{self.task_family} cannot range over {self.of_cls.task_family}: it has no positional parameter. "
            "Name its parameter of time with param_name."
        )

    def _task_parameters(self, param: Any) -> dict[str, Any]:
        return {**self.of_params, self._param_name: param}

    def _instantiate_task_cls(self, param: Any) -> Any:
        return self.of_cls(**self._task_parameters(param))

    def _task_at(self, dt: datetime) -> Any:
        return self._instantiate_task_cls(self.datetime_to_parameter(dt))

    # The gaps

    def requires(self) -> Any:
        """The missing instances, oldest first, or newest first if ``reverse``; at most ``task_limit``.

        Looked up once for each object: a second look could give another answer in the middle of a run.
        """
        if "_cached_requires" not in self.__dict__:
            self._cached_requires = [self._task_at(dt) for dt in self._required_datetimes()]
        return self._cached_requires

    def _required_datetimes(self) -> list[datetime]:
        self._check_span()
        start, stop = self._finite_span()
        datetimes = self.finite_datetimes(start, stop) if start <= stop else []
        missing = sorted(self._missing_datetimes(datetimes)) if datetimes else []
        logger.debug(
            "%s: %d of %d instances of %s are missing",
            self.task_family,
            len(missing),
            len(datetimes),
            self.of_cls.task_family,
        )
        self._emit_metrics(missing, start, stop)
        if not self.reverse:
            return missing[: self.task_limit]
        return missing[-self.task_limit :][::-1]

    def _check_span(self) -> None:
        if not self.start and not self.stop:
            raise ParameterError(f"{self.task_family} needs start or stop, or both.")
        if not self.start and not self.reverse:
            raise ParameterError(
                f"{self.task_family} has no start: give one, or set reverse to work backwards from stop."
            )
        if self.start and self.stop and self.start > self.stop:
            raise ParameterError(f"{self.task_family} has a start ({self.start}) after its stop ({self.stop}).")

    def _finite_span(self) -> tuple[datetime, datetime]:
        seconds = SystemClock().now() if self.now is None else self.now
        now = datetime.fromtimestamp(seconds, tz=UTC).replace(tzinfo=None)
        start, stop = self.moving_start(now), self.moving_stop(now)
        if self.start is not None:
            start = max(self.parameter_to_datetime(self.start), start)
        if self.stop is not None:
            stop = min(self.parameter_to_datetime(self.stop), stop)
        return start, stop

    def _emit_metrics(
        self, missing_datetimes: Sequence[datetime], finite_start: datetime, finite_stop: datetime
    ) -> None:
        """Report on the whole span where it has ends, else on what is looked at of it."""
        datetimes = self.finite_datetimes(
            finite_start if self.start is None else min(finite_start, self.parameter_to_datetime(self.start)),
            finite_stop if self.stop is None else max(finite_stop, self.parameter_to_datetime(self.stop)),
        )
        family = self.of_cls.task_family
        expected = len(datetimes)
        delay = expected - datetimes.index(missing_datetimes[0]) if datetimes and missing_datetimes else 0
        complete = expected - len(missing_datetimes)
        self.trigger_event(RangeEvent.DELAY, family, delay)
        self.trigger_event(RangeEvent.COMPLETE_COUNT, family, complete)
        self.trigger_event(RangeEvent.COMPLETE_FRACTION, family, complete / expected if expected else 1)

    def missing_datetimes(self, finite_datetimes: list[datetime]) -> Iterable[datetime]:
        """Those points in time whose instances are not complete.

        This one asks each instance. Override it to ask in bulk.
        """
        return [dt for dt in finite_datetimes if not self._task_at(dt).complete()]

    def _missing_datetimes(self, finite_datetimes: list[datetime]) -> Iterable[datetime]:
        try:
            return self.missing_datetimes(finite_datetimes)
        except TypeError as error:
            # Programs of 2015 have a method that also takes the class.
            if "missing_datetimes()" not in repr(error):
                raise
            warnings.warn(
                "In your Range* subclass, missing_datetimes() should only take 1 argument (see latest docs)",
                UserWarning,
                stacklevel=2,
            )
            return self.missing_datetimes(self.of_cls, finite_datetimes)  # type: ignore[call-arg]

    def _missing_in_bulk(self, finite_datetimes: list[datetime], expression: str) -> Iterable[datetime]:
        """Ask ``bulk_complete``, else the file systems.

        Args:
            expression: for strftime: how the time can stand in a path, as a regular expression with a group for
                each part.
        """
        of = self.of_cls
        try:
            complete = of.bulk_complete.__func__(
                functools.partial(of, **self.of_params), [self.datetime_to_parameter(dt) for dt in finite_datetimes]
            )
            return set(finite_datetimes).difference(self.parameter_to_datetime(value) for value in complete)
        except NotImplementedError:
            return _missing_by_outputs(of, finite_datetimes, self._task_at, lambda dt: dt.strftime(expression))


class RangeDailyBase(RangeBase):
    """A range with an instance for each day."""

    start = DateParameter(default=_NONE, description="the first day; without it, reverse must be set")
    stop = DateParameter(default=_NONE, description="the day after the last; by default there is none")
    days_back = IntParameter(
        default=100,
        description="how many days before the present to look at most; less if old outputs get removed",
    )
    days_forward = IntParameter(default=0, description="how many days after the present to look at most")

    def datetime_to_parameter(self, dt: datetime) -> Any:
        return dt.date()

    def parameter_to_datetime(self, p: Any) -> datetime:
        return datetime(p.year, p.month, p.day)

    def moving_start(self, now: datetime) -> datetime:
        return now - timedelta(days=self.days_back)

    def moving_stop(self, now: datetime) -> datetime:
        return now + timedelta(days=self.days_forward)

    def finite_datetimes(self, finite_start: datetime, finite_stop: datetime) -> list[datetime]:
        """The midnights."""
        first = datetime(finite_start.year, finite_start.month, finite_start.day)
        return _steps(first, timedelta(days=1), finite_start, finite_stop)


class RangeHourlyBase(RangeBase):
    """A range with an instance for each hour."""

    start = DateHourParameter(default=_NONE, description="the first hour; without it, reverse must be set")
    stop = DateHourParameter(default=_NONE, description="the hour after the last; by default there is none")
    hours_back = IntParameter(
        default=100 * 24,
        description="how many hours before the present to look at most; less if old outputs get removed",
    )
    hours_forward = IntParameter(default=0, description="how many hours after the present to look at most")

    def datetime_to_parameter(self, dt: datetime) -> Any:
        return dt

    def parameter_to_datetime(self, p: Any) -> datetime:
        return p  # type: ignore[no-any-return]

    def moving_start(self, now: datetime) -> datetime:
        return now - timedelta(hours=self.hours_back)

    def moving_stop(self, now: datetime) -> datetime:
        return now + timedelta(hours=self.hours_forward)

    def finite_datetimes(self, finite_start: datetime, finite_stop: datetime) -> list[datetime]:
        """The full hours."""
        first = finite_start.replace(minute=0, second=0, microsecond=0)
        return _steps(first, timedelta(hours=1), finite_start, finite_stop)

    def _format_datetime(self, dt: datetime) -> str:
        return dt.strftime(DateHourParameter.date_format)


class RangeByMinutesBase(RangeBase):
    """A range with an instance every few minutes."""

    start = DateMinuteParameter(default=_NONE, description="the first minute; without it, reverse must be set")
    stop = DateMinuteParameter(default=_NONE, description="the minute after the last; by default there is none")
    minutes_back = IntParameter(
        default=60 * 24,
        description="how many minutes before the present to look at most; less if old outputs get removed",
    )
    minutes_forward = IntParameter(default=0, description="how many minutes after the present to look at most")
    minutes_interval = IntParameter(
        default=1, description="how many minutes from one instance to the next; an hour must hold a whole number"
    )

    def datetime_to_parameter(self, dt: datetime) -> Any:
        return dt

    def parameter_to_datetime(self, p: Any) -> datetime:
        return p  # type: ignore[no-any-return]

    def parameters_to_datetime(self, p: dict[str, Any]) -> datetime:
        value: datetime = p[self._param_name]
        return value.replace(second=0, microsecond=0)

    def moving_start(self, now: datetime) -> datetime:
        return now - timedelta(minutes=self.minutes_back)

    def moving_stop(self, now: datetime) -> datetime:
        return now + timedelta(minutes=self.minutes_forward)

    def finite_datetimes(self, finite_start: datetime, finite_stop: datetime) -> list[datetime]:
        """The minutes that are a whole number of intervals after a full hour."""
        interval = self.minutes_interval
        if not 0 < interval < 60 or 60 % interval:
            raise ParameterError(
                f"{self.task_family} has minutes_interval={interval}: it must be a divisor of 60, from 1 to 30."
            )
        minute = finite_start.minute - finite_start.minute % interval
        first = finite_start.replace(minute=minute, second=0, microsecond=0)
        return _steps(first, timedelta(minutes=interval), finite_start, finite_stop)

    def _format_datetime(self, dt: datetime) -> str:
        return dt.strftime(DateMinuteParameter.date_format)


class RangeMonthly(RangeBase):
    """A range with an instance for each month.

        rumbo run RangeMonthly --of Report --start 2014-01

    Months are few, so each instance is asked by itself.
    """

    start = MonthParameter(default=_NONE, description="the first month; without it, reverse must be set")
    stop = MonthParameter(default=_NONE, description="the month after the last; by default there is none")
    months_back = IntParameter(
        default=13,
        description="how many months before the present to look at most; less if old outputs get removed",
    )
    months_forward = IntParameter(default=0, description="how many months after the present to look at most")

    def datetime_to_parameter(self, dt: datetime) -> Any:
        return date(dt.year, dt.month, 1)

    def parameter_to_datetime(self, p: Any) -> datetime:
        return datetime(p.year, p.month, 1)

    def moving_start(self, now: datetime) -> datetime:
        return _month(now, -self.months_back)

    def moving_stop(self, now: datetime) -> datetime:
        return _month(now, self.months_forward)

    def finite_datetimes(self, finite_start: datetime, finite_stop: datetime) -> list[datetime]:
        """The beginnings of months."""
        stop = _month(finite_stop)
        months = []
        month = _month(finite_start)
        while month < stop:
            if month >= finite_start:
                months.append(month)
            month = _month(month, 1)
        return months

    def _format_datetime(self, dt: datetime) -> str:
        return dt.strftime("%Y-%m")


class RangeDaily(RangeDailyBase):
    """A range with an instance for each day, looked up in bulk.

    rumbo run RangeDaily --of Report --start 2014-01-01
    """

    def missing_datetimes(self, finite_datetimes: list[datetime]) -> Iterable[datetime]:
        return self._missing_in_bulk(finite_datetimes, "(%Y).*(%m).*(%d)")


class RangeHourly(RangeHourlyBase):
    """A range with an instance for each hour, looked up in bulk.

    rumbo run RangeHourly --of Report --start 2014-01-01T00
    """

    def missing_datetimes(self, finite_datetimes: list[datetime]) -> Iterable[datetime]:
        return self._missing_in_bulk(finite_datetimes, "(%Y).*(%m).*(%d).*(%H)")


class RangeByMinutes(RangeByMinutesBase):
    """A range with an instance every few minutes, looked up in bulk.

    rumbo run RangeByMinutes --of Report --start 2014-01-01T0123 --minutes-interval 5
    """

    def missing_datetimes(self, finite_datetimes: list[datetime]) -> Iterable[datetime]:
        return self._missing_in_bulk(finite_datetimes, "(%Y).*(%m).*(%d).*(%H).*(%M)")


def _steps(first: datetime, step: timedelta, start: datetime, stop: datetime) -> list[datetime]:
    """The grid from ``first`` on, as far as it lies from ``start`` to before ``stop``."""
    if first < start:
        first += step
    steps = []
    while first < stop:
        steps.append(first)
        first += step
    return steps


def _month(dt: datetime, later: int = 0) -> datetime:
    """The beginning of the month so many months after a time's own."""
    months = dt.year * 12 + dt.month - 1 + later
    return datetime(months // 12, months % 12 + 1, 1)


# What is missing, by the outputs -------------------------------------------------------------------------------


def _missing_by_outputs(
    of: Any,
    datetimes: Sequence[datetime],
    datetime_to_task: Callable[[datetime], Any],
    datetime_to_re: Callable[[datetime], str],
) -> list[datetime]:
    """Ask where the outputs live; the tasks themselves when that cannot be."""
    tasks = [datetime_to_task(dt) for dt in datetimes]
    targets = [_deciding_targets(task) for task in tasks]
    if all(_is_asked_in_bulk(target) for here in targets for target in here or ()):
        complete = _completeness(tasks, targets)
    elif of.complete in (Task.complete, WrapperTask.complete):
        try:
            return infer_bulk_complete_from_fs(datetimes, datetime_to_task, datetime_to_re)
        except NotImplementedError as error:
            logger.warning("%s Each task is asked by itself, which may be slow.", error)
            complete = [task.complete() for task in tasks]
    else:
        complete = [task.complete() for task in tasks]
    return [dt for dt, is_complete in zip(datetimes, complete, strict=True) if not is_complete]


def _deciding_targets(task: Any) -> list[Any] | None:
    """The targets that must all exist for the task to be complete; None where its own ``complete()`` decides."""
    if type(task).complete is Task.complete:
        return flatten(task.output()) or None
    if type(task).complete is not WrapperTask.complete:
        return None
    targets = []
    for required in flatten(task.requires()):
        here = _deciding_targets(required)
        if here is None:
            return None
        targets.extend(here)
    return targets


def _is_asked_in_bulk(target: Any) -> bool:
    return isinstance(target, FileSystemTarget) and target.fs.answers_in_bulk


def _completeness(tasks: Sequence[Any], targets: Sequence[list[Any] | None]) -> list[bool]:
    answers = iter(exist(target for here in targets for target in here or ()))
    return [
        task.complete() if here is None else all(list(islice(answers, len(here))))
        for task, here in zip(tasks, targets, strict=True)
    ]


def infer_bulk_complete_from_fs(
    datetimes: Iterable[datetime],
    datetime_to_task: Callable[[datetime], Any],
    datetime_to_re: Callable[[datetime], str],
) -> list[datetime]:
    """The points in time whose tasks lack an output, found by listing folders.

    This is for tasks whose outputs have the time in their paths, like ``strftime("/data/%Y/%m/%d/%H")``, and which
    have no ``complete()`` or ``exists()`` of their own.

    Args:
        datetime_to_re: how the time can stand in a path: a regular expression with a group for each part.

    Raises:
        NotImplementedError: the outputs are not like that.
    """
    datetimes = list(datetimes)
    locations = list(_get_filesystems_and_globs(datetime_to_task, datetime_to_re))
    paths = [[target.path for target in flatten_output(datetime_to_task(dt))] for dt in datetimes]
    existing: set[str] = set()
    for (filesystem, glob), paths_there in zip(locations, zip(*paths, strict=False), strict=False):
        existing |= _list_existing(filesystem, glob, paths_there)
    return [dt for dt, needed in zip(datetimes, paths, strict=True) if not existing.issuperset(needed)]


def _list_existing(filesystem: FileSystem, glob: str, paths: Sequence[str]) -> set[str]:
    """All that is in the folders that ``glob`` means, as far as any of ``paths`` can be there."""
    listing: set[str] = set()
    for pattern in sorted(_constrain_glob(glob, paths)):
        if filesystem.exists(pattern):
            listing.update(filesystem.listdir(pattern))
    return listing


def _constrain_glob(glob: str, paths: Sequence[str], limit: int = 5) -> list[str]:
    """At most ``limit`` (or one more digit's worth of) patterns narrower than ``glob`` that still hold all paths.

    Digits are filled in from the left, as they occur in ``paths``, while the patterns stay few.
    """
    members = {glob: list(paths)}
    while True:
        position = next(iter(members)).find(_DIGIT)
        if position < 0:
            return list(members)
        digits = {pattern: sorted({path[position] for path in held}) for pattern, held in members.items()}
        if sum(map(len, digits.values())) > limit:
            return [pattern.replace(_DIGIT, _any_of(digits[pattern]), 1) for pattern in members]
        members = {
            pattern.replace(_DIGIT, digit, 1): [path for path in held if path[position] == digit]
            for pattern, held in members.items()
            for digit in digits[pattern]
        }


def _any_of(digits: Sequence[str]) -> str:
    """A pattern for one of these sorted characters: ``[1-5]`` or ``[135]``."""
    first, last = digits[0], digits[-1]
    if len(digits) > 1 and ord(last) - ord(first) == len(digits) - 1:
        return f"[{first}-{last}]"
    return f"[{''.join(digits)}]"


def _get_filesystems_and_globs(
    datetime_to_task: Callable[[datetime], Any], datetime_to_re: Callable[[datetime], str]
) -> Iterator[tuple[FileSystem, str]]:
    """For each output of a task its file system, and a pattern for the folders that hold it at any time.

    Where the time stands in the paths is found by trial: from the outputs for times that are unlikely to be in a path
    but as the time itself.
    """
    samples = [
        datetime(year, month, day, hour)
        for year in range(2000, 2050, 10)
        for month in range(1, 4)
        for day in range(5, 8)
        for hour in range(21, 24)
    ]
    expressions = [re.compile(datetime_to_re(dt)) for dt in samples]
    tasks = [datetime_to_task(dt) for dt in samples]
    outputs = [flatten_output(task) for task in tasks]
    for targets, task in zip(outputs, tasks, strict=True):
        _check_outputs(targets, task, outputs[0])
    for location in zip(*outputs, strict=True):
        yield location[0].fs, _get_per_location_glob(tasks, location, expressions)


def _check_outputs(targets: Sequence[Any], task: Any, first: Sequence[Any]) -> None:
    if len(targets) != len(first):
        raise NotImplementedError(
            f"What is missing cannot be found by listing: {task} has {len(targets)} outputs, others have {len(first)}."
        )
    for target in targets:
        if not isinstance(target, FileSystemTarget):
            raise NotImplementedError(
                f"What is missing cannot be found by listing: the output {target!r} of {task} is in no file system."
            )


def _get_per_location_glob(tasks: Sequence[Any], outputs: Sequence[Any], regexes: Sequence[re.Pattern[str]]) -> str:
    paths = [target.path for target in outputs]
    matches = []
    for task, path, expression in zip(tasks, paths, regexes, strict=True):
        match = expression.search(path)
        if match is None:
            raise NotImplementedError(
                f"What is missing cannot be found by listing: the time of {task} is not to be seen in its path {path}."
            )
        matches.append(match)
    pattern = list(paths[0])
    for group in range(1, len(matches[0].groups()) + 1):
        # A number elsewhere in the path can be mistaken for the time, but hardly in most of the samples.
        [((start, end), _)] = Counter(match.span(group) for match in matches).most_common(1)
        pattern[start:end] = [_DIGIT] * (end - start)
    # Folders can be listed, and not files: without the last part.
    return _folder_of(pattern)


def _folder_of(pattern: list[str]) -> str:
    return "".join(pattern).rsplit("/", 1)[0]
