"""Who holds how much of what, and for whom what comes free is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rumbo.scheduler.records import NO_RESOURCES, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rumbo.scheduler.records import Lease, TaskRecord, WorkerRecord

DEFAULT_CAPACITY = 1.0
"""There is one of each resource that nobody has set (Luigi's rule)."""

DUST = 1e-9
"""Fractions do not add up exactly: ten times 0.1 must fit into 1, and must leave nothing behind."""


class Resources:
    """Amounts held by leases, and claims of tasks that a worker could run but for what others hold.

    A resource belongs to all workers together, unless a worker says that it has some of its own (its processors, its
    memory): then that worker's attempts share what it has, whatever there is elsewhere.

    A claim keeps tasks that come later in the order of work from taking what the claimant waits for, or else a task
    that needs much would starve behind many that need little. A worker claims for no more tasks than it has room for,
    so that one with a long list does not lock the others out. A task that asks for more than there is at all has no
    claim: holding the others up would not help it.
    """

    __slots__ = ("capacity", "claims", "used")

    def __init__(self, capacity: Mapping[str, float]) -> None:
        self.capacity = dict(capacity)
        self.used: dict[str, float] = {}
        self.claims: dict[TaskRecord, dict[str, None]] = {}
        """The tasks that claim what they need, and the workers for which they do. Void while the task is not in
        line."""

    def total(self, name: str) -> float:
        """How much there is of a resource that all share."""
        return self.capacity.get(name, DEFAULT_CAPACITY)

    def lacking(self, task: TaskRecord, worker: WorkerRecord) -> str:
        """The first resource that keeps this task from running on a worker now; empty when it fits."""
        for name, amount in task.spec.resources.items():
            if name in worker.capacity:
                total, taken = worker.capacity[name], worker.used.get(name, 0.0)
                if self.claims:
                    taken += self.claimed(name, task, worker.id)
            else:
                total, taken = self.total(name), self.used.get(name, 0.0)
                if self.claims:
                    taken += self.claimed(name, task)
            if taken + amount > total + DUST:
                return name
        return ""

    def claimed(self, name: str, task: TaskRecord, worker: str | None = None) -> float:
        """How much of a resource is kept for tasks that come before this one in the order of work.

        With ``worker``: how much of its own it keeps for them.
        """
        place = place_of(task)
        return sum(
            claimant.spec.resources.get(name, 0.0)
            for claimant, workers in self.claims.items()
            if claimant.queued is not None and claimant.queued < place and (worker is None or worker in workers)
        )

    def can_ever_fit(self, task: TaskRecord, worker: WorkerRecord) -> bool:
        """Whether there is as much of everything as the task needs, counting what others hold."""
        return all(
            amount <= (worker.capacity[name] if name in worker.capacity else self.total(name)) + DUST
            for name, amount in task.spec.resources.items()
        )

    def claim(self, task: TaskRecord, worker: WorkerRecord) -> bool:
        """Keep what a task needs for it, on behalf of a worker; False when it could never get it there."""
        if not self.can_ever_fit(task, worker):
            return False
        self.claims.setdefault(task, {})[worker.id] = None
        return True

    def drop_claims(self, worker: str) -> None:
        """Drop the claims made on behalf of a worker."""
        for task in [task for task, workers in self.claims.items() if worker in workers]:
            del self.claims[task][worker]
            if not self.claims[task]:
                del self.claims[task]

    def set_capacity(self, name: str, amount: float) -> None:
        """Change how much there is. What is held stays held; claims are made anew, for some may not fit any more."""
        self.capacity[name] = amount
        self.claims.clear()

    def hold(self, lease: Lease, needs: Mapping[str, float], worker: WorkerRecord) -> None:
        """Take what a task needs for the lease under which a worker runs it."""
        lease.resources = needs
        if worker.capacity:
            lease.resources = {name: amount for name, amount in needs.items() if name not in worker.capacity}
            lease.own = {name: amount for name, amount in needs.items() if name in worker.capacity}
            _add(worker.used, lease.own)
        _add(self.used, lease.resources)

    def take_back(
        self, lease: Lease, shared: Mapping[str, float], own: Mapping[str, float], worker: WorkerRecord
    ) -> None:
        """Let a lease that is restored hold what it held."""
        lease.resources, lease.own = shared, own
        _add(self.used, shared)
        _add(worker.used, own)

    def release(self, lease: Lease, worker: WorkerRecord) -> None:
        """Give back all that a lease holds."""
        _subtract(self.used, lease.resources)
        _subtract(worker.used, lease.own)
        lease.resources = lease.own = NO_RESOURCES

    def shrink(self, lease: Lease, amounts: Mapping[str, float], worker: WorkerRecord) -> None:
        """Give back part of what a lease holds; never more than that."""
        lease.resources = _give_back(self.used, lease.resources, amounts)
        lease.own = _give_back(worker.used, lease.own, amounts)

    def change_own(self, worker: WorkerRecord, capacity: Mapping[str, float], leases: Iterable[Lease]) -> None:
        """A worker has more or less of its own than it said before. What its leases hold stays held where it was."""
        worker.capacity = capacity
        worker.used = {}
        for lease in leases:
            _add(worker.used, lease.own)
        self.drop_claims(worker.id)


def _give_back(used: dict[str, float], held: Mapping[str, float], amounts: Mapping[str, float]) -> Mapping[str, float]:
    given = {name: min(max(amounts.get(name, 0.0), 0.0), amount) for name, amount in held.items()}
    _subtract(used, given)
    return {name: amount - given[name] for name, amount in held.items()} if held else held


def _add(used: dict[str, float], amounts: Mapping[str, float]) -> None:
    for name, amount in amounts.items():
        used[name] = used.get(name, 0.0) + amount


def _subtract(used: dict[str, float], amounts: Mapping[str, float]) -> None:
    for name, amount in amounts.items():
        left = used.pop(name, 0.0) - amount
        if left > DUST:
            used[name] = left
