"""Luigi's own virtual environment, made on first use beside this file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

VERSION = "3.8.1"
FOLDER = Path(__file__).parent / ".luigi-venv"


def luigi_python() -> Path | None:
    """The interpreter that has Luigi; None, after a word why, where it cannot be had.

    The environment variable RUMBO_BENCH_LUIGI_PYTHON names one that exists already.
    """
    named = os.environ.get("RUMBO_BENCH_LUIGI_PYTHON")
    if named:
        return Path(named)
    python = FOLDER / "bin" / "python"
    ready = FOLDER / f"luigi-{VERSION}.stamp"  # written last, so that half an environment is not taken for one
    if ready.exists():
        return python
    print(f"Setting up Luigi {VERSION} in {FOLDER}, once.", file=sys.stderr)
    install = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install", f"luigi=={VERSION}"]
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True)
        subprocess.run(install, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"Luigi could not be set up, so only Rumbo and the floor are measured: {error}", file=sys.stderr)
        return None
    ready.touch()
    return python
