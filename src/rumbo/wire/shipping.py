"""What attempts print, on its way to the server: in pieces while they run, the rest when they are over.

A thread looks at the spools of the worker's processes twice a second. What was sent is told by the server's answer, so
a piece that got lost is sent again; what cannot be sent is kept until it can, or until the worker ends and says so.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from rumbo.errors import RumboError, SchedulerUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rumbo.ports import PlannedTask, RunEnded, RunInfo
    from rumbo.scheduler.effects import Effect
    from rumbo.wire.connection import Connection

_NAP = 0.5
_PIECE = 256 << 10


class _Attempt(NamedTuple):
    run: str
    task: str
    number: int


class LogShipper:
    """`Observer` that sends the output of attempts.

    Args:
        connection: to the server.
        folder: where the worker's processes have their spools, and where the logs of attempts that are over lie.
        name_of: the name of the log of a task's attempt.
        under_way: the spools of attempts under way: for each the name of the attempt's log, and the spool's path.
        running: run, task and number of the attempts under way.
    """

    def __init__(
        self,
        connection: Connection,
        folder: str,
        name_of: Callable[[str, int], str],
        under_way: Callable[[], list[tuple[str, str]]],
        running: Callable[[], list[tuple[str, str, int]]],
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._name_of = name_of
        self._under_way = under_way
        self._running = running
        self._sent: dict[str, int] = {}
        """Bytes that arrived, by name, of attempts that have printed anything."""
        self._over: dict[str, tuple[_Attempt, str]] = {}
        """Attempts, or stretches of them, that are over, with the paths of their logs, as long as they are not sent."""
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._is_closing = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to send; no child may be forked after this."""
        self._thread = threading.Thread(target=self._work, name="rumbo-logs", daemon=True)
        self._thread.start()

    # -- Observer -----------------------------------------------------------------------------------------------------

    def run_started(self, run: RunInfo) -> None:
        """Nothing is printed yet."""

    def planned(self, run_id: str, nodes: Sequence[PlannedTask]) -> None:
        """Nothing is printed yet."""

    def happened(self, run_id: str, effects: Sequence[Effect]) -> None:
        """What happens is no output."""

    def attempt_log(self, run_id: str, task_id: str, attempt: int, path: str) -> None:
        """An attempt, or a stretch of it, is over, and this file holds what it printed."""
        if task_id:
            with self._lock:
                self._over[self._name_of(task_id, attempt)] = (_Attempt(run_id, task_id, attempt), path)

    def run_ended(self, run: RunEnded) -> None:
        """Nothing more is printed."""

    def close(self) -> None:
        """Send the rest."""
        self._is_closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        if not self._over:
            import shutil

            shutil.rmtree(self._folder, ignore_errors=True)
        else:
            logging.getLogger("rumbo").warning(
                "The output of %d attempts could not be sent; it is in %s.", len(self._over), self._folder
            )

    # -- the thread ---------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            is_last = self._is_closing
            try:
                self._look()
            except SchedulerUnreachable:
                pass  # the worker itself tells of that; what is not sent stays
            except (RumboError, OSError) as error:
                logging.getLogger("rumbo").warning("Output could not be sent: %s", error)
            if is_last:
                return
            self._wake.wait(_NAP)

    def _look(self) -> None:
        with self._lock:
            over = list(self._over.items())
        for name, (attempt, path) in over:
            size = os.path.getsize(path)
            self._send_file(attempt, name, path, 0)
            self._send(attempt, name, b"", is_last=True)
            with self._lock:
                if os.path.getsize(path) == size:  # else a further stretch was added meanwhile
                    del self._over[name]
        names = {self._name_of(task, number): _Attempt(run, task, number) for run, task, number in self._running()}
        for name, spool in self._under_way():
            if name in names and name not in self._over:
                self._follow(names[name], name, spool)

    def _follow(self, attempt: _Attempt, name: str, spool: str) -> None:
        """Send what is new in a spool. What the attempt printed before it was parked is in its log already."""
        log = os.path.join(self._folder, name)
        before = os.path.getsize(log) if os.path.exists(log) else 0
        if self._sent.get(name, 0) >= before:
            with contextlib.suppress(FileNotFoundError):
                self._send_file(attempt, name, spool, before)

    def _send_file(self, attempt: _Attempt, name: str, path: str, before: int) -> None:
        """Send what is new in a file whose first byte is byte number ``before`` of the attempt's output."""
        with open(path, "rb") as file:
            file.seek(self._sent.get(name, 0) - before)
            while piece := file.read(_PIECE):
                self._send(attempt, name, piece)

    def _send(self, attempt: _Attempt, name: str, piece: bytes, is_last: bool = False) -> None:
        offset = self._sent.get(name, 0)
        place = {"run": attempt.run, "task": attempt.task, "attempt": attempt.number, "offset": offset}
        if is_last:
            place["last"] = 1
        self._connection.request("POST", f"/api/v1/work/log?{urlencode(place)}", piece)
        self._sent[name] = offset + len(piece)
