"""Exit codes of the program ``luigi``: 0 whatever happens, unless the section ``[retcode]`` says otherwise."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import luigi
import luigi.cmdline_parser
import luigi.execution_summary
import luigi.interface
from luigi import IntParameter
from luigi.setup_logging import InterfaceLogging

if TYPE_CHECKING:
    from collections.abc import Sequence


class retcode(luigi.Config):
    """The exit code for each kind of trouble. With several, the largest counts."""

    unhandled_exception = IntParameter(default=4, description="For an error outside of the tasks' own code.")
    missing_data = IntParameter(default=0, description="For when data of external tasks are missing.")
    task_failed = IntParameter(default=0, description="For when a task's run() failed.")
    already_running = IntParameter(default=0, description="For when the same command, or a task of it, is running.")
    scheduling_error = IntParameter(
        default=0, description="For when a task's complete() or requires() failed, or there were too many tasks."
    )
    not_run = IntParameter(default=0, description="For when a task was not granted run permission.")


def run_with_retcodes(argv: Sequence[str]) -> None:
    """Run what a command line names.

    Args:
        argv: the words after the program's name.

    Raises:
        SystemExit: always, with the exit code.
    """
    argv = list(argv)
    with luigi.cmdline_parser.CmdlineParser.global_instance(argv):
        codes = retcode()
    try:
        worker = luigi.interface._run(argv).worker
    except luigi.interface.PidLockAlreadyTakenExit:
        sys.exit(codes.already_running)
    except Exception:
        InterfaceLogging.setup(luigi.interface.core())  # the error may have come before logging was set up
        logging.getLogger("luigi-interface").exception("Uncaught exception in luigi")
        sys.exit(codes.unhandled_exception)
    with luigi.cmdline_parser.CmdlineParser.global_instance(argv):
        found = luigi.execution_summary._summary_dict(worker)
        root = luigi.execution_summary._root_task(worker)
    troubles = {
        "still_pending_ext": codes.missing_data,
        "failed": codes.task_failed,
        "run_by_other_worker": codes.already_running,
        "scheduling_error": codes.scheduling_error,
        "not_run": codes.not_run,
    }
    code = max(code if found[trouble] else 0 for trouble, code in troubles.items())
    if code == 0 and root not in found["completed"] and root not in found["already_done"]:
        code = codes.not_run
    sys.exit(code)
