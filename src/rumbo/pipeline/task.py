"""The task: a unit of work with parameters, which knows what it needs, what it makes, and whether that is done."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import Any, ClassVar

from rumbo.errors import TaskError
from rumbo.pipeline import events
from rumbo.pipeline.compiled import ParameterTable
from rumbo.pipeline.dynamic import DynamicRequirements
from rumbo.pipeline.identity import identify
from rumbo.pipeline.parameter import Parameter, ParameterVisibility
from rumbo.pipeline.registry import SAME_AS_PYTHON_MODULE, Register, compile_table, hashable
from rumbo.pipeline.structure import flatten, flatten_output, getpaths
from rumbo.pipeline.voice import Spoken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Self, TypeVar, overload

    from rumbo.pipeline.retry import Retry

    T = TypeVar("T", bound="Task")
    Handler = TypeVar("Handler", bound=Callable[..., Any])

__all__ = [
    "BulkCompleteNotImplementedError",
    "Config",
    "DynamicRequirements",
    "ExternalTask",
    "MixinNaiveBulkComplete",
    "Parameter",
    "Register",
    "Task",
    "WrapperTask",
    "auto_namespace",
    "externalize",
    "flatten",
    "flatten_output",
    "getpaths",
    "namespace",
    "task_id_str",
]

# Programs change these, so they are looked up when an id is computed.
TASK_ID_INCLUDE_PARAMS = 3
TASK_ID_TRUNCATE_PARAMS = 16
TASK_ID_TRUNCATE_HASH = 10
TASK_ID_INVALID_CHAR_REGEX = re.compile(r"[^A-Za-z0-9_]")
_SAME_AS_PYTHON_MODULE = SAME_AS_PYTHON_MODULE


def namespace(namespace: str | None = None, scope: str = "") -> None:
    """Set the namespace of the tasks that are defined from now on.

    Args:
        namespace: stands before the class's name in the task's family, with a dot; None or "" for none.
        scope: only for classes of this module or package; the longest matching scope counts.
    """
    Register._default_namespace_dict[scope] = namespace or ""


def auto_namespace(scope: str = "") -> None:
    """Make its module the namespace of each task that is defined from now on.

    Args:
        scope: only for classes of this module or package.
    """
    namespace(_SAME_AS_PYTHON_MODULE, scope)


def task_id_str(task_family: str, params: Mapping[str, str]) -> str:
    """The id of the task with this family and these serialized significant parameters."""
    return identify(
        task_family,
        params,
        included=TASK_ID_INCLUDE_PARAMS,
        width=TASK_ID_TRUNCATE_PARAMS,
        hash_width=TASK_ID_TRUNCATE_HASH,
        unsafe=TASK_ID_INVALID_CHAR_REGEX,
    )


class BulkCompleteNotImplementedError(NotImplementedError):
    """The class does not know how to check many tasks at once."""


class TaskNotInitializedError(TaskError, AttributeError):
    """The constructor of a task did not call ``super().__init__``."""


class _Lazily:
    """An attribute that is computed when first read, and then is an ordinary attribute of the instance."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    def __get__(self, task: Any, owner: Any = None) -> Any:
        if task is None:
            return self
        value = self._compute(task)
        setattr(task, self._name, value)
        return value


class Task(metaclass=Register):
    """A unit of work. Its parameters are class attributes, its identity is its family and significant parameters.

    A task says what it needs (`requires`), what it makes (`output`) and how (`run`). It is done when all its
    outputs exist (`complete`).
    """

    _event_callbacks: ClassVar[events.Callbacks] = {}
    _visible_in_registry: ClassVar[bool] = True
    _namespace_at_class_time: ClassVar[str | None] = None
    _parameter_table: ClassVar[ParameterTable | None]
    __not_user_specified = "__not_user_specified"

    task_namespace: ClassVar[str | None] = __not_user_specified
    """Stands before the class's name in the family, instead of what `namespace` says. "" is no namespace."""

    use_cmdline_section = True
    """False takes the family out of the parameters' flags: ``--x`` instead of ``--Family-x``."""

    if TYPE_CHECKING:
        # Any: to type checkers, that is what a class may override by a value or by a property alike.
        priority: Any
        disabled: Any
        resources: Any
        worker_timeout: Any
        max_batch_size: Any
        retry_count: Any
        disable_hard_timeout: Any
        disable_window: Any
        owner_email: Any
        accepts_messages: Any

        task_id: str
        param_kwargs: dict[str, Any]

        # None, but for the time that run() goes on, where they are called.
        set_tracking_url: Callable[[str], None]
        set_status_message: Callable[[str], None]
        set_progress_percentage: Callable[[float], None]
        decrease_running_resources: Callable[[Mapping[str, float]], None]
        scheduler_messages: Any
        _parameter_values: tuple[Any, ...]

    else:
        priority = 0  # tasks with a higher one are run first
        disabled = False  # True: never run
        resources = {}  # name -> amount of it that a running task holds
        worker_timeout = None  # seconds an attempt may take; None: as the settings say; 0: for ever
        max_batch_size = float("inf")  # most tasks to run together as a batch
        retry_count = None  # failures within the window that disable the task; None: as the settings say
        disable_hard_timeout = None  # seconds after the first failure that disable it
        disable_window = None  # seconds in which failures are counted together
        owner_email = None  # who else hears of failures: a text with commas, or a list
        accepts_messages = False  # True: run() may read scheduler_messages

        # None, but for the time that run() goes on.
        set_tracking_url = Spoken()
        set_status_message = Spoken()
        set_progress_percentage = Spoken()
        decrease_running_resources = Spoken()
        scheduler_messages = Spoken()

        @_Lazily
        def task_id(self) -> str:
            """What everybody knows the task by: its family, some of its values, and a sum of all significant ones."""
            cls = type(self)
            if cls.to_str_params is not Task.to_str_params:
                return task_id_str(self.get_task_family(), self.to_str_params(True, True))
            return task_id_str(self.get_task_family(), compile_table(cls).identifying(_values_of(self)))

        @_Lazily
        def param_kwargs(self) -> dict[str, Any]:
            """Names and values of the parameters, as the task was made with them."""
            self._shows_param_kwargs = True
            return dict(zip(compile_table(type(self)).names, _values_of(self), strict=False))

    _shows_param_kwargs = False
    _hides_private: ClassVar[bool] = False  # Luigi shows private values in the repr; typed tasks do not

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        cls = type(self)
        table = compile_table(cls)
        if table.custom_binding:
            values = tuple(value for _, value in cls.get_param_values(cls.get_params(), args, kwargs))
        else:
            values = table.bind(args, kwargs)
        table.fill(self, hashable(values))

    # What a program overrides ------------------------------------------------------------------------------------

    def requires(self) -> Any:
        """The tasks that must be complete before this one runs: one, or lists, tuples and dictionaries of them."""
        return []

    def output(self) -> Any:
        """The targets that the task makes: one, or lists, tuples and dictionaries of them."""
        return []

    def run(self) -> Any:
        """Make the outputs. It may ``yield`` tasks that it finds it needs, and may be ``async``."""

    def complete(self) -> bool:
        """Whether there is nothing left to do: all outputs exist."""
        outputs = flatten(self.output())
        if not outputs:
            import warnings

            # The text and the call are Luigi's to the letter, since programs filter on them.
            warnings.warn(f"Task {self!r} without outputs has no custom complete() method", stacklevel=2)
            return False
        return all(output.exists() for output in outputs)

    @classmethod
    def bulk_complete(cls, parameter_tuples: Iterable[Any]) -> Iterable[Any]:
        """Those of many parameter values whose tasks are complete. Override it where one question answers for many.

        Args:
            parameter_tuples: for each task a value, a tuple of values, or a dictionary of values.
        """
        raise BulkCompleteNotImplementedError

    def on_failure(self, exception: BaseException) -> Any:
        """Called when ``run()`` raised. What it returns, as JSON, explains the failure; by default the traceback."""
        import traceback

        return f"Runtime error:\n{traceback.format_exc()}"

    def on_success(self) -> Any:
        """Called when ``run()`` went well. What it returns, as JSON, is kept as the explanation."""

    def _requires(self) -> Any:
        """For base classes that need more than what ``requires()`` of their subclasses says."""
        return flatten(self.requires())

    def process_resources(self) -> Mapping[str, float]:
        """For base classes that hold more resources than what ``resources`` of their subclasses says."""
        resources: Mapping[str, float] = self.resources
        return resources

    # What a program calls ----------------------------------------------------------------------------------------

    def input(self) -> Any:
        """The outputs of the tasks that ``requires()`` names, in the same shape."""
        return getpaths(self.requires())

    def deps(self) -> list[Task]:
        """All tasks that this one needs, as one list."""
        return flatten(self._requires())

    if TYPE_CHECKING:

        @overload
        def clone(self, cls: None = None, **kwargs: Any) -> Self: ...
        @overload
        def clone(self, cls: type[T], **kwargs: Any) -> T: ...

    def clone(self, cls: Any = None, **kwargs: Any) -> Any:
        """A task of another class, or of this one, with values of the same names taken over.

        Args:
            cls: the class of the new task; None for this task's own.
            kwargs: values that differ.
        """
        if cls is None:
            cls = type(self)
        values = {}
        for name in (cls._parameter_table or compile_table(cls)).names:
            if name in kwargs:
                values[name] = kwargs[name]
                continue
            value = getattr(self, name, _NOTHING)
            if value is not _NOTHING and not isinstance(value, Parameter):
                values[name] = value
        return cls(**values)

    @classmethod
    def event_handler(cls, event: str) -> Callable[[Handler], Handler]:
        """A decorator: the function hears of an event on tasks of this class and of those derived from it."""

        def register(handler: Handler) -> Handler:
            events.add_handler(cls._event_callbacks, cls, event, handler)
            return handler

        return register

    @classmethod
    def remove_event_handler(cls, event: str, callback: Callable[..., Any]) -> None:
        """The function hears of the event no more."""
        events.remove_handler(cls._event_callbacks, cls, event, callback)

    def trigger_event(self, event: str, *args: Any, **kwargs: Any) -> None:
        """Tell all who listen. Their exceptions are logged and go no further."""
        events.fire(self, event, *args, **kwargs)

    def retry_policy(self) -> Retry:
        """How often the task is tried again, and how long it may take."""
        from rumbo.pipeline.retry import luigi_policy

        return luigi_policy(self)

    def initialized(self) -> bool:
        """False when a class's own constructor forgot ``super().__init__``."""
        return hasattr(self, "_parameter_values") or "task_id" in vars(self)

    @contextmanager
    def no_unpicklable_properties(self) -> Iterator[None]:
        """Within the block the task holds nothing that cannot be pickled, also while it runs."""
        held = {name: value for name in _ONLY_WHILE_RUNNING if (value := vars(self).get(name)) is not None}
        for name in held:
            setattr(self, name, "placeholder_during_pickling")
        yield
        for name, value in held.items():
            setattr(self, name, value)

    # Names -------------------------------------------------------------------------------------------------------

    @classmethod
    def get_task_namespace(cls) -> str | None:
        """The namespace: the class's own, or the one that was in force when it was defined."""
        if cls.task_namespace != cls.__not_user_specified:
            return cls.task_namespace
        if cls._namespace_at_class_time == _SAME_AS_PYTHON_MODULE:
            return cls.__module__
        return cls._namespace_at_class_time

    @classmethod
    def get_task_family(cls) -> str:
        """The name by which the class is known: ``namespace.Class``, or ``Class`` without a namespace."""
        space = cls.get_task_namespace()
        return f"{space}.{cls.__name__}" if space else cls.__name__

    @property
    def task_family(self) -> str:
        """The name by which the task's class is known."""
        return self.get_task_family()

    @property
    def task_module(self) -> str:
        """The module that another process imports to have this class."""
        return type(self).__module__

    # Parameters --------------------------------------------------------------------------------------------------

    @classmethod
    def get_params(cls) -> list[tuple[str, Parameter[Any]]]:
        """Names and parameters in the order of their creation, also those attached to the class later."""
        return list(compile_table(cls).pairs)

    @classmethod
    def get_param_names(cls, include_significant: bool = False) -> list[str]:
        """The names of the significant parameters; of all with ``include_significant`` (the name is Luigi's)."""
        return [name for name, parameter in cls.get_params() if include_significant or parameter.significant]

    @classmethod
    def batch_param_names(cls) -> list[str]:
        """The names of the parameters in which the tasks of one batch may differ."""
        return [name for name, parameter in cls.get_params() if parameter._is_batchable()]

    @property
    def batchable(self) -> bool:
        """Whether the task may be run as part of a batch."""
        return bool(self.batch_param_names())

    @classmethod
    def get_param_values(
        cls, params: list[tuple[str, Parameter[Any]]], args: Iterable[Any], kwargs: Mapping[str, Any]
    ) -> list[tuple[str, Any]]:
        """The normalized value of each of these parameters, from the arguments of a constructor and from outside.

        Raises:
            ParameterError: a value is missing, unknown, given twice, or not understood.
        """
        table = compile_table(cls)
        if params is not table.pairs and params != table.pairs:
            table = ParameterTable(cls, list(params), table.family)
        return list(zip(table.names, hashable(table.bind(tuple(args), kwargs)), strict=True))

    @classmethod
    def from_str_params(cls, params_str: Mapping[str, Any], **values: Any) -> Self:
        """The task whose parameters have these texts.

        Args:
            params_str: names and texts; a list of texts becomes one value by the parameter's batch method. Names
                of no parameter are passed over, parameters without a text take their defaults.
            values: values of parameters that have no text.
        """
        return cls(**(cls._parameter_table or compile_table(cls)).parse(params_str, _from_text), **values)

    def to_str_params(self, only_significant: bool = False, only_public: bool = False) -> dict[str, str]:
        """Names and texts of the parameters, without private ones."""
        table = compile_table(type(self))
        values = _values_of(self)
        pairs = self.param_kwargs.items() if self._shows_param_kwargs else zip(table.names, values, strict=False)
        return table.serialized(pairs, only_significant, only_public)

    def _get_param_visibilities(self) -> dict[str, int]:
        return {
            name: ParameterVisibility(parameter.visibility).serialize()
            for name, parameter in self.get_params()
            if parameter.visibility != ParameterVisibility.PRIVATE and name in self.param_kwargs
        }

    @property
    def param_args(self) -> tuple[Any, ...]:
        """The values of the parameters in order. Deprecated: use ``param_kwargs``."""
        import warnings

        warnings.warn("param_args is deprecated, use param_kwargs.", DeprecationWarning, stacklevel=2)
        return tuple(self.param_kwargs[name] for name, _ in self.get_params())

    @property
    def disable_window_seconds(self) -> float | None:
        """Deprecated: use ``disable_window``."""
        import warnings

        warnings.warn("disable_window_seconds is deprecated, use disable_window.", DeprecationWarning, stacklevel=2)
        seconds: float | None = self.disable_window
        return seconds

    def _owner_list(self) -> list[str]:
        """``owner_email`` as a list."""
        owner = self.owner_email
        if owner is None:
            return []
        return owner.split(",") if isinstance(owner, str) else list(owner)

    # One task among others ---------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return self._written(self._hides_private)

    def __str__(self) -> str:
        """As `repr`, but private values are always masked: this is what goes into messages, the history and logs."""
        return self._written(True) if type(self).__repr__ is Task.__repr__ else repr(self)

    def _written(self, hides_private: bool) -> str:
        family = self.get_task_family()
        if not hasattr(self, "_parameter_values"):
            return f"{family}(not initialized)"
        table = compile_table(type(self))
        least = ParameterVisibility.PUBLIC if hides_private else ParameterVisibility.PRIVATE  # hides hidden ones too
        shown = [
            f"{name}={'***' if parameter.visibility > least else table.text(name, parameter, value)}"
            for (name, parameter), value in zip(table.pairs, self._parameter_values, strict=False)
            if parameter.significant
        ]
        return f"{family}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        return self is other or (type(self) is type(other) and self.task_id == other.task_id)

    def __hash__(self) -> int:
        return hash(self.task_id)


_NOTHING: Any = object()
_ONLY_WHILE_RUNNING = (
    "set_tracking_url",
    "set_status_message",
    "set_progress_percentage",
    "decrease_running_resources",
    "scheduler_messages",
)


def _values_of(task: Task) -> tuple[Any, ...]:
    try:
        return task._parameter_values
    except AttributeError:
        raise TaskNotInitializedError(
            f"Task of class {type(task).__name__} not initialized. "
            "Its __init__ must call super().__init__(*args, **kwargs)."
        ) from None


def _from_text(name: str) -> str:
    return f"It is the text of {name}."


class ExternalTask(Task):
    """A task whose outputs somebody else makes: Rumbo only asks whether they exist."""

    run: Any = None


class WrapperTask(Task):
    """A task that makes nothing itself, and is complete when all that it requires is."""

    def complete(self) -> bool:
        """Whether all required tasks are complete."""
        return all(task.complete() for task in flatten(self.requires()))


class Config(Task):
    """A bag of parameters, filled from files and from the command line; its name is the section."""


class MixinNaiveBulkComplete:
    """Answers `Task.bulk_complete` by asking each task in turn, for tasks that are cheap to ask."""

    @classmethod
    def bulk_complete(cls, parameter_tuples: Iterable[Any]) -> list[Any]:
        """Those parameter values whose tasks are complete."""
        return [values for values in parameter_tuples if task_of(cls, values).complete()]


def task_of(cls: Any, values: Any) -> Any:
    """The task of a class with a value, a tuple or list of values, or a dictionary of values."""
    if isinstance(values, (list, tuple)):
        return cls(*values)
    if isinstance(values, dict):
        return cls(**values)
    return cls(values)


def externalize(taskclass_or_taskobject: Any) -> Any:
    """A copy of a task, or of a task class, that Rumbo never runs: somebody else makes its outputs.

    The class or task that is given stays as it is, so the result must be used.
    """
    if isinstance(taskclass_or_taskobject, type):
        return _external_copy(taskclass_or_taskobject)
    import copy

    task = copy.copy(taskclass_or_taskobject)
    task.run = None
    return task


def _external_copy(cls: Any) -> Any:
    @_task_wraps(cls)
    class CopyOfClass(cls):  # type: ignore[misc]
        _visible_in_registry = False

    CopyOfClass.run = None
    return CopyOfClass


def _task_wraps(task_class: Any) -> Callable[[Any], Any]:
    """A decorator that gives a class the name, documentation, module and namespace of the class that it wraps."""

    def wrap(wrapper: Any) -> Any:
        for name in ("__module__", "__name__", "__qualname__", "__doc__", "_namespace_at_class_time"):
            setattr(wrapper, name, getattr(task_class, name))
        wrapper.__wrapped__ = task_class
        return wrapper

    return wrap
