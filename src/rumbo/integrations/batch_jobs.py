"""A task's work as a job of a batch system (Grid Engine, LSF): the task is pickled into a shared folder and runs there.

What differs between the systems is how a job is submitted, asked about and ended: see ``sge`` and ``lsf`` below.
"""

from __future__ import annotations

import logging
import os
import pickle
import random
import re
import shlex
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from rumbo.errors import TaskError
from rumbo.integrations.remote import ended_with_us
from rumbo.integrations.shipment import create_packages_archive, named_as_others_see_it

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BatchJobFailed", "LsfJobWork", "SgeJobWork", "build_qsub_command", "parse_qstat_state", "parse_qsub_job_id"]

logger = logging.getLogger("luigi-interface")

_LONGEST_NAME = 255  # bytes, on every file system in wide use

PENDING, RUNNING, DONE, FAILED = "PENDING", "RUNNING", "DONE", "FAILED"
UNKNOWN = "UNKNOWN"


class BatchJobFailed(TaskError):
    """A job failed on the cluster."""


class _SharedFolderWork(ABC):
    """What jobs have in common whose task travels in a folder that all machines see."""

    if TYPE_CHECKING:
        task_id: str
        shared_tmp_dir: str
        poll_time: float

        def no_unpicklable_properties(self) -> Any: ...

    tmp_dir: str
    job_id: Any
    carries_packages: bool = True

    def work(self) -> Any:  # noqa: B027 - a job may do nothing
        """What the job does; on the cluster, and not where the task runs."""

    def _pack(self) -> None:
        """Write the task, and the modules that it needs, into a new folder that all machines see."""
        name = f"{random.getrandbits(64):016x}-{self.task_id}".replace("/", "::")[:_LONGEST_NAME]
        self.tmp_dir = os.path.join(self.shared_tmp_dir, name)
        os.makedirs(self.tmp_dir)
        self._dump(self.tmp_dir)
        if self.carries_packages:
            import rumbo

            own = [rumbo, *([sys.modules["luigi"]] if "luigi" in sys.modules else [])]
            packages = [*own, sys.modules[type(self).__module__]]
            create_packages_archive(packages, os.path.join(self.tmp_dir, "packages.tar"))

    def _dump(self, out_dir: str = "") -> None:
        path = os.path.join(out_dir, "job-instance.pickle")
        with self.no_unpicklable_properties(), named_as_others_see_it(type(self)), open(path, "wb") as file:
            pickle.dump(self, file)

    @abstractmethod
    def _submit(self) -> None:
        """Submit the job, and set `job_id`."""

    @abstractmethod
    def _state(self) -> str:
        """One of the five states above."""

    @abstractmethod
    def _end(self) -> None:
        """End the job."""

    def _errors(self) -> str:
        """What the job wrote to standard error."""
        path = os.path.join(self.tmp_dir, "job.err")
        if not os.path.isfile(path):
            return ""
        with open(path) as file:
            return file.read()

    def _wait(self) -> None:
        """Wait for the job's end. It went well when it left its mark, whatever it wrote."""
        while True:
            time.sleep(self.poll_time)
            state = self._state()
            if state in (PENDING, RUNNING):
                continue
            if state != FAILED and os.path.exists(os.path.join(self.tmp_dir, "done")):
                return
            raise BatchJobFailed(f"The job {self.job_id} of {self} failed.\n{self._errors()}".strip())

    def _run_job(self) -> None:
        self._submit()
        logger.info("%s is the job %s.", self, self.job_id)
        with ended_with_us(self._end):
            self._wait()

    def _remove_folder(self) -> None:
        shutil.rmtree(self.tmp_dir, ignore_errors=True)


def _output_of(command: Sequence[str], stdin: str = "", cwd: str | None = None) -> str:
    """What a command of the batch system prints."""
    try:
        return subprocess.check_output(command, input=stdin, stderr=subprocess.PIPE, text=True, cwd=cwd)
    except FileNotFoundError as error:
        raise TaskError(f"There is no {command[0]}. Run this where jobs can be submitted to the cluster.") from error
    except subprocess.CalledProcessError as error:
        raise TaskError(f"{shlex.join(command)} ended with code {error.returncode}: {error.stderr.strip()}") from error


# Grid Engine -----------------------------------------------------------------------------------------------------


def parse_qstat_state(qstat_out: str, job_id: int | str) -> str:
    """The state of a job in what ``qstat`` prints; ``u`` when it is not there."""
    _, _, rows = qstat_out.partition("\n---")
    for row in rows.splitlines()[1:]:
        words = row.split()
        if len(words) >= 5 and words[0] == str(job_id):
            return words[4]
    return "u"


def parse_qsub_job_id(qsub_out: str) -> int:
    """The number in ``Your job 12 ("name") has been submitted``."""
    found = re.search(r"\d+", qsub_out)
    if found is None:
        raise TaskError(f"qsub did not say which job it made: {qsub_out!r}.")
    return int(found[0])


def build_qsub_command(cmd: str, job_name: str, outfile: str, errfile: str, pe: str, n_cpu: int) -> str:
    """The command that submits another one, as a shell reads it."""
    return f"echo {cmd} | {shlex.join(_qsub(job_name, outfile, errfile, pe, n_cpu))}"


def _qsub(job_name: str, outfile: str, errfile: str, pe: str, n_cpu: int) -> list[str]:
    slots = ["-pe", pe, str(n_cpu)] if pe else []
    return ["qsub", "-o", f":{outfile}", "-e", f":{errfile}", "-V", "-r", "y", *slots, "-N", job_name]


class SgeJobWork(_SharedFolderWork):
    """What a task does whose work is a job of Grid Engine."""

    if TYPE_CHECKING:
        n_cpu: int
        parallel_env: str
        job_name: str
        run_locally: bool
        dont_remove_tmp_dir: bool
        no_tarball: bool

    def run(self) -> Any:
        """Submit the work, and wait for its end."""
        if self.run_locally:
            self.work()
            return
        self.carries_packages = not self.no_tarball
        self._pack()
        self._run_job()
        if not self.dont_remove_tmp_dir:
            self._remove_folder()

    def _submit(self) -> None:
        runner = [sys.executable, _runner_path(), self.tmp_dir, os.getcwd()]
        words = [*runner, "--no-tarball"] if self.no_tarball else runner
        files = [os.path.join(self.tmp_dir, name) for name in ("job.out", "job.err")]
        name = re.sub(r"[^\w.-]", "_", self.job_name)
        command = _qsub(name, files[0], files[1], self.parallel_env, self.n_cpu)
        self.job_id = parse_qsub_job_id(_output_of(command, shlex.join(words) + "\n"))

    def _state(self) -> str:
        state = parse_qstat_state(_output_of(["qstat"]), self.job_id)
        if "E" in state:
            return FAILED
        if state in ("t", "u"):
            return DONE
        return RUNNING if "r" in state else PENDING

    def _end(self) -> None:
        _output_of(["qdel", str(self.job_id)])


def _runner_path() -> str:
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "batch_runner.py")


# LSF -------------------------------------------------------------------------------------------------------------


def track_job(job_id: int | str) -> str:
    """What LSF calls the state of a job."""
    return _output_of(["bjobs", "-noheader", "-o", "stat", str(job_id)]).strip()


def kill_job(job_id: int | str) -> None:
    """End a job of LSF."""
    _output_of(["bkill", str(job_id)])


_LSF_STATES = {
    "PEND": PENDING, "WAIT": PENDING, "PSUSP": PENDING, "SSUSP": PENDING, "USUSP": PENDING,
    "RUN": RUNNING, "PROV": RUNNING, "DONE": DONE, "EXIT": FAILED, "ZOMBI": FAILED,
}  # fmt: skip


class LsfJobWork(_SharedFolderWork):
    """What a task does whose work is a job of LSF."""

    if TYPE_CHECKING:
        n_cpu_flag: int
        resource_flag: str
        memory_flag: str
        queue_flag: str
        runtime_flag: int
        job_name_flag: str
        save_job_info: bool
        extra_bsub_args: str

    job_status: Any = None

    def init_local(self) -> None:
        """Called before the work is sent; what it sets on the task travels along."""

    def run(self) -> Any:
        """Submit the work, and wait for its end."""
        self.init_local()
        self._pack()
        self._run_job()
        if not self.save_job_info:
            self._remove_folder()

    def bsub_command(self) -> list[str]:
        """The command that submits the job."""
        name = ["-J", self.job_name_flag] if self.job_name_flag else []
        return [
            "bsub", "-q", self.queue_flag, "-n", str(self.n_cpu_flag), "-M", str(self.memory_flag),
            "-R", f"rusage[{self.resource_flag}]", "-W", str(self.runtime_flag), *name,
            "-o", os.path.join(self.tmp_dir, "job.out"), "-e", os.path.join(self.tmp_dir, "job.err"),
            *shlex.split(self.extra_bsub_args), sys.executable, _runner_path(), self.tmp_dir, os.getcwd(),
        ]  # fmt: skip

    def _submit(self) -> None:
        said = _output_of(self.bsub_command(), cwd=self.tmp_dir)
        found = re.search(r"<(\d+)>", said)
        if found is None:
            raise TaskError(f"bsub did not say which job it made: {said!r}.")
        self.job_id = int(found[1])

    def _state(self) -> str:
        self.job_status = _LSF_STATES.get(track_job(self.job_id), UNKNOWN)
        return str(self.job_status)

    def _end(self) -> None:
        kill_job(self.job_id)

    def fetch_task_failures(self) -> list[str]:
        """What the job wrote to standard error, line by line."""
        return self._errors().splitlines(keepends=True)

    def fetch_task_output(self) -> list[str]:
        """What the job wrote to standard output, line by line."""
        path = os.path.join(self.tmp_dir, "job.out")
        if not os.path.isfile(path):
            return []
        with open(path) as file:
            return file.readlines()
