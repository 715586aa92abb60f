"""What is known of an attempt before it begins: its kind, and how long it may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rumbo.pipeline.task import Task

_CO_ASYNC = 0x80 | 0x200
"""Flags of the code of an `async def`, without and with `yield` (inspect.CO_COROUTINE, CO_ASYNC_GENERATOR)."""


def is_async(task: Task) -> bool:
    """Whether `run()` is an `async def`, so that many such attempts can share an event loop."""
    code = getattr(getattr(type(task), "run", None), "__code__", None)
    return bool(getattr(code, "co_flags", 0) & _CO_ASYNC)


def timeout_of(task: Task) -> float | None:
    """Seconds that an attempt may take; 0 for ever; None when the task does not say.

    Most tasks say nothing, and looking whether they do costs much less than asking for their whole policy.
    """
    if getattr(task, "timeout", None) is None and task.worker_timeout is None:
        return None
    return task.retry_policy().timeout
