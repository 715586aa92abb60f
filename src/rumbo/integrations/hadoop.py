"""Map and reduce over Hadoop's streaming interface, and jobs in jars; also on this machine alone, without any Hadoop.

A job's mapper, combiner and reducer are generators of the task. The task is pickled, travels with its modules, and
``mrrunner.py`` calls them on the nodes. Between the steps records are lines: values written by ``repr`` (or as JSON),
with tabs between.
"""

from __future__ import annotations

import ast
import datetime
import json
import logging
import os
import pickle
import random
import re
import shlex
import shutil
import sys
import tarfile
import tempfile
from abc import ABC, abstractmethod
from decimal import Decimal
from functools import partial
from io import StringIO
from itertools import groupby
from typing import IO, TYPE_CHECKING, Any, ClassVar

from rumbo.errors import TaskError
from rumbo.integrations.program import run_program, shown
from rumbo.integrations.spark import named_as_others_see_it
from rumbo.pipeline.config import get_config
from rumbo.pipeline.structure import flatten as flatten_structure
from rumbo.pipeline.structure import getpaths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import ModuleType

__all__ = [
    "BaseHadoopJobWork",
    "DefaultHadoopJobRunner",
    "HadoopJarJobError",
    "HadoopJarJobRunner",
    "HadoopJarJobWork",
    "HadoopJobError",
    "HadoopJobRunner",
    "JobRunner",
    "LocalJobRunner",
    "MapReduceWork",
    "attach",
    "create_packages_archive",
    "get_extra_files",
    "load_hadoop_cmd",
    "run_and_track_hadoop_job",
]

logger = logging.getLogger("luigi-interface")

TRACKING_RE = re.compile(r"(tracking url|the url to track the job):\s+(?P<url>.+)$", re.IGNORECASE)
_ATTACHED: list[ModuleType] = []
_PICKLE = "job-instance.pickle"


def load_hadoop_cmd() -> list[str]:
    """The ``hadoop`` command: ``[hadoop] command`` of the configuration."""
    command: str = get_config().get("hadoop", "command", "hadoop")
    return command.split()


def is_given(hook: Any) -> bool:
    """Whether a class has filled one of the places that are ``NotImplemented`` at first, as Luigi has them."""
    return hook is not NotImplemented


# Running the command ---------------------------------------------------------------------------------------------


class HadoopJobError(TaskError, RuntimeError):
    """A job failed.

    Attributes:
        message: what happened, without the output.
        out: what the command wrote to its standard output.
        err: the same for standard error.
    """

    def __init__(self, message: str, out: str | None = None, err: str | None = None) -> None:
        super().__init__(message, out, err)
        self.message = message
        self.out = out
        self.err = err

    def __str__(self) -> str:
        return self.message


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


# What travels ----------------------------------------------------------------------------------------------------


def attach(*packages: ModuleType) -> None:
    """Let these packages travel with every job."""
    _ATTACHED.extend(packages)


def get_extra_files(extra_files: Iterable[Any]) -> list[tuple[str, str]]:
    """Pairs of a file here and its name on the nodes; folders become the files in them.

    Args:
        extra_files: paths, or pairs of a path and the name there.
    """
    found: list[tuple[str, str]] = []
    for given in extra_files:
        source, name = (given, os.path.basename(given)) if isinstance(given, str) else given
        if not os.path.isdir(source):
            found.append((source, name))
            continue
        for folder, _, files in os.walk(source):
            below = os.path.relpath(folder, source)
            found += [(os.path.join(folder, file), os.path.normpath(os.path.join(name, below, file))) for file in files]
    return found


def create_packages_archive(packages: Iterable[ModuleType], filename: str) -> None:
    """Put packages into a tar file, with the ``__init__`` files of the packages around them."""
    with tarfile.open(filename, "w") as tar:
        known: set[str] = set()
        for package in packages:
            for path, name in _files_of(package):
                if name not in known:
                    known.add(name)
                    tar.add(os.path.realpath(path), name, recursive=False)


def _files_of(package: ModuleType) -> Iterator[tuple[str, str]]:
    """The files of a package; of a module within one, those of that package."""
    if not hasattr(package, "__path__") and "." in package.__name__:
        package = sys.modules[package.__name__.rpartition(".")[0]]
    if not hasattr(package, "__path__"):
        path = str(package.__file__)
        yield path, os.path.basename(path)
        return
    name = package.__name__.replace(".", "/")
    above = ""
    for part in package.__name__.split(".")[:-1]:
        above = f"{above}.{part}" if above else part
        init = getattr(sys.modules[above], "__file__", None)
        if init:
            yield init, f"{above.replace('.', '/')}/{os.path.basename(init)}"
    root = package.__path__[0]
    for folder, folders, files in os.walk(root):
        folders[:] = [one for one in folders if one != "__pycache__" and not one.startswith(".")]
        below = os.path.normpath(os.path.join(name, os.path.relpath(folder, root)))
        for file in files:
            if not file.endswith(".pyc") and not file.startswith("."):
                yield os.path.join(folder, file), f"{below}/{file}"


# Runners ---------------------------------------------------------------------------------------------------------


class JobRunner:
    """Runs a job."""

    run_job: Any = NotImplemented


class HadoopJobRunner(JobRunner):
    """Submits a job to a cluster by Hadoop's streaming jar.

    Args:
        streaming_jar: the jar, on this machine.
        modules: modules that travel with every job.
        streaming_args: further arguments of the streaming jar.
        libjars: jars for the job's classpath, on this machine.
        libjars_in_hdfs: the same, in HDFS.
        jobconfs: settings of Hadoop.
        input_format: class that reads records.
        output_format: class that writes them.
        end_job_with_atomic_move_dir: the job writes into a temporary folder, which gets the output's name at the end.
        archives: archives that are unpacked on the nodes.
    """

    def __init__(
        self,
        streaming_jar: str,
        modules: Sequence[ModuleType] | None = None,
        streaming_args: Sequence[str] | None = None,
        libjars: Sequence[str] | None = None,
        libjars_in_hdfs: Sequence[str] | None = None,
        jobconfs: Mapping[str, Any] | None = None,
        input_format: str | None = None,
        output_format: str | None = None,
        end_job_with_atomic_move_dir: bool = True,
        archives: Sequence[str] | None = None,
    ) -> None:
        self.streaming_jar = streaming_jar
        self.modules = list(modules or ())
        self.streaming_args = list(streaming_args or ())
        self.libjars = list(libjars or ())
        self.libjars_in_hdfs = list(libjars_in_hdfs or ())
        self.jobconfs = dict(jobconfs or {})
        self.input_format = input_format
        self.output_format = output_format
        self.end_job_with_atomic_move_dir = end_job_with_atomic_move_dir
        self.archives = list(archives or ())
        self.tmp_dir: str | None = None

    def run_job(self, job: Any, tracking_url_callback: Any = None) -> None:
        """Submit a job, and wait for its end."""
        output = job.output()
        final = output.path
        place = f"{final}-temp-{datetime.datetime.now().isoformat().replace(':', '-')}"
        working = place if self.end_job_with_atomic_move_dir else final
        self.tmp_dir = tempfile.mkdtemp()
        try:
            command = self.command(job, working)
            self.pack(job)
            run_and_track_hadoop_job(command, tracking_url_callback or job.set_tracking_url)
            if self.end_job_with_atomic_move_dir:
                output.fs.rename_dont_move(working, final)
        finally:
            self.finish()

    def command(self, job: Any, output: str) -> list[str]:
        """``hadoop jar STREAMING-JAR ...``: generic options first, as Hadoop wants them.

        Args:
            job: the task.
            output: the folder that the job makes.
        """
        python = get_config().get("hadoop", "python_executable", "python")
        program = "mrrunner.pex" if job.package_binary is not None else "mrrunner.py"
        command = [*load_hadoop_cmd(), "jar", self.streaming_jar]
        command += _joined("-libjars", [*self.libjars, *self._fetched_jars()])
        command += _joined("-archives", [*self.archives, *job.extra_archives()])
        command += _joined("-files", _linked_files(job))
        for setting in [*job.jobconfs(), *(f"{name}={value}" for name, value in self.jobconfs.items())]:
            command += ["-D", setting]
        command += self.streaming_args
        for name, value in job.extra_streaming_arguments():
            command += [name if name.startswith("-") else f"-{name}", value]
        command += ["-mapper", f"{python} {program} map"]
        if is_given(job.combiner):
            command += ["-combiner", f"{python} {program} combiner"]
        if is_given(job.reducer):
            command += ["-reducer", f"{python} {program} reduce"]
        for path in self._own_files(job):
            command += ["-file", path]
        if self.output_format:
            command += ["-outputformat", self.output_format]
        if self.input_format:
            command += ["-inputformat", self.input_format]
        for target in flatten_structure(job.input_hadoop()):
            command += ["-input", _path_of(target)]
        return [*command, "-output", output]

    def _own_files(self, job: Any) -> list[str]:
        folder = str(self.tmp_dir)
        if job.package_binary is not None:
            return [os.path.join(folder, "mrrunner.pex"), os.path.join(folder, _PICKLE)]
        return [_runner_path(), os.path.join(folder, "packages.tar"), os.path.join(folder, _PICKLE)]

    def pack(self, job: Any) -> None:
        """Write what travels with the job into the temporary folder: the task, and its modules or its binary."""
        folder = str(self.tmp_dir)
        if job.package_binary is not None:
            shutil.copy(job.package_binary, os.path.join(folder, "mrrunner.pex"))
        else:
            import rumbo

            own = [rumbo, *([sys.modules["luigi"]] if "luigi" in sys.modules else [])]
            packages = [*own, *self.modules, *job.extra_modules(), *_ATTACHED, sys.modules[job.__module__]]
            create_packages_archive(packages, os.path.join(folder, "packages.tar"))
        job.dump(folder)

    def _fetched_jars(self) -> list[str]:
        fetched = []
        for jar in self.libjars_in_hdfs:
            run_program([*load_hadoop_cmd(), "fs", "-get", jar, str(self.tmp_dir)])
            fetched.append(os.path.join(str(self.tmp_dir), os.path.basename(jar)))
        return fetched

    def finish(self) -> None:
        """Remove the temporary folder."""
        folder, self.tmp_dir = self.tmp_dir, None
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def _runner_path() -> str:
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "mrrunner.py")


def _joined(option: str, values: Sequence[str]) -> list[str]:
    return [option, ",".join(values)] if values else []


def _linked_files(job: Any) -> list[str]:
    """Hadoop puts files side by side: each travels under a name of its own, and the job puts it where it belongs."""
    files = []
    for source, name in get_extra_files(job.extra_files()):
        flat = f"{name.replace('/', '_')}_{random.randrange(10**9):09d}"
        files.append(f"{source}#{flat}")
        job.add_link(flat, name)
    return files


def _path_of(target: Any) -> str:
    path = getattr(target, "path", None)
    if not isinstance(path, str):
        raise TypeError(f"A job on a cluster reads files, and {target!r} has no path.")
    return path


class DefaultHadoopJobRunner(HadoopJobRunner):
    """Submits a job by the jar that ``[hadoop] streaming_jar`` of the configuration names."""

    def __init__(self) -> None:
        super().__init__(streaming_jar=get_config().get("hadoop", "streaming_jar"))


class LocalJobRunner(JobRunner):
    """Runs a job in this process: for small data, and for tests.

    Args:
        samplelines: take so many lines of each input; None: all.
    """

    def __init__(self, samplelines: int | None = None) -> None:
        self.samplelines = samplelines

    def sample(self, input_stream: Iterable[str], n: int | None, output: IO[str]) -> None:
        """Copy the first lines of a stream."""
        for number, line in enumerate(input_stream):
            if n is not None and number >= n:
                break
            output.write(line)

    def group(self, input_stream: Iterable[str]) -> StringIO:
        """The lines by their keys, in no order within a key, as a cluster gives them."""
        order = random.Random(0)
        keyed = [(line.rstrip("\n").split("\t")[:-1], order.random(), line) for line in input_stream]
        return StringIO("".join(line for _, _, line in sorted(keyed)))

    def run_job(self, job: Any) -> None:
        """Run a job."""
        map_input = StringIO()
        for target in flatten_structure(job.input_hadoop()):
            with target.open("r") as lines:
                self.sample(lines, self.samplelines, map_input)
        map_input.seek(0)
        if not is_given(job.reducer):
            with job.output().open("w") as out:
                job.run_mapper(map_input, out)
            return
        stage = StringIO()
        job.run_mapper(map_input, stage)
        stage.seek(0)
        if is_given(job.combiner):
            grouped, stage = self.group(stage), StringIO()
            job.run_combiner(grouped, stage)
            stage.seek(0)
        with job.output().open("w") as out:
            job.run_reducer(self.group(stage), out)


# Tasks -----------------------------------------------------------------------------------------------------------


class BaseHadoopJobWork(ABC):
    """What all jobs have in common. What they read is ``requires_hadoop``, what they need here ``requires_local``."""

    if TYPE_CHECKING:
        task_id: str
        set_tracking_url: Any
        pool: Any

        def requires(self) -> Any: ...

        def no_unpicklable_properties(self) -> Any: ...

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
        return [*flatten_structure(self.requires_hadoop()), *flatten_structure(self.requires_local())]

    def on_failure(self, exception: BaseException) -> Any:
        """The message of a failed job, with what the command wrote."""
        if isinstance(exception, HadoopJobError):
            return f"{exception.message}\n\nSTDOUT:\n{exception.out}\n\nSTDERR:\n{exception.err}"
        return super().on_failure(exception)  # type: ignore[misc] # the task's


def _one_level(sequence: Iterable[Any]) -> Iterator[Any]:
    for item in sequence:
        if hasattr(item, "__iter__") and not isinstance(item, (str, bytes)):
            yield from item
        else:
            yield item


def _read_python(text: str) -> Any:
    """The value of a ``repr``: a literal, a date or the like, a decimal."""
    try:
        return ast.literal_eval(text)
    except ValueError:
        return eval(text, {"__builtins__": {}, **_NAMES})


_NAMES = {"datetime": datetime, "Decimal": Decimal, "inf": float("inf"), "nan": float("nan")}
_TO_TEXT: dict[str, Callable[[Any], str]] = {"python": str, "json": json.dumps}
_WRITE: dict[str, Callable[[Any], str]] = {"python": repr, "json": partial(json.dumps, sort_keys=True)}
_READ: dict[str, Callable[[str], Any]] = {"python": _read_python, "json": json.loads}


class MapReduceWork(BaseHadoopJobWork):
    """A job of mapper, combiner and reducer, each a generator of (key, value)."""

    jobconf_truncate: Any = 20000
    n_reduce_tasks: Any = 25
    reducer: Any = NotImplemented
    """``reducer(key, values)`` yields records; without one the job only maps."""
    combiner: Any = NotImplemented
    """``combiner(key, values)`` yields (key, value) where the mapper ran, so that less travels."""
    _counts: ClassVar[dict[tuple[Any, ...], int]] = {}

    def jobconfs(self) -> list[str]:
        settings = super().jobconfs()
        settings.append(f"mapred.reduce.tasks={self.n_reduce_tasks if is_given(self.reducer) else 0}")
        if self.jobconf_truncate >= 0:
            settings.append(f"stream.jobconf.truncate.limit={self.jobconf_truncate}")
        return settings

    def init_mapper(self) -> None:
        """Called on each node before its mapper."""

    def init_combiner(self) -> None:
        """Called on each node before its combiner."""

    def init_reducer(self) -> None:
        """Called on each node before its reducer."""

    def job_runner(self) -> Any:
        """A cluster if all outputs are in HDFS, else this process."""
        outputs = flatten_structure(self.output())  # type: ignore[attr-defined] # the task's
        return DefaultHadoopJobRunner() if outputs and all(map(is_in_hdfs, outputs)) else LocalJobRunner()

    def mapper(self, item: Any) -> Iterator[Any]:
        """Records of an item of the input, by default a line."""
        yield None, item

    def reader(self, input_stream: Iterable[str]) -> Iterator[tuple[Any, ...]]:
        """The arguments of `mapper`, from the lines of the input."""
        for line in input_stream:
            yield (line,)

    def writer(self, outputs: Iterable[Any], stdout: IO[str], stderr: IO[str] | None = None) -> None:
        """Write the job's results: values with tabs between."""
        to_text = _TO_TEXT[self.data_interchange_format]
        for output in outputs:
            values = list(_one_level(output))
            if self.data_interchange_format == "json":
                # A lone value goes with an empty key or value, which is left out.
                values = [value if isinstance(value, str) else to_text(value) for value in values if value]
            else:
                values = list(map(to_text, values))
            print("\t".join(values), file=stdout)

    def internal_reader(self, input_stream: Iterable[str]) -> Iterator[list[Any]]:
        """Records, from the lines between two steps."""
        read = _READ[self.data_interchange_format]
        for line in input_stream:
            yield [read(part) for part in line.split("\t")]

    def internal_writer(self, outputs: Iterable[Any], stdout: IO[str]) -> None:
        """Write records for the next step."""
        write = _WRITE[self.data_interchange_format]
        for output in outputs:
            print("\t".join(map(write, output)), file=stdout)

    # What the nodes call

    def run_mapper(self, stdin: Iterable[str] = sys.stdin, stdout: IO[str] = sys.stdout) -> None:
        """From lines of the input to records, or to results when there is no reducer."""
        self.init_hadoop()
        self.init_mapper()
        outputs = self._map_input(line.rstrip("\n") for line in stdin)
        if is_given(self.reducer):
            self.internal_writer(outputs, stdout)
        else:
            self.writer(outputs, stdout)

    def run_combiner(self, stdin: Iterable[str] = sys.stdin, stdout: IO[str] = sys.stdout) -> None:
        """From records to fewer records."""
        self.init_hadoop()
        self.init_combiner()
        records = self.internal_reader(line.rstrip("\n") for line in stdin)
        self.internal_writer(self._reduce_input(records, self.combiner, self.final_combiner), stdout)

    def run_reducer(self, stdin: Iterable[str] = sys.stdin, stdout: IO[str] = sys.stdout) -> None:
        """From records to results."""
        self.init_hadoop()
        self.init_reducer()
        records = self.internal_reader(line.rstrip("\n") for line in stdin)
        self.writer(self._reduce_input(records, self.reducer, self.final_reducer), stdout)

    def _map_input(self, input_stream: Iterable[str]) -> Iterator[Any]:
        for record in self.reader(input_stream):
            yield from self.mapper(*record)
        if is_given(self.final_mapper):
            yield from self.final_mapper()
        self._flush_batch_incr_counter()

    def _reduce_input(self, inputs: Iterable[Any], reducer: Any, final: Any = NotImplemented) -> Iterator[Any]:
        write = _WRITE[self.data_interchange_format]
        for _, records in groupby(inputs, key=lambda record: write(record[0])):
            first = next(records)
            values = (record[1] for record in _with(first, records))
            yield from reducer(first[0], values)
        if is_given(final):
            yield from final()
        self._flush_batch_incr_counter()

    # Counters

    def incr_counter(self, *args: Any, **kwargs: Any) -> None:
        """Add to a counter of the job: ``incr_counter(name, count)`` or ``incr_counter(group, name, count)``.

        Args:
            args: as above.
            kwargs: ``threshold``: tell Hadoop when so much has gathered, which costs about a millisecond.
        """
        *key, count = args
        gathered = self._counts.get(tuple(key), 0) + count
        if gathered >= kwargs.get("threshold", self.batch_counter_default):
            self._incr_counter(*key, gathered)
            gathered = 0
        self._counts[tuple(key)] = gathered

    def _flush_batch_incr_counter(self) -> None:
        for key, count in self._counts.items():
            if count:
                self._incr_counter(*key, count)
                self._counts[key] = 0

    def _incr_counter(self, *args: Any) -> None:
        print(f"reporter:counter:{','.join(map(str, args))}", file=sys.stderr)

    # What travels along

    def extra_modules(self) -> Sequence[ModuleType]:
        """Modules that the nodes need too."""
        return []

    def extra_files(self) -> Sequence[Any]:
        """Files that the nodes need: paths, or pairs of a path and the name there; folders too."""
        return []

    def extra_streaming_arguments(self) -> Sequence[tuple[str, str]]:
        """Further arguments of the streaming jar."""
        return []

    def extra_archives(self) -> Sequence[str]:
        """Archives that are unpacked on the nodes."""
        return []

    def add_link(self, src: str, dst: str) -> None:
        """On the nodes, let the file ``src`` be ``dst`` too."""
        vars(self).setdefault("_links", []).append((src, dst))

    def _setup_remote(self) -> None:
        self._setup_links()

    def _setup_links(self) -> None:
        missing = []
        for source, name in vars(self).get("_links", ()):
            if not os.path.exists(source):
                missing.append(source)
                continue
            os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
            if not os.path.exists(name):  # the mapper may have made it for the combiner
                os.link(source, name)
        if missing:
            raise HadoopJobError(f"Missing files for distributed cache: {', '.join(missing)}")

    def dump(self, directory: str = "") -> None:
        """Write the task to a file in a folder."""
        path = os.path.join(directory, _PICKLE)
        with self.no_unpicklable_properties(), named_as_others_see_it(type(self)), open(path, "wb") as file:
            pickle.dump(self, file)


def _with(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def is_in_hdfs(target: Any) -> bool:
    """Whether a target's file is where a cluster reads and writes."""
    return "hdfs" in type(target).__module__ or str(getattr(target, "path", "")).startswith("hdfs://")


# Jars ------------------------------------------------------------------------------------------------------------


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
