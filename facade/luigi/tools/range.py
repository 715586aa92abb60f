"""Tasks that need every instance of another task in a span of time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from luigi._forwarding import stand_for
from luigi.parameter import ParameterException as ParameterException
from luigi.target import FileSystemTarget as FileSystemTarget
from luigi.task import flatten_output as flatten_output
from luigi.task_register import Register as Register
from rumbo.pipeline import ranges as _home
from rumbo.pipeline.ranges import (
    RangeBase,
    RangeByMinutes,
    RangeByMinutesBase,
    RangeDaily,
    RangeDailyBase,
    RangeEvent,
    RangeHourly,
    RangeHourlyBase,
    RangeMonthly,
    infer_bulk_complete_from_fs,
    logger,
)
from rumbo.pipeline.ranges import _constrain_glob as _constrain_glob
from rumbo.pipeline.ranges import _get_filesystems_and_globs as _get_filesystems_and_globs
from rumbo.pipeline.ranges import _get_per_location_glob as _get_per_location_glob
from rumbo.pipeline.ranges import _list_existing as _list_existing

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "RangeBase",
    "RangeByMinutes",
    "RangeByMinutesBase",
    "RangeDaily",
    "RangeDailyBase",
    "RangeEvent",
    "RangeHourly",
    "RangeHourlyBase",
    "RangeMonthly",
    "infer_bulk_complete_from_fs",
    "logger",
    "most_common",
]

Item = TypeVar("Item")


def most_common(items: Iterable[Item]) -> tuple[Item, int]:
    """The item that occurs most often, and how often."""
    [found] = Counter(items).most_common(1)
    return found


stand_for(__name__, _home)
