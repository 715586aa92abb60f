from __future__ import annotations

import copy
import json
import pickle
from collections import OrderedDict
from types import MappingProxyType

import pytest

from rumbo.pipeline.freezing import FrozenOrderedDict, recursively_freeze, recursively_unfreeze


def test_a_frozen_mapping_keeps_its_order_and_is_no_dict() -> None:
    frozen = FrozenOrderedDict([("b", 1), ("a", 2)])
    assert list(frozen) == ["b", "a"]
    assert frozen["a"] == 2
    assert len(frozen) == 2
    assert "b" in frozen
    assert "c" not in frozen
    assert not isinstance(frozen, dict)
    assert repr(frozen) == "{'b': 1, 'a': 2}"


def test_a_frozen_mapping_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        FrozenOrderedDict(a=1)["a"] = 2  # type: ignore[index]


def test_equality_and_hash_look_at_the_items_and_not_at_their_order() -> None:
    one, other = FrozenOrderedDict(a=1, b=(2,)), FrozenOrderedDict(b=(2,), a=1)
    assert one == other
    assert hash(one) == hash(other) == hash(one)
    assert one == {"a": 1, "b": (2,)}
    assert one == MappingProxyType({"a": 1, "b": (2,)})
    assert one != {"a": 1}
    assert one != 5


def test_unhashable_values_cannot_be_hashed() -> None:
    with pytest.raises(TypeError):
        hash(FrozenOrderedDict(a=[]))


def test_copies_and_pickles_are_equal_and_carry_no_hash() -> None:
    frozen = FrozenOrderedDict(a=1)
    hash(frozen)
    again = pickle.loads(pickle.dumps(frozen))
    assert again == frozen
    assert again._hash is None
    assert copy.deepcopy(frozen) == frozen


def test_the_wrapped_dict_is_what_json_writes() -> None:
    assert json.dumps(FrozenOrderedDict(a=1).get_wrapped()) == '{"a": 1}'


def test_freezing_reaches_all_the_way_down() -> None:
    frozen = recursively_freeze({"a": [1, {"b": [2]}], "c": OrderedDict(d=(3, [4]))})
    assert isinstance(frozen, FrozenOrderedDict)
    assert frozen["a"][1]["b"] == (2,)
    assert frozen["c"]["d"] == (3, (4,))
    hash(frozen)


def test_what_is_frozen_already_is_not_frozen_again() -> None:
    frozen = recursively_freeze({"a": [1]})
    assert recursively_freeze(frozen) is frozen
    assert recursively_freeze(FrozenOrderedDict(a=[1])) == frozen


def test_other_values_stay_as_they_are() -> None:
    marker = object()
    assert recursively_freeze(marker) is marker
    assert recursively_unfreeze(marker) is marker
    assert recursively_freeze("text") == "text"


def test_unfreezing_gives_plain_dicts_and_lists() -> None:
    plain = {"a": [1, {"b": [2]}]}
    again = recursively_unfreeze(recursively_freeze(plain))
    assert again == plain
    assert type(again["a"][1]) is dict
