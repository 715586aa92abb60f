"""The scheduler itself: a function of (state, command, now) to (state, effects).

`Machine.apply` is the only way in. It either raises `CommandRejected` and has changed nothing, or returns what
happened, in order, for a shell to carry out and to remember. The same commands at the same moments give the same
effects, whatever the hash seed.

How the parts work together: `graph` counts each task's missing dependencies; at zero the task enters `ready`; a worker
that asks takes the first in line whose `resources` are free, with its `batches` companions; `transitions` says whether
a change of state is allowed and `_move` is the one place that makes it; `retries` judges failures; `deadlines`
remembers what falls due.
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
    Refused,
    Resumed,
    RetryPlanned,
    StateChanged,
    StopAsked,
    TaskDisabled,
    WorkerLost,
)
from rumbo.scheduler.graph import Graph
from rumbo.scheduler.ready import ReadyQueues, needs_of
from rumbo.scheduler.records import NO_RESOURCES, Lease, Outcome, State, TaskRecord, TaskSpec, WorkerRecord, place_of
from rumbo.scheduler.resources import Resources
from rumbo.scheduler.retries import judge
from rumbo.scheduler.transitions import FINISHED, TABLE, Cause, InvalidTransition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rumbo.scheduler.ready import Needs
    from rumbo.scheduler.records import Audience

# Reading a member off its enum costs more than all else in most of the lines below.
_PENDING, _PARKED, _DONE, _FAILED = State.PENDING, State.PARKED, State.DONE, State.FAILED
_UNKNOWN, _DISABLED = State.UNKNOWN, State.DISABLED
_IS_DONE, _IS_PARKED = Outcome.DONE, Outcome.PARKED
_ASSIGNED, _GATHERED, _SUCCEEDED, _DESCRIBED = Cause.ASSIGNED, Cause.GATHERED, Cause.SUCCEEDED, Cause.DESCRIBED

_record = tuple.__new__
"""Makes a named tuple in a third of the time that its own constructor takes. For those made with every request."""

_CAUSES = {
    Outcome.DONE: Cause.SUCCEEDED,
    Outcome.FAILED: Cause.ATTEMPT_FAILED,
    Outcome.TIMED_OUT: Cause.TIMED_OUT,
    Outcome.RELEASED: Cause.RELEASED,
    Outcome.CANCELLED: Cause.STOPPED,
    Outcome.LOST: Cause.WORKER_LOST,
}


_LONGEST_STORY, _OPENING = 400, 100
"""Of a task's story no more is kept than so many moments and causes; the opening stays, and the latest."""


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
    enabled_as_failure: bool = False
    """A task that is enabled again counts as failed until its policy reopens it, as in Luigi; or it goes in line."""


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
        self._has_assistants = False
        self._common: dict[Audience, None] = {}
        """The lines that assistants take from."""
        self._modules: dict[str, dict[str, None]] = {}
        """By pool: the modules of tasks. Kept while there are assistants."""
        self._last_lease = 0
        self._now = 0.0
        self._effects: list[Effect] = []
        self._handlers: dict[type, Callable[..., None]] = {
            do.Join: self._join,
            do.Register: self._register,
            do.Exchange: self._exchange,
            do.Claim: self._claim,
            do.Reserve: self._reserve,
            do.Note: self._note,
            do.ShrinkResources: self._shrink,
            do.Beat: self._beat,
            do.Refuse: self._refuse,
            do.Lose: self._lose,
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
        before = self._now
        if now > before:
            self._now = now
        effects: list[Effect] = []
        self._effects = effects
        try:
            self._handlers[command.__class__](command)
        except CommandRejected:
            self._now = before
            raise
        return effects

    # -- workers ------------------------------------------------------------------------------------------------

    def _join(self, command: do.Join) -> None:
        worker = self.workers.get(command.worker)
        if worker is None:
            worker = self.workers[command.worker] = WorkerRecord(
                command.worker, command.pools, command.assistant, self._now
            )
            self.ready.open(worker.id)
            self.ready.open(worker.parked)
            worker.capacity = command.capacity
            worker.serves = (worker.parked, worker.id)
            self._watch(worker)
            if worker.assistant:
                self._serve_pools()
            return
        worker.seen = self._now
        if worker.capacity != command.capacity:
            self.resources.change_own(worker, command.capacity, map(self.leases.__getitem__, worker.leases))
            self.ready.stir_all()
        if (worker.pools, worker.assistant, worker.refused) != (command.pools, command.assistant, {}):
            worker.pools, worker.assistant, worker.refused = command.pools, command.assistant, {}
            self._serve_pools()
            for task in map(self.tasks.__getitem__, worker.tasks):
                self._set_runner(task, worker, task.spec)

    def _serve_pools(self) -> None:
        """Keep lines for the pools and modules that assistants serve, and for no others.

        Linear in tasks when there are assistants, so called when workers or modules come and go only.
        """
        self._has_assistants = any(worker.assistant for worker in self.workers.values())
        modules: dict[str, dict[str, None]] = {}
        if self._has_assistants:
            for task in self.tasks.values():
                modules.setdefault(task.spec.pool, {})[task.spec.module] = None
        served: dict[Audience, None] = {}
        for worker in self.workers.values():
            own: list[Audience] = []
            if worker.assistant:
                own = [
                    ("pool", pool, module)
                    for pool in worker.pools
                    for module in modules.get(pool, ())
                    if module not in worker.refused
                ]
            worker.serves = (worker.parked, worker.id, *own)
            served.update(dict.fromkeys(own))
        for audience in [each for each in self._common if each not in served]:
            self.ready.close(audience)
        for audience in [each for each in served if each not in self._common]:
            self.ready.open(audience, [task for task in self.tasks.values() if _is_open_to(task, audience)])
        self._common = served
        self._modules = modules

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
        self._drop_claims(command.worker)

    def _drop_claims(self, worker: str) -> None:
        if self.resources.claims:
            self.resources.drop_claims(worker)
            self.ready.stir_all()

    def _leave(self, command: do.Leave) -> None:
        self._part_with(self._known(command.worker), Outcome.RELEASED, "its worker left")

    def _lose(self, command: do.Lose) -> None:
        worker = self.workers.get(command.worker)
        if worker is not None:
            self._effects.append(WorkerLost(worker.id, self._now))
            self._part_with(worker, Outcome.LOST, command.message)

    def _refuse(self, command: do.Refuse) -> None:
        lease = self._own_lease(command.worker, command.lease)
        if lease is None:
            return
        worker, task = self.workers[command.worker], self.tasks[lease.tasks[0]]
        worker.refused[task.spec.module] = None
        self._effects.append(Refused(worker.id, task.id, task.spec.module, command.message, self._now))
        self._end(lease, Outcome.RELEASED, command.message, retryable=True)
        self._serve_pools()

    def _part_with(self, worker: WorkerRecord, outcome: Outcome, message: str) -> None:
        """Take everything from a worker that is gone."""
        for number in tuple(worker.leases):
            self._end(self.leases[number], outcome, message, retryable=True)
        self._drop_claims(worker.id)
        self.ready.close(worker.id)
        self.ready.close(worker.parked)
        del self.workers[worker.id]
        if worker.assistant:
            self._serve_pools()
        for id in worker.tasks:
            task = self.tasks[id]
            task.stakeholders = tuple([each for each in task.stakeholders if each != worker.id])
            task.runners = tuple([each for each in task.runners if each != worker.id])
            self._mourn(task)

    def _mourn(self, task: TaskRecord) -> None:
        """Set the time at which a task that nobody wants is forgotten."""
        if not task.stakeholders and (task.forget_at is None or task.forget_at <= self._now):
            task.forget_at = self._now + self.policy.forget_after
            self.deadlines.add(task.forget_at, Due.FORGET, task.id)

    # -- describing tasks ---------------------------------------------------------------------------------------

    def _register(self, command: do.Register) -> None:
        worker = self._known(command.worker)
        graph, now, run = self.graph, self._now, command.run
        described: list[TaskRecord] = []
        for spec in command.specs:
            if spec.state is _UNKNOWN and spec.runnable:
                spec = spec._replace(runnable=False)  # nobody can run what is not understood, not even when forgiven
            task = graph.meet(spec, now)
            if not spec.runnable and self._is_better_known(task, worker):
                self._give_stake(task, spec, worker)
                if spec.state is _DONE and not task.lease:
                    self._find_complete(task)
                continue
            if task.spec is not spec and task.spec != spec and not task.lease:
                task.queued = None
                task.spec = spec
                if task.priority < spec.priority:
                    task.priority = spec.priority
            self._give_stake(task, spec, worker)
            described.append(task)
        if self._has_assistants:
            self._welcome_modules(described)
        for task in described:
            if not task.lease:
                self._connect(task, task.spec.dependencies)
        self._hand_down_priority(described)
        for task in described:
            self._describe(task, run, command.is_certain)

    @staticmethod
    def _is_better_known(task: TaskRecord, worker: WorkerRecord) -> bool:
        """Whether others have described a task as one that they can run.

        Then the word of a worker that cannot run it takes nothing away from theirs: what to that worker comes from
        elsewhere, or cannot be understood, is theirs to make.
        """
        return task.spec.runnable and any(id != worker.id for id in task.runners)

    def _find_complete(self, task: TaskRecord) -> None:
        if task.state is not _DONE:
            task.failures = ()
            self._start_afresh(task)
            self._move(task, Cause.FOUND_COMPLETE)

    def _welcome_modules(self, described: Sequence[TaskRecord]) -> None:
        """See that assistants serve the modules of these tasks too."""
        for task in described:
            if task.spec.module not in self._modules.get(task.spec.pool, ()):
                self._serve_pools()
                return

    def _give_stake(self, task: TaskRecord, spec: TaskSpec, worker: WorkerRecord) -> None:
        if not task.stakeholders:
            task.stakeholders = worker.alone
        elif worker.id not in task.stakeholders:
            task.stakeholders = (*task.stakeholders, worker.id)
        task.forget_at = None
        worker.tasks[task.id] = None
        self._set_runner(task, worker, spec)

    def _set_runner(self, task: TaskRecord, worker: WorkerRecord, spec: TaskSpec) -> None:
        """Note whether a worker can run a task, by what it says of it."""
        runners, id = task.runners, worker.id
        if spec.runnable and spec.pool in worker.pools:
            if id not in runners:
                task.runners = (*runners, id) if runners else worker.alone
                if task.queued is not None and not task.lease:
                    self.ready.admit(task, id)
        elif id in runners:
            task.runners = tuple([each for each in runners if each != id])
            if task.queued is not None and not task.lease:
                self._line_up(task)

    def _connect(self, task: TaskRecord, needs: tuple[str, ...]) -> None:
        for dropped in self.graph.connect(task, needs, self._now):
            self._mourn(dropped)

    def _describe(self, task: TaskRecord, run: str, is_certain: bool) -> None:
        """Bring a task's state in line with what a worker says of it."""
        is_same_run = task.run == run
        task.run = run
        if task.lease:
            return
        said, state = task.spec.state, task.state
        if said is _PENDING:
            if state is _PENDING:
                if not is_same_run:
                    self._start_afresh(task)
                self._enqueue(task)
                return
            if not (is_certain and state is _DONE) and not self._may_reopen(task, is_same_run):
                return
            cause = _DESCRIBED
        elif said is _DONE:
            self._find_complete(task)
            return
        elif said is _DISABLED:
            if state is _DISABLED:
                task.disabled_until = None
                return
            cause = Cause.SWITCHED_OFF
        else:
            if state is _UNKNOWN or state is _DISABLED:
                return
            cause = Cause.FOUND_BROKEN
        self._start_afresh(task)
        self._move(task, cause)

    def _may_reopen(self, task: TaskRecord, is_same_run: bool) -> bool:
        """Whether describing a task as missing puts it back to work.

        A run does not get around a failure or a withdrawal of its own by describing the task again, as it does when
        another task asks for it at run time. What was disabled by failures waits for its time or for a person.
        """
        state = task.state
        if state is _DONE:
            return self._now - float(task.story[-2]) >= self.policy.cooldown
        if state is _DISABLED:
            return task.disabled_until is None
        return state is _UNKNOWN or not is_same_run

    @staticmethod
    def _start_afresh(task: TaskRecord) -> None:
        """Forget what was planned for a task because of its failures, but not the failures."""
        task.retries_used = 0
        task.losses = 0
        task.retry_at = None
        task.promised = False
        task.disabled_until = None

    def _hand_down_priority(self, described: Sequence[TaskRecord]) -> None:
        for raised in self.graph.hand_down_priority(described):
            if raised.queued is not None:
                self._line_up(raised)

    # -- the lines ------------------------------------------------------------------------------------------------

    def _enqueue(self, task: TaskRecord) -> None:
        """Put a task in line if nothing is missing and it is not in line yet."""
        if task.missing or task.queued is not None:
            return
        state = task.state
        if (state is _PENDING and task.spec.runnable) or state is _PARKED:
            self._line_up(task)

    def _line_up(self, task: TaskRecord) -> None:
        """Give a task a (new) place in the lines of all who may take it now."""
        self.ready.push(task, self._audiences(task))
        if task.spec.batch is not None and task.state is _PENDING:
            self.batches.add(task)

    def _audiences(self, task: TaskRecord) -> Sequence[Audience]:
        """Who may take a task now. A parked attempt can go on in its own worker only."""
        if task.state is _PARKED:
            return (self.workers[self.leases[task.lease].worker].parked,)
        spec = task.spec
        if self._has_assistants and spec.portable:
            return (*task.runners, ("pool", spec.pool, spec.module))
        return task.runners

    # -- handing out work and taking it back ----------------------------------------------------------------------

    def _exchange(self, command: do.Exchange) -> None:
        worker = self._known(command.worker)
        for report in command.reports:
            self._take_report(worker, report)
        if self.deadlines.is_due(self._now):
            self._fire()
        if command.slots:
            self._grant(worker, command.slots, command.slots if command.claims is None else command.claims)

    def _grant(self, worker: WorkerRecord, slots: int, may_claim: int) -> None:
        """Give a worker up to so many attempts; claim for it what the best placed of the others lack."""
        # What is parked was begun, so neither a pause nor a ban keeps it back.
        audiences = (worker.parked,) if self.paused or worker.disabled else worker.serves
        passed_over: tuple[Needs, ...] = ()
        if self.resources.claims:
            self.resources.drop_claims(worker.id)
        while slots:
            task = self.ready.first(audiences, passed_over)
            if task is None:
                return
            if task.spec.resources and self.resources.lacking(task, worker):
                passed_over += (needs_of(task),)
                if may_claim and self.resources.claim(task, worker):
                    may_claim -= 1
                continue
            task.queued = None
            if task.state is _PARKED:
                self._resume(task)
            else:
                self._assign(task, worker)
            slots -= 1

    def _claim(self, command: do.Claim) -> None:
        task = self._task(command.task)
        if task.lease:
            raise CommandRejected(f"{task.id} is {task.state.name}: {self.leases[task.lease].worker} holds it.")
        if task.disabled_until is not None:
            raise CommandRejected(f"{task.id} is DISABLED by its failures: enable it first.")
        worker = self._known(command.worker)
        self._start_afresh(task)
        self._assign(task, worker, Cause.CLAIMED)

    def _reserve(self, command: do.Reserve) -> None:
        worker = self.workers.get(command.worker)
        if worker is None:
            return
        self._drop_claims(worker.id)
        if self.paused or worker.disabled:
            return
        running = [place_of(self.tasks[self.leases[number].tasks[0]]) for number in worker.leases]
        for ahead, task in enumerate(self.ready.leading(worker.serves, command.slots)):
            place = place_of(task)
            if ahead + sum(each < place for each in running) >= command.slots:
                return
            if task.spec.resources:
                self.resources.claim(task, worker)

    def _assign(self, task: TaskRecord, worker: WorkerRecord, cause: Cause = _ASSIGNED) -> None:
        members = [task]
        if task.spec.batch is not None and cause is _ASSIGNED:
            members += self.batches.companions(task)
        ids = tuple([member.id for member in members])
        self._last_lease = number = self._last_lease + 1
        deadline = None if self.policy.lease is None else self._now + self.policy.lease
        attempt = task.attempts + 1
        lease = self.leases[number] = Lease(number, worker.id, ids, attempt, deadline)
        worker.leases[number] = None
        if task.spec.resources:
            self._take_resources(lease, task)
        self._effects.append(_record(Assigned, (worker.id, number, ids, attempt, deadline, self._now)))
        if len(members) > 1:
            cause = _GATHERED
        for member in members:
            member.attempts += 1
            member.lease = number
            self._move(member, cause)

    def _take_resources(self, lease: Lease, task: TaskRecord) -> None:
        self.resources.hold(lease, task.spec.resources, self.workers[lease.worker])
        self.resources.claims.pop(task, None)

    def _resume(self, task: TaskRecord) -> None:
        lease = self.leases[task.lease]
        lease.parked = False
        if task.spec.resources:
            self._take_resources(lease, task)
        self._move(task, Cause.RESUMED)
        self._effects.append(Resumed(lease.worker, lease.number, task.id, self._now))

    def _take_report(self, worker: WorkerRecord, report: do.Report) -> None:
        lease = self.leases.get(report.lease)
        outcome = report.outcome
        if lease is None or lease.worker != worker.id or (lease.parked and outcome is _IS_PARKED):
            self._effects.append(LateReport(worker.id, report.lease, outcome, self._now))
        elif outcome is _IS_PARKED:
            self._park(lease, report.needs)
        else:
            self._end(lease, outcome, report.message, report.retryable, report.seconds, report.outputs)

    def _park(self, lease: Lease, needs: tuple[str, ...]) -> None:
        """Let an attempt wait for what it asked for. What was withdrawn in the meantime ends here."""
        objection = self._objection(lease, needs)
        if objection or lease.withdrawn:
            self._end(lease, Outcome.FAILED if objection else Outcome.CANCELLED, objection, retryable=False)
            self._ask_to_stop(lease)
            return
        task = self.tasks[lease.tasks[0]]
        self._release(lease)
        lease.parked = True
        self._connect(task, (*task.waits_for, *needs))
        self._hand_down_priority((task,))
        self._move(task, Cause.ASKED_FOR_MORE)
        self._enqueue(task)

    def _objection(self, lease: Lease, needs: tuple[str, ...]) -> str:
        """Why an attempt cannot wait for these tasks; empty when it can."""
        if len(lease.tasks) > 1:
            return "a batch of tasks cannot ask for more tasks while it runs"
        for needed in needs:
            circle = self.graph.path_between(needed, lease.tasks[0])
            if circle:
                return f"it asked for a task that waits for it in turn: {' -> '.join((lease.tasks[0], *circle))}"
        return ""

    def _release(self, lease: Lease) -> None:
        """Give back what a lease holds; others may have waited for it."""
        self.resources.release(lease, self.workers[lease.worker])
        self.ready.stir_all()

    def _end(
        self,
        lease: Lease,
        outcome: Outcome,
        message: str,
        retryable: bool,
        seconds: float | None = None,
        outputs: str = "",
    ) -> None:
        """End a lease and with it the attempt at each of its tasks."""
        number, worker = lease.number, lease.worker
        if lease.resources or lease.own:
            self._release(lease)
        del self.leases[number]
        del self.workers[worker].leases[number]
        effects, now = self._effects, self._now
        for id in lease.tasks:
            task = self.tasks[id]
            task.lease = 0
            told = (id, task.attempts, number, worker, outcome, message, now, seconds, outputs)
            effects.append(_record(AttemptEnded, told))
            if outcome is _IS_DONE:
                task.failures = ()
                task.losses = 0
                self._move(task, _SUCCEEDED)
            elif id in lease.withdrawn:
                self._move(task, Cause.STOPPED)
            elif outcome is Outcome.FAILED or outcome is Outcome.TIMED_OUT:
                self._fail(task, _CAUSES[outcome], retryable)
            elif outcome is Outcome.CANCELLED and lease.withdrawn:
                self._set_back(task, Outcome.RELEASED)
            else:
                self._set_back(task, outcome)
            if not task.stakeholders:
                self._mourn(task)

    def _fail(self, task: TaskRecord, cause: Cause, retryable: bool) -> None:
        verdict = judge(task, retryable, self._now)
        task.failures = verdict.failures
        task.losses = 0
        self._move(task, cause)
        if verdict.disabled_until is not None:
            task.disabled_until = verdict.disabled_until
            self._move(task, Cause.FAILED_TOO_OFTEN)
            self.deadlines.add(verdict.disabled_until, Due.ENABLE, task.id)
            self._effects.append(TaskDisabled(task.id, verdict.disabled_until, self._now))
        elif verdict.retry_at is not None:
            task.promised = verdict.promised
            task.retries_used += verdict.promised
            self._retry_at(task, verdict.retry_at)

    def _retry_at(self, task: TaskRecord, moment: float) -> None:
        task.retry_at = moment
        self.deadlines.add(moment, Due.RETRY, task.id)
        self._effects.append(RetryPlanned(task.id, len(task.failures), moment, self._now, task.promised))

    def _set_back(self, task: TaskRecord, outcome: Outcome) -> None:
        """An attempt ended without a verdict on the task itself: it was released, stopped, or its worker was lost."""
        if outcome is Outcome.CANCELLED:
            self._move(task, Cause.STOPPED)
            return
        if outcome is Outcome.LOST:
            task.losses += 1
            if task.losses >= self.policy.max_losses:
                self._move(task, Cause.LOST_TOO_OFTEN)
                return
        self._reopen(task, _CAUSES[outcome])

    def _reopen(self, task: TaskRecord, cause: Cause) -> None:
        """Let a task begin again. What an earlier attempt asked for is forgotten: a new one finds it out again."""
        self._connect(task, task.spec.dependencies)
        self._move(task, cause)

    def _move(self, task: TaskRecord, cause: Cause) -> None:
        """Change a task's state. The one place that does, and that keeps the counters of those who wait for it."""
        old = task.state
        new = TABLE[cause].get(old)
        if new is None:
            raise InvalidTransition(task.id, old, cause, "\n".join(tell(task)))
        now = self._now
        task.state = new
        task.queued = None
        task.story += (now, cause)
        if len(task.story) > _LONGEST_STORY:
            del task.story[_OPENING : _OPENING + 2]
        self._effects.append(_record(StateChanged, (task.id, old, new, cause, now)))
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
                dependent.queued = None
        if new is _PENDING:
            self._enqueue(task)

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
        self.resources.shrink(lease, command.amounts, self.workers[lease.worker])
        self.ready.stir_all()

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
        if task.lease:
            lease = self.leases[task.lease]
            if task.id in lease.withdrawn:
                return
            if not lease.withdrawn:
                self._ask_to_stop(lease)
            lease.withdrawn += (task.id,)
            if lease.parked:
                self._end(lease, Outcome.CANCELLED, "withdrawn while it waited for what it asked for", False)
        elif task.state not in FINISHED or task.retry_at is not None or task.disabled_until is not None:
            self._start_afresh(task)
            self._move(task, Cause.WITHDRAWN)

    def _ask_to_stop(self, lease: Lease) -> None:
        self._effects.append(StopAsked(lease.worker, lease.number, lease.tasks[0], self._now))

    def _forgive(self, command: do.Forgive) -> None:
        task = self._task(command.task)
        if task.state not in (_FAILED, State.CANCELLED):
            raise CommandRejected(f"{task.id} is {task.state.name}: only a failed or cancelled task can be forgiven.")
        self._clear(task, Cause.FORGIVEN)

    def _enable(self, command: do.Enable) -> None:
        task = self._task(command.task)
        if task.state is not State.DISABLED or task.disabled_until is None:
            raise CommandRejected(f"{task.id} is {task.state.name}: only a task disabled by failures can be enabled.")
        self._end_ban(task)

    def _end_ban(self, task: TaskRecord) -> None:
        """Enable a task that its failures had disabled."""
        if not self.policy.enabled_as_failure:
            self._clear(task, Cause.ENABLED)
            return
        task.failures = ()
        self._start_afresh(task)
        self._move(task, Cause.ENABLED_AS_FAILURE)
        if task.spec.retry.reopen_after is not None:
            self._retry_at(task, self._now + task.spec.retry.reopen_after)

    def _clear(self, task: TaskRecord, cause: Cause) -> None:
        """Let a task be tried as if it had never failed."""
        task.failures = ()
        self._start_afresh(task)
        self._reopen(task, cause)

    def _mark_done(self, command: do.MarkDone) -> None:
        task = self._task(command.task)
        if task.state is _DONE:
            return
        if task.lease:
            lease = self.leases[task.lease]
            self._end(lease, Outcome.RELEASED, "marked as done by hand", retryable=False)
            self._ask_to_stop(lease)
        task.failures = ()
        self._start_afresh(task)
        self._move(task, Cause.MARKED_DONE)

    def _pause(self, command: do.Pause) -> None:
        self.paused = True

    def _unpause(self, command: do.Unpause) -> None:
        self.paused = False
        self.ready.stir_all()

    def _set_capacity(self, command: do.SetCapacity) -> None:
        if command.amount < 0:
            raise CommandRejected(
                f"There cannot be {command.amount:g} of resource {command.resource!r}: give 0 or more."
            )
        self.resources.set_capacity(command.resource, command.amount)
        self.ready.stir_all()

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
            if kind is Due.RETRY and task.retry_at is not None and task.retry_at <= now:
                task.retry_at = None
                task.promised = False
                self._reopen(task, Cause.RETRY_DUE)
            elif kind is Due.ENABLE and task.disabled_until is not None and task.disabled_until <= now:
                self._end_ban(task)
            elif kind is Due.FORGET and task.forget_at is not None and task.forget_at <= now:
                self._forget(task)

    def _look_after(self, id: str) -> None:
        worker = self.workers.get(id)
        if worker is None or self.policy.lease is None:
            return
        if worker.seen + self.policy.lease > self._now:
            self._watch(worker)
            return
        self._lose(do.Lose(id, f"its worker was silent for {self.policy.lease:g} s"))

    def _forget(self, unwanted: TaskRecord) -> None:
        """Drop a task whose time has come, and with it what nothing else needs and whose time had come before.

        What is held, or needed by a task that is still here, stays. It is looked at again when that ends.
        """
        open_ends = [unwanted]
        while open_ends:
            task = open_ends.pop()
            if task.lease or task.dependents:
                continue
            task.queued = None
            for orphan in self.graph.forget(task):
                if orphan.forget_at is None or orphan.forget_at > self._now:
                    self._mourn(orphan)
                elif not orphan.dependents:
                    open_ends.append(orphan)
            self._effects.append(Forgotten(task.id, self._now))


def _is_open_to(task: TaskRecord, audience: Audience) -> bool:
    """Whether a task belongs in a line of assistants."""
    spec = task.spec
    is_in_line = task.queued is not None and task.state is _PENDING and spec.portable
    return is_in_line and ("pool", spec.pool, spec.module) == audience


def tell(task: TaskRecord) -> list[str]:
    """A task's story, a line for each change: when (seconds since it was first seen) and why."""
    moments, causes = task.story[::2], task.story[1::2]
    return [f"+{float(moment) - task.first_seen:.3f}s {cause!s}" for moment, cause in zip(moments, causes, strict=True)]
