"""What follows a failure: another attempt, a rest, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rumbo.scheduler.records import TaskRecord


class Verdict(NamedTuple):
    """What follows a failure."""

    failures: tuple[float, ...]
    """The failures that count from now on, this one included."""
    disabled_until: float | None = None
    """Not None: the task rests until then."""
    retry_at: float | None = None
    """Not None: it is tried again then."""
    promised: bool = False
    """The retry was granted by the author for this very run, so the run waits for it."""


def judge(task: TaskRecord, retryable: bool, now: float) -> Verdict:
    """Decide by the task's policy what follows its failure at ``now``.

    Failures older than the window do not count. A task that reached `disable_after`, or that still fails
    `hard_timeout` seconds after its first failure, is disabled whatever retries it has left.
    """
    policy = task.spec.retry
    counted = task.failures
    if policy.window is not None:
        counted = tuple(moment for moment in counted if moment > now - policy.window)
    counted = (*counted, now)
    too_many = policy.disable_after is not None and len(counted) >= policy.disable_after
    too_long = policy.hard_timeout is not None and len(counted) > 1 and now - counted[0] >= policy.hard_timeout
    if too_many or too_long:
        return Verdict(counted, disabled_until=now + policy.disable_for)
    if retryable and task.retries_used < policy.retries:
        return Verdict(counted, retry_at=now + policy.wait(task.retries_used + 1), promised=True)
    if policy.reopen_after is not None:
        return Verdict(counted, retry_at=now + policy.reopen_after)
    return Verdict(counted)
