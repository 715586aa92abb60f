"""What Luigi 3.8 answers for each kind of parameter (recorded in parameter_cases.json), Rumbo answers too."""

from __future__ import annotations

import datetime
import enum
import json
import operator
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from rumbo.pipeline import intervals
from rumbo.pipeline.freezing import FrozenOrderedDict
from rumbo.pipeline.parameter import Parameter, _no_value

CASES = json.loads(Path(__file__).with_name("parameter_cases.json").read_text(encoding="utf-8"))
Color = enum.Enum("Color", {"RED": 1, "BLUE": 2})
NAMES = {"dt": datetime, "Color": Color, "op": operator, "Path": Path, "interval": intervals}

# Where Rumbo understands what Luigi refuses: (class, method, input) -> the answer.
MORE_THAN_LUIGI = {
    ("TimeDeltaParameter", "parse", "PT0S"): "datetime.timedelta(0)",
    ("TupleParameter", "parse", "[NaN]"): "tuple(nan)",
}


def shown(value: Any) -> str:
    """The value with the types of everything inside."""
    if isinstance(value, (list, tuple)):
        return type(value).__name__ + "(" + ", ".join(map(shown, value)) + ")"
    if isinstance(value, FrozenOrderedDict):
        return "frozen{" + ", ".join(f"{key!r}: {shown(one)}" for key, one in value.items()) + "}"
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, intervals.DateInterval):
        return f"{type(value).__name__}:{value}"
    return repr(value)


def answer(method: Any, value: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return shown(method(value))
        except Exception:
            return "!"


def parameter_class(name: str) -> type[Parameter[Any]]:
    for module in ("", "s.scalars", "s.dates", "s.collections", "s.choices"):
        found = getattr(import_module(f"rumbo.pipeline.parameter{module}"), name, None)
        if found is not None:
            return found  # type: ignore[no-any-return]
    raise AssertionError(name)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['class']}({case['options']})")
def test_answers_as_luigi_does(case: dict[str, Any]) -> None:
    kind = parameter_class(case["class"])
    parameter = eval(f"kind({case['options']})", {**NAMES, "kind": kind})
    differences = {}
    for method, is_text in (
        ("parse", True),
        ("serialize", False),
        ("normalize", False),
        ("next_in_enumeration", False),
    ):
        for given, expected in case.get("next" if method.startswith("next") else method, {}).items():
            wanted = MORE_THAN_LUIGI.get((case["class"], method, given), expected)
            found = answer(getattr(parameter, method), given if is_text else eval(given, NAMES))
            if found != wanted:
                differences[method, given] = f"{found} instead of {wanted}"
    assert differences == {}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['class']}({case['options']})")
def test_default_is_luigis(case: dict[str, Any]) -> None:
    parameter = eval(f"kind({case['options']})", {**NAMES, "kind": parameter_class(case["class"])})
    if case["class"] in ("OptionalChoiceParameter", "OptionalNumericalParameter"):
        assert parameter._default is None  # Luigi forgot these two
    elif case["default"] is None:
        assert parameter._default is _no_value
    else:
        assert shown(parameter._default) == case["default"]
