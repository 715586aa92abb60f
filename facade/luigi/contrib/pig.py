"""Scripts of Pig, by its command line."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import luigi
from luigi.contrib.external_program import ExternalProgramRunContext, logger
from rumbo.integrations.program import ExternalProgramRunError, run_program
from rumbo.pipeline.config import get_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["PigJobError", "PigJobTask", "PigRunContext", "logger"]


class PigJobError(ExternalProgramRunError):
    """A script failed."""

    def __init__(self, message: str, out: str | None = None, err: str | None = None) -> None:
        super().__init__(message, ["pig"], None, out, err)

    def __str__(self) -> str:
        streams = [("STDOUT", self.out), ("STDERR", self.err)]
        return "\n".join([self.message, *(f"{name}: {text}" for name, text in streams if text)])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.out, self.err)


class PigRunContext(ExternalProgramRunContext):
    """While the block goes on, SIGTERM and Ctrl-C end the job, once its id is known."""

    def __init__(self) -> None:
        self.job_id: str | None = None

    def kill_job(self, captured_signal: int | None = None, stack_frame: Any = None) -> None:
        if self.job_id:
            subprocess.call(["pig", "-e", f"kill {self.job_id}"])
        if captured_signal is not None:
            raise SystemExit(128 + captured_signal)


class PigJobTask(luigi.Task):
    """A task that runs a script of Pig."""

    def pig_home(self) -> str:
        """Where Pig is: ``[pig] home`` of the configuration."""
        home: str = get_config().get("pig", "home", "/usr/share/pig")
        return home

    def pig_command_path(self) -> str:
        """The command."""
        return os.path.join(self.pig_home(), "bin/pig")

    def pig_env_vars(self) -> Mapping[str, str]:
        """Variables of its environment."""
        return {}

    def pig_properties(self) -> Mapping[str, str]:
        """Properties of Pig."""
        return {}

    def pig_parameters(self) -> Mapping[str, str]:
        """Parameters of the script."""
        return {}

    def pig_options(self) -> list[str]:
        """Further words of the command, such as ``["-x", "local"]``."""
        return []

    def output(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not say what it makes. Give it an output().")

    def pig_script_path(self) -> str:
        """The script."""
        raise NotImplementedError(f"{type(self).__name__} does not say what to run. Give it a pig_script_path().")

    @contextmanager
    def _build_pig_cmd(self) -> Iterator[list[str]]:
        options = list(self.pig_options())
        with ExitStack() as files:
            for option, values in (("-param_file", self.pig_parameters()), ("-propertyFile", self.pig_properties())):
                if values:
                    file = files.enter_context(tempfile.NamedTemporaryFile("w"))
                    file.writelines(f"{name}={value}\n" for name, value in values.items())
                    file.flush()
                    options += [option, file.name]
            yield [self.pig_command_path(), *options, "-f", self.pig_script_path()]

    def run(self) -> Any:
        with self._build_pig_cmd() as command:
            self.track_and_progress(command)

    def track_and_progress(self, cmd: list[str]) -> None:
        """Run the command, and log what it says as it says it."""
        said: list[str] = []

        def hear(raw: bytes) -> None:
            line = raw.decode(errors="replace")
            said.append(line)
            text = line.rpartition(" - ")[2].strip()
            if text:
                logger.info("%s", text)

        env = {**os.environ, "PIG_HOME": self.pig_home(), **self.pig_env_vars()}
        code = run_program(cmd, env=env, taps={"stderr": hear})
        if code:
            raise PigJobError(f"Pig script failed with return value: {code}", err="".join(said))
