"""How often a task is tried again, after what, and how long it may take."""

from __future__ import annotations

from typing import Any, NamedTuple

HOUR = 3600.0


class Retry(NamedTuple):
    """The policy of one task. None means: as the settings say.

    The typed style sets ``retries``, ``delay`` or ``delays``, and ``retry_on``: retries within one run. Luigi's
    style sets ``disable_after``, ``window`` and ``hard_timeout``: when the scheduler gives the task up.
    """

    retries: int = 0
    """How many times more after the first attempt failed."""
    delays: tuple[float, ...] | None = None
    """Seconds before the first, second ... retry; the last one holds for all that follow."""
    delay: float = 1.0
    """Seconds before the first retry, when ``delays`` is None."""
    factor: float = 2.0
    """By how much each delay is longer than the one before."""
    max_delay: float = HOUR
    """No delay is longer, in seconds."""
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    """Only these exceptions are worth another attempt."""
    disable_after: int | None = None
    """So many failures within ``window`` disable the task."""
    window: float | None = None
    """Seconds in which failures are counted together."""
    hard_timeout: float | None = None
    """Seconds after the first failure from which the task is disabled."""
    timeout: float | None = None
    """Seconds that one attempt may take; 0 is no limit."""

    def delay_before(self, retry: int) -> float:
        """Seconds to wait before the given retry, counted from 1."""
        if self.delays is not None:
            return self.delays[min(retry, len(self.delays)) - 1] if self.delays else 0.0
        try:
            return min(self.delay * self.factor ** (retry - 1), self.max_delay)
        except OverflowError:
            return self.max_delay


def luigi_policy(task: Any) -> Retry:
    """The policy by Luigi's attributes. Others, such as ``timeout``, may be anything in a Luigi program."""
    return Retry(
        disable_after=task.retry_count,
        window=task.disable_window,
        hard_timeout=task.disable_hard_timeout,
        timeout=_number_or_none(task, "worker_timeout", task.worker_timeout, (int, float)),
    )


def typed_policy(task: Any) -> Retry:
    """The policy by the attributes of either style.

    Raises:
        TaskError: an attribute has a value that means nothing.
    """
    delay, delays = _backoff(task, task.backoff)
    timeout = _number_or_none(task, "timeout", task.timeout, (int, float))
    policy = luigi_policy(task)
    return policy._replace(
        retries=_number_or_none(task, "retries", task.retries, int) or 0,
        delays=delays,
        delay=delay,
        retry_on=_exceptions(task, task.retry_on),
        timeout=policy.timeout if timeout is None else timeout,
    )


def _number_or_none(task: Any, name: str, value: Any, kind: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, kind) or value < 0:
        raise _wrong(task, name, value, "a whole number, 0 or more" if kind is int else "seconds, 0 or more")
    return value


def _backoff(task: Any, value: Any) -> tuple[float, tuple[float, ...] | None]:
    if isinstance(value, (list, tuple)):
        return 0.0, tuple(_seconds(task, item, value) for item in value)
    return _seconds(task, value, value), None


def _seconds(task: Any, item: Any, whole: Any) -> float:
    if isinstance(item, bool) or not isinstance(item, (int, float)) or item < 0:
        raise _wrong(task, "backoff", whole, "seconds (the first delay, doubled each time) or a tuple of seconds")
    return float(item)


def _exceptions(task: Any, value: Any) -> tuple[type[BaseException], ...]:
    classes = value if isinstance(value, tuple) else tuple(value) if isinstance(value, list) else (value,)
    for item in classes:
        if not (isinstance(item, type) and issubclass(item, BaseException)):
            raise _wrong(task, "retry_on", value, "an exception class or a tuple of them, such as (OSError,)")
    return classes


def _wrong(task: Any, name: str, value: Any, expected: str) -> Exception:
    from rumbo.errors import TaskError

    return TaskError(f"{task.get_task_family()}.{name} is {value!r}, but must be {expected}.")
