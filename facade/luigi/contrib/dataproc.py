"""Clusters of Google Dataproc, and jobs on them, over google-api-python-client. (The service could not be tried.)"""

from __future__ import annotations

import logging
import os
import time
from importlib import import_module
from typing import Any

import luigi
from rumbo.errors import MissingExtraError, TaskError

__all__ = [
    "CreateDataprocClusterTask",
    "DataprocBaseTask",
    "DataprocPysparkTask",
    "DataprocSparkTask",
    "DeleteDataprocClusterTask",
    "get_dataproc_client",
    "logger",
    "set_dataproc_client",
]

logger = logging.getLogger("luigi-interface")

_dataproc_client: Any = None


def get_dataproc_client() -> Any:
    """The client, made when it is first asked for."""
    global _dataproc_client
    if _dataproc_client is None:
        try:
            auth, discovery = import_module("google.auth"), import_module("googleapiclient.discovery")
        except ImportError:
            raise MissingExtraError("Dataproc (google-api-python-client)", "dataproc") from None
        credentials, _ = auth.default()
        _dataproc_client = discovery.build("dataproc", "v1", cache_discovery=False, credentials=credentials)
    return _dataproc_client


def set_dataproc_client(client: Any) -> None:
    """Take another client."""
    global _dataproc_client
    _dataproc_client = client


def _is_missing(error: Exception) -> bool:
    return str(getattr(getattr(error, "resp", None), "status", "")) == "404"


class _DataprocBaseTask(luigi.Task):
    gcloud_project_id: Any = luigi.Parameter(significant=False, positional=False)
    dataproc_cluster_name: Any = luigi.Parameter(significant=False, positional=False)
    dataproc_region: Any = luigi.Parameter(default="global", significant=False, positional=False)
    poll_time: Any = 5

    @property
    def dataproc_client(self) -> Any:
        """Google's client."""
        return get_dataproc_client()

    @property
    def _place(self) -> dict[str, str]:
        return {"projectId": self.gcloud_project_id, "region": self.dataproc_region}

    def _cluster(self) -> dict[str, Any] | None:
        """What the service says of the cluster; None without one."""
        clusters = self.dataproc_client.projects().regions().clusters()
        try:
            found: dict[str, Any] = clusters.get(**self._place, clusterName=self.dataproc_cluster_name).execute()
        except Exception as error:
            if _is_missing(error):
                return None
            raise
        return found


class DataprocBaseTask(_DataprocBaseTask):
    """What jobs have in common."""

    _job: Any = None
    _job_name: Any = None
    _job_id: Any = None

    def submit_job(self, job_config: dict[str, Any]) -> Any:
        """Submit a job as the service describes jobs."""
        jobs = self.dataproc_client.projects().regions().jobs()
        self._job = jobs.submit(**self._place, body=job_config).execute()
        self._job_id = self._job["reference"]["jobId"]
        return self._job

    def _submit(self, kind: str, description: dict[str, Any], name: str) -> Any:
        placement = {"clusterName": self.dataproc_cluster_name}
        self.submit_job({"job": {"placement": placement, kind: description}})
        self._job_name = os.path.basename(name)
        return self._job

    def submit_spark_job(self, jars: list[str], main_class: str, job_args: Any = None) -> Any:
        """Submit a job of Spark."""
        description = {"args": list(job_args or ()), "mainClass": main_class, "jarFileUris": jars}
        return self._submit("sparkJob", description, main_class)

    def submit_pyspark_job(self, job_file: str, extra_files: Any = (), job_args: Any = None) -> Any:
        """Submit a job of Spark in Python."""
        description = {"mainPythonFileUri": job_file, "pythonFileUris": list(extra_files), "args": list(job_args or ())}
        return self._submit("pysparkJob", description, job_file)

    def wait_for_job(self) -> None:
        """Wait for the job's end."""
        if self._job is None:
            raise TaskError(f"{self}: there is no job to wait for. Submit one first.")
        jobs = self.dataproc_client.projects().regions().jobs()
        while True:
            status = jobs.get(**self._place, jobId=self._job_id).execute()["status"]
            if status["state"] == "DONE":
                return
            if status["state"] in ("ERROR", "CANCELLED"):
                raise TaskError(f"The job {self._job_id} ended in the state {status['state']}: {status.get('details')}")
            time.sleep(self.poll_time)


def _words(text: str) -> list[str]:
    return text.split(",") if text else []


class DataprocSparkTask(DataprocBaseTask):
    """A task that runs a job of Spark."""

    main_class: Any = luigi.Parameter()
    jars: Any = luigi.Parameter(default="")
    job_args: Any = luigi.Parameter(default="")

    def run(self) -> Any:
        self.submit_spark_job(_words(self.jars), self.main_class, _words(self.job_args))
        self.wait_for_job()


class DataprocPysparkTask(DataprocBaseTask):
    """A task that runs a job of Spark in Python."""

    job_file: Any = luigi.Parameter()
    extra_files: Any = luigi.Parameter(default="")
    job_args: Any = luigi.Parameter(default="")

    def run(self) -> Any:
        self.submit_pyspark_job(self.job_file, _words(self.extra_files), _words(self.job_args))
        self.wait_for_job()


class CreateDataprocClusterTask(_DataprocBaseTask):
    """A task that makes a cluster."""

    gcloud_zone: Any = luigi.Parameter(default="europe-west1-c")
    gcloud_network: Any = luigi.Parameter(default="default")
    master_node_type: Any = luigi.Parameter(default="n1-standard-2")
    master_disk_size: Any = luigi.Parameter(default="100")
    worker_node_type: Any = luigi.Parameter(default="n1-standard-2")
    worker_disk_size: Any = luigi.Parameter(default="100")
    worker_normal_count: Any = luigi.Parameter(default="2")
    worker_preemptible_count: Any = luigi.Parameter(default="0")
    image_version: Any = luigi.Parameter(default="")
    poll_time: Any = 10

    def complete(self) -> bool:
        return self._cluster() is not None

    def _description(self) -> dict[str, Any]:
        project = f"https://www.googleapis.com/compute/v1/projects/{self.gcloud_project_id}"
        zone = f"{project}/zones/{self.gcloud_zone}"

        def machines(count: Any, kind: str, disk: str) -> dict[str, Any]:
            disks = {"bootDiskSizeGb": disk, "numLocalSsds": 0}
            return {"numInstances": count, "machineTypeUri": f"{zone}/machineTypes/{kind}", "diskConfig": disks}

        return {
            "clusterName": self.dataproc_cluster_name,
            "projectId": self.gcloud_project_id,
            "config": {
                "configBucket": "",
                "gceClusterConfig": {
                    "networkUri": f"{project}/global/networks/{self.gcloud_network}",
                    "zoneUri": zone,
                    "serviceAccountScopes": ["https://www.googleapis.com/auth/cloud-platform"],
                },
                "masterConfig": machines(1, self.master_node_type, self.master_disk_size),
                "workerConfig": machines(self.worker_normal_count, self.worker_node_type, self.worker_disk_size),
                "secondaryWorkerConfig": {"numInstances": self.worker_preemptible_count, "isPreemptible": True},
                "softwareConfig": {"imageVersion": self.image_version} if self.image_version else {},
            },
        }

    def run(self) -> Any:
        clusters = self.dataproc_client.projects().regions().clusters()
        clusters.create(**self._place, body=self._description()).execute()
        while True:
            status = (self._cluster() or {"status": {"state": "CREATING"}})["status"]
            if status["state"] == "RUNNING":
                return
            if status["state"] == "ERROR":
                raise TaskError(f"The cluster {self.dataproc_cluster_name} did not come up: {status.get('details')}")
            time.sleep(self.poll_time)


class DeleteDataprocClusterTask(_DataprocBaseTask):
    """A task that removes a cluster."""

    poll_time: Any = 10

    def complete(self) -> bool:
        return self._cluster() is None

    def run(self) -> Any:
        clusters = self.dataproc_client.projects().regions().clusters()
        clusters.delete(**self._place, clusterName=self.dataproc_cluster_name).execute()
        while self._cluster() is not None:
            time.sleep(self.poll_time)
