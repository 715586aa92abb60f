"""Runs a program under Luigi itself and under the façade, and tells what of it people rely on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

PROGRAMS = Path(__file__).parent / "compat" / "programs"


class Outcome(NamedTuple):
    """What a program did."""

    code: int
    stdout: str
    stderr: str
    files: dict[str, str]

    @property
    def summary(self) -> str:
        """The execution summaries in the log."""
        frame = "===== Luigi Execution Summary ====="
        return "".join(re.findall(f"{frame}.*?{frame}", self.stderr, re.DOTALL))

    @property
    def log(self) -> list[str]:
        """The lines that people search logs for, sorted, without what differs from run to run."""
        return searched(self.stderr.splitlines())


SEARCHED = re.compile(
    r"Informed scheduler|\] Worker W (running|done|failed|new req)|Done scheduling|Running Worker|Will not run|"
    r"does not exist \(yet|There are no more tasks|Checking if|Uncaught exception in luigi"
)


def normalized(line: str) -> str:
    """A line of the log without process ids and the worker's name."""
    return re.sub(r"Worker\(.*?pid=\d+\)", "W", re.sub(r"\[pid \d+\]", "[pid]", line))


def searched(lines: Iterable[str]) -> list[str]:
    """The lines that people search logs for, sorted, the first line of each entry."""
    found = (normalized(line.split("\n")[0]) for line in lines)
    kept = sorted(line for line in found if SEARCHED.search(line))
    # How often a worker finds nothing to do depends on how long its tasks take.
    return [line for place, line in enumerate(kept) if "no more tasks" not in line or line not in kept[:place]]


class Both:
    """Runs a program under Luigi and under the façade, each in a folder of its own."""

    def __init__(self, luigi: str, folder: Path) -> None:
        self._luigi = luigi
        self._folder = folder

    def __call__(self, *words: str, files: dict[str, str] | None = None, **environment: str) -> tuple[Outcome, Outcome]:
        """Run ``python words...`` under both; ``luigi`` as the first word is Luigi's program.

        Args:
            files: what lies in the folder before.
            environment: variables for both.
        """
        return self.luigi(*words, files=files, **environment), self.ours(*words, files=files, **environment)

    def luigi(self, *words: str, files: dict[str, str] | None = None, **environment: str) -> Outcome:
        """The same, under Luigi itself alone."""
        return self._run("luigi", self._luigi, words, files or {}, environment)

    def ours(self, *words: str, files: dict[str, str] | None = None, **environment: str) -> Outcome:
        """The same, under the façade alone."""
        return self._run("ours", sys.executable, words, files or {}, environment)

    def _run(
        self, name: str, python: str, words: tuple[str, ...], files: dict[str, str], environment: dict[str, str]
    ) -> Outcome:
        number = sum(1 for _ in self._folder.glob(f"{name}*"))
        folder = self._folder / f"{name}{number}"
        folder.mkdir()
        for path, content in files.items():
            (folder / path).write_text(content)
        command = [python, *words]
        if words[0] == "luigi":
            command = [
                python,
                "-c",
                "import sys; from luigi.cmdline import luigi_run; luigi_run(sys.argv[1:])",
                *words[1:],
            ]
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("LUIGI_", "RUMBO_"))}
        variables |= {"PYTHONPATH": str(PROGRAMS), "PYTHONWARNINGS": "ignore", "PYTHONDONTWRITEBYTECODE": "1"}
        # A folder of its own keeps the locks of runs apart; a short name, because sockets are made in it.
        with tempfile.TemporaryDirectory(prefix="r") as short:
            variables |= {"TMPDIR": short, **environment}
            done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=120)
        left = {path.name: path.read_text() for path in folder.iterdir() if path.is_file() and path.name not in files}
        return Outcome(done.returncode, done.stdout, done.stderr, left)
