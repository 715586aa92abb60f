"""The observer that writes the history of runs, from a thread of its own, without ever disturbing a run.

Calls put facts aside and return. A thread wakes twice a second, turns what has come into rows (`ledger`) and writes
them in one transaction. Trouble with the disk or the database is told once and never reaches the tasks: what may pass
(a lock, a full disk) is tried again until the end, with all facts kept; what cannot pass switches the history off.
"""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from rumbo.errors import StoreError
from rumbo.store import connect, statements
from rumbo.store.database import DatabaseTrouble, is_url
from rumbo.store.entries import Numbers, enter
from rumbo.store.ledger import RunMemory
from rumbo.store.resume import remember
from rumbo.store.telling import logger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from threading import Condition, Event, Thread

    from rumbo.ports import PlannedTask, RunEnded, RunInfo
    from rumbo.scheduler.effects import Effect
    from rumbo.store.database import Database
    from rumbo.store.ledger import Rows

_NAP = 0.5
"""Seconds between two looks at what has come. Writing beside a busy run costs both of them more (they share caches,
often a core) than writing the same when the run is over, so short runs are written in one go."""
_LONGEST_NAP = 5.0
"""Seconds between two tries while something is in the way."""
_TOO_MUCH = 2_000_000
"""Facts that are kept while something is in the way; beyond that the run's memory matters more."""


class Doubt(NamedTuple):
    """A transaction of which it is not known yet whether it was kept."""

    mark: int
    """The bookmark that it sets."""
    numbers: dict[str, Numbers]
    rows: int
    """How many of the backlog it holds."""


class HistoryWriter:
    """Writes what it observes to the history at a place: a folder (the `.rumbo` itself) or a PostgreSQL database's URL.

    Call `start` once all child processes are forked; before that, facts are only collected.

    Args:
        patience: seconds for which another program may keep the database locked when the run is over and the last
            facts must be written.
        logs: the folder that paths of logs are kept relative to; with a folder it is that one.
    """

    def __init__(self, place: str, patience: float = 5.0, logs: str = "") -> None:
        self._is_file = not is_url(place)
        self.place = os.path.abspath(place) if self._is_file else place
        self.logs = os.path.join(os.path.abspath(logs or place), "") if logs or self._is_file else ""
        self.patience = patience
        self._facts: deque[tuple[str, str, object]] = deque()
        self._put = self._facts.append
        self._runs: dict[str, RunMemory] = {}
        self._numbers: dict[str, Numbers] = {}
        self._backlog: list[Rows] = []
        self._db: Database | None = None
        self._thread: Thread | None = None
        self._wake: Event | None = None
        self._flushed: Condition | None = None
        self._asked = 0
        """How often a flush was asked for, and up to which of these it was done."""
        self._answered = 0
        self._unwritten = 0
        """Facts since the last that are written."""
        self._doubt: Doubt | None = None
        self._inode = 0
        self._journal = ""
        self._marked = 0
        """Number of the last entry of the journal that was taken in."""
        self._is_closing = False
        self._is_off = False
        self._was_told = False
        self._trouble: str | None = None
        self._nap = _NAP

    @property
    def trouble(self) -> str | None:
        """Why the history is incomplete, in a sentence; None if all that has happened is written or will be."""
        return self._trouble

    # -- what is observed: put it aside and return -------------------------------------------------------------

    def run_started(self, run: RunInfo) -> None:
        """A run begins."""
        self._put(("run_started", run.id, run))

    def planned(self, run_id: str, nodes: Sequence[PlannedTask]) -> None:
        """Nodes of the plan, and later the ones that running tasks ask for."""
        self._put(("planned", run_id, nodes))

    def happened(self, run_id: str, effects: Sequence[Effect]) -> None:
        """What the scheduler decided and learned."""
        self._put(("happened", run_id, effects))

    def attempt_log(self, run_id: str, task_id: str, attempt: int, path: str) -> None:
        """An attempt left output in the file at ``path``."""
        self._put(("attempt_log", run_id, (task_id, attempt, path)))

    def run_ended(self, run: RunEnded) -> None:
        """The run is over."""
        self._put(("run_ended", run.id, run))
        if self._wake is not None:
            self._wake.set()

    # -- a server's journal --------------------------------------------------------------------------------------

    def follow(self, journal: str) -> int:
        """Become the history of a journal, given its id; gives the number of its last entry that was written.

        Raises:
            StoreError: the database cannot be opened.
        """
        self._journal = journal
        if self._db is None:
            self._db = self._open(self.patience)
        return statements.bookmark(self._db, journal)

    def resume(self, runs: Sequence[RunInfo]) -> None:
        """Go on with runs that an earlier writer began. Called after `follow` and before `start`.

        Raises:
            StoreError: the database cannot be read.
        """
        if self._db is None:
            return
        for info in runs:
            try:
                found = remember(self._db, info, self.logs)
            except sqlite3.Error as error:
                raise connect.explained(error, self._name) from error
            if found is not None:
                self._runs[info.id], self._numbers[info.id] = found

    def tell(self, number: int, facts: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        """All that follows from the journal up to entry ``number``, since the last time: calls of an observer.

        They and the number are written in one transaction, so after a restart it is known where to go on.
        """
        self._put(("tell", "", (number, facts)))
        if self._wake is not None and any(name == "run_ended" for name, _ in facts):
            self._wake.set()

    # -- the thread ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to write. From now on the process has a thread, so no child may be forked from it."""
        if self._thread is not None or self._is_closing:
            return
        import threading

        self._wake = threading.Event()
        if self._facts:
            self._wake.set()  # what a journal told of the time before a restart
        self._flushed = threading.Condition()
        # A daemon: a program that forgets to close must still be able to end.
        self._thread = threading.Thread(target=self._work, name="rumbo-history", daemon=True)
        self._thread.start()

    def flush(self, timeout: float | None = None) -> bool:
        """Have all facts so far written, and wait for it up to ``timeout`` seconds. False: not (yet) written."""
        if self._thread is None or self._wake is None or self._flushed is None:
            self._write_all()
            return not self._backlog and self._trouble is None
        with self._flushed:
            self._asked += 1
            mine = self._asked
            self._wake.set()
            is_done = self._flushed.wait_for(lambda: self._answered >= mine, timeout)
        return is_done and not self._backlog and self._trouble is None

    def close(self) -> None:
        """Write what is still to be written, and let go of the database. The second call does nothing."""
        if self._is_closing:
            return
        self._is_closing = True
        if self._thread is not None and self._wake is not None:
            self._wake.set()
            self._thread.join()
        else:
            self._finish()

    def _work(self) -> None:
        wake, flushed = self._wake, self._flushed
        assert wake is not None
        assert flushed is not None
        while not self._is_closing:
            wake.wait(self._nap)
            wake.clear()
            asked = self._asked
            self._write_all()
            if asked > self._answered:
                with flushed:
                    self._answered = asked
                    flushed.notify_all()
        self._finish()
        with flushed:
            self._answered = self._asked
            flushed.notify_all()

    # -- from facts to rows ----------------------------------------------------------------------------------------

    def _write_all(self, patience: float = 0.5) -> None:
        if self._is_off:
            self._facts.clear()
            return
        try:
            self._digest()
        except Exception as error:  # noqa: BLE001 - a fact that we do not understand must not end the thread without a word
            logger().debug("history: a fact could not be understood", exc_info=True)
            self._give_up(StoreError(f"a fact could not be understood ({error.__class__.__name__}: {error})"))
        if self._backlog and not self._is_off:
            self._try_to_write(patience)

    def _digest(self) -> None:
        facts, runs = self._facts, self._runs
        steps: list[Sequence[Effect]] = []
        speaking = ""
        many = len(facts)
        self._unwritten += many
        left = many
        while left:
            left -= 1
            kind, run_id, what = facts.popleft()
            if kind == "tell":
                told: Sequence[tuple[str, tuple[Any, ...]]]
                self._marked, told = what  # type: ignore[misc]
                calls = [_as_fact(call) for call in reversed(told) if call[0] != "alert"]
                facts.extendleft(calls)
                left += len(calls)
                continue
            if kind == "happened" and run_id == speaking:
                steps.append(what)  # type: ignore[arg-type]
                continue
            if steps:
                self._take_steps(speaking, steps)
                steps = []
            speaking = run_id
            if kind == "happened":
                steps.append(what)  # type: ignore[arg-type]
            else:
                self._take(kind, run_id, what)
        if steps:
            self._take_steps(speaking, steps)
        for run_id, run in list(runs.items()):
            rows = run.take_rows()
            if rows is not None:
                self._backlog.append(rows)
                if rows.ended is not None:
                    del runs[run_id]

    def _take_steps(self, run_id: str, steps: list[Sequence[Effect]]) -> None:
        run = self._runs.get(run_id)
        if run is not None:
            run.happened(chain.from_iterable(steps))

    def _take(self, kind: str, run_id: str, what: object) -> None:
        if kind == "run_started":
            self._open_run(what)  # type: ignore[arg-type]
            return
        run = self._runs.get(run_id)
        if run is None:
            return
        if kind == "planned":
            run.planned(what)  # type: ignore[arg-type]
        elif kind == "attempt_log":
            run.attempt_log(*what)  # type: ignore[misc]
        else:
            run.rows.ended = what  # type: ignore[assignment]

    def _open_run(self, info: RunInfo) -> None:
        """Begin to write a run down; on a server it may be one that was closed, whose worker came back after all."""
        known = self._runs.get(info.id)
        if known is not None:
            known.rows.ended = None
            return
        if self._journal:
            self._try_to_write(self.patience)
            self.resume((info,))
            if info.id in self._runs:
                self._runs[info.id].rows.is_reopened = True
                return
        self._runs[info.id] = RunMemory(info, self.logs)

    # -- from rows to the database -----------------------------------------------------------------------------------

    def _try_to_write(self, patience: float) -> None:
        try:
            self._write(patience)
        except (sqlite3.Error, StoreError) as error:
            cause = error if isinstance(error, DatabaseTrouble | sqlite3.Error) else error.__cause__
            if isinstance(error, DatabaseTrouble):
                self._disconnect()
            told = error if isinstance(error, StoreError) else connect.explained(error, self._name)
            if connect.is_passing(cause) and self._unwritten < _TOO_MUCH:
                self._hold_up(told)
            else:
                logger().debug("history: cannot go on", exc_info=True)
                self._give_up(told)
        except Exception as error:  # noqa: BLE001 - the thread must not end without a word
            logger().debug("history: cannot go on", exc_info=True)
            self._give_up(StoreError(f"{self._name} cannot be written ({error.__class__.__name__}: {error})"))
        else:
            self._unwritten = 0
            self._backlog.clear()
            self._trouble = None
            self._nap = _NAP

    @property
    def _name(self) -> str:
        return connect.name_of(self.place)

    def _open(self, patience: float) -> Database:
        db = connect.open_for_writing(self.place, patience)
        if self._is_file:
            self._inode = os.stat(self._name).st_ino
        return db

    def _write(self, patience: float) -> None:
        db = self._db
        if db is None:
            db = self._db = self._open(patience)
        elif not self._is_there():
            # SQLite would go on for ever in a file that has no name any more.
            raise StoreError(f"{self._name} was removed or replaced while it was in use")
        if self._is_file:
            db.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
        self._settle_doubt(db)
        # Keys that the transaction gives are worth nothing if it is undone.
        numbers = {id: known.copy() for id, known in self._numbers.items()}
        with statements.transaction(db):
            for rows in self._backlog:
                enter(db, rows, numbers.setdefault(rows.run.info.id, Numbers()))
            if self._journal:
                statements.set_bookmark(db, self._journal, self._marked)
            self._doubt = Doubt(self._marked, numbers, len(self._backlog))
        self._keep(self._doubt)

    def _settle_doubt(self, db: Database) -> None:
        """Find out what became of a transaction at whose end the connection was lost."""
        doubt, self._doubt = self._doubt, None
        if doubt is not None and self._journal and statements.bookmark(db, self._journal) == doubt.mark:
            self._keep(doubt)
            del self._backlog[: doubt.rows]

    def _keep(self, done: Doubt) -> None:
        """A transaction is safe, and so are the keys that it gave."""
        self._doubt = None
        self._numbers = done.numbers
        for rows in self._backlog[: done.rows]:
            if rows.ended is not None:
                del self._numbers[rows.run.info.id]

    def _is_there(self) -> bool:
        if not self._is_file:
            return True
        try:
            return os.stat(self._name).st_ino == self._inode
        except OSError:
            return False

    # -- trouble -----------------------------------------------------------------------------------------------------

    def _hold_up(self, error: StoreError) -> None:
        """Something is in the way that may pass: keep the facts, say so once, try again later."""
        self._trouble = f"history is held up: {_sentence(error)}"
        self._nap = min(self._nap * 2, _LONGEST_NAP)
        if not self._was_told and not self._is_closing:
            self._was_told = True
            logger().warning(
                "%s It is tried again until the run ends; the tasks themselves are not affected.", self.trouble
            )

    def _give_up(self, error: StoreError) -> None:
        """Something is in the way that will not pass: no more history."""
        self._is_off = True
        self._backlog.clear()
        self._facts.clear()
        self._trouble = f"history is off: {_sentence(error)}"
        if not self._was_told:
            self._was_told = True
            logger().warning("%s The tasks themselves are not affected.", self.trouble)

    def _finish(self) -> None:
        self._write_all(self.patience)
        if self._backlog:
            self._trouble = f"history is incomplete: {(self._trouble or '').removeprefix('history is held up: ')}"
            if not self._was_told:
                logger().warning("%s The tasks themselves are not affected.", self._trouble)
            self._backlog.clear()
        self._disconnect()

    def _disconnect(self) -> None:
        if self._db is not None:
            try:
                self._db.close()
            except sqlite3.Error:
                logger().debug("history: could not be closed", exc_info=True)
            self._db = None


def _as_fact(call: tuple[str, tuple[Any, ...]]) -> tuple[str, str, object]:
    """A call of an observer as it is put aside."""
    name, arguments = call
    first = arguments[0]
    if isinstance(first, str):
        return name, first, arguments[1] if len(arguments) == 2 else arguments[1:]
    return name, first.id, first


def _sentence(error: StoreError) -> str:
    text = str(error)
    return text if text.endswith(".") else text + "."
