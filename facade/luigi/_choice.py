"""The one place that decides how a run goes: by Rumbo's engine, or by Luigi's own steps.

The engine is for programs that do not look behind ``luigi.build`` and ``luigi.run``: it plans and runs the same tasks
with the same results, and quicker. A program that brings parts of its own (a ``worker_scheduler_factory``, a worker
that it made), replaces one of the methods below, or asks a central scheduler, finds Luigi's objects and Luigi's steps.
So does every program where ``luigi_compat = strict`` stands in the section ``[rumbo]`` of the configuration.

It is imported with the package, before a program can replace anything.
"""

from __future__ import annotations

import os
from typing import Any

from luigi import worker
from luigi._dialogue import DialogueWorker
from luigi.configuration import get_config
from luigi.interface import _WorkerSchedulerFactory
from luigi.scheduler import Scheduler
from luigi.worker import Worker
from rumbo.errors import ConfigurationError

_WATCHED = (
    _WorkerSchedulerFactory,
    DialogueWorker,
    Scheduler,
    Worker,
    worker.TaskProcess,
    worker.ContextManagedTaskProcess,
    worker.KeepAliveThread,
    worker.TaskStatusReporter,
    worker.SchedulerMessage,
)
_ORIGINALS = [(each, dict(vars(each))) for each in _WATCHED]
_NAMES = ("check_complete", "load_task", "GetWorkResponse", *[each.__name__ for each in _WATCHED[2:]])
_FORWARDED = dict(worker.TaskProcess.forward_reporter_attributes)
_MEANT = [(name, getattr(worker, name)) for name in _NAMES]


def is_for_engine(factory: Any, chosen: Any, runner: Any) -> bool:
    """Whether nobody could tell that the engine does the work.

    Args:
        factory: what made the scheduler and the worker.
        chosen: the scheduler.
        runner: the worker.
    """
    return (
        not _is_strict()
        and type(factory) is _WorkerSchedulerFactory
        and type(chosen) is Scheduler
        and type(runner) is Worker
        and runner._scheduler is chosen
        and not _is_touched(chosen, Scheduler)
        and not _is_touched(runner, Worker)
        and all(getattr(worker, name) is value for name, value in _MEANT)
        and worker.TaskProcess.forward_reporter_attributes == _FORWARDED
        and all(vars(cls).get(name) is value for cls, before in _ORIGINALS for name, value in before.items())
    )


def _is_strict() -> bool:
    """Whether somebody wants Luigi's own way wherever a program could tell: ``RUMBO_LUIGI_COMPAT`` or ``[rumbo]``."""
    wanted = os.environ.get("RUMBO_LUIGI_COMPAT") or get_config().get("rumbo", "luigi_compat", "")
    if wanted not in ("", "strict"):
        raise ConfigurationError(f"[rumbo] luigi_compat is {wanted!r}: write strict, or leave it out.")
    return bool(wanted == "strict")


def _is_touched(thing: Any, cls: type) -> bool:
    """Whether one of the methods is another one on this very object."""
    return any(callable(getattr(cls, name, None)) for name in vars(thing))
