"""A folder with a module of tasks, and commands that are carried out in it within this process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from rumbo.cli.main import main
from rumbo.pipeline import config
from rumbo.pipeline.registry import Register

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHOP = '''
"""A small shop."""

from __future__ import annotations

import datetime as dt
import os
from typing import Literal

import rumbo


class Source(rumbo.ExternalTask):
    """Where it all comes from."""

    name: str

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"src/{self.name}.txt")


class Clean(rumbo.Task):
    """The cleaned sales of a day.

    Nobody reads this paragraph in a list.
    """

    date: dt.date
    strict: bool = False

    def requires(self) -> Source:
        return Source(name="sales")

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"out/clean-{self.date}.txt")

    def run(self) -> None:
        if os.environ.get("BREAK") == str(self.date):
            raise ValueError("no sales on this day")
        with self.output().open("w") as file:
            file.write("x")


class Report(rumbo.Task):
    """The report of the first days."""

    days: int = rumbo.parameter(default=3, description="How many days to report.")
    style: Literal["short", "long"] = "short"

    def requires(self) -> list[Clean]:
        return [Clean(date=dt.date(2013, 1, day + 1)) for day in range(self.days)]

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"out/report-{self.days}.txt")

    def run(self) -> None:
        with self.output().open("w") as file:
            file.write("x")
'''


class Said(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


class Desk:
    """A folder to type commands in."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def type(self, *words: str) -> Said:
        """Carry out `rumbo` with these words."""
        self._capsys.readouterr()
        code = main(words)
        out, err = self._capsys.readouterr()
        return Said(code, out, err)

    def write(self, path: str, text: str = "x") -> Path:
        """Write a file."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def has(self, path: str) -> bool:
        """Whether a file is there."""
        return (self.folder / path).exists()


@pytest.fixture(autouse=True)
def _own_world() -> Iterator[None]:
    """Classes, modules and values of the command line do not outlive a test."""
    classes, modules, path = list(Register._reg), set(sys.modules), list(sys.path)
    before = config.use(None)
    yield
    config.use(before)
    config.use_command_line(None)
    Register._reg[:] = classes
    Register._changes += 1
    Register.clear_instance_cache()
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if not name.startswith(("rumbo", "rich", "click", "sqlalchemy")) and "tmp" in str(
            getattr(sys.modules[name], "__file__", "")
        ):
            del sys.modules[name]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A folder with `shop.py`, and nobody's settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("TZ", "UTC")
    (tmp_path / "shop.py").write_text(SHOP)
    return Desk(tmp_path, capsys)
