"""Jobs of Hadoop that are jars."""

from __future__ import annotations

import os
import random
import shlex
from typing import TYPE_CHECKING, Any

from rumbo.errors import TaskError
from rumbo.integrations.hadoop import (
    BaseHadoopJobWork,
    JobRunner,
    is_in_hdfs,
    load_hadoop_cmd,
    run_and_track_hadoop_job,
)
from rumbo.pipeline import typed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["HadoopJarJobError", "HadoopJarJobRunner", "HadoopJarJobTask", "HadoopJarJobWork", "fix_paths"]


class HadoopJarJobError(TaskError):
    """A job in a jar cannot be run as it is described."""


class HadoopJarJobWork(BaseHadoopJobWork):
    """A job that is a jar."""

    def jar(self) -> str | None:
        """The jar."""
        return None

    def main(self) -> str | None:
        """The class in it to run."""
        return None

    def args(self) -> Sequence[Any]:
        """Its arguments; targets stand for their paths, and outputs first for temporary ones."""
        return []

    def atomic_output(self) -> bool:
        """Outputs among the arguments are written to a temporary name, and renamed when the job has ended well."""
        return True

    def ssh(self) -> Mapping[str, Any] | None:
        """Run the command on another machine: ``host``, ``username``, ``key_file``, perhaps ``no_host_key_check``."""
        return None

    def job_runner(self) -> Any:
        return HadoopJarJobRunner()


class HadoopJarJobRunner(JobRunner):
    """Runs ``hadoop jar``."""

    def run_job(self, job: Any, tracking_url_callback: Any = None) -> None:
        """Run a job, and give its outputs their names."""
        temporary, words = fix_paths(job)
        run_and_track_hadoop_job(self.command(job, words), tracking_url_callback or job.set_tracking_url)
        for path, target in temporary:
            target.fs.rename_dont_move(path, target.path.rstrip("/"))

    def command(self, job: Any, words: Sequence[str]) -> list[str]:
        """``hadoop jar JAR MAIN -Dname=value ... words``, perhaps on another machine."""
        jar = job.jar()
        if not jar:
            raise HadoopJarJobError(f"{job} does not say which jar to run. Give it a jar().")
        main = [job.main()] if job.main() else []
        command = [*load_hadoop_cmd(), "jar", jar, *main, *(f"-D{setting}" for setting in job.jobconfs()), *words]
        ssh = job.ssh()
        if ssh:
            return _over_ssh(ssh, command)
        if not os.path.exists(jar):
            raise HadoopJarJobError(f"{job}: there is no jar {os.path.abspath(jar)}.")
        return command


def _over_ssh(ssh: Mapping[str, Any], command: Sequence[str]) -> list[str]:
    missing = [name for name in ("host", "key_file", "username") if not ssh.get(name)]
    if missing:
        raise HadoopJarJobError(f"ssh() lacks {', '.join(missing)}.")
    options = ["-i", ssh["key_file"], "-o", "BatchMode=yes"]
    if ssh.get("no_host_key_check"):
        options += ["-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no"]
    return ["ssh", *options, f"{ssh['username']}@{ssh['host']}", shlex.join(command)]


def fix_paths(job: Any) -> tuple[list[tuple[str, Any]], list[str]]:
    """The arguments as words, and (temporary path, target) for each output that must be renamed at the end."""
    temporary: list[tuple[str, Any]] = []
    words = []
    for given in job.args():
        if is_in_hdfs(given) and job.atomic_output() and not given.exists():
            path = f"{given.path.rstrip('/')}-luigi-tmp-{random.randrange(10**10):09d}"
            temporary.append((path, given))
            words.append(path)
        else:
            words.append(str(getattr(given, "path", given)))
    return temporary, words


class HadoopJarJobTask(HadoopJarJobWork, typed.Task):
    """A task that runs a jar on Hadoop."""
