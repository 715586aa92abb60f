"""What may be said of a task where others hear it: nothing of its private parameters.

Messages and tracebacks of a task go to the server and into the history, and either may repeat what the task was given.
What a task is called there is `str()` of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rumbo.pipeline.parameter import ParameterVisibility

if TYPE_CHECKING:
    from rumbo.pipeline.task import Task

MASK = "***"
PRIVATE = ParameterVisibility.PRIVATE
PUBLIC = ParameterVisibility.PUBLIC
_SHORTEST = 4
"""A shorter value is no secret, and would be found in every other word."""


def masked(text: str, *tasks: Task, with_hidden: bool = False) -> str:
    """A text in which the values of the tasks' private parameters are masked, however they are written.

    Args:
        with_hidden: those of hidden parameters too.
    """
    for task in tasks:
        for secret in private_texts(task, with_hidden):
            text = text.replace(secret, MASK)
    return text


def private_texts(task: Task, with_hidden: bool = False) -> list[str]:
    """What gives a task's private values away, and hidden ones if asked for, the longest first."""
    found: set[str] = set()
    for name, parameter in task.get_params():
        if parameter.visibility == PRIVATE or (with_hidden and parameter.visibility != PUBLIC):
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
