"""What a task takes along to other machines: packages, files, and a class by the name that they know it by."""

from __future__ import annotations

import os
import sys
import tarfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

__all__ = ["ATTACHED", "attach", "create_packages_archive", "get_extra_files", "named_as_others_see_it"]

ATTACHED: list[ModuleType] = []
"""Packages that travel with every job of Hadoop."""


def attach(*packages: ModuleType) -> None:
    """Let these packages travel with every job."""
    ATTACHED.extend(packages)


def get_extra_files(extra_files: Iterable[Any]) -> list[tuple[str, str]]:
    """Pairs of a file here and its name on the nodes; folders become the files in them.

    Args:
        extra_files: paths, or pairs of a path and the name there.
    """
    found: list[tuple[str, str]] = []
    for given in extra_files:
        source, name = (given, os.path.basename(given)) if isinstance(given, str) else given
        if not os.path.isdir(source):
            found.append((source, name))
            continue
        for folder, _, files in os.walk(source):
            below = os.path.relpath(folder, source)
            found += [(os.path.join(folder, file), os.path.normpath(os.path.join(name, below, file))) for file in files]
    return found


def create_packages_archive(packages: Iterable[ModuleType], filename: str) -> None:
    """Put packages into a tar file, with the ``__init__`` files of the packages around them."""
    with tarfile.open(filename, "w") as tar:
        known: set[str] = set()
        for package in packages:
            for path, name in _files_of(package):
                if name not in known:
                    known.add(name)
                    tar.add(os.path.realpath(path), name, recursive=False)


def _files_of(package: ModuleType) -> Iterator[tuple[str, str]]:
    """The files of a package; of a module within one, those of that package."""
    if not hasattr(package, "__path__") and "." in package.__name__:
        package = sys.modules[package.__name__.rpartition(".")[0]]
    if not hasattr(package, "__path__"):
        path = str(package.__file__)
        yield path, os.path.basename(path)
        return
    name = package.__name__.replace(".", "/")
    above = ""
    for part in package.__name__.split(".")[:-1]:
        above = f"{above}.{part}" if above else part
        init = getattr(sys.modules[above], "__file__", None)
        if init:
            yield init, f"{above.replace('.', '/')}/{os.path.basename(init)}"
    root = package.__path__[0]
    for folder, folders, files in os.walk(root):
        folders[:] = [one for one in folders if one != "__pycache__" and not one.startswith(".")]
        below = os.path.normpath(os.path.join(name, os.path.relpath(folder, root)))
        for file in files:
            if not file.endswith(".pyc") and not file.startswith("."):
                yield os.path.join(folder, file), f"{below}/{file}"


@contextmanager
def named_as_others_see_it(cls: type) -> Iterator[None]:
    """Let a class of the program that was started bear its file's name, by which another process can import it."""
    if cls.__module__ != "__main__":
        yield
        return
    program = sys.modules["__main__"]
    name = os.path.splitext(os.path.basename(str(program.__file__)))[0]
    before = sys.modules.get(name)
    sys.modules[name] = program
    cls.__module__ = name
    try:
        yield
    finally:
        cls.__module__ = "__main__"
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
