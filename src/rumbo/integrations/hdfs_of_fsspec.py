"""HDFS as fsspec reaches it by its web interface, with timeouts, and with renames that replace.

The native ways would be quicker, but neither libhdfs nor hdfs-native survives a fork, and workers are forked.
"""

from __future__ import annotations

import functools
import getpass
import os
from typing import Any

from fsspec.implementations.webhdfs import WebHDFS

from rumbo.pipeline.config import get_config

_TIMEOUT = 60  # seconds that a node may be silent
_WEB_PORT = 9870  # where name nodes of Hadoop 3 listen for it


class HdfsOverTheWeb(WebHDFS):  # type: ignore[misc] # fsspec has no types
    """HDFS by WebHDFS. ``hdfs://`` addresses name the port for Java programs, so it is asked for elsewhere."""

    @staticmethod
    def _get_kwargs_from_urls(urlpath: str) -> dict[str, Any]:
        options: dict[str, Any] = WebHDFS._get_kwargs_from_urls(urlpath)
        config = get_config()
        if urlpath.startswith("hdfs:"):
            options["port"] = config.getint("webhdfs", "port", _WEB_PORT)
            if not options.get("host"):
                options["host"] = config.get("hdfs", "namenode_host", "localhost")
        options.setdefault("user", os.environ.get("HADOOP_USER_NAME") or getpass.getuser())
        return options

    def _connect(self) -> None:
        super()._connect()
        self.session.request = functools.partial(self.session.request, timeout=_TIMEOUT)

    def mv(self, path1: str, path2: str, **_: Any) -> None:
        # Without the option a refusal is an answer like any other, and would be overlooked.
        self._call("RENAME", method="put", path=path1, destination=path2, renameoptions="OVERWRITE")
