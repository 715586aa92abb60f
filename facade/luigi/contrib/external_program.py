"""Tasks that run a program of the operating system."""

from __future__ import annotations

import signal
import subprocess  # noqa: TC003 - programs replace what is in it, from here
import sys
from typing import Any

import luigi
from luigi.parameter import ParameterVisibility
from rumbo.integrations.program import ExternalProgramRunError, ProgramWork, PythonProgramWork, logger

__all__ = [
    "ExternalProgramRunContext",
    "ExternalProgramRunError",
    "ExternalProgramTask",
    "ExternalPythonProgramTask",
    "ParameterVisibility",
    "logger",
]


class ExternalProgramTask(ProgramWork, luigi.Task):
    """A task that runs the program that `program_args` names."""

    shows_output_live = False


class ExternalPythonProgramTask(PythonProgramWork, ExternalProgramTask):
    """A task that runs a program in Python, perhaps in a virtual environment of its own."""


class ExternalProgramRunContext:
    """While the block goes on, SIGTERM and Ctrl-C kill the process, so that it does not outlive us."""

    def __init__(self, proc: subprocess.Popen[Any]) -> None:
        self.proc = proc

    def __enter__(self) -> ExternalProgramRunContext:
        self._before = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, self.kill_job)
        return self

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        if exc_type is KeyboardInterrupt:
            self.kill_job()
        signal.signal(signal.SIGTERM, self._before)

    def kill_job(self, captured_signal: int | None = None, stack_frame: Any = None) -> None:
        """Kill the process; on a signal, end with the code that it stands for."""
        self.proc.kill()
        if captured_signal is not None:
            sys.exit(128 + captured_signal)
