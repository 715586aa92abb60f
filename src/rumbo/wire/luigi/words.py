"""Luigi's words for what the machine knows: states, upstream states, and the settings of its scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from rumbo.errors import ProtocolError
from rumbo.scheduler.records import BatchKey, RetryPolicy, State

if TYPE_CHECKING:
    from rumbo.scheduler.machine import Machine
    from rumbo.scheduler.records import TaskRecord

PENDING, RUNNING, BATCH_RUNNING, DONE = "PENDING", "RUNNING", "BATCH_RUNNING", "DONE"
FAILED, DISABLED, UNKNOWN, SUSPENDED = "FAILED", "DISABLED", "UNKNOWN", "SUSPENDED"

STATUS = {
    State.PENDING: PENDING,
    State.RUNNING: RUNNING,
    State.PARKED: RUNNING,
    State.BATCHED: BATCH_RUNNING,
    State.DONE: DONE,
    State.FAILED: FAILED,
    State.DISABLED: DISABLED,
    State.CANCELLED: FAILED,
    State.UNKNOWN: UNKNOWN,
}
"""What Luigi calls each state. The one task that runs on behalf of its batch is RUNNING too: `Dialect` knows which."""

STATES = {
    PENDING: State.PENDING,
    DONE: State.DONE,
    DISABLED: State.DISABLED,
    UNKNOWN: State.UNKNOWN,
}
"""How a task is described that a worker says is in one of these; RUNNING and FAILED need an attempt."""

UPSTREAM_RUNNING, UPSTREAM_MISSING_INPUT = "UPSTREAM_RUNNING", "UPSTREAM_MISSING_INPUT"
UPSTREAM_FAILED, UPSTREAM_DISABLED = "UPSTREAM_FAILED", "UPSTREAM_DISABLED"
_SEVERITY = ("", UPSTREAM_RUNNING, UPSTREAM_MISSING_INPUT, UPSTREAM_FAILED, UPSTREAM_DISABLED)
_UPSTREAM = {
    State.PENDING: 2,
    State.RUNNING: 1,
    State.PARKED: 1,
    State.BATCHED: 1,
    State.DONE: 0,
    State.FAILED: 3,
    State.DISABLED: 4,
    State.CANCELLED: 3,
    State.UNKNOWN: 0,
}

BATCH_RUN = "luigi-batch:"
"""Begins the run of a task that stands for a batch; the batch's id follows. So a restored machine tells them apart."""


class DialectOptions(NamedTuple):
    """The settings of Luigi's scheduler that the dialect needs, by Luigi's names. Times in seconds."""

    retry_count: int = 999_999_999
    """So many failures within the window disable a task that says nothing else."""
    disable_window: float = 3600
    disable_hard_timeout: float = 999_999_999
    disable_persist: float = 86_400
    retry_delay: float = 900
    """A failed task may run again after this long; below 0: only when somebody asks for it."""
    max_shown_tasks: int = 100_000
    max_graph_nodes: int = 100_000
    record_task_history: bool = False
    prune_on_get_work: bool = False
    pause_enabled: bool = True
    send_messages: bool = True
    worker_disconnect_delay: float | None = None
    """Workers that were silent for longer are parted with when the graph is pruned, and what they ran has failed.
    None: whoever owns the machine takes care of silent workers."""

    def retry_policy(self, own: Mapping[str, Any]) -> RetryPolicy:
        """The policy of a task with these settings of its own; those that are None are the scheduler's."""

        def first(name: str, general: float) -> Any:
            value = own.get(name)
            return general if value is None else number(value, name)

        return RetryPolicy(
            disable_after=first("retry_count", self.retry_count),
            window=first("disable_window", self.disable_window),
            hard_timeout=first("disable_hard_timeout", self.disable_hard_timeout),
            disable_for=self.disable_persist,
            reopen_after=self.retry_delay if self.retry_delay >= 0 else None,
        )


DEFAULT_OPTIONS = DialectOptions()


def upstream_status(machine: Machine, task: TaskRecord, known: dict[str, int]) -> str:
    """What holds a task up: the worst of what it waits for, through all that is pending; its own state without needs.

    Args:
        known: answers for tasks that were looked at before; it is added to.
    """
    open_ends = [task]
    while open_ends:
        each = open_ends[-1]
        if each.id in known:
            open_ends.pop()
        elif each.state is not State.PENDING or not each.waits_for:
            known[each.id] = _UPSTREAM[each.state]
            open_ends.pop()
        else:
            needed = [machine.tasks[id] for id in each.waits_for]
            unknown = [one for one in needed if one.id not in known and one.state is not State.DONE]
            if unknown:
                open_ends += unknown
            else:
                known[each.id] = max([known.get(one.id, 0) for one in needed], default=0)
                open_ends.pop()
    return _SEVERITY[known[task.id]]


def pretty(family: str, params: Mapping[str, str]) -> str:
    """A task as people read it: ``Family(a=1, b=2)``."""
    return f"{family}({', '.join([f'{name}={params[name]}' for name in sorted(params)])})"


def plain(value: float) -> float:
    """A number as Luigi would have it in JSON: whole numbers without a fraction."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def batch_key(family: str, params: Mapping[str, str], batched: tuple[str, ...], limit: int) -> BatchKey | None:
    """What a task shares with those that it may be done together with; None if it must be done alone."""
    if limit == 1 or not batched or any(name not in params for name in batched):
        return None
    rest = tuple(sorted((name, text) for name, text in params.items() if name not in batched))
    return BatchKey(family, rest, limit)


# What comes over the network is looked at before the machine sees it, since a command must not fail halfway.


def text(value: object, name: str) -> str:
    """An argument that must be a text."""
    if not isinstance(value, str) or not value:
        raise ProtocolError(f"{name} must be a text that is not empty, not {value!r}.")
    return value


def number(value: object, name: str) -> float:
    """An argument that must be a number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise ProtocolError(f"{name} must be a number, not {value!r}.")
    return value


def texts(value: object, name: str) -> tuple[str, ...]:
    """An argument that must be a list of texts, each named once; None is an empty one."""
    if value is None:
        return ()
    if not isinstance(value, list | tuple | set | frozenset):
        raise ProtocolError(f"{name} must be a list of texts, not {value!r}.")
    return tuple(dict.fromkeys([text(each, f"each of {name}") for each in value]))


def amounts(value: object, name: str) -> dict[str, float]:
    """An argument that must give a number for each of some names; None is an empty one."""
    return {key: number(each, f"{name}[{key!r}]") for key, each in mapping(value, name).items()}


def mapping(value: object, name: str) -> dict[str, Any]:
    """An argument that must be an object with names; None is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ProtocolError(f"{name} must be an object, not {value!r}.")
    return dict(value)
