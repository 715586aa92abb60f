"""The programs ``luigi`` and ``luigid``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from luigi.retcodes import run_with_retcodes

if TYPE_CHECKING:
    from collections.abc import Sequence


def luigi_run(argv: Sequence[str] | None = None) -> None:
    """Run what the command line names, and end the process with the exit code that ``[retcode]`` says."""
    run_with_retcodes(sys.argv[1:] if argv is None else argv)


def luigid(argv: Sequence[str] | None = None) -> None:
    """Serve as the central scheduler."""
    import argparse

    import luigi.configuration
    import luigi.process
    import luigi.server
    from luigi.setup_logging import DaemonLogging

    parser = argparse.ArgumentParser(prog="luigid", description="The central scheduler of Luigi programs.")
    parser.add_argument("--background", action="store_true", help="leave the terminal and go on in the background")
    parser.add_argument("--pidfile", help="write the process id into this file")
    parser.add_argument("--logdir", help="write the log into this folder")
    parser.add_argument("--state-path", help="the file in which the state is kept between two starts")
    parser.add_argument("--address", help="the address to listen at (default: this computer's own)")
    parser.add_argument("--unix-socket", help="listen at a socket in the file system instead of a port")
    parser.add_argument("--port", type=int, default=8082, help="the port to listen at (default: 8082)")
    options = parser.parse_args(sys.argv[1:] if argv is None else argv)
    if options.state_path:
        luigi.configuration.get_config().set("scheduler", "state_path", options.state_path)
    DaemonLogging.setup(options)
    where = {"api_port": options.port, "address": options.address, "unix_socket": options.unix_socket}
    if options.background:
        luigi.process.daemonize(luigi.server.run, pidfile=options.pidfile, logdir=options.logdir, **where)
    else:
        if options.pidfile:
            luigi.process.write_pid(options.pidfile)
        luigi.server.run(**where)
