"""A task's id is Luigi's, byte for byte (task_ids.json holds what Luigi 3.8.1 said)."""

from __future__ import annotations

import importlib.util
import json
import warnings
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rumbo.pipeline import task as task_module
from rumbo.pipeline.identity import canonical_json
from rumbo.pipeline.parameter import Parameter, ParameterVisibility
from rumbo.pipeline.parameters.scalars import IntParameter
from rumbo.pipeline.task import Task, task_id_str

if TYPE_CHECKING:
    from types import ModuleType

HERE = Path(__file__).parent
CASES = json.loads((HERE / "task_ids.json").read_text(encoding="utf-8"))


def maker_of_cases() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_task_ids", HERE / "make_task_ids.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = maker_of_cases()


def kinds() -> dict[str, Any]:
    modules = [
        import_module(f"rumbo.pipeline.parameters.{name}") for name in ("scalars", "dates", "choices", "collections")
    ]
    found: dict[str, Any] = {"Parameter": Parameter, "ParameterVisibility": ParameterVisibility}
    for module in modules:
        found.update({name: kind for name, kind in vars(module).items() if name.endswith("Parameter")})
    return found


@pytest.mark.parametrize("case", CASES, ids=[case["expected"][0] for case in CASES])
def test_id_and_repr_are_those_of_luigi(case: dict[str, Any]) -> None:
    made = MAKER.task_of(case, Task, kinds())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert MAKER.described(made) == case["expected"]


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(), st.text()))
def test_canonical_json_is_what_the_json_module_writes(params: dict[str, str]) -> None:
    assert canonical_json(params) == json.dumps(params, separators=(",", ":"), sort_keys=True)


def test_a_serialized_value_that_is_no_text_is_still_written_as_json() -> None:
    assert canonical_json({"a": 1, "b": None}) == '{"a":1,"b":null}'  # type: ignore[dict-item]


def test_without_parameters_the_id_has_two_underscores_in_a_row() -> None:
    assert task_id_str("Family", {}) == "Family__99914b932b"


def test_insignificant_hidden_and_private_values_are_not_in_the_id() -> None:
    class Quiet(Task):
        x = Parameter()
        a = Parameter(significant=False)
        b = Parameter(visibility=ParameterVisibility.HIDDEN)
        c = Parameter(visibility=ParameterVisibility.PRIVATE)

    assert Quiet("1", "2", "3", "4").task_id == task_id_str("Quiet", {"x": "1"})
    assert repr(Quiet("1", "2", "3", "4")) == "Quiet(x=1, b=3, c=4)"


def test_programs_may_change_how_much_of_the_values_is_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_module, "TASK_ID_INCLUDE_PARAMS", 1)
    monkeypatch.setattr(task_module, "TASK_ID_TRUNCATE_PARAMS", 2)
    assert task_id_str("F", {"a": "xyz", "b": "q"}).startswith("F_xy_")


def test_a_class_may_decide_what_its_texts_are() -> None:
    class Odd(Task):
        x = IntParameter()

        def to_str_params(self, only_significant: bool = False, only_public: bool = False) -> dict[str, str]:
            return {"x": "always"}

    assert Odd(1).task_id == task_id_str("Odd", {"x": "always"})


def test_the_id_is_of_the_values_the_task_was_made_with() -> None:
    class Rounding(Task):
        x = IntParameter()

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.x = 0

    assert Rounding(7).task_id == task_id_str("Rounding", {"x": "7"})
    assert Rounding(7).param_kwargs == {"x": 7}


def test_the_family_is_part_of_the_id_but_not_of_the_sum() -> None:
    class One(Task):
        x = IntParameter()

    class Two(Task):
        x = IntParameter()

    assert One(1).task_id.removeprefix("One") == Two(1).task_id.removeprefix("Two")


def test_a_value_that_cannot_be_written_names_task_and_parameter() -> None:
    class Unwritable(Parameter[object]):
        def serialize(self, value: object) -> str:
            raise ValueError("no words for this")

    class Broken(Task):
        x = Unwritable()

    with pytest.raises(ValueError) as caught:
        _ = Broken(x=1).task_id
    assert str(caught.value) == "Broken.x: 1 cannot be used: no words for this. It cannot be written as text."


def test_unhashable_values_still_give_an_id_at_once() -> None:
    class Loose(Task):
        x = Parameter()

    value = {"a": 1}
    with pytest.warns(UserWarning, match='Parameter "x" with value'):
        made = Loose(x=value)
    value["a"] = 2
    assert made.task_id == task_id_str("Loose", {"x": "{'a': 1}"})
    with pytest.warns(UserWarning, match="not of type string"):
        assert Loose(x={"b": 1}) is not Loose(x={"b": 1})


def test_a_parameter_may_be_called_task_id() -> None:
    class Odd(Task):
        task_id = IntParameter()

    odd = Odd(task_id=8)
    assert odd.task_id == task_id_str("Odd", {"task_id": "8"})
    assert odd.param_kwargs == {"task_id": 8}
    assert odd == Odd(task_id=8)
    assert odd != Odd(task_id=9)
