"""Map and reduce over Hadoop's streaming interface; also in this process, without any Hadoop.

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
import shutil
import sys
import tempfile
from decimal import Decimal
from functools import partial
from io import StringIO
from itertools import groupby
from typing import IO, TYPE_CHECKING, Any, ClassVar

from rumbo.integrations.hadoop import (
    BaseHadoopJobWork,
    HadoopJobError,
    JobRunner,
    is_given,
    is_in_hdfs,
    load_hadoop_cmd,
    run_and_track_hadoop_job,
)
from rumbo.integrations.program import run_program
from rumbo.integrations.shipment import ATTACHED, create_packages_archive, get_extra_files, named_as_others_see_it
from rumbo.pipeline import typed
from rumbo.pipeline.config import get_config
from rumbo.pipeline.structure import flatten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import ModuleType

__all__ = ["DefaultHadoopJobRunner", "HadoopJobRunner", "JobTask", "LocalJobRunner", "MapReduceWork"]

logger = logging.getLogger("luigi-interface")

_PICKLE = "job-instance.pickle"


# Runners ---------------------------------------------------------------------------------------------------------


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
        for target in flatten(job.input_hadoop()):
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
            packages = [*own, *self.modules, *job.extra_modules(), *ATTACHED, sys.modules[job.__module__]]
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
        for target in flatten(job.input_hadoop()):
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
        outputs = flatten(self.output())  # type: ignore[attr-defined] # the task's
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


class JobTask(MapReduceWork, typed.Task):
    """A task that is a job of mapper, combiner and reducer."""
