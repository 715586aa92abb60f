"""Every error that Rumbo raises on purpose.

    RumboError
    ├── ConfigurationError        a setting, a file of settings, an environment variable
    ├── ParameterError            a value, a missing or unknown or doubled parameter
    │   ├── MissingParameterError
    │   ├── UnknownParameterError
    │   └── DuplicateParameterError
    ├── RegistryError             a task's name
    │   ├── TaskNotFoundError         (with near misses)
    │   └── TaskAmbiguousError
    ├── PlanError                 the graph as a whole
    │   ├── CycleError                (with the path)
    │   └── CollisionError            two tasks, one id
    ├── TaskError                 one task's code broke the contract of tasks
    ├── TargetError               a target or a file system
    ├── AttemptError              one attempt ended badly for a reason outside the user's code
    │   ├── AttemptTimedOut
    │   ├── AttemptCancelled
    │   └── ProcessDied
    ├── CommandRejected           the scheduler refused a command; its state is as it was
    │   └── WorkerGone                it does not know the worker (any more)
    ├── SchedulerUnreachable      no scheduler answered
    │   └── AccessDenied              it wants a token, or another one
    ├── ProtocolError             the other side said something that is not understood
    ├── SinkError                 an alert did not arrive
    ├── StoreError                the database of runs
    │   ├── StoreBusy
    │   ├── StoreTakenOver        another server has this one's place now
    │   └── StoreTooNew
    └── MissingExtraError         an optional library is not installed

A message says what happened, where (task, parameter, value, file, line), and what to do about it. What a program
may want to read sits on attributes; the cause stays with ``raise ... from``.
"""

from __future__ import annotations


class RumboError(Exception):
    """The root of all errors that Rumbo raises on purpose."""


class ConfigurationError(RumboError):
    """A setting cannot be understood. The message names the file or variable, the key and the value."""


class ParameterError(RumboError):
    """A parameter of a task cannot be what it was given."""


class MissingParameterError(ParameterError):
    """A parameter without a default got no value."""


class UnknownParameterError(ParameterError):
    """A value was given for a parameter that the task does not have."""


class DuplicateParameterError(ParameterError):
    """One parameter was given both by position and by name."""


class RegistryError(RumboError):
    """A name does not lead to exactly one task."""


class TaskNotFoundError(RegistryError):
    """No task has this name. The message offers near misses."""


class TaskAmbiguousError(RegistryError):
    """Several unrelated classes have this name."""


class PlanError(RumboError):
    """The graph found from the roots cannot be run as it is."""


class CycleError(PlanError):
    """Tasks need each other in a circle.

    Attributes:
        path: the ids of the tasks along the circle; the first is also the last.

    Args:
        names: how people write the tasks along the circle, for the message; their ids by default.
    """

    def __init__(self, path: tuple[str, ...], names: tuple[str, ...] = ()) -> None:
        self.path = path
        super().__init__(
            "These tasks need each other in a circle:\n  "
            + "\n  -> ".join(names or path)
            + "\nRemove one of these requirements: a task can only need what can be finished before it."
        )


class CollisionError(PlanError):
    """Two different tasks have one id, since they differ only in insignificant parameters."""


class TaskError(RumboError):
    """A task's own code broke a rule for tasks: a wrong type returned, a constructor that skips ``super()``."""


class TargetError(RumboError):
    """A target or file system refused an operation."""


class AttemptError(RumboError):
    """An attempt ended badly for a reason outside the user's code."""


class AttemptTimedOut(AttemptError):
    """The attempt took longer than the task's ``timeout`` allows."""


class AttemptCancelled(AttemptError):
    """Somebody cancelled the attempt."""


class ProcessDied(AttemptError):
    """The process that made the attempt died: killed by a signal, out of memory, or by ``os._exit``."""


class CommandRejected(RumboError):
    """The scheduler refused a command; its state is what it was before."""


class WorkerGone(CommandRejected):
    """The scheduler does not know the worker: it never joined, or was taken for lost. It must join under a new name."""

    def __init__(self, worker: str) -> None:
        self.worker = worker
        super().__init__(
            f"The scheduler does not know a worker {worker!r}: it was silent for too long, or never joined. "
            "It must join again, under a new name."
        )


class SchedulerUnreachable(RumboError):
    """No scheduler answered at the address. The message names the address and how to run without one."""


class AccessDenied(SchedulerUnreachable):
    """The scheduler wants a token, or one with more rights. The message is the server's."""


class ProtocolError(RumboError):
    """What came over the network is not what was agreed on. The message says what is wrong with it."""


class SinkError(RumboError):
    """An alert is not known to have arrived. The message names the receiver and what it said."""


class StoreError(RumboError):
    """The database of runs cannot be read or written."""


class StoreBusy(StoreError):
    """Another process held the database for longer than we were told to wait."""


class StoreTakenOver(StoreError):
    """Another server has taken this one's place while it was cut off from the database."""


class StoreTooNew(StoreError):
    """The database was written by a newer Rumbo than this one."""


class MissingExtraError(RumboError):
    """An optional library is not installed.

    Attributes:
        extra: the name between the brackets of ``pip install 'rumbo[...]'``.
    """

    def __init__(self, feature: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f"{feature} needs a library that is not installed: pip install 'rumbo[{extra}]'")
