"""What every parameter of a task is: a typed, named input that can be written as text and read back.

The seam to the rest of the package:

* A parameter object says nothing about a name or a task. It is an ordinary class attribute and no data descriptor:
  ``Task.x`` gives the Parameter, and on an instance the value in ``__dict__`` wins. (Type checkers are told otherwise
  by ``__get__`` and ``__set__``, which exist for them alone, so that ``task.x`` is an ``int`` to them.)
* Attributes: ``_counter`` (order of creation, which is the order of positional arguments), ``significant``,
  ``positional``, ``visibility``, ``always_in_help``, ``description``, ``_default`` (``_no_value`` when there is none),
  ``_batch_method``, ``_config_path``.
* ``parse(text) -> value`` and ``serialize(value) -> text`` are each other's opposites; ``normalize(value)`` makes a
  parsed or given value hashable and canonical. A class that does not override a method leaves the base's function,
  so that ``type(parameter).normalize is Parameter.normalize`` tells a compiled table that it may skip the call.
* A value that cannot be understood raises `InvalidValueError`, which knows the value and the expected form but
  neither task nor parameter nor source: whoever called, and knows them, adds them.
* Resolution (constructor > ``--x`` of the root > ``--Family-x`` > ``[Family] x`` > ``config_path`` > default) is
  compiled elsewhere. `Parameter._value_iterator` gives the same order, from ``--Family-x`` on, to those who ask a
  parameter by itself.
"""

from __future__ import annotations

import enum
import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypedDict

from rumbo.errors import (
    DuplicateParameterError,
    MissingParameterError,
    ParameterError,
    UnknownParameterError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Self, overload

    from typing_extensions import TypeVar

    T = TypeVar("T", default=str)
    V = TypeVar("V")
else:
    # typing_extensions is slow to import, and only type checkers gain by the default.
    from typing import TypeVar

    T = TypeVar("T")
    V = TypeVar("V")

# Luigi's names for the same errors.
ParameterException = ParameterError
MissingParameterException = MissingParameterError
UnknownParameterException = UnknownParameterError
DuplicateParameterException = DuplicateParameterError


class InvalidValueError(ParameterError, ValueError):
    """A value is not of the form that its parameter expects.

    Attributes:
        value: what was given.
        expected: the form that would have been understood, with an example, as the end of a sentence.
    """

    def __init__(self, value: object, expected: str) -> None:
        self.value = value
        self.expected = expected
        super().__init__(value, expected)

    def __str__(self) -> str:
        return f"{shortened(self.value)} is not {self.expected}."


def shortened(value: object, limit: int = 200) -> str:
    """The value as Python writes it, cut where it would drown a message."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


class OptionalParameterTypeWarning(UserWarning):
    """The value of an optional parameter is neither None nor of the expected type."""


class UnconsumedParameterWarning(UserWarning):
    """A key in a task's section of the configuration is no parameter of that task."""


class _NoValueType:
    """The type of ``_no_value``, of which there is one instance, also after copying and unpickling."""

    _instance: ClassVar[_NoValueType | None] = None

    def __new__(cls) -> _NoValueType:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __repr__(self) -> str:
        return "<no_value>"


_no_value = _NoValueType()


class ParameterVisibility(enum.IntEnum):
    """Who gets to see a parameter's value."""

    PUBLIC = 0
    """Everybody; it counts in the task's id."""
    HIDDEN = 1
    """The scheduler gets it but does not show it."""
    PRIVATE = 2
    """It never leaves the worker."""

    @classmethod
    def has_value(cls, value: object) -> bool:
        return any(value == member.value for member in cls)

    def serialize(self) -> int:
        return self.value


class ConfigPath(TypedDict):
    """Where in the configuration a default is (deprecated: the section is the task's family)."""

    section: str
    name: str


if TYPE_CHECKING:

    class ParameterOptions(TypedDict, total=False):
        """The keyword arguments that every kind of parameter passes on to `Parameter`."""

        is_global: bool
        significant: bool
        description: str | None
        config_path: ConfigPath | None
        positional: bool
        always_in_help: bool
        batch_method: Callable[[Iterable[Any]], Any] | None
        visibility: ParameterVisibility


class Parameter(Generic[T]):
    """A parameter whose value is text, and the base of all other kinds.

    Attributes:
        significant: whether the value is part of the task's identity.
        positional: whether the constructor takes it by position.
        description: one line for ``--help``.
        always_in_help: whether ``--help`` shows it for every task.
        visibility: who gets to see the value.
    """

    _counter: int = 0
    _settled: ClassVar[type | None] = None
    """The exact type of the values that this class's own ``normalize`` leaves as they are, whatever the options."""

    def __init__(
        self,
        default: T | _NoValueType = _no_value,
        is_global: bool = False,
        significant: bool = True,
        description: str | None = None,
        config_path: ConfigPath | None = None,
        positional: bool = True,
        always_in_help: bool = False,
        batch_method: Callable[[Iterable[Any]], Any] | None = None,
        visibility: ParameterVisibility = ParameterVisibility.PUBLIC,
    ) -> None:
        """
        Args:
            default: the value when no other source has one; without it a value must be given.
            is_global: no longer understood; taken as ``positional=False``.
            significant: False keeps the value out of the task's identity.
            description: one line for ``--help``.
            config_path: deprecated: a section and name of the configuration to look in before the default.
            positional: False makes it a keyword only, as abstract base classes want it.
            always_in_help: show it in ``--help`` whatever the task.
            batch_method: joins the parsed values of several tasks to the one value of a batch.
            visibility: who gets to see the value.
        """
        self._default: T | _NoValueType = default
        self._batch_method = batch_method
        if is_global:
            warnings.warn(
                "is_global support is removed. Assuming positional=False",
                DeprecationWarning,
                stacklevel=2,
            )
            positional = False
        self.significant = significant
        self.positional = positional
        # Anything else counts as public, since Luigi takes it so.
        self.visibility = visibility if ParameterVisibility.has_value(visibility) else ParameterVisibility.PUBLIC
        self.description = description
        self.always_in_help = always_in_help
        if config_path is not None and ("section" not in config_path or "name" not in config_path):
            raise ParameterError(
                f"config_path is {config_path!r}, but needs both keys: "
                '{"section": "the section", "name": "the option"}.'
            )
        self._config_path = config_path
        self._counter = Parameter._counter
        Parameter._counter += 1

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: Any) -> Self: ...
        @overload
        def __get__(self, instance: Any, owner: Any) -> T: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...
        def __set__(self, instance: Any, value: T) -> None: ...

    def __set_name__(self, owner: Any, name: str) -> None:
        self._attribute_name = name  # Luigi's; programs that attach parameters themselves call this

    def parse(self, text: str) -> T:
        """Read a value from text (or from a native value of a TOML file).

        Raises:
            InvalidValueError: the text does not have the expected form.
        """
        return text  # type: ignore[return-value]  # the base's own value is text

    def serialize(self, value: T) -> str:
        """Write a value as text that `parse` reads back."""
        return str(value)

    def normalize(self, value: Any) -> T:
        """Make a given or parsed value hashable and canonical: clamped, frozen, converted."""
        return value  # type: ignore[no-any-return]

    def next_in_enumeration(self, value: T) -> T | None:
        """The value that follows, or None; the summary of a run writes ``1...9`` by it."""
        return None

    def _is_batchable(self) -> bool:
        return self._batch_method is not None

    def _parse_list(self, texts: Sequence[str]) -> T:
        """The one value of a batch, from the texts of its members."""
        if self._batch_method is None:
            raise NotImplementedError(
                f"{type(self).__name__} has no batch_method, so several values cannot become one."
            )
        if not texts:
            raise ValueError("A batch needs at least one value, but the list is empty.")
        return self._batch_method(map(self.parse, texts))  # type: ignore[no-any-return]

    def _parse_or_no_value(self, text: str | None) -> T | _NoValueType:
        """The value of a text from the command line, where an empty text counts as not given."""
        return self.parse(text) if text else _no_value

    def _warn_on_wrong_param_type(self, param_name: str, param_value: object) -> None:
        """Warn when text was expected and the value is not; subclasses of Parameter choose for themselves."""
        if type(self) is Parameter and not isinstance(param_value, str):
            _warn_of_type(param_name, param_value, "string")

    def _get_value_from_config(self, section: str, name: str) -> T | _NoValueType:
        from rumbo.pipeline import config

        value = config.get_config().get(section, name, _no_value)
        return _no_value if value is _no_value else self.parse(value)

    def _value_iterator(self, task_name: str, param_name: str) -> Iterator[tuple[T | _NoValueType, str | None]]:
        """Each source's value, the strongest first, with the warning to give if it is the one that is taken."""
        from rumbo.pipeline import config

        line = config.command_line()
        if line is not None:
            yield self._parse_or_no_value(line.values.get((task_name, param_name))), None
        yield self._get_value_from_config(task_name, param_name), None
        if self._config_path:
            section, name = self._config_path["section"], self._config_path["name"]
            yield (
                self._get_value_from_config(section, name),
                f"The use of the configuration [{section}] {name} is deprecated. Please use [{task_name}] {param_name}",
            )
        yield self._default, None

    def _get_value(self, task_name: str, param_name: str) -> T | _NoValueType:
        for value, warning in self._value_iterator(task_name, param_name):
            if value is not _no_value:
                if warning:
                    warnings.warn(warning, DeprecationWarning, stacklevel=2)
                return value
        return _no_value

    def has_task_value(self, task_name: str, param_name: str) -> bool:
        """Whether any source but the constructor has a value."""
        return self._get_value(task_name, param_name) is not _no_value

    def task_value(self, task_name: str, param_name: str) -> T:
        """The normalised value from the strongest source but the constructor.

        Raises:
            MissingParameterError: no source has one.
        """
        value = self._get_value(task_name, param_name)
        if value is _no_value:
            raise MissingParameterError(f"{task_name} has no value for {param_name}, and no default.")
        return self.normalize(value)

    @staticmethod
    def _parser_global_dest(param_name: str, task_name: str) -> str:
        return task_name + "_" + param_name

    @classmethod
    def _parser_kwargs(cls, param_name: str, task_name: str | None = None) -> dict[str, Any]:
        """The arguments for argparse's ``add_argument``; programs override it for tweaks of their own."""
        return {
            "action": "store",
            "dest": cls._parser_global_dest(param_name, task_name) if task_name else param_name,
        }


class OptionalParameterMixin(Parameter[V | None], Generic[V]):
    """Lets any kind of parameter be None, written as the empty text: put it first among the bases.

    Attributes:
        expected_type: what a value should be an instance of, if it is not None.
    """

    expected_type: Any = type(None)

    def __init__(self, default: V | _NoValueType | None = None, **options: Any) -> None:
        super().__init__(default=default, **options)

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: Any) -> Self: ...
        @overload
        def __get__(self, instance: Any, owner: Any) -> V | None: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...
        def __set__(self, instance: Any, value: V | None) -> None: ...

    def parse(self, text: Any) -> V | None:
        if not isinstance(text, str):
            return text  # type: ignore[no-any-return]  # a native value of a TOML file
        return super().parse(text) if text else None

    def serialize(self, value: V | None) -> str:
        return "" if value is None else super().serialize(value)

    def normalize(self, value: Any) -> V | None:
        return None if value is None else super().normalize(value)

    def next_in_enumeration(self, value: V | None) -> V | None:
        return None

    def _warn_on_wrong_param_type(self, param_name: str, param_value: object) -> None:
        if param_value is None or isinstance(param_value, self.expected_type):
            return
        if isinstance(self.expected_type, tuple):
            names = ", ".join(f'"{one.__name__}"' for one in self.expected_type)
            wanted = f"any type in [{names}]"
        else:
            wanted = f'type "{self.expected_type.__name__}"'
        # See _warn_of_type for why there is no stacklevel.
        warnings.warn(  # noqa: B028
            f'{type(self).__name__} "{param_name}" with value "{param_value}" is not of {wanted} or None.',
            OptionalParameterTypeWarning,
        )


def _warn_of_type(name: str, value: object, wanted: str) -> None:
    # The text and the call are Luigi's to the letter: programs filter on the one and replace the other.
    warnings.warn(f'Parameter "{name}" with value "{value}" is not of type {wanted}.')  # noqa: B028
