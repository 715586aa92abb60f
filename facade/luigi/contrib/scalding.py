"""Jobs of Scalding: a source that is compiled, or a jar. (Scalding itself could not be tried.)"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from typing import Any

from luigi.contrib.hadoop import BaseHadoopJobTask
from luigi.task import flatten
from rumbo.integrations.hadoop import (
    HadoopJobError,
    JobRunner,
    load_hadoop_cmd,
    logger,
    run_and_track_hadoop_job,
)
from rumbo.integrations.hadoop_jar import fix_paths
from rumbo.pipeline.config import get_config

__all__ = ["ScaldingJobRunner", "ScaldingJobTask", "logger"]


class ScaldingJobRunner(JobRunner):
    """Compiles a job, if need be, and submits it.

    Where things are is said by ``[scalding]`` of the configuration: ``scala_home``, ``scalding_home``,
    ``scalding_provided``, ``scalding_libjars``.
    """

    def __init__(self) -> None:
        config = get_config()
        scalding = os.environ.get("SCALDING_HOME", "/usr/share/scalding")
        self.scala_home = config.get("scalding", "scala_home", os.environ.get("SCALA_HOME", "/usr/share/scala"))
        self.scalding_home = config.get("scalding", "scalding_home", scalding)
        self.provided_dir = config.get("scalding", "scalding_provided", os.path.join(scalding, "provided"))
        self.libjars_dir = config.get("scalding", "scalding_libjars", os.path.join(scalding, "libjars"))
        self.tmp_dir = os.path.join(tempfile.gettempdir(), f"rumbo-scalding-{os.getpid()}")

    def _get_jars(self, path: str) -> list[str]:
        return [os.path.join(path, name) for name in sorted(os.listdir(path)) if name.endswith(".jar")]

    def get_scala_jars(self, include_compiler: bool = False) -> list[str]:
        """Scala's library, and its compiler."""
        folder = os.path.join(self.scala_home, "lib")
        jars = [os.path.join(folder, "scala-library.jar")]
        reflect = os.path.join(folder, "scala-reflect.jar")
        if os.path.exists(reflect):
            jars.append(reflect)
        return [*jars, os.path.join(folder, "scala-compiler.jar")] if include_compiler else jars

    def get_scalding_jars(self) -> list[str]:
        """Scalding's jars."""
        return self._get_jars(os.path.join(self.scalding_home, "lib"))

    def get_scalding_core(self) -> str:
        """The jar that runs jobs."""
        for path in self.get_scalding_jars():
            if os.path.basename(path).startswith("scalding-core-"):
                return path
        raise HadoopJobError(f"There is no scalding-core-*.jar in {self.scalding_home}/lib.")

    def get_provided_jars(self) -> list[str]:
        """What is needed to compile and not to run."""
        return self._get_jars(self.provided_dir)

    def get_libjars(self) -> list[str]:
        """Further jars."""
        return self._get_jars(self.libjars_dir)

    def get_tmp_job_jar(self, source: str) -> str:
        """The jar that a source becomes."""
        return os.path.join(self.tmp_dir, f"{os.path.splitext(os.path.basename(source))[0]}.jar")

    def get_build_dir(self, source: str) -> str:
        """Where it is compiled."""
        return os.path.join(self.tmp_dir, "build")

    def get_job_class(self, source: str) -> str:
        """The job in a source: the class that is called like the file, or the last one that is a job."""
        with open(source) as file:
            text = file.read()
        package = re.search(r"^\s*package\s+([^\s(]+)", text, re.MULTILINE)
        jobs = re.findall(r"class\s+([^\s(]+).*extends\s+.*Job", text)
        if not jobs:
            raise HadoopJobError(f"{source} has no class that extends Job.")
        wanted = os.path.splitext(os.path.basename(source))[0]
        name = wanted if wanted in jobs else jobs[-1]
        return f"{package[1]}.{name}" if package else str(name)

    def build_job_jar(self, job: Any) -> str:
        """The job's jar, compiled if need be."""
        jar: str | None = job.jar()
        if jar:
            if not os.path.exists(jar):
                raise HadoopJobError(f"{job}: there is no jar {os.path.abspath(jar)}.")
            if not job.job_class():
                raise HadoopJobError(f"{job} does not say which class of its jar to run. Give it a job_class().")
            return jar
        source = job.source()
        if not source:
            raise HadoopJobError(f"{job} does not say what to run. Give it a source() or a jar().")
        if not os.path.exists(source):
            raise HadoopJobError(f"{job}: there is no source {os.path.abspath(source)}.")
        return self._compile(job, source)

    def _compile(self, job: Any, source: str) -> str:
        jar, place = self.get_tmp_job_jar(source), self.get_build_dir(source)
        os.makedirs(place, exist_ok=True)
        needed = [*self.get_scalding_jars(), *self.get_provided_jars(), *self.get_libjars(), *job.extra_jars()]
        compiler = ["java", "-cp", ":".join(self.get_scala_jars(include_compiler=True)), "scala.tools.nsc.Main"]
        subprocess.check_call([*compiler, "-classpath", ":".join(needed), "-d", place, source])
        subprocess.check_call(["jar", "cf", jar, "-C", place, "."])
        return jar

    def run_job(self, job: Any, tracking_url_callback: Any = None) -> None:
        try:
            jars = [self.build_job_jar(job), *self.get_libjars(), *job.extra_jars()]
            core = self.get_scalding_core()
            temporary, words = fix_paths(job)
            name = job.job_class() or self.get_job_class(job.source())
            command = [
                *load_hadoop_cmd(), "jar", core, "-libjars", ",".join(jars),
                *(f"-D{setting}" for setting in job.jobconfs()), name, "--hdfs",
                "--name", job.task_id.replace("=", ":"), *words,
            ]  # fmt: skip
            env = {**os.environ, "HADOOP_CLASSPATH": ":".join([*jars, core])}
            run_and_track_hadoop_job(command, tracking_url_callback or job.set_tracking_url, env=env)
            for path, target in temporary:
                target.fs.rename_dont_move(path, target.path.rstrip("/"))
        finally:
            shutil.rmtree(self.tmp_dir, ignore_errors=True)


class ScaldingJobTask(BaseHadoopJobTask):
    """A task that runs a job. Each key of `requires()` becomes an argument, with the paths of its tasks."""

    def relpath(self, current_file: str, rel_path: str) -> str:
        """A path beside a file."""
        return os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(current_file)), rel_path))

    def source(self) -> str | None:
        """The source; or give a jar."""
        return None

    def jar(self) -> str | None:
        """The jar; or give a source."""
        return None

    def extra_jars(self) -> list[str]:
        """Further jars, to compile and to run."""
        return []

    def job_class(self) -> str | None:
        """The class to run."""
        return None

    def job_runner(self) -> Any:
        return ScaldingJobRunner()

    def atomic_output(self) -> bool:
        """Outputs are written to a temporary name, and renamed at the end."""
        return True

    def requires(self) -> Any:
        return {}

    def job_args(self) -> list[str]:
        """Further arguments."""
        return []

    def args(self) -> list[Any]:
        """All arguments."""
        words: list[Any] = []
        for name, tasks in self.requires_hadoop().items():
            words += [f"--{name}", *(task.output().path for task in flatten(tasks))]
        return [*words, "--output", self.output(), *self.job_args()]
