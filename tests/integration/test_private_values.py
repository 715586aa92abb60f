"""Values of private parameters: nowhere in what is kept or shown, whichever style the task is written in."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from server_house import RUMBO, environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

PIPELINE = """
import os
import rumbo
from rumbo import Parameter


class Lost(rumbo.ExternalTask):
    password = Parameter(visibility=rumbo.ParameterVisibility.PRIVATE, default="")

    def output(self):
        return rumbo.LocalTarget("never")


class _Both:
    def requires(self):
        return [Lost(password=self.password)] if self.mode == "lost" else []

    def output(self):
        return rumbo.LocalTarget(f"out/{self.mode}")

    def run(self):
        print("at work")
        if self.mode == "raise":
            raise ValueError("no entry")
        if self.mode == "die":
            os.kill(os.getpid(), 9)
        if self.mode == "yield":
            yield Lost(password=self.password)
        if self.mode == "done":
            self.output().write_text("x")


class OldStyle(_Both, rumbo.Task):
    mode = Parameter()
    password = Parameter(visibility=rumbo.ParameterVisibility.PRIVATE)


class NewStyle(_Both, rumbo.Task):
    mode: str
    password: str = rumbo.parameter(visibility=rumbo.ParameterVisibility.PRIVATE)
"""

SECRET = "s3cr3t-hunter"


@pytest.mark.parametrize("family", ["OldStyle", "NewStyle"])
def test_a_private_value_is_nowhere(family: str, tmp_path: Path) -> None:
    (tmp_path / "vault.py").write_text(PIPELINE)
    shown = ""
    commands = []
    for mode in ("done", "nothing", "raise", "die", "yield", "lost"):
        flags = ["--password", SECRET] if mode < "lost" else [f"--password={SECRET}"]
        commands += [
            ["run", "-m", "vault", family, "--mode", mode, *flags, "--workers", "2"],
            ["show", "last", "--tasks"],
            ["logs", family, "--mode", mode],
        ]
    for command in [*commands, ["history"], ["show", family, "--json"]]:
        said = subprocess.run(
            [RUMBO, *command], cwd=tmp_path, env=environment(), text=True, capture_output=True, timeout=60
        )
        shown += said.stdout + said.stderr

    assert "--password '***'" in shown
    assert "'--password=***'" in shown
    assert SECRET not in shown
    kept = [path for path in (tmp_path / ".rumbo").rglob("*") if path.is_file()]
    assert len(kept) > 3
    assert [path for path in kept if SECRET.encode() in path.read_bytes()] == []
