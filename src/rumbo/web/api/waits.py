"""What waits and for what, counted by family."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rumbo.scheduler.records import State
from rumbo.scheduler.views import able_workers
from rumbo.web.api.shapes import Wait

if TYPE_CHECKING:
    from rumbo.scheduler.machine import Machine
    from rumbo.scheduler.records import TaskRecord

_STRETCH = 2000
"""Tasks that are looked at before others have their turn: workers must not wait for those who watch."""

_STUCK = (State.FAILED, State.DISABLED, State.CANCELLED, State.UNKNOWN)

Key = tuple[str, str, str]


async def waits(machine: Machine) -> list[Wait]:
    """What waits, those of which there are most first. Linear in the tasks that the machine knows."""
    found: dict[Key, Wait] = {}
    held_up = await _held_up(machine)
    known: dict[tuple[str, object, tuple[str, ...]], tuple[str, str]] = {}
    for number, task in enumerate(list(machine.tasks.values()), 1):
        if number % _STRETCH == 0:
            await asyncio.sleep(0)
        if task.state is State.PENDING:
            kind = ("held_up", "") if task.id in held_up else _kind(machine, task, known)
            _count(found, task.spec.family, *kind)
        elif task.state is State.FAILED and task.retry_at is not None:
            _count(found, task.spec.family, "retry", "", task.retry_at)
    return sorted(found.values(), key=lambda each: (-each.tasks, each.family))


async def _held_up(machine: Machine) -> set[str]:
    """Ids of the tasks that wait, directly or not, for one that cannot be done unless somebody steps in."""
    open_ends = [task for task in machine.tasks.values() if task.state in _STUCK and task.retry_at is None]
    found: set[str] = set()
    seen = 0
    while open_ends:
        for id in open_ends.pop().dependents:
            seen += 1
            if seen % _STRETCH == 0:
                await asyncio.sleep(0)
            task = machine.tasks.get(id)
            if task is not None and task.state is State.PENDING and id not in found:
                found.add(id)
                open_ends.append(task)
    return found


def _count(found: dict[Key, Wait], family: str, kind: str, what: str, at: float | None = None) -> None:
    key = (family, kind, what)
    wait = found.get(key)
    if wait is None:
        wait = found[key] = Wait.model_validate({"family": family, "kind": kind, "what": what, "tasks": 0, "next": at})
    wait.tasks += 1
    if at is not None and wait.next is not None:
        wait.next = min(wait.next, at)


def _kind(
    machine: Machine, task: TaskRecord, known: dict[tuple[str, object, tuple[str, ...]], tuple[str, str]]
) -> tuple[str, str]:
    """What a task waits for; those of one family with equal needs and runners wait for the same."""
    if task.missing:
        return "dependencies", ""
    if not task.spec.runnable:
        return "outside", ""
    key = (task.spec.family, tuple(task.spec.resources.items()), task.runners)
    if key not in known:
        known[key] = _why(machine, task)
    return known[key]


def _why(machine: Machine, task: TaskRecord) -> tuple[str, str]:
    able = able_workers(machine, task)
    if not able:
        return "workers", ""
    lacking = [machine.resources.lacking(task, worker) for worker in able]
    if all(lacking):
        return "resources", lacking[0]
    return "turn", ""
