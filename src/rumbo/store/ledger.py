"""What is remembered of a run while it goes on, and how its facts become rows. Knows no database and no clock.

Facts come in tens of thousands a second, so the way of the common ones is short: an attempt that simply ends well is
two facts put aside, and rows are made of all of them at once. Whatever is more than that takes the longer way through
`Opened`.
"""

from __future__ import annotations

import json
from itertools import groupby
from json.encoder import encode_basestring
from operator import itemgetter
from typing import TYPE_CHECKING

from rumbo.scheduler.effects import Assigned, AttemptEnded, Noted, RetryPlanned, StateChanged, TaskDisabled
from rumbo.scheduler.records import Outcome, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rumbo.ports import PlannedTask, RunEnded, RunInfo
    from rumbo.scheduler.effects import Effect

INITIAL = {"run": State.PENDING, "skip": State.DONE, "wait": State.PENDING, "broken": State.UNKNOWN}
"""The state in which a task begins its run, by its verdict."""

About = tuple[str, str, float, str, bool]
"""What is said of a task in a plan: verdict, reason, priority, error, and whether a running task asked for it."""

# Fields of `PlannedTask` by their place, for tens of thousands of them.
_id, _family, _about, _dependencies = itemgetter(0), itemgetter(1), itemgetter(4, 5, 7, 8), itemgetter(6)
_outputs = itemgetter(12)

_DONE = Outcome.DONE
_KINDS = ("message", "progress", "tracking_url")


class Opened:
    """An attempt of which more is to be told than when it began and ended."""

    __slots__ = ("log", "message", "number", "position", "progress", "started", "tracking_url", "unsaved", "worker")

    def __init__(self, position: int, number: int, worker: str, started: float) -> None:
        self.position = position
        self.number = number
        self.worker = worker
        self.started = started
        self.unsaved = True
        self.log: str | None = None
        self.message: str | None = None
        self.progress: float | None = None
        self.tracking_url: str | None = None


class AttemptNews:
    """A row for an attempt under way or over, whole."""

    __slots__ = ("attempt", "message", "outcome", "outputs", "seconds")

    def __init__(
        self, attempt: Opened, outcome: Outcome | None, seconds: float | None, message: str, outputs: str = ""
    ) -> None:
        self.attempt = attempt
        self.outcome = outcome
        self.seconds = seconds
        self.message = message
        self.outputs = outputs


class Rows:
    """What one run adds to the database in one transaction."""

    __slots__ = (
        "again",
        "attempts",
        "begun",
        "dependencies",
        "due",
        "ended",
        "first_position",
        "is_reopened",
        "logs",
        "nodes",
        "outputs",
        "plain",
        "plans",
        "run",
        "states",
    )

    def __init__(self, run: RunMemory) -> None:
        self.run = run
        self.first_position = len(run.families_of)
        self.nodes: list[PlannedTask] = []
        """Tasks that are new in the run; their positions follow each other from `first_position`."""
        self.dependencies: list[str] = []
        """Of each node, as positions."""
        self.plans: dict[About, list[int]] = {}
        """Positions of the new tasks of which the same is said."""
        self.outputs: dict[int, str] = {}
        """By position: what tasks have that nothing here makes."""
        self.again: list[tuple[str, str, str, str | None, int]] = []
        self.states: dict[State, list[int]] = {}
        """Positions of tasks by their new state."""
        self.due: dict[int, float | None] = {}
        self.begun: list[Assigned] = []
        self.plain: list[AttemptEnded] = []
        """Ends of attempts that went well and left no word, beside their beginnings in `begun`."""
        self.attempts: list[AttemptNews] = []
        self.logs: list[tuple[int, int, str]] = []
        self.ended: RunEnded | None = None
        self.is_reopened = False
        """The run was over, and goes on."""


class RunMemory:
    """What must be kept of a run to understand its next facts."""

    def __init__(self, info: RunInfo, folder: str = "") -> None:
        self.info = info
        self.positions: dict[str, int] = {}
        self.families: dict[str, int] = {}
        """Places among the run's families, by name."""
        self.families_of: list[int] = []
        """By position: place among the run's families."""
        self.rows = Rows(self)
        self._is_told = False
        """Rows were taken before, and with them the news that there is such a run."""
        self._folder = folder
        """Paths of logs below it are kept relative to it."""
        self._states = bytearray()
        """By position: the state as it was written last."""
        self._new_states: dict[str, State] = {}
        self._begun: dict[str, Assigned] = {}
        self._opened: dict[str, Opened] = {}
        self._tried: dict[str, int] = {}
        """Number of the last attempt, of tasks that had one that did not simply end well."""

    def take_rows(self) -> Rows | None:
        """All that was learned since the last time; None if there was nothing."""
        self._settle_states()
        self._settle_opened()
        rows = self.rows
        self.rows = Rows(self)
        is_news = (
            not self._is_told
            or rows.nodes
            or rows.states
            or rows.plain
            or rows.attempts
            or rows.ended
            or rows.is_reopened
            or rows.again
            or rows.due
        )
        self._is_told = True
        return rows if is_news or rows.logs else None

    # -- what was written before -------------------------------------------------------------------------------

    def mark_as_told(self) -> None:
        """There is a row for the run already."""
        self._is_told = True

    def add_known(self, id: str, family: str, state: State) -> None:
        """Remember the next task of the plan, which is written already."""
        self.positions[id] = len(self._states)
        self.families_of.append(self.families.setdefault(family, len(self.families)))
        self._states.append(state)
        self.rows.first_position = len(self.families_of)

    def add_attempt(self, task: str, attempt: Opened, is_over: bool) -> None:
        """Remember an attempt that is written already; those of a task in order."""
        if is_over:
            self._tried[task] = attempt.number
        else:
            self._opened[task] = attempt

    # -- the plan ----------------------------------------------------------------------------------------------

    def planned(self, nodes: Sequence[PlannedTask]) -> None:
        """Take in nodes of the plan; those known already bring their dependencies and verdict up to date."""
        positions = self.positions
        is_dynamic = bool(positions)
        fresh = [node for node in nodes if node.id not in positions]
        known = len(positions)
        positions.update(zip(map(_id, fresh), range(known, known + len(fresh)), strict=True))
        if len(positions) < known + len(fresh):
            raise ValueError("a task is twice in one plan")
        self._enter(fresh, is_dynamic)
        if len(fresh) < len(nodes):
            new = set(map(_id, fresh))
            self._enter_again(node for node in nodes if node.id not in new)

    def _enter(self, nodes: list[PlannedTask], is_dynamic: bool) -> None:
        """Enter nodes in whole columns: each step is one loop in C."""
        rows, families = self.rows, self.families
        for name in dict.fromkeys(map(_family, nodes)):
            families.setdefault(name, len(families))
        self.families_of += map(families.__getitem__, map(_family, nodes))
        first = position = len(self._states)
        rows.outputs.update((place, told) for place, told in enumerate(map(_outputs, nodes), first) if told)
        for about, alike in groupby(map(_about, nodes)):
            verdict = about[0]
            positions = range(position, position + len(list(alike)))
            position = positions.stop
            self._states += bytes((INITIAL.get(verdict, State.UNKNOWN),)) * len(positions)
            plan = rows.plans.get((*about, is_dynamic))
            if plan is None:
                plan = rows.plans[(*about, is_dynamic)] = []
            plan += positions
        rows.nodes += nodes
        rows.dependencies += [self._compact(ids) if ids else "" for ids in map(_dependencies, nodes)]

    def _enter_again(self, nodes: Iterable[PlannedTask]) -> None:
        for node in nodes:
            position = self.positions[node.id]
            row = (self._compact(node.dependencies), node.verdict, node.reason, node.error or None, position)
            self.rows.again.append(row)
            if node.outputs:
                self.rows.outputs[position] = node.outputs

    def _compact(self, dependencies: tuple[str, ...]) -> str:
        """Positions of dependencies as text: `3,5,8`, or `0-99` for all from 0 to 99."""
        positions = self.positions
        try:
            found = [positions[id] for id in dependencies]
        except KeyError:
            found = [positions[id] for id in dependencies if id in positions]
        if len(found) > 2 and found == list(range(found[0], found[0] + len(found))):
            return f"{found[0]}-{found[-1]}"
        return ",".join(map(str, found))

    # -- what happens ------------------------------------------------------------------------------------------

    def happened(self, effects: Iterable[Effect]) -> None:
        """Take in what the scheduler decided and learned. The hottest loop here."""
        states, begun, rows = self._new_states, self._begun, self.rows
        beginnings, ends = rows.begun, rows.plain
        for effect in effects:
            if type(effect) is StateChanged:
                states[effect.task] = effect.new
            elif type(effect) is Assigned and len(effect.tasks) == 1:
                begun[effect.tasks[0]] = effect
            elif type(effect) is AttemptEnded and effect.outcome is _DONE and effect.task in begun:
                beginnings.append(begun.pop(effect.task))
                ends.append(effect)
            else:
                self._more_happened(effect)

    def _more_happened(self, effect: Effect) -> None:
        match effect:
            case AttemptEnded():
                self._attempt_ended(effect)
            case Assigned():
                self._batch_assigned(effect)
            case Noted() if effect.kind in _KINDS:
                self._noted(effect)
            case RetryPlanned():
                self._due(effect.task, effect.due)
            case TaskDisabled():
                self._due(effect.task, effect.until)

    def _attempt_ended(self, effect: AttemptEnded) -> None:
        attempt = self._open(effect.task)
        if attempt is None:
            position = self.positions.get(effect.task)
            if position is None:
                return
            attempt = Opened(position, effect.attempt, effect.worker, effect.at)
        self._opened.pop(effect.task, None)
        self._tried[effect.task] = attempt.number
        if effect.seconds is not None:
            attempt.started = effect.at - effect.seconds
        seconds = effect.at - attempt.started
        self.rows.attempts.append(AttemptNews(attempt, effect.outcome, seconds, effect.message, effect.outputs))

    def _batch_assigned(self, effect: Assigned) -> None:
        """The number that was said is the first task's; the others count their attempts by themselves."""
        for task in effect.tasks:
            number = effect.attempt if task == effect.tasks[0] else self._tried.get(task, 0) + 1
            position = self.positions.get(task)
            if position is not None:
                self._opened[task] = Opened(position, number, effect.worker, effect.at)

    def _open(self, task: str) -> Opened | None:
        """The attempt under way at a task, from now on as one of which more is to be told."""
        begun = self._begun.pop(task, None)
        if begun is not None and task in self.positions:
            self._opened[task] = Opened(self.positions[task], begun.attempt, begun.worker, begun.at)
        return self._opened.get(task)

    def _noted(self, effect: Noted) -> None:
        attempt = self._open(effect.task)
        if attempt is None:
            return
        if effect.kind == "progress":
            try:
                attempt.progress = float(effect.value)
            except (TypeError, ValueError):
                return
        else:
            setattr(attempt, effect.kind, str(effect.value))
        attempt.unsaved = True

    def _due(self, task: str, moment: float | None) -> None:
        position = self.positions.get(task)
        if position is not None:
            self.rows.due[position] = moment

    def attempt_log(self, task: str, number: int, path: str) -> None:
        """An attempt, under way or over, left output in a file."""
        if self._folder and path.startswith(self._folder):
            path = path[len(self._folder) :]
        attempt = self._open(task)
        if attempt is not None and attempt.number == number:
            attempt.log = path
            attempt.unsaved = True
        elif task in self.positions:
            self.rows.logs.append((self.positions[task], number, path))

    # -- before rows are taken ---------------------------------------------------------------------------------

    def _settle_states(self) -> None:
        """Of all changes of state keep the last of each task, if the state is another than was written before."""
        written, positions, changed = self._states, self.positions, self.rows.states
        for task, state in self._new_states.items():
            position = positions.get(task)
            if position is not None and written[position] != state:
                written[position] = state
                if state in changed:
                    changed[state].append(position)
                else:
                    changed[state] = [position]
        self._new_states.clear()

    def _settle_opened(self) -> None:
        """Attempts under way get a row too, and a new one whenever there is news of them."""
        for task in list(self._begun):
            self._open(task)
        for attempt in self._opened.values():
            if attempt.unsaved:
                attempt.unsaved = False
                self.rows.attempts.append(AttemptNews(attempt, None, None, ""))


_names: dict[str, str] = {}
"""Names of parameters as JSON, with the colon. There are few, and they come again in every task."""


def params_json(params: Mapping[str, str]) -> str:
    """Parameters as JSON without a space: so written, a search can look for the very text of one of them."""
    parts = []
    for name, value in params.items():
        quoted = _names.get(name)
        if quoted is None:
            quoted = _names[name] = encode_basestring(name) + ":"
        parts.append(quoted + encode_basestring(value))
    return "{" + ",".join(parts) + "}"


def positions_in(text: str) -> list[int]:
    """The positions that a text of dependencies names."""
    if "-" in text:
        first, _, last = text.partition("-")
        return list(range(int(first), int(last) + 1))
    positions: list[int] = json.loads(f"[{text}]")
    return positions
