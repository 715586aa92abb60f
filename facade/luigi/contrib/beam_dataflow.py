"""Pipelines of Apache Beam, run by their own program, on Dataflow or on this machine."""

from __future__ import annotations

import json
import logging
import shlex
import subprocess
from abc import abstractmethod
from typing import Any, ClassVar

import luigi
from luigi.contrib import bigquery
from luigi.task import MixinNaiveBulkComplete, flatten
from rumbo.integrations.program import run_program

__all__ = ["BeamDataflowJobTask", "DataflowParamKeys", "logger"]

logger = logging.getLogger("luigi-interface")

_OPTIONS = (
    "project", "zone", "region", "staging_location", "temp_location", "gcp_temp_location", "num_workers",
    "autoscaling_algorithm", "max_num_workers", "disk_size_gb", "worker_machine_type", "worker_disk_type", "network",
    "subnetwork", "job_name", "service_account",
)  # fmt: skip


class DataflowParamKeys:
    """What the program calls its options: Java's and Python's spell them differently. Subclasses give all of them."""

    runner: Any
    project: Any
    zone: Any
    region: Any
    staging_location: Any
    temp_location: Any
    gcp_temp_location: Any
    num_workers: Any
    autoscaling_algorithm: Any
    max_num_workers: Any
    disk_size_gb: Any
    worker_machine_type: Any
    worker_disk_type: Any
    job_name: Any
    service_account: Any
    network: Any
    subnetwork: Any
    labels: Any


class _CmdLineRunner:
    """Runs the program, and logs what it says as it says it."""

    @staticmethod
    def run(cmd: list[str], task: Any = None) -> None:
        def hear(line: bytes) -> None:
            logger.info("%s", line.decode(errors="replace").rstrip())

        code = run_program(cmd, taps={"stdout": hear, "stderr": hear})
        if code:
            raise subprocess.CalledProcessError(code, cmd)


class BeamDataflowJobTask(MixinNaiveBulkComplete, luigi.Task):
    """A task that runs a pipeline. Its attributes are the options of the program, by the names of `dataflow_params`."""

    project: Any = None
    runner: Any = None
    """``DataflowRunner`` or ``DirectRunner``."""
    temp_location: Any = None
    staging_location: Any = None
    gcp_temp_location: Any = None
    num_workers: Any = None
    autoscaling_algorithm: Any = None
    max_num_workers: Any = None
    network: Any = None
    subnetwork: Any = None
    disk_size_gb: Any = None
    worker_machine_type: Any = None
    job_name: Any = None
    worker_disk_type: Any = None
    service_account: Any = None
    zone: Any = None
    region: Any = None
    labels: Any = {}

    cmd_line_runner: ClassVar[Any] = _CmdLineRunner
    dataflow_params: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not isinstance(self.dataflow_params, DataflowParamKeys):
            raise ValueError(f"{type(self).__name__}.dataflow_params must be a DataflowParamKeys.")
        super().__init__(*args, **kwargs)

    @abstractmethod
    def dataflow_executable(self) -> list[str]:
        """The program."""

    def args(self) -> list[str]:
        """Further words of its command."""
        return []

    def before_run(self) -> None:
        """Called first."""

    def on_successful_run(self) -> None:
        """Called when the program has ended well."""

    def validate_output(self) -> bool:
        """Whether what it made is good."""
        return True

    def file_pattern(self) -> dict[str, str]:
        """The pattern of the files in an input's folder, by the input's name; else ``part-*``."""
        return {}

    def on_successful_output_validation(self) -> None:
        """Called when what it made is good."""

    def cleanup_on_error(self, error: BaseException) -> None:
        """Called when the program failed, or what it made is not good."""

    def run(self) -> Any:
        command = self._mk_cmd_line()
        logger.info("%s", shlex.join(command))
        self.before_run()
        try:
            self.cmd_line_runner.run(command, self)
            self.on_successful_run()
            if not self.validate_output():
                raise ValueError("Output validation failed")
        except (subprocess.CalledProcessError, ValueError) as error:
            self.cleanup_on_error(error)
            raise
        self.on_successful_output_validation()

    def _mk_cmd_line(self) -> list[str]:
        return [
            *self.dataflow_executable(),
            *self._get_dataflow_args(),
            *self.args(),
            *self._format_input_args(),
            *self._format_output_args(),
        ]

    def _get_runner(self) -> str:
        runner: str = self.runner or "DirectRunner"
        if runner not in ("DataflowRunner", "DirectRunner"):
            raise ValueError(f"Runner {runner} is unsupported: it can be DataflowRunner or DirectRunner.")
        return runner

    def _get_dataflow_args(self) -> list[str]:
        keys = self.dataflow_params
        words = [f"--{keys.runner}={self._get_runner()}"]
        words += [f"--{getattr(keys, name)}={value}" for name in _OPTIONS if (value := getattr(self, name))]
        return [*words, f"--{keys.labels}={json.dumps(self.labels)}"] if self.labels else words

    def _format_input_args(self) -> list[str]:
        words = []
        for name, targets in self._named_inputs().items():
            pattern = self.file_pattern().get(name, "part-*")
            groups = (
                {f"{name}-{key}": one for key, one in targets.items()} if isinstance(targets, dict) else {name: targets}
            )
            for argument, group in groups.items():
                paths = [f"{self.get_target_path(target).rstrip('/')}/{pattern}" for target in flatten(group)]
                words.append(f"--{argument}={','.join(paths)}")
        return words

    def _named_inputs(self) -> dict[str, Any]:
        given = self.input()
        if isinstance(given, luigi.Target):
            return {"input": given}
        if isinstance(given, tuple):
            return {given[0]: given[1]}
        if isinstance(given, list):
            return dict(given) if given and all(isinstance(one, tuple) for one in given) else {"input": given}
        if isinstance(given, dict):
            return given
        raise ValueError(f"{self}: the input must be a target, (name, target), or a list or dictionary of them.")

    def _format_output_args(self) -> list[str]:
        given = self.output()
        named = {"output": given} if isinstance(given, luigi.Target) else given
        if not isinstance(named, dict):
            raise ValueError(f"{self}: output() must be a target, or a dictionary of targets.")
        return [f"--{name}={self.get_target_path(target)}" for name, target in named.items()]

    @staticmethod
    def get_target_path(target: Any) -> str:
        """A target as the program's options name it."""
        if isinstance(target, bigquery.BigQueryTarget):
            table = target.table
            return f"{table.project_id}:{table.dataset_id}.{table.table_id}"
        path = getattr(target, "path", None)
        if not isinstance(path, str):
            raise ValueError(f"Target {target!r} has no path, so a pipeline cannot be told of it.")
        return path
