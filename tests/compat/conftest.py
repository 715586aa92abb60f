"""The interpreter with Luigi itself, and programs run under both.

Luigi lives in an environment of its own, since the two cannot share one: the interpreter that RUMBO_LUIGI_PYTHON names,
or an environment that is made once in the user's cache folder. Where neither can be had, these tests are skipped.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from beside_luigi import Both

LUIGI = "3.8.1"


@pytest.fixture(scope="session")
def luigi_python() -> str:
    """The interpreter that has Luigi itself."""
    named = os.environ.get("RUMBO_LUIGI_PYTHON")
    if named:
        return named
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "rumbo"
    folder = cache / f"luigi-{LUIGI}"
    python = folder / "bin" / "python"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with open(cache / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
            if not (folder / "ready").exists():
                subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
                pip = [str(python), "-m", "pip", "install", "--quiet", f"luigi[toml]=={LUIGI}"]
                subprocess.run(pip, check=True, capture_output=True, text=True, timeout=300)
                (folder / "ready").touch()
    except (OSError, subprocess.SubprocessError) as error:
        reason = f"Luigi {LUIGI} cannot be installed, so nothing is compared with it: {error}"
        warnings.warn(reason, stacklevel=1)
        pytest.skip(reason)
    return str(python)


@pytest.fixture
def both(luigi_python: str, tmp_path: Path) -> Both:
    """Runs a program under Luigi and under the façade."""
    return Both(luigi_python, tmp_path)


@pytest.fixture(scope="session")
def run_both(luigi_python: str, tmp_path_factory: pytest.TempPathFactory) -> Both:
    """The same, for what many tests look at."""
    return Both(luigi_python, tmp_path_factory.mktemp("compat"))
