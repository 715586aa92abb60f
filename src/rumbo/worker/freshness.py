"""Whether a complete task is older than what it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rumbo.pipeline.structure import flatten

if TYPE_CHECKING:
    from rumbo.worker.plan import Node


class Age(NamedTuple):
    """When the outputs of a task were made: seconds since the epoch."""

    oldest: float
    newest: float


class Freshness:
    """Compares the ages of outputs, as `make` does, for targets that know when they were made.

    A deep plan asks this. Without it, a deep run that was interrupted after it had made a lost input again, and before
    it had made again what depends on that input, would leave old outputs behind that count as complete for ever.
    """

    def __init__(self) -> None:
        self._ages: dict[str, Age | None] = {}

    def newer_input(self, node: Node) -> Node | None:
        """The first of the tasks that a complete task requires with an output newer than its own; None if none."""
        own = self._age_of_outputs(node)
        if own is None:
            return None
        for needed in node.needs:
            age = self.age(needed)
            if age is not None and age.newest > own.oldest:
                return needed
        return None

    def age(self, node: Node) -> Age | None:
        """When a complete task was made; for one without outputs, when what it requires was. None: nobody can tell.

        To be asked of dependencies before dependents, which keeps this from going deep.
        """
        if node.id not in self._ages:
            own = self._age_of_outputs(node)
            if own is None:
                below = [age for age in (self._ages.get(needed.id) for needed in node.needs) if age is not None]
                own = Age(min(age.oldest for age in below), max(age.newest for age in below)) if below else None
            self._ages[node.id] = own
        return self._ages[node.id]

    @staticmethod
    def _age_of_outputs(node: Node) -> Age | None:
        moments = [output.modified() for output in flatten(node.task.output()) if hasattr(output, "modified")]
        known = [moment for moment in moments if moment is not None]
        return Age(min(known), max(known)) if known else None
