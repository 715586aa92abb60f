"""Requirements that are found while a task runs."""

from __future__ import annotations

from rumbo.pipeline.structure import flatten, getpaths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rumbo.pipeline.task import Task

    CompleteFunction = Callable[[Task], bool]


class DynamicRequirements:
    """Many requirements yielded from ``run()`` at once, with a cheaper way to ask whether they are complete.

    Args:
        requirements: a task, or lists, tuples and dictionaries of tasks.
        custom_complete: called with a function that says whether one task is complete; says whether all are.
    """

    def __init__(self, requirements: Any, custom_complete: Callable[[CompleteFunction], bool] | None = None) -> None:
        self.requirements = requirements
        self.custom_complete = custom_complete
        self._flat_requirements: list[Task] | None = None
        self._paths: Any = None

    @property
    def flat_requirements(self) -> list[Task]:
        """The requirements as one list."""
        if self._flat_requirements is None:
            self._flat_requirements = flatten(self.requirements)
        return self._flat_requirements

    @property
    def paths(self) -> Any:
        """The outputs of the requirements, in their shape: what ``yield`` gives back."""
        if self._paths is None:
            self._paths = getpaths(self.requirements)
        return self._paths

    def complete(self, complete_fn: CompleteFunction | None = None) -> bool:
        """Whether all requirements are complete."""
        ask = complete_fn or _ask_task
        if self.custom_complete:
            return self.custom_complete(ask)
        return all(ask(task) for task in self.flat_requirements)


def _ask_task(task: Task) -> bool:
    return task.complete()
