"""Jobs for Spark: a program handed to ``spark-submit``, or a method of the task that runs in Spark's driver.

What says how a job is submitted (master, memory, packages ...) is an attribute of the task; what the class does not
say is taken from ``[spark]`` of the configuration. In client mode the job's driver is a child of the task, so whatever
ends the task ends the job.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pickle
import re
import shutil
import socket
import tarfile
import tempfile
from typing import IO, TYPE_CHECKING, Any

from rumbo.integrations.program import ProgramWork
from rumbo.integrations.shipment import named_as_others_see_it
from rumbo.pipeline import typed
from rumbo.pipeline.config import get_config

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["PySparkTask", "PySparkWork", "SparkSubmitTask", "SparkWork"]


def _list(text: Any) -> list[str] | None:
    if not text or not isinstance(text, str):
        return text or None
    return [part.strip() for part in text.split(",")]


def _dictionary(text: Any) -> dict[str, str] | None:
    if not text or not isinstance(text, str):
        return dict(text) if text else None
    return dict(part.split("=", 1) for part in text.split("|"))


def _flag(value: Any) -> bool:
    return str(value).lower() in ("1", "true", "yes", "on")


class Setting:
    """An attribute that is in the configuration, in the task's section, unless a class says otherwise.

    Args:
        read: makes the value of what is written there.
        default: the value if nothing is.
    """

    def __init__(self, read: Callable[[Any], Any] = lambda value: value, default: Any = None) -> None:
        self._read = read
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, task: Any, owner: type) -> Any:
        if task is None:
            return self
        value = get_config().get(task.spark_version, self._name, None)
        return self._default if value is None else self._read(value)


class SparkWork(ProgramWork):
    """What a task that submits a program to Spark has and does, whatever kind of task it is."""

    name: Any = None
    """The job's name."""
    entry_class: Any = None
    """The class to run in a jar."""
    app: Any = None
    """The program: a ``.jar`` or ``.py`` file."""
    always_log_stderr: Any = False
    stream_for_searching_tracking_url: Any = "stderr"
    pyspark_python: Any = None
    """The Python of the executors, and of the driver if `pyspark_driver_python` is not set."""
    pyspark_driver_python: Any = None
    hadoop_user_name: Any = None
    spark_version: Any = "spark"
    """The section of the configuration; several installations of Spark have one each."""

    spark_submit: Any = Setting(default="spark-submit")
    master: Any = Setting()
    """Where it runs, such as ``local[2]`` or ``spark://host:7077``."""
    deploy_mode: Any = Setting()
    """``client`` or ``cluster``: where the driver runs."""
    jars: Any = Setting(_list)
    packages: Any = Setting(_list)
    py_files: Any = Setting(_list)
    files: Any = Setting(_list)
    archives: Any = Setting(_list)
    conf: Any = Setting(_dictionary)
    """Settings of Spark. In the configuration: ``one=1|two=2``."""
    properties_file: Any = Setting()
    driver_memory: Any = Setting()
    driver_java_options: Any = Setting()
    driver_library_path: Any = Setting()
    driver_class_path: Any = Setting()
    driver_cores: Any = Setting()
    executor_memory: Any = Setting()
    executor_cores: Any = Setting()
    total_executor_cores: Any = Setting()
    num_executors: Any = Setting()
    supervise: Any = Setting(_flag, default=False)
    queue: Any = Setting()
    hadoop_conf_dir: Any = Setting()

    @property
    def tracking_url_pattern(self) -> str | None:  # type: ignore[override]
        """How Spark tells where the job can be watched."""
        if self.deploy_mode == "cluster":
            return r"tracking URL: (https?://.*)\s"
        # Older versions tell the address, newer ones only the port.
        return r"(?:Bound .* to .*, and started at|started service 'SparkUI' on port) (https?://\S+|\d+)"

    def build_tracking_url(self, logs_output: str) -> str:
        """The address of the driver's pages."""
        if not logs_output.isdigit():
            return logs_output
        host = (self.conf or {}).get("spark.driver.host") or socket.getfqdn()
        return f"http://{host}:{logs_output}"

    def app_options(self) -> Sequence[Any]:
        """Arguments for the program."""
        return []

    def get_environment(self) -> dict[str, str]:
        """The environment of ``spark-submit``."""
        env = dict(os.environ)
        for name in ("HADOOP_CONF_DIR", "HADOOP_USER_NAME"):
            value = getattr(self, name.lower())
            if value:
                env[name] = value
        return env

    def program_environment(self) -> Mapping[str, str]:
        return self.get_environment()

    def program_args(self) -> list[Any]:
        return [*self.spark_command(), *self.app_command()]

    def spark_command(self) -> list[str]:
        """``spark-submit`` with all that says how."""
        return [
            self.spark_submit,
            *self._text_arg("--master", self.master),
            *self._text_arg("--deploy-mode", self.deploy_mode),
            *self._text_arg("--name", self.name),
            *self._text_arg("--class", self.entry_class),
            *self._list_arg("--jars", self.jars),
            *self._list_arg("--packages", self.packages),
            *self._list_arg("--py-files", self.py_files),
            *self._list_arg("--files", self.files),
            *self._list_arg("--archives", self.archives),
            *self._dict_arg("--conf", self._conf),
            *self._text_arg("--properties-file", self.properties_file),
            *self._text_arg("--driver-memory", self.driver_memory),
            *self._text_arg("--driver-java-options", self.driver_java_options),
            *self._text_arg("--driver-library-path", self.driver_library_path),
            *self._text_arg("--driver-class-path", self.driver_class_path),
            *self._text_arg("--executor-memory", self.executor_memory),
            *self._text_arg("--driver-cores", self.driver_cores),
            *self._flag_arg("--supervise", self.supervise),
            *self._text_arg("--total-executor-cores", self.total_executor_cores),
            *self._text_arg("--executor-cores", self.executor_cores),
            *self._text_arg("--queue", self.queue),
            *self._text_arg("--num-executors", self.num_executors),
        ]

    def app_command(self) -> list[Any]:
        """The program with its arguments."""
        if not self.app:
            raise NotImplementedError(
                f"{type(self).__name__} does not say what to submit. Give it an app = '...' (.jar or .py)."
            )
        return [self.app, *self.app_options()]

    @property
    def _conf(self) -> dict[str, Any]:
        conf = dict(self.conf or {})
        if self.pyspark_python:
            conf["spark.pyspark.python"] = self.pyspark_python
        if self.pyspark_driver_python:
            conf["spark.pyspark.driver.python"] = self.pyspark_driver_python
        return conf

    def _text_arg(self, name: str, value: Any) -> list[Any]:
        return [name, value] if value else []

    def _list_arg(self, name: str, value: Any) -> list[str]:
        return [name, ",".join(value)] if value and isinstance(value, (list, tuple)) else []

    def _dict_arg(self, name: str, value: Any) -> list[str]:
        return [word for key, one in (value or {}).items() for word in (name, f"{key}={one}")]

    def _flag_arg(self, name: str, value: Any) -> list[str]:
        return [name] if value else []


class PySparkWork(SparkWork):
    """What a task whose `main` runs in Spark's driver has and does, whatever kind of task it is.

    The task itself is sent, so Rumbo (or what stands for Luigi) must be installed where the driver runs.
    """

    app: Any = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pyspark_runner.py")
    run_path: str
    """A folder of this machine for the time of the run, with the task and its module."""
    run_pickle: str
    """The file there that holds the task."""

    if TYPE_CHECKING:

        def no_unpicklable_properties(self) -> Any: ...

    @property
    def name(self) -> Any:
        """The job's name: the class's."""
        return type(self).__name__

    @property
    def py_packages(self) -> Any:
        """Names of packages of this machine that the executors need too."""
        return _list(get_config().get("spark", "py_packages", None))

    @property
    def files(self) -> Any:
        """In cluster mode the task travels as a file."""
        return [self.run_pickle] if self.deploy_mode == "cluster" else None

    @property
    def pickle_protocol(self) -> int:
        """The protocol by which the task is written: as the oldest Python of the cluster reads it."""
        protocol: int = get_config().getint("spark", "pickle_protocol", pickle.DEFAULT_PROTOCOL)
        return protocol

    def setup(self, conf: Any) -> None:
        """Called in the driver with the ``SparkConf`` before anything starts."""

    def setup_remote(self, sc: Any) -> None:
        """Called in the driver with the ``SparkContext`` before `main`."""
        self._setup_packages(sc)

    def main(self, sc: Any, *args: Any) -> Any:
        """The job.

        Args:
            sc: the ``SparkContext``; with ``[pyspark_runner] use_spark_session`` the ``SparkSession``.
            args: what `app_options` gave, as text.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what to do in Spark. Give it a main(sc, *args).")

    def app_command(self) -> list[Any]:
        place = os.path.basename(self.run_pickle) if self.deploy_mode == "cluster" else self.run_pickle
        return [self.app, place, *self.app_options()]

    def run(self) -> Any:
        """Submit the task, and wait for its end."""
        name = re.sub(r"\W", "_", self.name)
        self.run_path = tempfile.mkdtemp(prefix=name)
        try:
            self.run_pickle = os.path.join(self.run_path, f"{name}.pickle")
            shutil.copy(inspect.getfile(type(self)), self.run_path)
            with open(self.run_pickle, "wb") as file:
                self._dump(file)
            super().run()
        finally:
            shutil.rmtree(self.run_path, ignore_errors=True)

    def _dump(self, file: IO[bytes]) -> None:
        with self.no_unpicklable_properties(), named_as_others_see_it(type(self)):
            pickle.dump(self, file, protocol=self.pickle_protocol)

    def _setup_packages(self, sc: Any) -> None:
        """Send packages of this machine to the executors."""
        for package in self.py_packages or ():
            module = importlib.import_module(package)
            path = module.__path__[0] if hasattr(module, "__path__") else str(module.__file__)
            os.makedirs(self.run_path, exist_ok=True)
            archive = os.path.join(self.run_path, f"{package}.tar.gz")
            with tarfile.open(archive, "w:gz") as tar:
                tar.add(path, os.path.basename(path))
            sc.addPyFile(archive)


class SparkSubmitTask(SparkWork, typed.Task):
    """A task that submits a program to Spark."""


class PySparkTask(PySparkWork, typed.Task):
    """A task whose `main` runs in Spark's driver."""
