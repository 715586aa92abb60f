"""Every test sees the tasks of Rumbo and of its own module, and not those that other tests define."""

from __future__ import annotations

import pytest

from rumbo.pipeline.registry import Register


@pytest.fixture(autouse=True)
def _tasks_of_other_tests_are_unknown(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    own = request.module.__name__
    known = [cls for cls in Register._reg if cls.__module__ == own or not cls.__module__.startswith("tests.")]
    monkeypatch.setattr(Register, "_reg", known)
