"""From a type to the parameter that reads, checks and writes its values."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence, Set
from enum import EnumMeta
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from rumbo.errors import ParameterError
from rumbo.pipeline import checked
from rumbo.pipeline.intervals import DateInterval
from rumbo.pipeline.parameter import Parameter, _no_value
from rumbo.pipeline.registry import Register


class UnknownAnnotation(Exception):
    """No parameter is known for an annotation; the text says why."""


_BY_TYPE: dict[Any, type[Parameter[Any]]] = {
    str: checked.StrictStr,
    int: checked.StrictInt,
    float: checked.StrictFloat,
    bool: checked.StrictBool,
    dt.date: checked.StrictDate,
    dt.datetime: checked.StrictMoment,
    dt.timedelta: checked.StrictDuration,
}


def annotation_text(annotation: Any) -> str:
    """An annotation as a person writes it."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation.__qualname__.split("<locals>.")[-1]
    return str(annotation).replace("typing.", "")


def parameter_for(
    annotation: Any, default: Any = _no_value, options: Mapping[str, Any] | None = None
) -> Parameter[Any]:
    """The parameter that an annotation means.

    Args:
        annotation: as an object, not as text.
        default: the parameter's default.
        options: further arguments of the Parameter class.

    Raises:
        UnknownAnnotation: there is none.
    """
    options = options or {}
    inner, nullable = _without_none(_without_metadata(annotation))
    if nullable and default is _no_value:
        default = None
    plain = _plain_kind(inner)
    if plain is not None:
        kind, more = plain
        return (checked.optional(kind) if nullable else kind)(default=default, **more, **options)
    if nullable:
        from rumbo.pipeline.parameters.collections import NullableParameter

        return NullableParameter(_nested(inner, _no_value, {}), default, **options)
    return _nested(inner, default, options)


def _without_metadata(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = annotation.__origin__
    return annotation


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """The annotation without ``| None``, and whether it had it."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    kinds = [one for one in get_args(annotation) if one is not NoneType]
    if len(kinds) > 1:
        raise UnknownAnnotation(f"a text could mean any of {', '.join(map(annotation_text, kinds))}")
    return _without_metadata(kinds[0]), len(kinds) < len(get_args(annotation))


def _plain_kind(annotation: Any) -> tuple[type[Parameter[Any]], dict[str, Any]] | None:
    """The kind of parameter, with further arguments, for values that are written as plain text."""
    origin = get_origin(annotation)
    if origin is Literal:
        from rumbo.pipeline.parameters.choices import LiteralParameter

        return LiteralParameter, {"values": get_args(annotation)}
    if origin is type and isinstance(get_args(annotation)[0], Register):
        return checked.StrictTaskClass, {}
    if origin is not None or not isinstance(annotation, type):
        return None
    if annotation in _BY_TYPE:
        return _BY_TYPE[annotation], {}
    if isinstance(annotation, EnumMeta):
        return checked.StrictEnum, {"enum": annotation}
    if annotation.__module__.startswith("pathlib") and issubclass(annotation, os.PathLike):
        return checked.StrictPath, {}
    if issubclass(annotation, DateInterval):
        return checked.StrictInterval, {"kind": annotation}
    return None


def _nested(annotation: Any, default: Any, options: Mapping[str, Any]) -> Parameter[Any]:
    """The parameter for values that are written as JSON."""
    from rumbo.pipeline.parameters import collections

    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
        elements = [_element(one) for one in arguments]
        return collections.FixedSequenceParameter(elements, default, **options)
    if origin in (list, tuple, Sequence):
        element = _element(arguments[0] if arguments else Any)
        return collections.SequenceParameter(element, default, **options)
    if origin in (set, frozenset, Set):
        return collections.SetParameter(_element(arguments[0] if arguments else Any), default, **options)
    if origin is dict or origin is Mapping:
        key, value = arguments or (str, Any)
        if _plain_kind(key) is None:
            raise UnknownAnnotation(f"JSON cannot have keys that are {annotation_text(key)}")
        return collections.MappingParameter(parameter_for(key), _element(value), default, **options)
    return _record(annotation, default, options)


def _element(annotation: Any) -> Parameter[Any]:
    if annotation is not Any:
        return parameter_for(annotation)
    from rumbo.pipeline.anything import AnyValue

    return AnyValue()


def _record(annotation: Any, default: Any, options: Mapping[str, Any]) -> Parameter[Any]:
    is_record = hasattr(annotation, "__dataclass_fields__") or hasattr(annotation, "_fields")
    if not (isinstance(annotation, type) and is_record):
        raise UnknownAnnotation(f"there is no way to write {annotation_text(annotation)} as text")
    from rumbo.pipeline.parameters.records import RecordParameter

    try:
        return RecordParameter(annotation, default, resolve=_field, **options)
    except ParameterError as error:
        raise UnknownAnnotation(str(error).rstrip(".")) from error


def _field(annotation: Any) -> Parameter[Any]:
    try:
        return _element(annotation)
    except UnknownAnnotation as problem:
        raise ParameterError(f"The field's type {annotation_text(annotation)} cannot be used: {problem}.") from None
