"""Tasks that need every instance of another task in a span of time."""

from luigi._forwarding import stand_for
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
]

stand_for(__name__, _home)
