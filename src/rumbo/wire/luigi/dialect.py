"""Luigi's methods, with Luigi's argument names and replies, as commands to the machine and questions about it.

How the two models meet. A worker of Luigi joins with its first word. What it describes is registered; what it is given
is a lease, but it speaks of tasks, so the lease is found by the task. Reports on tasks that it does not hold are
believed where nobody can be harmed by them: a task that is done is done; one that it says it runs, or failed, is
claimed for it first. Several tasks under one lease are a batch: the worker announces one task that stands for them,
which is claimed in its turn, or is one of them.

Everything here is a function of the calls and their moments, in order: the same calls give the same replies.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from rumbo.errors import ProtocolError
from rumbo.scheduler import commands as do
from rumbo.scheduler.effects import Assigned, AttemptEnded, Forgotten, Noted, StateChanged, WorkerLost
from rumbo.scheduler.records import NO_RETRIES, Outcome, State, TaskSpec, place_of
from rumbo.wire.luigi import words
from rumbo.wire.luigi.memory import LuigiWorker, Notes, Tally
from rumbo.wire.luigi.pages import Pages
from rumbo.wire.luigi.words import BATCH_RUN, DISABLED, DONE, FAILED, PENDING, RUNNING, SUSPENDED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rumbo.scheduler.effects import Effect
    from rumbo.scheduler.machine import Machine
    from rumbo.scheduler.records import Lease, RetryPolicy, TaskRecord, WorkerRecord

_PATIENCE = 60.0
"""Seconds for which a worker counts as waiting for work after it has asked."""

_MISSED = (Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST)


READS = frozenset(
    ("count_pending", "dep_graph", "fetch_error", "get_running_task_resources", "get_task_progress_percentage")
    + ("get_task_status_message", "graph", "has_task_history", "inverse_dep_graph", "is_pause_enabled", "is_paused")
    + ("resource_list", "task_list", "task_search", "worker_list")
)
"""Methods that change nothing beyond what time does."""

CHANGES = frozenset(
    ("add_scheduler_message_response", "add_task", "add_task_batcher", "add_worker", "announce_scheduling_failure")
    + ("decrease_running_task_resources", "disable_worker", "forgive_failures", "get_scheduler_message_response")
    + ("get_work", "mark_as_done", "pause", "ping", "prune", "re_enable_task", "report_task_statistics")
    + ("send_scheduler_message", "set_task_progress_percentage", "set_task_status_message", "set_worker_processes")
    + ("unpause", "update_metrics_task_started", "update_resource", "update_resources")
)
"""Methods that may change something."""

STEERING = frozenset(
    ("disable_worker", "forgive_failures", "get_scheduler_message_response", "mark_as_done", "pause", "prune")
    + ("re_enable_task", "send_scheduler_message", "set_worker_processes", "unpause", "update_resource")
    + ("update_resources",)
)
"""Those of them by which people step in; the others are what workers say."""

OWN_BEHALF = frozenset(("disable_worker",))
"""Those of them by which workers step in too: one that was told to end disables itself."""

METHODS = READS | CHANGES
"""All that may be called over the network."""


class Dialect:
    """Luigi's scheduler, as its workers and pages see it, over a machine.

    Not safe for several threads. It neither waits nor reads a clock.

    Args:
        machine: what is asked; changed by ``apply`` alone.
        apply: carries commands out, one after the other and nothing between them, and gives what happened. Whoever
            owns the machine must hand all effects to `observe`, those of these commands before ``apply`` returns.
        now: the moment of the call that is being answered, in seconds since the epoch.
        params_of: the parameters of a task that was described without them.
        on_scheduling_failure: told when a worker could not even describe a task, with the arguments of the call.

    Attributes:
        methods: by name, what may be called over the network; they take keyword arguments and ignore unknown ones.
    """

    def __init__(
        self,
        machine: Machine,
        apply: Callable[..., Sequence[Effect]],
        now: Callable[[], float],
        options: words.DialectOptions = words.DEFAULT_OPTIONS,
        params_of: Callable[[str], Mapping[str, str]] | None = None,
        on_scheduling_failure: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        self.options = options
        self._apply = apply
        self._now = now
        self._params_of = params_of
        self._on_scheduling_failure = on_scheduling_failure
        self._policies: dict[tuple[Any, ...], RetryPolicy] = {}
        self._message_number = 0
        self.notes: dict[str, Notes] = {}
        self.workers: dict[str, LuigiWorker] = {}
        self._batchers: dict[str, tuple[tuple[str, ...], int]] = {}
        """By family: the batcher that any worker gave last, for workers that gave none."""
        self.attach(machine)
        self.methods: Mapping[str, Callable[..., Any]] = {
            name: _tolerant(getattr(self, name)) for name in sorted(METHODS)
        }

    def attach(self, machine: Machine) -> None:
        """Speak for this machine from now on: the first, or a restored one. What it does not know is dropped."""
        self.machine = machine
        for id in self.notes.keys() - machine.tasks.keys():
            del self.notes[id]
        for id in self.workers.keys() - machine.workers.keys():
            del self.workers[id]
        self._tally: Tally | None = None
        self.pages = Pages(machine, self.notes, self.workers, lambda: self.tally, self.options, self._params_of)
        self._leases_of_batches: dict[str, int] = {}
        for lease in machine.leases.values():
            if len(lease.tasks) > 1:
                self._leases_of_batches[_batch_id(lease.tasks)] = lease.number
        for task in [machine.tasks[id] for lease in machine.leases.values() for id in lease.tasks]:
            if task.state is State.RUNNING and task.run.startswith(BATCH_RUN):
                self._stand_for(task.run.removeprefix(BATCH_RUN), task.id)

    @property
    def tally(self) -> Tally:
        """Counts for Luigi's workers and pages. Made when the first of them asks: others need not pay for them."""
        if self._tally is None:
            self._tally = Tally(self.machine)
        return self._tally

    # -- what is remembered -----------------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        """What is remembered beside the machine, as plain data."""
        return {
            "notes": {id: notes.save() for id, notes in self.notes.items()},
            "workers": [worker.save() for worker in self.workers.values()],
            "batchers": [[family, names, limit] for family, (names, limit) in self._batchers.items()],
            "messages": self._message_number,
            "runners": list(self.pages.runners.items()),
        }

    def restore(self, saved: Mapping[str, Any], machine: Machine) -> None:
        """Remember what was saved, and speak for the machine that was saved with it."""
        self.notes.clear()
        self.notes |= {id: Notes.restored(each) for id, each in saved["notes"].items()}
        self.workers.clear()
        self.workers |= {worker.id: worker for worker in map(LuigiWorker.restored, saved["workers"])}
        self._batchers = {family: (tuple(names), limit) for family, names, limit in saved["batchers"]}
        self._message_number = saved["messages"]
        self.attach(machine)
        self.pages.runners |= {lease: id for lease, id in saved["runners"] if lease in machine.leases}

    def observe(self, effects: Iterable[Effect]) -> None:
        """Keep up with what happens to the machine, whoever caused it."""
        tally = self._tally
        for effect in effects:
            kind = type(effect)
            if kind is StateChanged:
                if tally is not None:
                    tally.move(effect.task, effect.old, effect.new)  # type: ignore[union-attr]
            elif kind is Assigned:
                self._given(effect)  # type: ignore[arg-type]
            elif kind is AttemptEnded:
                self._ended(effect)  # type: ignore[arg-type]
            elif kind is Noted:
                self._noted(effect)  # type: ignore[arg-type]
            elif kind is Forgotten:
                self.notes.pop(effect.task, None)  # type: ignore[union-attr]
                if tally is not None:
                    tally.forget(effect.task)  # type: ignore[union-attr]
            elif kind is WorkerLost:
                self._part_with(effect.worker)  # type: ignore[union-attr]

    def _given(self, given: Assigned) -> None:
        for id in given.tasks:
            notes = self._note(id)
            notes.time_running = given.at
            notes.worker_running = given.worker
            notes.tracking_url = notes.status_message = notes.progress = None
            needed = self.machine.tasks[id].spec.resources
            notes.resources = {name: words.plain(amount) for name, amount in needed.items()}
        if len(given.tasks) > 1:
            self._leases_of_batches[_batch_id(given.tasks)] = given.lease

    def _ended(self, ended: AttemptEnded) -> None:
        if ended.outcome in _MISSED and ended.message:
            self._note(ended.task).expl = json.dumps(ended.message)
        if self.pages.runners.pop(ended.lease, None) is not None or ended.lease in self._leases_of_batches.values():
            batches = self._leases_of_batches
            self._leases_of_batches = {id: lease for id, lease in batches.items() if lease != ended.lease}

    def _noted(self, noted: Noted) -> None:
        notes = self._note(noted.task)
        if noted.kind == "message":
            notes.status_message = noted.value
        elif noted.kind == "tracking_url":
            notes.tracking_url = noted.value
        elif noted.kind == "progress":
            notes.progress = words.plain(float(noted.value))

    def _part_with(self, worker: str) -> None:
        self.workers.pop(worker, None)
        if self._tally is not None:
            self._tally.gone(worker)

    def _note(self, id: str) -> Notes:
        """The notes of a task, to write in."""
        notes = self.notes.get(id)
        if notes is None:
            notes = self.notes[id] = Notes()
        return notes

    # -- workers ----------------------------------------------------------------------------------------------------

    def _meet(self, worker: object, assistant: bool = False) -> tuple[LuigiWorker, WorkerRecord]:
        """A worker that has just said something; it joins if it is new, or was taken for lost."""
        id = words.text(worker, "worker")
        known = self.workers.get(id)
        if known is None:
            known = self.workers[id] = LuigiWorker(id, self._now())
        known.assistant = known.assistant or assistant
        known.last_active = self._now()
        record = self.machine.workers.get(id)
        if record is None or record.assistant != known.assistant:
            self._apply(do.Join(id, assistant=known.assistant))
            record = self.machine.workers[id]
        return known, record

    def introduce(self, worker: str, info: object) -> None:
        """What a worker of this process, which does not speak the dialect, says of itself."""
        known = self.workers.get(worker)
        if known is None:
            known = self.workers[worker] = LuigiWorker(worker, self._now())
        known.is_trusted = True
        known.info |= _info(info)

    def add_worker(self, worker: str, info: Any) -> None:
        """A worker says who it is."""
        told = _info(info)
        known, _ = self._meet(worker, bool(told.get("assistant")))
        known.info |= told

    def add_task_batcher(
        self, worker: str, task_family: str, batched_args: Any, max_batch_size: float = float("inf")
    ) -> None:
        """A worker says how tasks of a family may be done together."""
        known, _ = self._meet(worker)
        family = words.text(task_family, "task_family")
        limit = words.number(max_batch_size, "max_batch_size")
        batcher = (words.texts(batched_args, "batched_args"), 0 if limit == float("inf") else int(limit))
        known.batchers[family] = self._batchers[family] = batcher

    def disable_worker(self, worker: str) -> None:
        """Give a worker nothing more."""
        _, record = self._meet(worker)
        self._apply(do.DisableWorker(record.id))
        self.tally.recount(list(record.tasks))

    def set_worker_processes(self, worker: str, n: int) -> None:
        """Tell a worker how many tasks to run at a time."""
        known, _ = self._meet(worker)
        known.messages.append({"name": "set_worker_processes", "kwargs": {"n": int(words.number(n, "n"))}})

    def ping(self, worker: str) -> dict[str, Any]:
        """A sign of life; gives what the worker is told."""
        known, record = self._meet(worker)
        self._apply(do.Beat(record.id))
        messages, known.messages = known.messages, []
        return {"rpc_messages": messages}

    # -- tasks are described, and reports on them -------------------------------------------------------------------

    def add_task(self, **kwargs: Any) -> None:
        """A worker describes a task, or says what became of one that it runs. `Said` has the arguments."""
        said = Said(**{name: value for name, value in kwargs.items() if name in Said._fields})
        id, status = words.text(said.task_id, "task_id"), said.status
        if status not in _STATUSES:
            raise ProtocolError(f"status must be one of {', '.join(_STATUSES)}, not {status!r}.")
        status = PENDING if status == SUSPENDED else status
        known, record = self._meet(said.worker, bool(said.assistant))
        task = self.machine.tasks.get(id)
        lease = self._held(task, record)
        if record.disabled and lease is None:
            return
        if task is not None and status == PENDING and self._was_just_done(task):
            return
        was_running = task is not None and self.pages.status(task) == RUNNING
        spec = self._describe(task, known, said, status)
        if status == RUNNING and said.batch_id is not None:
            concerned = self._begin_batch(record, lease, spec, words.text(said.batch_id, "batch_id"))
        elif lease is not None:
            concerned = self._report(record, lease, spec, said, status)
        else:
            concerned = self._take_in(record, spec, said, status)
        task = self.machine.tasks.get(id)
        if task is not None:
            self.tally.described(task)
            self._remark(said, concerned, was_running)

    def _held(self, task: TaskRecord | None, record: WorkerRecord) -> Lease | None:
        """The lease under which a worker holds a task."""
        lease = self.machine.leases.get(task.lease) if task is not None else None
        return lease if lease is not None and lease.worker == record.id else None

    def _was_just_done(self, task: TaskRecord) -> bool:
        return task.state is State.DONE and self._now() - float(task.story[-2]) < self.machine.policy.cooldown

    def _describe(self, task: TaskRecord | None, known: LuigiWorker, said: Said, status: str) -> TaskSpec:
        """A task as it is described now, on top of what was known of it."""
        old = task.spec if task is not None else TaskSpec(said.task_id or "", runnable=False)
        needs = old.dependencies if said.deps is None else words.texts(said.deps, "deps")
        if said.new_deps:
            needs = tuple(dict.fromkeys((*needs, *words.texts(said.new_deps, "new_deps"))))
        params = old.params or {name: str(value) for name, value in words.mapping(said.params, "params").items()}
        family, module = old.family or str(said.family or ""), old.module or str(said.module or "")
        batch = old.batch
        if said.batchable is not None:
            batcher = known.batchers.get(family) or self._batchers.get(family)
            batch = words.batch_key(family, params, *batcher) if said.batchable and batcher else None
        visibilities = words.mapping(said.param_visibilities, "param_visibilities")
        return TaskSpec(
            old.id,
            family,
            module,
            params,
            needs,
            words.STATES.get(status, State.PENDING),
            # What one worker can run stays runnable when another one cannot.
            old.runnable or bool(said.runnable and status != FAILED),
            words.number(said.priority, "priority"),
            words.amounts(said.resources, "resources"),
            self._policy(said.retry_policy_dict),
            batch,
            portable=old.portable and module != "__main__" and _PRIVATE not in visibilities.values(),
        )

    def _policy(self, own: object) -> RetryPolicy:
        settings = words.mapping(own, "retry_policy_dict")
        key = tuple(settings.items())
        try:
            policy = self._policies.get(key)
        except TypeError:
            policy = None  # a value that is no number, which is said below
        if policy is None:
            policy = self._policies[key] = self.options.retry_policy(settings)
        return policy

    def _register(self, record: WorkerRecord, spec: TaskSpec) -> do.Register:
        """Describing a task; what failed or was withdrawn is tried again, as if another run asked for it."""
        task = self.machine.tasks.get(spec.id)
        run = record.id
        if task is not None and task.run == run and task.state in (State.FAILED, State.CANCELLED):
            run += "/again"
        return do.Register(record.id, run, (spec,))

    def _take_in(self, record: WorkerRecord, spec: TaskSpec, said: Said, status: str) -> Sequence[str]:
        """A worker speaks of a task that it does not hold."""
        task = self.machine.tasks.get(spec.id)
        if status in words.STATES or (task is not None and task.lease):
            self._apply(self._register(record, spec))
            return (spec.id,)
        if task is not None:
            if task.disabled_until is not None:
                return (spec.id,)
            if task.state is State.DONE and self.pages.note(task.id).worker_running != record.id:
                return ()  # somebody else has finished it: whoever comes late does not spoil that
        if task is None or record.id not in task.stakeholders:
            self._apply(self._register(record, spec), do.Claim(record.id, spec.id))
        else:
            self._apply(do.Claim(record.id, spec.id))
        if status == FAILED:
            self._hand_in(record, (self.machine.tasks[spec.id].lease,), Outcome.FAILED, said.expl)
        return (spec.id,)

    def _report(self, record: WorkerRecord, lease: Lease, spec: TaskSpec, said: Said, status: str) -> Sequence[str]:
        """A worker speaks of a task that it holds; gives the tasks that this is about."""
        runners = self.pages.runners
        is_own_word = len(lease.tasks) == 1 or runners.get(lease.number) == spec.id
        leases = (lease.number, *(number for number, id in runners.items() if id == spec.id and number != lease.number))
        concerned = tuple(dict.fromkeys((spec.id, *(id for each in leases for id in self.machine.leases[each].tasks))))
        if status in (DONE, FAILED):
            if not is_own_word:
                # One of a batch that never ran as one: the others go back in line.
                self._apply(self._release(lease), do.Claim(record.id, spec.id))
                leases, concerned = (self.machine.tasks[spec.id].lease,), (spec.id,)
            self._hand_in(record, leases, Outcome.DONE if status == DONE else Outcome.FAILED, said.expl)
        elif status == PENDING and said.new_deps:
            given_back = [do.Report(each, Outcome.RELEASED, "it needs more tasks first") for each in leases]
            self._apply(do.Exchange(record.id, given_back), self._register(record, spec))
        return concerned if is_own_word else (spec.id,)

    def _hand_in(self, record: WorkerRecord, leases: Iterable[int], outcome: Outcome, expl: object) -> None:
        message = _message(expl)
        self._apply(do.Exchange(record.id, [do.Report(lease, outcome, message) for lease in leases]))

    def _release(self, lease: Lease) -> do.Exchange:
        return do.Exchange(lease.worker, (do.Report(lease.number, Outcome.RELEASED, "not done as a batch"),))

    def _begin_batch(self, record: WorkerRecord, lease: Lease | None, spec: TaskSpec, batch_id: str) -> Sequence[str]:
        """A worker names the task that it runs on behalf of a batch."""
        number = self._leases_of_batches.get(batch_id, 0)
        batch = self.machine.leases.get(number)
        if batch is not None and batch.worker == record.id and lease is batch:
            self.pages.runners[number] = spec.id
            return batch.tasks
        if lease is None:
            task = self.machine.tasks.get(spec.id)
            if task is not None and (task.lease or task.disabled_until is not None):
                return ()
            alone = spec._replace(
                dependencies=(), runnable=False, resources={}, retry=NO_RETRIES, batch=None, state=State.PENDING
            )
            run = BATCH_RUN + batch_id
            self._apply(do.Register(record.id, run, (alone,)), do.Claim(record.id, spec.id))
        self._stand_for(batch_id, spec.id)
        return (spec.id, *(batch.tasks if batch is not None else ()))

    def _stand_for(self, batch_id: str, id: str) -> None:
        number = self._leases_of_batches.get(batch_id)
        if number in self.machine.leases:
            self.pages.runners[number] = id

    def _remark(self, said: Said, concerned: Sequence[str], was_running: bool) -> None:
        """Remember what a worker said of a task, and of those done together with it."""
        id = said.task_id or ""
        notes = self.pages.note(id)
        hidden = tuple([name for name, value in (said.param_visibilities or {}).items() if value != _PUBLIC])
        if hidden and not notes.hidden:
            self._note(id).hidden = hidden
        if said.accepts_messages is not None and bool(said.accepts_messages) != notes.accepts_messages:
            self._note(id).accepts_messages = bool(said.accepts_messages)
        for each in concerned:
            if said.expl is not None:
                self._note(each).expl = said.expl
            if said.tracking_url is not None or (not was_running and self.pages.note(each).tracking_url is not None):
                self._note(each).tracking_url = said.tracking_url

    # -- work is given out --------------------------------------------------------------------------------------------

    def get_work(
        self, host: Any = None, assistant: bool = False, current_tasks: Any = None, worker: str | None = None
    ) -> dict[str, Any]:
        """A worker asks for a task, or for several to do as one; what it was given and never got is given again."""
        if self.options.prune_on_get_work:
            self.prune()
        known, record = self._meet(worker, bool(assistant))
        known.host = host
        known.last_asked = self._now()
        if record.disabled:
            return {
                "n_pending_tasks": 0,
                "running_tasks": [],
                "task_id": None,
                "n_unique_pending": 0,
                "worker_state": "disabled",
            }
        task = None
        if current_tasks is not None:
            task = self._not_received(record, set(words.texts(current_tasks, "current_tasks")))
        reply = self._counts(record)
        if task is not None:
            return reply | self._one(task)
        if len(self.workers) > 1 and self.machine.ready.wants_resources(record.serves):
            self._reserve_for_others(known)
        room = max(known.slots - len(record.leases), 0)
        for effect in self._apply(do.Exchange(record.id, (), 1, room)):
            if type(effect) is Assigned and effect.worker == record.id:
                return reply | self._work(known, self.machine.leases[effect.lease])
        return reply | {"task_id": None}

    def _reserve_for_others(self, asking: LuigiWorker) -> None:
        """Keep what is needed for tasks that come first and that other workers can begin as soon as they ask."""
        since = self._now() - (self.options.worker_disconnect_delay or _PATIENCE)
        claims = self.machine.resources.claims
        for worker in self.workers.values():
            is_waiting = worker.last_asked is not None and worker.last_asked > since
            if worker is not asking and (is_waiting or claims):
                self._apply(do.Reserve(worker.id, worker.slots if is_waiting else 0))

    def _not_received(self, record: WorkerRecord, current: set[str]) -> TaskRecord | None:
        """The first of the tasks that a worker holds without knowing it. Batches that it does not know are undone."""
        missed: list[TaskRecord] = []
        orphans: list[Lease] = []
        for lease in map(self.machine.leases.__getitem__, record.leases):
            id = lease.tasks[0] if len(lease.tasks) == 1 else self.pages.runners.get(lease.number)
            if id is None:
                if current.isdisjoint(lease.tasks):
                    orphans.append(lease)
            elif id not in current:
                missed.append(self.machine.tasks[id])
        for lease in orphans:
            self._apply(self._release(lease))
        return min(missed, key=place_of, default=None)

    def _work(self, known: LuigiWorker, lease: Lease) -> dict[str, Any]:
        first = self.machine.tasks[lease.tasks[0]]
        if len(lease.tasks) > 1 and first.spec.family not in known.batchers:
            self._apply(self._release(lease), do.Claim(known.id, first.id))
            return self._one(first)
        return self._batch(lease) if len(lease.tasks) > 1 else self._one(first)

    def _one(self, task: TaskRecord) -> dict[str, Any]:
        spec = task.spec
        params = dict(self.pages.params(task))
        return {
            "task_id": task.id,
            "task_family": spec.family,
            "task_module": spec.module or None,
            "task_params": params,
        }

    def _batch(self, lease: Lease) -> dict[str, Any]:
        members = [self.pages.params(self.machine.tasks[id]) for id in lease.tasks]
        first = self.machine.tasks[lease.tasks[0]]
        shared = dict(first.spec.batch.params) if first.spec.batch is not None else {}
        together: dict[str, Any] = {
            name: shared[name] if name in shared else [params[name] for params in members] for name in members[0]
        }
        return self._one(first) | {
            "task_id": None,
            "task_params": together,
            "batch_id": _batch_id(lease.tasks),
            "batch_task_ids": list(lease.tasks),
        }

    def count_pending(self, worker: str) -> dict[str, Any]:
        """How many tasks a worker may still hope for, and which of them are running."""
        _, record = self._meet(worker)
        return self._counts(record)

    def _counts(self, record: WorkerRecord) -> dict[str, Any]:
        every, alone, last = self.tally.pending_of(record.id)
        return {
            "n_pending_tasks": every,
            "n_unique_pending": alone,
            "n_pending_last_scheduled": last,
            "worker_state": "disabled" if record.disabled else "active",
            "running_tasks": [] if record.disabled else self.pages.running_for(record.id),
        }

    # -- what running tasks say, and what they are told ---------------------------------------------------------------

    def _say(self, id: str, kind: str, value: str) -> bool:
        """Let what a running task says be known, also for those done together with it; False if it is not running."""
        leases = self.machine.leases
        task = self.machine.tasks.get(id)
        lease = leases.get(task.lease) if task is not None else None
        if task is None or lease is None:
            return False
        batch = self.pages.lease_of(task)
        for each in dict.fromkeys((lease, batch or lease)):
            self._apply(do.Note(each.worker, each.number, kind, value))
        return True

    def set_task_status_message(self, task_id: str, status_message: Any) -> None:
        """A task says what it is about."""
        if isinstance(status_message, str) and self._say(task_id, "message", status_message):
            return
        if task_id in self.machine.tasks:
            self._note(task_id).status_message = status_message

    def get_task_status_message(self, task_id: str) -> dict[str, Any]:
        """What a task said last."""
        message = self.pages.note(task_id).status_message if task_id in self.machine.tasks else ""
        return {"taskId": task_id, "statusMessage": message}

    def set_task_progress_percentage(self, task_id: str, progress_percentage: float) -> None:
        """A task says how far it is."""
        progress = words.number(progress_percentage, "progress_percentage")
        if not self._say(task_id, "progress", repr(progress)) and task_id in self.machine.tasks:
            self._note(task_id).progress = progress

    def get_task_progress_percentage(self, task_id: str) -> dict[str, Any]:
        """How far a task is."""
        return {"taskId": task_id, "progressPercentage": self.pages.note(task_id).progress}

    def decrease_running_task_resources(self, task_id: str, decrease_resources: Any) -> None:
        """A running task gives back part of what it holds."""
        task = self.machine.tasks.get(task_id)
        lease = self.pages.lease_of(task) if task is not None else None
        if lease is not None:
            given = words.amounts(decrease_resources, "decrease_resources")
            self._apply(do.ShrinkResources(lease.worker, lease.number, given))
            for id in lease.tasks:
                self._note(id).resources = self.pages.resources_running(self.machine.tasks[id])

    def get_running_task_resources(self, task_id: str) -> dict[str, Any]:
        """What a running task holds."""
        task = self.machine.tasks.get(task_id)
        return {"taskId": task_id, "resources": self.pages.resources_running(task) if task is not None else None}

    def report_task_statistics(self, task_id: str, statistics: Any) -> None:
        """A running task tells numbers of its own."""
        if task_id in self.machine.tasks:
            self._note(task_id).statistics = statistics

    def update_metrics_task_started(self, task: Any = None) -> None:
        """Nothing: that a task was given out is known."""

    def send_scheduler_message(self, worker: str, task: str, content: Any) -> dict[str, Any]:
        """Put a message to a running task on its way; gives the id by which its answer is asked for."""
        if not self.options.send_messages:
            return {"message_id": None}
        known, _ = self._meet(worker)
        self._message_number += 1
        digest = _digest(f"{self._message_number}|{self._now()!r}|{worker}|{task}")
        id = "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))  # as UUIDs look
        told = {"task_id": words.text(task, "task"), "message_id": id, "content": content}
        known.messages.append({"name": "dispatch_scheduler_message", "kwargs": told})
        return {"message_id": id}

    def add_scheduler_message_response(self, task_id: str, message_id: str, response: Any) -> None:
        """A running task answers a message."""
        if task_id in self.machine.tasks:
            self._note(task_id).responses[words.text(message_id, "message_id")] = response

    def get_scheduler_message_response(self, task_id: str, message_id: str) -> dict[str, Any]:
        """The answer to a message, once."""
        responses = self.pages.note(task_id).responses
        return {"response": responses.pop(message_id, None) if responses else None}

    def announce_scheduling_failure(
        self, task_name: str, family: str, params: Any, expl: Any, owners: Any, worker: str | None = None
    ) -> None:
        """A worker could not find out what a task needs."""
        if self._on_scheduling_failure is not None:
            told = {"task_name": task_name, "family": family, "params": params, "expl": expl, "owners": owners}
            self._on_scheduling_failure(told | {"worker": worker})

    # -- what people ask ----------------------------------------------------------------------------------------------

    def forgive_failures(self, task_id: str | None = None) -> dict[str, Any]:
        """Let a failed task be tried again now."""
        return self._with_new_status(task_id, (FAILED,), do.Forgive)

    def mark_as_done(self, task_id: str | None = None) -> dict[str, Any]:
        """Hold a task that runs, failed or was disabled for done."""
        return self._with_new_status(task_id, (RUNNING, FAILED, DISABLED), do.MarkDone)

    def _with_new_status(
        self, id: str | None, when: Sequence[str], command: Callable[[str], do.Command]
    ) -> dict[str, Any]:
        task = self.machine.tasks.get(id or "")
        if task is None:
            return {"task_id": id, "status": None}
        if self.pages.status(task) in when:
            self._apply(command(task.id))
        return {"task_id": id, "status": self.pages.status(task)}

    def re_enable_task(self, task_id: str) -> dict[str, Any]:
        """Let a task that was disabled by its failures be tried again; gives it as it is then."""
        task = self.machine.tasks.get(task_id)
        if task is None or task.disabled_until is None:
            return {}
        self._apply(do.Enable(task_id))
        return self.pages.serialize(task, task.waits_for)

    def pause(self) -> None:
        """Give out nothing new."""
        if self.options.pause_enabled:
            self._apply(do.Pause())

    def unpause(self) -> None:
        """Give out work again."""
        if self.options.pause_enabled:
            self._apply(do.Unpause())

    def is_paused(self) -> dict[str, Any]:
        """Whether nothing new is given out."""
        return {"paused": self.machine.paused}

    def is_pause_enabled(self) -> dict[str, Any]:
        """Whether people may pause."""
        return {"enabled": self.options.pause_enabled}

    def has_task_history(self) -> bool:
        """Whether there are pages about the past."""
        return self.options.record_task_history

    def update_resource(self, resource: str, amount: Any) -> bool:
        """Change how much there is of a resource; False if the amount is none."""
        if not isinstance(amount, int) or amount < 0:
            return False
        self._apply(do.SetCapacity(words.text(resource, "resource"), float(amount)))
        return True

    def update_resources(self, **resources: Any) -> None:
        """Change how much there is of several resources."""
        for name, amount in words.amounts(resources, "resources").items():
            self._apply(do.SetCapacity(name, amount))

    def prune(self) -> None:
        """Do what is due: workers that were silent for too long, retries, tasks that nobody wants."""
        delay = self.options.worker_disconnect_delay
        if delay is not None:
            limit = self._now() - delay
            silent = [each.id for each in self.workers.values() if each.last_active < limit and not each.is_trusted]
            for id in silent:
                self._lose(id)
        self._apply(do.Tick())

    def _lose(self, id: str) -> None:
        record = self.machine.workers[id]
        why = "Its worker fell silent."
        reports = [do.Report(lease, Outcome.FAILED, why) for lease in record.leases]
        self._apply(do.Exchange(id, reports), do.Leave(id))
        self._part_with(id)

    def dep_graph(self, task_id: str, include_done: bool = True) -> dict[str, Any]:
        """A task and what it needs."""
        self.prune()
        return self._around(task_id, False, include_done)

    def inverse_dep_graph(self, task_id: str, include_done: bool = True) -> dict[str, Any]:
        """A task and what needs it."""
        self.prune()
        return self._around(task_id, True, include_done)

    def _around(self, id: str, downwards: bool, include_done: object) -> dict[str, Any]:
        return self.pages.around(id, downwards, bool(include_done)) if id in self.machine.tasks else {}

    def graph(self) -> dict[str, Any]:
        """All tasks and what they need."""
        self.prune()
        return self.pages.graph()

    def task_list(
        self,
        status: str | None = "",
        upstream_status: str | None = "",
        limit: bool = True,
        search: str | None = None,
        max_shown_tasks: int | None = None,
    ) -> dict[str, Any]:
        """Tasks by status, or only their number when there are too many."""
        most = int(words.number(max_shown_tasks or self.options.max_shown_tasks, "max_shown_tasks"))
        count = self.pages.how_many(status)
        if limit and not search and count > most:
            return {"num_tasks": -1 if upstream_status else count}
        self.prune()
        return self.pages.tasks(status, upstream_status, search, most if limit else None)

    def task_search(self, task_str: str) -> dict[str, Any]:
        """Tasks by a part of their id, grouped by status."""
        self.prune()
        return self.pages.search(task_str)

    def worker_list(self, include_running: bool = True) -> list[dict[str, Any]]:
        """All workers."""
        self.prune()
        return self.pages.workers(bool(include_running))

    def resource_list(self) -> list[dict[str, Any]]:
        """All resources."""
        self.prune()
        return self.pages.resources()

    def fetch_error(self, task_id: str) -> dict[str, Any]:
        """Why a task failed."""
        return self.pages.error(task_id)


class Said(NamedTuple):
    """The arguments of `Dialect.add_task`."""

    task_id: str | None = None
    status: str = PENDING
    runnable: bool | None = True
    """Whether this worker can run it; None: nothing is said about it."""
    deps: Any = None
    """Ids of what it needs, instead of what was said before."""
    new_deps: Any = None
    """Ids of what it needs besides."""
    expl: str | None = None
    """Why it failed, or what it said when it succeeded: JSON."""
    resources: Any = None
    priority: float = 0
    family: str = ""
    module: str | None = None
    params: Any = None
    param_visibilities: Any = None
    """By parameter: 0 for everybody, 1 hidden from pages, 2 never sent."""
    accepts_messages: bool | None = None
    assistant: bool = False
    tracking_url: str | None = None
    worker: str | None = None
    batchable: bool | None = None
    batch_id: str | None = None
    retry_policy_dict: Any = None
    """Its own ``retry_count``, ``disable_window`` and ``disable_hard_timeout``."""
    owners: Any = None
    """Who gets mail about it."""


_PUBLIC, _PRIVATE = 0, 2
_STATUSES = (PENDING, RUNNING, DONE, FAILED, DISABLED, UNKNOWN, SUSPENDED)


def _tolerant(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that ignores keyword arguments it does not know, as a newer client may send some."""
    code = method.__code__
    if code.co_flags & 0x08:  # it takes any
        return method
    names = frozenset(code.co_varnames[1 : code.co_argcount])
    needed = names - frozenset(code.co_varnames[code.co_argcount - len(method.__defaults__ or ()) : code.co_argcount])

    def call(**kwargs: Any) -> Any:
        missing = needed - kwargs.keys()
        if missing:
            raise ProtocolError(f"{method.__name__} needs the arguments {', '.join(sorted(missing))}.")
        return method(**{name: value for name, value in kwargs.items() if name in names})

    return call


def _info(info: object) -> dict[str, Any]:
    """What a worker says of itself: pairs, or an object."""
    if isinstance(info, list | tuple):
        try:
            info = dict(info)
        except (TypeError, ValueError):
            raise ProtocolError(f"info must be pairs of a name and a value, not {info!r}.") from None
    return words.mapping(info, "info")


def _message(expl: object) -> str:
    """An explanation as people read it; workers send it as JSON."""
    if not isinstance(expl, str):
        return ""
    try:
        decoded = json.loads(expl)
    except ValueError:
        return expl
    return decoded if isinstance(decoded, str) else "" if decoded is None else expl


def _batch_id(ids: Sequence[str]) -> str:
    return _digest("|".join(ids))


def _digest(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
