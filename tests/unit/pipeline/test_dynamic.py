"""Requirements found at run time can be checked all at once."""

from __future__ import annotations

from typing import Any

from rumbo.pipeline.dynamic import DynamicRequirements
from rumbo.pipeline.parameters.scalars import IntParameter
from rumbo.pipeline.task import Task


class Even(Task):
    n = IntParameter()

    def output(self) -> Any:
        return f"output {self.n}"

    def complete(self) -> bool:
        return bool(self.n % 2 == 0)


def test_it_is_complete_when_each_requirement_is() -> None:
    assert DynamicRequirements([Even(0), Even(2)]).complete()
    assert not DynamicRequirements({"a": Even(0), "b": Even(1)}).complete()


def test_the_check_of_one_task_can_be_replaced() -> None:
    assert DynamicRequirements([Even(1)]).complete(lambda task: True)


def test_a_check_of_its_own_gets_the_check_of_one_task() -> None:
    asked = []

    def only_the_first(complete: Any) -> bool:
        asked.append(complete(Even(0)))
        return True

    assert DynamicRequirements([Even(0), Even(1)], only_the_first).complete()
    assert asked == [True]


def test_requirements_are_known_flat_and_outputs_in_their_shape() -> None:
    requirements = DynamicRequirements({"a": Even(0), "b": [Even(1)]})
    assert requirements.flat_requirements == [Even(0), Even(1)]
    assert requirements.paths == {"a": "output 0", "b": ["output 1"]}
    assert requirements.paths is requirements.paths
