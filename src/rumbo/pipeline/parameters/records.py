"""A parameter whose value is a frozen dataclass or a NamedTuple, written as a JSON object."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from rumbo.errors import ParameterError
from rumbo.pipeline.parameter import InvalidValueError, Parameter, _no_value, _NoValueType
from rumbo.pipeline.parameters.collections import JsonParameter, element_from_json, normalized_element, to_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from rumbo.pipeline.parameter import ParameterOptions

Record = TypeVar("Record")


class RecordParameter(JsonParameter[Record]):
    """A frozen dataclass or NamedTuple; the value is the instance itself.

    Args:
        record: the class.
        resolve: what makes a parameter of a field's annotation (by default as for typed tasks). It is asked when the
            first value is read or written, since annotations may name classes that are defined later.
    """

    def __init__(
        self,
        record: type[Record],
        default: Record | _NoValueType = _no_value,
        *,
        resolve: Callable[[Any], Parameter[Any]] | None = None,
        **options: Unpack[ParameterOptions],
    ) -> None:
        super().__init__(default=default, **options)
        self.record = record
        self._is_required = _constructor_fields(record)
        example = ", ".join(f'"{name}": ...' for name in self._is_required)
        self.expected = f"a JSON object {{{example}}}"
        self._resolve = resolve or _parameter_of
        self._fields: dict[str, Parameter[Any]] | None = None

    @property
    def fields(self) -> dict[str, Parameter[Any]]:
        """The parameter of each field."""
        if self._fields is None:
            hints = _hints(self.record)
            self._fields = {name: self._resolve(hints[name]) for name in self._is_required}
        return self._fields

    def to_json(self, value: Record) -> dict[str, Any]:
        return {name: to_json(field, getattr(value, name)) for name, field in self.fields.items()}

    def from_json(self, content: Any) -> Record:
        items = self._required(content, Mapping)
        fields = self.fields
        for name in items:
            if name not in fields:
                raise InvalidValueError(content, f"{self.expected}: there is no field {name!r}")
        for name, is_required in self._is_required.items():
            if is_required and name not in items:
                raise InvalidValueError(content, f"{self.expected}: it needs the field {name!r}")
        values = {name: element_from_json(fields[name], one, f"field {name}") for name, one in items.items()}
        try:
            return self.record(**values)
        except (TypeError, ValueError) as error:  # the class has a check of its own
            raise InvalidValueError(content, f"{self.expected}: {error}") from error

    def normalize(self, value: Any) -> Record:
        if type(value) is not self.record:  # the text of a subclass's instance would lack what it added
            raise InvalidValueError(value, f"an instance of {self.record.__name__}")
        changed = {}
        for name, field in self.fields.items():
            if type(field).normalize is Parameter.normalize:
                continue
            before = getattr(value, name)
            after = normalized_element(field, before, f"field {name}")
            if after is not before:
                changed[name] = after
        return _replaced(value, changed) if changed else value


def _constructor_fields(record: Any) -> dict[str, bool]:
    """The fields that the constructor takes, and whether it needs them.

    Raises:
        ParameterError: the class is neither a NamedTuple nor a frozen dataclass.
    """
    if isinstance(record, type) and issubclass(record, tuple) and hasattr(record, "_fields"):
        defaults = record._field_defaults  # type: ignore[attr-defined]
        return {name: name not in defaults for name in record._fields}
    settings = getattr(record, "__dataclass_params__", None)
    if settings is None:
        raise ParameterError(
            f"{_name(record)} cannot be a parameter's type: it is neither a dataclass nor a NamedTuple."
        )
    if not (settings.frozen and settings.eq):
        raise ParameterError(
            f"{_name(record)} cannot be a parameter's type, since its instances can change or do not compare by "
            "their fields: write @dataclass(frozen=True) above it."
        )
    import dataclasses

    return {
        field.name: field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        for field in dataclasses.fields(record)
        if field.init
    }


def _hints(record: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(record)
    except NameError as error:
        raise ParameterError(
            f"The fields of {_name(record)} cannot be understood: {error}. Define that type in the module, not in a "
            "function or under TYPE_CHECKING."
        ) from error


def _name(annotation: Any) -> str:
    return annotation.__qualname__ if isinstance(annotation, type) else str(annotation)


def _replaced(value: Any, changed: dict[str, Any]) -> Any:
    if isinstance(value, tuple):
        return value._replace(**changed)  # type: ignore[attr-defined]
    import dataclasses

    return dataclasses.replace(value, **changed)


def _parameter_of(annotation: Any) -> Parameter[Any]:
    from rumbo.pipeline.annotations import UnknownAnnotation, parameter_for

    try:
        return parameter_for(annotation)
    except UnknownAnnotation as problem:
        raise ParameterError(f"The field's type {_name(annotation)} cannot be used: {problem}.") from None
