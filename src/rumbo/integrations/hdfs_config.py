"""What the configuration says of HDFS: the sections ``[hdfs]``, ``[hadoop]`` and ``[webhdfs]``."""

from __future__ import annotations

import getpass
from urllib.parse import urlsplit

from rumbo.pipeline.filesystem import temporary_name
from rumbo.pipeline.parameter import Parameter
from rumbo.pipeline.parameters.choices import ChoiceParameter
from rumbo.pipeline.parameters.scalars import IntParameter, OptionalIntParameter, OptionalParameter
from rumbo.pipeline.task import Config


class hdfs(Config):  # noqa: N801 (its section is called so)
    """How HDFS is reached."""

    client_version = OptionalIntParameter(default=None)
    namenode_host = OptionalParameter(default=None)
    namenode_port = OptionalIntParameter(default=None)
    client = Parameter(default="hadoopcli")
    tmp_dir = OptionalParameter(default=None, config_path={"section": "core", "name": "hdfs-tmp-dir"})


class hadoopcli(Config):  # noqa: N801
    """The ``hadoop`` command."""

    command = Parameter(
        default="hadoop",
        config_path={"section": "hadoop", "name": "command"},
        description="The command, with options if you like: it is split at spaces.",
    )
    version = Parameter(
        default="cdh4",
        config_path={"section": "hadoop", "name": "version"},
        description="cdh4 for Hadoop 2 and later, cdh3 or apache1 for what came before.",
    )


class webhdfs(Config):  # noqa: N801
    """The web interface of HDFS."""

    port = IntParameter(default=50070, description="Where the name node listens for it; 9870 since Hadoop 3.")
    user = Parameter(
        default="", description="By default who runs this.", config_path={"section": "hdfs", "name": "user"}
    )
    client_type = ChoiceParameter(
        var_type=str, choices=["insecure", "kerberos"], default="insecure", description="How users prove who they are."
    )


def load_hadoop_cmd() -> list[str]:
    """The ``hadoop`` command, as ``[hadoop] command`` says it."""
    command: str = hadoopcli().command
    return command.split()


def tmppath(path: str | None = None, include_unix_username: bool = True) -> str:
    """A fresh name among the temporary files of HDFS, in ``[hdfs] tmp_dir`` or ``/tmp``.

    Args:
        path: whose temporary name it shall be: of the same cluster, and with that path in it.
        include_unix_username: put it into a folder of this user's own.
    """
    parts = urlsplit(path or "", allow_fragments=False)
    cluster = f"{parts.scheme}://{parts.netloc}" if parts.scheme else ""
    folder = hdfs().tmp_dir or f"{cluster}/tmp"
    own = f"{getpass.getuser()}/" if include_unix_username else ""
    name = parts.path.removeprefix("/tmp/").strip("/")
    return temporary_name(f"{folder}/{own}{name or 'rumbo'}")
