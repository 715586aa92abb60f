"""A run told by its facts, for tests of the store: what an observer would hear, without tasks that really run."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from rumbo.ports import PlannedTask, RunEnded, RunInfo
from rumbo.scheduler.effects import Assigned, AttemptEnded, Noted, RetryPlanned, StateChanged
from rumbo.scheduler.records import Outcome, State
from rumbo.scheduler.transitions import Cause

if TYPE_CHECKING:
    from rumbo.ports import Observer

_CAUSES = {
    Outcome.DONE: Cause.SUCCEEDED,
    Outcome.FAILED: Cause.ATTEMPT_FAILED,
    Outcome.TIMED_OUT: Cause.TIMED_OUT,
    Outcome.CANCELLED: Cause.STOPPED,
}
_STATES = {
    Outcome.DONE: State.DONE,
    Outcome.FAILED: State.FAILED,
    Outcome.TIMED_OUT: State.FAILED,
    Outcome.CANCELLED: State.CANCELLED,
}


def node(
    id: str, *needs: str, verdict: str = "run", reason: str = "its output is missing", **more: object
) -> PlannedTask:
    """A node of a plan. What is before the first underscore of the id is the family."""
    about: dict[str, object] = {
        "params": {"name": id.partition("_")[2]},
        "priority": 0,
        "error": "",
        "module": "flights",
    }
    about |= more
    family = str(about.pop("family", id.partition("_")[0]))
    return PlannedTask(id=id, family=family, verdict=verdict, reason=reason, dependencies=needs, **about)  # type: ignore[arg-type]


class Story:
    """Tells an observer what happens in one run."""

    def __init__(
        self, observer: Observer, run_id: str = "run-1", at: float = 1_000_000.0, pid: int | None = None
    ) -> None:
        self.observer = observer
        self.run_id = run_id
        self.at = at
        self._attempts: dict[str, int] = {}
        self._states: dict[str, State] = {}
        observer.run_started(
            RunInfo(
                id=run_id,
                roots=("Report_all",),
                command="rumbo run Report",
                host=socket.gethostname(),
                user="ana",
                pid=os.getpid() if pid is None else pid,
                folder="/project",
                workers=1,
                started=at,
            )
        )

    def plan(self, *nodes: PlannedTask) -> Story:
        """Tell of nodes, and of the states that the scheduler gives them."""
        self.observer.planned(self.run_id, nodes)
        effects = []
        for each in nodes:
            new = {"run": State.PENDING, "wait": State.PENDING, "skip": State.DONE}.get(each.verdict, State.UNKNOWN)
            if each.id not in self._states and new is not State.UNKNOWN:
                effects.append(StateChanged(each.id, State.UNKNOWN, new, Cause.DESCRIBED, self.at))
            self._states.setdefault(each.id, new)
        self.observer.happened(self.run_id, effects)
        return self

    def begin(self, *tasks: str, worker: str = "worker-1", after: float = 1.0) -> Story:
        """One attempt at a task, or at several together, begins."""
        self.at += after
        for task in tasks:
            self._attempts[task] = self._attempts.get(task, 0) + 1
        cause, new = (Cause.ASSIGNED, State.RUNNING) if len(tasks) == 1 else (Cause.GATHERED, State.BATCHED)
        assigned = Assigned(worker, 1, tasks, self._attempts[tasks[0]], None, self.at)
        self.observer.happened(self.run_id, [assigned, *(self._moved(task, new, cause) for task in tasks)])
        return self

    def end(
        self, task: str, outcome: Outcome = Outcome.DONE, message: str = "", after: float = 1.0, outputs: str = ""
    ) -> Story:
        """The attempt at a task ends."""
        self.at += after
        ended = AttemptEnded(task, self._attempts[task], 1, "worker-1", outcome, message, self.at, None, outputs)
        self.observer.happened(self.run_id, [ended, self._moved(task, _STATES[outcome], _CAUSES[outcome])])
        return self

    def runs(self, *tasks: str, seconds: float = 1.0) -> Story:
        """Each of the tasks is done at the first try, one after the other."""
        for task in tasks:
            self.begin(task, after=0.0).end(task, after=seconds)
        return self

    def retry(self, task: str, after: float = 5.0) -> Story:
        """A retry of a failed task is planned, and falls due."""
        self.observer.happened(self.run_id, [RetryPlanned(task, 1, self.at + after, self.at)])
        self.at += after
        self.observer.happened(self.run_id, [self._moved(task, State.PENDING, Cause.RETRY_DUE)])
        return self

    def says(self, task: str, kind: str, value: str) -> Story:
        """A running task says something about itself."""
        self.observer.happened(self.run_id, [Noted(task, 1, kind, value, self.at)])
        return self

    def printed(self, task: str, path: str) -> Story:
        """The last attempt left output."""
        self.observer.attempt_log(self.run_id, task, self._attempts[task], path)
        return self

    def moves(self, task: str, new: State, cause: Cause) -> Story:
        """A task changes its state by itself."""
        self.observer.happened(self.run_id, [self._moved(task, new, cause)])
        return self

    def ends(self, status: str = "done", summary: str = "All went well.", **counts: int) -> Story:
        """The run is over."""
        self.at += 1.0
        self.observer.run_ended(RunEnded(self.run_id, self.at, status, summary, counts))
        return self

    def _moved(self, task: str, new: State, cause: Cause) -> StateChanged:
        old, self._states[task] = self._states[task], new
        return StateChanged(task, old, new, cause, self.at)
