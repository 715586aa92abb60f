"""The luigi package, by Rumbo: programs written for Luigi run unchanged, on Rumbo's engine."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from luigi import _choice, _metadata, configuration, event, interface, local_target, parameter, rpc, target, task
from luigi.__version__ import VERSION
from luigi.event import Event
from luigi.execution_summary import LuigiStatusCode
from luigi.interface import build, run
from luigi.local_target import LocalTarget
from luigi.parameter import (
    BoolParameter,
    ChoiceListParameter,
    ChoiceParameter,
    DateHourParameter,
    DateIntervalParameter,
    DateMinuteParameter,
    DateParameter,
    DateSecondParameter,
    DictParameter,
    EnumListParameter,
    EnumParameter,
    FloatParameter,
    IntParameter,
    ListParameter,
    MonthParameter,
    NumericalParameter,
    OptionalBoolParameter,
    OptionalChoiceParameter,
    OptionalDictParameter,
    OptionalFloatParameter,
    OptionalIntParameter,
    OptionalListParameter,
    OptionalNumericalParameter,
    OptionalParameter,
    OptionalPathParameter,
    OptionalStrParameter,
    OptionalTupleParameter,
    Parameter,
    PathParameter,
    StrParameter,
    TaskParameter,
    TimeDeltaParameter,
    TupleParameter,
    YearParameter,
)
from luigi.rpc import RemoteScheduler, RPCError
from luigi.target import Target
from luigi.task import (
    Config,
    DynamicRequirements,
    ExternalTask,
    Task,
    WrapperTask,
    auto_namespace,
    namespace,
)
from rumbo.pipeline.parameters.dates import OptionalDateParameter

__version__ = VERSION
_metadata.answer()
__all__ = [
    "BoolParameter",
    "ChoiceListParameter",
    "ChoiceParameter",
    "Config",
    "DateHourParameter",
    "DateIntervalParameter",
    "DateMinuteParameter",
    "DateParameter",
    "DateSecondParameter",
    "DictParameter",
    "DynamicRequirements",
    "EnumListParameter",
    "EnumParameter",
    "Event",
    "ExternalTask",
    "FloatParameter",
    "IntParameter",
    "ListParameter",
    "LocalTarget",
    "LuigiStatusCode",
    "MonthParameter",
    "NumericalParameter",
    "OptionalBoolParameter",
    "OptionalChoiceParameter",
    "OptionalDateParameter",
    "OptionalDictParameter",
    "OptionalFloatParameter",
    "OptionalIntParameter",
    "OptionalListParameter",
    "OptionalNumericalParameter",
    "OptionalParameter",
    "OptionalPathParameter",
    "OptionalStrParameter",
    "OptionalTupleParameter",
    "Parameter",
    "PathParameter",
    "RPCError",
    "RemoteScheduler",
    "StrParameter",
    "Target",
    "Task",
    "TaskParameter",
    "TimeDeltaParameter",
    "TupleParameter",
    "WrapperTask",
    "YearParameter",
    "__version__",
    "auto_namespace",
    "build",
    "configuration",
    "event",
    "interface",
    "local_target",
    "namespace",
    "parameter",
    "rpc",
    "run",
    "target",
    "task",
]

# Luigi registers the range tasks unless the configuration says no, and warns when it says nothing. We do not warn.
if configuration.get_config().getboolean("core", "autoload_range", True):
    from luigi.tools import range

    __all__ += ["range"]


def __getattr__(name: str) -> Any:
    """What ``import luigi`` makes available in Luigi without naming it, imported when first used."""
    if name in _IMPORTED_BY_LUIGI:
        return import_module(f"luigi.{name}")
    raise AttributeError(f"module 'luigi' has no attribute {name!r}")


_IMPORTED_BY_LUIGI = frozenset(
    [
        "batch_notifier",
        "cmdline_parser",
        "date_interval",
        "execution_summary",
        "format",
        "freezing",
        "lock",
        "metrics",
        "notifications",
        "scheduler",
        "setup_logging",
        "task_history",
        "task_register",
        "task_status",
        "tools",
        "worker",
    ]
)
