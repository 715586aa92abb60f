"""A run as plain lines, for logs, pipes and terminals that can do no more: who began, who ended, after how long."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

from rumbo.cli.finding import failure_text
from rumbo.cli.look import Ink, plural
from rumbo.scheduler.effects import Assigned, AttemptEnded, Noted, Refused, RetryPlanned, StateChanged, TaskDisabled
from rumbo.scheduler.records import Outcome, State
from rumbo.wording import duration, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.ports import PlannedTask, RunEnded, RunInfo
    from rumbo.scheduler.effects import Effect

_MANY = 1000
"""With more tasks to run than this, a line now and then replaces a line for each."""
_NOW_AND_THEN = 5.0
"""Seconds between such lines."""
_TALKATIVE = 5.0
"""Seconds between two lines with what one task says of itself."""

_WORDS = {
    Outcome.DONE: ("done", "done"),
    Outcome.FAILED: ("FAILED", "failed"),
    Outcome.TIMED_OUT: ("TIMED OUT", "failed"),
    Outcome.CANCELLED: ("stopped", "cancelled"),
    Outcome.LOST: ("LOST", "failed"),
    Outcome.RELEASED: ("given back", "cancelled"),
}


class PlainLines:
    """`Observer` that prints.

    Args:
        out: where the lines go. It must not be what attempts' output is kept from.
        is_quiet: only failures and what attempts printed.
    """

    def __init__(self, out: TextIO, is_quiet: bool = False) -> None:
        self._out = out
        self._ink = Ink(out)
        self._is_quiet = is_quiet
        self._planned: dict[str, PlannedTask] = {}
        self._to_run = 0
        self._ended = 0
        self._run: RunInfo | None = None
        self._begun: dict[int, float] = {}
        self._spoken = 0.0
        self._printed = Printed()
        self._said_at: dict[int, float] = {}
        self._parked: set[str] = set()
        """Tasks that wait for what they asked for."""
        self._latest = (0, 0.0)
        """Lease and beginning of the attempt that ended last."""

    # -- Observer -----------------------------------------------------------------------------------------------------

    def run_started(self, run: RunInfo) -> None:
        self._run = run

    def planned(self, run_id: str, nodes: Sequence[PlannedTask]) -> None:
        is_first = not self._planned
        self._planned.update((node.id, node) for node in nodes)
        fresh = sum(node.verdict == "run" for node in nodes)
        self._to_run += fresh
        if is_first and fresh and not self._is_quiet and self._run is not None:
            complete = sum(node.verdict == "skip" for node in nodes)
            others = len(nodes) - fresh - complete
            parts = [f"{plural(fresh, 'task')} to run"]
            parts += [f"{complete:,} complete"] if complete else []
            parts += [f"{others:,} that cannot run"] if others else []
            self._line("run", "running", f"{self._run.id}: {', '.join(parts)}")
        for node in nodes:
            if node.verdict == "broken":
                self._line("BROKEN", "failed", f"{name_of(node)}: {node.reason}")

    def happened(self, run_id: str, effects: Sequence[Effect]) -> None:
        for effect in effects:
            kind = effect.__class__
            if kind is Assigned:
                self._assigned(effect)  # type: ignore[arg-type]
            elif kind is AttemptEnded:
                self._attempt_ended(effect)  # type: ignore[arg-type]
            elif kind is StateChanged:
                self._state_changed(effect)  # type: ignore[arg-type]
            elif kind is RetryPlanned:
                self._retry_planned(effect)  # type: ignore[arg-type]
            elif kind is TaskDisabled:
                self._task_disabled(effect)  # type: ignore[arg-type]
            elif kind is Refused:
                self._line("refused", "failed", f"{self._name(effect.task)}: {effect.message}")  # type: ignore[union-attr]
            elif kind is Noted and not self._is_quiet:
                self._noted(effect)  # type: ignore[arg-type]

    def attempt_log(self, run_id: str, task_id: str, attempt: int, path: str) -> None:
        self._out.write(self._printed.news(path))

    def run_ended(self, run: RunEnded) -> None:
        pass

    def close(self) -> None:
        self._out.flush()

    # -- lines --------------------------------------------------------------------------------------------------------

    def _assigned(self, effect: Assigned) -> None:
        self._begun[effect.lease] = effect.at
        if self._is_quiet or self._to_run > _MANY:
            return
        again = f" (attempt {effect.attempt})" if effect.attempt > 1 else ""
        for task in effect.tasks:
            self._line("start", "running", f"{self._name(task)}{again}")

    def _attempt_ended(self, effect: AttemptEnded) -> None:
        if effect.outcome is Outcome.PARKED:
            return
        if effect.outcome is Outcome.RELEASED and effect.task in self._parked:
            return  # what it asked for was not made, so its turn never came again: the summary says so
        self._ended += 1
        word, state = _WORDS.get(effect.outcome, (effect.outcome.name.lower(), "unknown"))
        began = self._began(effect)
        if effect.outcome is Outcome.DONE:
            if self._is_quiet:
                return
            if self._to_run > _MANY:
                self._now_and_then(effect.at)
                return
        took = duration(effect.at - began)
        self._line(word, state, f"{self._name(effect.task)}  {self._ink.faint(took)}")
        if effect.outcome is not Outcome.DONE and effect.message:
            self._out.write("".join(f"    {line}\n" for line in failure_text(effect.message).split("\n")))

    def _began(self, effect: AttemptEnded) -> float:
        """When the attempt began. What is known of it is let go, since an agent may live for ever."""
        self._said_at.pop(effect.lease, None)
        if effect.lease != self._latest[0]:  # that of a batch ends once for each of its tasks
            self._latest = (effect.lease, self._begun.pop(effect.lease, effect.at))
        return self._latest[1]

    def _state_changed(self, effect: StateChanged) -> None:
        if effect.new is State.PARKED:
            self._parked.add(effect.task)
        elif self._parked:
            self._parked.discard(effect.task)

    def _retry_planned(self, effect: RetryPlanned) -> None:
        self._line("retry", "retrying", f"{self._name(effect.task)} in {duration(effect.due - effect.at)}")

    def _task_disabled(self, effect: TaskDisabled) -> None:
        if effect.until is None:
            return  # switched off by its author, which the summary tells
        self._line("disabled", "disabled", f"{self._name(effect.task)} for {duration(effect.until - effect.at)}")

    def _noted(self, effect: Noted) -> None:
        if effect.at - self._said_at.get(effect.lease, 0.0) < _TALKATIVE:
            return  # a task may say where it stands many times a second
        self._said_at[effect.lease] = effect.at
        if effect.kind == "message":
            self._line("says", "running", f"{self._name(effect.task)}: {effect.value}")
        elif effect.kind == "tracking_url":
            self._line("watch", "running", f"{self._name(effect.task)} at {effect.value}")

    def _now_and_then(self, at: float) -> None:
        if at - self._spoken >= _NOW_AND_THEN:
            self._spoken = at
            self._line("progress", "running", f"{self._ended:,} of {self._to_run:,} tasks have run")

    def _line(self, word: str, state: str, text: str) -> None:
        clock = self._ink.faint(time.strftime("%H:%M:%S"))
        self._out.write(f"{clock} {self._ink.paint(word.ljust(8), state)} {text}\n")

    def _name(self, id: str) -> str:
        node = self._planned.get(id)
        return id if node is None else name_of(node)


def name_of(node: PlannedTask) -> str:
    """A task as a person writes it: ``Clean(date=2013-01-05)``."""
    return shortened(f"{node.family}({', '.join([f'{name}={value}' for name, value in node.params.items()])})")


class Printed:
    """What attempts printed, as their logs grow: an attempt that paused adds to its log when it goes on."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def news(self, path: str) -> str:
        """What is new in a log, ended by a line's end."""
        try:
            with open(path, "rb") as file:
                file.seek(self._seen.get(path, 0))
                content = file.read()
                self._seen[path] = file.tell()
        except OSError as error:
            return f"What the attempt printed cannot be read: {error}.\n"
        text = content.decode("utf-8", errors="replace")
        return text if text.endswith("\n") or not text else text + "\n"
