"""Luigi's own tests against the `luigi` package by Rumbo, beside Luigi itself: `python compat/run.py [FILE ...]`.

Every test that passes on Luigi and uses what is public counts. Those that do not pass here are listed, with the reason,
in docs/luigi-tests.md; one that is not listed there, or too many of them, make this program fail.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from typing import TYPE_CHECKING

from environments import CACHE, HERE, REPOSITORY, VERSION, environment, source
from suite import Outcomes, TestFile, known_files, passed, run_files

if TYPE_CHECKING:
    from pathlib import Path

FLOOR = 0.97
"""At least so many of the tests that count must pass."""

PAGE = REPOSITORY / "docs" / "luigi-tests.md"


def main() -> int:
    """Run, print, and end non-zero when less works than is written down."""
    arguments = parse()
    files = [each for each in known_files() if arguments.contrib or not each.path.startswith("contrib/")]
    if arguments.files:
        files = [each for each in known_files() if any(name in each.path for name in arguments.files)]
    tests = source("luigi", VERSION)
    packages = (HERE / "requirements.txt").read_text().split("\n")
    packages = [each for each in packages if each and not each.startswith("#")]
    luigi = outcomes_of_luigi(files, tests, packages, arguments.jobs)
    ours = run_files(
        environment("rumbo", packages), tests, [each.path for each in files], arguments.jobs, CACHE / "logs" / "rumbo"
    )
    return report(files, luigi, ours, is_whole=not arguments.files)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Luigi's own tests, on Luigi and on Rumbo.")
    parser.add_argument("files", nargs="*", metavar="FILE", help="only files with this in their path")
    parser.add_argument("--contrib", action="store_true", help="those of luigi.contrib too")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="so many files at a time (2)")
    return parser.parse_args()


def outcomes_of_luigi(files: list[TestFile], tests: Path, packages: list[str], jobs: int) -> dict[str, Outcomes]:
    """What becomes of the tests on Luigi itself: the same each time, so they are run once."""
    python = environment("luigi", packages)
    kept = python.parent.parent / "outcomes.json"
    known: dict[str, Outcomes] = json.loads(kept.read_text()) if kept.exists() else {}
    new = [each.path for each in files if each.path not in known]
    if new:
        known |= run_files(python, tests, new, jobs, CACHE / "logs" / "luigi")
        kept.write_text(json.dumps(known, indent=1))
    return known


def report(files: list[TestFile], luigi: dict[str, Outcomes], ours: dict[str, Outcomes], is_whole: bool) -> int:
    """Print a line for each file, and what is wrong; gives the exit code."""
    listed = reasons(PAGE.read_text())
    counted = gained = private = private_gained = 0
    surprises: list[str] = []
    recovered: list[str] = []
    print(f"{'file':46} {'passed':>6} {'on Luigi':>8} {'private':>9}")
    for file in files:
        expected, got = passed(luigi[file.path]), set(passed(ours[file.path]))
        public = [test for test in expected if not file.is_private(test)]
        inner = [test for test in expected if file.is_private(test)]
        missing = [test for test in public if test not in got]
        print(
            f"{file.path:46} {len(public) - len(missing):6} {len(public):8} "
            f"{f'{len(got.intersection(inner))}/{len(inner)}':>9}"
        )
        counted, gained = counted + len(public), gained + len(public) - len(missing)
        private, private_gained = private + len(inner), private_gained + len(got.intersection(inner))
        surprises += [f"{file.path} {test}" for test in missing if not is_listed(listed, file.path, test)]
        recovered += [f"{file.path} {test}" for test in public if test in got and is_listed(listed, file.path, test)]
    share = gained / counted if counted else 0.0
    print(f"{'together':46} {gained:6} {counted:8} {f'{private_gained}/{private}':>9}   {share:.1%}")
    for test in surprises:
        print(f"Does not pass, and {PAGE.name} does not say why: {test}")
    for test in recovered:
        print(f"Passes, though {PAGE.name} says that it does not: {test}")
    if is_whole and share < FLOOR:
        print(f"Fewer than {FLOOR:.0%} pass.")
    print(f"The output of each file is in {CACHE / 'logs' / 'rumbo'}.")
    return 1 if surprises or (is_whole and share < FLOOR) else 0


def reasons(page: str) -> list[tuple[str, str]]:
    """The tests that the page says do not pass: file and test, as in its tables."""
    return re.findall(r"^\| `([\w/]+\.py)` \| `([^`]+)` \|", page, re.MULTILINE)


def is_listed(listed: list[tuple[str, str]], path: str, test: str) -> bool:
    """Whether the page speaks of a test."""
    return any(path == where and test.partition("[")[0] == which for where, which in listed)


if __name__ == "__main__":
    sys.exit(main())
