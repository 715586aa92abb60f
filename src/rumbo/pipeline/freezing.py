"""Mappings and sequences that cannot change and can be hashed, as the values of parameters must be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, overload

K = TypeVar("K")
V_co = TypeVar("V_co", covariant=True)

_PLAIN = frozenset({str, int, float, bool, type(None)})


class FrozenOrderedDict(Mapping[K, V_co]):
    """A mapping that keeps its order, cannot be changed and can be hashed if its values can.

    It equals any mapping with the same items, whatever their order, and is no ``dict``: a program that needs one
    takes ``dict(frozen)`` or `get_wrapped`.
    """

    __slots__ = ("_frozen_throughout", "_hash", "_items")

    def __init__(self, items: Mapping[K, V_co] | Iterable[tuple[K, V_co]] = (), /, **more: Any) -> None:
        self._items: dict[K, V_co] = dict(items, **more)
        self._hash: int | None = None
        # Whether recursively_freeze made it, so that it need not be walked again.
        self._frozen_throughout = False

    def __getitem__(self, key: K) -> V_co:
        return self._items[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __eq__(self, other: object) -> bool:
        if isinstance(other, FrozenOrderedDict):
            return self._items == other._items
        if isinstance(other, Mapping):
            return self._items == dict(other)
        return NotImplemented

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._items.items()))
        return self._hash

    def __repr__(self) -> str:
        return repr(self._items)

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the hash: another process hashes text differently.
        return FrozenOrderedDict, (self._items,)

    def get_wrapped(self) -> dict[K, V_co]:
        """The dict inside, as ``json.dumps`` wants it; changing it breaks the hash."""
        return self._items


@overload
def recursively_freeze(value: Mapping[K, Any]) -> FrozenOrderedDict[K, Any]: ...
@overload
def recursively_freeze(value: list[Any] | tuple[Any, ...]) -> tuple[Any, ...]: ...
@overload
def recursively_freeze(value: Any) -> Any: ...
def recursively_freeze(value: Any) -> Any:
    """Mappings become `FrozenOrderedDict`, lists and tuples become tuples, all the way down."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, (list, tuple)):
        return tuple([recursively_freeze(item) for item in value])
    if isinstance(value, Mapping):
        if type(value) is FrozenOrderedDict and value._frozen_throughout:
            return value
        frozen = FrozenOrderedDict({key: recursively_freeze(item) for key, item in value.items()})
        frozen._frozen_throughout = True
        return frozen
    return value


@overload
def recursively_unfreeze(value: Mapping[K, Any]) -> dict[K, Any]: ...
@overload
def recursively_unfreeze(value: list[Any] | tuple[Any, ...]) -> list[Any]: ...
@overload
def recursively_unfreeze(value: Any) -> Any: ...
def recursively_unfreeze(value: Any) -> Any:
    """Mappings become ``dict``, tuples become lists, all the way down: what JSON and its schemas speak."""
    if isinstance(value, (list, tuple)):
        return [recursively_unfreeze(item) for item in value]
    if isinstance(value, Mapping):
        return {key: recursively_unfreeze(item) for key, item in value.items()}
    return value
