"""The programs ``luigi`` and ``luigid``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from luigi.retcodes import run_with_retcodes

if TYPE_CHECKING:
    from collections.abc import Sequence


def luigi_run(argv: Sequence[str] | None = None) -> None:
    """Run what the command line names, and end the process with the exit code that ``[retcode]`` says."""
    run_with_retcodes(sys.argv[1:] if argv is None else argv)


def luigid(argv: Sequence[str] | None = None) -> None:
    """Serve as the central scheduler."""
    from luigi.server import run

    run()
