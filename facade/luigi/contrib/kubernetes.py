"""Tasks that run as a Job of Kubernetes."""

from __future__ import annotations

from typing import Any

import luigi
from rumbo.integrations.kubernetes import JobWork, logger

__all__ = ["KubernetesJobTask", "kubernetes", "logger"]


class kubernetes(luigi.Config):
    """The section ``[kubernetes]``."""

    auth_method: Any = luigi.Parameter(default="kubeconfig", description="kubeconfig or service-account")
    kubeconfig_path: Any = luigi.Parameter(default="~/.kube/config", description="File with the cluster and the login")
    max_retrials: Any = luigi.IntParameter(default=0, description="So many failed pods are forgiven")
    kubernetes_namespace: Any = luigi.OptionalParameter(default=None, description="Where the Job runs")


class KubernetesJobTask(JobWork, luigi.Task):
    """A task that runs as a Job of Kubernetes."""

    @property
    def kubernetes_config(self) -> kubernetes:
        return kubernetes()
