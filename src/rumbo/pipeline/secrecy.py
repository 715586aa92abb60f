"""What may be said of a task where others hear it: nothing of its private parameters, and of hidden ones not the value.

Messages and tracebacks of a task go to the server and into the history, and either may repeat what the task was given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rumbo.pipeline.parameter import ParameterVisibility

if TYPE_CHECKING:
    from rumbo.pipeline.parameter import Parameter
    from rumbo.pipeline.task import Task

MASK = "***"
PUBLIC, PRIVATE = ParameterVisibility.PUBLIC, ParameterVisibility.PRIVATE
_SHORTEST = 4
"""A shorter value is no secret, and would be found in every other word."""


def is_public(parameter: Parameter[Any]) -> bool:
    """Whether everybody may see the value."""
    return parameter.visibility == PUBLIC


def public_name(task: Task) -> str:
    """A task as others may read it: `repr` with the values masked that are not public."""
    pairs = list(task.get_params())
    if all(is_public(parameter) for _, parameter in pairs):
        return str(task)
    shown = [
        f"{name}={parameter.serialize(getattr(task, name)) if is_public(parameter) else MASK}"
        for name, parameter in pairs
        if parameter.significant
    ]
    return f"{task.get_task_family()}({', '.join(shown)})"


def masked(text: str, *tasks: Task) -> str:
    """A text in which the values of the tasks' private parameters are masked, however they are written."""
    for task in tasks:
        for secret in private_texts(task):
            text = text.replace(secret, MASK)
    return text


def private_texts(task: Task) -> list[str]:
    """What gives a task's private values away, the longest first."""
    found: set[str] = set()
    for name, parameter in task.get_params():
        if parameter.visibility == PRIVATE:
            value = getattr(task, name, None)
            found.update(_parts(value))
            if not isinstance(value, bool) and value is not None:
                found.add(parameter.serialize(value))
    written = {form for text in found for form in (text, repr(text)[1:-1])}
    return sorted((text for text in written if len(text) >= _SHORTEST), key=len, reverse=True)


def private_values(task: Task) -> dict[str, Any]:
    """A task's private parameters, by name. They must stay in this process and its children."""
    return {name: getattr(task, name) for name, parameter in task.get_params() if parameter.visibility == PRIVATE}


def _parts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _parts(each)
    elif isinstance(value, tuple | list | set | frozenset):
        for each in value:
            yield from _parts(each)
