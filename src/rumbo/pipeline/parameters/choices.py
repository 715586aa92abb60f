"""Parameters whose value is one, or several, of a closed set."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Generic

from rumbo.errors import ParameterError
from rumbo.pipeline.parameter import (
    InvalidValueError,
    OptionalParameterMixin,
    Parameter,
    _no_value,
    _NoValueType,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self, Unpack, overload

    from typing_extensions import TypeVar

    from rumbo.pipeline.parameter import ParameterOptions

    Choice = TypeVar("Choice", default=str)
    Member = TypeVar("Member", bound=Enum)
else:
    from typing import TypeVar

    Choice = TypeVar("Choice")
    Member = TypeVar("Member")


class ChoiceTypeError(ParameterError, AssertionError):
    """One of the choices is not of the type that text is converted to. (Luigi asserts it.)

    Attributes:
        choice: that choice.
        var_type: the type.
    """

    def __init__(self, choice: object, var_type: type) -> None:
        self.choice = choice
        self.var_type = var_type
        super().__init__(choice, var_type)

    def __str__(self) -> str:
        return (
            f"The choice {self.choice!r} is not exactly of type {self.var_type.__name__}, so text could never "
            "become it: give var_type the type that all choices have."
        )


def _one_of(names: Iterable[object], also: str = "") -> str:
    return f"one of {', '.join(map(str, names))}{also}"


class ChoiceParameter(Parameter[Choice]):
    """One of some values of one type.

    Args:
        choices: the values.
        var_type: the type that makes a value of a text; every choice is of exactly this type.
    """

    def __init__(
        self,
        default: Choice | _NoValueType = _no_value,
        *,
        choices: Iterable[Choice] | None = None,
        var_type: type[Choice] = str,  # type: ignore[assignment]
        **options: Unpack[ParameterOptions],
    ) -> None:
        if choices is None:
            name = type(self).__name__
            raise ParameterError(f'{name} needs its choices: {name}(choices=["small", "large"]).')
        ordered = dict.fromkeys(choices)
        for choice in ordered:
            if type(choice) is not var_type:
                raise ChoiceTypeError(choice, var_type)
        self._choices = set(ordered)
        self._expected = _one_of(ordered)
        self._var_type = var_type
        super().__init__(default=default, **options)
        note = "Choices: {" + ", ".join(map(str, ordered)) + "}"
        self.description = f"{self.description} {note}" if self.description else note

    def parse(self, text: str) -> Choice:
        return self._checked(self._converted(text))

    def normalize(self, value: Any) -> Choice:
        return self._checked(value)

    def _converted(self, text: str) -> Choice:
        try:
            return self._var_type(text)  # type: ignore[call-arg]
        except (ValueError, TypeError, ArithmeticError) as error:
            raise InvalidValueError(text, self._expected) from error

    def _checked(self, value: Any) -> Choice:
        try:
            if value in self._choices:
                return value  # type: ignore[no-any-return]
        except TypeError:
            pass  # what cannot be hashed is no choice
        raise InvalidValueError(value, self._expected)


class ChoiceListParameter(ChoiceParameter[Choice]):
    """Any number of choices, in order and repeatable, written with commas between; the value is a tuple."""

    _sep = ","

    if TYPE_CHECKING:

        @overload  # type: ignore[override]
        def __get__(self, instance: None, owner: Any) -> Self: ...
        @overload
        def __get__(self, instance: Any, owner: Any) -> tuple[Choice, ...]: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...
        def __set__(self, instance: Any, value: tuple[Choice, ...]) -> None: ...  # type: ignore[override]

    def __init__(
        self,
        default: Iterable[Choice] | _NoValueType = _no_value,
        var_type: type[Choice] = str,  # type: ignore[assignment]
        choices: Iterable[Choice] | None = None,
        **options: Unpack[ParameterOptions],
    ) -> None:
        super().__init__(default=default, var_type=var_type, choices=choices, **options)  # type: ignore[arg-type]

    def parse(self, text: str) -> tuple[Choice, ...]:  # type: ignore[override]
        texts = text.split(self._sep) if text else []
        return self.normalize([self._converted(one) for one in texts])

    def normalize(self, value: Iterable[Any]) -> tuple[Choice, ...]:  # type: ignore[override]
        try:
            return tuple([self._checked(one) for one in value])
        except TypeError as error:
            raise InvalidValueError(value, f"a list of choices, each {self._expected}") from error

    def serialize(self, value: Iterable[Choice]) -> str:  # type: ignore[override]
        return self._sep.join([one if isinstance(one, str) else str(one) for one in value])


class EnumParameter(Parameter[Member]):
    """A member of an enumeration, written as its name.

    Args:
        enum: the enumeration.
    """

    def __init__(
        self,
        default: Member | _NoValueType = _no_value,
        *,
        enum: type[Member] | None = None,
        **options: Unpack[ParameterOptions],
    ) -> None:
        self._enum = _required_enum(self, enum)
        super().__init__(default=default, **options)

    def parse(self, text: str) -> Member:
        try:
            return self._enum[text]
        except (KeyError, TypeError) as error:
            raise InvalidValueError(text, _one_of(self._enum.__members__)) from error

    def serialize(self, value: Member) -> str:
        return value.name


class EnumListParameter(Parameter["tuple[Member, ...]"], Generic[Member]):
    """Any number of members of one enumeration, in order and repeatable: their names with commas between.

    Args:
        enum: the enumeration.
    """

    _sep = ","

    def __init__(
        self,
        default: Iterable[Member] | _NoValueType = _no_value,
        *,
        enum: type[Member] | None = None,
        **options: Unpack[ParameterOptions],
    ) -> None:
        self._enum = _required_enum(self, enum)
        super().__init__(default=default, **options)  # type: ignore[arg-type]

    def parse(self, text: str) -> tuple[Member, ...]:
        members = []
        for index, name in enumerate(text.split(self._sep) if text else []):
            try:
                members.append(self._enum[name])
            except KeyError as error:
                where = f" (it is number {index + 1} of the list {text!r})"
                raise InvalidValueError(name, _one_of(self._enum.__members__, where)) from error
        return tuple(members)

    def serialize(self, value: Iterable[Member]) -> str:
        return self._sep.join([member.name for member in value])


def _required_enum(parameter: Parameter[Any], given: type[Member] | None) -> type[Member]:
    if given is None:
        name = type(parameter).__name__
        raise ParameterError(f"{name} needs its enumeration: {name}(enum=Color).")
    return given


class OptionalChoiceParameter(OptionalParameterMixin[Choice], ChoiceParameter[Choice]):  # type: ignore[misc]
    """One of some values of one type, or None."""

    def __init__(
        self,
        default: Choice | _NoValueType | None = None,
        var_type: type[Choice] = str,  # type: ignore[assignment]
        choices: Iterable[Choice] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(default=default, var_type=var_type, choices=choices, **options)
        self.expected_type = self._var_type


class LiteralParameter(Parameter[Any]):
    """One of some values of any plain types, as ``Literal["a", 1, True]`` declares them, written as ``str`` does.

    Args:
        values: the values; no two may be written alike.
    """

    def __init__(
        self,
        values: Iterable[Any],
        default: Any = _no_value,
        **options: Unpack[ParameterOptions],
    ) -> None:
        super().__init__(default=default, **options)
        self._by_text: dict[str, Any] = {}
        for value in values:
            text = self.serialize(value)
            if text in self._by_text:
                raise ParameterError(
                    f"Two values, {self._by_text[text]!r} and {value!r}, are both written {text!r}, so text cannot "
                    "tell them apart: leave one of them out."
                )
            self._by_text[text] = value
        self._expected = _one_of(repr(value) for value in self._by_text.values())

    def parse(self, text: Any) -> Any:
        try:
            return self._by_text[text]
        except (KeyError, TypeError) as error:
            raise InvalidValueError(text, _one_of(self._by_text)) from error

    def serialize(self, value: Any) -> str:
        return value.name if isinstance(value, Enum) else str(value)

    def normalize(self, value: Any) -> Any:
        for one in self._by_text.values():
            # True == 1 == 1.0, but each is a value of its own.
            if type(one) is type(value) and one == value:
                return value
        raise InvalidValueError(value, self._expected)
