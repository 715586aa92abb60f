"""Our own targets keep the contract that we ask of others'."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rumbo.pipeline.local import LocalTarget
from rumbo.pipeline.memory import MemoryFileSystem, MemoryTarget
from rumbo.testing.target_contract import TargetContract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rumbo.pipeline.formats import Format


class TestLocalTarget(TargetContract):
    has_local_paths = True
    is_shared_with_children = True

    def create_target(self, name: str, format: Format | None = None) -> LocalTarget:
        return LocalTarget(self.folder / name, format)


class TestRelativeLocalTarget(TargetContract):
    has_local_paths = True
    is_shared_with_children = True

    @pytest.fixture(autouse=True)
    def _inside(self, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def create_target(self, name: str, format: Format | None = None) -> LocalTarget:
        return LocalTarget(name, format)


class TestMemoryTarget(TargetContract):
    is_shared_with_children = True

    @pytest.fixture(autouse=True)
    def _fresh(self) -> Iterator[None]:
        MemoryFileSystem().clear()
        yield
        MemoryFileSystem().clear()

    def create_target(self, name: str, format: Format | None = None) -> MemoryTarget:
        return MemoryTarget(f"memory/{name}", format=format)
