"""What all jobs of Hadoop have in common: the command that submits one and waits for it, and their settings."""

from __future__ import annotations

import logging
import re
import shlex
import tempfile
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from rumbo.errors import TaskError
from rumbo.integrations.program import run_program, shown
from rumbo.pipeline.config import get_config
from rumbo.pipeline.structure import flatten, getpaths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "BaseHadoopJobWork",
    "HadoopJobError",
    "JobRunner",
    "is_given",
    "is_in_hdfs",
    "load_hadoop_cmd",
    "run_and_track_hadoop_job",
]

logger = logging.getLogger("luigi-interface")

TRACKING_RE = re.compile(r"(tracking url|the url to track the job):\s+(?P<url>.+)$", re.IGNORECASE)


def load_hadoop_cmd() -> list[str]:
    """The ``hadoop`` command: ``[hadoop] command`` of the configuration."""
    command: str = get_config().get("hadoop", "command", "hadoop")
    return command.split()


def is_given(hook: Any) -> bool:
    """Whether a class has filled one of the places that are ``NotImplemented`` at first, as Luigi has them."""
    return hook is not NotImplemented


def is_in_hdfs(target: Any) -> bool:
    """Whether a target's file is where a cluster reads and writes."""
    return "hdfs" in type(target).__module__ or str(getattr(target, "path", "")).startswith("hdfs://")


# The command -----------------------------------------------------------------------------------------------------


class CommandFailed(TaskError, RuntimeError):
    """A command of Hadoop's or Hive's failed.

    Attributes:
        message: what happened, without the output.
        out: what the command wrote to its standard output.
        err: the same for standard error.
    """

    def __init__(self, message: str, out: Any = None, err: Any = None) -> None:
        super().__init__(message, out, err)
        self.message = message
        self.out = out
        self.err = err

    def __str__(self) -> str:
        return self.message


class HadoopJobError(CommandFailed):
    """A job failed."""


class _Listener:
    """Hears what the ``hadoop`` command says: where the job can be watched, and by what id it can be ended."""

    def __init__(self, tell_url: Callable[[str], Any] | None) -> None:
        self._tell_url = tell_url
        self.lines: list[str] = []
        self.tracking_url: str | None = None
        self.kill_command: list[str] | None = None

    def __call__(self, raw: bytes) -> None:
        line = raw.decode(errors="replace")
        self.lines.append(line)
        if line.strip():
            logger.info("%s", line.strip())
        found = TRACKING_RE.search(line.strip())
        if found:
            self.tracking_url = found["url"]
            if self._tell_url is not None:
                self._tell_url(found["url"])
        for pattern, command in _ENDINGS:
            named = pattern.search(line)
            if named and (self.kill_command is None or command[0] == "yarn"):
                self.kill_command = [*command, named[1]]


_ENDINGS = (
    (re.compile(r"running job: (\S+)", re.IGNORECASE), ("mapred", "job", "-kill")),
    (re.compile(r"submitted hadoop job: (\S+)", re.IGNORECASE), ("mapred", "job", "-kill")),
    (re.compile(r"submitted application (\S+)", re.IGNORECASE), ("yarn", "application", "-kill")),
)


def run_and_track_hadoop_job(
    arglist: Sequence[str],
    tracking_url_callback: Callable[[str], Any] | None = None,
    env: Mapping[str, str] | None = None,
) -> tuple[str, str]:
    """Run a command that submits a job and waits for it, and give what it wrote to its two streams.

    When this is interrupted, the job is ended on the cluster too.

    Raises:
        HadoopJobError: the command failed.
    """
    logger.info("%s", shown(arglist))
    listener = _Listener(tracking_url_callback)
    with tempfile.TemporaryFile() as stdout:
        try:
            code = run_program(list(arglist), env=env, stdout=stdout, taps={"stderr": listener})
        except BaseException:
            if listener.kill_command is not None:
                logger.info("Ending the job: %s", shlex.join(listener.kill_command))
                run_program(listener.kill_command)
            raise
        stdout.seek(0)
        out = stdout.read().decode(errors="replace")
    err = "".join(listener.lines)
    if code:
        where = f"See {listener.tracking_url}." if listener.tracking_url else "It told no tracking url."
        raise HadoopJobError(f"Streaming job failed with exit code {code}. {where}", out, err)
    return out, err


# Jobs ------------------------------------------------------------------------------------------------------------


class JobRunner:
    """Runs a job."""

    run_job: Any = NotImplemented


class BaseHadoopJobWork(ABC):
    """What all jobs have in common. What they read is ``requires_hadoop``, what they need here ``requires_local``."""

    if TYPE_CHECKING:
        task_id: str
        set_tracking_url: Any

        def requires(self) -> Any: ...

        def no_unpicklable_properties(self) -> Any: ...

    pool: Any = None
    """The pool or queue of the cluster that the job runs in; None: ``[hadoop] pool`` of the configuration."""
    batch_counter_default: Any = 1
    final_mapper: Any = NotImplemented
    """Called after the last record, as a generator of more."""
    final_combiner: Any = NotImplemented
    final_reducer: Any = NotImplemented
    mr_priority: Any = NotImplemented
    package_binary: Any = None
    """A pex file with all that the nodes need, instead of modules."""
    data_interchange_format: Any = "python"
    """How values are written between the steps: ``python`` (by ``repr``) or ``json``."""

    def _get_pool(self) -> str | None:
        pool: str | None = self.pool or get_config().get("hadoop", "pool", None)
        return pool

    @abstractmethod
    def job_runner(self) -> Any:
        """What runs the job."""

    def jobconfs(self) -> list[str]:
        """Settings of Hadoop, as ``name=value``."""
        settings = [f"mapred.job.name={self}"]
        if is_given(self.mr_priority):
            settings.append(f"mapred.job.priority={self.mr_priority()}")
        pool = self._get_pool()
        if pool is not None:
            scheduler = get_config().get("hadoop", "scheduler", "fair")
            name = {"fair": "mapred.fairscheduler.pool", "capacity": "mapred.job.queue.name"}.get(scheduler)
            if name:
                settings.append(f"{name}={pool}")
        return settings

    def init_local(self) -> None:  # noqa: B027 - need not be overridden
        """Called here before the job is sent; what it sets on the task travels along."""

    def init_hadoop(self) -> None:  # noqa: B027 - need not be overridden
        """Called on each node, before each step."""

    def run(self) -> Any:
        """Run the job."""
        self.init_local()
        self.job_runner().run_job(self)

    def requires_local(self) -> Any:
        """What is needed here, before the job is sent."""
        return []

    def requires_hadoop(self) -> Any:
        """What the job reads."""
        return self.requires()

    def input_local(self) -> Any:
        """The outputs of `requires_local`."""
        return getpaths(self.requires_local())

    def input_hadoop(self) -> Any:
        """The outputs of `requires_hadoop`."""
        return getpaths(self.requires_hadoop())

    def deps(self) -> Any:
        """Everything that is needed."""
        return [*flatten(self.requires_hadoop()), *flatten(self.requires_local())]

    def on_failure(self, exception: BaseException) -> Any:
        """The message of a failed job, with what the command wrote."""
        if isinstance(exception, HadoopJobError):
            return f"{exception.message}\n\nSTDOUT:\n{exception.out}\n\nSTDERR:\n{exception.err}"
        return super().on_failure(exception)  # type: ignore[misc] # the task's
