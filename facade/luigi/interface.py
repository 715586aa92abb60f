"""Running tasks from a command line or from a program."""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import warnings
from typing import TYPE_CHECKING, Any

from luigi import lock, parameter, rpc, scheduler, task
from luigi import worker as worker
from luigi.cmdline_parser import CmdlineParser
from luigi.execution_summary import LuigiRunResult
from luigi.setup_logging import InterfaceLogging

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def _formerly(name: str) -> parameter.ConfigPath:
    return {"section": "core", "name": name}


class core(task.Config):
    """What holds for a run as a whole: ``[core]`` in the configuration, flags without a prefix."""

    use_cmdline_section = False
    ignore_unconsumed = {"autoload_range", "no_configure_logging"}

    local_scheduler = parameter.BoolParameter(
        default=False, description="Run without a server, with a scheduler in this process.", always_in_help=True
    )
    scheduler_host = parameter.Parameter(
        default="localhost",
        description="Machine with the central scheduler",
        config_path=_formerly("default-scheduler-host"),
    )
    scheduler_port = parameter.IntParameter(
        default=8082, description="Port of the central scheduler", config_path=_formerly("default-scheduler-port")
    )
    scheduler_url = parameter.Parameter(
        default="", description="Address of the central scheduler", config_path=_formerly("default-scheduler-url")
    )
    lock_size = parameter.IntParameter(default=1, description="How many processes may run the same command at a time")
    no_lock = parameter.BoolParameter(
        default=False, description="Run although the same command is running in another process"
    )
    lock_pid_dir = parameter.Parameter(
        default=os.path.join(tempfile.gettempdir(), "luigi"), description="Folder of the files for this lock"
    )
    take_lock = parameter.BoolParameter(
        default=False, description="Tell processes with the same command to begin nothing new, and run"
    )
    workers = parameter.IntParameter(default=1, description="How many tasks run at a time")
    logging_conf_file = parameter.Parameter(default="", description="Configuration file of Python's logging")
    log_level = parameter.ChoiceParameter(
        default="DEBUG",
        choices=["NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        description="Log level without a configuration file",
    )
    module = parameter.Parameter(default="", description="Module with the task; imported first", always_in_help=True)
    parallel_scheduling = parameter.BoolParameter(
        default=False, description="Ask several tasks at a time whether they are complete."
    )
    parallel_scheduling_processes = parameter.IntParameter(
        default=0, description="How many tasks at a time; 0: as many as there are processors"
    )
    assistant = parameter.BoolParameter(default=False, description="Run whatever the central scheduler has.")
    help = parameter.BoolParameter(
        default=False, description="Show the usual flags and those of the task", always_in_help=True
    )
    help_all = parameter.BoolParameter(default=False, description="Show all flags", always_in_help=True)


class _WorkerSchedulerFactory:
    """Makes what runs tasks. Programs give objects of their own with these methods."""

    def create_local_scheduler(self) -> Any:
        return scheduler.Scheduler(prune_on_get_work=True, record_task_history=False)

    def create_remote_scheduler(self, url: str) -> Any:
        return rpc.RemoteScheduler(url)

    def create_worker(self, scheduler: Any, worker_processes: int, assistant: bool = False) -> Any:
        return worker.Worker(scheduler=scheduler, worker_processes=worker_processes, assistant=assistant)


class PidLockAlreadyTakenExit(SystemExit):
    """The same command is running in another process."""


def _schedule_and_run(
    tasks: Iterable[Any], worker_scheduler_factory: Any = None, override_defaults: dict[str, Any] | None = None
) -> LuigiRunResult:
    from luigi import _choice  # which looks at this module

    factory = worker_scheduler_factory or _WorkerSchedulerFactory()
    env_params = core(**(override_defaults or {}))
    InterfaceLogging.setup(env_params)
    kill_signal = signal.SIGUSR1 if env_params.take_lock else None
    if not env_params.no_lock and not lock.acquire_for(env_params.lock_pid_dir, env_params.lock_size, kill_signal):
        raise PidLockAlreadyTakenExit()
    if env_params.local_scheduler:
        chosen = factory.create_local_scheduler()
    else:
        url = env_params.scheduler_url or f"http://{env_params.scheduler_host}:{env_params.scheduler_port:d}/"
        chosen = factory.create_remote_scheduler(url=url)
    runner = factory.create_worker(
        scheduler=chosen, worker_processes=env_params.workers, assistant=env_params.assistant
    )
    if env_params.local_scheduler and _choice.is_for_engine(factory, chosen, runner):
        runner._take_engine()
    logger = logging.getLogger("luigi-interface")
    success = True
    with runner:
        for each in tasks:
            success &= runner.add(each, env_params.parallel_scheduling, env_params.parallel_scheduling_processes)
        logger.info("Done scheduling tasks")
        success &= runner.run()
    result = LuigiRunResult(runner, success)
    logger.info(result.summary_text)
    if hasattr(chosen, "close"):
        chosen.close()
    return result


def run(*args: Any, **kwargs: Any) -> Any:
    """Run what a command line names; gives whether all went well, or a `LuigiRunResult` if ``detailed_summary``.

    Args:
        cmdline_args: the words; those of the process when None.
        main_task_cls: the task, when the words do not name it.
        worker_scheduler_factory: makes the scheduler and the worker.
        local_scheduler: run without a server.
        detailed_summary: give all that is known of the run.
    """
    result = _run(*args, **kwargs)
    return result if kwargs.get("detailed_summary") else result.scheduling_succeeded


def _run(
    cmdline_args: Sequence[str] | None = None,
    main_task_cls: Any = None,
    worker_scheduler_factory: Any = None,
    use_dynamic_argparse: Any = None,
    local_scheduler: bool = False,
    detailed_summary: bool = False,
) -> LuigiRunResult:
    if cmdline_args is not None and not isinstance(cmdline_args, (list, tuple)):
        raise TypeError(
            "cmdline_args must be a list or tuple of command-line arguments, "
            f"got {type(cmdline_args).__name__!r}. Example: ['MyTask', '--param', 'value']"
        )
    if use_dynamic_argparse is not None:
        warnings.warn("use_dynamic_argparse is deprecated, don't set it.", DeprecationWarning, stacklevel=2)
    words = sys.argv[1:] if cmdline_args is None else list(cmdline_args)
    if main_task_cls:
        words.insert(0, main_task_cls.task_family)
    if local_scheduler:
        words.append("--local-scheduler")
    with CmdlineParser.global_instance(words) as parser:
        return _schedule_and_run([parser.get_task_obj()], worker_scheduler_factory)


def build(
    tasks: Iterable[Any], worker_scheduler_factory: Any = None, detailed_summary: bool = False, **env_params: Any
) -> Any:
    """Run tasks from a program; gives whether all went well, or a `LuigiRunResult` if ``detailed_summary``.

    Args:
        tasks: what shall be complete in the end.
        worker_scheduler_factory: makes the scheduler and the worker.
        detailed_summary: give all that is known of the run.
        env_params: values of ``[core]``, such as ``local_scheduler=True`` and ``workers=4``. The lock against the
            same command in another process is off, unless ``no_lock=False``.
    """
    env_params.setdefault("no_lock", True)
    result = _schedule_and_run(tasks, worker_scheduler_factory, override_defaults=env_params)
    return result if detailed_summary else result.scheduling_succeeded
