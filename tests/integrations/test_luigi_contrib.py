"""The smaller ones of Luigi's contrib modules. Where a system cannot be had, a stand-in answers as its manual says."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import threading
import types
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import luigi
from luigi.contrib import (
    beam_dataflow,
    bigquery,
    datadog_metric,
    dataproc,
    dropbox,
    external_daily_snapshot,
    gcp,
    lsf,
    opener,
    pai,
    pig,
    presto,
    prometheus_metric,
    salesforce,
    scalding,
    sge,
    simulate,
    sparkey,
    target,
)
from luigi.mock import MockTarget
from luigi.target import FileSystemException
from rumbo.errors import MissingExtraError, TaskError
from rumbo.integrations.batch_jobs import BatchJobFailed
from rumbo.integrations.hadoop import HadoopJobError

if TYPE_CHECKING:
    from rumbo.pipeline.config import Configuration


@pytest.fixture
def configuration(configuration: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    """What is configured for this test, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return configuration


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


class Listing(luigi.ExternalTask):
    def output(self) -> Any:
        return luigi.LocalTarget("input")


# Targets and small helpers ---------------------------------------------------------------------------------------


class TestRunAnyway:
    def test_it_exists_once_it_is_done_also_for_what_is_forked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Target(simulate.RunAnywayTarget):
            temp_dir = str(tmp_path / "simulate")

        mine = Target(Listing())
        assert not mine.exists()
        pid = os.fork()
        if pid == 0:
            Target(Listing()).done()
            os._exit(0)
        os.waitpid(pid, 0)
        assert mine.exists()
        old = tmp_path / "simulate" / "old"
        old.mkdir()
        os.utime(old, (0, 0))
        assert str(Target(Listing())) == Listing().task_id
        assert not old.exists()


class TestCascading:
    def test_the_next_is_asked_when_one_fails(self) -> None:
        class Broken:
            def exists(self, path: str) -> bool:
                raise OSError("away")

        class Refusing:
            def exists(self, path: str) -> bool:
                raise FileSystemException("no such path")

        class Good:
            def exists(self, path: str) -> bool:
                return path == "here"

        assert target.CascadingClient([Broken(), Good()]).exists("here")  # type: ignore[attr-defined]
        with pytest.raises(FileSystemException):
            target.CascadingClient([Refusing(), Good()]).exists("here")  # type: ignore[attr-defined]
        with pytest.raises(OSError, match="away"):
            target.CascadingClient([Broken()], ["exists"]).exists("here")  # type: ignore[attr-defined]


class Dump(external_daily_snapshot.ExternalDailySnapshot):
    kind = luigi.Parameter(default="all")

    def output(self) -> Any:
        return luigi.LocalTarget(f"{self.date}-{self.kind}")


class TestSnapshot:
    def test_the_latest_day_that_is_there(self, configuration: Configuration) -> None:
        Path("2026-01-05-all").touch()
        today = datetime.date(2026, 1, 8)
        assert Dump.latest(date=today) == Dump(date=datetime.date(2026, 1, 5))
        Path("2026-01-07-all").touch()
        assert Dump.latest(date=today).date == datetime.date(2026, 1, 5)  # it says the same all along
        assert Dump.latest(date=today, lookback=3).date == datetime.date(2026, 1, 7)
        assert Dump.latest(date=today, kind="x", lookback=2).date == datetime.date(2026, 1, 7)
        with pytest.raises(ValueError, match="look back one day at least"):
            Dump.latest(lookback=0)


class TestOpener:
    def test_the_kind_of_target_follows_from_the_address(self) -> None:
        assert isinstance(opener.OpenerTarget("mock://foo/bar"), MockTarget)
        assert opener.OpenerTarget("file:///tmp/x").path == "/tmp/x"
        assert opener.OpenerTarget("file://x/y").path == "x/y"
        assert opener.OpenerTarget("x/y?is_tmp&unknown=1").is_tmp is True
        assert opener.OpenerTarget("x/y").opener_path == "x/y"

    def test_an_address_that_nobody_knows(self) -> None:
        with pytest.raises(opener.NoOpenerError) as caught:
            opener.OpenerTarget("gopher://x")
        assert str(caught.value) == "No opener for gopher: there is mock, file, s3, s3n."

    def test_an_opener_of_ones_own(self) -> None:
        class Upper(opener.Opener):
            names = ["upper"]
            allowed_kwargs = {"n": True}

            @classmethod
            def get_target(cls, scheme: str, path: str, *rest: Any, **kwargs: Any) -> Any:
                return types.SimpleNamespace(path=path.upper(), query=rest[-1])

        registry = opener.OpenerRegistry([Upper])
        found = registry.open("upper:///x?n=3&m=4")
        assert (found.path, found.query) == ("/X", {"n": 3})


class TestGoogle:
    def test_who_asks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("google.auth", reason="it is not installed: pip install -e '.[gcs]'")
        account = {"type": "authorized_user", "client_id": "ana", "client_secret": "x", "refresh_token": "y"}
        (tmp_path / "account").write_text(json.dumps(account))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account"))
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "shop")
        assert gcp.get_authenticate_kwargs("mine", "connection") == {"credentials": "mine"}
        assert gcp.get_authenticate_kwargs(http_="connection") == {"http": "connection"}
        assert gcp.get_authenticate_kwargs()["credentials"].client_id == "ana"

    def test_nobody_in_particular_asks_over_httplib2(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("google.auth", reason="it is not installed: pip install -e '.[gcs]'")
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
        monkeypatch.setenv("NO_GCE_CHECK", "true")
        monkeypatch.setitem(sys.modules, "httplib2", None)
        with pytest.raises(MissingExtraError) as caught:
            gcp.get_authenticate_kwargs()
        assert str(caught.value) == (
            "Asking Google (google-auth, httplib2) needs a library that is not installed: pip install 'rumbo[dataproc]'"
        )
        library = types.SimpleNamespace(Http=lambda: "a connection")  # it is of an extra that tests do not install
        monkeypatch.setitem(sys.modules, "httplib2", library)
        assert gcp.get_authenticate_kwargs() == {"http": "a connection"}


# Metrics ---------------------------------------------------------------------------------------------------------


class Told:
    """A task as the scheduler tells of it."""

    family = "Load"
    params = {"day": "monday"}
    updated = 12.5
    time_running: float | None = 10.0


class TestMetrics:
    def test_prometheus(self) -> None:
        collector = prometheus_metric.PrometheusMetricsCollector(task_parameters_to_use_in_labels=["day"])
        collector.handle_task_started(Told)
        collector.handle_task_failed(Told)
        collector.handle_task_disabled(Told, None)
        collector.handle_task_done(Told)
        page = collector.generate_latest().decode()
        for name in ("started", "failed", "disabled", "done"):
            assert f'luigi_task_{name}_total{{day="monday",family="Load"}} 1.0' in page
        assert 'luigi_task_execution_time_seconds{day="monday",family="Load"} 2.5' in page

    def test_prometheus_without_labels(self) -> None:
        with pytest.raises(ValueError, match="Prometheus labels cannot be empty"):
            prometheus_metric.PrometheusMetricsCollector(use_task_family_in_labels=False)

    def test_datadog(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[Any] = []
        library: Any = types.ModuleType("datadog")
        library.initialize = lambda **given: told.append(given)
        library.statsd = types.SimpleNamespace(
            increment=lambda name, value, tags: told.append((name, value, tags)),
            gauge=lambda name, value, tags: told.append((name, value, tags)),
        )
        library.api = types.SimpleNamespace(Event=types.SimpleNamespace(create=lambda **given: told.append(given)))
        monkeypatch.setitem(sys.modules, "datadog", library)
        collector = datadog_metric.DatadogMetricsCollector()
        collector.handle_task_done(Told)
        tags = ["task_name:Load", "day:monday", "environment:development", "application:luigi"]
        assert told[1:3] == [("luigi.task.execution_time", 2.5, tags), ("luigi.task.done", 1, tags)]
        assert told[3]["title"] == "Luigi: A task has been completed!"
        assert told[3]["tags"] == [*tags, "task_state:DONE"]

    def test_datadog_without_its_library(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "datadog", None)
        with pytest.raises(MissingExtraError):
            datadog_metric.DatadogMetricsCollector()


# Batch systems ---------------------------------------------------------------------------------------------------


class SgeJob(sge.SGEJobTask):
    fails = luigi.BoolParameter()

    def work(self) -> None:
        print("at work")
        if self.fails:
            raise OSError("broken node")
        Path("made").write_text("by the job")

    def output(self) -> Any:
        return luigi.LocalTarget("made")


class LsfJob(lsf.LSFJobTask):
    fails = luigi.BoolParameter()
    work = SgeJob.work
    output = SgeJob.output


# Jobs run in the background, as on a node, and are gone from the list when they have ended.
QSUB = """#!/bin/sh
while [ "$#" -gt 0 ]; do case $1 in -o) out=${2#:};; -e) err=${2#:};; -N) name=$2;; esac; shift; done
read -r line
sh -c "$line" >"$out" 2>"$err" &
echo $! > job
echo "Your job $! (\\"$name\\") has been submitted"
"""
QSTAT = """#!/bin/sh
pid=$(cat job)
echo 'job-ID  prior   name       user         state submit/start at'
echo '-------------------------------------------------------------'
kill -0 $pid 2>/dev/null && echo " $pid 0.55500 job        root         r     01/01/2026"
exit 0
"""
BSUB = """#!/bin/sh
folder=$PWD
while [ "$#" -gt 0 ]; do case $1 in
  -q|-n|-M|-R|-W|-J) shift 2;; -o) out=$2; shift 2;; -e) err=$2; shift 2;; *) break;; esac; done
("$@" >"$out" 2>"$err"; echo $? > "$folder/code") &
echo "Job <17> is submitted to queue <normal>."
"""
BJOBS = """#!/bin/sh
code=$(cat shared/*/code 2>/dev/null)
case $code in '') echo RUN;; 0) echo DONE;; *) echo EXIT;; esac
"""


class TestBatchSystems:
    @pytest.fixture(autouse=True)
    def _cluster(self, configuration: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, text in {"qsub": QSUB, "qstat": QSTAT, "bsub": BSUB, "bjobs": BJOBS}.items():
            program(tmp_path / "bin" / name, text)
        program(tmp_path / "bin" / "qdel", '#!/bin/sh\necho "$@" > ended\nkill $1\n')
        program(tmp_path / "bin" / "bkill", '#!/bin/sh\necho "$@" > ended\n')
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        (tmp_path / "shared").mkdir()

    @pytest.mark.parametrize("kind", [SgeJob, LsfJob])
    def test_the_work_is_done_elsewhere(self, kind: Any, tmp_path: Path) -> None:
        task = kind(shared_tmp_dir=str(tmp_path / "shared"), poll_time=0)
        task.__dict__["poll_time"] = 0.05
        task.run()
        assert Path("made").read_text() == "by the job"
        assert list((tmp_path / "shared").iterdir()) == []

    @pytest.mark.parametrize("kind", [SgeJob, LsfJob])
    def test_a_job_that_fails_is_an_error(self, kind: Any, tmp_path: Path) -> None:
        task = kind(shared_tmp_dir=str(tmp_path / "shared"), fails=True, poll_time=0)
        task.__dict__["poll_time"] = 0.05
        with pytest.raises(BatchJobFailed, match="OSError: broken node"):
            task.run()

    def test_a_job_ends_with_its_task(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def stop(seconds: float) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("time.sleep", stop)
        with pytest.raises(KeyboardInterrupt):
            LsfJob(shared_tmp_dir=str(tmp_path / "shared")).run()
        assert Path("ended").read_text() == "17\n"

    def test_the_command_of_lsf(self) -> None:
        task = LsfJob(queue_flag="long", job_name_flag="mine", extra_bsub_args="-P 'a b'")
        task.tmp_dir = "/t"
        assert task.bsub_command()[:20] == [
            "bsub", "-q", "long", "-n", "2", "-M", "8192", "-R", "rusage[mem=8192]", "-W", "60", "-J", "mine",
            "-o", "/t/job.out", "-e", "/t/job.err", "-P", "a b", sys.executable,
        ]  # fmt: skip

    def test_what_grid_engine_prints(self) -> None:
        listing = (
            "job-ID  prior   name       user         state submit/start at     queue\n"
            "-----------------------------------------------------------------------\n"
            "      1 0.55500 job1       root         r     07/09/2015 16:56:45\n"
            "      2 0.55500 job2       root         qw    07/09/2015 16:56:42\n"
        )
        assert [sge._parse_qstat_state(listing, id) for id in (1, 2, 3)] == ["r", "qw", "u"]
        assert sge._parse_qstat_state("", 1) == "u"
        assert sge._parse_qsub_job_id('Your job 12 ("name") has been submitted') == 12

    def test_names_and_work_here(self) -> None:
        task = SgeJob(job_name_format="x-{task_family}-{n_cpu}", run_locally=True)
        assert task.job_name == "x-SgeJob-2"
        task.run()
        assert Path("made").exists()
        assert sge.LocalSGEJobTask().run() is None

    def test_no_cluster(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(TaskError) as caught:
            SgeJob(shared_tmp_dir=str(tmp_path / "shared")).run()
        assert str(caught.value) == "There is no qsub. Run this where jobs can be submitted to the cluster."


# Engines ---------------------------------------------------------------------------------------------------------


class TestPig:
    def test_a_script(self, configuration: Configuration, tmp_path: Path) -> None:
        class Script(pig.PigJobTask):
            def pig_script_path(self) -> str:
                return "script.pig"

            def pig_parameters(self) -> dict[str, str]:
                return {"DAY": "monday"}

            def pig_properties(self) -> dict[str, str]:
                return {"pig.x": "1"}

            def pig_options(self) -> list[str]:
                return ["-x", "local"]

        configuration.set("pig", "home", str(tmp_path))
        program(
            tmp_path / "bin" / "pig",
            '#!/bin/sh\necho "$1 $2 $7 $8" > said\ncat "$4" "$6" >> said\necho $PIG_HOME >> said\n',
        )
        Script().run()
        assert Path("said").read_text() == f"-x local -f script.pig\nDAY=monday\npig.x=1\n{tmp_path}\n"
        program(tmp_path / "bin" / "pig", "#!/bin/sh\necho 'ERROR 1000 - no such file' >&2\nexit 2\n")
        with pytest.raises(pig.PigJobError) as caught:
            Script().run()
        assert str(caught.value) == ("Pig script failed with return value: 2\nSTDERR: ERROR 1000 - no such file\n")


class TestScalding:
    def test_a_jar_and_a_source(self, configuration: Configuration, tmp_path: Path) -> None:
        class Job(scalding.ScaldingJobTask):
            def source(self) -> str:
                return "WordCount.scala"

            def requires(self) -> Any:
                return {"in": [Listing(), Listing()]}

            def output(self) -> Any:
                return luigi.LocalTarget("out")

            def job_args(self) -> list[str]:
                return ["--n", "3"]

        assert [str(word) for word in Job().args()] == ["--in", "input", "input", "--output", "out", "--n", "3"]
        Path("WordCount.scala").write_text(
            "package com.shop\nclass Other(args: Args) extends Job(args)\nclass WordCount(a: Args) extends Job(a)\n"
        )
        runner = scalding.ScaldingJobRunner()
        assert runner.get_job_class("WordCount.scala") == "com.shop.WordCount"
        Path("Empty.scala").write_text("object Nothing")
        with pytest.raises(HadoopJobError, match="has no class that extends Job"):
            runner.get_job_class("Empty.scala")

        class Jar(Job):
            def jar(self) -> str:
                return "job.jar"

            def job_class(self) -> str:
                return "com.shop.Main"

        Path("job.jar").touch()
        for folder in ("home/lib", "libjars"):
            (tmp_path / folder).mkdir(parents=True)
        (tmp_path / "home" / "lib" / "scalding-core-1.jar").touch()
        (tmp_path / "libjars" / "x.jar").touch()
        configuration.set("scalding", "scalding-home", str(tmp_path / "home"))
        configuration.set("scalding", "scalding-libjars", str(tmp_path / "libjars"))
        configuration.set(
            "hadoop", "command", str(program(tmp_path / "bin" / "hadoop", '#!/bin/sh\necho "$@" > said\n'))
        )
        Jar().run()
        words = Path("said").read_text().split()
        assert words[:4] == [
            "jar",
            f"{tmp_path}/home/lib/scalding-core-1.jar",
            "-libjars",
            f"job.jar,{tmp_path}/libjars/x.jar",
        ]
        assert words[-9:] == ["--in", "input", "input", "--output", "out", "--n", "3"][-9:] or words[-7:] == [
            "--in", "input", "input", "--output", "out", "--n", "3",
        ]  # fmt: skip


class Keys(beam_dataflow.DataflowParamKeys):
    runner = "runner"
    project = "project"
    zone = "zone"
    region = "region"
    staging_location = "stagingLocation"
    temp_location = "tempLocation"
    gcp_temp_location = "gcpTempLocation"
    num_workers = "numWorkers"
    autoscaling_algorithm = "autoscalingAlgorithm"
    max_num_workers = "maxNumWorkers"
    disk_size_gb = "diskSizeGb"
    worker_machine_type = "workerMachineType"
    worker_disk_type = "workerDiskType"
    job_name = "jobName"
    service_account = "serviceAccount"
    network = "network"
    subnetwork = "subnetwork"
    labels = "labels"


class Pipeline(beam_dataflow.BeamDataflowJobTask):
    dataflow_params = Keys()
    project = "p"
    num_workers = 2
    labels = {"team": "sums"}
    good = True

    def requires(self) -> Any:
        return {"in": Listing(), "more": [Listing(), Listing()]}

    def file_pattern(self) -> dict[str, str]:
        return {"more": "*.csv"}

    def output(self) -> Any:
        return {"out": luigi.LocalTarget("out"), "table": bigquery.BigQueryTarget("p", "d", "t")}

    def dataflow_executable(self) -> list[str]:
        return [sys.executable, "-c", "import sys; open('said', 'w').write(' '.join(sys.argv[1:]))"]

    def validate_output(self) -> bool:
        return self.good

    def cleanup_on_error(self, error: BaseException) -> None:
        Path("cleaned").write_text(str(error))


class TestBeam:
    def test_a_pipeline(self, configuration: Configuration) -> None:
        Pipeline().run()
        assert Path("said").read_text() == (
            '--runner=DirectRunner --project=p --numWorkers=2 --labels={"team": "sums"} --in=input/part-* '
            "--more=input/*.csv,input/*.csv --out=out --table=p:d.t"
        )

    def test_an_output_that_is_not_good(self, configuration: Configuration) -> None:
        with pytest.raises(ValueError, match="Output validation failed"):
            type("Bad", (Pipeline,), {"good": False})().run()
        assert Path("cleaned").read_text() == "Output validation failed"

    def test_a_program_that_fails(self, configuration: Configuration) -> None:
        with pytest.raises(subprocess.CalledProcessError):
            type("Bad", (Pipeline,), {"dataflow_executable": lambda self: ["false"]})().run()
        assert Path("cleaned").exists()

    def test_mistakes(self) -> None:
        with pytest.raises(ValueError, match="must be a DataflowParamKeys"):
            type("Bad", (Pipeline,), {"dataflow_params": None})()
        with pytest.raises(ValueError, match="Runner SparkRunner is unsupported"):
            type("Bad", (Pipeline,), {"runner": "SparkRunner"})()._get_runner()


class TestPresto:
    class Connection:
        """Presto's connection, as far as the client uses it: two answers on the way, then the rows."""

        def __init__(self, rows: Any = ((3,),), error: str = "") -> None:
            self.rows = rows
            self.error = error
            self.asked: list[Any] = []

        def cursor(self) -> Any:
            states = [{"infoUri": "http://p/1", "stats": {"progressPercentage": n}} for n in (10.0, 90.0)]

            def execute(query: str, parameters: Any) -> None:
                self.asked.append((query, parameters))
                if self.error:
                    raise OSError(self.error)

            return types.SimpleNamespace(
                execute=execute,
                poll=lambda: states.pop(0) if states else None,
                fetchall=lambda: list(self.rows),
                close=lambda: None,
            )

    def test_a_table(self) -> None:
        connection = self.Connection()
        client = presto.PrestoClient(connection, 0)
        wanted = presto.PrestoTarget(client, "hive", "shop", "sales", {"day": "monday"})
        assert wanted.exists()
        assert connection.asked == [("SELECT COUNT(*) AS cnt FROM hive.shop.sales WHERE day = %s LIMIT 1", ["monday"])]
        assert client.percentage_progress == 90.0
        missing = self.Connection(error="line 1:30: Table hive.shop.sales does not exist")
        assert not presto.PrestoTarget(presto.PrestoClient(missing, 0), "hive", "shop", "sales").exists()
        broken = self.Connection(error="the coordinator is away")
        with pytest.raises(OSError, match="away"):
            presto.PrestoTarget(presto.PrestoClient(broken, 0), "hive", "shop", "sales").exists()

    def test_a_query_tells_how_far_it_is(self, configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[dict[str, Any]] = []

        class Cursor:
            def __init__(self, host: str, port: int, username: str, catalog: str, protocol: str, password: str) -> None:
                """The arguments of pyhive's."""

        def connect(**given: Any) -> Any:
            made.append(given)
            return self.Connection()

        library = types.SimpleNamespace(Cursor=Cursor, Connection=connect)
        monkeypatch.setattr(presto, "_library", lambda: library)
        configuration.set("presto", "host", "coordinator")
        configuration.set("presto", "poll-interval", 0)

        class Query(presto.PrestoTask):
            database = "shop"
            table = "sales"
            query = "insert into sales select 1"

        task = Query()
        told: list[Any] = []
        task.__dict__["set_tracking_url"] = told.append
        task.__dict__["set_progress_percentage"] = told.append
        task.run()
        assert told == ["http://p/1", 10.0, 90.0]
        expected = {
            "host": "coordinator",
            "port": 8090,
            "username": "anonymous",
            "catalog": "hive",
            "protocol": "https",
        }
        assert made == [expected]


class TestSparkey:
    def test_lines_become_keys_and_values(self, configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
        class LogWriter(dict[str, str]):
            def __init__(self, path: str) -> None:
                self.path = path

            def close(self) -> None:
                Path(self.path).write_text(json.dumps(self))

        library: Any = types.ModuleType("sparkey")
        library.LogWriter = LogWriter
        monkeypatch.setitem(sys.modules, "sparkey", library)

        class Export(sparkey.SparkeyExportTask):
            def requires(self) -> Any:
                return Listing()

            def output(self) -> Any:
                return luigi.LocalTarget("out.spi")

        Path("input").write_text("a\t1\nb\t2\t3\n")
        Export().run()
        assert json.loads(Path("out.spi").read_text()) == {"a": "1", "b": "2\t3"}


class TestDataproc:
    class Service:
        """Google's client: every call is noted, and answered from a list."""

        def __init__(self, *answers: Any) -> None:
            self.answers = list(answers)
            self.asked: list[tuple[str, dict[str, Any]]] = []

        def __getattr__(self, name: str) -> Any:
            def call(**given: Any) -> Any:
                if given:
                    self.asked.append((name, given))
                return self

            return call

        def execute(self) -> Any:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    MISSING = type("HttpError", (Exception,), {"resp": types.SimpleNamespace(status="404")})

    def test_a_job(self, monkeypatch: pytest.MonkeyPatch) -> None:
        service = self.Service(
            {"reference": {"jobId": "j"}}, {"status": {"state": "RUNNING"}}, {"status": {"state": "DONE"}}
        )
        monkeypatch.setattr(dataproc, "_dataproc_client", service)
        task = dataproc.DataprocPysparkTask(
            gcloud_project_id="p", dataproc_cluster_name="c", job_file="gs://b/j.py", job_args="1,2"
        )
        task.poll_time = 0
        task.run()
        name, given = service.asked[0]
        assert name == "submit"
        assert given["body"]["job"] == {
            "placement": {"clusterName": "c"},
            "pysparkJob": {"mainPythonFileUri": "gs://b/j.py", "pythonFileUris": [], "args": ["1", "2"]},
        }

    def test_a_job_that_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        service = self.Service({"reference": {"jobId": "j"}}, {"status": {"state": "ERROR", "details": "no"}})
        monkeypatch.setattr(dataproc, "_dataproc_client", service)
        task = dataproc.DataprocSparkTask(gcloud_project_id="p", dataproc_cluster_name="c", main_class="M", jars="a,b")
        with pytest.raises(TaskError, match="ended in the state ERROR: no"):
            task.run()
        assert service.asked[0][1]["body"]["job"]["sparkJob"]["jarFileUris"] == ["a", "b"]

    def test_a_cluster_is_made_and_removed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        service = self.Service(self.MISSING(), {}, {"status": {"state": "RUNNING"}}, {}, self.MISSING(), self.MISSING())
        monkeypatch.setattr(dataproc, "_dataproc_client", service)
        values = {"gcloud_project_id": "p", "dataproc_cluster_name": "c"}
        create = dataproc.CreateDataprocClusterTask(**values, image_version="2.1")
        assert not create.complete()
        create.run()
        made = dict(service.asked)["create"]["body"]["config"]
        assert made["softwareConfig"] == {"imageVersion": "2.1"}
        assert made["workerConfig"]["machineTypeUri"].endswith("/zones/europe-west1-c/machineTypes/n1-standard-2")
        remove = dataproc.DeleteDataprocClusterTask(**values)
        remove.run()
        assert remove.complete()


# Services over HTTP ----------------------------------------------------------------------------------------------


class Answering(ThreadingHTTPServer):
    """Answers by (method, path); notes what it was asked."""

    def __init__(self, answers: dict[tuple[str, str], list[tuple[int, str]]]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.answers = answers
        self.asked: list[tuple[str, str, str]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: Answering

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.server.asked.append((self.command, self.path, body))
        waiting = self.server.answers[self.command, self.path]
        status, text = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = _answer  # noqa: N815 - the base class wants these names

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def serve() -> Any:
    """Starts a server with answers."""
    servers = []

    def start(answers: Any) -> Answering:
        server = Answering(answers)
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class TestPai:
    class Job(pai.PaiTask):
        name = "job-1"
        image = "image"
        tasks = [pai.TaskRole("main", "echo hi", portList=[pai.Port("web")])]
        poll_time = 0

    def test_a_job(self, configuration: Configuration, serve: Any) -> None:
        states = ["WAITING", "RUNNING", "SUCCEED"]
        server = serve(
            {
                ("POST", "/api/v1/token"): [(200, '{"token": "t"}')],
                ("POST", "/api/v1/jobs"): [(202, "{}")],
                ("GET", "/api/v1/jobs/job-1"): [
                    (404, "{}"), *((200, json.dumps({"jobStatus": {"state": state}})) for state in states),
                ],
            }
        )  # fmt: skip
        configuration.set("OpenPai", "pai_url", server.url)
        assert not self.Job().complete()
        self.Job().run()
        assert self.Job().complete()
        (sent,) = [json.loads(body) for _, path, body in server.asked if path == "/api/v1/jobs"]
        assert sent["jobName"] == "job-1"
        assert sent["taskRoles"][0]["portList"] == [{"label": "web", "beginAt": 0, "portNumber": 1}]

    def test_a_job_that_fails(self, configuration: Configuration, serve: Any) -> None:
        server = serve(
            {
                ("POST", "/api/v1/token"): [(200, '{"token": "t"}')],
                ("POST", "/api/v1/jobs"): [(202, "{}")],
                ("GET", "/api/v1/jobs/job-1"): [(200, '{"jobStatus": {"state": "FAILED"}}')],
            }
        )
        configuration.set("OpenPai", "pai_url", server.url)
        with pytest.raises(RuntimeError, match="Job job-1 finished in state FAILED"):
            self.Job().run()

    def test_a_login_that_is_refused(self, configuration: Configuration, serve: Any) -> None:
        server = serve({("POST", "/api/v1/token"): [(401, "{}")]})
        configuration.set("OpenPai", "pai_url", server.url)
        configuration.set("OpenPai", "password", "secret")
        with pytest.raises(TaskError) as caught:
            self.Job().run()
        assert str(caught.value) == f"OpenPAI at {server.url} refuses the user 'admin': status 401."

    def test_a_job_without_tasks(self) -> None:
        with pytest.raises(TypeError, match="at least one task role"):
            pai.PaiJob("n", "i", [])


def info(**fields: str) -> str:
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    return f'<info xmlns="http://www.force.com/2009/06/asyncapi/dataload">{inside}</info>'


class TestSalesforce:
    class Accounts(salesforce.QuerySalesforce):
        object_name = "Account"
        soql = "select Id, Owner.Name from Account"

        def output(self) -> Any:
            return luigi.LocalTarget("accounts")

    def answers(self, state: str, message: str = "") -> dict[tuple[str, str], Any]:
        jobs = "/services/async/34.0/job"
        results = (
            '<result-list xmlns="http://www.force.com/2009/06/asyncapi/dataload">'
            "<result>r1</result><result>r2</result></result-list>"
        )
        login = (
            '<e xmlns="urn:partner.soap.sforce.com"><sessionId>session</sessionId><serverUrl>{url}/x</serverUrl></e>'
        )
        rows = [
            {"attributes": {}, "Id": n, "Owner": {"attributes": {}, "Name": name}} for n, name in ((1, "A"), (2, "B"))
        ]
        plain = "/services/data/v34.0/query/"
        return {
            ("POST", "/login"): [(200, login)],
            ("POST", jobs): [(201, info(id="j"))],
            ("POST", f"{jobs}/j"): [(200, info(id="j", state="Closed"))],
            ("POST", f"{jobs}/j/batch"): [(201, info(id="b"))],
            ("GET", f"{jobs}/j/batch/b"): [(200, info(state="Queued")), (200, info(state=state, stateMessage=message))],
            ("GET", f"{jobs}/j/batch/b/result"): [(200, results)],
            ("GET", f"{jobs}/j/batch/b/result/r1"): [(200, '"Id","Owner.Name"\n"1","A"\n')],
            ("GET", f"{jobs}/j/batch/b/result/r2"): [(200, '"Id","Owner.Name"\n"2","B"\n')],
            ("GET", f"{plain}?q=select+Id%2C+Owner.Name+from+Account"): [
                (200, json.dumps({"records": rows[:1], "done": False, "nextRecordsUrl": f"{plain}next"}))
            ],
            ("GET", f"{plain}next"): [(200, json.dumps({"records": rows[1:], "done": True}))],
        }

    @pytest.fixture
    def start(self, configuration: Configuration, serve: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
        def start(*given: str) -> Answering:
            answers = self.answers(*given)
            server: Answering = serve(answers)
            status, text = answers["POST", "/login"][0]
            answers["POST", "/login"] = [(status, text.format(url=server.url))]
            monkeypatch.setattr(salesforce.SalesforceAPI, "_get_login_url", lambda api: f"{server.url}/login")
            monkeypatch.setattr("time.sleep", lambda seconds: None)
            configuration.set("salesforce", "username", "me & you")
            configuration.set("salesforce", "password", "pw")
            configuration.set("salesforce", "security-token", "<t>")
            return server

        return start

    def test_a_result_in_two_parts(self, start: Any) -> None:
        server = start("Completed")
        self.Accounts().run()
        assert Path("accounts").read_text() == '"Id","Owner.Name"\n"1","A"\n"2","B"\n'
        login = server.asked[0][2]
        assert "<n1:username>me &amp; you</n1:username><n1:password>pw&lt;t&gt;</n1:password>" in login
        assert server.asked[-1][:2] == ("POST", "/services/async/34.0/job/j")

    def test_a_query_that_the_bulk_interface_refuses(self, start: Any) -> None:
        start("Failed", "Foreign Key Relationships not supported in this query")
        self.Accounts().run()
        assert Path("accounts").read_text() == "Id,Owner.Name\n1,A\n2,B\n"

    def test_a_batch_that_fails(self, start: Any) -> None:
        start("Failed", "no such column")
        with pytest.raises(TaskError) as caught:
            self.Accounts().run()
        assert str(caught.value) == "Batch failed with message: no such column"
        assert not Path("accounts").exists()

    def test_a_sandbox_without_a_name(self) -> None:
        with pytest.raises(TaskError, match="Give it a sandbox_name"):
            type("Sandboxed", (self.Accounts,), {"use_sandbox": True})().run()

    def test_columns_and_records(self) -> None:
        assert salesforce.get_soql_fields("SELECT Id,\n Owner.Name\tFROM X") == ["Id", "Owner.Name"]


def test_dropbox_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dropbox", None)
    with pytest.raises(MissingExtraError) as caught:
        dropbox.DropboxTarget("/x", token="secret")
    assert str(caught.value) == "Dropbox needs a library that is not installed: pip install 'rumbo[dropbox]'"
    with pytest.raises(ValueError, match="valid Dropbox Oauth2 Token"):
        dropbox.DropboxTarget("/x", token="")
