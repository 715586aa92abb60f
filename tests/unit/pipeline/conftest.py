"""Each test of the language has a registry, a configuration and a command line of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rumbo.pipeline import config
from rumbo.pipeline.registry import Register
from rumbo.pipeline.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _own_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Register, "_reg", list(Register._reg))
    monkeypatch.setattr(Register, "_default_namespace_dict", {})
    monkeypatch.setattr(Register, "_instances", {})
    monkeypatch.setattr(Task, "_event_callbacks", {})
    before = config.use(config.Configuration()), config.use_command_line(None)
    yield
    config.use(before[0])
    config.use_command_line(before[1])
