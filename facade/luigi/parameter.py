"""All kinds of parameters, in one module as Luigi has them."""

from __future__ import annotations

import operator as operator
import warnings as warnings
from datetime import datetime

from luigi import configuration, date_interval, task_register
from luigi._forwarding import stand_for
from luigi.cmdline_parser import CmdlineParser
from rumbo.pipeline import parameter as _home
from rumbo.pipeline.freezing import FrozenOrderedDict, recursively_freeze, recursively_unfreeze
from rumbo.pipeline.parameter import (
    ConfigPath,
    DuplicateParameterException,
    MissingParameterException,
    OptionalParameterMixin,
    OptionalParameterTypeWarning,
    Parameter,
    ParameterException,
    ParameterVisibility,
    UnconsumedParameterWarning,
    UnknownParameterException,
)
from rumbo.pipeline.parameter import _no_value as _no_value
from rumbo.pipeline.parameter import _NoValueType as _NoValueType
from rumbo.pipeline.parameters import choices as _choices
from rumbo.pipeline.parameters import collections as _collections
from rumbo.pipeline.parameters import dates as _dates
from rumbo.pipeline.parameters import scalars as _scalars
from rumbo.pipeline.parameters.choices import (
    ChoiceListParameter,
    ChoiceParameter,
    EnumListParameter,
    EnumParameter,
    OptionalChoiceParameter,
)
from rumbo.pipeline.parameters.collections import (
    DictParameter,
    ListParameter,
    OptionalDictParameter,
    OptionalListParameter,
    OptionalTupleParameter,
    TupleParameter,
)
from rumbo.pipeline.parameters.collections import _DictParamEncoder as _DictParamEncoder
from rumbo.pipeline.parameters.dates import (
    DateHourParameter,
    DateIntervalParameter,
    DateMinuteParameter,
    DateParameter,
    DateSecondParameter,
    MonthParameter,
    OptionalDateParameter,
    TimeDeltaParameter,
    YearParameter,
)
from rumbo.pipeline.parameters.dates import _DateParameterBase as _DateParameterBase
from rumbo.pipeline.parameters.dates import _DatetimeParameterBase as _DatetimeParameterBase
from rumbo.pipeline.parameters.scalars import (
    BoolParameter,
    FloatParameter,
    IntParameter,
    NumericalParameter,
    OptionalBoolParameter,
    OptionalFloatParameter,
    OptionalIntParameter,
    OptionalNumericalParameter,
    OptionalParameter,
    OptionalPathParameter,
    OptionalStrParameter,
    PathParameter,
    StrParameter,
    TaskParameter,
)

__all__ = [
    "BoolParameter",
    "ChoiceListParameter",
    "ChoiceParameter",
    "CmdlineParser",
    "ConfigPath",
    "DateHourParameter",
    "DateIntervalParameter",
    "DateMinuteParameter",
    "DateParameter",
    "DateSecondParameter",
    "DictParameter",
    "DuplicateParameterException",
    "EnumListParameter",
    "EnumParameter",
    "FloatParameter",
    "FrozenOrderedDict",
    "IntParameter",
    "ListParameter",
    "MissingParameterException",
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
    "OptionalParameterMixin",
    "OptionalParameterTypeWarning",
    "OptionalPathParameter",
    "OptionalStrParameter",
    "OptionalTupleParameter",
    "Parameter",
    "ParameterException",
    "ParameterVisibility",
    "PathParameter",
    "StrParameter",
    "TaskParameter",
    "TimeDeltaParameter",
    "TupleParameter",
    "UnconsumedParameterWarning",
    "UnknownParameterException",
    "YearParameter",
    "configuration",
    "date_interval",
    "recursively_freeze",
    "recursively_unfreeze",
    "task_register",
]

_UNIX_EPOCH = datetime(1970, 1, 1)

stand_for(__name__, _home, _scalars, _dates, _collections, _choices)

for _name in __all__:
    if _name.endswith("Parameter"):
        globals()[_name].__module__ = __name__  # programs write it into the programs that they make
