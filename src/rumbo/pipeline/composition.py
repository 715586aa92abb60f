"""Tasks made from other tasks: taking over parameters and requirements without inheriting the class."""

from __future__ import annotations

import datetime as dt
from typing import Any

from rumbo.pipeline.registry import Register
from rumbo.pipeline.structure import flatten
from rumbo.pipeline.task import _task_wraps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeVar

    from rumbo.pipeline.task import Task

    T = TypeVar("T", bound=type)
    AnyTask = TypeVar("AnyTask", bound=Task)


def common_params(task_instance: Task, task_cls: type[Task]) -> dict[str, Any]:
    """The values of a task that have a parameter of the same name in a class.

    Raises:
        TypeError: a task was given instead of a class.
    """
    if not isinstance(task_cls, Register):
        raise TypeError(
            f"common_params needs a task and a task class, but its second argument is {task_cls!r}. "
            "Give the class without calling it."
        )
    own = task_instance.param_kwargs
    common = [(name, parameter) for name, parameter in task_cls.get_params() if name in own]
    return dict(task_instance.get_param_values(common, [], {name: own[name] for name, _ in common}))


class inherits:  # noqa: N801 - a decorator
    """Gives a class the parameters of others, and ``clone_parent()`` and ``clone_parents()`` to make their tasks.

    A parameter that the class has already is kept.

        @inherits(Extract)
        class Clean(Task):
            def requires(self):
                return self.clone_parent()

    Args:
        tasks_to_inherit: classes; ``clone_parent()`` makes a task of the first, ``clone_parents()`` a list of all.
        kw_tasks_to_inherit: or classes by name; ``clone_parents()`` makes a dictionary.
    """

    def __init__(self, *tasks_to_inherit: Any, **kw_tasks_to_inherit: Any) -> None:
        given = ", ".join([*map(_name, tasks_to_inherit), *kw_tasks_to_inherit])
        if not given:
            raise TypeError(f"@{type(self).__name__} needs at least one task class: @{type(self).__name__}(Extract).")
        if tasks_to_inherit and kw_tasks_to_inherit:
            raise TypeError(
                f"@{type(self).__name__} takes classes either all by position or all by name, but got {given}."
            )
        self.tasks_to_inherit = tasks_to_inherit
        self.kw_tasks_to_inherit = kw_tasks_to_inherit

    def __call__(self, task_that_inherits: T) -> T:
        """Decorate a class; it is changed in place."""
        for parent in self.tasks_to_inherit or self.kw_tasks_to_inherit.values():
            for name, parameter in parent.get_params():
                if not hasattr(task_that_inherits, name):
                    setattr(task_that_inherits, name, parameter)
        target: Any = task_that_inherits
        if self.tasks_to_inherit:
            target.clone_parent = _clones_first(self.tasks_to_inherit[0])
            target.clone_parents = _clones_list(self.tasks_to_inherit)
        else:
            target.clone_parents = _clones_dictionary(self.kw_tasks_to_inherit)
        return task_that_inherits


def _name(cls: Any) -> str:
    return getattr(cls, "__name__", None) or repr(cls)


def _clones_first(parent: Any) -> Any:
    def clone_parent(self: Task, **kwargs: Any) -> Any:
        """The task that this one takes its parameters from."""
        return self.clone(cls=parent, **kwargs)

    return clone_parent


def _clones_list(parents: Iterable[Any]) -> Any:
    def clone_parents(self: Task, **kwargs: Any) -> Any:
        """The tasks that this one takes its parameters from."""
        return [self.clone(cls=parent, **kwargs) for parent in parents]

    return clone_parents


def _clones_dictionary(parents: dict[str, Any]) -> Any:
    def clone_parents(self: Task, **kwargs: Any) -> Any:
        """The tasks that this one takes its parameters from, by name."""
        return {name: self.clone(cls=parent, **kwargs) for name, parent in parents.items()}

    return clone_parents


class requires:  # noqa: N801 - a decorator
    """Like `inherits`, and the class requires the tasks of the others.

    One class by position is required as one task, several as a list, classes by name as a dictionary.
    """

    def __init__(self, *tasks_to_require: Any, **kw_tasks_to_require: Any) -> None:
        self._inherits = _Inherits(*tasks_to_require, **kw_tasks_to_require)
        self.tasks_to_require = tasks_to_require
        self.kw_tasks_to_require = kw_tasks_to_require

    def __call__(self, task_that_requires: T) -> T:
        """Decorate a class; it is changed in place."""
        decorated: Any = self._inherits(task_that_requires)
        decorated.requires = _requires_one if len(self.tasks_to_require) == 1 else _requires_all
        return task_that_requires


class _Inherits(inherits):
    """`inherits` as a part of `requires`, whose name its errors give."""


_Inherits.__name__ = "requires"


def _requires_one(self: Any) -> Any:
    """The task that this one takes its parameters from."""
    return self.clone_parent()


def _requires_all(self: Any) -> Any:
    """The tasks that this one takes its parameters from."""
    return self.clone_parents()


class copies:  # noqa: N801 - a decorator
    """Gives a class a requirement, and a ``run()`` that copies the requirement's output, line by line, to its own."""

    def __init__(self, task_to_copy: Any) -> None:
        self.requires_decorator = requires(task_to_copy)

    def __call__(self, task_that_copies: T) -> T:
        """Decorate a class; a class derived from it takes its place."""
        base: Any = self.requires_decorator(task_that_copies)

        @_task_wraps(base)
        class Wrapped(base):  # type: ignore[misc]
            def run(self) -> None:
                with self.input().open("r") as source, self.output().open("w") as copy:
                    for line in source:
                        copy.write(line)

        return Wrapped  # type: ignore[return-value]


def delegates(task_that_delegates: T) -> T:
    """Lets a task run others inside itself: those that its method ``subtasks()`` gives.

    The subtasks run before the task's own ``run()``, in the same attempt; the scheduler does not see them, and
    what they require is required by the task.

    Raises:
        AttributeError: the class has no method ``subtasks``.
    """
    base: Any = task_that_delegates
    if not hasattr(base, "subtasks"):
        raise AttributeError(f"{base.__name__} needs a method subtasks() that gives the tasks to delegate to.")

    @_task_wraps(base)
    class Wrapped(base):  # type: ignore[misc]
        def deps(self) -> list[Any]:
            return flatten(self.requires()) + flatten([task.deps() for task in flatten(self.subtasks())])

        def run(self) -> Any:
            for task in flatten(self.subtasks()):
                task.run()
            return base.run(self)

    return Wrapped  # type: ignore[return-value]


def previous(task: AnyTask) -> AnyTask:
    """The task of the same class one step earlier in time, by its one parameter that is a date, moment or interval.

    Raises:
        NotImplementedError: it has no such parameter, or several.
    """
    from rumbo.pipeline.parameters.dates import (
        DateHourParameter,
        DateIntervalParameter,
        DateMinuteParameter,
        DateParameter,
        DateSecondParameter,
    )

    steps = [
        (DateParameter, dt.timedelta(days=1)),  # months and years too: the day before is in the one before
        (DateSecondParameter, dt.timedelta(seconds=1)),
        (DateMinuteParameter, dt.timedelta(minutes=1)),
        (DateHourParameter, dt.timedelta(hours=1)),
    ]
    earlier: dict[str, Any] = {}
    for name, parameter in task.get_params():
        value = getattr(task, name)
        if isinstance(parameter, DateIntervalParameter):
            earlier[name] = value.prev()
            continue
        for kind, step in steps:
            if isinstance(parameter, kind):
                earlier[name] = value - step
                break
    if len(earlier) == 1:
        before: AnyTask = task.clone(**earlier)
        return before
    found = f"several ({', '.join(earlier)})" if earlier else "none"
    raise NotImplementedError(
        f"{task.get_task_family()} needs exactly one parameter that is a date, moment or interval, so that there is a "
        f"previous task; it has {found}."
    )


def get_previous_completed(task: AnyTask, max_steps: int = 10) -> AnyTask | None:
    """The nearest earlier task that is complete, or None when the last ``max_steps`` are not."""
    current = task
    for _ in range(max_steps):
        current = previous(current)
        if current.complete():
            return current
    return None
