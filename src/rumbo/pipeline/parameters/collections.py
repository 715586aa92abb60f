"""Parameters that hold several values, written as JSON."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Generic

from rumbo.errors import ParameterError
from rumbo.pipeline.freezing import FrozenOrderedDict, recursively_freeze, recursively_unfreeze
from rumbo.pipeline.parameter import (
    InvalidValueError,
    OptionalParameterMixin,
    Parameter,
    _no_value,
    _NoValueType,
    shortened,
)
from rumbo.pipeline.parameters.scalars import StrParameter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Unpack

    from typing_extensions import TypeVar

    from rumbo.pipeline.parameter import ParameterOptions

    Dictionary = TypeVar("Dictionary", bound=Mapping[Any, Any], default=FrozenOrderedDict[str, Any])
    Items = TypeVar("Items", bound=tuple[Any, ...], default=tuple[Any, ...])
    E = TypeVar("E")
    K = TypeVar("K")
    V = TypeVar("V")
else:
    from typing import TypeVar

    Dictionary = TypeVar("Dictionary")
    Items = TypeVar("Items")
    E = TypeVar("E")
    K = TypeVar("K")
    V = TypeVar("V")


class NotJsonError(ParameterError, TypeError):
    """Something inside a value cannot be written as JSON.

    Attributes:
        value: that something.
    """

    def __init__(self, value: object) -> None:
        self.value = value
        super().__init__(value)

    def __str__(self) -> str:
        return (
            f"{shortened(self.value)} (a {type(self.value).__name__}) cannot be written as JSON: give text, numbers, "
            "true, false, None, and lists and dictionaries of them."
        )


class _DictParamEncoder(json.JSONEncoder):
    """Writes frozen mappings as JSON objects."""

    def default(self, o: Any) -> Any:
        if isinstance(o, FrozenOrderedDict):
            return o.get_wrapped()
        raise NotJsonError(o)


# Made once: json.dumps and json.loads make new ones at each call with arguments.
_write_json = _DictParamEncoder().encode
_read_json = json.JSONDecoder(object_pairs_hook=FrozenOrderedDict).decode


class _SchemaParameter(Parameter[E]):
    """A parameter of JSON values that are frozen, and may have to follow a JSON schema.

    Args:
        schema: a schema of ``jsonschema``, or one of its validators; checked if that library is installed.
    """

    def __init__(
        self,
        default: E | _NoValueType = _no_value,
        *,
        schema: Any = None,
        **options: Unpack[ParameterOptions],
    ) -> None:
        if schema is not None and not _jsonschema_is_installed():
            warnings.warn(
                "A parameter has a schema, but no value is checked against it, since jsonschema is not installed: "
                "pip install 'rumbo[schema]'",
                stacklevel=2,
            )
            schema = None
        self.schema = schema
        super().__init__(default=default, **options)

    def normalize(self, value: Any) -> E:
        if self.schema is not None:
            value = _validated(value, self.schema)
        return recursively_freeze(value)  # type: ignore[no-any-return]

    def serialize(self, value: E) -> str:
        return _write_json(value)


def _jsonschema_is_installed() -> bool:
    from importlib.util import find_spec

    return find_spec("jsonschema") is not None


def _validated(value: Any, schema: Any) -> Any:
    """The value as plain JSON, after the schema's validator had its say (and perhaps filled in defaults)."""
    import jsonschema

    plain = recursively_unfreeze(value)
    try:
        if hasattr(schema, "validate"):
            schema.validate(plain)
        else:
            jsonschema.validate(instance=plain, schema=schema)
    except jsonschema.ValidationError as error:
        raise _schema_violation()(value, error) from error
    return plain


@cache
def _schema_violation() -> Callable[[Any, Exception], Exception]:
    """An error that is ours and also jsonschema's own, which programs catch."""
    from jsonschema import ValidationError

    class SchemaViolation(InvalidValueError, ValidationError):
        """A value does not follow its parameter's schema."""

        def __init__(self, value: object, cause: ValidationError) -> None:
            vars(self).update(vars(cause))
            InvalidValueError.__init__(self, value, f"what the schema allows: {cause.message}")

        __str__ = InvalidValueError.__str__
        __hash__ = Exception.__hash__

    return SchemaViolation  # type: ignore[return-value]


class DictParameter(_SchemaParameter[Dictionary]):
    """A mapping, written as a JSON object. The value is a frozen mapping, which is no ``dict``."""

    def parse(self, text: Any) -> Dictionary:
        if not isinstance(text, str):
            return text  # type: ignore[no-any-return]  # TOML has dictionaries of its own
        try:
            return _read_json(text)  # type: ignore[no-any-return]
        except ValueError as error:
            raise InvalidValueError(text, 'a JSON object, for example {"role": "web"}') from error


class ListParameter(_SchemaParameter[Items]):
    """A list, written as a JSON array. The value is a tuple."""

    def parse(self, text: Any) -> Items:
        if isinstance(text, (list, tuple)):
            return list(text)  # type: ignore[return-value]  # TOML has arrays of its own
        try:
            content = _read_json(text)
            return None if content is None else list(content)  # type: ignore[return-value]
        except (ValueError, TypeError) as error:
            raise InvalidValueError(text, "a JSON array, for example [100, 70]") from error


class TupleParameter(ListParameter[Items]):
    """A tuple, or a tuple of tuples, written as JSON or as Python writes it: ``((1, 2), (3, 4))``."""

    def parse(self, text: Any) -> Items:
        if isinstance(text, (list, tuple)):
            return tuple(text)  # type: ignore[return-value]
        try:
            content = _read_json(text)
        except (ValueError, TypeError):
            content = None
        try:
            return tuple([_inner_tuple(item) for item in content])  # type: ignore[return-value]
        except TypeError:
            pass  # a flat list of numbers, which both languages write alike, or no JSON at all
        try:
            return _python_tuple(text)  # type: ignore[return-value]
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
            if isinstance(content, list):
                return tuple(content)  # type: ignore[return-value]  # only JSON: it has true, false or null
            raise InvalidValueError(
                text, "a tuple, for example (1, 2), ((1, 2), (3, 4)) or [[1, 2], [3, 4]]"
            ) from error


def _inner_tuple(item: Any) -> Any:
    return item if isinstance(item, str) else tuple(item)


def _python_tuple(text: str) -> tuple[Any, ...]:
    from ast import literal_eval

    content = literal_eval(text)
    if isinstance(content, str):
        raise ValueError("text in parentheses is no tuple")
    return tuple(content)


class OptionalDictParameter(  # the mixin makes None possible
    OptionalParameterMixin[FrozenOrderedDict[str, Any]], DictParameter[Any]
):
    """A mapping, or None."""

    expected_type: Any = FrozenOrderedDict


class OptionalListParameter(OptionalParameterMixin[tuple[Any, ...]], ListParameter[Any]):
    """A list, or None."""

    expected_type: Any = tuple


class OptionalTupleParameter(OptionalParameterMixin[tuple[Any, ...]], TupleParameter[Any]):
    """A tuple, or None."""

    expected_type: Any = tuple


# Collections of elements that have a parameter of their own, as annotations declare them ---------------------------


class JsonParameter(Parameter[E]):
    """A parameter that knows its value as JSON, so that it can stand inside another one without nested quotes.

    Attributes:
        expected: the form, for errors.
    """

    expected = "JSON"

    def to_json(self, value: E) -> Any:
        """The value as what ``json`` can write."""
        raise NotImplementedError

    def from_json(self, content: Any) -> E:
        """The value from what ``json`` or a TOML file read.

        Raises:
            InvalidValueError: the content is not of the expected form.
        """
        raise NotImplementedError

    def parse(self, text: Any) -> E:
        if not isinstance(text, str):
            return self.from_json(text)
        try:
            content = json.loads(text)
        except ValueError as error:
            raise InvalidValueError(text, self.expected) from error
        return self.from_json(content)

    def serialize(self, value: E) -> str:
        return _write_json(self.to_json(value))

    def _required(
        self, content: Any, kind: type[list[Any]] | type[Mapping[str, Any]], length: int | None = None
    ) -> Any:
        if not isinstance(content, kind) or (length is not None and len(content) != length):
            raise InvalidValueError(content, self.expected)
        return content


def to_json(parameter: Parameter[Any], value: Any) -> Any:
    """One element as JSON: numbers and truth values as they are, the rest as its parameter writes it."""
    if isinstance(parameter, JsonParameter):
        return parameter.to_json(value)
    if isinstance(parameter, _SchemaParameter):
        return value
    if value is None:
        return None
    if type(value) in (bool, int, float) and type(parameter).serialize is Parameter.serialize:
        return value
    return parameter.serialize(value)


def from_json(parameter: Parameter[Any], content: Any) -> Any:
    """One element from JSON, read by its parameter.

    Raises:
        InvalidValueError: it is not of the form that the parameter expects.
    """
    if isinstance(parameter, JsonParameter):
        return parameter.from_json(content)
    if isinstance(parameter, OptionalParameterMixin):
        if content is None:
            return None
        if content == "":  # in JSON it is the empty text, since null is there for None
            return super(OptionalParameterMixin, parameter).parse("")
    if isinstance(content, str):
        return parameter.parse(content)
    if type(parameter).parse in _TEXT_PARSERS:
        raise InvalidValueError(content, "text in quotes")
    if isinstance(content, (bool, int, float)):
        return parameter.parse(str(content))
    return parameter.parse(content)


def element_from_json(parameter: Parameter[Any], content: Any, place: str) -> Any:
    """As `from_json`; an error also says where in the collection the element is."""
    try:
        return from_json(parameter, content)
    except InvalidValueError as error:
        raise InvalidValueError(error.value, f"{error.expected} ({place})") from error
    except (ValueError, TypeError) as error:
        expected = f"understood by {type(parameter).__name__}: {error} ({place})"
        raise InvalidValueError(content, expected) from error


def normalized_element(parameter: Parameter[Any], value: Any, place: str) -> Any:
    """The element as its parameter wants it; an error also says where in the collection the element is."""
    try:
        return parameter.normalize(value)
    except InvalidValueError as error:
        raise InvalidValueError(error.value, f"{error.expected} ({place})") from error


class SequenceParameter(JsonParameter[tuple[E, ...]], Generic[E]):
    """Any number of values of one kind, in order: a tuple, written as a JSON array.

    Args:
        element: the parameter that reads and writes one of them.
    """

    expected = 'a JSON array, for example ["one", "two"] or [1, 2]'

    def __init__(
        self,
        element: Parameter[E],
        default: Iterable[E] | _NoValueType = _no_value,
        **options: Unpack[ParameterOptions],
    ) -> None:
        super().__init__(default=default, **options)  # type: ignore[arg-type]  # normalised later
        self.element = element
        self._takes_as_is = type(element).normalize is Parameter.normalize

    def to_json(self, value: Iterable[E]) -> list[Any]:
        return [to_json(self.element, one) for one in value]

    def from_json(self, content: Any) -> tuple[E, ...]:
        items = self._required(content, list)
        return tuple([element_from_json(self.element, one, _number(index)) for index, one in enumerate(items)])

    def normalize(self, value: Any) -> tuple[E, ...]:
        if type(value) is tuple and self._takes_as_is:
            return value
        if not _is_ordered(value):
            raise InvalidValueError(value, "a tuple or a list")
        return tuple([normalized_element(self.element, one, _number(index)) for index, one in enumerate(value)])


def _number(index: int) -> str:
    return f"item {index + 1}"


def _is_ordered(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping, set, frozenset))


class SetParameter(JsonParameter[frozenset[E]], Generic[E]):
    """Any number of different values of one kind, without order: a frozenset, written as a sorted JSON array.

    Args:
        element: the parameter that reads and writes one of them.
    """

    expected = SequenceParameter.expected

    def __init__(
        self,
        element: Parameter[E],
        default: Iterable[E] | _NoValueType = _no_value,
        **options: Unpack[ParameterOptions],
    ) -> None:
        super().__init__(default=default, **options)  # type: ignore[arg-type]  # normalised later
        self.element = element

    def to_json(self, value: Iterable[E]) -> list[Any]:
        return sorted([to_json(self.element, one) for one in value], key=_write_json)

    def from_json(self, content: Any) -> frozenset[E]:
        items = self._required(content, list)
        return frozenset([element_from_json(self.element, one, _number(index)) for index, one in enumerate(items)])

    def normalize(self, value: Any) -> frozenset[E]:
        if not _is_ordered(value) and not isinstance(value, (set, frozenset)):
            raise InvalidValueError(value, "a set or a list")
        return frozenset([normalized_element(self.element, one, "in the set") for one in value])


class FixedSequenceParameter(JsonParameter[tuple[Any, ...]]):
    """A tuple of fixed length, each place with a kind of its own, written as a JSON array.

    Args:
        elements: a parameter for each place.
    """

    def __init__(
        self,
        elements: Sequence[Parameter[Any]],
        default: Iterable[Any] | _NoValueType = _no_value,
        **options: Unpack[ParameterOptions],
    ) -> None:
        super().__init__(default=default, **options)  # type: ignore[arg-type]  # normalised later
        self.elements = tuple(elements)
        self.expected = f"a JSON array of {len(self.elements)} items"

    def to_json(self, value: Sequence[Any]) -> list[Any]:
        return [to_json(element, one) for element, one in zip(self.elements, value, strict=True)]

    def from_json(self, content: Any) -> tuple[Any, ...]:
        items = self._required(content, list, len(self.elements))
        pairs = zip(self.elements, items, strict=True)
        return tuple([element_from_json(element, one, _number(index)) for index, (element, one) in enumerate(pairs)])

    def normalize(self, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, (tuple, list)) or len(value) != len(self.elements):
            raise InvalidValueError(value, f"a tuple of {len(self.elements)} items")
        pairs = zip(self.elements, value, strict=True)
        return tuple([normalized_element(element, one, _number(index)) for index, (element, one) in enumerate(pairs)])


class MappingParameter(JsonParameter[Mapping[K, V]], Generic[K, V]):
    """Values by key, each of one kind: a frozen mapping, written as a JSON object with sorted keys.

    Sorted, so that equal mappings are the same text and therefore the same task.

    Args:
        key: the parameter that reads and writes a key.
        value: the parameter that reads and writes a value.
    """

    expected = 'a JSON object, for example {"one": 1}'

    def __init__(
        self,
        key: Parameter[K],
        value: Parameter[V],
        default: Mapping[K, V] | _NoValueType = _no_value,
        **options: Unpack[ParameterOptions],
    ) -> None:
        super().__init__(default=default, **options)
        self.key = key
        self.value = value

    def to_json(self, value: Mapping[K, V]) -> dict[str, Any]:
        written = {self.key.serialize(key): to_json(self.value, one) for key, one in value.items()}
        return {key: written[key] for key in sorted(written)}

    def from_json(self, content: Any) -> FrozenOrderedDict[K, V]:
        items = self._required(content, Mapping)
        return FrozenOrderedDict(
            {
                element_from_json(self.key, key, f"key {key!r}"): element_from_json(self.value, one, f"under {key!r}")
                for key, one in items.items()
            }
        )

    def normalize(self, value: Any) -> FrozenOrderedDict[K, V]:
        if not isinstance(value, Mapping):
            raise InvalidValueError(value, "a dictionary")
        return FrozenOrderedDict(
            {
                normalized_element(self.key, key, f"key {key!r}"): normalized_element(self.value, one, f"under {key!r}")
                for key, one in value.items()
            }
        )


class NullableParameter(JsonParameter[E | None], Generic[E]):
    """A value of another kind, or None: the empty text, or JSON's null inside a collection.

    Args:
        element: the parameter that reads and writes a value that is not None.
    """

    def __init__(
        self,
        element: Parameter[E],
        default: E | _NoValueType | None = None,
        **options: Unpack[ParameterOptions],
    ) -> None:
        super().__init__(default=default, **options)
        self.element = element

    def parse(self, text: Any) -> E | None:
        return None if text is None or text == "" else self.element.parse(text)

    def serialize(self, value: E | None) -> str:
        return "" if value is None else self.element.serialize(value)

    def normalize(self, value: Any) -> E | None:
        return None if value is None else self.element.normalize(value)

    def to_json(self, value: E | None) -> Any:
        return None if value is None else to_json(self.element, value)

    def from_json(self, content: Any) -> E | None:
        return None if content is None else from_json(self.element, content)


_TEXT_PARSERS = frozenset({Parameter.parse, StrParameter.parse})
