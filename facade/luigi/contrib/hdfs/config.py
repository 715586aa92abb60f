"""What the configuration says of HDFS."""

from luigi._forwarding import stand_for
from rumbo.integrations import hdfs_config as _home
from rumbo.integrations.hdfs_config import hadoopcli, hdfs, load_hadoop_cmd, tmppath

__all__ = [
    "get_configured_hadoop_version",
    "get_configured_hdfs_client",
    "hadoopcli",
    "hdfs",
    "load_hadoop_cmd",
    "tmppath",
]


def get_configured_hadoop_version() -> str:
    """What ``[hadoop] version`` says, in small letters."""
    version: str = hadoopcli().version
    return version.lower()


def get_configured_hdfs_client() -> str:
    """What ``[hdfs] client`` says."""
    client: str = hdfs().client
    return client


stand_for(__name__, _home)
