"""The loop of a worker: ask for work, let the executor do it, report what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rumbo.errors import PlanError, RumboError, TaskError
from rumbo.pipeline.events import Event, fire
from rumbo.pipeline.registry import load_task
from rumbo.pipeline.secrecy import masked, private_values
from rumbo.ports import Ended, Foreign, Order, Outlook, Said
from rumbo.scheduler.commands import Report
from rumbo.scheduler.records import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rumbo.clock import Clock
    from rumbo.pipeline.task import Task
    from rumbo.ports import Executor, Message, Observer, SchedulerPort
    from rumbo.worker.outputs import Recorder
    from rumbo.worker.plan import Node, Plan
    from rumbo.worker.specs import Describer

_GLANCE = 0.25
"""Seconds after which a waiting worker looks whether it was told to stop: a signal does not end the wait."""


class Worker:
    """Works through a plan until nothing more can be done.

    With ``shares`` others work for the same scheduler, so what is held up now may go on without this worker's doing.
    With a ``recorder`` whoever watches is told what is there already that nothing here makes.
    What somebody asks it to plan is handed to ``requested``, which must not wait.

    After `work`, `outcomes` has the last word on each task that was tried here: how its last attempt ended.
    """

    def __init__(
        self,
        run: str,
        plan: Plan,
        describer: Describer,
        scheduler: SchedulerPort,
        executor: Executor,
        clock: Clock,
        observers: Sequence[Observer] = (),
        shares: bool = False,
        recorder: Recorder | None = None,
        requested: Callable[[Message], None] | None = None,
    ) -> None:
        self.outlook = Outlook(None, 0, 0)
        """What was left when it was last looked at; in the end, nothing that could be hoped for."""
        self._shares = shares
        self._requested = requested
        self.outcomes: dict[str, Ended] = {}
        self.attempts: dict[str, int] = {}
        """How many attempts were made here at each task that needed more than one."""
        self._run = run
        self._plan = plan
        self._describer = describer
        self._scheduler = scheduler
        self._executor = executor
        self._clock = clock
        self._observers = observers
        self._recorder = recorder
        self._active: dict[int, Order] = {}
        self._parked: dict[int, Order] = {}
        self._built: dict[int, Task] = {}
        """By lease: tasks that are no nodes of the plan, because they stand for a batch or were described elsewhere."""
        self._slots: int | None = None
        """How many attempts to make at a time, if somebody has said so."""
        self._is_staying = False
        self._has_said_so = False
        """The scheduler knows that we drain."""
        self._is_draining = False
        self._is_stopping = False

    # -- asked from outside, also from a signal handler -------------------------------------------------------------

    def drain(self) -> None:
        """Begin nothing new; finish what runs."""
        self._is_draining = True

    def stop(self) -> None:
        """Begin nothing new; end what runs by force."""
        self._is_draining = True
        self._is_stopping = True

    @property
    def is_draining(self) -> bool:
        """Whether nothing new is begun any more."""
        return self._is_draining

    # -- the loop ---------------------------------------------------------------------------------------------------

    def show(self, nodes: Sequence[Node], run: str = "") -> None:
        """Tell whoever watches of new nodes of the plan."""
        if self._observers:
            planned = [node.planned(self._recorder) for node in nodes]
            for observer in self._observers:
                observer.planned(run or self._run, planned)

    def announce(self, nodes: Sequence[Node], run: str = "") -> None:
        """Tell the scheduler, and whoever watches, of new nodes of the plan; of another run than one's own if named."""
        self.show(nodes, run)
        self._scheduler.register(run or self._run, self._describer.describe(nodes))

    def work(self) -> None:
        """Work until nothing more can be done, or until told to stop and all attempts have ended."""
        reports: list[Report] = []
        active, executor, exchange = self._active, self._executor, self._scheduler.exchange
        while True:
            slots = self._room()
            orders = exchange(reports, slots, 0.0)
            reports = []
            for order in orders:
                self._obey(order)
            if orders and self._room():
                continue
            if self._is_stopping:
                self._stop_all()
            if active:
                for event in executor.wait(_GLANCE):
                    if isinstance(event, Ended):
                        self._take(event, reports)
                    else:
                        self.pass_on(event)
            elif self._is_draining or not self._wait_for_better_times():
                break

    def serve(self) -> None:
        """Work for others until told to stop."""
        self._is_staying = True
        self.work()

    def _room(self) -> int:
        """How many attempts to ask for."""
        if self._is_draining:
            if not self._has_said_so:
                self._has_said_so = True
                self._scheduler.drain()
            return 0
        room = self._executor.room()
        return room if self._slots is None else min(room, max(self._slots - len(self._active), 0))

    def _wait_for_better_times(self) -> bool:
        """With nothing to do right now, wait a moment if that can change; False when it cannot."""
        if self._is_staying:
            if not self._parked:
                self._forget()
            self._executor.wait(_GLANCE)
            return True
        outlook = self.outlook = self._scheduler.outlook()
        if outlook.retries_at is not None:
            self._executor.wait(min(max(outlook.retries_at - self._clock.now(), 0.0), _GLANCE))
            return True
        if outlook.elsewhere or (outlook.blocked and (not self._executor.room() or self._shares)):
            self._executor.wait(_GLANCE)
            return True
        return False

    def _forget(self) -> None:
        """Drop the plan, so that this worker can live for ever: whatever comes is described anew. But for tasks that
        nobody else could describe."""
        nodes = self._plan.nodes
        kept = [
            node
            for id, node in nodes.items()
            if not self._describer.is_portable(type(node.task))
            and (id not in self.outcomes or self.outcomes[id].outcome is not Outcome.DONE)
        ]
        nodes.clear()
        nodes.update((node.id, node) for node in kept)

    def _obey(self, order: Order) -> None:
        lease = order.lease
        if order.verb == "start":
            self._start(order)
        elif order.verb == "resume":
            order = self._parked.pop(lease, order)
            self._active[lease] = order
            self._executor.resume(order, self._task_of(order))
        elif order.verb == "stop":
            self._stop(order)
        elif order.verb == "message":
            if order.message is not None:
                self._executor.deliver(lease, order.message)
        elif order.verb == "slots":
            self._slots = order.slots
        elif order.verb == "request":
            if order.message is not None and self._requested is not None:
                self._requested(order.message)
        elif order.verb == "drain":
            self._is_draining = True

    def _start(self, order: Order) -> None:
        try:
            task = self._task_of(order)
        except CannotBuild as error:
            self._scheduler.refuse(order.lease, str(error))
            return
        self._active[order.lease] = order
        if order.attempt > 1:
            self.attempts[order.tasks[0]] = order.attempt
        self._executor.start(order, task)

    def _stop(self, order: Order) -> None:
        lease = order.lease
        if lease in self._active:
            self._executor.stop(lease, order.outcome or Outcome.CANCELLED)
        elif self._parked.pop(lease, None) is not None:
            self._executor.drop(lease)
            if order.ended is not None:
                self.outcomes[order.tasks[0]] = Ended(lease, *order.ended)

    def _task_of(self, order: Order) -> Task:
        """The task to run; for a batch, one task that stands for all of them.

        Raises:
            CannotBuild: somebody else described it, and it cannot be built here.
        """
        known = self._built.get(order.lease)
        if known is not None:
            return known
        nodes = self._plan.nodes
        if len(order.tasks) == 1 and order.tasks[0] in nodes:
            return nodes[order.tasks[0]].task
        tasks = [nodes[id].task for id in order.tasks if id in nodes]
        if len(tasks) < len(order.tasks):
            if not order.foreign:
                raise CannotBuild(
                    f"{order.tasks[0]} has private parameters, or is of the module __main__, so only the worker that "
                    "planned it can build it."
                )
            tasks = [build(each) for each in order.foreign]
        task = self._built[order.lease] = tasks[0] if len(tasks) == 1 else merge(tasks)
        return task

    def _stop_all(self) -> None:
        # Where others work for the same scheduler, they may do what is not finished here.
        outcome = Outcome.RELEASED if self._shares else Outcome.CANCELLED
        for lease in tuple(self._active):
            self._executor.stop(lease, outcome)

    def _take(self, ended: Ended, reports: list[Report]) -> None:
        """Turn what became of an attempt into a report."""
        order = self._active.pop(ended.lease)
        if ended.log:
            for id in order.tasks:
                for observer in self._observers:
                    observer.attempt_log(order.run or self._run, id, order.attempt, ended.log)
        if ended.outcome is Outcome.PARKED:
            reports.append(self._park(order, ended))
            return
        for id in order.tasks:
            self.outcomes[id] = ended
        if ended.outcome is not Outcome.DONE:
            self._tell_of_trouble(order, ended)
        self._built.pop(ended.lease, None)
        report = (ended.lease, ended.outcome, ended.message, ended.retryable, (), None, ended.outputs)
        reports.append(Report(*report))

    def _park(self, order: Order, ended: Ended) -> Report:
        """Plan for what a running task asked for, and let it wait."""
        try:
            asked, fresh = self._plan.add(ended.needs)
        except (PlanError, TaskError) as error:
            self._executor.drop(ended.lease)
            message = masked(str(error), self._task_of(order), *ended.needs)
            failed = ended._replace(outcome=Outcome.FAILED, message=message, retryable=False)
            for id in order.tasks:
                self.outcomes[id] = failed
            return Report(ended.lease, Outcome.FAILED, failed.message, retryable=False)
        if fresh:
            self.announce(fresh, order.run)
        self._connect(order, asked)
        self._parked[ended.lease] = order
        return Report(ended.lease, Outcome.PARKED, needs=tuple([node.id for node in asked]))

    def _connect(self, order: Order, asked: Sequence[Node]) -> None:
        """Note in the plan what a task asked for while it ran, and tell whoever watches."""
        node = self._plan.nodes.get(order.tasks[0])
        if node is None:
            return
        known = set(map(id, node.needs))
        node.needs += [needed for needed in asked if id(needed) not in known]
        for observer in self._observers:
            observer.planned(order.run or self._run, [node.planned(self._recorder)])

    def _tell_of_trouble(self, order: Order, ended: Ended) -> None:
        """Events that only this side can fire: the attempt's own process may be gone."""
        if ended.outcome is Outcome.TIMED_OUT or ended.died:
            event = Event.TIMEOUT if ended.outcome is Outcome.TIMED_OUT else Event.PROCESS_FAILURE
            task = self._task_of(order)
            fire(task, event, task, ended.message)

    def pass_on(self, said: Said) -> None:
        """Tell the scheduler what a running task says about itself."""
        if said.kind == "resources":
            import json

            self._scheduler.shrink(said.lease, json.loads(said.value))
        else:
            self._scheduler.note(said.lease, said.kind, said.value)


class CannotBuild(RumboError):
    """A task that somebody else described cannot be built here. The message names the module and says why."""


def build(foreign: Foreign) -> Task:
    """A task that somebody else described.

    Raises:
        CannotBuild: its module cannot be imported here, or has no such task, or takes other parameters.
    """
    try:
        return load_task(foreign.module, foreign.family, foreign.params)
    except ImportError as error:
        raise CannotBuild(f"The module {foreign.module} cannot be imported here: {error}.") from error
    except RumboError as error:
        raise CannotBuild(f"The module {foreign.module} is another one here: {error}") from error
    except Exception as error:  # the user's module, at import or in a constructor
        raise CannotBuild(
            f"{foreign.family} of the module {foreign.module} cannot be built here: {type(error).__name__}: {error}"
        ) from error


def merge(tasks: Sequence[Task]) -> Task:
    """One task that stands for several which differ in batched parameters only."""
    cls = type(tasks[0])
    batched = frozenset(cls.batch_param_names())
    texts = [task.to_str_params() for task in tasks]
    merged: dict[str, str | list[str]] = {
        name: [each[name] for each in texts] if name in batched else text for name, text in texts[0].items()
    }
    return cls.from_str_params(merged, **private_values(tasks[0]))
