"""Parameters with one plain value: text, numbers, booleans, paths, task classes."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, TypeVar

from rumbo.errors import ParameterError
from rumbo.pipeline.parameter import (
    InvalidValueError,
    OptionalParameterMixin,
    Parameter,
    _no_value,
    _NoValueType,
    shortened,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Self, Unpack, overload

    from rumbo.pipeline.parameter import ParameterOptions

Number = TypeVar("Number", bound=float)

_NOT_A_NUMBER = (ValueError, TypeError, OverflowError)


class StrParameter(Parameter[str]):
    """Text."""

    def parse(self, text: str) -> str:
        return str(text)


class IntParameter(Parameter[int]):
    """A whole number."""

    def parse(self, text: str) -> int:
        try:
            return int(text)
        except _NOT_A_NUMBER as error:
            raise InvalidValueError(text, "a whole number, for example 42 or -7") from error

    def next_in_enumeration(self, value: int) -> int | None:
        return value + 1


class FloatParameter(Parameter[float]):
    """A floating-point number."""

    def parse(self, text: str) -> float:
        try:
            return float(text)
        except _NOT_A_NUMBER as error:
            raise InvalidValueError(text, "a number, for example 0.5, -7 or 1e-3") from error


class BoolParameter(Parameter[bool]):
    """True or false; without another default it is False.

    On the command line ``--flag`` makes it true (implicit parsing), or ``--flag true`` and ``--flag false`` say which
    (explicit parsing, for parameters whose default is True). ``BoolParameter.parsing = ...`` chooses for all that are
    made later.
    """

    IMPLICIT_PARSING = "implicit"
    EXPLICIT_PARSING = "explicit"
    parsing: str = IMPLICIT_PARSING
    _settled = bool

    def __init__(
        self,
        default: bool | _NoValueType = _no_value,
        parsing: str | None = None,
        **options: Unpack[ParameterOptions],
    ) -> None:
        super().__init__(default=False if default is _no_value else default, **options)
        self.parsing = type(self).parsing if parsing is None else parsing

    def parse(self, text: object) -> bool:
        word = str(text).lower()
        if word == "true":
            return True
        if word == "false":
            return False
        raise InvalidValueError(text, "a truth value, which is true or false")

    def normalize(self, value: Any) -> bool:
        if value is True or value is False:
            return value
        try:
            return self.parse(value)
        except ValueError:
            # Luigi's rule: what cannot be understood is neither true nor false.
            return None  # type: ignore[return-value]

    def _parser_kwargs(  # type: ignore[override]  # it depends on the instance
        self, param_name: str, task_name: str | None = None
    ) -> dict[str, Any]:
        arguments = super()._parser_kwargs(param_name, task_name)
        if self.parsing == self.IMPLICIT_PARSING:
            arguments["action"] = "store_true"
        elif self.parsing == self.EXPLICIT_PARSING:
            arguments.update(nargs="?", const=True)
        else:
            raise ParsingModeError(self.parsing)
        return arguments


class ParsingModeError(ParameterError, ValueError):
    """A BoolParameter's ``parsing`` is neither of the two ways.

    Attributes:
        parsing: what it is.
    """

    def __init__(self, parsing: object) -> None:
        self.parsing = parsing
        super().__init__(parsing)

    def __str__(self) -> str:
        return (
            f"BoolParameter cannot be parsed in the way {self.parsing!r}: parsing is "
            "BoolParameter.IMPLICIT_PARSING or BoolParameter.EXPLICIT_PARSING."
        )


class NumericalParameter(Parameter[Number]):
    """A number within bounds; a value given by a program is trusted, only text is checked.

    Args:
        var_type: ``int`` or ``float``.
        min_value: the lower bound.
        max_value: the upper bound.
        left_op: how the lower bound compares to the value: ``operator.le`` (the default) or ``operator.lt``.
        right_op: how the value compares to the upper bound: ``operator.lt`` (the default) or ``operator.le``.
    """

    def __init__(
        self,
        default: Number | _NoValueType = _no_value,
        *,
        var_type: type[Number] | None = None,
        min_value: Number | None = None,
        max_value: Number | None = None,
        left_op: Callable[[Number, Number], bool] = operator.le,
        right_op: Callable[[Number, Number], bool] = operator.lt,
        **options: Unpack[ParameterOptions],
    ) -> None:
        if var_type is None or min_value is None or max_value is None:
            given = {"var_type": var_type, "min_value": min_value, "max_value": max_value}
            missing = " and ".join(name for name, value in given.items() if value is None)
            raise ParameterError(
                f"{type(self).__name__} needs {missing}: "
                f"{type(self).__name__}(var_type=int, min_value=0, max_value=10)."
            )
        self._var_type: type[Number] = var_type
        self._min_value: Number = min_value
        self._max_value: Number = max_value
        self._left_op = left_op
        self._right_op = right_op
        opening = "[" if left_op == operator.le else "("
        closing = ")" if right_op == operator.lt else "]"
        self._permitted_range = f"{var_type.__name__} in {opening}{min_value}, {max_value}{closing}"
        super().__init__(default=default, **options)
        range_note = "permitted values: " + self._permitted_range
        self.description = f"{self.description} {range_note}" if self.description else range_note

    def parse(self, text: str) -> Number:
        try:
            value = self._var_type(text)
        except _NOT_A_NUMBER as error:
            raise InvalidValueError(text, self._expected()) from error
        if self._left_op(self._min_value, value) and self._right_op(value, self._max_value):
            return value
        raise InvalidValueError(text, self._expected())

    def _expected(self) -> str:
        kind = "a whole number" if self._var_type is int else "a number"
        above = "at least" if self._left_op is operator.le else "above"
        below = "below" if self._right_op is operator.lt else "at most"
        return f"{kind} {above} {self._min_value} and {below} {self._max_value}"


class PathParameter(Parameter["Path"]):
    """A path in the file system.

    Args:
        absolute: make it absolute.
        exists: refuse a path that does not exist.
    """

    def __init__(
        self,
        default: Path | str | _NoValueType = _no_value,
        *,
        absolute: bool = False,
        exists: bool = False,
        **options: Unpack[ParameterOptions],
    ) -> None:
        super().__init__(default=default, **options)  # type: ignore[arg-type]  # text is normalised
        # pathlib is not loaded before a program has a path.
        from pathlib import Path

        self._path_class = Path
        self._exact_class = type(Path())
        self.absolute = absolute
        self.exists = exists

    def normalize(self, value: Any) -> Path:
        if type(value) is self._exact_class:
            path: Path = value
        else:
            try:
                path = self._path_class(value)
            except TypeError as error:
                raise InvalidValueError(value, "a path, for example data/input.csv") from error
        if self.absolute:
            path = path.absolute()
        if self.exists and not path.exists():
            raise MissingPathError(str(path), "a path that exists")
        return path


class MissingPathError(InvalidValueError):
    """There is nothing at a path that must exist."""

    def __str__(self) -> str:
        return f"The path {shortened(self.value)} does not exist."


class TaskParameter(Parameter[Any]):
    """A task class, written as its family."""

    def parse(self, text: str) -> Any:
        from rumbo.pipeline.registry import Register

        return Register.get_task_cls(text)

    def serialize(self, value: Any) -> str:
        return str(value.get_task_family())


class OptionalParameter(OptionalParameterMixin[str], Parameter["str | None"]):
    """Text or None."""

    expected_type: Any = str


class OptionalStrParameter(OptionalParameterMixin[str], Parameter["str | None"]):
    """Text or None."""

    expected_type: Any = str


# Below, the second base has a value that is never None; the mixin before it is what makes None possible, which the
# type system can only take for a contradiction.


class OptionalIntParameter(OptionalParameterMixin[int], IntParameter):  # type: ignore[misc]
    """A whole number or None."""

    expected_type: Any = int


class OptionalFloatParameter(OptionalParameterMixin[float], FloatParameter):  # type: ignore[misc]
    """A floating-point number or None."""

    expected_type: Any = float


class OptionalBoolParameter(OptionalParameterMixin[bool], BoolParameter):  # type: ignore[misc]
    """True, false or None."""

    expected_type: Any = bool


class OptionalNumericalParameter(OptionalParameterMixin[Number], NumericalParameter[Number]):  # type: ignore[misc]
    """A number within bounds, or None."""

    def __init__(self, default: Number | _NoValueType | None = None, **options: Any) -> None:
        super().__init__(default=default, **options)
        self.expected_type = self._var_type


class OptionalPathParameter(OptionalParameter, PathParameter):  # type: ignore[misc]
    """A path in the file system, or None."""

    if TYPE_CHECKING:

        @overload  # type: ignore[override]
        def __get__(self, instance: None, owner: Any) -> Self: ...
        @overload
        def __get__(self, instance: Any, owner: Any) -> Path | None: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...

    def __init__(self, default: Path | str | _NoValueType | None = None, **options: Any) -> None:
        super().__init__(default=default, **options)  # type: ignore[arg-type]  # text is normalised
        self.expected_type = (str, self._path_class)
