"""The scheduler itself: a function of (state, command, now) to (state, effects).

`Machine.apply` is the only way in. It either raises `CommandRejected` and has changed nothing, or returns what
happened, in order, for a shell to carry out and to remember. The same commands at the same moments give the same
effects, whatever the hash seed.

How the parts work together: `graph` counts each task's missing dependencies; at zero the task enters `ready`; a worker
that asks takes the first in line whose `resources` are free; `transitions` says whether a change of state is allowed
and `_move` is the one place that makes it; `retries` judges failures; `deadlines` remembers what falls due.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rumbo.errors import CommandRejected
from rumbo.scheduler import commands as do
from rumbo.scheduler.batches import Batches
from rumbo.scheduler.deadlines import Deadlines, Due
from rumbo.scheduler.effects import (
    Assigned,
    AttemptEnded,
    Effect,
    Forgotten,
    LateReport,
    Noted,
    Resumed,
    RetryPlanned,
    StateChanged,
    StopAsked,
    TaskDisabled,
    WorkerLost,
)
from rumbo.scheduler.graph import Graph
from rumbo.scheduler.ready import ReadyQueues
from rumbo.scheduler.records import NO_RESOURCES, Lease, Outcome, State, TaskRecord, TaskSpec, WorkerRecord
from rumbo.scheduler.resources import Resources
from rumbo.scheduler.retries import judge
from rumbo.scheduler.transitions import FINISHED, HELD, TABLE, Cause, InvalidTransition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_PENDING, _PARKED, _DONE, _FAILED = State.PENDING, State.PARKED, State.DONE, State.FAILED

_CAUSES = {
    Outcome.DONE: Cause.SUCCEEDED,
    Outcome.FAILED: Cause.ATTEMPT_FAILED,
    Outcome.TIMED_OUT: Cause.TIMED_OUT,
    Outcome.RELEASED: Cause.RELEASED,
    Outcome.CANCELLED: Cause.STOPPED,
    Outcome.LOST: Cause.WORKER_LOST,
}


class Policy(NamedTuple):
    """How a machine behaves. Times in seconds."""

    lease: float | None = None
    """A worker that was silent for this long has lost its leases. None: workers are trusted to be there."""
    cooldown: float = 10.0
    """A task described as missing within this time of being finished stays done: its output may be slow to show."""
    forget_after: float = 600.0
    """A task that nobody wants is dropped after this long."""
    max_losses: int = 3
    """A task whose workers fell silent this often in a row has failed: it may be what kills them."""


TRUSTING = Policy()
"""For a machine in the worker's own process."""


class Machine:
    """All tasks, workers and leases, and the rules for changing them."""

    def __init__(self, policy: Policy = TRUSTING, capacity: Mapping[str, float] = NO_RESOURCES) -> None:
        self.policy = policy
        self.graph = Graph()
        self.tasks = self.graph.tasks
        self.workers: dict[str, WorkerRecord] = {}
        self.leases: dict[int, Lease] = {}
        self.ready = ReadyQueues()
        self.resources = Resources(capacity)
        self.batches = Batches()
        self.deadlines = Deadlines()
        self.paused = False
        self._last_lease = 0
        self._now = 0.0
        self._effects: list[Effect] = []
        self._handlers: dict[type, Callable[..., None]] = {
            do.Join: self._join,
            do.Register: self._register,
            do.Exchange: self._exchange,
            do.Note: self._note,
            do.ShrinkResources: self._shrink,
            do.Beat: self._beat,
            do.Leave: self._leave,
            do.DisableWorker: self._disable_worker,
            do.Cancel: self._cancel,
            do.CancelRun: self._cancel_run,
            do.Forgive: self._forgive,
            do.Enable: self._enable,
            do.MarkDone: self._mark_done,
            do.Pause: self._pause,
            do.Unpause: self._unpause,
            do.SetCapacity: self._set_capacity,
            do.Tick: self._tick,
        }

    def apply(self, command: do.Command, now: float) -> list[Effect]:
        """Carry out a command at the moment ``now`` (seconds since the epoch; an earlier one counts as the latest).

        Raises:
            CommandRejected: the command cannot be carried out; nothing has changed.
        """
        if now > self._now:
            self._now = now
        effects: list[Effect] = []
        self._effects = effects
        self._handlers[command.__class__](command)
        return effects

    # -- workers ------------------------------------------------------------------------------------------------

    def _join(self, command: do.Join) -> None:
        worker = self.workers.get(command.worker)
        if worker is None:
            worker = self.workers[command.worker] = WorkerRecord(
                command.worker, command.pools, command.assistant, self._now
            )
            self.ready.open(worker.id, ())
            self._watch(worker)
        worker.pools = command.pools
        worker.assistant = command.assistant
        worker.seen = self._now
        if command.assistant:
            for pool in command.pools:
                self.ready.open("*" + pool, self._ready_in(pool))

    def _ready_in(self, pool: str) -> list[TaskRecord]:
        return [task for task in self.tasks.values() if task.queued is not None and self._is_open_to_all(task, pool)]

    @staticmethod
    def _is_open_to_all(task: TaskRecord, pool: str) -> bool:
        return task.state is _PENDING and task.spec.runnable and task.spec.pool == pool

    def _watch(self, worker: WorkerRecord) -> None:
        if self.policy.lease is not None:
            self.deadlines.add(worker.seen + self.policy.lease, Due.WORKER, worker.id)

    def _known(self, id: str) -> WorkerRecord:
        worker = self.workers.get(id)
        if worker is None:
            raise CommandRejected(f"The scheduler does not know a worker {id!r}: it must join (again) first.")
        worker.seen = self._now
        return worker

    def _beat(self, command: do.Beat) -> None:
        self._known(command.worker)

    def _disable_worker(self, command: do.DisableWorker) -> None:
        self._known(command.worker).disabled = True

    def _leave(self, command: do.Leave) -> None:
        self._part_with(self._known(command.worker), Outcome.RELEASED, "its worker left")

    def _part_with(self, worker: WorkerRecord, outcome: Outcome, message: str) -> None:
        """Take everything from a worker that is gone."""
        for number in tuple(worker.leases):
            self._end(self.leases[number], outcome, message, retryable=True)
        self.ready.close(worker.id)
        del self.workers[worker.id]
        for id in worker.tasks:
            task = self.tasks[id]
            task.stakeholders = tuple(each for each in task.stakeholders if each != worker.id)
            task.runners = tuple(each for each in task.runners if each != worker.id)
            if not task.runners:
                self._unblock(task, requeue=True)
            self._mourn(task)

    def _mourn(self, task: TaskRecord) -> None:
        """Set the time at which a task that nobody wants is forgotten."""
        if not task.stakeholders and task.forget_at is None:
            task.forget_at = self._now + self.policy.forget_after
            self.deadlines.add(task.forget_at, Due.FORGET, task.id)

    # -- describing tasks ---------------------------------------------------------------------------------------

    def _register(self, command: do.Register) -> None:
        worker = self._known(command.worker)
        graph, now = self.graph, self._now
        described: list[TaskRecord] = []
        for spec in command.specs:
            task = graph.meet(spec, now)
            if task.spec is not spec and task.state not in HELD:
                self._leave_queues(task)
                task.spec = spec
                if task.priority < spec.priority:
                    task.priority = spec.priority
            self._give_stake(task, spec, worker)
            described.append(task)
        for task in described:
            if task.state not in HELD:
                graph.connect(task, task.spec.dependencies, now)
                self._describe(task, command.run)
            self._hand_down_priority(task)

    def _give_stake(self, task: TaskRecord, spec: TaskSpec, worker: WorkerRecord) -> None:
        if worker.id not in task.stakeholders:
            task.stakeholders = (*task.stakeholders, worker.id)
        task.forget_at = None
        worker.tasks[task.id] = None
        may_run = spec.runnable and spec.pool in worker.pools
        if may_run and worker.id not in task.runners:
            task.runners = (*task.runners, worker.id)

    def _describe(self, task: TaskRecord, run: str) -> None:
        """Bring a task's state in line with what a worker says of it."""
        same_run = task.run == run
        task.run = run
        said = task.spec.state
        state = task.state
        if said is _PENDING:
            if state is _PENDING:
                self._enqueue(task)
            elif self._may_reopen(task, same_run):
                self._start_afresh(task)
                self._move(task, Cause.DESCRIBED)
        elif said is _DONE:
            if state is not _DONE:
                self._move(task, Cause.FOUND_COMPLETE)
        elif said is State.DISABLED:
            if state is not State.DISABLED:
                self._move(task, Cause.SWITCHED_OFF)
        elif state not in (State.UNKNOWN, State.DISABLED):
            self._move(task, Cause.FOUND_BROKEN)

    def _may_reopen(self, task: TaskRecord, same_run: bool) -> bool:
        """Whether describing a task as missing puts it back to work.

        A run does not get around a failure or a withdrawal of its own by describing the task again, as it does when
        another task asks for it at run time. What was disabled by failures waits for its time or for a person.
        """
        state = task.state
        if state is _DONE:
            last_change = task.story[-2]
            return isinstance(last_change, float) and self._now - last_change >= self.policy.cooldown
        if state is State.DISABLED:
            return task.disabled_until is None
        return state is State.UNKNOWN or not same_run

    @staticmethod
    def _start_afresh(task: TaskRecord) -> None:
        task.retries_used = 0
        task.losses = 0
        task.retry_at = None
        task.promised = False

    def _hand_down_priority(self, task: TaskRecord) -> None:
        tasks, priority = self.tasks, task.priority
        for id in task.waits_for:
            if tasks[id].priority < priority:
                break
        else:
            return
        for raised in self.graph.raise_priority(task):
            if raised.blocked_on:
                self.resources.wait(raised, raised.blocked_on)
            elif raised.queued is not None:
                self.ready.push(raised, self._audiences(raised))

    # -- the queues ---------------------------------------------------------------------------------------------

    def _audiences(self, task: TaskRecord) -> Sequence[str]:
        """Who may take this task now."""
        if task.state is _PARKED:
            return (self.leases[task.lease].worker,)
        if task.spec.runnable and self.ready.is_open("*" + task.spec.pool):
            return (*task.runners, "*" + task.spec.pool)
        return task.runners

    def _enqueue(self, task: TaskRecord) -> None:
        """Put a task in line if nothing is missing and it is not in line yet."""
        if task.missing or task.queued is not None or task.blocked_on:
            return
        if task.state is _PENDING:
            if not task.spec.runnable:
                return
            if task.spec.batch is not None:
                self.batches.add(task)
        elif task.state is not _PARKED:
            return
        self.ready.push(task, self._audiences(task))

    def _leave_queues(self, task: TaskRecord) -> None:
        task.queued = None
        if task.spec.batch is not None:
            self.batches.remove(task)
        if task.spec.resources:
            self._unblock(task, requeue=False)

    def _unblock(self, task: TaskRecord, requeue: bool) -> None:
        """Drop a task's wait for resources and its claims; others may go ahead in its place."""
        was_blocked = bool(task.blocked_on)
        task.blocked_on = ""
        self._serve(self.resources.unclaim(task))
        if was_blocked and requeue:
            self._enqueue(task)

    def _serve(self, names: Iterable[str]) -> None:
        """Put back in line those that waited for resources of which some came free."""
        for name in names:
            for task in self.resources.freed(name, self.tasks):
                self._enqueue(task)

    # -- handing out work and taking it back ----------------------------------------------------------------------

    def _exchange(self, command: do.Exchange) -> None:
        worker = self._known(command.worker)
        for report in command.reports:
            self._take_report(worker, report)
        next_due = self.deadlines.next()
        if next_due is not None and next_due <= self._now:
            self._fire()
        if command.slots and not self.paused and not worker.disabled:
            self._grant(worker, command.slots)

    def _grant(self, worker: WorkerRecord, slots: int) -> None:
        audiences: Sequence[str] = (worker.id,)
        if worker.assistant:
            audiences = (worker.id, *("*" + pool for pool in worker.pools))
        while slots:
            task = self.ready.pop(audiences, self.tasks)
            if task is None:
                return
            if task.spec.resources:
                lacking = self.resources.lacking(task)
                if lacking:
                    self.resources.wait(task, lacking)
                    continue
            if task.state is _PARKED:
                self._resume(task)
            else:
                self._assign(task, worker)
            slots -= 1

    def _assign(self, task: TaskRecord, worker: WorkerRecord) -> None:
        members = [task]
        if task.spec.batch is not None:
            members += self.batches.companions(task, worker.id, self.tasks)
        task.attempts += 1
        self._last_lease = number = self._last_lease + 1
        deadline = None if self.policy.lease is None else self._now + self.policy.lease
        ids = tuple([member.id for member in members])
        lease = self.leases[number] = Lease(number, worker.id, ids, task.attempts, deadline)
        worker.leases[number] = None
        if task.spec.resources:
            self._take_resources(lease, task)
        self._effects.append(Assigned(worker.id, number, ids, task.attempts, deadline, self._now))
        cause = Cause.ASSIGNED if len(members) == 1 else Cause.GATHERED
        for member in members:
            if member is not task:
                member.attempts += 1
                member.queued = None
            if member.spec.batch is not None:
                self._leave_queues(member)
            member.lease = number
            self._move(member, cause)

    def _take_resources(self, lease: Lease, task: TaskRecord) -> None:
        self.resources.unclaim(task)
        lease.resources = task.spec.resources
        self.resources.hold(lease.resources)

    def _resume(self, task: TaskRecord) -> None:
        lease = self.leases[task.lease]
        lease.parked = False
        if task.spec.resources:
            self._take_resources(lease, task)
        self._move(task, Cause.RESUMED)
        self._effects.append(Resumed(lease.worker, lease.number, task.id, self._now))

    def _take_report(self, worker: WorkerRecord, report: do.Report) -> None:
        lease = self.leases.get(report.lease)
        if lease is None or lease.worker != worker.id:
            self._effects.append(LateReport(worker.id, report.lease, report.outcome, self._now))
        elif report.outcome is Outcome.PARKED:
            self._park(lease, report.needs)
        else:
            self._end(lease, report.outcome, report.message, report.retryable)

    def _park(self, lease: Lease, needs: tuple[str, ...]) -> None:
        if len(lease.tasks) > 1 or lease.parked:
            self._ask_to_stop(lease)
            self._end(lease, Outcome.FAILED, "a batch of tasks cannot ask for more tasks while it runs", False)
            return
        task = self.tasks[lease.tasks[0]]
        for needed in needs:
            circle = self.graph.path_between(needed, task.id)
            if circle:
                self._ask_to_stop(lease)
                path = " -> ".join((task.id, *circle))
                self._end(lease, Outcome.FAILED, f"it asked for a task that waits for it in turn: {path}", False)
                return
        self._give_back(lease)
        lease.parked = True
        self.graph.connect(task, (*task.waits_for, *needs), self._now)
        self._hand_down_priority(task)
        self._move(task, Cause.ASKED_FOR_MORE)
        self._enqueue(task)

    def _end(self, lease: Lease, outcome: Outcome, message: str, retryable: bool) -> None:
        """End a lease and with it the attempt at each of its tasks."""
        del self.leases[lease.number]
        self.workers[lease.worker].leases.pop(lease.number, None)
        if lease.resources:
            self._give_back(lease)
        effects, now = self._effects, self._now
        for id in lease.tasks:
            task = self.tasks[id]
            task.lease = 0
            task.queued = None
            if lease.parked and task.spec.resources:
                self._unblock(task, requeue=False)
            effects.append(AttemptEnded(id, task.attempts, lease.number, lease.worker, outcome, message, now))
            if outcome is Outcome.DONE:
                task.failures = ()
                task.losses = 0
                self._move(task, Cause.SUCCEEDED)
            elif outcome is Outcome.FAILED or outcome is Outcome.TIMED_OUT:
                self._fail(task, _CAUSES[outcome], retryable)
            else:
                self._set_back(task, outcome)

    def _give_back(self, lease: Lease) -> None:
        amounts, lease.resources = lease.resources, NO_RESOURCES
        self.resources.release(amounts)
        self._serve(amounts)

    def _fail(self, task: TaskRecord, cause: Cause, retryable: bool) -> None:
        verdict = judge(task, retryable, self._now)
        task.failures = verdict.failures
        self._move(task, cause)
        if verdict.disabled_until is not None:
            task.disabled_until = verdict.disabled_until
            self._move(task, Cause.FAILED_TOO_OFTEN)
            self.deadlines.add(verdict.disabled_until, Due.ENABLE, task.id)
            self._effects.append(TaskDisabled(task.id, verdict.disabled_until, self._now))
        elif verdict.retry_at is not None:
            task.retry_at = verdict.retry_at
            task.promised = verdict.promised
            task.retries_used += verdict.promised
            self.deadlines.add(verdict.retry_at, Due.RETRY, task.id)
            self._effects.append(RetryPlanned(task.id, len(task.failures), verdict.retry_at, self._now))

    def _set_back(self, task: TaskRecord, outcome: Outcome) -> None:
        """An attempt ended without a verdict on the task itself: it was released, stopped, or its worker was lost."""
        if outcome is Outcome.LOST:
            task.losses += 1
            if task.losses >= self.policy.max_losses:
                self._move(task, Cause.LOST_TOO_OFTEN)
                return
        self._move(task, _CAUSES[outcome])
        if task.state is _PENDING:
            # Whoever ran it may have found out more dependencies; a replay finds them out again.
            self.graph.connect(task, task.spec.dependencies, self._now)
            self._enqueue(task)

    def _move(self, task: TaskRecord, cause: Cause) -> None:
        """Change a task's state. The one place that does, and that keeps the counters of those who wait for it."""
        old = task.state
        new = TABLE[cause].get(old)
        if new is None:
            raise InvalidTransition(task.id, old, cause, "\n".join(tell(task)))
        task.state = new
        now = self._now
        task.story += (now, cause)
        self._effects.append(StateChanged(task.id, old, new, cause, now))
        if new is _DONE:
            tasks = self.tasks
            for id in task.dependents:
                dependent = tasks[id]
                dependent.missing -= 1
                if not dependent.missing:
                    self._enqueue(dependent)
        elif old is _DONE:
            for id in task.dependents:
                dependent = self.tasks[id]
                dependent.missing += 1
                self._leave_queues(dependent)
        if new is _PENDING:
            self._enqueue(task)
        elif new in FINISHED and task.queued is not None:
            self._leave_queues(task)

    # -- what running tasks say -----------------------------------------------------------------------------------

    def _own_lease(self, worker: str, number: int) -> Lease | None:
        self._known(worker)
        lease = self.leases.get(number)
        return lease if lease is not None and lease.worker == worker else None

    def _note(self, command: do.Note) -> None:
        lease = self._own_lease(command.worker, command.lease)
        for task in lease.tasks if lease is not None else ():
            self._effects.append(Noted(task, command.lease, command.kind, command.value, self._now))

    def _shrink(self, command: do.ShrinkResources) -> None:
        lease = self._own_lease(command.worker, command.lease)
        if lease is None or lease.parked:
            return
        given = {
            name: min(amount, lease.resources.get(name, 0.0))
            for name, amount in command.amounts.items()
            if amount > 0 and name in lease.resources
        }
        lease.resources = {name: held - given.get(name, 0.0) for name, held in lease.resources.items()}
        self.resources.release(given)
        self._serve(given)

    # -- what people ask ------------------------------------------------------------------------------------------

    def _task(self, id: str) -> TaskRecord:
        task = self.tasks.get(id)
        if task is None:
            raise CommandRejected(f"The scheduler does not know a task {id!r}: it may be done and forgotten.")
        return task

    def _cancel(self, command: do.Cancel) -> None:
        for task in [self._task(id) for id in command.tasks]:
            self._withdraw(task)

    def _cancel_run(self, command: do.CancelRun) -> None:
        for task in [task for task in self.tasks.values() if task.run == command.run]:
            self._withdraw(task)

    def _withdraw(self, task: TaskRecord) -> None:
        if task.state in HELD:
            self._ask_to_stop(self.leases[task.lease])
        elif task.state not in FINISHED or task.retry_at is not None:
            task.retry_at = None
            task.promised = False
            self._leave_queues(task)
            if task.state is not State.DISABLED:
                self._move(task, Cause.WITHDRAWN)

    def _ask_to_stop(self, lease: Lease) -> None:
        if lease.wanted:
            lease.wanted = False
            self._effects.append(StopAsked(lease.worker, lease.number, lease.tasks[0], self._now))

    def _forgive(self, command: do.Forgive) -> None:
        task = self._task(command.task)
        if task.state not in (_FAILED, State.CANCELLED):
            raise CommandRejected(f"{task.id} is {task.state.name}: only a failed or cancelled task can be forgiven.")
        task.failures = ()
        self._start_afresh(task)
        self._move(task, Cause.FORGIVEN)

    def _enable(self, command: do.Enable) -> None:
        task = self._task(command.task)
        if task.state is not State.DISABLED or task.disabled_until is None:
            raise CommandRejected(f"{task.id} is {task.state.name}: only a task disabled by failures can be enabled.")
        self._wake(task)

    def _wake(self, task: TaskRecord) -> None:
        task.disabled_until = None
        task.failures = ()
        self._start_afresh(task)
        self._move(task, Cause.ENABLED)

    def _mark_done(self, command: do.MarkDone) -> None:
        task = self._task(command.task)
        if task.state is _DONE:
            return
        if task.state in HELD:
            lease = self.leases[task.lease]
            self._ask_to_stop(lease)
            self._end(lease, Outcome.RELEASED, "marked as done by hand", retryable=False)
        self._leave_queues(task)
        task.retry_at = task.disabled_until = None
        self._move(task, Cause.MARKED_DONE)

    def _pause(self, command: do.Pause) -> None:
        self.paused = True

    def _unpause(self, command: do.Unpause) -> None:
        self.paused = False

    def _set_capacity(self, command: do.SetCapacity) -> None:
        if command.amount < 0:
            raise CommandRejected(
                f"There cannot be {command.amount:g} of resource {command.resource!r}: give 0 or more."
            )
        self.resources.capacity[command.resource] = command.amount
        self._serve((command.resource,))

    # -- time -----------------------------------------------------------------------------------------------------

    def _tick(self, command: do.Tick) -> None:
        self._fire()

    def _fire(self) -> None:
        now = self._now
        for kind, key in self.deadlines.take(now):
            if kind is Due.WORKER:
                self._look_after(key)
                continue
            task = self.tasks.get(key)
            if task is None:
                continue
            if kind is Due.RETRY and task.retry_at is not None and task.retry_at <= now and task.state is _FAILED:
                task.retry_at = None
                task.promised = False
                self._move(task, Cause.RETRY_DUE)
            elif kind is Due.ENABLE and task.disabled_until is not None and task.disabled_until <= now:
                self._wake(task)
            elif kind is Due.FORGET and task.forget_at is not None and task.forget_at <= now:
                self._forget(task)

    def _look_after(self, id: str) -> None:
        worker = self.workers.get(id)
        if worker is None or self.policy.lease is None:
            return
        if worker.seen + self.policy.lease > self._now:
            self._watch(worker)
            return
        self._effects.append(WorkerLost(worker.id, self._now))
        self._part_with(worker, Outcome.LOST, f"its worker was silent for {self.policy.lease:g} s")

    def _forget(self, task: TaskRecord) -> None:
        if task.state in HELD or any(self.tasks[id].stakeholders for id in task.dependents):
            task.forget_at = self._now + self.policy.forget_after
            self.deadlines.add(task.forget_at, Due.FORGET, task.id)
            return
        self._leave_queues(task)
        for orphan in self.graph.forget(task):
            self._mourn(orphan)
        self._effects.append(Forgotten(task.id, self._now))


def tell(task: TaskRecord) -> list[str]:
    """A task's story, a line for each change: when (seconds since it was first seen) and why."""
    moments, causes = task.story[::2], task.story[1::2]
    return [f"+{float(moment) - task.first_seen:.3f}s {cause!s}" for moment, cause in zip(moments, causes, strict=True)]
