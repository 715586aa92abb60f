"""The parameter of a value of which an annotation says nothing but that JSON can hold it."""

from __future__ import annotations

from typing import Any

from rumbo.pipeline.freezing import recursively_freeze, recursively_unfreeze
from rumbo.pipeline.parameters.collections import JsonParameter


class AnyValue(JsonParameter[Any]):
    """Whatever JSON can hold, frozen."""

    expected = 'JSON, for example ["text", 1, true, {"key": null}]'

    def to_json(self, value: Any) -> Any:
        return recursively_unfreeze(value)

    def from_json(self, content: Any) -> Any:
        return recursively_freeze(content)

    def normalize(self, value: Any) -> Any:
        return recursively_freeze(value)
