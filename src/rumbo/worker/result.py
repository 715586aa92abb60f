"""What came of a run, for the program that asked for it and for people."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from rumbo.scheduler.records import Outcome
from rumbo.wording import plain_cause, shortened
from rumbo.worker.plan import Verdict

if TYPE_CHECKING:
    from rumbo.ports import Ended, Outlook
    from rumbo.worker.plan import Node, Plan


class Fate(StrEnum):
    """What became of a task in a run."""

    COMPLETE = "complete"
    """It was complete before."""
    DONE = "done"
    """It ran and was finished."""
    ELSEWHERE = "done elsewhere"
    """Another worker, or a person, finished it while this run wanted it."""
    FAILED = "failed"
    """Its last attempt failed or took too long."""
    BROKEN = "broken"
    """Its `complete()` or `requires()` raised."""
    CANCELLED = "cancelled"
    """It was stopped."""
    EXTERNAL = "external"
    """It is missing, and somebody else must bring it about."""
    HELD_UP = "held up"
    """It could not run, because of something it needs."""
    NOT_RUN = "not run"
    """Its turn did not come: the run was interrupted, or another worker has it."""


class RunResult:
    """What came of a run.

    True in a condition when all went well (`ok`).
    """

    def __init__(
        self,
        id: str,
        plan: Plan,
        outcomes: dict[str, Ended],
        attempts: dict[str, int],
        seconds: float,
        was_interrupted: bool = False,
        elsewhere: Outlook | None = None,
    ) -> None:
        self.id = id
        self.plan = plan
        self.outcomes = outcomes
        """How the last attempt at each task ended, by task id."""
        self.attempts = attempts
        """How many attempts were made at those tasks that needed more than one, by task id."""
        self.seconds = seconds
        self.was_interrupted = was_interrupted
        self._done_elsewhere = frozenset(elsewhere.done) if elsewhere is not None else frozenset()
        self._failed_elsewhere = elsewhere.failed if elsewhere is not None else {}
        self._believed = elsewhere.believed if elsewhere is not None else ()
        self._withdrawn = frozenset(elsewhere.withdrawn) if elsewhere is not None else frozenset()
        self._fates: dict[str, Fate] | None = None

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        return f"<run {self.id}: {self.status}>"

    def _repr_html_(self) -> str:
        """What became of the plan as a picture, for notebooks."""
        from rumbo.drawings.notebook import as_html
        from rumbo.drawings.picture import picture

        fates = self.fates
        drawn = picture(self.plan, look_of=lambda node: _LOOKS[fates[node.id]])
        return as_html(drawn, self.summary().partition("\n")[0])

    @property
    def fates(self) -> dict[str, Fate]:
        """What became of each task of the plan, by task id, in the order they were found."""
        if self._fates is None:
            self._fates = {id: self._fate(node) for id, node in self.plan.nodes.items()}
        return self._fates

    def _fate(self, node: Node) -> Fate:
        ended = self.outcomes.get(node.id)
        if ended is not None and (ended.outcome is Outcome.DONE or node.id not in self._done_elsewhere):
            return _FATES.get(ended.outcome, Fate.NOT_RUN)
        if node.verdict is Verdict.SKIP:
            return Fate.COMPLETE
        if node.id in self._done_elsewhere:
            return Fate.ELSEWHERE
        if node.id in self._failed_elsewhere:
            return Fate.FAILED
        if node.id in self._withdrawn:
            return Fate.CANCELLED
        if node.verdict is Verdict.BROKEN:
            return Fate.BROKEN
        if node.verdict is Verdict.WAIT:
            return Fate.EXTERNAL if not node.reason.startswith("needs ") else Fate.HELD_UP
        return Fate.NOT_RUN if self.was_interrupted else Fate.HELD_UP

    @property
    def counts(self) -> dict[str, int]:
        """How many tasks had each fate; fates that no task had are left out."""
        found: dict[str, int] = {}
        for fate in self.fates.values():
            found[fate] = found.get(fate, 0) + 1
        return {str(fate): found[fate] for fate in Fate if fate in found}

    @property
    def status(self) -> str:
        """``done``, ``failed``, ``incomplete`` (something is missing that this run could not make) or ``cancelled``."""
        counts = self.counts
        if self.was_interrupted:
            return "cancelled"
        if Fate.FAILED in counts or Fate.BROKEN in counts:
            return "failed"
        if Fate.CANCELLED in counts:
            return "cancelled"
        return "done" if counts.keys() <= {Fate.DONE, Fate.COMPLETE, Fate.ELSEWHERE} else "incomplete"

    @property
    def ok(self) -> bool:
        """Whether all roots are complete now."""
        return self.status == "done"

    def failures(self) -> dict[str, str]:
        """The message of each task that failed or is broken, by task id."""
        found: dict[str, str] = {}
        for id, fate in self.fates.items():
            if fate is Fate.FAILED:
                found[id] = self._message(id)
            elif fate is Fate.BROKEN:
                found[id] = self.plan.nodes[id].traceback
        return found

    def _message(self, id: str) -> str:
        ended = self.outcomes.get(id)
        return ended.message if ended is not None else f"on another worker: {self._failed_elsewhere[id]}"

    def summary(self) -> str:
        """A few lines for people: what ran, what did not, and why."""
        counts = self.counts
        ran = counts.get(Fate.DONE, 0)
        lines = [f"Run {self.id}: {self.status}, {ran} {_tasks(ran)} done in {duration(self.seconds)}."]
        if complete := counts.get(Fate.COMPLETE, 0):
            lines.append(f"  {complete} {_tasks(complete)} {'was' if complete == 1 else 'were'} complete already.")
        believed = sum(self.fates.get(id) is Fate.ELSEWHERE for id in self._believed)
        if elsewhere := counts.get(Fate.ELSEWHERE, 0) - believed:
            lines.append(
                f"  {elsewhere} {_tasks(elsewhere)} {'was' if elsewhere == 1 else 'were'} done by other workers."
            )
        if believed:
            lines.append(
                f"  {believed} {_tasks(believed)} had been done just before, so the server holds "
                f"{'it' if believed == 1 else 'them'} for complete (cooldown in its [server])."
            )
        for fate, words in _TROUBLES.items():
            ids = [id for id, each in self.fates.items() if each is fate]
            if ids:
                lines.append(f"  {len(ids)} {_tasks(len(ids))} {words}:")
                lines += [f"    {self._line(id, fate)}" for id in ids[:_SHOWN]]
                if len(ids) > _SHOWN:
                    lines.append(f"    and {len(ids) - _SHOWN} more")
        return "\n".join(lines)

    def _line(self, id: str, fate: Fate) -> str:
        node = self.plan.nodes[id]
        if fate is Fate.FAILED:
            *_, last = self._message(id).strip().split("\n")
            return f"{node.name}: {shortened(plain_cause(last.strip()), _LONG)}"
        if node.verdict in (Verdict.BROKEN, Verdict.WAIT):
            return f"{node.name}: {node.reason}"
        culprits = [each for each in node.needs if self.fates[each.id] not in _FINE]
        return node.name + (f": needs {culprits[0].name}, which is {self.fates[culprits[0].id]}" if culprits else "")


_FATES = {
    Outcome.DONE: Fate.DONE,
    Outcome.FAILED: Fate.FAILED,
    Outcome.TIMED_OUT: Fate.FAILED,
    Outcome.CANCELLED: Fate.CANCELLED,
}
_LOOKS = {
    Fate.COMPLETE: "skip",
    Fate.DONE: "done",
    Fate.ELSEWHERE: "done",
    Fate.FAILED: "failed",
    Fate.BROKEN: "broken",
    Fate.CANCELLED: "cancelled",
    Fate.EXTERNAL: "wait",
    Fate.HELD_UP: "wait",
    Fate.NOT_RUN: "cancelled",
}
_FINE = (Fate.DONE, Fate.COMPLETE, Fate.ELSEWHERE)
_TROUBLES = {
    Fate.FAILED: "failed",
    Fate.BROKEN: "could not be asked",
    Fate.CANCELLED: "stopped",
    Fate.EXTERNAL: "missing that must come from elsewhere",
    Fate.HELD_UP: "held up",
    Fate.NOT_RUN: "not run",
}
_SHOWN = 10
_LONG = 500
"""Characters of a failure in the summary."""


def _tasks(number: int) -> str:
    return "task" if number == 1 else "tasks"


def duration(seconds: float) -> str:
    """Seconds as people say them: ``0.4s``, ``12s``, ``2m 04s``, ``3h 07m``."""
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02d}m" if hours else f"{minutes}m {rest:02d}s"
