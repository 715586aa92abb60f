"""Commands and targets on other machines, over ssh."""

from luigi._forwarding import stand_for
from luigi.target import logger
from rumbo.integrations import ssh as _home
from rumbo.integrations.ssh import (
    AtomicRemoteFileWriter,
    RemoteCalledProcessError,
    RemoteContext,
    RemoteFileSystem,
    RemoteTarget,
)

__all__ = [
    "AtomicRemoteFileWriter",
    "RemoteCalledProcessError",
    "RemoteContext",
    "RemoteFileSystem",
    "RemoteTarget",
    "logger",
]

stand_for(__name__, _home)
