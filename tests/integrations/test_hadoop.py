"""Map and reduce: in this process, and by a `hadoop` command that is a stand-in for the one of a cluster.

Hadoop's streaming jar comes in no package. The stand-in takes its documented options, and runs the mapper, the combiner
and the reducer as the nodes would: as programs in folders of their own, with only what was sent along.
"""

from __future__ import annotations

import datetime as dt
import os
import signal
import stat
import subprocess
import sys
import tarfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import luigi
from luigi.contrib import hadoop, hadoop_jar, mrrunner
from rumbo.errors import TaskError
from rumbo.integrations import map_reduce
from rumbo.integrations.hadoop_jar import HadoopJarJobTask

if TYPE_CHECKING:
    from rumbo.pipeline.config import Configuration

WORDS = "the quick fox\nthe lazy dog\nthe end\n"


@pytest.fixture
def configuration(configuration: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    """What is configured for this test, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return configuration


class Text(luigi.ExternalTask):
    def output(self) -> Any:
        return luigi.LocalTarget("text")


class WordCount(hadoop.JobTask):
    def requires(self) -> Any:
        return Text()

    def output(self) -> Any:
        return luigi.LocalTarget("counts")

    def mapper(self, line: str) -> Any:
        for word in line.split():
            yield word, 1

    def reducer(self, key: str, values: Any) -> Any:
        yield key, sum(values)

    combiner = reducer

    def job_runner(self) -> Any:
        return hadoop.LocalJobRunner()


def counted() -> dict[str, int]:
    return {word: int(count) for word, count in (line.split("\t") for line in Path("counts").read_text().splitlines())}


class TestLocally:
    @pytest.fixture(autouse=True)
    def _text(self, configuration: Configuration) -> None:
        Path("text").write_text(WORDS)

    def test_a_job(self) -> None:
        WordCount().run()
        assert counted() == Counter(WORDS.split())

    def test_a_job_with_typed_parameters(self) -> None:
        class Lengths(map_reduce.JobTask):
            shortest: int

            def requires(self) -> Any:
                return Text()

            def output(self) -> Any:
                return luigi.LocalTarget("counts")

            def mapper(self, line: str) -> Any:
                yield from ((word, len(word)) for word in line.split() if len(word) >= self.shortest)

            def reducer(self, word: str, lengths: Any) -> Any:
                yield word, next(iter(lengths))

        Lengths(shortest=5).run()
        assert counted() == {"quick": 5}

    def test_a_job_without_a_combiner(self) -> None:
        class Plain(WordCount):
            combiner = NotImplemented

        Plain().run()
        assert counted() == Counter(WORDS.split())

    def test_a_job_that_only_maps(self) -> None:
        class Upper(WordCount):
            reducer = NotImplemented
            combiner = NotImplemented

            def mapper(self, line: str) -> Any:
                yield line.upper(), len(line)

        Upper().run()
        assert Path("counts").read_text().splitlines()[0] == "THE QUICK FOX\t13"

    @pytest.mark.parametrize("form", ["python", "json"])
    def test_values_of_any_kind_travel_between_the_steps(self, form: str) -> None:
        class Kinds(WordCount):
            data_interchange_format = form
            combiner = NotImplemented

            def mapper(self, line: str) -> Any:
                yield [len(line), None, "tab\there"], {"é": line}

            def reducer(self, key: Any, values: Any) -> Any:
                assert list(key)[1:] == [None, "tab\there"]
                yield str(key[0]), " ".join(sorted(value["é"] for value in values))

        Kinds().run()
        assert Path("counts").read_text() == "12\tthe lazy dog\n13\tthe quick fox\n7\tthe end\n"

    def test_dates_are_keys(self) -> None:
        class Dates(WordCount):
            combiner = NotImplemented

            def mapper(self, line: str) -> Any:
                yield dt.date(2026, 1, len(line)), 1

        Dates().run()
        assert sorted(counted()) == ["2026-01-07", "2026-01-12", "2026-01-13"]

    def test_the_last_word_of_each_step(self) -> None:
        class Last(WordCount):
            def final_mapper(self) -> Any:
                yield "mapped", 1

            def final_combiner(self) -> Any:
                yield "combined", 1

            def final_reducer(self) -> Any:
                yield "reduced", 1

        Last().run()
        assert {"mapped", "combined", "reduced"} <= set(counted())

    def test_counters(self, capsys: pytest.CaptureFixture[str]) -> None:
        class Counting(WordCount):
            batch_counter_default = 2

            def mapper(self, line: str) -> Any:
                self.incr_counter("text", "lines", 1)
                self.incr_counter("bytes", 10, threshold=1)
                yield line, 1

        Counting().run()
        told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("reporter:")]
        assert Counter(told) == {
            "reporter:counter:text,lines,2": 1,
            "reporter:counter:text,lines,1": 1,
            "reporter:counter:bytes,10": 3,
        }

    def test_a_sample(self) -> None:
        class Sampled(WordCount):
            def job_runner(self) -> Any:
                return hadoop.LocalJobRunner(samplelines=1)

        Sampled().run()
        assert counted() == {"the": 1, "quick": 1, "fox": 1}

    def test_an_error_leaves_no_output(self) -> None:
        class Broken(WordCount):
            def reducer(self, key: str, values: Any) -> Any:
                yield key, 1
                raise OSError("disk")

            combiner = NotImplemented

        with pytest.raises(OSError, match="disk"):
            Broken().run()
        assert not Path("counts").exists()

    def test_outputs_elsewhere_than_in_hdfs_are_made_here(self) -> None:
        class Chosen(WordCount):
            job_runner = hadoop.JobTask.job_runner

        assert isinstance(Chosen().job_runner(), hadoop.LocalJobRunner)


# A stand-in for the command. Its options are those of "Hadoop Streaming" in Hadoop's documentation.
HADOOP = '''#!{python}
import glob, os, shutil, subprocess, sys, tempfile
words = sys.argv[1:]
assert words[0] == "jar", words
options = {{}}
names = words[2::2]
for name, value in zip(names, words[3::2]):
    options.setdefault(name, []).append(value)
known = {{"-D", "-files", "-file", "-mapper", "-combiner", "-reducer", "-input", "-output", "-libjars", "-archives"}}
assert set(options) <= known, options
generic = [name in ("-D", "-files", "-libjars", "-archives") for name in names]
assert generic == sorted(generic, reverse=True), names  # the generic options come first
print("INFO mapreduce.Job: The url to track the job: http://cluster:8088/proxy/application_7/", file=sys.stderr)
print("INFO mapreduce.Job: Running job: job_7", file=sys.stderr, flush=True)

def step(command, text):
    """A step on a node of its own."""
    node = tempfile.mkdtemp()
    for path in options["-file"]:
        shutil.copy(path, node)
    for given in ",".join(options.get("-files", [])).split(","):
        if given:
            path, name = given.split("#")
            shutil.copy(path, os.path.join(node, name))
    done = subprocess.run(command.split(), input=text, cwd=node, stdout=subprocess.PIPE, text=True,
                          env={{"PATH": os.environ["PATH"], "NODE": "1"}})
    shutil.rmtree(node)
    if done.returncode:
        print("INFO mapreduce.Job: Job job_7 failed", file=sys.stderr)
        sys.exit(1)
    return done.stdout

def in_order(text):
    return "".join(sorted(text.splitlines(keepends=True)))

(output,) = options["-output"]
assert not os.path.exists(output)
os.makedirs(output)
halves = []
for path in options["-input"]:
    halves.append(step(options["-mapper"][0], open(path).read()))
if "-combiner" in options:
    halves = [step(options["-combiner"][0], in_order(half)) for half in halves]
text = "".join(halves)
if "-reducer" in options:
    text = step(options["-reducer"][0], in_order(text))
open(os.path.join(output, "part-00000"), "w").write(text)
open(os.path.join(output, "_SUCCESS"), "w").close()
'''

JOB = """
import os
import luigi
from luigi.contrib import hadoop
import shop.words

class Text(luigi.ExternalTask):
    def output(self):
        return luigi.LocalTarget("text")

class Counts(hadoop.JobTask):
    fails = luigi.BoolParameter()
    n_reduce_tasks = 1

    def requires(self):
        return Text()

    def output(self):
        return luigi.LocalTarget("counts")

    def init_local(self):
        self.weight = 2

    def extra_modules(self):
        return [shop.words]

    def extra_files(self):
        return ["stop/words", ("stop", "more/lists")]

    def mapper(self, line):
        assert os.environ["NODE"] == "1"
        assert open("more/lists/words").read() == open("words").read()
        if self.fails:
            raise OSError("a broken node")
        for word in shop.words.of(line):
            if word not in open("words").read():
                yield word, self.weight

    def combiner(self, key, values):
        yield key, sum(values)

    def reducer(self, key, values):
        yield key, sum(values)

    def job_runner(self):
        return hadoop.HadoopJobRunner("streaming.jar", jobconfs={"x.y": 1})
"""


class Packed(WordCount):
    package_binary = "job.pex"
    combiner = NotImplemented
    reducer = NotImplemented


class TestOnACluster:
    @pytest.fixture(autouse=True)
    def _cluster(self, configuration: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        program = tmp_path / "bin" / "hadoop"
        program.parent.mkdir()
        program.write_text(HADOOP.format(python=sys.executable))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        configuration.set("hadoop", "command", str(program))
        configuration.set("hadoop", "python-executable", sys.executable)
        (tmp_path / "shop").mkdir()
        (tmp_path / "shop" / "__init__.py").write_text("")
        (tmp_path / "shop" / "words.py").write_text("def of(line):\n    return line.split()\n")
        (tmp_path / "stop").mkdir()
        (tmp_path / "stop" / "words").write_text("the")
        (tmp_path / "text").write_text(WORDS)
        (tmp_path / "countjob.py").write_text(JOB)
        monkeypatch.syspath_prepend(str(tmp_path))
        for name in ("shop", "shop.words", "countjob"):
            sys.modules.pop(name, None)

    def job(self, **values: Any) -> Any:
        import countjob

        return countjob.Counts(**values)

    def test_a_job_with_typed_parameters_travels_too(self, tmp_path: Path) -> None:
        own = JOB.replace("luigi.contrib import hadoop", "rumbo.integrations import map_reduce as hadoop")
        own = own.replace("fails = luigi.BoolParameter()", "fails: bool = False")
        (tmp_path / "countjob.py").write_text(own)
        self.job().run()
        assert "fox\t2" in Path("counts/part-00000").read_text().splitlines()

    def test_a_job_and_what_travels_with_it(self) -> None:
        job = self.job()
        told: list[str] = []
        job.__dict__["set_tracking_url"] = told.append
        job.run()
        counts = dict(line.split("\t") for line in Path("counts/part-00000").read_text().splitlines())
        assert counts == dict.fromkeys(("quick", "fox", "lazy", "dog", "end"), "2")
        assert told == ["http://cluster:8088/proxy/application_7/"]

    def test_a_job_that_fails(self) -> None:
        job = self.job(fails=True)
        with pytest.raises(hadoop.HadoopJobError) as caught:
            job.run()
        assert str(caught.value) == (
            "Streaming job failed with exit code 1. See http://cluster:8088/proxy/application_7/."
        )
        assert "a broken node" in (caught.value.err or "")
        assert "luigi-exc-hex=" in (caught.value.err or "")
        assert "a broken node" in str(job.on_failure(caught.value))
        assert not Path("counts").exists()

    def test_the_command(self, configuration: Configuration) -> None:
        configuration.set("hadoop", "command", "hadoop --config /etc")
        configuration.set("hadoop", "python-executable", "python3")
        configuration.set("hadoop", "scheduler", "capacity")

        class Job(WordCount):
            pool = "nightly"
            extra_files = lambda self: []  # noqa: E731
            extra_archives = lambda self: ["b.zip"]  # noqa: E731
            extra_streaming_arguments = lambda self: [("partitioner", "p"), ("-cmdenv", "A=1")]  # noqa: E731
            mr_priority = lambda self: "HIGH"  # noqa: E731

        runner = hadoop.HadoopJobRunner(
            "s.jar", libjars=["l.jar"], archives=["a.zip"], streaming_args=["-verbose"], jobconfs={"k": "v"},
            input_format="In", output_format="Out",
        )  # fmt: skip
        runner.tmp_dir = "/tmp/t"
        command = runner.command(Job(), "out-temp")
        home = Path(mrrunner.Runner.__init__.__code__.co_filename)
        assert command == [
            "hadoop", "--config", "/etc", "jar", "s.jar", "-libjars", "l.jar", "-archives", "a.zip,b.zip",
            "-D", "mapred.job.name=Job()", "-D", "mapred.job.priority=HIGH",
            "-D", "mapred.job.queue.name=nightly", "-D", "mapred.reduce.tasks=25",
            "-D", "stream.jobconf.truncate.limit=20000", "-D", "k=v", "-verbose", "-partitioner", "p", "-cmdenv", "A=1",
            "-mapper", "python3 mrrunner.py map", "-combiner", "python3 mrrunner.py combiner",
            "-reducer", "python3 mrrunner.py reduce", "-file", str(home), "-file", "/tmp/t/packages.tar",
            "-file", "/tmp/t/job-instance.pickle", "-outputformat", "Out", "-inputformat", "In",
            "-input", "text", "-output", "out-temp",
        ]  # fmt: skip

    def test_a_binary_instead_of_modules(self) -> None:
        Path("job.pex").write_text("binary")
        runner = hadoop.HadoopJobRunner("s.jar")
        runner.tmp_dir = "t"
        os.mkdir("t")
        command = runner.command(Packed(), "o")
        runner.pack(Packed())
        assert "-reducer" not in command
        assert command[command.index("-mapper") + 1].endswith(" mrrunner.pex map")
        assert sorted(os.listdir("t")) == ["job-instance.pickle", "mrrunner.pex"]

    def test_a_package_brings_those_around_it(self, tmp_path: Path) -> None:
        import shop.words

        hadoop.create_packages_archive([shop.words, sys.modules[__name__]], "p.tar")
        with tarfile.open("p.tar") as tar:
            names = tar.getnames()
        assert {"shop/__init__.py", "shop/words.py"} <= set(names)

    def test_an_interrupted_job_is_ended_on_the_cluster(self, tmp_path: Path) -> None:
        (tmp_path / "bin" / "slow").write_text(
            "#!/bin/sh\necho 'INFO: Submitted application application_9' >&2\n"
            "echo 'The url to track the job: http://cluster/9' >&2\nexec sleep 60\n"
        )
        (tmp_path / "bin" / "yarn").write_text('#!/bin/sh\necho "$@" > killed\n')
        for name in ("slow", "yarn"):
            (tmp_path / "bin" / name).chmod(0o755)
        program = (
            "from luigi.contrib.hadoop import run_and_track_hadoop_job\n"
            "run_and_track_hadoop_job(['slow'], lambda url: open('began', 'w').close())\n"
        )
        env = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
        process = subprocess.Popen([sys.executable, "-c", program], env=env, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 30
        while not Path("began").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert Path("killed").read_text() == "application -kill application_9\n"


class InHdfs(luigi.LocalTarget):
    """A target that a cluster writes; its module's name says so in earnest."""

    __module__ = "tests.hdfs"


class Jar(hadoop_jar.HadoopJarJobTask):
    def jar(self) -> Any:
        return "job.jar"

    def main(self) -> Any:
        return "shop.Main"

    def output(self) -> Any:
        return InHdfs("made/")

    def args(self) -> Any:
        return ["--in", luigi.LocalTarget("text"), "--out", self.output(), 3]


class TestJars:
    @pytest.fixture(autouse=True)
    def _cluster(self, configuration: Configuration, tmp_path: Path) -> None:
        program = tmp_path / "hadoop"
        program.write_text('#!/bin/sh\necho "$@" > said\nfor word; do case $word in made-*) mkdir $word;; esac; done\n')
        program.chmod(0o755)
        configuration.set("hadoop", "command", str(program))
        Path("job.jar").touch()

    def test_the_output_gets_its_name_at_the_end(self) -> None:
        Jar().run()
        assert Path("made").is_dir()
        words = Path("said").read_text().split()
        assert words[:5] == ["jar", "job.jar", "shop.Main", "-Dmapred.job.name=Jar()", "--in"]
        assert words[5:7] == ["text", "--out"]
        assert words[7].startswith("made-luigi-tmp-")
        assert words[8] == "3"

    def test_a_task_with_typed_parameters(self) -> None:
        class Build(HadoopJarJobTask):
            parts: int

            def jar(self) -> Any:
                return "job.jar"

            def args(self) -> Any:
                return [self.parts]

        Build(parts=3).run()
        assert Path("said").read_text() == "jar job.jar -Dmapred.job.name=Build(parts=3) 3\n"

    def test_an_output_that_is_there_is_an_input(self) -> None:
        Path("made").mkdir()
        assert hadoop_jar.fix_paths(Jar()) == ([], ["--in", "text", "--out", "made/", "3"])

    def test_over_ssh(self) -> None:
        class Remote(Jar):
            def ssh(self) -> Any:
                return {"host": "edge", "username": "me", "key_file": "id", "no_host_key_check": True}

        command = hadoop_jar.HadoopJarJobRunner().command(Remote(), ["a b"])
        assert command[:9] == [
            "ssh", "-i", "id", "-o", "BatchMode=yes", "-o", "UserKnownHostsFile=/dev/null", "-o",
            "StrictHostKeyChecking=no",
        ]  # fmt: skip
        assert command[9] == "me@edge"
        assert command[10].endswith("hadoop jar job.jar shop.Main '-Dmapred.job.name=Remote()' 'a b'")

    @pytest.mark.parametrize(
        ("attributes", "message"),
        [
            ({"jar": lambda self: None}, "Jar() does not say which jar to run. Give it a jar()."),
            ({"jar": lambda self: "/no.jar"}, "Jar(): there is no jar /no.jar."),
            ({"ssh": lambda self: {"host": "h"}}, "ssh() lacks key_file, username."),
        ],
    )
    def test_mistakes(self, attributes: dict[str, Any], message: str) -> None:
        with pytest.raises(TaskError) as caught:
            type("Jar", (Jar,), attributes)().run()
        assert str(caught.value) == message


def test_the_runner_on_a_node_knows_three_steps(configuration: Configuration) -> None:
    WordCount().dump()
    with pytest.raises(ValueError, match=r"There is no step 'shuffle'; there is map, combiner, reduce\."):
        mrrunner.main(["shuffle"])
