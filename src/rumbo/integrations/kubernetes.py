"""Tasks that run as a Job of Kubernetes; the Job is removed when they are stopped, and when it has ended well."""

from __future__ import annotations

import json
import logging
import os
import time
import uuid
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from rumbo.errors import ConfigurationError, MissingExtraError, TaskError
from rumbo.integrations.remote import ended_with_us
from rumbo.pipeline import typed
from rumbo.pipeline.config import get_config

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["JobFailed", "JobWork", "KubernetesJobTask"]

logger = logging.getLogger("luigi-interface")

_TIMEOUT = 30
_STARTING = ("ContainerCreating", "PodInitializing")
_TRIES = 5
"""How often a question is asked of a server that does not answer well."""


class JobFailed(TaskError):
    """A Job failed, or cannot start."""


class JobWork(ABC):
    """What a task that runs as a Job has and does, whatever kind of task it is."""

    labels: Any = {}
    """Further labels of the Job and its pods."""
    backoff_limit: Any = 6
    """So often Kubernetes starts a pod again before the Job has failed."""
    delete_on_success: Any = True
    """Remove the Job when it has ended well."""
    print_pod_logs_on_exit: Any = False
    """Show at the end what the pods wrote."""
    active_deadline_seconds: Any = None
    """Seconds that the Job may take, waiting for a place included."""
    poll_interval: Any = 5
    """Seconds between questions."""
    pod_creation_wait_interal: Any = 5
    """Seconds that a Job may be without pods at first. (Luigi spells it so.)"""

    @property
    @abstractmethod
    def name(self) -> Any:
        """The Job's name; moment and chance are added."""

    @property
    @abstractmethod
    def spec_schema(self) -> Any:
        """The pod's specification: ``{"containers": [{"name": ..., "image": ..., "command": [...]}]}``."""

    @property
    def auth_method(self) -> str:
        """``kubeconfig``, or ``service-account`` within a cluster."""
        method: str = get_config().get("kubernetes", "auth_method", "kubeconfig")
        return method

    @property
    def kubeconfig_path(self) -> str:
        """The file that names the cluster and the login."""
        path: str = get_config().get("kubernetes", "kubeconfig_path", "~/.kube/config")
        return path

    @property
    def kubernetes_namespace(self) -> str | None:
        """The namespace; None: the one of the login, or ``default``."""
        namespace: str | None = get_config().get("kubernetes", "kubernetes_namespace", None)
        return namespace

    @property
    def max_retrials(self) -> int:
        """So many failed pods are forgiven."""
        number: int = get_config().getint("kubernetes", "max_retrials", 0)
        return number

    def signal_complete(self) -> None:  # noqa: B027 - need not be overridden
        """Called when the Job has ended well: the place to make the output, if the Job does not."""

    def run(self) -> Any:
        """Run the Job to its end.

        Raises:
            JobFailed: it failed, or its pods cannot start.
        """
        cluster = _Cluster(self.auth_method, self.kubeconfig_path, self.kubernetes_namespace)
        job = self.job_description()
        self.uu_name: str = job["metadata"]["name"]
        cluster.create(job)
        logger.info("The Job %s is submitted. Its output: kubectl logs -f job/%s", self.uu_name, self.uu_name)
        with ended_with_us(lambda: cluster.delete(self.uu_name)):
            try:
                self._wait(cluster)
            finally:
                if self.print_pod_logs_on_exit:
                    cluster.print_logs(self.uu_name)
        if self.delete_on_success:
            cluster.delete(self.uu_name)
        self.signal_complete()

    def job_description(self) -> dict[str, Any]:
        """The Job, as the API takes it."""
        id = uuid.uuid4().hex
        name = f"{self.name}-{time.strftime('%Y%m%d%H%M%S', time.gmtime())}-{id[:16]}"
        labels: Mapping[str, str] = self.labels
        spec: dict[str, Any] = {
            "backoffLimit": self.backoff_limit,
            "template": {
                "metadata": {"name": name, "labels": dict(labels)},
                "spec": {"restartPolicy": "Never", **self.spec_schema},
            },
        }
        if self.active_deadline_seconds is not None:
            spec["activeDeadlineSeconds"] = self.active_deadline_seconds
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name, "labels": {"spawned_by": "luigi", "luigi_task_id": id, **labels}},
            "spec": spec,
        }

    def _wait(self, cluster: _Cluster) -> None:
        deadline: float | None = None
        while True:
            state = cluster.job_state(self.uu_name)
            # The wait for pods begins when the server has answered: it may have been away.
            deadline = deadline or time.monotonic() + self.pod_creation_wait_interal
            if state.succeeded:
                return
            if state.has_failed or state.failed > self.max_retrials:
                raise JobFailed(f"The Job {self.uu_name} failed: {state.reason or f'{state.failed} pods failed'}.")
            pods = cluster.pods(self.uu_name)
            for pod in pods:
                _check_start(pod)
            if not pods and not state.failed and time.monotonic() > deadline:
                raise JobFailed(f"The Job {self.uu_name} has no pod after {self.pod_creation_wait_interal:g} s.")
            time.sleep(self.poll_interval)


def _check_start(pod: Any) -> None:
    """Raise if a pod will not start, however long one waits."""
    for container in pod.status.container_statuses or ():
        waiting = container.state.waiting if container.state else None
        if waiting is not None and waiting.reason and waiting.reason not in _STARTING:
            told = f": {waiting.message}" if waiting.message else ""
            raise JobFailed(f"The pod {pod.metadata.name} does not start, {waiting.reason}{told}")


class _State:
    """How far a Job is."""

    def __init__(self, status: Any) -> None:
        self.succeeded: bool = bool(status.succeeded)
        self.failed: int = status.failed or 0
        failures = [one for one in status.conditions or () if one.type == "Failed" and one.status == "True"]
        self.has_failed = bool(failures)
        self.reason: str = failures[0].message or failures[0].reason if failures else ""


class _Cluster:
    """The few questions that are asked of a cluster."""

    def __init__(self, auth_method: str, path: str, namespace: str | None) -> None:
        try:
            import kubernetes
        except ImportError:
            raise MissingExtraError("Kubernetes", "kubernetes") from None
        configuration = kubernetes.client.Configuration()
        if auth_method == "kubeconfig":
            try:
                kubernetes.config.load_kube_config(os.path.expanduser(path), client_configuration=configuration)
            except kubernetes.config.ConfigException as error:
                raise ConfigurationError(
                    f"{path} does not lead to a cluster of Kubernetes: {error} Name another file as kubeconfig_path "
                    "under [kubernetes], or set auth_method = service-account there within a cluster."
                ) from error
            contexts = kubernetes.config.list_kube_config_contexts(os.path.expanduser(path))
            default = contexts[1]["context"].get("namespace")
        elif auth_method == "service-account":
            kubernetes.config.load_incluster_config(configuration)
            default = None
        else:
            raise ConfigurationError(
                f"[kubernetes] auth_method is {auth_method!r}; it can be kubeconfig or service-account."
            )
        self._namespace = namespace or default or "default"
        api = kubernetes.client.ApiClient(configuration)
        self._batch = kubernetes.client.BatchV1Api(api)
        self._core = kubernetes.client.CoreV1Api(api)

    def create(self, job: dict[str, Any]) -> None:
        from kubernetes.client.exceptions import ApiException

        try:
            self._batch.create_namespaced_job(self._namespace, job, _request_timeout=_TIMEOUT)
        except ApiException as error:
            name = job["metadata"]["name"]
            raise TaskError(f"Kubernetes does not take the Job {name}: {_told(error)}") from error

    def job_state(self, name: str) -> _State:
        return _State(_patiently(self._batch.read_namespaced_job, name, self._namespace).status)

    def pods(self, name: str) -> list[Any]:
        found = _patiently(self._core.list_namespaced_pod, self._namespace, label_selector=f"job-name={name}")
        return list(found.items)

    def print_logs(self, name: str) -> None:
        for pod in self.pods(name):
            text = _patiently(self._core.read_namespaced_pod_log, pod.metadata.name, self._namespace)
            logger.info("The pod %s wrote:\n%s", pod.metadata.name, text)

    def delete(self, name: str) -> None:
        self._batch.delete_namespaced_job(
            name, self._namespace, propagation_policy="Background", _request_timeout=_TIMEOUT
        )


def _told(error: Any) -> str:
    """What the server says of a request that it refuses; clients put all its headers beside that."""
    try:
        message: str = json.loads(error.body)["message"]
    except (TypeError, ValueError, KeyError):
        return f"{error.status} {error.reason}"
    return message


def _patiently(question: Any, *args: Any, **kwargs: Any) -> Any:
    """Ask again, for some time, a server that is away or in trouble."""
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    for wait in range(_TRIES):
        try:
            return question(*args, _request_timeout=_TIMEOUT, **kwargs)
        except (ApiException, HTTPError) as error:
            passing = isinstance(error, HTTPError) or error.status in (429, 500, 502, 503, 504)
            if not passing or wait == _TRIES - 1:
                raise
            time.sleep(0.5 * 2**wait)
    raise AssertionError("unreachable")


class KubernetesJobTask(JobWork, typed.Task):
    """A task that runs as a Job of Kubernetes."""
