"""Runs an example as its reader would: in a copy of its folder, by the command line that its docstring gives."""

from __future__ import annotations

import ast
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from file_services import S3Service, s3_server

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAMS = Path(sys.executable).parent


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return f"exit code {self.code}\n{self.out}\n{self.err}"


class Shell:
    """A folder, and the commands that are run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, command: str, timeout: float = 60) -> Ended:
        program, *words = shlex.split(command)
        # Where no terminal is, nothing may depend on its width or colours.
        environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
        done = subprocess.run(
            [str(PROGRAMS / program), *words],
            cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def run_example(self, name: str) -> Ended:
        """Run the first command line in an example's docstring: indented, and `rumbo run` or `python -m luigi`."""
        docstring = ast.get_docstring(ast.parse(self.read(name)), clean=False) or ""
        for line in docstring.splitlines():
            if line.startswith(("    rumbo run ", "    python -m luigi ")):
                return self.run(line.strip())
        raise AssertionError(f"The docstring of {name} has no command line that runs it.")

    def read(self, path: str) -> str:
        return (self.folder / path).read_text()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A copy of the small examples."""
    for path in [*EXAMPLES.glob("*.py"), *EXAMPLES.glob("luigi/*.py")]:
        shutil.copy(path, tmp_path)
    return Shell(tmp_path)


@pytest.fixture
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Service]:
    """An S3 server with an empty bucket, ``lake``."""
    with s3_server(tmp_path_factory.mktemp("s3")) as service:
        yield service


@pytest.fixture
def flights_shell(tmp_path: Path) -> Shell:
    """A copy of the flights example, without data."""
    for path in EXAMPLES.glob("flights/*.py"):
        shutil.copy(path, tmp_path)
    return Shell(tmp_path)
