"""All task classes by name, and all tasks by class and values: the metaclass of tasks."""

from __future__ import annotations

import abc
import sys
from typing import Any, ClassVar

from rumbo.errors import RegistryError, TaskAmbiguousError, TaskNotFoundError
from rumbo.pipeline.compiled import ParameterTable, collect_parameters
from rumbo.pipeline.parameter import Parameter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rumbo.pipeline.task import Task

SAME_AS_PYTHON_MODULE = "_same_as_python_module"

TaskClassException = RegistryError


class TaskClassNotFoundException(TaskNotFoundError):
    """No task has this name."""


class TaskClassAmbigiousException(TaskAmbiguousError):
    """Several unrelated classes have this name."""


# Attributes of a class, other than parameters, that its table or the registry depends on.
_WATCHED = frozenset(
    [
        "__init__",
        "__module__",
        "__name__",
        "__new__",
        "_namespace_at_class_time",
        "_visible_in_registry",
        "get_param_values",
        "get_params",
        "get_task_family",
        "get_task_namespace",
        "task_namespace",
    ]
)


class Register(abc.ABCMeta):
    """The metaclass of tasks.

    It keeps every class under its family, and makes one task for one class and one set of values: ``X(1, 2)`` is
    ``X(a=1, b=2)``.
    """

    AMBIGUOUS_CLASS: ClassVar[Any] = object()
    """Stands in the registry for a name that several unrelated classes have."""

    _reg: ClassVar[list[Any]] = []
    _default_namespace_dict: ClassVar[dict[str, str]] = {}
    _instances: ClassVar[dict[type, dict[tuple[Any, ...], Any]] | None] = {}
    _changes: ClassVar[int] = 0
    _by_family: ClassVar[tuple[Any, dict[str, Any]] | None] = None

    _parameter_table: ParameterTable | None

    def __new__(metacls, classname: str, bases: tuple[type, ...], classdict: dict[str, Any], **kwargs: Any) -> Any:
        """Make and register a class; the namespace in force now is the one it keeps."""
        classdict["_parameter_table"] = None
        cls = super().__new__(metacls, classname, bases, classdict, **kwargs)
        cls._namespace_at_class_time = metacls._get_namespace(cls.__module__)
        metacls._reg.append(cls)
        return cls

    if not TYPE_CHECKING:  # to type checkers, a class's own constructor is what counts

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            """The task with these values: a new one, or the one that was made before."""
            table = cls._parameter_table or compile_table(cls)
            values = _bind(cls, args, kwargs) if table.custom_binding else table.bind(args, kwargs)
            instances = Register._instances
            if instances is None:
                return _separate(table, cls, values, args, kwargs)
            try:
                known = instances[cls]
            except KeyError:
                known = instances.setdefault(cls, {})
            try:
                task = known.get(values)
            except TypeError:
                values = hashable(values)
                try:
                    task = known.get(values)
                except TypeError:
                    return _separate(table, cls, values, args, kwargs)
            if task is None:
                # setdefault: another thread may have been quicker
                task = known.setdefault(values, _new(table, cls, values, args, kwargs))
            return task

    def __setattr__(cls, name: str, value: Any) -> None:
        concerns_parameters = isinstance(value, Parameter) or isinstance(getattr(cls, name, None), Parameter)
        super().__setattr__(name, value)
        if concerns_parameters or name in _WATCHED:
            _forget_table(cls, concerns_parameters)

    def __delattr__(cls, name: str) -> None:
        concerns_parameters = isinstance(getattr(cls, name, None), Parameter)
        super().__delattr__(name)
        if concerns_parameters or name in _WATCHED:
            _forget_table(cls, concerns_parameters)

    @property
    def task_family(cls) -> str:
        """The name under which the class is registered."""
        family: str = cls.get_task_family()  # type: ignore[attr-defined]
        return family

    @classmethod
    def clear_instance_cache(cls) -> None:
        """Forget all tasks; the same values make a new task from now on."""
        Register._instances = {}

    @classmethod
    def disable_instance_cache(cls) -> None:
        """Make a new task each time."""
        Register._instances = None

    # Names -------------------------------------------------------------------------------------------------------

    @classmethod
    def _get_reg(cls) -> dict[str, Any]:
        """Family -> class, or ``AMBIGUOUS_CLASS``. Computed when asked for, since families change with namespaces."""
        stamp = (id(cls._reg), len(cls._reg), Register._changes)
        if Register._by_family is not None and Register._by_family[0] == stamp:
            return dict(Register._by_family[1])
        by_family: dict[str, Any] = {}
        for task_cls in cls._reg:
            if not task_cls._visible_in_registry:
                continue
            family = task_cls.get_task_family()
            other = by_family.get(family)
            # A class derived from the one before takes its name over, which is how decorators wrap classes.
            if other is not None and (other is Register.AMBIGUOUS_CLASS or not issubclass(task_cls, other)):
                by_family[family] = Register.AMBIGUOUS_CLASS
            else:
                by_family[family] = task_cls
        Register._by_family = (stamp, by_family)
        return dict(by_family)

    @classmethod
    def _set_reg(cls, reg: Mapping[str, Any]) -> None:
        """Register exactly the classes of a dictionary that ``_get_reg`` gave."""
        cls._reg = [task_cls for task_cls in reg.values() if task_cls is not cls.AMBIGUOUS_CLASS]
        Register._changes += 1  # the new list may lie where the old one lay, and be as long

    @classmethod
    def task_names(cls) -> list[str]:
        """All families, sorted."""
        return sorted(cls._get_reg())

    @classmethod
    def tasks_str(cls) -> str:
        """All families, sorted, with commas between them."""
        return ",".join(cls.task_names())

    @classmethod
    def get_task_cls(cls, name: str) -> type[Task]:
        """The class with this family.

        Raises:
            TaskNotFoundError: there is none; the message offers near misses.
            TaskAmbiguousError: there are several.
        """
        stored = Register._by_family
        if stored is not None and stored[0] == (id(cls._reg), len(cls._reg), Register._changes):
            task_cls = stored[1].get(name)  # without a copy of the whole dictionary
        else:
            task_cls = cls._get_reg().get(name)
        if task_cls is None:
            raise TaskClassNotFoundException(cls._missing_task_msg(name))
        if task_cls is cls.AMBIGUOUS_CLASS:
            raise TaskClassAmbigiousException(cls._ambiguous_task_msg(name))
        found: type[Task] = task_cls
        return found

    @classmethod
    def get_all_params(cls) -> Iterator[tuple[str, bool, str, Parameter[Any]]]:
        """Of every task: family, whether its flags go without the family, parameter's name, parameter."""
        for family, task_cls in cls._get_reg().items():
            if task_cls is cls.AMBIGUOUS_CLASS:
                continue
            for name, parameter in task_cls.get_params():
                yield family, (not task_cls.use_cmdline_section), name, parameter

    @staticmethod
    def _editdistance(a: str, b: str) -> int:
        """Levenshtein's distance: how many letters to change, add or take away."""
        above = list(range(len(b) + 1))
        for i, letter in enumerate(a, 1):
            row = [i]
            for j, other in enumerate(b, 1):
                row.append(min(row[-1] + 1, above[j] + 1, above[j - 1] + (letter != other)))
            above = row
        return above[-1]

    @classmethod
    def _missing_task_msg(cls, task_name: str) -> str:
        from rumbo.pipeline.task import Config

        settings = {task_cls.get_task_family() for task_cls in cls._reg if issubclass(task_cls, Config)}
        names = [known for known in cls.task_names() if known not in settings]  # nobody runs those
        distances = sorted((Register._editdistance(task_name, known), known) for known in names)
        near = [known for distance, known in distances if distance <= 5 and distance < len(known)]
        if near:
            return f"No task {task_name}. Did you mean:\n" + "\n".join(near)
        return (
            f"No task {task_name}. Name the module that defines it with --module, or import it. "
            f"Candidates are: {cls.tasks_str() or 'none'}"
        )

    @classmethod
    def _ambiguous_task_msg(cls, name: str) -> str:
        modules = [
            f"{task_cls.__module__}.{task_cls.__qualname__}"
            for task_cls in cls._reg
            if task_cls._visible_in_registry and task_cls.get_task_family() == name
        ]
        return (
            f"Task {name!r} is ambiguous: it is the name of {' and of '.join(dict.fromkeys(modules))}. "
            "Rename one, or set task_namespace on one of them."
        )

    @classmethod
    def _get_namespace(cls, module_name: str) -> str:
        for parent in cls._module_parents(module_name):
            namespace = cls._default_namespace_dict.get(parent)
            if namespace:
                return namespace
        return ""

    @staticmethod
    def _module_parents(module_name: str) -> Iterator[str]:
        """The module, the packages around it, and the empty name for all.

        >>> list(Register._module_parents('a.b'))
        ['a.b', 'a', '']
        """
        steps = module_name.split(".")
        for length in range(len(steps), 0, -1):
            yield ".".join(steps[:length])
        if module_name:
            yield ""


# Making tasks ----------------------------------------------------------------------------------------------------


def _bind(cls: Any, args: Any, kwargs: Any) -> tuple[Any, ...]:
    """The values by a class's own ``get_param_values``."""
    return tuple(value for _, value in cls.get_param_values(cls.get_params(), args, kwargs))


def _new(table: ParameterTable, cls: Any, values: tuple[Any, ...], args: Any, kwargs: Any) -> Any:
    if table.calls_init:
        task = type.__call__(cls, *args, **kwargs)
    else:
        task = cls.__new__(cls, *args, **kwargs) if table.calls_new else object.__new__(cls)
        if not isinstance(task, cls):
            return task
        table.fill(task, values)
    table.warn_of_unconsumed()
    return task


def _separate(table: ParameterTable, cls: Any, values: tuple[Any, ...], args: Any, kwargs: Any) -> Any:
    """A task that the cache does not hold. Its values may change, so its identity is settled at once."""
    task = _new(table, cls, hashable(values), args, kwargs)
    _settle(task)
    return task


def _settle(task: Any) -> None:
    """Compute what is otherwise computed when first asked for."""
    if task.initialized():
        _ = task.param_kwargs, task.task_id


def hashable(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values with lists and sets made tuples, one level deep."""
    return tuple([tuple(value) if isinstance(value, (list, set)) else value for value in values])


def compile_table(cls: Any) -> ParameterTable:
    """The table of a class's parameters, made when there is none."""
    table: ParameterTable | None = cls._parameter_table
    if table is not None:
        return table
    from rumbo.pipeline.task import Task

    own_params = not _is_inherited(cls.get_params, Task.get_params)
    pairs = list(cls.get_params()) if own_params else collect_parameters(cls)
    table = ParameterTable(cls, pairs, cls.get_task_family())
    table.calls_init = cls.__init__ is not Task.__init__
    table.calls_new = cls.__new__ is not object.__new__
    own_values = not _is_inherited(cls.get_param_values, Task.get_param_values)
    table.custom_binding = own_values
    if not own_params:  # a class with a get_params of its own may answer differently each time
        type.__setattr__(cls, "_parameter_table", table)
    return table


def _is_inherited(method: Any, original: Any) -> bool:
    """Whether a class method is the one that Task has."""
    return getattr(method, "__func__", method) is original.__func__


def _forget_table(cls: Any, parameters_changed: bool) -> None:
    """Throw away what was compiled for a class and all classes derived from it."""
    Register._changes += 1
    waiting = [cls]
    while waiting:
        current = waiting.pop()
        waiting.extend(type.__subclasses__(current))
        if vars(current).get("_parameter_table") is None:
            continue
        if parameters_changed and Register._instances is not None:
            for task in Register._instances.pop(current, {}).values():
                _settle(task)  # by the parameters that it was made with
        type.__setattr__(current, "_parameter_table", None)


def get_task_cls(name: str) -> type[Task]:
    """The class with this family; see `Register.get_task_cls`."""
    return Register.get_task_cls(name)


def task_names() -> list[str]:
    """The families of all task classes, sorted."""
    return Register.task_names()


def load_task(module: str | None, task_name: str, params_str: Mapping[str, Any]) -> Task:
    """The task that travelled as (module, family, texts of its parameters).

    Args:
        module: imported first, unless None.
        task_name: the family.
        params_str: names and texts of the parameters; those left out take their defaults.
    """
    if module is not None and module not in sys.modules:
        __import__(module)
    return Register.get_task_cls(task_name).from_str_params(params_str)


def load_root(family: str, texts: Mapping[str, Any]) -> Task:
    """The task that a person named on the command line.

    Args:
        family: the task's family.
        texts: parameter's name -> the text given with ``--name``; an empty text means not given.

    Raises:
        ParameterError: a text is not understood, or a value is missing.
    """
    cls = Register.get_task_cls(family)
    table = compile_table(cls)
    given = {name: text for name, text in texts.items() if text is not None and text is not False and text != ""}

    def source(name: str) -> str:
        return f"It was given as --{name.replace('_', '-')} on the command line."

    return cls(**table.parse(given, source))
