"""Jobs for Spark: the command that is built, and real jobs, locally and on a cluster of one machine."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import luigi.contrib.pyspark_runner
from integrations.data_services import big
from luigi.contrib import spark as twin
from rumbo.integrations.spark import PySparkTask, SparkSubmitTask

if TYPE_CHECKING:
    from rumbo.pipeline.config import Configuration


class Everything(SparkSubmitTask):
    count: int = 3
    name = "A job"
    entry_class = "shop.Main"
    app = "shop.jar"
    master = "yarn"
    deploy_mode = "client"
    jars = ["a.jar", "b.jar"]
    packages = ["org:x:1"]
    py_files = ["p.py"]
    files = ["f"]
    archives = ["z.zip"]
    conf = {"spark.one": "1", "spark.two": "2"}
    properties_file = "conf/p"
    driver_memory = "1g"
    driver_java_options = "-Xone"
    driver_library_path = "lib"
    driver_class_path = "cls"
    executor_memory = "2g"
    driver_cores = 1
    supervise = True
    total_executor_cores = 8
    executor_cores = 2
    queue = "q"
    num_executors = 4
    pyspark_python = "py"
    pyspark_driver_python = "pyd"
    hadoop_conf_dir = "/etc/hadoop"
    hadoop_user_name = "me"

    def app_options(self) -> list[Any]:
        return ["--count", self.count]


class TestCommand:
    def test_everything_that_a_class_says(self, configuration: Configuration) -> None:
        assert " ".join(map(str, Everything().program_args())) == (
            "spark-submit --master yarn --deploy-mode client --name A job --class shop.Main --jars a.jar,b.jar "
            "--packages org:x:1 --py-files p.py --files f --archives z.zip --conf spark.one=1 --conf spark.two=2 "
            "--conf spark.pyspark.python=py --conf spark.pyspark.driver.python=pyd --properties-file conf/p "
            "--driver-memory 1g --driver-java-options -Xone --driver-library-path lib --driver-class-path cls "
            "--executor-memory 2g --driver-cores 1 --supervise --total-executor-cores 8 --executor-cores 2 "
            "--queue q --num-executors 4 shop.jar --count 3"
        )
        environment = Everything().program_environment()
        assert environment["HADOOP_CONF_DIR"] == "/etc/hadoop"
        assert environment["HADOOP_USER_NAME"] == "me"

    def test_what_the_configuration_says(self, configuration: Configuration) -> None:
        class Plain(SparkSubmitTask):
            app = "job.py"

        for option, value in {
            "spark-submit": "/opt/spark-submit", "master": "local", "jars": "a.jar, b.jar", "conf": "one=1|two=x=y",
            "supervise": "true", "driver-memory": "1g", "num-executors": 4,
        }.items():  # fmt: skip
            configuration.set("spark", option, value)
        assert " ".join(map(str, Plain().program_args())) == (
            "/opt/spark-submit --master local --jars a.jar,b.jar --conf one=1 --conf two=x=y --driver-memory 1g "
            "--supervise --num-executors 4 job.py"
        )

    def test_another_installation(self, configuration: Configuration) -> None:
        class Second(SparkSubmitTask):
            app = "job.py"
            spark_version = "spark3"

        configuration.set("spark", "master", "wrong")
        configuration.set("spark3", "master", "right")
        assert Second().program_args() == ["spark-submit", "--master", "right", "job.py"]

    def test_nothing_to_submit(self) -> None:
        class Nothing(SparkSubmitTask):
            pass

        with pytest.raises(NotImplementedError) as caught:
            Nothing().program_args()
        assert str(caught.value) == "Nothing does not say what to submit. Give it an app = '...' (.jar or .py)."

    def test_a_job_without_main(self) -> None:
        with pytest.raises(NotImplementedError) as caught:
            PySparkTask().main(None)
        assert str(caught.value) == ("PySparkTask does not say what to do in Spark. Give it a main(sc, *args).")

    def test_in_cluster_mode_the_task_travels_as_a_file(self, configuration: Configuration) -> None:
        class Job(PySparkTask):
            deploy_mode = "cluster"
            run_pickle = "/tmp/x/Job.pickle"

        command = Job().program_args()
        assert command[1:7] == ["--deploy-mode", "cluster", "--name", "Job", "--files", "/tmp/x/Job.pickle"]
        assert Path(command[7]).name == "pyspark_runner.py"
        assert command[8:] == ["Job.pickle"]

    @pytest.mark.parametrize(
        ("line", "address"),
        [
            ("INFO Utils: Bound SparkUI to 0.0.0.0, and started at http://10.0.0.1:4040\n", "http://10.0.0.1:4040"),
            ("INFO Utils: Successfully started service 'SparkUI' on port 4041.\n", "http://driver:4041"),
        ],
    )
    def test_the_address_is_found_in_what_spark_writes(self, line: str, address: str) -> None:
        class Job(SparkSubmitTask):
            conf = {"spark.driver.host": "driver"}

        told: list[str] = []
        job = Job()
        job.__dict__["set_tracking_url"] = told.append
        job._look_for_url(line.encode())
        assert told == [address]

    def test_the_runner_calls_the_task(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """With a stand-in for pyspark, so that this much is tested where Spark is not installed."""
        (tmp_path / "pyspark.py").write_text(
            "class SparkConf(dict): pass\n"
            "class SparkContext:\n"
            "    def __init__(self, conf): print('context', dict(conf))\n"
            "    def stop(self): print('stopped')\n"
        )
        (tmp_path / "spark_submit").write_text('#!/bin/sh\nshift 2\nexec "$PYTHON" "$@"\n')
        (tmp_path / "spark_submit").chmod(0o755)
        (tmp_path / "jobs.py").write_text(JOBS)
        env = {
            **os.environ,
            "PYTHONPATH": str(tmp_path),
            "PYTHON": sys.executable,
            "SUBMIT": str(tmp_path / "spark_submit"),
        }
        for program in (
            [sys.executable, "jobs.py"],
            [sys.executable, "-c", "import jobs; jobs.Plain(word='hi').run()"],
        ):
            done = subprocess.run(program, cwd=tmp_path, env=env, capture_output=True, text=True)
            assert done.stdout == "context {'spark.x': 1}\nhi ('2',)\nstopped\n", done.stderr

    def test_luigis_names(self) -> None:
        assert issubclass(twin.PySparkTask, twin.SparkSubmitTask)
        assert luigi.contrib.pyspark_runner._get_runner_class() is luigi.contrib.pyspark_runner.PySparkRunner


JOBS = """
import os
from rumbo.integrations.spark import PySparkTask

class Plain(PySparkTask):
    word: str
    spark_submit = os.environ["SUBMIT"]

    def setup(self, conf):
        conf["spark.x"] = 1

    def app_options(self):
        return [2]

    def main(self, sc, *args):
        print(self.word, args)

if __name__ == "__main__":
    Plain(word="hi").run()
"""

REAL_JOBS = """
import glob, os, time
import rumbo
from rumbo.integrations.spark import PySparkTask
import pyspark, sys

class Numbers(PySparkTask):
    master: str
    spark_submit = os.path.join(os.path.dirname(pyspark.__file__), "bin", "spark-submit")
    pyspark_python = sys.executable
    conf = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.executor.memory": "512m"}

    def get_environment(self):
        return {**super().get_environment(), "SPARK_LOCAL_IP": "127.0.0.1"}

    def output(self):
        return rumbo.LocalDirectoryTarget(os.path.abspath("squares"))

    def main(self, sc, *args):
        with self.output().temporary_path() as folder:
            sc.parallelize(range(10), 2).map(lambda n: n * n).saveAsTextFile(os.path.join(folder, "parts"))

class Endless(Numbers):
    def main(self, sc, *args):
        sc.parallelize(range(2), 2).foreach(lambda n: (open(f"began-{n}", "w").close(), time.sleep(600)))

    def output(self):
        return rumbo.LocalTarget("never")
"""


@big
@pytest.mark.slow
class TestRealSpark:
    @pytest.fixture(params=["local[2]", "cluster"])
    def master(self, request: pytest.FixtureRequest) -> str:
        pytest.importorskip("pyspark", reason="pip install 'rumbo[spark]'")
        if request.param != "cluster":
            return str(request.param)
        address = request.getfixturevalue("spark_master")
        return f"spark://{address.host}:{address.port}"

    def start(self, folder: Path, *words: str) -> subprocess.Popen[str]:
        (folder / "jobs.py").write_text(REAL_JOBS)
        env = {**os.environ, "PYTHONPATH": str(folder)}
        command = [sys.executable, "-m", "rumbo", "run", "-m", "jobs", *words, "--executor", "processes"]
        return subprocess.Popen(
            command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def test_a_job_and_its_result(self, master: str, tmp_path: Path) -> None:
        process = self.start(tmp_path, "Numbers", "--master", master)
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0, out
        lines = [line for part in (tmp_path / "squares" / "parts").glob("part-*") for line in part.read_text().split()]
        assert sorted(map(int, lines)) == [n * n for n in range(10)]
        with sqlite3.connect(tmp_path / ".rumbo" / "rumbo.db") as history:
            (told,) = history.execute("select tracking_url from attempts").fetchone()
        history.close()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", told)

    def test_ending_the_task_ends_the_job(self, master: str, tmp_path: Path) -> None:
        import psutil

        process = self.start(tmp_path, "Endless", "--master", master)
        deadline = time.monotonic() + 200
        me = psutil.Process(process.pid)
        while not any("pyspark_runner" in " ".join(_command(one)) for one in me.children(recursive=True)):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        tree = me.children(recursive=True)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        _, alive = psutil.wait_procs(tree, timeout=20)
        assert not alive


def _command(process: Any) -> list[str]:
    import psutil

    try:
        words: list[str] = process.cmdline()
    except psutil.Error:
        return []
    return words
