"""Tasks as a scheduler hears of them, and as a worker makes one of several."""

from __future__ import annotations

from typing import Any

import pytest

import rumbo
from rumbo import ParameterVisibility
from rumbo.worker.plan import Plan
from rumbo.worker.specs import Describer
from rumbo.worker.worker import merge


class Load(rumbo.Task):
    """A batch of tables, with a password and a host."""

    table: Any = rumbo.Parameter(batch_method=",".join)
    password: Any = rumbo.Parameter(visibility=ParameterVisibility.PRIVATE, default="none")
    host: Any = rumbo.Parameter(visibility=ParameterVisibility.HIDDEN, default="here")

    def output(self) -> Any:
        return rumbo.MemoryTarget(f"specs-{self.table}")


def specs(describer: Describer, *tasks: rumbo.Task) -> Any:
    plan = Plan()
    plan.find(tasks)
    return describer.describe(plan.nodes.values())


def test_what_is_private_is_not_described_and_what_is_hidden_is_named() -> None:
    (spec,) = specs(Describer(True), Load(table="a", password="s3cret", host="db"))
    assert (spec.params, spec.hidden, spec.portable) == ({"table": "a", "host": "db"}, ("host",), False)
    assert "s3cret" not in repr(spec)


def test_tasks_are_done_together_only_if_their_private_values_agree() -> None:
    describer = Describer(True)
    one, two, other = specs(
        describer,
        Load(table="a", password="s3cret"),
        Load(table="b", password="s3cret"),
        Load(table="c", password="another"),
    )
    assert one.batch == two.batch != other.batch
    (elsewhere,) = specs(Describer(True), Load(table="a", password="s3cret"))
    assert elsewhere.batch != one.batch  # nobody can compare what two workers have
    assert merge([Load(table="a", password="s3cret"), Load(table="b", password="s3cret")]) == Load(
        table="a,b", password="s3cret"
    )


@pytest.mark.parametrize("password", ["s3cret", "another"])
def test_one_task_for_several_keeps_what_is_private(password: str) -> None:
    merged = merge([Load(table="a", password=password), Load(table="b", password=password)])
    assert (merged.table, merged.password) == ("a,b", password)  # type: ignore[attr-defined]
