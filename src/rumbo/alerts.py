"""What is worth telling people: events, and the alerts that follow from what a scheduler decided and learned.

A function of what happened: the same effects give the same alerts with the same ids, whoever asks and how often.
"""

from __future__ import annotations

import hashlib
import time
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from rumbo.errors import ConfigurationError
from rumbo.ports import Alert
from rumbo.scheduler.effects import Assigned, AttemptEnded, RetryPlanned, TaskDisabled
from rumbo.scheduler.records import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rumbo.ports import PlannedTask, RunEnded, RunInfo
    from rumbo.scheduler.effects import Effect

MESSAGE = 5000
"""Characters of a message that are told: its end, where a traceback says what was raised."""


class Event(StrEnum):
    """What can be told of."""

    TASK_FAILED = "task_failed"
    """A task failed, and is not tried again within its run."""
    TASK_DISABLED = "task_disabled"
    """A task failed too often, and is left alone for a while."""
    RUN_FAILED = "run_failed"
    """A run ended, and not all that it was to make is complete."""
    RUN_DONE = "run_done"
    """A run ended well."""
    SCHEDULING_FAILED = "scheduling_failed"
    """A task could not say whether it is complete or what it needs."""
    WORKER_LOST = "worker_lost"
    """A worker fell silent, and what it ran was given to others."""
    ATTEMPT_FAILED = "attempt_failed"
    """An attempt failed, and another one follows within the run."""
    TASK_STARTED = "task_started"
    """An attempt at a task began."""
    TASK_DONE = "task_done"
    """A task finished."""
    RUN_STARTED = "run_started"
    """A run began."""
    RUN_CANCELLED = "run_cancelled"
    """A run was ended by a person."""
    TEST = "test"
    """Somebody tries whether alerts arrive."""


def events_of(text: str, where: str) -> frozenset[str]:
    """The events that a setting names, separated by commas; ``all`` for all of them.

    Raises:
        ConfigurationError: one does not exist. The message names ``where``.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if names == ["all"]:
        return frozenset(Event)
    for name in names:
        if name not in set(Event):
            raise ConfigurationError(f"{where}: there is no event {name!r}. There is: {', '.join(Event)}, or all.")
    return frozenset(names)


class Subject(NamedTuple):
    """What an alert says of a task."""

    run: str
    family: str
    params: Mapping[str, str]
    """Those that may be shown."""
    owners: tuple[str, ...] = ()
    group: str = ""
    """What it has in common with others that it may be done together with."""


def group_of(family: str, params: Mapping[str, str], batched: Sequence[str]) -> str:
    """The name of what a task has in common with others: its family and the parameters that they share."""
    shared = ", ".join(f"{name}={value}" for name, value in params.items() if name not in batched)
    return f"{family}({shared})"


def of_effects(
    effects: Sequence[Effect], about: Callable[[str], Subject | None], wanted: frozenset[str]
) -> Iterator[Alert]:
    """The alerts about tasks that follow from effects.

    Args:
        about: what is known of a task; None if nothing is, and then nothing is told.
        wanted: the events that anybody wants to hear of.
    """
    promised = {effect.task for effect in effects if type(effect) is RetryPlanned and effect.promised}
    for effect in effects:
        if isinstance(effect, AttemptEnded):
            event = _event_of(effect, promised)
            if event in wanted:
                yield from _of_attempt(effect, event, about)
        elif isinstance(effect, TaskDisabled) and Event.TASK_DISABLED in wanted:
            yield from _of_disabled(effect, about)
        elif isinstance(effect, Assigned) and Event.TASK_STARTED in wanted:
            yield from _of_begun(effect, about)


_FAILURES = (Outcome.FAILED, Outcome.TIMED_OUT)


def _event_of(ended: AttemptEnded, promised: set[str]) -> Event | str:
    if ended.outcome is Outcome.DONE:
        return Event.TASK_DONE
    if ended.outcome not in _FAILURES:
        return ""
    return Event.ATTEMPT_FAILED if ended.task in promised else Event.TASK_FAILED


def _of_attempt(ended: AttemptEnded, event: Event | str, about: Callable[[str], Subject | None]) -> Iterator[Alert]:
    subject = about(ended.task)
    if subject is not None:
        message = "" if event is Event.TASK_DONE else cut(ended.message)
        yield _of_task(event, ended.at, ended.task, subject, ended.worker, ended.attempt, message)


def _of_disabled(disabled: TaskDisabled, about: Callable[[str], Subject | None]) -> Iterator[Alert]:
    subject = about(disabled.task)
    if subject is not None:
        until = moment(disabled.until) if disabled.until is not None else "somebody enables it"
        message = f"It failed too often, and is left alone until {until}."
        yield _of_task(Event.TASK_DISABLED, disabled.at, disabled.task, subject, message=message)


def _of_begun(given: Assigned, about: Callable[[str], Subject | None]) -> Iterator[Alert]:
    for task in given.tasks:
        subject = about(task)
        if subject is not None:
            yield _of_task(Event.TASK_STARTED, given.at, task, subject, given.worker, given.attempt)


def of_loss(task: str, subject: Subject, worker: str, attempt: int, at: float) -> Alert:
    """A task has failed because its workers were lost too often."""
    message = "The workers that ran it fell silent, again and again."
    return _of_task(Event.TASK_FAILED, at, task, subject, worker, attempt, message)


def of_broken(run: str, node: PlannedTask, at: float) -> Alert:
    """A task could not say whether it is complete or what it needs."""
    group = group_of(node.family, node.params, node.batched)
    subject = Subject(run, node.family, node.params, node.owners, group)
    message = cut(node.error or node.reason)
    return _of_task(Event.SCHEDULING_FAILED, at, node.id, subject, message=message)


def _of_task(
    event: str, at: float, task: str, subject: Subject, worker: str = "", attempt: int = 0, message: str = ""
) -> Alert:
    return Alert(
        _id(event, at, subject.run, task, worker, attempt),
        event,
        at,
        subject.run,
        task,
        subject.family,
        subject.params,
        subject.group or task,
        subject.owners,
        worker,
        attempt,
        message,
    )


def of_worker(worker: str, at: float, who: str) -> Alert:
    """A worker was lost. ``who`` says where it ran."""
    message = f"It was silent for too long{f' ({who})' if who else ''}. What it ran goes to others."
    return Alert(_id(Event.WORKER_LOST, at, worker), Event.WORKER_LOST, at, worker=worker, message=message)


def of_run_started(run: RunInfo) -> Alert:
    """A run began."""
    message = f"{run.user}@{run.host}: {run.command}"
    return Alert(_id(Event.RUN_STARTED, run.started, run.id), Event.RUN_STARTED, run.started, run.id, message=message)


_ENDINGS = {"done": Event.RUN_DONE, "cancelled": Event.RUN_CANCELLED}


def of_run_ended(ended: RunEnded, run: RunInfo | None = None) -> Alert:
    """A run ended."""
    event = _ENDINGS.get(ended.status, Event.RUN_FAILED)
    who = f"\n{run.user}@{run.host}: {run.command}" if run is not None else ""
    return Alert(_id(event, ended.ended, ended.id), event, ended.ended, ended.id, message=cut(ended.summary + who))


def moment(at: float) -> str:
    """A moment as people of any place read it."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))


def cut(message: str) -> str:
    """The end of a message, if it is too long."""
    return message if len(message) <= MESSAGE else f"... {message[-MESSAGE:]}"


def _id(*parts: object) -> str:
    return hashlib.sha256(repr(tuple(map(str, parts))).encode()).hexdigest()[:24]
