"""Runs test files of Luigi's source distribution by one interpreter, and tells what became of each test."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from environments import HERE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SECONDS = 300
"""No file of Luigi's takes longer, however busy the machine."""

Outcomes = dict[str, str]
"""By test, as Class::test: "passed", "failed", "skipped"."""


class TestFile(NamedTuple):
    """One of Luigi's test files."""

    path: str
    public: int
    """So many of its tests use what is public, and pass on Luigi."""
    private: tuple[str, ...]
    """Patterns of tests that look at private names."""

    def is_private(self, test: str) -> bool:
        """Whether a test looks at private names."""
        plain = test.partition("[")[0]
        return any(fnmatchcase(plain, pattern) for pattern in self.private)


def known_files() -> list[TestFile]:
    """All files with tests that are worth running."""
    with open(HERE / "tests.tsv") as file:
        rows = csv.DictReader((line for line in file if not line.startswith("#")), delimiter="\t")
        return [TestFile(row["file"], int(row["public"]), tuple((row["private"] or "").split())) for row in rows]


def run_files(python: Path, source: Path, paths: Iterable[str], jobs: int, logs: Path) -> dict[str, Outcomes]:
    """Run files, some at a time; the whole output of each goes into ``logs``."""
    logs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="luigi-tests-") as folder:
        place = Path(folder)
        variables = _prepare(place, python, source)
        with ThreadPoolExecutor(jobs) as pool:
            paths = list(paths)
            found = pool.map(lambda path: _run_file(place, python, path, variables, logs), paths)
            return dict(zip(paths, found, strict=True))


def _prepare(place: Path, python: Path, source: Path) -> dict[str, str]:
    """Lay out a folder as the tests expect it; gives the variables for their processes."""
    shutil.copytree(source / "test", place / "test")
    shutil.copytree(source / "examples", place / "examples")
    config = place / "test" / "testconfig" / "luigi.cfg"
    config.parent.mkdir(exist_ok=True)
    # A server that is gone is asked three times, half a minute apart, unless somebody says otherwise.
    config.write_text("[core]\nrpc_retry_wait: 1\n")
    where = [str(python), "-c", "import luigi, os; print(os.path.dirname(os.path.abspath(luigi.__file__)))"]
    package = subprocess.run(where, check=True, capture_output=True, text=True, cwd="/").stdout.strip()
    (place / "luigi").symlink_to(package)  # some tests run files of the package by their path
    for name, words in (("bin/luigi", '-m luigi "$@"'), ("shims/python", '"$@"'), ("shims/python3", '"$@"')):
        program = place / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec "{python}" {words}\n')
        program.chmod(0o755)
    (place / "tmp").mkdir()
    shutil.copy(HERE / "sqlalchemy_one.py", place)
    # The tests first, and the folder itself not at all, or the link to the package would be taken for the package.
    (place / "start.py").write_text(
        "import os, runpy, sys\n"
        "here = os.path.dirname(os.path.abspath(__file__))\n"
        "sys.path[:] = [each for each in sys.path if each and os.path.abspath(each) != here]\n"
        "sys.path.insert(0, os.path.join(here, 'test'))\n"
        "if 'sqla' in sys.argv[1]:\n"
        "    runpy.run_path(os.path.join(here, 'sqlalchemy_one.py'))\n"
        "import pytest\n"
        "sys.exit(pytest.main(sys.argv[1:]))\n"
    )
    variables = {
        name: value for name, value in os.environ.items() if not name.startswith(("LUIGI_", "RUMBO_", "PYTHON"))
    }
    return variables | {
        "PATH": os.pathsep.join([str(place / "shims"), str(python.parent), os.environ["PATH"]]),
        "TMPDIR": str(place / "tmp"),
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LUIGI_CONFIG_PATH": str(config),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "accesskey",
        "AWS_SECRET_ACCESS_KEY": "secretkey",
    }


def _run_file(place: Path, python: Path, path: str, variables: Mapping[str, str], logs: Path) -> Outcomes:
    name = path.replace("/", "-")
    report = logs / f"{name}.xml"
    report.unlink(missing_ok=True)
    command = [str(python), "start.py", f"test/{path}", "-q", "--tb=short", "-W", "ignore", "-o", "addopts="]
    command += ["-o", "junit_family=xunit1", "--rootdir", str(place), "-p", "no:cacheprovider", f"--junitxml={report}"]
    with open(logs / f"{name}.log", "w") as log:
        try:
            subprocess.run(
                command,
                cwd=place,
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            log.write(f"\nStopped after {SECONDS} s.\n")
    return outcomes(report)


def outcomes(report: Path) -> Outcomes:
    """What a report of pytest's in JUnit's form says of each test."""
    try:
        cases = ET.parse(report).getroot().iter("testcase")
    except (OSError, ET.ParseError):
        return {}
    found: Outcomes = {}
    for case in cases:
        last = case.get("classname", "").rpartition(".")[2]
        test = f"{last}::{case.get('name')}" if last[:1].isupper() or last.startswith("_") else str(case.get("name"))
        kinds = {child.tag for child in case}
        ended = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        # A test whose end fails is told twice.
        found[test] = ended if found.get(test, "passed") == "passed" else found[test]
    return found


def passed(found: Outcomes) -> Sequence[str]:
    """The tests that passed."""
    return [test for test, ended in found.items() if ended == "passed"]
