"""Rumbo builds data pipelines: it runs only what is missing, and remembers how everything came to be.

The public names are imported from their homes when they are first used, so a program pays only for what it needs.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rumbo.cli.script import run as run
    from rumbo.cli.wiring import build as build
    from rumbo.errors import RumboError as RumboError
    from rumbo.pipeline.composition import copies as copies
    from rumbo.pipeline.composition import delegates as delegates
    from rumbo.pipeline.composition import inherits as inherits
    from rumbo.pipeline.composition import previous as previous
    from rumbo.pipeline.composition import requires as requires
    from rumbo.pipeline.dynamic import DynamicRequirements as DynamicRequirements
    from rumbo.pipeline.events import Event as Event
    from rumbo.pipeline.formats import UTF8 as UTF8
    from rumbo.pipeline.formats import Bzip2 as Bzip2
    from rumbo.pipeline.formats import Gzip as Gzip
    from rumbo.pipeline.formats import Nop as Nop
    from rumbo.pipeline.formats import Text as Text
    from rumbo.pipeline.formats import Zstd as Zstd
    from rumbo.pipeline.intervals import DateInterval as DateInterval
    from rumbo.pipeline.intervals import Month as Month
    from rumbo.pipeline.intervals import Week as Week
    from rumbo.pipeline.intervals import Year as Year
    from rumbo.pipeline.local import LocalDirectoryTarget as LocalDirectoryTarget
    from rumbo.pipeline.local import LocalTarget as LocalTarget
    from rumbo.pipeline.memory import MemoryTarget as MemoryTarget
    from rumbo.pipeline.parameter import Parameter as Parameter
    from rumbo.pipeline.parameter import ParameterVisibility as ParameterVisibility
    from rumbo.pipeline.parameters.choices import ChoiceListParameter as ChoiceListParameter
    from rumbo.pipeline.parameters.choices import ChoiceParameter as ChoiceParameter
    from rumbo.pipeline.parameters.choices import EnumListParameter as EnumListParameter
    from rumbo.pipeline.parameters.choices import EnumParameter as EnumParameter
    from rumbo.pipeline.parameters.choices import OptionalChoiceParameter as OptionalChoiceParameter
    from rumbo.pipeline.parameters.collections import DictParameter as DictParameter
    from rumbo.pipeline.parameters.collections import ListParameter as ListParameter
    from rumbo.pipeline.parameters.collections import OptionalDictParameter as OptionalDictParameter
    from rumbo.pipeline.parameters.collections import OptionalListParameter as OptionalListParameter
    from rumbo.pipeline.parameters.collections import OptionalTupleParameter as OptionalTupleParameter
    from rumbo.pipeline.parameters.collections import TupleParameter as TupleParameter
    from rumbo.pipeline.parameters.dates import DateHourParameter as DateHourParameter
    from rumbo.pipeline.parameters.dates import DateIntervalParameter as DateIntervalParameter
    from rumbo.pipeline.parameters.dates import DateMinuteParameter as DateMinuteParameter
    from rumbo.pipeline.parameters.dates import DateParameter as DateParameter
    from rumbo.pipeline.parameters.dates import DateSecondParameter as DateSecondParameter
    from rumbo.pipeline.parameters.dates import MonthParameter as MonthParameter
    from rumbo.pipeline.parameters.dates import OptionalDateParameter as OptionalDateParameter
    from rumbo.pipeline.parameters.dates import TimeDeltaParameter as TimeDeltaParameter
    from rumbo.pipeline.parameters.dates import YearParameter as YearParameter
    from rumbo.pipeline.parameters.scalars import BoolParameter as BoolParameter
    from rumbo.pipeline.parameters.scalars import FloatParameter as FloatParameter
    from rumbo.pipeline.parameters.scalars import IntParameter as IntParameter
    from rumbo.pipeline.parameters.scalars import NumericalParameter as NumericalParameter
    from rumbo.pipeline.parameters.scalars import OptionalBoolParameter as OptionalBoolParameter
    from rumbo.pipeline.parameters.scalars import OptionalFloatParameter as OptionalFloatParameter
    from rumbo.pipeline.parameters.scalars import OptionalIntParameter as OptionalIntParameter
    from rumbo.pipeline.parameters.scalars import OptionalNumericalParameter as OptionalNumericalParameter
    from rumbo.pipeline.parameters.scalars import OptionalParameter as OptionalParameter
    from rumbo.pipeline.parameters.scalars import OptionalPathParameter as OptionalPathParameter
    from rumbo.pipeline.parameters.scalars import OptionalStrParameter as OptionalStrParameter
    from rumbo.pipeline.parameters.scalars import PathParameter as PathParameter
    from rumbo.pipeline.parameters.scalars import StrParameter as StrParameter
    from rumbo.pipeline.parameters.scalars import TaskParameter as TaskParameter
    from rumbo.pipeline.publish import publish as publish
    from rumbo.pipeline.ranges import RangeByMinutes as RangeByMinutes
    from rumbo.pipeline.ranges import RangeDaily as RangeDaily
    from rumbo.pipeline.ranges import RangeHourly as RangeHourly
    from rumbo.pipeline.ranges import RangeMonthly as RangeMonthly
    from rumbo.pipeline.structure import flatten as flatten
    from rumbo.pipeline.target import FileSystemTarget as FileSystemTarget
    from rumbo.pipeline.target import Footprint as Footprint
    from rumbo.pipeline.target import Target as Target
    from rumbo.pipeline.task import auto_namespace as auto_namespace
    from rumbo.pipeline.task import externalize as externalize
    from rumbo.pipeline.task import namespace as namespace
    from rumbo.pipeline.typed import Config as Config
    from rumbo.pipeline.typed import ExternalTask as ExternalTask
    from rumbo.pipeline.typed import Task as Task
    from rumbo.pipeline.typed import WrapperTask as WrapperTask
    from rumbo.pipeline.typed import parameter as parameter
    from rumbo.worker.result import RunResult as RunResult

__version__ = "0.1.0"

_HOMES = {
    "rumbo.cli.script": "run",
    "rumbo.cli.wiring": "build",
    "rumbo.errors": "RumboError",
    "rumbo.worker.result": "RunResult",
    "rumbo.pipeline.typed": "Config ExternalTask Task WrapperTask parameter",
    "rumbo.pipeline.task": "auto_namespace externalize namespace",
    "rumbo.pipeline.composition": "copies delegates inherits previous requires",
    "rumbo.pipeline.dynamic": "DynamicRequirements",
    "rumbo.pipeline.events": "Event",
    "rumbo.pipeline.structure": "flatten",
    "rumbo.pipeline.target": "FileSystemTarget Footprint Target",
    "rumbo.pipeline.local": "LocalDirectoryTarget LocalTarget",
    "rumbo.pipeline.memory": "MemoryTarget",
    "rumbo.pipeline.publish": "publish",
    "rumbo.pipeline.formats": "Bzip2 Gzip Nop Text UTF8 Zstd",
    "rumbo.pipeline.ranges": "RangeByMinutes RangeDaily RangeHourly RangeMonthly",
    "rumbo.pipeline.intervals": "DateInterval Month Week Year",
    "rumbo.pipeline.parameter": "Parameter ParameterVisibility",
    "rumbo.pipeline.parameters.scalars": (
        "BoolParameter FloatParameter IntParameter NumericalParameter OptionalBoolParameter "
        "OptionalFloatParameter OptionalIntParameter OptionalNumericalParameter OptionalParameter "
        "OptionalPathParameter OptionalStrParameter PathParameter StrParameter TaskParameter"
    ),
    "rumbo.pipeline.parameters.dates": (
        "DateHourParameter DateIntervalParameter DateMinuteParameter DateParameter "
        "DateSecondParameter MonthParameter OptionalDateParameter TimeDeltaParameter "
        "YearParameter"
    ),
    "rumbo.pipeline.parameters.choices": (
        "ChoiceListParameter ChoiceParameter EnumListParameter EnumParameter OptionalChoiceParameter"
    ),
    "rumbo.pipeline.parameters.collections": (
        "DictParameter ListParameter OptionalDictParameter OptionalListParameter OptionalTupleParameter TupleParameter"
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = ["__version__", *_HOME_OF]


def __getattr__(name: str) -> object:
    """A public name, imported from its home when first used."""
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'rumbo' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
