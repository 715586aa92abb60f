"""Tasks that run as a job of AWS Batch, or as tasks of Amazon ECS; both are ended there when they are stopped here.

Region, login, timeouts and retries are boto3's, from its usual places.
"""

from __future__ import annotations

import copy
import json
import logging
import random
import string
import time
from typing import TYPE_CHECKING, Any

from rumbo.errors import ConfigurationError, MissingExtraError, TaskError
from rumbo.integrations.remote import ended_with_us
from rumbo.pipeline import typed

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BatchClient", "BatchJobException", "BatchTask", "BatchWork", "ECSTask", "ECSWork", "client_for"]

logger = logging.getLogger("luigi-interface")

BATCH_POLL_TIME = 10
ECS_POLL_TIME = 2


def client_for(service: str) -> Any:
    """boto3's client of a service, which tries again what fails in passing."""
    try:
        import boto3
    except ImportError:
        raise MissingExtraError(f"AWS ({service})", "aws") from None
    from botocore.config import Config
    from botocore.exceptions import NoRegionError

    try:
        return boto3.client(service, config=Config(retries={"mode": "standard", "max_attempts": 5}))
    except NoRegionError:
        raise ConfigurationError(
            f"Nobody says in which region of AWS {service} is: set AWS_DEFAULT_REGION in the environment, or region in "
            "~/.aws/config."
        ) from None


# Batch -----------------------------------------------------------------------------------------------------------


class BatchJobException(TaskError):
    """A job of AWS Batch failed."""


class BatchClient:
    """The few questions that are asked of AWS Batch.

    Args:
        poll_time: seconds between questions.
    """

    def __init__(self, poll_time: float = BATCH_POLL_TIME) -> None:
        self.poll_time = poll_time
        self._client = client_for("batch")

    def get_active_queue(self) -> str:
        """The first queue that takes jobs."""
        for queue in self._client.describe_job_queues()["jobQueues"]:
            if queue["state"] == "ENABLED" and queue["status"] == "VALID":
                name: str = queue["jobQueueName"]
                return name
        raise TaskError("AWS Batch has no job queue that is enabled and valid. Make one, or name one as job_queue.")

    def get_job_id_from_name(self, job_name: str) -> str | None:
        """A running job of this name, in the first queue."""
        jobs = self._client.list_jobs(jobQueue=self.get_active_queue(), jobStatus="RUNNING")["jobSummaryList"]
        return next((job["jobId"] for job in jobs if job["jobName"] == job_name), None)

    def get_job_status(self, job_id: str) -> str:
        """SUBMITTED, PENDING, RUNNABLE, STARTING, RUNNING, SUCCEEDED or FAILED."""
        status: str = self._describe(job_id)["status"]
        return status

    def _describe(self, job_id: str) -> dict[str, Any]:
        jobs: list[dict[str, Any]] = self._client.describe_jobs(jobs=[job_id])["jobs"]
        if not jobs:
            raise BatchJobException(f"AWS Batch knows no job {job_id}.")
        return jobs[0]

    def get_logs(self, log_stream_name: str, get_last: int = 50) -> str:
        """The last lines that a job wrote."""
        events = client_for("logs").get_log_events(
            logGroupName="/aws/batch/job", logStreamName=log_stream_name, startFromHead=False
        )["events"]  # fmt: skip
        return "\n".join(event["message"] for event in events[-get_last:])

    def submit_job(
        self, job_definition: str, parameters: Mapping[str, str], job_name: str | None = None, queue: str | None = None
    ) -> str:
        """Submit a job; gives its id."""
        response = self._client.submit_job(
            jobName=job_name or f"batch-job-{''.join(random.choices(string.ascii_lowercase, k=8))}",
            jobQueue=queue or self.get_active_queue(),
            jobDefinition=job_definition,
            parameters=dict(parameters),
        )
        id: str = response["jobId"]
        return id

    def wait_on_job(self, job_id: str) -> bool:
        """Wait for a job's end.

        Raises:
            BatchJobException: it failed.
        """
        while True:
            job = self._describe(job_id)
            if job["status"] == "SUCCEEDED":
                return True
            if job["status"] == "FAILED":
                raise BatchJobException(f"Job {job_id} failed: {self._why(job)}")
            time.sleep(self.poll_time)

    def _why(self, job: Mapping[str, Any]) -> str:
        streams = [attempt.get("container", {}).get("logStreamName") for attempt in job.get("attempts", ())]
        reason = job.get("statusReason", "")
        if not streams or not streams[-1]:
            return reason or "it wrote no log."
        try:
            return f"{reason}\n{self.get_logs(streams[-1])}".strip()
        except Exception:
            logger.exception("The log %s cannot be read.", streams[-1])
            return reason or f"see the log {streams[-1]}."

    def terminate_job(self, job_id: str) -> None:
        """End a job."""
        self._client.terminate_job(jobId=job_id, reason="The task that waits for it was stopped.")

    def register_job_definition(self, json_fpath: str) -> Any:
        """Register the definition of a job that a JSON file holds."""
        with open(json_fpath) as file:
            return self._client.register_job_definition(**json.load(file))


class BatchWork:
    """What a task that runs as a job of AWS Batch does."""

    job_definition: Any = None
    """Name, name and revision, or ARN of the definition of the job, which is registered there."""
    job_name: Any = None
    """The job's name; None: one by chance."""
    job_queue: Any = None
    """Where it waits for its turn; None: the first queue that takes jobs."""
    poll_time: Any = BATCH_POLL_TIME
    """Seconds between questions."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """The job's parameters."""
        return {}

    def run(self) -> Any:
        """Run the job to its end."""
        if not self.job_definition:
            raise TaskError(f"{self} does not say what to run. Give it a job_definition.")
        client = BatchClient(self.poll_time)
        id = client.submit_job(self.job_definition, self.parameters, self.job_name, self.job_queue)
        with ended_with_us(lambda: client.terminate_job(id)):
            client.wait_on_job(id)


class BatchTask(BatchWork, typed.Task):
    """A task that runs as a job of AWS Batch.

    class Render(BatchTask):
        frames: str
        job_definition = "render:3"

        @property
        def parameters(self):
            return {"frames": self.frames}
    """


# ECS -------------------------------------------------------------------------------------------------------------


class ECSWork:
    """What a task that runs as tasks of Amazon ECS does."""

    task_def_arn: Any = None
    """The definition of what runs, which is registered there; or"""
    task_def: Any = None
    """one to register first: a dictionary, or JSON."""
    cluster: Any = "default"
    poll_time: Any = ECS_POLL_TIME
    """Seconds between questions."""
    _task_ids: Any = None

    @property
    def ecs_task_ids(self) -> Any:
        """What ECS calls its tasks, once they are started."""
        return self._task_ids

    @property
    def command(self) -> Any:
        """What each container runs: ``[{"name": container, "command": [...]}]``."""
        return None

    @property
    def run_task_kwargs(self) -> Mapping[str, Any]:
        """Further arguments of boto3's ``run_task``."""
        return {}

    @staticmethod
    def update_container_overrides_command(container_overrides: list[dict[str, Any]], command: dict[str, Any]) -> None:
        """Let a container run a command, whatever its overrides said before."""
        for override in container_overrides:
            if override["name"] == command["name"]:
                override["command"] = command["command"]
                return
        container_overrides.append(command)

    @property
    def combined_overrides(self) -> dict[str, Any]:
        """The overrides of `run_task_kwargs` with `command` in them."""
        overrides: dict[str, Any] = copy.deepcopy(dict(self.run_task_kwargs.get("overrides", {})))
        for command in self.command or ():
            self.update_container_overrides_command(overrides.setdefault("containerOverrides", []), command)
        return overrides

    def run(self) -> Any:
        """Run the tasks to their end."""
        if bool(self.task_def) == bool(self.task_def_arn):
            raise ValueError(f"{self}: give either task_def (a dictionary) or task_def_arn (a name), and not both.")
        client = client_for("ecs")
        definition = self.task_def_arn or _registered(client, self.task_def)
        request = {"taskDefinition": definition, "cluster": self.cluster, "overrides": self.combined_overrides}
        response = client.run_task(**{**self.run_task_kwargs, **request})
        if response["failures"]:
            told = ", ".join(f"{failure.get('arn')}: {failure.get('reason')}" for failure in response["failures"])
            raise TaskError(f"ECS does not run {definition}: {told}")
        self._task_ids = [task["taskArn"] for task in response["tasks"]]
        with ended_with_us(lambda: self._stop(client)):
            self._wait(client)

    def _wait(self, client: Any) -> None:
        while True:
            response = client.describe_tasks(tasks=self._task_ids, cluster=self.cluster)
            if response["failures"]:
                raise TaskError(f"ECS lost some of its tasks: {response['failures']}")
            if all(task["lastStatus"] == "STOPPED" for task in response["tasks"]):
                break
            time.sleep(self.poll_time)
        bad = [
            f"{container.get('name')} ended with code {container['exitCode']}"
            for task in response["tasks"]
            for container in task.get("containers", ())
            if container.get("exitCode")
        ]
        if bad:
            raise TaskError(f"In ECS, {', '.join(bad)}.")

    def _stop(self, client: Any) -> None:
        for id in self._task_ids:
            client.stop_task(cluster=self.cluster, task=id, reason="The task that waits for it was stopped.")


def _registered(client: Any, definition: Any) -> str:
    given = json.loads(definition) if isinstance(definition, str) else dict(definition)
    arn: str = client.register_task_definition(**given)["taskDefinition"]["taskDefinitionArn"]
    return arn


class ECSTask(ECSWork, typed.Task):
    """A task that runs as tasks of Amazon ECS."""
