"""What the comparison stands on, outside the repository: source distributions, and an environment for each side."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "3.8.1"
HERE = Path(__file__).parent
REPOSITORY = HERE.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "rumbo" / "compat"

LUIGI = (f"luigi[toml,prometheus]=={VERSION}", "sqlalchemy<2")
RUMBO = (
    *("--editable", str(REPOSITORY), "--editable", str(REPOSITORY / "facade")),
    *("--config-settings", "editable_mode=compat"),
)


def source(name: str, version: str) -> Path:
    """The unpacked source distribution of a package, downloaded once."""
    folder = CACHE / "sources" / f"{name}-{version}"
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as passing:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", name]
        subprocess.run([*command, "--dest", passing, f"{name}=={version}"], check=True)
        archive = next(Path(passing).glob("*.tar.gz"))
        with tarfile.open(archive) as packed:
            packed.extractall(Path(passing) / "unpacked", filter="data")
        next((Path(passing) / "unpacked").iterdir()).rename(folder)
    return folder


def _own_needs(side: str) -> list[str]:
    """What decides besides whether an environment is still right: what we depend on."""
    projects = (REPOSITORY / "pyproject.toml", REPOSITORY / "facade" / "pyproject.toml")
    return [] if side == "luigi" else [each.read_text() for each in projects]


def _complete(python: Path) -> None:
    """Put in what Luigi's wheel lacks and its modules for Hadoop, Hive, LSF and SGE import: with nothing in it."""
    where = [str(python), "-c", "import luigi.contrib as c; print(c.__path__[0])"]
    folder = subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip()
    (Path(folder) / "mrrunner.py").touch()


def environment(side: str, packages: Sequence[str], alone: Sequence[str] = ()) -> Path:
    """The interpreter of an environment with these packages, made once.

    Args:
        side: "luigi" or "rumbo".
        packages: what is installed beside it.
        alone: what is installed without what it asks for.
    """
    wanted = [*(LUIGI if side == "luigi" else RUMBO), *packages]
    name = hashlib.sha256("\n".join([sys.version, *wanted, *alone, *_own_needs(side)]).encode()).hexdigest()[:12]
    folder = CACHE / "environments" / f"{side}-{name}"
    python = folder / "bin" / "python"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            print(f"Making the environment {folder} ...", file=sys.stderr)
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            install = [str(python), "-m", "pip", "install", "--quiet"]
            subprocess.run([*install, *packages], check=True)
            subprocess.run([*install, *(LUIGI if side == "luigi" else RUMBO)], check=True)
            if side == "luigi":
                _complete(python)
            if alone:
                subprocess.run([*install, "--no-deps", *alone], check=True)
            (folder / "ready").touch()
    return python
