"""Who holds how much of what, and for whom what comes free is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rumbo.scheduler.records import place_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rumbo.scheduler.records import TaskRecord

DEFAULT_CAPACITY = 1.0
"""There is one of each resource that nobody has set (Luigi's rule)."""

DUST = 1e-9
"""Fractions do not add up exactly: ten times 0.1 must fit into 1, and must leave nothing behind."""


class Resources:
    """Amounts held by leases, and claims of tasks that a worker could run but for what others hold.

    A claim keeps tasks that come later in the order of work from taking what the claimant waits for, or else a task
    that needs much would starve behind many that need little. A worker claims for no more tasks than it has room for,
    so that one with a long list does not lock the others out. A task that asks for more than there is at all has no
    claim: holding the others up would not help it.
    """

    __slots__ = ("capacity", "claims", "used")

    def __init__(self, capacity: Mapping[str, float]) -> None:
        self.capacity = dict(capacity)
        self.used: dict[str, float] = {}
        self.claims: dict[TaskRecord, str] = {}
        """The tasks that claim what they need, and the worker for which they do. Void while the task is not in line."""

    def total(self, name: str) -> float:
        """How much there is of a resource."""
        return self.capacity.get(name, DEFAULT_CAPACITY)

    def lacking(self, task: TaskRecord) -> str:
        """The first resource that keeps this task from running now; empty when it fits."""
        for name, amount in task.spec.resources.items():
            taken = self.used.get(name, 0.0)
            if self.claims:
                taken += self.claimed(name, task)
            if taken + amount > self.total(name) + DUST:
                return name
        return ""

    def claimed(self, name: str, task: TaskRecord) -> float:
        """How much of a resource is kept for tasks that come before this one in the order of work."""
        place = place_of(task)
        return sum(
            claimant.spec.resources.get(name, 0.0)
            for claimant in self.claims
            if claimant.queued is not None and claimant.queued < place
        )

    def can_ever_fit(self, task: TaskRecord) -> bool:
        """Whether there is as much of everything as the task needs, counting what others hold."""
        return all(amount <= self.total(name) + DUST for name, amount in task.spec.resources.items())

    def claim(self, task: TaskRecord, worker: str) -> bool:
        """Keep what a task needs for it, on behalf of a worker; False when it could never get it."""
        if not self.can_ever_fit(task):
            return False
        self.claims.setdefault(task, worker)
        return True

    def drop_claims(self, worker: str) -> None:
        """Drop the claims made on behalf of a worker."""
        for task in [task for task, claimant in self.claims.items() if claimant == worker]:
            del self.claims[task]

    def set_capacity(self, name: str, amount: float) -> None:
        """Change how much there is. What is held stays held; claims are made anew, for some may not fit any more."""
        self.capacity[name] = amount
        self.claims.clear()

    def hold(self, amounts: Mapping[str, float]) -> None:
        """Take amounts for a lease."""
        for name, amount in amounts.items():
            self.used[name] = self.used.get(name, 0.0) + amount

    def release(self, amounts: Mapping[str, float]) -> None:
        """Give amounts back."""
        for name, amount in amounts.items():
            left = self.used.pop(name, 0.0) - amount
            if left > DUST:
                self.used[name] = left
