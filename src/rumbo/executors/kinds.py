"""What is known of an attempt before it begins: its kind, and how long it may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rumbo.scheduler.records import Outcome

if TYPE_CHECKING:
    from rumbo.pipeline.task import Task
    from rumbo.ports import Ended

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


class Limit(NamedTuple):
    """How long an attempt, or a stretch of it, may run."""

    seconds: float
    message: str
    """What to say when that is over."""


class Allowances:
    """How long attempts may still run: their timeouts, less what they ran before they paused. The pauses do not count.

    Args:
        default: seconds for tasks that do not say; None or 0 for ever.
    """

    def __init__(self, default: float | None = None) -> None:
        self._default = default
        self._used: dict[int, float] = {}

    def limit(self, lease: int, task: Task) -> Limit | None:
        """For the stretch that begins now; None: no limit."""
        own = timeout_of(task)
        seconds = self._default if own is None else own
        if not seconds:
            return None
        left = max(seconds - self._used.get(lease, 0.0), _LEAST)
        return Limit(left, f"{task} took longer than its timeout of {seconds:g} s.")

    def note(self, ended: Ended) -> None:
        """A stretch is over."""
        if ended.outcome is Outcome.PARKED:
            self._used[ended.lease] = self._used.get(ended.lease, 0.0) + ended.seconds
        elif self._used:
            self._used.pop(ended.lease, None)


_LEAST = 0.001
"""Seconds that are left to an attempt whose time is used up: nothing runs without a limit that has one."""
