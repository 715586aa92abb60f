"""All task classes by their names."""

import logging

from luigi._forwarding import stand_for
from rumbo.pipeline import registry as _home
from rumbo.pipeline.registry import (
    Register,
    TaskClassAmbigiousException,
    TaskClassException,
    TaskClassNotFoundException,
    load_task,
)

__all__ = [
    "Register",
    "TaskClassAmbigiousException",
    "TaskClassException",
    "TaskClassNotFoundException",
    "load_task",
    "logger",
]

logger = logging.getLogger("luigi-interface")

stand_for(__name__, _home)
