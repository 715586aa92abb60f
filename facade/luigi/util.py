"""Decorators that let tasks take parameters and requirements over from other tasks."""

import logging

from luigi import parameter, task
from luigi._forwarding import stand_for
from rumbo.pipeline import composition as _home
from rumbo.pipeline.composition import (
    common_params,
    copies,
    delegates,
    get_previous_completed,
    inherits,
    previous,
    requires,
)

__all__ = [
    "common_params",
    "copies",
    "delegates",
    "get_previous_completed",
    "inherits",
    "logger",
    "parameter",
    "previous",
    "requires",
    "task",
]

logger = logging.getLogger("luigi-interface")

stand_for(__name__, _home)
