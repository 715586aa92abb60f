"""Who holds how much of what, and who has claimed what comes free next."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from rumbo.scheduler.ready import Rank, rank

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rumbo.scheduler.records import TaskRecord

DEFAULT_CAPACITY = 1.0
"""There is one of each resource that nobody has set (Luigi's rule)."""


class Resources:
    """Amounts held by leases, and claims of tasks that were found ready but did not fit.

    A claim keeps tasks that come later in the order of work from taking what the claimant waits for, or else a task
    that needs much would starve behind many that need little. A task that asks for more than there is at all waits
    without a claim: holding the others up would not help it.
    """

    __slots__ = ("_claims", "_firsts", "capacity", "claimed", "used", "waiting")

    def __init__(self, capacity: Mapping[str, float]) -> None:
        self.capacity = dict(capacity)
        self.used: dict[str, float] = {}
        self.claimed: dict[str, float] = {}
        """Sum of all claims on each resource."""
        self.waiting: dict[str, list[tuple[float, int, str]]] = {}
        """For each resource a heap of the tasks that wait for it to come free."""
        self._claims: dict[str, tuple[Rank, Mapping[str, float]]] = {}
        self._firsts: dict[str, list[tuple[Rank, str]]] = {}
        """For each resource a heap of its claimants, so that the first in the order of work is known."""

    def total(self, name: str) -> float:
        """How much there is of a resource."""
        return self.capacity.get(name, DEFAULT_CAPACITY)

    def lacking(self, task: TaskRecord) -> str:
        """The first resource that keeps this task from running now; empty when it fits."""
        place = rank(task)
        own = self._claims.get(task.id)
        for name, amount in task.spec.resources.items():
            taken = self.used.get(name, 0.0)
            if name in self.claimed and self._is_behind_a_claim(name, place):
                taken += self.claimed[name] - (own[1].get(name, 0.0) if own else 0.0)
            if taken + amount > self.total(name):
                return name
        return ""

    def _is_behind_a_claim(self, name: str, place: Rank) -> bool:
        firsts = self._firsts[name]
        while firsts:
            first, id = firsts[0]
            claim = self._claims.get(id)
            if claim is not None and claim[0] == first and name in claim[1]:
                return first < place
            heappop(firsts)
        return False

    def hold(self, amounts: Mapping[str, float]) -> None:
        """Take amounts for a lease."""
        for name, amount in amounts.items():
            self.used[name] = self.used.get(name, 0.0) + amount

    def release(self, amounts: Mapping[str, float]) -> None:
        """Give amounts back."""
        for name, amount in amounts.items():
            left = self.used[name] - amount
            # Fractions of a resource must not leave dust behind that keeps a whole one from fitting.
            if left < 1e-9:
                del self.used[name]
            else:
                self.used[name] = left

    def wait(self, task: TaskRecord, name: str) -> None:
        """Let a task wait for a resource, with a claim on all that it needs if it can ever fit."""
        task.blocked_on = name
        heappush(self.waiting.setdefault(name, []), (-task.priority, task.order, task.id))
        needs = task.spec.resources
        self.unclaim(task)
        if all(amount <= self.total(each) for each, amount in needs.items()):
            place = rank(task)
            self._claims[task.id] = (place, needs)
            for each, amount in needs.items():
                self.claimed[each] = self.claimed.get(each, 0.0) + amount
                heappush(self._firsts.setdefault(each, []), (place, task.id))

    def unclaim(self, task: TaskRecord) -> Mapping[str, float]:
        """Drop a task's claim, if it has one; gives what it had claimed."""
        claim = self._claims.pop(task.id, None)
        if claim is None:
            return {}
        for name, amount in claim[1].items():
            left = self.claimed[name] - amount
            if left < 1e-9:
                del self.claimed[name]
            else:
                self.claimed[name] = left
        return claim[1]

    def has_claim(self, task: TaskRecord) -> bool:
        """Whether a task has a claim."""
        return task.id in self._claims

    def freed(self, name: str, tasks: Mapping[str, TaskRecord]) -> list[TaskRecord]:
        """Take from the line those tasks that the free amount of a resource may now serve, in the order of work."""
        heap = self.waiting.get(name)
        if not heap:
            return []
        free = self.total(name) - self.used.get(name, 0.0)
        served: list[TaskRecord] = []
        oversized: list[tuple[float, int, str]] = []
        while heap:
            task = tasks.get(heap[0][2])
            if task is None or task.blocked_on != name or task.priority != -heap[0][0]:
                heappop(heap)
                continue
            amount = task.spec.resources.get(name, 0.0)
            if amount > self.total(name):
                oversized.append(heappop(heap))
                continue
            if amount > free:
                break
            heappop(heap)
            free -= amount
            task.blocked_on = ""
            served.append(task)
        for entry in oversized:
            heappush(heap, entry)
        if not heap:
            del self.waiting[name]
        return served
