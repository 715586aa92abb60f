"""What a task made, and what those made that it needs: each thing as it was written and as it is now."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from rumbo.artifacts.sight import Sight
    from rumbo.history import Artifact, History, MadeRow, TaskRow


class Look(Protocol):
    """Looks at something, which was made on this machine or on another one."""

    def __call__(self, artifact: Artifact, is_near: bool) -> Sight:
        """What is seen now."""
        ...


class Seen(NamedTuple):
    """One thing, then and now."""

    artifact: Artifact
    sight: Sight


class Share(NamedTuple):
    """What one task made."""

    task_id: str
    family: str
    state: str
    made: MadeRow | None
    """None: the history knows of nothing."""
    things: tuple[Seen, ...]


class Report(NamedTuple):
    """Outputs and inputs of one task."""

    outputs: Share
    inputs: tuple[Share, ...]
    more_inputs: int
    """So many more tasks it needs."""


def report(history: History, task: TaskRow, look: Look, limit: int = 50) -> Report:
    """The report on a task.

    Args:
        limit: of so many tasks that it needs is told.
    """
    share = _sharer(history, look)
    needs, more = history.needs(task, limit)
    inputs = tuple([share(each.task_id, each.family, each.state) for each in needs])
    return Report(share(task.id, task.family, task.state), inputs, more)


def seen(made: MadeRow, artifact: Artifact, look: Look) -> Seen:
    """One thing of what a task made, as it is now."""
    return Seen(artifact, look(artifact, made.host == socket.gethostname()))


def _sharer(history: History, look: Look) -> Callable[[str, str, str], Share]:
    def share(task_id: str, family: str, state: str) -> Share:
        made = history.made(task_id)
        things = () if made is None else tuple([seen(made, each, look) for each in made.artifacts])
        return Share(task_id, family, state, made, things)

    return share
