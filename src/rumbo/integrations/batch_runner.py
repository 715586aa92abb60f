"""The program that a job of a batch system is: it takes the task from the shared folder and calls its ``work``.

python batch_runner.py FOLDER [PROJECT [--no-tarball]]
"""

from __future__ import annotations

import os
import pickle
import sys
import tarfile


def main(args: list[str] | None = None) -> None:
    """Run a task's work, and leave a mark beside it.

    Args:
        args: as a program gets them: the folder, perhaps the folder that the project is in.
    """
    words = sys.argv if args is None else args
    folder = words[1]
    if not os.path.isdir(folder):
        raise SystemExit(f"There is no folder {folder}.")
    for project in words[2:3]:
        sys.path.append(project)
        if os.path.isdir(project):  # relative paths of targets mean the same there and here
            os.chdir(project)
    do_work_on_compute_node(folder, "--no-tarball" not in words)


def do_work_on_compute_node(work_dir: str, tarball: bool = True) -> None:
    """Run the work of the task in a folder, and leave a mark there."""
    if tarball:
        extract_packages_archive(work_dir)
    with open(os.path.join(work_dir, "job-instance.pickle"), "rb") as file:
        job = pickle.load(file)
    job.work()
    with open(os.path.join(work_dir, "done"), "w"):
        pass


def extract_packages_archive(work_dir: str) -> None:
    """Unpack the modules that travelled along, and let them be found."""
    archive = os.path.join(work_dir, "packages.tar")
    if not os.path.exists(archive):
        return
    place = os.path.join(work_dir, "packages")
    with tarfile.open(archive) as tar:
        tar.extractall(place, filter="data")
    sys.path.insert(0, place)


if __name__ == "__main__":
    sys.path.pop(0)  # this script's folder, where modules are called like the libraries that they need
    main()
