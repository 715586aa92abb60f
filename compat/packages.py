"""Tests of packages built on Luigi, on Luigi and on Rumbo: `python compat/packages.py [NAME ...]`.

Those whose source distributions have no tests are used by a program in `uses/`, which must print the same on both.
Source distributions and two environments are kept outside of the repository. Each package is installed without
what it asks for, since that would bring Luigi itself.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from environments import CACHE, HERE, environment, source
from suite import Outcomes, outcomes, passed

SECONDS = 900
"""No package's tests take longer, however busy the machine."""


def main() -> int:
    """Run and print; end non-zero when a test passes on Luigi and not here, without a reason that is written down."""
    told = tomllib.loads((HERE / "packages.toml").read_text())
    packages = [each for each in told["package"] if len(sys.argv) == 1 or each["name"] in sys.argv[1:]]
    alone = [f"{each['name']}=={each['version']}" for each in told["package"]]
    surprises = []
    print(f"{'package':20} {'passed':>6} {'on Luigi':>8}")
    for package in packages:
        run = run_use if "use" in package else run_tests
        both = [run(package, side, environment(side, told["needs"], alone)) for side in ("luigi", "rumbo")]
        expected, got = (set(passed(each)) for each in both)
        known = package.get("differs", {})
        surprises += [f"{package['name']} {test}" for test in sorted(expected - got) if test not in known]
        print(f"{package['name']:20} {len(expected & got):6} {len(expected):8}")
    for test in surprises:
        print(f"Does not pass, and packages.toml does not say why: {test}")
    print(f"The output is in {CACHE / 'logs' / 'packages'}.")
    return 1 if surprises else 0


def run_tests(package: dict[str, Any], side: str, python: Path) -> Outcomes:
    """What becomes of a package's tests, in a copy of its source distribution without the package itself."""
    logs = CACHE / "logs" / "packages"
    logs.mkdir(parents=True, exist_ok=True)
    report = logs / f"{package['name']}-{side}.xml"
    report.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="luigi-packages-") as folder:
        place = Path(folder) / "source"
        shutil.copytree(source(package["name"], package["version"]), place)
        # What it says of pytest is not always understood by today's, and coverage is not the question.
        for name in ("setup.cfg", "tox.ini", "pytest.ini"):
            (place / name).unlink(missing_ok=True)
        command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", "-o", "addopts="]
        command += ["-o", "junit_family=xunit1", f"--junitxml={report}", package["tests"]]
        with open(report.with_suffix(".log"), "w") as log:
            nothing = subprocess.DEVNULL
            try:
                subprocess.run(command, cwd=place, stdin=nothing, stdout=log, stderr=log, timeout=SECONDS)
            except subprocess.TimeoutExpired:
                log.write(f"\nStopped after {SECONDS} s.\n")
    return outcomes(report)


def run_use(package: dict[str, Any], side: str, python: Path) -> Outcomes:
    """What a program that uses a package prints, and whether it came to its end."""
    logs = CACHE / "logs" / "packages"
    logs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="luigi-packages-") as folder:
        program = shutil.copy(HERE / "uses" / package["use"], folder)
        with open(logs / f"{package['name']}-{side}.log", "w") as log:
            command = [str(python), "-W", "ignore", program]
            done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True, timeout=SECONDS)
    return {f"prints {done.stdout!r}": "failed" if done.returncode else "passed"}


if __name__ == "__main__":
    sys.exit(main())
