"""The standard streams of a process, as far as executors care."""

from __future__ import annotations

import sys


def flush_standard_streams() -> None:
    """Let what is still in Python's buffers go where it belongs, before that place changes or the process is forked."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            pass  # closed by the program, or nobody reads it any more: what it held is lost in any case
