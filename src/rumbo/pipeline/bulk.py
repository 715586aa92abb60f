"""Whether many tasks are complete, asked at once where their class can answer for many."""

from __future__ import annotations

from rumbo.pipeline.task import BulkCompleteNotImplementedError, MixinNaiveBulkComplete, Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any


def answers_in_bulk(cls: type[Task]) -> bool:
    """Whether a class has a ``bulk_complete`` of its own that is more than asking one task after the other."""
    own: Any = cls.bulk_complete
    plain: list[Any] = [Task.bulk_complete, MixinNaiveBulkComplete.bulk_complete]
    return getattr(own, "__func__", own) not in [method.__func__ for method in plain]


def complete_in_bulk(tasks: Sequence[Task]) -> list[bool] | None:
    """Whether each of some tasks of one class is complete, by one call of ``bulk_complete``.

    The method gets values, not tasks: plain ones from a class with one positional parameter, else tuples in the
    order of the constructor's arguments, or dictionaries when a parameter takes no position.

    Args:
        tasks: all of the same class.

    Returns:
        An answer for each task, in order; None when the class cannot answer in bulk, so that each task is asked.
    """
    cls = type(tasks[0])
    if not answers_in_bulk(cls):
        return None
    values = [_arguments(cls, task) for task in tasks]
    try:
        complete = list(cls.bulk_complete(values))
    except (BulkCompleteNotImplementedError, NotImplementedError):
        return None
    return _membership(values, complete)


def _arguments(cls: type[Task], task: Task) -> Any:
    params = cls.get_params()
    values = task.param_kwargs
    if not all(parameter.positional for _, parameter in params):
        return dict(values)
    in_order = tuple(values[name] for name, _ in params)
    return in_order[0] if len(in_order) == 1 else in_order


def _membership(values: Sequence[Any], complete: Iterable[Any]) -> list[bool]:
    complete = [tuple(item) if isinstance(item, list) else item for item in complete]
    try:
        found = set(complete)
        return [value in found for value in values]
    except TypeError:  # dictionaries, or values that cannot be hashed
        return [value in complete for value in values]
