"""Puts the parts together: the one place that names concrete adapters."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from rumbo.clock import SystemClock
from rumbo.errors import AccessDenied, ConfigurationError, PlanError, SchedulerUnreachable, TaskError
from rumbo.executors.inline import InlineExecutor
from rumbo.ports import RunEnded, RunInfo
from rumbo.settings import EXECUTORS
from rumbo.wire.local import LocalScheduler
from rumbo.wording import described
from rumbo.worker.attempt import Attempts, Rules
from rumbo.worker.interrupts import Interrupts
from rumbo.worker.outputs import Recorder
from rumbo.worker.plan import Plan, Verdict
from rumbo.worker.result import RunResult
from rumbo.worker.specs import Describer, RetryDefaults
from rumbo.worker.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rumbo.cli.alerting import Alerting
    from rumbo.codec import WorkerInfo
    from rumbo.pipeline.task import Task
    from rumbo.ports import Executor, Observer, Said
    from rumbo.scheduler.effects import Effect
    from rumbo.store.history import HistoryWriter
    from rumbo.store.logs import LogFolder
    from rumbo.wire.client import RemoteScheduler
    from rumbo.wire.connection import Connection
    from rumbo.wire.shipping import LogShipper


class Options(NamedTuple):
    """How to run. The defaults are those of `rumbo run`."""

    workers: int = 1
    """Attempts at a time."""
    executor: str = "auto"
    """``inline``, ``processes``, ``threads``, or ``auto``: processes for more than one worker, for tasks with timeouts
    and for a server; else inline."""
    deep: bool = False
    """Look below complete tasks."""
    history: bool = True
    """Keep the run in `.rumbo/` of the folder."""
    folder: str = "."
    """Where that is."""
    capture: bool = False
    """Keep what attempts print in files."""
    resources: Mapping[str, float] = {}
    """How much there is of each resource; one of those not named."""
    rules: Rules = Rules()
    retries: RetryDefaults = RetryDefaults()
    check_threads: int = 32
    """How many tasks may be asked at once whether they are complete, when that is slow."""
    allow_collisions: bool = False
    """Take tasks that differ only in insignificant parameters for one."""
    ask_wrappers: bool = False
    """Ask wrapper tasks themselves whether they are complete."""
    recycle_after: int | None = None
    """A worker process is replaced after so many attempts."""
    command: str = ""
    """What the person typed."""
    scheduler: str = ""
    """Address of a server that schedules for many; empty: this process does it for itself."""
    token: str = ""
    """For that server, if it wants one."""
    certificates: str = ""
    """File with the certificates to trust, for a server with its own."""
    patience: float = 86_400.0
    """For so many seconds a server that does not answer is tried again."""
    pools: tuple[str, ...] = ("default",)
    """The pools of tasks that are run here."""
    alerts: Alerting | None = None
    """Who is told what goes wrong, when this process schedules for itself; with a server, that tells."""
    capacity: Mapping[str, float] | None = None
    """What this machine has of its own for tasks that ask for it; None: its processors and memory, as measured."""


def new_run_id(now: float) -> str:
    """An id for a run that sorts by time and is easy to read aloud: ``20131014-093000-7f3a``."""
    import time

    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{os.urandom(2).hex()}"


def find_plan(tasks: Iterable[Task], options: Options, progress: Callable[[int], None] | None = None) -> Plan:
    """The plan for some tasks; nothing runs."""
    plan = Plan(options.deep, options.check_threads, options.allow_collisions, options.ask_wrappers, progress)
    plan.find(tasks)
    return plan


def execute(
    tasks: Sequence[Task],
    options: Options,
    observers: Sequence[Observer] = (),
    tell: Callable[[str], None] = lambda sentence: None,
    progress: Callable[[int], None] | None = None,
) -> RunResult:
    """Plan and run tasks, with a scheduler of our own in this process or with a server.

    Args:
        observers: who watches, besides the history.
        tell: called with sentences for the person at the terminal.
        progress: called while planning with the number of tasks found.
    """
    clock = SystemClock()
    started = clock.now()
    run = new_run_id(started)
    connection = _connection(options)
    plan = Plan(options.deep, options.check_threads, options.allow_collisions, options.ask_wrappers, progress)
    nodes = plan.find(tasks)
    history, logs = _memory(options, run) if connection is None else (None, None)
    watchers: list[Observer] = [*observers] if history is None else [history, *observers]
    if connection is None and options.alerts is not None:
        from rumbo.cli.alerting import watcher_of_run

        # The last to hear of the end: it may have to wait, and has something to say when the view is gone.
        watchers.append(watcher_of_run(options.alerts, os.path.join(options.folder, ".rumbo")))

    def watch(effects: Sequence[Effect]) -> None:
        for observer in watchers:
            observer.happened(run, effects)

    scheduler: LocalScheduler | RemoteScheduler
    if connection is None:
        remote = None
        scheduler = LocalScheduler(clock, watch, options.resources)
    else:
        scheduler = remote = _join(connection, options, clock, watch)
        watchers.insert(0, remote)
        logs = _spools(options, run)
    executor = _executor(options, plan, logs, lambda said: worker.pass_on(said))
    describer = Describer(remote is not None, options.retries)
    recorder = Recorder() if history is not None or remote is not None else None
    worker = Worker(run, plan, describer, scheduler, executor, clock, watchers, remote is not None, recorder)
    interrupts = Interrupts(worker, isinstance(executor, InlineExecutor), tell)
    try:
        # The plan lives as long as the run: looking through it for garbage again and again would cost a tenth of it.
        gc.freeze()
        # The pool of processes is forked here, before the history starts its thread.
        if plan.has_work:
            executor.open({id: node.task for id, node in plan.nodes.items()})
        if history is not None:
            history.start()
        if remote is not None:
            executor.listen()
            remote.start(executor.wake, tell)
            if logs is not None:
                # Before the worker says goodbye: what comes after that belongs to no run any more.
                watchers.insert(0, _shipper(options, remote, logs))
        _tell_of_start(watchers, run, plan, options, started)
        with interrupts:
            if plan.has_work or remote is not None:
                worker.announce(nodes)
                worker.work()
            else:
                worker.show(nodes)
    except BaseException as error:
        _tell_of_end(watchers, RunEnded(run, clock.now(), "crashed", f"{type(error).__name__}: {error}", {}))
        raise
    finally:
        gc.unfreeze()
        executor.close()
        _tell_of_shared_output(observers, run, logs)
    scheduler.leave()
    seconds, was_interrupted = clock.now() - started, bool(interrupts.received)
    result = RunResult(run, plan, worker.outcomes, worker.attempts, seconds, was_interrupted, worker.outlook)
    _tell_of_end(watchers, RunEnded(run, clock.now(), result.status, result.summary(), result.counts))
    return result


class HandedOver(NamedTuple):
    """A run that a server has, and that workers do."""

    id: str
    plan: Plan
    scheduler: str


def hand_over(
    tasks: Sequence[Task],
    options: Options,
    progress: Callable[[int], None] | None = None,
    is_certain: bool = False,
    asked_by: str = "",
) -> HandedOver:
    """Plan tasks and give the run to a server, where workers (`rumbo worker`) do it; nobody waits for its end.

    Args:
        progress: called while planning with the number of tasks found.
        is_certain: what is missing is known to be, so that the server need not believe for a moment that it is there.
        asked_by: who wants it, if it is not who this process belongs to.

    Raises:
        ConfigurationError: no server is named.
        PlanError: the tasks cannot be run as they are, or a task can be run by nobody else.
        SchedulerUnreachable: no scheduler answers.
    """
    if not options.scheduler:
        raise ConfigurationError(
            "--detach hands the run to a server: name it with --scheduler URL, RUMBO_SCHEDULER, or url in [scheduler]."
        )
    clock = SystemClock()
    started = clock.now()
    run = new_run_id(started)
    connection = connect(options)
    plan = Plan(options.deep, options.check_threads, options.allow_collisions, options.ask_wrappers, progress)
    nodes = plan.find(tasks)
    require_portable(plan)
    specs = Describer(True, options.retries).describe(nodes)
    options = options._replace(workers=0)
    remote = _join(connection, options, clock, lambda effects: None)
    info = _info(run, plan, options, started)
    if asked_by:
        info = info._replace(user=asked_by)
    recorder = Recorder()
    remote.entrust(info, [node.planned(recorder) for node in nodes], specs, is_certain)
    return HandedOver(run, plan, options.scheduler)


def require_portable(plan: Plan) -> None:
    """See that other workers can do all that is to be done.

    Raises:
        PlanError: one has a secret that does not leave this process, or a module that has no name elsewhere.
    """
    describer = Describer(True)
    for node in plan.nodes.values():
        if node.verdict is Verdict.RUN and not describer.is_portable(type(node.task)):
            raise PlanError(
                f"{node.name} has private parameters, or is of the module __main__, so only the process that planned "
                "it can run it. Run it without --detach; or put the task into a module of its own, and the secret into "
                "the configuration."
            )


def work_for_others(
    options: Options,
    observers: Sequence[Observer],
    tell: Callable[[str], None] = lambda sentence: None,
) -> Interrupts:
    """Run what anybody planned for a server, until told to stop by a signal or by the server.

    Args:
        observers: who watches this worker's own attempts.
        tell: called with sentences for the person at the terminal.

    Returns:
        The signals that came.

    Raises:
        SchedulerUnreachable: no scheduler answers, now or for as long as patience lasts.
    """
    from rumbo.cli.requests import Requests

    clock = SystemClock()
    connection = connect(options)
    plan = Plan(threads=options.check_threads)
    logs = _spools(options, "worker")
    watchers: list[Observer] = [*observers]

    def watch(effects: Sequence[Effect]) -> None:
        for observer in watchers:
            observer.happened("", effects)

    remote = _join(connection, options, clock, watch, assistant=True)
    watchers.insert(0, remote)
    executor = _executor(options, plan, logs, lambda said: worker.pass_on(said), is_lasting=True)
    requests = Requests(options, remote.answer)
    describer = Describer(True, options.retries)
    worker = Worker("", plan, describer, remote, executor, clock, watchers, True, Recorder(), requests.take)
    interrupts = Interrupts(worker, False, tell)
    try:
        executor.open({})
        executor.listen()
        remote.start(executor.wake, tell)
        if logs is not None:
            watchers.insert(0, _shipper(options, remote, logs))
        tell(f"Worker {remote.worker}: {options.workers} at a time, for {connection.url}.")
        with interrupts:
            worker.serve()
    finally:
        requests.close()
        executor.close()
        if logs is not None:
            logs.close()
        for observer in watchers:
            observer.close()
    return interrupts


def _connection(options: Options) -> Connection | None:
    """The way to the server, if there is to be one. It must answer now, before a plan is made for it."""
    return connect(options) if options.scheduler else None


def connect(options: Options) -> Connection:
    """The way to the server, which answers.

    Raises:
        SchedulerUnreachable: it does not.
    """
    from rumbo.wire.connection import Connection

    connection = Connection(options.scheduler, options.token, options.certificates)
    require(connection)
    return connection


def require(connection: Connection) -> None:
    """See that a scheduler answers.

    Raises:
        SchedulerUnreachable: none does; the message says how to do without, or how to start one.
    """
    try:
        connection.request("GET", "/ready")
    except AccessDenied:
        raise
    except SchedulerUnreachable as error:
        raise SchedulerUnreachable(
            f"{error} Start one with `rumbo serve`, name another one with --scheduler, or leave it out to run without."
        ) from error


def _join(
    connection: Connection,
    options: Options,
    clock: SystemClock,
    watch: Callable[[Sequence[Effect]], None],
    assistant: bool = False,
) -> RemoteScheduler:
    """Join a server as a worker."""
    from rumbo.wire.client import Patience, RemoteScheduler

    capacity = measured_capacity() if options.capacity is None else options.capacity
    remote = RemoteScheduler(
        connection,
        worker_id(),
        worker_info(clock.now(), options.workers),
        clock,
        watch,
        options.pools,
        assistant,
        capacity,
        Patience(options.patience),
    )
    remote.connect()
    return remote


def _spools(options: Options, run: str) -> LogFolder | None:
    """A folder for output on its way to the server."""
    if not options.capture:
        return None
    import tempfile

    from rumbo.store.logs import LogFolder

    return LogFolder(tempfile.mkdtemp(prefix="rumbo-"), run)


def _shipper(options: Options, remote: RemoteScheduler, logs: LogFolder) -> LogShipper:
    """What sends the output of attempts to the server."""
    from rumbo.store.logs import log_name
    from rumbo.wire.connection import Connection
    from rumbo.wire.shipping import LogShipper

    # A connection of its own: a long piece of output must not keep reports waiting.
    connection = Connection(options.scheduler, options.token, options.certificates)
    shipper = LogShipper(connection, logs.path, log_name, logs.under_way, remote.running)
    shipper.start()
    return shipper


def worker_id() -> str:
    """A name for this process as a worker, that no other one has or will have."""
    return f"{_host()}-{os.getpid()}-{os.urandom(3).hex()}"


def worker_info(started: float, slots: int) -> WorkerInfo:
    """Who this process is, for people who look at the workers of a server."""
    from rumbo import __version__
    from rumbo.codec import WorkerInfo

    return WorkerInfo(_host(), user(), os.getpid(), started, slots, __version__, os.getcwd())


def measured_capacity() -> dict[str, float]:
    """The processors and the memory (in bytes) of this machine, as far as this process may use them."""
    import psutil

    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"cpu": float(processors), "memory": float(psutil.virtual_memory().total)}


def _tell_of_start(watchers: Sequence[Observer], run: str, plan: Plan, options: Options, started: float) -> None:
    if watchers:
        info = _info(run, plan, options, started)
        for observer in watchers:
            observer.run_started(info)


def _tell_of_shared_output(observers: Sequence[Observer], run: str, logs: LogFolder | None) -> None:
    """Show what was printed by no single attempt, such as by programs that asynchronous tasks started."""
    for path in logs.close() if logs is not None else ():
        for observer in observers:
            observer.attempt_log(run, "", 0, path)


def _tell_of_end(watchers: Sequence[Observer], ended: RunEnded) -> None:
    for observer in watchers:
        observer.run_ended(ended)
        observer.close()


def _memory(options: Options, run: str) -> tuple[HistoryWriter | None, LogFolder | None]:
    """The history writer and the folder for output, as far as they are wanted."""
    if not options.history:
        return None, None
    from rumbo.store.history import HistoryWriter
    from rumbo.store.place import is_usable

    folder = os.path.join(options.folder, ".rumbo")
    if not options.capture or not is_usable(folder):
        # The history tells of a folder that cannot be used; nobody needs to hear it twice.
        return HistoryWriter(folder), None
    from rumbo.store.logs import LogFolder

    return HistoryWriter(folder), LogFolder(folder, run)


def _executor(
    options: Options, plan: Plan, logs: LogFolder | None, say: Callable[[Said], None], is_lasting: bool = False
) -> Executor:
    is_recorded = options.history or bool(options.scheduler)
    runner = Attempts(options.rules._replace(ask_planner=options.deep, record=is_recorded))
    kind = options.executor
    if kind == "auto":
        # What comes from a server, a message or the order to stop, must reach an attempt while it runs.
        is_alone = options.workers == 1 and not options.scheduler
        kind = "inline" if is_alone and not _needs_process(plan) else "processes"
    if kind == "inline":
        return InlineExecutor(runner, logs, say)
    if kind == "threads":
        from rumbo.executors.threads import ThreadExecutor

        # One that may live for ever must not gather what nobody reads before its end.
        return ThreadExecutor(runner, options.workers, logs, keeps_rest=not is_lasting)
    from rumbo.executors.processes import ProcessExecutor

    return ProcessExecutor(runner, options.workers, logs, options.recycle_after)


def _needs_process(plan: Plan) -> bool:
    """A timeout can only be enforced from outside, so it takes a process even for one worker (as in Luigi)."""
    classes = {type(node.task): node.task for node in plan.nodes.values()}
    return any(task.retry_policy().timeout for task in classes.values())


def _info(run: str, plan: Plan, options: Options, started: float) -> RunInfo:
    roots = tuple([node.id for node in plan.roots])
    return RunInfo(run, roots, options.command, _host(), user(), os.getpid(), os.getcwd(), options.workers, started)


def _host() -> str:
    """The name of this machine. `socket.gethostname` says the same, but `socket` is slow to import."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    import platform

    return platform.node()


def user() -> str:
    """Who runs this; the number when it has no name, as in many containers."""
    for variable in ("LOGNAME", "USER", "USERNAME"):
        if os.environ.get(variable):
            return os.environ[variable]
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def build(tasks: Iterable[Task] | Task, workers: int = 1, **options: Any) -> RunResult:
    """Plan and run tasks from a program.

    Args:
        tasks: what shall be complete in the end.
        workers: how many attempts at a time; more than one uses processes.
        options: any field of `Options`, such as ``history=False`` or ``deep=True``.

    Returns:
        What came of it; true in a condition when all is complete.

    Raises:
        ConfigurationError: an option means nothing.
        TaskError: that is not tasks.
        PlanError: they cannot be run as they are.
    """
    from rumbo.pipeline.task import Task

    _check_options(workers, options)
    if isinstance(tasks, Task):
        return execute([tasks], Options(workers=workers, **options))
    if isinstance(tasks, (type, str)) or not hasattr(tasks, "__iter__"):
        raise TaskError(f"Not a task: {described(tasks)}. Give an instance of Task to build, or several in a list.")
    return execute(list(tasks), Options(workers=workers, **options))


def _check_options(workers: int, options: Mapping[str, Any]) -> None:
    if not isinstance(workers, int) or workers < 1:
        raise ConfigurationError(f"workers={workers!r}: it must be a whole number of at least 1.")
    kind = options.get("executor", "auto")
    if kind not in EXECUTORS:
        raise ConfigurationError(f"executor={kind!r}: it must be one of {', '.join(EXECUTORS)}.")
    for name in options:
        if name not in Options._fields:
            from difflib import get_close_matches

            near = get_close_matches(name, Options._fields, n=2, cutoff=0.6)
            advice = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(Options._fields)}."
            raise ConfigurationError(f"There is no option {name}. {advice}")
