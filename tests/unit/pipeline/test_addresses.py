"""Which target an address means."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from importlib.metadata import EntryPoint, EntryPoints
from typing import TYPE_CHECKING, Any

import pytest

import rumbo
from rumbo.errors import TargetError
from rumbo.integrations.files import FsspecDirectoryTarget, FsspecTarget
from rumbo.pipeline import addresses, formats

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("address", ["data/a.csv", "file:data/a.csv", "FILE:data/a.csv", "local:data/a.csv"])
def test_a_path_is_on_this_machine(address: str) -> None:
    target = rumbo.Target(address)
    assert type(target) is rumbo.LocalTarget
    assert target.path == "data/a.csv"


@pytest.mark.parametrize("scheme", ["", "file://", "file:", "file://localhost", "local://"])
def test_so_is_an_absolute_one(scheme: str) -> None:
    assert rumbo.Target(f"{scheme}/tmp/a b.csv").path == "/tmp/a b.csv"


def test_a_path_object_will_do(tmp_path: Path) -> None:
    assert rumbo.Target(tmp_path / "a").path == str(tmp_path / "a")


def test_a_drive_of_windows_is_no_scheme() -> None:
    assert type(rumbo.Target(r"C:\data")) is rumbo.LocalTarget


def test_a_closing_slash_means_a_folder() -> None:
    target = rumbo.Target("file:data/parts/")
    assert isinstance(target, rumbo.LocalDirectoryTarget)
    assert target.existence_path == os.path.join("data/parts", "_SUCCESS")
    assert isinstance(rumbo.Target("s3://lake/parts/", flag="done"), FsspecDirectoryTarget)
    assert type(rumbo.Target("s3://lake/part")) is FsspecTarget


def test_memory_is_the_one_that_forked_workers_share() -> None:
    target = rumbo.Target("memory://greeting", rumbo.UTF8)
    assert isinstance(target, rumbo.MemoryTarget)
    target.write_text("hello")
    assert rumbo.Target("memory://greeting").read_text() == "hello"


def test_the_format_is_handed_on() -> None:
    assert rumbo.Target("a", format=rumbo.Nop).format is formats.Nop  # type: ignore[attr-defined]


def test_classes_of_ones_own_are_made_as_ever() -> None:
    class Ready(rumbo.Target):
        def exists(self) -> bool:
            return True

    assert type(Ready()) is Ready


def test_target_alone_is_no_target() -> None:
    with pytest.raises(TypeError, match="abstract"):
        rumbo.Target()


def test_another_package_may_offer_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = EntryPoint("lake", f"{__name__}:lake_target", "rumbo.targets")
    _offer(monkeypatch, offered)
    target = rumbo.Target("lake:/deep", rumbo.Nop, colour="blue")
    assert target == ("lake:/deep", rumbo.Nop, "blue")


def lake_target(address: str, format: Any, colour: str) -> Any:
    return address, format, colour


def test_a_scheme_that_nothing_installed_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    _offer(monkeypatch)
    with pytest.raises(TargetError) as raised:
        rumbo.Target("lake://deep")
    assert str(raised.value) == (
        "No installed package makes targets at lake://. "
        "Install one that offers an entry point 'lake' in the group 'rumbo.targets', or install Rumbo anew."
    )


def test_no_library_of_a_store_is_imported_to_make_a_target() -> None:
    program = (
        "import sys, rumbo; target = rumbo.Target('s3://lake/key'); "
        "print(target, [name for name in ('fsspec', 's3fs', 'boto3') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "s3://lake/key []\n"


def test_what_is_installed_is_looked_through_once_for_all_targets_of_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _offer(monkeypatch, EntryPoint("any", "rumbo.integrations.files:target_at", "rumbo.targets"))
    for number in range(3):
        rumbo.Target(f"s3://lake/{number}")
    assert asked == ["s3", "any"]


def _offer(monkeypatch: pytest.MonkeyPatch, *entries: EntryPoint) -> list[str]:
    """Let these be all entry points; gives the names that are asked for."""
    asked = []

    def entry_points(**wanted: str) -> EntryPoints:
        asked.append(wanted["name"])
        return EntryPoints(entries).select(**wanted)

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    monkeypatch.setattr(addresses, "_maker_for", cache(addresses._maker_for.__wrapped__))
    return asked
