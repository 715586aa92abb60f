"""Writes task_ids.json: what Luigi 3.8.1 calls tasks of many kinds. Run it with a Python that has Luigi installed."""

from __future__ import annotations

import datetime
import enum
import json
import pathlib
import random
import sys
import warnings

HOME = pathlib.Path(__file__).parent


class Color(enum.Enum):
    """An enumeration for cases to use."""

    RED = 1
    DARK_BLUE = 2


# kind, options, values as Python writes them
VALUES = [
    (
        "Parameter",
        "",
        ["'a'", "''", "'ñandú ☃ \U0001f40d'", "'x' * 200", "'a\"b\\\\c\\n\\t'", "'../p/q-r.s'", "None", "3"],
    ),
    ("StrParameter", "", ["'plain'", "'日本語'", "' '"]),
    ("IntParameter", "", ["0", "-7", "10**30", "True"]),
    ("FloatParameter", "", ["0.1", "1e300", "-0.0", "float('inf')", "1", "1/3"]),
    ("BoolParameter", "", ["True", "False", "'TRUE'"]),
    (
        "DateParameter",
        "",
        ["datetime.date(2020, 2, 29)", "datetime.datetime(1999, 12, 31, 23)", "datetime.date(999, 1, 1)"],
    ),
    ("DateParameter", "interval=7", ["datetime.date(2020, 2, 29)"]),
    ("MonthParameter", "", ["datetime.date(2013, 7, 10)"]),
    ("YearParameter", "", ["datetime.date(2013, 7, 10)"]),
    ("DateHourParameter", "", ["datetime.datetime(2013, 7, 10, 19, 38)"]),
    ("DateMinuteParameter", "interval=15", ["datetime.datetime(2013, 7, 10, 19, 38)"]),
    ("DateSecondParameter", "", ["datetime.datetime(2013, 7, 10, 19, 38, 5, 123456)"]),
    ("TimeDeltaParameter", "", ["datetime.timedelta(days=9, seconds=3723)"]),
    ("DictParameter", "", ["{}", "{'b': [1, {'c': None}], 'a': 'é'}", "{'k': 1.5, 'n': {'m': [True]}}"]),
    ("ListParameter", "", ["[]", "[1, 'a', [2, None]]", "['ü', {'a': 1}]"]),
    ("TupleParameter", "", ["()", "((1, 2), (3, 'x'))"]),
    ("ChoiceParameter", "choices=['a', 'b']", ["'b'"]),
    ("EnumParameter", "enum=Color", ["Color.RED", "Color.DARK_BLUE"]),
    ("EnumListParameter", "enum=Color", ["(Color.RED, Color.DARK_BLUE)"]),
    ("NumericalParameter", "var_type=int, min_value=0, max_value=9", ["5"]),
    ("PathParameter", "", ["'a/b c.txt'"]),
    ("OptionalParameter", "", ["None", "'x'"]),
    ("OptionalIntParameter", "", ["None", "4"]),
    ("OptionalListParameter", "", ["None", "[1]"]),
]
FLAGS = [
    "",
    "",
    "",
    "",
    "significant=False",
    "visibility=ParameterVisibility.HIDDEN",
    "visibility=ParameterVisibility.PRIVATE",
]
FAMILIES = ["A", "Clean", "_private", "ÜberTask", "X" * 60]
NAMESPACES = ["", "", "flights", "a.b.c"]
NAMES = ["x", "date", "Zeta", "alpha", "_u", "camelCase", "n1", "très"]


def cases(seed: int, number: int) -> list[dict[str, object]]:
    """One case for each value alone, then random mixtures."""
    alone = [[["x", kind, options, value]] for kind, options, values in VALUES for value in values]
    chance = random.Random(seed)
    mixed = [_mixture(chance) for _ in range(number)]
    return [
        {"namespace": chance.choice(NAMESPACES), "name": chance.choice(FAMILIES), "params": params}
        for params in [[], *alone, *mixed]
    ]


def _mixture(chance: random.Random) -> list[list[str]]:
    params = []
    for name in chance.sample(NAMES, chance.randint(2, 6)):
        kind, options, values = chance.choice(VALUES)
        flags = chance.choice(FLAGS)
        params.append([name, kind, ", ".join(filter(None, [options, flags])), chance.choice(values)])
    return params


def task_of(case: dict[str, object], task_class: type, kinds: dict[str, object]) -> object:
    """The task that a case describes, of a class made of the given parts."""
    scope = {**kinds, "datetime": datetime, "Color": Color}
    params: list[list[str]] = case["params"]  # type: ignore[assignment]
    body = {name: eval(f"{kind}({options})", dict(scope)) for name, kind, options, _ in params}
    body["task_namespace"] = case["namespace"]
    cls = type(task_class)(case["name"], (task_class,), body)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cls(**{name: eval(value, dict(scope)) for name, _, _, value in params})


def described(task: object) -> list[str]:
    """What must be the same: the id, and what is written in logs."""
    return [task.task_id, repr(task)]  # type: ignore[attr-defined]


if __name__ == "__main__":
    import luigi

    made = cases(seed=2013, number=85)
    for case in made:
        case["expected"] = described(task_of(case, luigi.Task, {**vars(luigi.parameter), **vars(luigi)}))
    text = ",\n".join(json.dumps(case, ensure_ascii=True) for case in made)
    (HOME / "task_ids.json").write_text(f"[\n{text}\n]\n", encoding="utf-8")
    sys.stdout.write(f"{len(made)} cases\n")
