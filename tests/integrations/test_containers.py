"""Containers and jobs elsewhere: a real engine of Docker, moto for AWS, the API of Kubernetes.

A cluster that runs pods comes in no package. `make kubernetes` builds its API server and controllers; without these a
stand-in answers in the API's shapes (batch/v1, core/v1), and plays the part of the controllers.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

import luigi
from luigi.contrib import batch, docker_runner, ecs
from luigi.contrib import kubernetes as kubernetes_twin
from rumbo.errors import ConfigurationError, MissingExtraError, TaskError
from rumbo.integrations import aws
from rumbo.integrations.docker import ContainerFailed, DockerTask
from rumbo.integrations.kubernetes import JobFailed, KubernetesJobTask
from rumbo.integrations.remote import ended_with_us

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rumbo.pipeline.config import Configuration


class TestEndedWithUs:
    def test_work_that_ends_well_is_left_alone(self) -> None:
        ended: list[str] = []
        with ended_with_us(lambda: ended.append("ended")):
            pass
        assert ended == []
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    def test_an_error_ends_the_work_and_goes_on(self) -> None:
        ended: list[str] = []
        with pytest.raises(KeyError), ended_with_us(lambda: ended.append("ended")):
            raise KeyError
        assert ended == ["ended"]

    def test_an_error_while_ending_does_not_hide_the_first(self) -> None:
        def end() -> None:
            raise OSError

        with pytest.raises(KeyError), ended_with_us(end):
            raise KeyError

    def test_a_process_that_is_told_to_end_ends_the_work_first(self) -> None:
        program = (
            "import time\nfrom rumbo.integrations.remote import ended_with_us\n"
            "with ended_with_us(lambda: print('ended')):\n    print('begun', flush=True)\n    time.sleep(60)\n"
        )
        process = subprocess.Popen([sys.executable, "-u", "-c", program], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.terminate()
        out, _ = process.communicate(timeout=30)
        assert out == "ended\n"
        assert process.returncode == -signal.SIGTERM


# Docker ----------------------------------------------------------------------------------------------------------


class Contained(DockerTask):
    url: str
    words: tuple[str, ...]
    image = "busybox:test"
    network_mode = "none"

    @property
    def docker_url(self) -> str:
        return self.url

    @property
    def command(self) -> list[str]:
        return list(self.words)


@pytest.mark.slow
class TestDocker:
    def containers(self, url: str) -> list[Any]:
        import docker

        found: list[Any] = docker.APIClient(url).containers(all=True)
        return found

    def test_a_command_and_its_output(self, docker_engine: str, capfd: pytest.CaptureFixture[str]) -> None:
        Contained(
            url=docker_engine, words=("sh", "-c", "echo out; echo err >&2; cat $LUIGI_TMP_DIR/none || true")
        ).run()
        said = capfd.readouterr()
        assert said.out == "out\n"
        assert said.err.startswith("err\n")
        assert self.containers(docker_engine) == []

    def test_folders_environment_and_options(self, docker_engine: str, tmp_path: Path) -> None:
        class Writing(Contained):
            environment = {"WORD": "hello"}
            binds = [f"{tmp_path}:/here"]
            container_options = {"user": "0:0"}
            name = "writer"

        Writing(url=docker_engine, words=("sh", "-c", "echo $WORD > /here/said")).run()
        assert (tmp_path / "said").read_text() == "hello\n"

    def test_a_failure(self, docker_engine: str) -> None:
        with pytest.raises(ContainerFailed) as caught:
            Contained(url=docker_engine, words=("sh", "-c", "echo no >&2; exit 3")).run()
        assert str(caught.value) == (
            "A container of busybox:test ended with code 3. It ran ['sh', '-c', 'echo no >&2; exit 3'], and said:\nno\n"
        )
        assert self.containers(docker_engine) == []

    def test_a_container_of_the_same_name_is_replaced(self, docker_engine: str) -> None:
        import docker

        client = docker.APIClient(docker_engine)
        client.create_container("busybox:test", ["sleep", "60"], name="same")

        class Named(Contained):
            name = "same"

        Named(url=docker_engine, words=("sh", "-c", "true")).run()
        assert self.containers(docker_engine) == []

    def test_a_container_ends_with_its_task(self, docker_engine: str, tmp_path: Path) -> None:
        (tmp_path / "jobs.py").write_text(
            "import rumbo\nfrom rumbo.integrations.docker import DockerTask\n"
            "class Endless(DockerTask):\n"
            f"    docker_url = {docker_engine!r}\n    image = 'busybox:test'\n    network_mode = 'none'\n"
            "    command = ['sleep', '600']\n    timeout = 4\n"
            "    def output(self):\n        return rumbo.LocalTarget('never')\n"
        )
        command = [sys.executable, "-m", "rumbo", "run", "-m", "jobs", "Endless", "--executor", "processes"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        deadline = time.monotonic() + 30
        while not self.containers(docker_engine):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        out, _ = process.communicate(timeout=60)
        assert "took longer than its timeout of 4 s" in out
        assert self.containers(docker_engine) == []

    def test_an_image_that_cannot_be_had(self, docker_engine: str) -> None:
        import docker

        class Missing(Contained):
            image = "127.0.0.1:1/nothing"

        with pytest.raises((TaskError, docker.errors.APIError)):
            Missing(url=docker_engine, words=("true",)).run()

    def test_luigis_names(self, docker_engine: str, capfd: pytest.CaptureFixture[str]) -> None:
        class Old(docker_runner.DockerTask):
            docker_url = docker_engine
            image = "busybox:test"
            command = "echo hello"
            network_mode = "none"

        Old().run()
        assert capfd.readouterr().out == "hello\n"


@pytest.mark.parametrize(
    ("image", "whole"),
    [
        ("alpine", "alpine:latest"),
        ("alpine:3", "alpine:3"),
        ("host:5000/a", "host:5000/a:latest"),
        ("a@sha256:1", "a@sha256:1"),
    ],
)
def test_an_image_without_a_tag_is_the_latest(image: str, whole: str) -> None:
    assert type("Named", (DockerTask,), {"image": image})()._image == whole


def test_docker_without_its_engine(tmp_path: Path) -> None:
    Lost = type("Lost", (DockerTask,), {"docker_url": f"unix://{tmp_path}/none"})
    with pytest.raises(TaskError) as caught:
        Lost().run()
    assert str(caught.value) == (
        f"No engine of Docker answers at unix://{tmp_path}/none. Start it, or say where one is: by docker_url, or by "
        "DOCKER_HOST in the environment."
    )


def test_docker_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docker", None)
    with pytest.raises(MissingExtraError) as caught:
        DockerTask().run()
    assert str(caught.value) == "Docker needs a library that is not installed: pip install 'rumbo[docker]'"


# Kubernetes ------------------------------------------------------------------------------------------------------


class Cluster(ThreadingHTTPServer):
    """A cluster's API, as far as a Job needs it, and what has been asked of it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.deleted: list[str] = []
        self.story: list[dict[str, Any]] = []
        """What becomes of a Job: its status and its pods at each question; the last one stays."""
        self.troubles = 0
        """So many questions get no good answer at first."""

    def now(self) -> dict[str, Any]:
        return self.story[0]

    def later(self) -> None:
        if len(self.story) > 1:
            self.story.pop(0)


class Answers(BaseHTTPRequestHandler):
    server: Cluster

    def _answer(self, content: Any, status: int = 200) -> None:
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        assert self.path == "/apis/batch/v1/namespaces/work/jobs"
        job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.jobs[job["metadata"]["name"]] = job
        self._answer(job, 201)

    def do_GET(self) -> None:
        if self.server.troubles:
            self.server.troubles -= 1
            self._answer({"kind": "Status", "status": "Failure"}, 503)
            return
        path = self.path.partition("?")[0]
        found = re.fullmatch(r"/apis/batch/v1/namespaces/work/jobs/(.+)", path)
        if found:
            job = self.server.jobs[found[1]]
            self._answer({**job, "status": self.server.now().get("job", {})})
        elif path.endswith("/log"):
            self._answer("what the pod wrote")
        else:
            assert path == "/api/v1/namespaces/work/pods"
            assert "labelSelector=job-name%3D" in self.path
            pods = self.server.now().get("pods", [])
            self.server.later()
            items = [{"metadata": {"name": "pod-1"}, "status": pod} for pod in pods]
            self._answer({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": items})

    def do_DELETE(self) -> None:
        self.server.deleted.append(self.path.rpartition("/")[2].partition("?")[0])
        assert "propagationPolicy=Background" in self.path
        self._answer({"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def log_message(self, *args: Any) -> None:
        """Nothing."""


def waiting(reason: str, message: str | None = None) -> dict[str, Any]:
    container = {"name": "c", "image": "i", "imageID": "", "ready": False, "restartCount": 0}
    return {
        "phase": "Pending",
        "containerStatuses": [{**container, "state": {"waiting": {"reason": reason, "message": message}}}],
    }


RUNNING = {"phase": "Running"}


class Pi(KubernetesJobTask):
    name = "pi"
    spec_schema = {"containers": [{"name": "pi", "image": "perl", "command": ["perl", "-e", "print 3"]}]}
    poll_interval = 0.01
    pod_creation_wait_interal = 0.5
    labels = {"team": "sums"}
    active_deadline_seconds = 60


class TestKubernetes:
    @pytest.fixture
    def cluster(self, configuration: Configuration, tmp_path: Path) -> Any:
        pytest.importorskip("kubernetes")
        with Cluster() as cluster:
            threading.Thread(target=cluster.serve_forever, args=[0.02], daemon=True).start()
            config = {
                "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{cluster.server_address[1]}"}}],
                "users": [{"name": "u", "user": {"token": "secret"}}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "work"}}],
                "current-context": "x",
            }
            (tmp_path / "kubeconfig").write_text(json.dumps(config))
            configuration.set("kubernetes", "kubeconfig-path", str(tmp_path / "kubeconfig"))
            yield cluster
            cluster.shutdown()

    def test_a_job_that_succeeds(self, cluster: Cluster, tmp_path: Path) -> None:
        class Signalling(Pi):
            def signal_complete(self) -> None:
                (tmp_path / "complete").touch()

        cluster.story = [{}, {"pods": [waiting("ContainerCreating")]}, {"pods": [RUNNING]}, {"job": {"succeeded": 1}}]
        cluster.troubles = 1
        Signalling().run()
        ((name, job),) = cluster.jobs.items()
        assert re.fullmatch(r"pi-\d{14}-[0-9a-f]{16}", name)
        assert cluster.deleted == [name]
        assert (tmp_path / "complete").exists()
        assert job["spec"] == {
            "backoffLimit": 6,
            "activeDeadlineSeconds": 60,
            "template": {
                "metadata": {"name": name, "labels": {"team": "sums"}},
                "spec": {"restartPolicy": "Never", **Pi.spec_schema},
            },
        }
        assert job["metadata"]["labels"]["spawned_by"] == "luigi"
        assert job["metadata"]["labels"]["team"] == "sums"

    @pytest.mark.parametrize(
        ("story", "why"),
        [
            ([{"job": {"failed": 1}}], "failed: 1 pods failed."),
            (
                [{"job": {"conditions": [{"type": "Failed", "status": "True", "message": "too late"}]}}],
                "failed: too late.",
            ),
            ([{"pods": [waiting("ImagePullBackOff", "no such image")]}], "ImagePullBackOff: no such image"),
            ([{}], "has no pod after 0.5 s."),
        ],
    )
    def test_a_job_that_fails(self, cluster: Cluster, story: Any, why: str) -> None:
        cluster.story = story
        with pytest.raises(JobFailed) as caught:
            Pi().run()
        assert str(caught.value).endswith(why)
        assert cluster.deleted == list(cluster.jobs)

    def test_failed_pods_may_be_forgiven(self, cluster: Cluster, configuration: Configuration) -> None:
        configuration.set("kubernetes", "max-retrials", "2")
        cluster.story = [{"job": {"failed": 2}}, {"job": {"failed": 2, "succeeded": 1}}]
        Pi().run()

    def test_what_the_pods_wrote_can_be_shown(self, cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
        class Old(kubernetes_twin.KubernetesJobTask):
            name = "old"
            spec_schema = Pi.spec_schema
            poll_interval = 0.01
            print_pod_logs_on_exit = True
            delete_on_success = False

        cluster.story = [{"pods": [RUNNING]}, {"job": {"succeeded": 1}, "pods": [RUNNING]}]
        with caplog.at_level("INFO", logger="luigi-interface"):
            Old().run()
        assert "The pod pod-1 wrote:\nwhat the pod wrote" in caplog.messages
        assert cluster.deleted == []

    def test_no_cluster(self, configuration: Configuration, tmp_path: Path) -> None:
        configuration.set("kubernetes", "kubeconfig-path", str(tmp_path / "none"))
        with pytest.raises(ConfigurationError) as caught:
            Pi().run()
        assert str(caught.value) == (
            f"{tmp_path}/none does not lead to a cluster of Kubernetes: Invalid kube-config file. "
            "No configuration found. Name another file as kubeconfig_path under [kubernetes], or set "
            "auth_method = service-account there within a cluster."
        )

    def test_another_way_to_log_in(self, configuration: Configuration) -> None:
        configuration.set("kubernetes", "auth-method", "password")
        with pytest.raises(ConfigurationError) as caught:
            Pi().run()
        assert str(caught.value) == "[kubernetes] auth_method is 'password'; it can be kubeconfig or service-account."


@pytest.mark.slow
class TestRealKubernetes:
    """Kubernetes' own API server and controllers. Pods wait for ever, so the tests say what became of them."""

    @pytest.fixture(autouse=True)
    def _cluster(self, kubernetes_api: str, configuration: Configuration) -> Iterator[None]:
        client = pytest.importorskip("kubernetes").client
        configuration.set("kubernetes", "kubeconfig-path", kubernetes_api)
        own = client.Configuration()
        sys.modules["kubernetes"].config.load_kube_config(kubernetes_api, client_configuration=own)
        with client.ApiClient(own) as api:
            self.jobs, self.pods = client.BatchV1Api(api), client.CoreV1Api(api)
            yield

    def become(self, phase: str) -> Any:
        """Let the one pod that will be there end so."""

        def end() -> None:
            deadline = time.monotonic() + 30
            while not (found := self.pods.list_namespaced_pod("default", field_selector="status.phase=Pending").items):
                assert time.monotonic() < deadline, "there is no pod"
                time.sleep(0.05)
            (pod,) = found
            assert pod.metadata.labels["team"] == "sums"
            self.pods.patch_namespaced_pod_status(pod.metadata.name, "default", {"status": {"phase": phase}})

        thread = threading.Thread(target=end)
        thread.start()
        return thread

    def left(self) -> list[str]:
        """The Jobs that are left, once the server has removed what it was told to."""
        deadline = time.monotonic() + 10
        while (jobs := self.jobs.list_namespaced_job("default").items) and time.monotonic() < deadline:
            time.sleep(0.05)
        return [job.metadata.name for job in jobs]

    def test_a_job_that_succeeds(self) -> None:
        Lasting = type("Lasting", (Pi,), {"pod_creation_wait_interal": 30})
        ended = self.become("Succeeded")
        Lasting().run()
        ended.join()
        assert self.left() == []

    def test_a_job_that_fails(self) -> None:
        Once = type("Once", (Pi,), {"pod_creation_wait_interal": 30, "backoff_limit": 0})
        ended = self.become("Failed")
        with pytest.raises(JobFailed, match=r"failed: (1 pods failed|Job has reached the specified backoff limit)\."):
            Once().run()
        ended.join()
        assert self.left() == []

    def test_a_job_that_takes_too_long(self) -> None:
        Short = type("Short", (Pi,), {"pod_creation_wait_interal": 30, "active_deadline_seconds": 1})
        with pytest.raises(JobFailed, match=r"failed: Job was active longer than specified deadline\."):
            Short().run()
        assert self.left() == []

    def test_a_job_that_the_server_does_not_take(self) -> None:
        Wrong = type("Wrong", (Pi,), {"spec_schema": {"containers": [{"name": "No Name", "image": "perl"}]}})
        with pytest.raises(TaskError) as caught:
            Wrong().run()
        assert re.match(r'Kubernetes does not take the Job pi-\S+: Job.batch "pi-\S+" is invalid: ', str(caught.value))


# AWS -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
class TestAws:
    @pytest.fixture(autouse=True)
    def _account(self, moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("boto3")
        for name, value in {
            "AWS_ENDPOINT_URL": moto, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_DEFAULT_REGION": "us-east-1", "NO_PROXY": "*",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)

    def test_no_region(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/none")
        with pytest.raises(ConfigurationError) as caught:
            batch.BatchClient()
        assert str(caught.value) == (
            "Nobody says in which region of AWS batch is: set AWS_DEFAULT_REGION in the environment, or region in "
            "~/.aws/config."
        )

    def test_no_queue(self) -> None:
        with pytest.raises(TaskError) as caught:
            batch.BatchClient().get_active_queue()
        assert str(caught.value) == (
            "AWS Batch has no job queue that is enabled and valid. Make one, or name one as job_queue."
        )

    def test_a_job_that_nobody_knows(self) -> None:
        with pytest.raises(batch.BatchJobException) as caught:
            batch.BatchClient().get_job_status("none")
        assert str(caught.value) == "AWS Batch knows no job none."

    @pytest.mark.parametrize("kind", [ecs.ECSTask, aws.ECSTask])
    def test_tasks_of_ecs(self, kind: Any) -> None:
        import boto3

        client = boto3.client("ecs")
        client.create_cluster(clusterName="default")
        definition = {
            "family": "hello",
            "containerDefinitions": [{"name": "hello", "image": "ubuntu", "memory": 1, "command": ["echo"]}],
        }

        class Hello(kind):
            poll_time = 0.01
            task_def_arn = client.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"]
            run_task_kwargs = {
                "launchType": "FARGATE",
                "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"]}},
            }
            command = [{"name": "hello", "command": ["echo", "hi"]}]

        task = Hello()
        stopper = threading.Timer(1, lambda: [client.stop_task(task=id) for id in client.list_tasks()["taskArns"]])
        stopper.start()
        task.run()
        stopper.join()
        (told,) = client.describe_tasks(tasks=task.ecs_task_ids)["tasks"]
        assert told["lastStatus"] == "STOPPED"

    def test_a_job_of_batch(self) -> None:
        """Moto takes all that is asked for and says that the job went well; it runs nothing."""
        import boto3

        client = boto3.client("batch")
        places = client.create_compute_environment(
            computeEnvironmentName="all", type="UNMANAGED", state="ENABLED", serviceRole=_role("batch")
        )
        order = [{"order": 1, "computeEnvironment": places["computeEnvironmentArn"]}]
        client.create_job_queue(jobQueueName="nightly", state="ENABLED", priority=1, computeEnvironmentOrder=order)
        container = {"image": "busybox", "command": ["render", "Ref::frames"], "memory": 128, "vcpus": 1}
        client.register_job_definition(jobDefinitionName="render", type="container", containerProperties=container)

        class Render(aws.BatchTask):
            frames: str
            job_definition = "render"
            job_name = "pictures"

            @property
            def parameters(self) -> Any:
                return {"frames": self.frames}

        Render(frames="1-100").run()
        (job,) = client.list_jobs(jobQueue="nightly", jobStatus="SUCCEEDED")["jobSummaryList"]
        assert job["jobName"] == "pictures"
        (told,) = client.describe_jobs(jobs=[job["jobId"]])["jobs"]
        assert told["parameters"] == {"frames": "1-100"}

    def test_no_definition(self) -> None:
        with pytest.raises(TaskError) as caught:
            aws.BatchTask().run()
        assert str(caught.value) == "BatchTask() does not say what to run. Give it a job_definition."

    def test_overrides_and_commands_are_joined(self) -> None:
        class Both(ecs.ECSTask):
            run_task_kwargs = {
                "overrides": {"containerOverrides": [{"name": "a", "command": ["old"], "cpu": 1}], "cpu": "2"}
            }
            command = [{"name": "a", "command": ["new"]}, {"name": "b", "command": ["more"]}]

        assert Both(task_def_arn="x").combined_overrides == {
            "cpu": "2",
            "containerOverrides": [{"name": "a", "command": ["new"], "cpu": 1}, {"name": "b", "command": ["more"]}],
        }

    def test_neither_a_definition_nor_a_name(self) -> None:
        with pytest.raises(ValueError) as caught:
            ecs.ECSTask().run()
        assert str(caught.value).endswith(
            ": give either task_def (a dictionary) or task_def_arn (a name), and not both."
        )


def _role(name: str) -> str:
    import boto3

    role = boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    arn: str = role["Role"]["Arn"]
    return arn


class Recorded:
    """AWS Batch, with the answers of its API's reference: without containers, moto's jobs neither fail nor last."""

    def __init__(self, *statuses: str) -> None:
        self.statuses = list(statuses)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def ask(**request: Any) -> Any:
            self.asked.append((name, request))
            answer = getattr(type(self), f"_{name}", None)
            return {} if answer is None else answer(self)

        return ask

    def _describe_job_queues(self) -> Any:
        off = {"jobQueueName": "off", "state": "DISABLED", "status": "VALID"}
        return {"jobQueues": [off, {"jobQueueName": "on", "state": "ENABLED", "status": "VALID"}]}

    def _submit_job(self) -> Any:
        return {"jobId": "j1"}

    def _describe_jobs(self) -> Any:
        status = self.statuses.pop(0)
        attempts = [{"container": {"logStreamName": "stream"}}]
        return {"jobs": [{"status": status, "statusReason": "Essential container exited", "attempts": attempts}]}

    def _get_log_events(self) -> Any:
        return {"events": [{"message": f"line {n}"} for n in range(60)]}


class TestBatch:
    def run(self, monkeypatch: pytest.MonkeyPatch, *statuses: str) -> Recorded:
        recorded = Recorded(*statuses)
        monkeypatch.setattr("rumbo.integrations.aws.client_for", lambda service: recorded)

        class Job(batch.BatchTask):
            parameters = {"day": "monday"}

        self.recorded = recorded
        Job(job_definition="d:1", job_name="n", poll_time=0).run()
        return recorded

    def test_a_job_that_succeeds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = self.run(monkeypatch, "SUBMITTED", "RUNNING", "SUCCEEDED").asked
        assert asked[1] == (
            "submit_job",
            {"jobName": "n", "jobQueue": "on", "jobDefinition": "d:1", "parameters": {"day": "monday"}},
        )
        assert "terminate_job" not in dict(asked)

    def test_a_job_that_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(batch.BatchJobException) as caught:
            self.run(monkeypatch, "FAILED")
        assert str(caught.value).startswith("Job j1 failed: Essential container exited\nline 10\nline 11\n")

    def test_a_job_ends_with_its_task(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def stop(seconds: float) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("time.sleep", stop)
        with pytest.raises(KeyboardInterrupt):
            self.run(monkeypatch, "RUNNING")
        assert self.recorded.asked[-1] == (
            "terminate_job",
            {"jobId": "j1", "reason": "The task that waits for it was stopped."},
        )


def test_targets_are_luigis(tmp_path: Path) -> None:
    class Old(docker_runner.DockerTask):
        def output(self) -> Any:
            return luigi.LocalTarget(os.path.join(tmp_path, "x"))

    assert not Old().complete()
