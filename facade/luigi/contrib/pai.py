"""Jobs of OpenPAI, over its REST server. (OpenPAI itself could not be tried; a stand-in answers in the tests.)"""

from __future__ import annotations

import json
import logging
import time
from abc import abstractmethod
from typing import Any

import luigi
from rumbo.errors import TaskError

__all__ = ["OpenPai", "PaiJob", "PaiTask", "Port", "TaskRole", "logger", "slot_to_dict"]

logger = logging.getLogger("luigi-interface")


def slot_to_dict(o: Any) -> dict[str, Any]:
    """What is set on a job, a role or a port, as JSON wants it."""
    return {name: value for name in o.__slots__ if (value := getattr(o, name, None)) is not None}


class PaiJob:
    """A job: its image and the roles of its tasks."""

    __slots__ = (
        "authFile", "codeDir", "dataDir", "gpuType", "image", "jobName", "outputDir", "retryCount", "taskRoles",
        "virtualCluster",
    )  # fmt: skip

    def __init__(self, jobName: str, image: str, tasks: list[TaskRole]) -> None:
        if not isinstance(tasks, list) or not tasks:
            raise TypeError("A job of OpenPAI has at least one task role: give a list of TaskRole.")
        self.jobName = jobName
        self.image = image
        self.taskRoles = tasks


class Port:
    """Ports that a role needs."""

    __slots__ = ("beginAt", "label", "portNumber")

    def __init__(self, label: str, begin_at: int = 0, port_number: int = 1) -> None:
        self.label = label
        self.beginAt = begin_at
        self.portNumber = port_number


class TaskRole:
    """A command, and what each of its tasks gets."""

    __slots__ = (
        "command", "cpuNumber", "gpuNumber", "memoryMB", "minFailedTaskCount", "minSucceededTaskCount", "name",
        "portList", "shmMB", "taskNumber",
    )  # fmt: skip

    def __init__(
        self, name: str, command: str, taskNumber: int = 1, cpuNumber: int = 1, memoryMB: int = 2048, shmMB: int = 64,
        gpuNumber: int = 0, portList: Any = (),
    ) -> None:  # fmt: skip
        self.name = name
        self.command = command
        self.taskNumber = taskNumber
        self.cpuNumber = cpuNumber
        self.memoryMB = memoryMB
        self.shmMB = shmMB
        self.gpuNumber = gpuNumber
        self.portList = list(portList)


class OpenPai(luigi.Config):
    """The section ``[OpenPai]``."""

    pai_url = luigi.Parameter(default="http://127.0.0.1:9186", description="Its REST server")
    username = luigi.Parameter(default="admin", description="Who we are to it")
    password: Any = luigi.OptionalParameter(default=None, description="Proves that")
    expiration: Any = luigi.IntParameter(default=3600, description="Seconds that a login is good for")


class PaiTask(luigi.Task):
    """A task that runs as a job of OpenPAI. The job's name is its identity: one that succeeded is complete."""

    poll_time: Any = 5
    auth_file_path: Any = None
    data_dir: Any = None
    code_dir: Any = None
    virtual_cluster: Any = "default"
    gpu_type: Any = None
    retry_count: Any = 0

    @property
    @abstractmethod
    def name(self) -> Any:
        """The job's name."""

    @property
    @abstractmethod
    def image(self) -> Any:
        """Its image."""

    @property
    @abstractmethod
    def tasks(self) -> Any:
        """The roles of its tasks."""

    @property
    def output_dir(self) -> Any:
        """Where it writes."""
        return f"$PAI_DEFAULT_FS_URI/{self.name}/output"

    def _ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        import urllib3

        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        url = OpenPai().pai_url.rstrip("/") + path
        return urllib3.request(method, url, body=body, headers=headers, timeout=30.0, retries=3)

    def _token(self) -> str:
        login = OpenPai()
        body = {"username": login.username, "password": login.password, "expiration": login.expiration}
        answer = self._ask("POST", "/api/v1/token", json.dumps(body))
        if answer.status != 200:
            raise TaskError(f"OpenPAI at {login.pai_url} refuses the user {login.username!r}: status {answer.status}.")
        token: str = answer.json()["token"]
        return token

    def _state(self) -> str | None:
        """What the server calls the job's state; None when it knows no such job."""
        answer = self._ask("GET", f"/api/v1/jobs/{self.name}")
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise TaskError(f"OpenPAI does not tell of the job {self.name}: status {answer.status}.")
        state: str = answer.json()["jobStatus"]["state"]
        return state

    def run(self) -> Any:
        job = PaiJob(self.name, self.image, self.tasks)
        further = {
            "virtualCluster": self.virtual_cluster,
            "authFile": self.auth_file_path,
            "codeDir": self.code_dir,
            "dataDir": self.data_dir,
            "outputDir": self.output_dir,
            "retryCount": self.retry_count,
            "gpuType": self.gpu_type,
        }
        for name, value in further.items():
            setattr(job, name, value)
        answer = self._ask("POST", "/api/v1/jobs", json.dumps(job, default=slot_to_dict), self._token())
        if answer.status != 202:
            said = answer.data.decode(errors="replace")
            raise TaskError(f"OpenPAI does not take the job {self.name}: status {answer.status}, {said}")
        while (state := self._state()) in ("UNKNOWN", "WAITING", "RUNNING"):
            time.sleep(self.poll_time)
        if state != "SUCCEED":
            raise RuntimeError(f"Job {self.name} finished in state {state}")

    def output(self) -> Any:
        return []

    def complete(self) -> bool:
        return self._state() == "SUCCEED"
