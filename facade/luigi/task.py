"""Tasks: Rumbo's own, under Luigi's names."""

from __future__ import annotations

import logging

from luigi import configuration, parameter
from luigi._forwarding import stand_for
from rumbo.pipeline import task as _home
from rumbo.pipeline.dynamic import DynamicRequirements
from rumbo.pipeline.parameter import Parameter, ParameterVisibility, UnconsumedParameterWarning
from rumbo.pipeline.registry import Register
from rumbo.pipeline.structure import flatten, flatten_output, getpaths
from rumbo.pipeline.task import _SAME_AS_PYTHON_MODULE as _SAME_AS_PYTHON_MODULE
from rumbo.pipeline.task import (
    TASK_ID_INCLUDE_PARAMS,
    TASK_ID_INVALID_CHAR_REGEX,
    TASK_ID_TRUNCATE_HASH,
    TASK_ID_TRUNCATE_PARAMS,
    BulkCompleteNotImplementedError,
    Config,
    ExternalTask,
    MixinNaiveBulkComplete,
    Task,
    WrapperTask,
    auto_namespace,
    externalize,
    namespace,
    task_id_str,
)
from rumbo.pipeline.task import _task_wraps as _task_wraps

__all__ = [
    "TASK_ID_INCLUDE_PARAMS",
    "TASK_ID_INVALID_CHAR_REGEX",
    "TASK_ID_TRUNCATE_HASH",
    "TASK_ID_TRUNCATE_PARAMS",
    "BulkCompleteNotImplementedError",
    "Config",
    "DynamicRequirements",
    "ExternalTask",
    "MixinNaiveBulkComplete",
    "Parameter",
    "ParameterVisibility",
    "Register",
    "Task",
    "UnconsumedParameterWarning",
    "WrapperTask",
    "auto_namespace",
    "configuration",
    "externalize",
    "flatten",
    "flatten_output",
    "getpaths",
    "logger",
    "namespace",
    "parameter",
    "task_id_str",
]

logger = logging.getLogger("luigi-interface")

stand_for(__name__, _home)
