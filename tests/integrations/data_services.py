"""Real database servers for tests: each starts when first asked for, on a free port of 127.0.0.1.

A test that wants a server whose program is not installed is skipped, and says what to install.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from file_services import gcs_emulator
from server_process import listens, program, running, unused_port

if TYPE_CHECKING:
    from collections.abc import Iterator

big = pytest.mark.skipif(
    not os.environ.get("RUMBO_TEST_ALL"), reason="needs programs of more than 300 MB: run by `make test-all`"
)
"""Marks what only `make test-all` runs."""


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int


@contextlib.contextmanager
def data_folder(owner: str | None = None) -> Iterator[Path]:
    """A temporary folder with a short path, which another user may reach."""
    with tempfile.TemporaryDirectory(prefix="rumbo-", ignore_cleanup_errors=True) as path:
        os.chmod(path, 0o755)
        if owner is not None:
            shutil.chown(path, owner)
        yield Path(path)


def _user(name: str) -> str | None:
    """Who the server runs as: some refuse to be root."""
    return name if os.getuid() == 0 else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[Address]:
    """PostgreSQL with the user ``postgres``, who needs no password, and the database ``postgres``."""
    folders = "/usr/lib/postgresql/*/bin"
    programs = [program(name, "apt-get install postgresql", folders) for name in ("initdb", "postgres")]
    user = _user("postgres")
    port = unused_port()
    with data_folder(user) as folder:
        data = str(folder / "data")
        subprocess.run(
            [programs[0], "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"],
            user=user, check=True, capture_output=True, cwd=folder,
        )  # fmt: skip
        command = [programs[1], "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-F"]
        import psycopg

        def answers() -> bool:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(f"host=127.0.0.1 port={port} user=postgres connect_timeout=2").close()
                return True
            return False

        with running(command, folder, answers, user, signal.SIGQUIT):
            yield Address("127.0.0.1", port)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Address]:
    """MariaDB with the user ``t``, whose password is ``pw``, and the database ``d``."""
    install, server, client = (
        program(name, "apt-get install mariadb-server") for name in ("mariadb-install-db", "mariadbd", "mariadb")
    )
    user = _user("mysql")
    port = unused_port()
    with data_folder(user) as folder:
        data, sock = str(folder / "data"), str(folder / "sock")
        subprocess.run(
            [install, f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db",
             *([f"--user={user}"] if user else [])],
            check=True, capture_output=True, cwd=folder,
        )  # fmt: skip
        command = [
            server, "--no-defaults", f"--datadir={data}", "--bind-address=127.0.0.1", f"--port={port}",
            f"--socket={sock}", f"--pid-file={folder}/pid", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0",
        ]  # fmt: skip
        statements = (
            "create or replace user t@'127.0.0.1' identified by 'pw'; grant all on *.* to t@'127.0.0.1'; "
            "create database if not exists d"
        )

        def answers() -> bool:
            ask = [client, "-S", sock, "-uroot", "-e", statements]
            return subprocess.run(ask, capture_output=True).returncode == 0

        with running(command, folder, answers, user):
            yield Address("127.0.0.1", port)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Address]:
    """Redis, empty."""
    server = program("redis-server", "apt-get install redis-server")
    port = unused_port()
    with data_folder() as folder:
        command = [server, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
        with running(command, folder, listens(port)):
            yield Address("127.0.0.1", port)


@pytest.fixture(scope="session")
def mongo() -> Iterator[Address]:
    """SecantusDB, which speaks MongoDB's protocol; mongod itself comes in no package."""
    pytest.importorskip("secantus", reason="pip install -e '.[dev-databases]'")
    server = str(Path(sys.executable).with_name("secantusd-py"))
    port = unused_port()
    with data_folder() as folder:
        command = [server, "--host", "127.0.0.1", "--port", str(port), "--storage-path", ":memory:"]
        with running(command, folder, listens(port)):
            yield Address("127.0.0.1", port)


@pytest.fixture(scope="session")
def opensearch() -> Iterator[Address]:
    """osmem, which answers as OpenSearch does; OpenSearch itself comes in no package."""
    osmem = pytest.importorskip("osmem_server", reason="pip install -e '.[dev-databases]'")
    server = osmem.resolve_binary()
    os.chmod(server, 0o755)
    port = unused_port()
    with data_folder() as folder:
        command = [server, "-addr", f"127.0.0.1:{port}", "-no-stdin-watch"]
        with running(command, folder, listens(port)):
            yield Address("127.0.0.1", port)


@pytest.fixture(scope="session")
def spark_master() -> Iterator[Address]:
    """A standalone cluster of Spark: a master, and one worker with two processors."""
    pyspark = pytest.importorskip("pyspark", reason="pip install 'rumbo[spark]'")
    program("java", "apt-get install openjdk-17-jre-headless")
    home = Path(pyspark.__file__).parent
    start = [str(home / "bin" / "spark-class")]
    env = {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    port, page, worker_page = unused_port(), unused_port(), unused_port()
    master = [*start, "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(port)]
    worker = [*start, "org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--cores", "2", "--memory", "1g"]

    def has_worker() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{page}/json/", timeout=5) as answer:
            return bool(json.load(answer)["aliveworkers"])

    with data_folder() as folder, data_folder() as work:
        watched = running([*master, "--webui-port", str(page)], folder, listens(page), env=env)
        place = ["--webui-port", str(worker_page), "--work-dir", str(work), f"spark://127.0.0.1:{port}"]
        with watched, running([*worker, *place], work, has_worker, env=env):
            yield Address("127.0.0.1", port)


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[str]:
    """The address of an engine of Docker without a network, with the image ``busybox:test``."""
    if os.getuid() != 0:
        pytest.skip("Docker's engine must be started by root")
    engine = program("dockerd", "apt-get install docker.io")
    client = program("docker", "apt-get install docker.io")
    busybox = program("busybox", "apt-get install busybox-static")
    with data_folder() as folder:
        address = f"unix://{folder}/sock"
        command = [
            engine, "--host", address, "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec",
            "--pidfile", f"{folder}/pid", "--iptables=false", "--ip6tables=false", "--bridge=none",
            "--storage-driver=vfs",
        ]  # fmt: skip

        def answers() -> bool:
            return subprocess.run([client, "-H", address, "version"], capture_output=True).returncode == 0

        with running(command, folder, answers, end=signal.SIGTERM):  # it has containers and mounts to see to
            _import_image(client, address, busybox, folder / "image")
            yield address
        subprocess.run(["umount", f"{folder}/exec/netns/default"], capture_output=True)


def _import_image(client: str, address: str, busybox: str, folder: Path) -> None:
    """An image made of busybox, since none can be fetched."""
    for name in ("bin", "tmp", "etc", "proc", "sys", "dev"):
        (folder / name).mkdir(parents=True)
    shutil.copy(busybox, folder / "bin" / "busybox")
    for name in ("sh", "cat", "echo", "sleep", "env", "id"):
        (folder / "bin" / name).symlink_to("busybox")
    (folder / "etc" / "passwd").write_text("root:x:0:0:root:/:/bin/sh\n")
    tar = subprocess.run(["tar", "-C", str(folder), "-c", "."], check=True, capture_output=True).stdout
    subprocess.run([client, "-H", address, "import", "-", "busybox:test"], input=tar, check=True, capture_output=True)


@pytest.fixture(scope="session")
def kubernetes_api() -> Iterator[str]:
    """The file that leads to Kubernetes' own API server, with its controllers of Jobs. There is nobody to run pods."""
    built = Path(sys.prefix) / "kubernetes"
    if not (built / "kube-controller-manager").exists():
        pytest.skip("Kubernetes' API server is not there: make kubernetes builds it, in a quarter of an hour")
    store, peer, port, controllers = (unused_port() for _ in range(4))
    with data_folder() as folder:
        for name in ("etcd", "server", "controllers"):
            (folder / name).mkdir()
        config = _configure_kubernetes(folder, port)
        key = folder / "accounts.key"
        subprocess.run(["openssl", "ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out", key], check=True)
        etcd = [
            program("etcd", "apt-get install etcd-server"), "--data-dir", str(folder / "etcd" / "data"),
            "--listen-client-urls", f"http://127.0.0.1:{store}", "--advertise-client-urls", f"http://127.0.0.1:{store}",
            "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-cluster", f"default=http://127.0.0.1:{peer}",
            "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}", "--unsafe-no-fsync",
        ]  # fmt: skip
        server = [
            str(built / "kube-apiserver"), f"--etcd-servers=http://127.0.0.1:{store}", "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1", f"--secure-port={port}", f"--cert-dir={folder}/certificates",
            "--service-cluster-ip-range=10.0.0.0/24", "--service-account-issuer=https://test",
            f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
            f"--token-auth-file={folder}/tokens", "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",
        ]  # fmt: skip
        manager = [
            str(built / "kube-controller-manager"), f"--kubeconfig={config}", "--bind-address=127.0.0.1",
            f"--secure-port={controllers}", "--port=0", f"--cert-dir={folder}/certificates", "--leader-elect=false",
            "--controllers=job,garbagecollector",
        ]  # fmt: skip
        with (
            running(etcd, folder / "etcd", listens(store)),
            running(server, folder / "server", lambda: _is_ready(port, folder / "certificates" / "apiserver.crt")),
            running(manager, folder / "controllers", listens(controllers)),
        ):
            yield str(config)


def _configure_kubernetes(folder: Path, port: int) -> Path:
    """One login, and the file that clients find it in: JSON, which is YAML too."""
    (folder / "tokens").write_text("token-of-the-test,admin,admin,system:masters\n")
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": f"{folder}/certificates/apiserver.crt"}
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": "token-of-the-test"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
    }  # fmt: skip
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config))
    return path


def _is_ready(port: int, certificate: Path) -> bool:
    """Whether the API server answers, which makes its certificate when it starts."""
    login = {"Authorization": "Bearer token-of-the-test"}
    question = urllib.request.Request(f"https://127.0.0.1:{port}/readyz", headers=login)
    with contextlib.suppress(OSError):
        trusting = ssl.create_default_context(cafile=certificate)
        with urllib.request.urlopen(question, timeout=5, context=trusting) as answer:
            return bool(answer.status == 200)
    return False


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The address of moto, which answers as AWS does. The jobs of its Batch run in no containers, and end at once."""
    pytest.importorskip("moto.server", reason="pip install -e '.[dev-databases]'")
    port = unused_port()
    with data_folder() as folder:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        with running(command, folder, listens(port)):
            address = f"http://127.0.0.1:{port}"
            settings = json.dumps({"batch": {"use_docker": False}}).encode()
            urllib.request.urlopen(urllib.request.Request(f"{address}/moto-api/config", settings)).close()
            yield address


class BigQuery(NamedTuple):
    """An emulator of BigQuery, and one of Cloud Storage with the bucket ``lake`` in the same folder."""

    url: str
    storage_url: str
    folder: Path
    """Has a folder for each bucket. What BigQuery writes there is unknown to the emulator of Cloud Storage."""


@pytest.fixture(scope="session")
def bigquery() -> Iterator[BigQuery]:
    """BigQuery, by an emulator with an environment of its own (see the Makefile)."""
    emulator = Path(sys.prefix) / "services" / "bin" / "bqemulator"
    if not emulator.exists():
        pytest.skip("bqemulator is not installed: make test-all does it")
    port, grpc = unused_port(), unused_port()
    with data_folder() as folder, data_folder() as storage, gcs_emulator(storage, on_disk=True) as storage_url:
        command = [str(emulator), "start", "--rest-port", str(port), "--grpc-port", str(grpc), "--project", "p1"]
        buckets = storage / "data" / ".cloudstorage"
        env = {"PATH": f"{emulator.parent}:{os.environ['PATH']}", "BQEMU_GCS_LOCAL_ROOT": str(buckets)}
        with running(command, folder, listens(port), env=env):
            yield BigQuery(f"http://127.0.0.1:{port}", storage_url, buckets)
