"""The addresses by which people step in: pause, cancel, forgive, tell. Each answers when the change is safe."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter, HTTPException

from rumbo.errors import CommandRejected
from rumbo.scheduler import commands as do
from rumbo.scheduler.effects import StateChanged, StopAsked
from rumbo.server.coordinator import Telling
from rumbo.web.api.shapes import Amount, Done, DoneAll, Ids, Message, Reply, Sent, Slots
from rumbo.web.api.terms import OPERATOR, VIEWER, Id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rumbo.scheduler.effects import Effect
    from rumbo.server.daemon import Daemon


_VERBS: dict[str, Callable[[str], do.Command]] = {
    "cancel": lambda id: do.Cancel((id,)),
    "forgive": do.Forgive,
    "enable": do.Enable,
    "done": do.MarkDone,
}


def changes(daemon: Daemon) -> APIRouter:
    """The routes."""
    router = APIRouter()

    async def change(task: str, command: do.Command) -> Done:
        if task not in daemon.coordinator.machine.tasks:
            raise HTTPException(404, f"The scheduler knows no task {task!r} (any more).")
        return _done(await daemon.command(command))

    @router.post("/pause", tags=["server"], **OPERATOR)
    async def pause() -> Done:
        """Give out nothing new. What runs goes on."""
        return _done(await daemon.command(do.Pause()))

    @router.post("/resume", tags=["server"], **OPERATOR)
    async def resume() -> Done:
        """Give out work again."""
        return _done(await daemon.command(do.Unpause()))

    @router.post("/runs/{run}/cancel", tags=["runs"], **OPERATOR)
    async def cancel_run(run: Id) -> Done:
        """Withdraw all that a run asked for and that nobody else wants; what runs is stopped."""
        found = [id for id in daemon.coordinator.runs if id.startswith(run)]
        if run in found:
            found = [run]
        if len(found) != 1:
            raise HTTPException(404, f"No run is open whose id is or begins with {run!r}, or there are several.")
        return _done(await daemon.command(do.CancelRun(found[0])))

    @router.post("/tasks/{task}/cancel", tags=["tasks"], **OPERATOR)
    async def cancel_task(task: Id) -> Done:
        """Withdraw a task; if it runs, it is stopped."""
        return await change(task, do.Cancel((task,)))

    @router.post("/tasks/{task}/forgive", tags=["tasks"], **OPERATOR)
    async def forgive_task(task: Id) -> Done:
        """Let a failed or cancelled task be tried again, its failures forgotten."""
        return await change(task, do.Forgive(task))

    @router.post("/tasks/{task}/enable", tags=["tasks"], **OPERATOR)
    async def enable_task(task: Id) -> Done:
        """Let a task that was disabled by its failures be tried again."""
        return await change(task, do.Enable(task))

    @router.post("/tasks/{task}/done", tags=["tasks"], **OPERATOR)
    async def mark_done(task: Id) -> Done:
        """Hold a task for complete because you say so; if it runs, it is stopped."""
        return await change(task, do.MarkDone(task))

    @router.post("/tasks/{verb}", tags=["tasks"], **OPERATOR)
    async def change_several(verb: Literal["cancel", "forgive", "enable", "done"], ids: Ids) -> DoneAll:
        """Do the same to several tasks: `cancel`, `forgive`, `enable` or `done`; those that refuse are left alone."""
        changed: dict[str, str] = {}
        refused: dict[str, str] = {}
        for id in dict.fromkeys(ids.tasks):
            if id not in daemon.coordinator.machine.tasks:
                refused[id] = "The scheduler does not know it (any more)."
                continue
            try:
                changed |= _done(daemon.command_now(_VERBS[verb](id))).changed
            except CommandRejected as error:
                refused[id] = str(error)
        await daemon.settled()
        return DoneAll(changed=changed, refused=refused)

    @router.post("/tasks/{task}/messages", tags=["tasks"], **OPERATOR)
    async def send_message(task: Id, message: Message) -> Sent:
        """Send a message to a running task."""
        id = os.urandom(8).hex()
        await daemon.tell(Telling("", "message", message.content, task, id))
        return Sent(id=id)

    @router.get("/messages/{message}", tags=["tasks"], **VIEWER)
    async def get_reply(message: Id) -> Reply:
        """What a task answered to a message."""
        return Reply(text=daemon.coordinator.replies.get(message))

    @router.put("/workers/{worker}/slots", tags=["workers"], **OPERATOR)
    async def set_slots(worker: Id, slots: Slots) -> Done:
        """Let a worker make so many attempts at a time."""
        return await tell(worker, "slots", str(slots.slots))

    @router.post("/workers/{worker}/drain", tags=["workers"], **OPERATOR)
    async def drain(worker: Id) -> Done:
        """Let a worker finish what it runs, and end."""
        return await tell(worker, "drain")

    async def tell(worker: str, verb: str, text: str = "") -> Done:
        if worker not in daemon.coordinator.seats:
            raise HTTPException(404, f"There is no worker {worker!r} connected.")
        await daemon.tell(Telling(worker, verb, text))
        return Done(changed={})

    @router.post("/workers/{worker}/disable", tags=["workers"], **OPERATOR)
    async def disable(worker: Id) -> Done:
        """Give a worker nothing more. What it runs may finish."""
        record = daemon.coordinator.machine.workers.get(worker)
        if record is None or not record.pools:
            raise HTTPException(404, f"There is no worker {worker!r} connected.")
        return _done(await daemon.command(do.DisableWorker(worker)))

    @router.put("/resources/{name}", tags=["resources"], **OPERATOR)
    async def set_amount(name: Id, amount: Amount) -> Done:
        """Change how much there is of a resource."""
        return _done(await daemon.command(do.SetCapacity(name, amount.amount)))

    return router


def _done(effects: Sequence[Effect]) -> Done:
    return Done(
        changed={each.task: each.new.name.lower() for each in effects if isinstance(each, StateChanged)},
        stopping=[each.task for each in effects if isinstance(each, StopAsked)],
    )
