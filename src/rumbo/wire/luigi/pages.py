"""What Luigi's pages ask: lists of tasks, graphs, workers, resources. Nothing here changes anything."""

from __future__ import annotations

import re
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, Any

from rumbo.scheduler.records import State
from rumbo.scheduler.views import connected
from rumbo.wire.luigi.memory import NOTHING
from rumbo.wire.luigi.words import BATCH_RUN, DISABLED, RUNNING, STATUS, UNKNOWN, plain, pretty, upstream_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from rumbo.scheduler.machine import Machine
    from rumbo.scheduler.records import Lease, TaskRecord
    from rumbo.wire.luigi.memory import LuigiWorker, Notes, Tally
    from rumbo.wire.luigi.words import DialectOptions

_FAMILY = re.compile(r"([^(_]+)[(_]")


class Pages:
    """Questions about a machine, answered as Luigi's scheduler would.

    Args:
        params_of: the parameters of a task whose description has none; by default there are none.
    """

    def __init__(
        self,
        machine: Machine,
        notes: Mapping[str, Notes],
        workers: Mapping[str, LuigiWorker],
        tally: Callable[[], Tally],
        options: DialectOptions,
        params_of: Callable[[str], Mapping[str, str]] | None = None,
    ) -> None:
        self._machine = machine
        self._notes = notes
        self._workers = workers
        self._tally = tally
        self._options = options
        self._params_of = params_of
        self.runners: dict[int, str] = {}
        """By the lease of a batch: the task that runs on its behalf."""

    # -- one task ---------------------------------------------------------------------------------------------------

    def note(self, id: str) -> Notes:
        """What is remembered of a task."""
        return self._notes.get(id, NOTHING)

    def status(self, task: TaskRecord) -> str:
        """Luigi's word for a task's state."""
        if task.state is State.BATCHED and self.runners.get(task.lease) == task.id:
            return RUNNING
        return STATUS[task.state]

    def is_hidden(self, task: TaskRecord) -> bool:
        """Whether it stood for a batch that failed, so that nobody wants to see it any more."""
        return task.state is not State.RUNNING and task.state is not State.DONE and task.run.startswith(BATCH_RUN)

    def params(self, task: TaskRecord) -> Mapping[str, str]:
        """A task's parameters, hidden ones too."""
        if task.spec.params or self._params_of is None:
            return task.spec.params
        return self._params_of(task.id)

    def public_params(self, task: TaskRecord) -> dict[str, str]:
        """The parameters that everybody may see."""
        hidden = {*self.note(task.id).hidden, *task.spec.hidden}
        return {name: value for name, value in self.params(task).items() if name not in hidden}

    def display_name(self, task: TaskRecord) -> str:
        """A task as people read it."""
        return pretty(task.spec.family, self.public_params(task))

    def enabled_runners(self, task: TaskRecord) -> list[str]:
        """The workers that may run a task."""
        workers = self._machine.workers
        return [id for id in task.runners if not workers[id].disabled]

    def lease_of(self, task: TaskRecord) -> Lease | None:
        """The lease that a task is done under: for one that stands for a batch, that of the batch."""
        lease = self._machine.leases.get(task.lease)
        if lease is not None and task.run.startswith(BATCH_RUN):
            return next((self._machine.leases[each] for each, id in self.runners.items() if id == task.id), lease)
        return lease

    def resources_running(self, task: TaskRecord) -> dict[str, float] | None:
        """What a task holds, or held last."""
        lease = self.lease_of(task)
        if lease is None:
            return self.note(task.id).resources
        return {name: plain(amount) for name, amount in (dict(lease.resources) | dict(lease.own)).items()}

    def serialize(self, task: TaskRecord, needs: Iterable[str] | None = None) -> dict[str, Any]:
        """A task as pages want it; with ``deps`` if they are given."""
        notes, spec, status = self.note(task.id), task.spec, self.status(task)
        lease = self._machine.leases.get(task.lease)
        found: dict[str, Any] = {
            "display_name": self.display_name(task),
            "status": status,
            "workers": self.enabled_runners(task),
            "worker_running": lease.worker if lease is not None else notes.worker_running,
            "time_running": notes.time_running,
            "start_time": task.first_seen,
            "last_updated": task.story[-2] if task.story else task.first_seen,
            "params": self.public_params(task),
            "name": spec.family,
            "priority": plain(task.priority),
            "resources": {name: plain(amount) for name, amount in spec.resources.items()},
            "resources_running": self.resources_running(task),
            "tracking_url": notes.tracking_url,
            "status_message": notes.status_message,
            "progress_percentage": notes.progress,
        }
        if status == DISABLED:
            found["re_enable_able"] = task.disabled_until is not None
        if needs is not None:
            found["deps"] = list(needs)
        if status == RUNNING and self._options.send_messages:
            found["accepts_messages"] = notes.accepts_messages
        return found

    # -- lists ------------------------------------------------------------------------------------------------------

    def with_status(self, status: str | None) -> Iterator[TaskRecord]:
        """All tasks with a status; all tasks at all without one."""
        tasks = self._machine.tasks
        if not status:
            found: Iterable[TaskRecord] = tasks.values()
        elif status == UNKNOWN:
            found = (task for task in tasks.values() if task.state is State.UNKNOWN)
        else:
            states = [state for state, word in STATUS.items() if word == status]
            if status == RUNNING:
                states.append(State.BATCHED)
            found = chain.from_iterable(map(tasks.__getitem__, self._tally().by_state[state]) for state in states)
            found = (task for task in found if self.status(task) == status)
        return (task for task in found if not self.is_hidden(task))

    def how_many(self, status: str | None) -> int:
        """About how many tasks have a status, without looking at them."""
        by_state = self._tally().by_state
        if not status:
            return len(self._machine.tasks)
        if status == UNKNOWN:
            return len(self._machine.tasks) - sum(map(len, by_state[: State.UNKNOWN]))
        return sum(len(by_state[state]) for state, word in STATUS.items() if word == status)

    def tasks(self, status: str | None, upstream: str | None, search: str | None, limit: int | None) -> dict[str, Any]:
        """Tasks by id, or their number if there are more than ``limit``."""
        terms = [term.casefold() for term in search.split()] if search else []
        known: dict[str, int] = {}
        found: list[TaskRecord] = []
        for task in self.with_status(status):
            if terms:
                name = self.display_name(task).casefold()
                if not all(term in name for term in terms):
                    continue
            is_pending = task.state is State.PENDING
            if is_pending and upstream and upstream_status(self._machine, task, known) != upstream:
                continue
            found.append(task)
        if limit is not None and len(found) > limit:
            return {"num_tasks": len(found)}
        return {task.id: self.serialize(task) for task in found}

    def search(self, part: str) -> dict[str, dict[str, Any]]:
        """By status: the tasks in whose id a text occurs."""
        found: dict[str, dict[str, Any]] = {}
        for id, task in self._machine.tasks.items():
            if part in str(id) and not self.is_hidden(task):
                found.setdefault(self.status(task), {})[id] = self.serialize(task)
        return found

    # -- graphs -----------------------------------------------------------------------------------------------------

    def graph(self) -> dict[str, Any]:
        """All tasks with what they need, as many as a graph may have."""
        found: dict[str, Any] = {}
        for id, task in self._machine.tasks.items():
            if len(found) >= self._options.max_graph_nodes:
                break
            if id not in found and not self.is_hidden(task):
                found |= self.around(id, seen=found)
        return found

    def around(
        self, root: str, downwards: bool = False, include_done: bool = True, seen: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """A task and all that it needs (or that needs it), breadth first, as many as a graph may have.

        Args:
            seen: tasks that are not shown again.
        """
        tasks = self._machine.tasks
        found: dict[str, Any] = {}
        met = {root, *(seen or ())}
        room = self._options.max_graph_nodes - len(seen or ())
        line = deque([root])
        while line and len(found) < room:
            task = tasks[line.popleft()]
            needs = list(task.dependents) if downwards else list(task.waits_for)
            if not include_done:
                needs = [id for id in needs if tasks[id].state is not State.DONE]
            found[task.id] = self._node(task, needs, is_root=task.id == root)
            if task.spec.family:
                for id in sorted(needs):
                    if id not in met:
                        met.add(id)
                        line.append(id)
        return found

    def _node(self, task: TaskRecord, needs: list[str], is_root: bool) -> dict[str, Any]:
        if task.spec.family:
            node = self.serialize(task, needs)
        else:
            family = _FAMILY.match(task.id)
            node = {
                "deps": [],
                "status": UNKNOWN,
                "workers": [],
                "start_time": UNKNOWN,
                "params": {"task_id": task.id},
                "name": family.group(1) if family else UNKNOWN,
                "display_name": task.id,
                "priority": 0,
            }
        if not is_root:
            del node["display_name"]
        return node

    # -- workers and resources --------------------------------------------------------------------------------------

    def running(self, leases: Iterable[Lease]) -> Iterator[TaskRecord]:
        """The tasks that are RUNNING under some leases, in order."""
        for lease in leases:
            for id in lease.tasks:
                task = self._machine.tasks[id]
                if self.status(task) == RUNNING:
                    yield task

    def running_for(self, worker: str) -> list[dict[str, Any]]:
        """The tasks a worker can run that are running, each with what is known of the one that runs it."""
        found = []
        leases = self._machine.leases
        for task in self.running(leases.values()):
            holder = leases[task.lease].worker
            is_own_batch = holder == worker and task.run.startswith(BATCH_RUN)
            if is_own_batch or worker in task.runners:
                known = self._workers.get(holder)
                found.append({"task_id": task.id, "worker": holder, **(known.info if known else {})})
        return found

    def workers(self, include_running: bool) -> list[dict[str, Any]]:
        """All workers, those that came last first; ours too."""
        found = []
        for record in connected(self._machine):
            id = record.id
            known = self._workers.get(id)
            worker: dict[str, Any] = {
                "name": id,
                "last_active": max(record.seen, known.last_active) if known else record.seen,
                "started": known.started if known else record.seen,
                "state": "disabled" if record.disabled else "active",
                "first_task_display_name": "",
                "num_unread_rpc_messages": len(known.messages) if known else 0,
                **(known.info if known else {}),
            }
            first = worker.get("first_task") or ""
            task = self._machine.tasks.get(first)
            worker["first_task_display_name"] = self.display_name(task) if task is not None else first
            if include_running:
                count = self._tally().of(id)
                running = {
                    task.id: self.serialize(task)
                    for task in self.running(map(self._machine.leases.__getitem__, record.leases))
                }
                worker["num_running"] = len(running)
                worker["num_pending"] = count.pending
                worker["num_uniques"] = count.pending_alone
                worker["running"] = running
            found.append(worker)
        found.sort(key=lambda worker: worker["started"], reverse=True)
        return found

    def resources(self) -> list[dict[str, Any]]:
        """All resources whose amount somebody has set, and the tasks that use them."""
        machine = self._machine
        consumers: dict[str, dict[str, Any]] = {name: {} for name in machine.resources.capacity}
        for task in self.running(machine.leases.values()):
            for name in task.spec.resources:
                if name in consumers:
                    consumers[name][task.id] = self.serialize(task)
        return [
            {
                "name": name,
                "num_total": plain(total),
                "num_used": plain(machine.resources.used.get(name, 0)),
                "num_consumer": len(consumers[name]),
                "running": consumers[name],
            }
            for name, total in machine.resources.capacity.items()
        ]

    def error(self, id: str) -> dict[str, Any]:
        """Why a task failed."""
        task = self._machine.tasks.get(id)
        if task is None:
            return {"taskId": id, "error": ""}
        return {
            "taskId": id,
            "error": self.note(id).expl,
            "displayName": self.display_name(task),
            "taskParams": self.public_params(task),
            "taskModule": task.spec.module or None,
            "taskFamily": task.spec.family,
        }
