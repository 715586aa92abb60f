"""What a server in the background needs: a file with its process id, and a log."""

from __future__ import annotations

import logging
import logging.handlers
import os
from typing import Any

from luigi._later import later

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


daemonize = later("luigid, the central scheduler,", "Run tasks with --local-scheduler.")
