"""What a server in the background needs: a file with its process id, and a log."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

rootlogger = logging.getLogger()
server_logger = logging.getLogger("luigi.server")


def check_pid(pidfile: str | None) -> int:
    """The process whose id a file holds, if it runs; else 0."""
    if not pidfile or not os.path.exists(pidfile):
        return 0
    try:
        with open(pidfile) as file:
            pid = int(file.read().strip())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return 0
    return pid


def write_pid(pidfile: str) -> None:
    """Write this process's id into a file; its folder is made when it is missing."""
    server_logger.info("Writing pid file")
    folder = os.path.dirname(pidfile)
    if folder:
        os.makedirs(folder, exist_ok=True)
    with open(pidfile, "w") as file:
        file.write(str(os.getpid()))


def get_log_format() -> str:
    """How a line in the server's log looks."""
    return "%(asctime)s %(name)s[%(process)s] %(levelname)s: %(message)s"


def get_spool_handler(filename: str) -> Any:
    """A log that begins a new file each day, and keeps a week."""
    handler = logging.handlers.TimedRotatingFileHandler(filename=filename, when="d", encoding="utf8", backupCount=7)
    handler.setFormatter(logging.Formatter(get_log_format()))
    return handler


def daemonize(
    cmd: Callable[..., Any],
    pidfile: str | None = None,
    logdir: str | None = None,
    api_port: Any = 8082,
    address: str | None = None,
    unix_socket: str | None = None,
) -> None:
    """Let a server go on in the background, without a terminal; this process ends here.

    Args:
        cmd: the server, which takes ``api_port``, ``address`` and ``unix_socket``.
        pidfile: where the process id is written; when it names a process that runs, nothing is started.
        logdir: where the log is written; by default ``/var/log/luigi``.
    """
    logdir = logdir or "/var/log/luigi"
    os.makedirs(logdir, exist_ok=True)
    running = check_pid(pidfile)
    if running:
        sys.exit(f"A server runs already, as process {running} (see {pidfile}).")
    import daemon  # type: ignore[import-untyped, unused-ignore]

    with (
        open(os.path.join(logdir, "luigi-server.err"), "a", buffering=1) as output,
        daemon.DaemonContext(stdout=output, stderr=output, working_directory=".", umask=0o022),
    ):
        rootlogger.setLevel(logging.INFO)
        rootlogger.addHandler(get_spool_handler(os.path.join(logdir, "luigi-server.log")))
        if pidfile:
            write_pid(pidfile)
        try:
            cmd(api_port=api_port, address=address, unix_socket=unix_socket)
        finally:
            if pidfile and check_pid(pidfile) == os.getpid():
                os.unlink(pidfile)
