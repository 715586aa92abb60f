"""What the configuration says of HDFS: the sections ``[hdfs]``, ``[hadoop]`` and ``[webhdfs]``."""

from __future__ import annotations

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
