"""The processes behind `ProcessExecutor`: a nursery that gives birth to children, and the children that run attempts.

The nursery is forked once, after planning and before the worker has any thread, so it holds every task already. It
never runs a task and never has a second thread, so forking it is always safe; a replacement for a dead child comes from
it too. Each child leads a process group of its own: what a task started can be ended together with it, and Ctrl-C at
the terminal reaches the worker alone, which decides what becomes of the children. When the worker dies, even by
`kill -9`, the nursery notices by the end of its socket and ends all children.
"""

from __future__ import annotations

import os
import select
import signal
import socket
from collections import deque
from typing import TYPE_CHECKING, Any

from rumbo.executors.channel import Channel
from rumbo.executors.kinds import Limit, is_async
from rumbo.executors.streams import flush_standard_streams
from rumbo.executors.switch import Switch, printing_to
from rumbo.pipeline.registry import load_task
from rumbo.ports import Ended, Message
from rumbo.scheduler.records import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from rumbo.executors.loop import AttemptLoop
    from rumbo.pipeline.task import Task
    from rumbo.ports import Logs, Page, Runner, Spool

Reference = tuple[str, str, dict[str, str]]
"""Enough to build a task in another process: its module, family and all parameters, private ones too."""


def reference(task: Task) -> Reference:
    """How a task travels between the worker and its own children."""
    params = {name: param.serialize(getattr(task, name)) for name, param in task.get_params()}
    return (task.task_module, task.get_task_family(), params)


class Nursery:
    """Forks children on request and tells of their end."""

    def __init__(
        self,
        control: socket.socket,
        tasks: Mapping[str, Task],
        runner: Runner,
        logs: Logs | None,
    ) -> None:
        self._control = control
        self._tasks = tasks
        self._runner = runner
        self._logs = logs
        self._slots: dict[int, str] = {}

    def serve(self) -> NoReturn:
        """Work until the worker is gone, then end what is left. Never returns."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        os.set_blocking(wake_read, False)
        signal.signal(signal.SIGCHLD, lambda signum, frame: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(wake_read, select.POLLIN)
        try:
            while True:
                for descriptor, _ in poll.poll():
                    if descriptor == wake_read:
                        _drain(wake_read)
                        self._bury()
                    elif not self._obey():
                        self._end()
        finally:
            os._exit(1)

    def _obey(self) -> bool:
        """Take one request: the name of a slot, and the child's end of its socket. False when the worker is gone."""
        try:
            name, descriptors, _, _ = socket.recv_fds(self._control, 256, 1)
        except OSError:
            return False
        if not name:
            return False
        slot = name.decode()
        connection = socket.socket(fileno=descriptors[0])
        pid = os.fork()
        if pid == 0:
            self._become_child(slot, connection)
        connection.close()
        try:
            os.setpgid(pid, pid)
        except OSError:
            pass  # the child was quicker and has done it itself, or is gone already
        self._slots[pid] = slot
        self._tell("born", slot, pid, 0)
        return True

    def _become_child(self, slot: str, connection: socket.socket) -> NoReturn:
        try:
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
                signal.signal(number, signal.SIG_DFL)
            self._control.close()
            Child(Channel(connection), self._tasks, self._runner, self._logs, slot).serve()
            flush_standard_streams()
        except BaseException:  # noqa: BLE001 - a child must never return into the nursery's stack
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)

    def _bury(self) -> None:
        """Tell of each child that ended, after ending what is left of its process group."""
        for pid in tuple(self._slots):
            found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is None:
                continue
            # The child is a zombie until it is waited for, so its group's number cannot be taken by a stranger yet.
            _kill_group(pid)
            _, status = os.waitpid(pid, 0)
            self._tell("died", self._slots.pop(pid), pid, status)

    def _tell(self, what: str, slot: str, pid: int, status: int) -> None:
        try:
            self._control.sendall(f"{what} {slot} {pid} {status}\n".encode())
        except OSError:
            pass  # the worker is gone; the next read says so

    def _end(self) -> NoReturn:
        for pid in self._slots:
            _kill_group(pid)
        os._exit(0)


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 512):
            pass
    except BlockingIOError:
        pass


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # nobody left in it


class Child:
    """`Voice`, and the loop of a child: take an order, run it, tell what became of it."""

    def __init__(
        self, channel: Channel, tasks: Mapping[str, Task], runner: Runner, logs: Logs | None, slot: str
    ) -> None:
        self._channel = channel
        self._tasks = dict(tasks)
        self._runner = runner
        self._logs = logs
        self._spool: Spool | None = None if logs is None else logs.open_spool(slot)
        self._switch = Switch()
        self._backlog: deque[tuple[Any, ...]] = deque()
        self._inboxes: dict[int, deque[Message]] = {}
        self._loop: AttemptLoop | None = None

    def serve(self) -> None:
        """Work until the worker hangs up."""
        if self._spool is not None:
            self._spool.redirect(1, 2)
        while self._channel.is_open or self._backlog:
            while self._backlog:
                self._obey(*self._backlog.popleft())
            if self._loop is not None and self._loop.running:
                for ended in self._loop.turn(None, wake=self._channel.fileno()):
                    self._tell(ended, None)
                self._backlog += self._channel.receive(0.0)
            else:
                self._backlog += self._channel.receive()
        if self._loop is not None:
            self._loop.close()

    def _obey(self, verb: str, lease: int, *details: Any) -> None:
        if verb == "start" or verb == "resume":
            self._carry_out(verb, lease, *details)
        elif verb == "drop":
            self._runner.drop(lease)
        elif verb == "message":
            self._inboxes.setdefault(lease, deque()).append(Message(*details))
        elif verb == "stop" and self._loop is not None:
            self._loop.cancel(lease, Outcome(details[0]))

    def _carry_out(
        self,
        verb: str,
        lease: int,
        id: str,
        travelled: Reference | None,
        limit: tuple[float, str] | None,
        log_of: tuple[str, int],
    ) -> None:
        try:
            task = self._task(id, travelled)
        except Exception as error:  # noqa: BLE001 - whatever keeps a task from being built ends this attempt only
            self._tell(Ended(lease, Outcome.FAILED, f"{id} could not be built in a worker process: {error}"), log_of)
            return
        begin = self._runner.start if verb == "start" else self._runner.resume
        page = self._open_page(task, log_of)
        try:
            with printing_to(page):
                result = begin(lease, task, self)
        except KeyboardInterrupt:
            # Ctrl-C does not reach this process, so the task's own code has raised it.
            result = Ended(lease, Outcome.FAILED, f"run() of {task} raised KeyboardInterrupt by itself.")
        if isinstance(result, Ended):
            self._tell(result, log_of)
            return
        if self._loop is None:
            from rumbo.executors.loop import AttemptLoop

            self._loop = AttemptLoop()
        self._loop.add(lease, result, None if limit is None else Limit(*limit), page)

    def _open_page(self, task: Task, log_of: tuple[str, int]) -> Page | None:
        """Say whose output comes next; gives a page if the attempt will share this process with others."""
        if self._spool is None or self._logs is None:
            return None
        if is_async(task):
            self._switch.install()
            return self._logs.open_page(*log_of)
        self._spool.begin(*log_of)
        return None

    def _task(self, id: str, travelled: Reference | None) -> Task:
        task = self._tasks.get(id)
        if task is None:
            if travelled is None:
                raise LookupError("it is not known here and came without its parameters")
            task = self._tasks[id] = load_task(*travelled)
        return task

    def _tell(self, ended: Ended, log_of: tuple[str, int] | None) -> None:
        self._inboxes.pop(ended.lease, None)
        log = ended.log
        if self._spool is not None and log_of is not None:
            flush_standard_streams()
            log = self._spool.harvest(*log_of) or ""
        needs = [(task.task_id, reference(task)) for task in ended.needs]
        for task in ended.needs:
            self._tasks.setdefault(task.task_id, task)
        about = (ended.lease, int(ended.outcome), ended.message, ended.retryable, needs, ended.seconds, log)
        self._channel.send(("ended", *about, ended.outputs))

    # -- Voice --------------------------------------------------------------------------------------------------------

    def say(self, lease: int, kind: str, value: str) -> None:
        """Pass on what a task says."""
        self._channel.send(("said", lease, kind, value))

    def hear(self, lease: int, timeout: float | None) -> Message | None:
        """The next message to a task, read from the channel while the task waits; other frames are kept for later."""
        inbox = self._inboxes.setdefault(lease, deque())
        if not inbox:
            self._sort_messages([*self._backlog, *self._channel.receive(0.0)])
        if not inbox and timeout != 0.0:
            self._sort_messages([*self._backlog, *self._channel.receive(timeout)])
        return inbox.popleft() if inbox else None

    def _sort_messages(self, frames: list[tuple[Any, ...]]) -> None:
        """Put messages where their tasks look for them, and keep all other frames for later."""
        self._backlog = deque(frame for frame in frames if frame[0] != "message")
        for frame in frames:
            if frame[0] == "message":
                self._obey(*frame)
