"""The program that Hadoop's nodes run: it takes the task from a file beside it and calls one of its steps.

    python mrrunner.py map|combiner|reduce [FOLDER]

The folder holds ``job-instance.pickle`` and ``packages.tar``. This file travels alone, so it imports nothing of Rumbo
before it has unpacked that.
"""

from __future__ import annotations

import os
import pickle
import sys
import tarfile
import traceback
from typing import IO, Any


class Runner:
    """A task and its steps.

    Args:
        job: the task; None takes it from the current folder.
    """

    def __init__(self, job: Any = None) -> None:
        if job is None:
            with open("job-instance.pickle", "rb") as file:
                job = pickle.load(file)
        self.job = job
        self.job._setup_remote()

    def run(self, kind: str, stdin: IO[str] = sys.stdin, stdout: IO[str] = sys.stdout) -> None:
        """Run a step: ``map``, ``combiner`` or ``reduce``."""
        steps = {"map": self.job.run_mapper, "combiner": self.job.run_combiner, "reduce": self.job.run_reducer}
        if kind not in steps:
            raise ValueError(f"There is no step {kind!r}; there is {', '.join(steps)}.")
        steps[kind](stdin, stdout)

    def extract_packages_archive(self) -> None:
        """Unpack what travelled along; see `extract_packages_archive`."""
        extract_packages_archive()


def extract_packages_archive() -> None:
    """Unpack ``packages.tar``, if it is here, and let its modules be found. Steps on one node may do so at once."""
    if not os.path.isfile("packages.tar"):
        return
    if "" not in sys.path:
        sys.path.insert(0, "")
    with tarfile.open("packages.tar") as tar:
        for member in tar:
            if not os.path.exists(member.name):
                tar.extract(member, filter="data")


def print_exception(error: BaseException) -> None:
    """Print the traceback, and once more in a form that survives being a line in a log."""
    text = traceback.format_exc()
    print(f"luigi-exc-hex={text.encode().hex()}", file=sys.stderr)
    traceback.print_exception(error)


def main(args: list[str] | None = None, stdin: IO[str] = sys.stdin, stdout: IO[str] = sys.stdout) -> None:
    """Run a step.

    Args:
        args: its name, and perhaps the folder where its files are.
        stdin: lines to work on.
        stdout: where results go.
    """
    words = sys.argv[1:] if args is None else args
    try:
        if len(words) > 1:
            os.chdir(words[1])
        extract_packages_archive()
        Runner().run(words[0], stdin, stdout)
    except Exception as error:
        print_exception(error)
        raise


if __name__ == "__main__":
    sys.path.pop(0)  # this script's folder, where modules are called like the libraries that they need
    main()
