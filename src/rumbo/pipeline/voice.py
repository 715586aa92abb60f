"""What a task can say about itself, and hear, while its `run()` is under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SPEAKERS: dict[int, Any] = {}
"""The speaker of each task that runs in this process, by the task's `id()`.

They stand here and not on the tasks, so that a task that has run weighs no more than before and stays picklable.
"""


class Spoken:
    """An attribute of a task that is a speaker's method while `run()` is under way, and None at other times.

    An attribute of that name set on the task itself goes before it: this is not a data descriptor.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, task: Any, owner: type) -> Callable[..., Any] | Any | None:
        speaker = SPEAKERS.get(id(task))
        return None if speaker is None else getattr(speaker, self._name)
