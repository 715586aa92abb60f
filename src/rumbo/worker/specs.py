"""Tasks as the scheduler hears of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from rumbo.errors import TaskError
from rumbo.pipeline.parameter import ParameterVisibility
from rumbo.pipeline.secrecy import private_values
from rumbo.pipeline.task import Task
from rumbo.scheduler.records import NO_PARAMS, NO_RESOURCES, BatchKey, RetryPolicy, State, TaskSpec
from rumbo.worker.plan import Node, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeVar

    from rumbo.pipeline.retry import Retry

    Number = TypeVar("Number", int, float)

PRIVATE, HIDDEN = ParameterVisibility.PRIVATE, ParameterVisibility.HIDDEN
_RETRY_ATTRIBUTES = frozenset(
    ("retries", "backoff", "retry_on", "timeout", "retry_count", "disable_window", "disable_window_seconds")
    + ("disable_hard_timeout", "worker_timeout", "retry_policy")
)


class RetryDefaults(NamedTuple):
    """What holds for tasks that do not say it themselves. Times in seconds; None: not at all."""

    disable_after: int | None = None
    window: float | None = None
    hard_timeout: float | None = None
    disable_for: float = 86_400.0
    reopen_after: float | None = None


NO_DEFAULTS = RetryDefaults()


class Describer:
    """Makes specs of nodes.

    Args:
        with_params: put the parameters in, for a scheduler that hands tasks to other workers.
        defaults: the retry policy of tasks that have none of their own.
        batches: whether tasks may be done together.
    """

    def __init__(
        self,
        with_params: bool = False,
        defaults: RetryDefaults = NO_DEFAULTS,
        batches: bool = True,
    ) -> None:
        self._with_params = with_params
        self._defaults = defaults
        self._batches = batches
        self._portable: dict[type[Task], bool] = {}
        self._hidden: dict[type[Task], tuple[str, ...]] = {}
        self._salt = b""
        self._by_class: dict[type[Task], RetryPolicy | None] = {}

    def describe(self, nodes: Iterable[Node]) -> list[TaskSpec]:
        """A spec for each node, in order."""
        return [self._spec(node) for node in nodes]

    def _spec(self, node: Node) -> TaskSpec:
        task = node.task
        resources = task.process_resources()
        if resources:
            _check_resources(task, resources)
        if not isinstance(task.priority, (int, float)):
            raise TaskError(f"{task.get_task_family()}.priority is {task.priority!r}, but must be a number.")
        return TaskSpec(
            node.id,
            task.get_task_family(),
            task.task_module,
            task.to_str_params() if self._with_params else NO_PARAMS,
            tuple([needed.id for needed in node.needs]),
            _state(node),
            task.run is not None and task.run is not NotImplemented,
            task.priority,
            resources if resources else NO_RESOURCES,
            self._retry(task),
            self._batch_key(task) if self._batches and task.batchable else None,
            getattr(task, "worker_pool", "default"),
            self.is_portable(type(task)) if self._with_params else True,
            self._hidden_of(type(task)) if self._with_params else (),
            bool(task.accepts_messages),
        )

    def _hidden_of(self, cls: type[Task]) -> tuple[str, ...]:
        known = self._hidden.get(cls)
        if known is None:
            hidden = [name for name, parameter in cls.get_params() if parameter.visibility == HIDDEN]
            known = self._hidden[cls] = tuple(hidden)
        return known

    def _batch_key(self, task: Task) -> BatchKey | None:
        """What tasks must share to be done together: the family and all parameters but the batched ones.

        Of private ones the key says whether they agree, and nothing else: the salt never leaves this process.
        """
        batched = frozenset(task.batch_param_names())
        if not batched:
            return None
        rest = sorted((name, text) for name, text in task.to_str_params().items() if name not in batched)
        private = private_values(task)
        if private:
            import hashlib

            self._salt = self._salt or os.urandom(32)
            rest.append(("", hashlib.blake2b(repr(private).encode(), key=self._salt).hexdigest()))
        limit = task.max_batch_size
        return BatchKey(task.get_task_family(), tuple(rest), 0 if limit == float("inf") else int(limit))

    def is_portable(self, cls: type[Task]) -> bool:
        """Whether other workers can build the tasks of a class from their module and what is told of them."""
        known = self._portable.get(cls)
        if known is None:
            has_secrets = any(parameter.visibility == PRIVATE for _, parameter in cls.get_params())
            known = self._portable[cls] = not has_secrets and cls.__module__ != "__main__"
        return known

    def _retry(self, task: Task) -> RetryPolicy:
        """The retry policy of a task, worked out once a class unless instances may differ."""
        cls = type(task)
        if cls not in self._by_class:
            fixed = not any(_is_computed(cls, name) for name in _RETRY_ATTRIBUTES)
            self._by_class[cls] = self._policy(task.retry_policy()) if fixed else None
        policy = self._by_class[cls]
        if policy is not None and _RETRY_ATTRIBUTES.isdisjoint(task.__dict__):
            return policy
        return self._policy(task.retry_policy())

    def _policy(self, retry: Retry) -> RetryPolicy:
        defaults = self._defaults
        return RetryPolicy(
            retries=retry.retries,
            delay=retry.delay,
            factor=retry.factor,
            max_delay=retry.max_delay,
            delays=retry.delays or (),
            disable_after=_first(retry.disable_after, defaults.disable_after),
            window=_first(retry.window, defaults.window),
            hard_timeout=_first(retry.hard_timeout, defaults.hard_timeout),
            disable_for=defaults.disable_for,
            reopen_after=defaults.reopen_after,
        )


def _check_resources(task: Task, resources: Any) -> None:
    """See that what a task holds are names with amounts.

    Raises:
        TaskError: it is something else.
    """
    is_right = isinstance(resources, Mapping) and all(
        isinstance(name, str) and isinstance(amount, (int, float)) and amount >= 0 for name, amount in resources.items()
    )
    if not is_right:
        raise TaskError(
            f"{task.get_task_family()}.resources is {resources!r}, but must be a dictionary of names and amounts, "
            'such as {"database": 1}.'
        )


def _is_computed(cls: type[Task], name: str) -> bool:
    """Whether a class works an attribute out for each task, by a property or a method of its own."""
    attribute = getattr(cls, name, None)
    if name == "retry_policy":
        return not getattr(attribute, "__module__", "").startswith("rumbo.pipeline.")
    return isinstance(attribute, property) and attribute is not getattr(Task, name, None)


def _first(own: Number | None, default: Number | None) -> Number | None:
    return default if own is None else own


def _state(node: Node) -> State:
    if node.verdict is Verdict.SKIP:
        return State.DONE
    if node.verdict is Verdict.BROKEN:
        return State.UNKNOWN
    return State.DISABLED if node.task.disabled else State.PENDING
