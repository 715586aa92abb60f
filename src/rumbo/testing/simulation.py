"""A scheduler under test: driven command by command, or by simulated workers over a network that loses and doubles.

Nothing here waits, opens a socket or starts a process: time is a number, and chance comes from a seed.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, NamedTuple

from rumbo.errors import CommandRejected
from rumbo.scheduler import commands as do
from rumbo.scheduler import invariants
from rumbo.scheduler.effects import Assigned, AttemptEnded, LateReport, Resumed, StateChanged, StopAsked
from rumbo.scheduler.machine import TRUSTING, Machine, Policy
from rumbo.scheduler.records import NO_RESOURCES, Outcome, State, TaskRecord, TaskSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rumbo.scheduler.effects import Effect

Order = Assigned | Resumed


def task(id: str, *needs: str, **fields: Any) -> TaskSpec:
    """A description of a task: its id, what it needs, and any other field by name."""
    return TaskSpec(id, fields.pop("family", "Family"), dependencies=needs, **fields)


class Weather(NamedTuple):
    """How bad things are: chances from 0 to 1 for each message or step, and times in seconds."""

    lost: float = 0.1
    """A message never arrives. Its sender says the same again after a while."""
    doubled: float = 0.1
    """A message arrives twice."""
    delay: float = 5.0
    """A message takes up to this long, so messages overtake one another."""
    crash: float = 0.01
    """A worker dies in a step, and another takes its place after a while."""
    freeze: float = 0.01
    """A worker is silent, longer than its leases last, and then goes on as if nothing had happened."""
    failure: float = 0.05
    """An attempt fails."""
    parking: float = 0.2
    """An attempt asks for more tasks before it ends, if it has any to ask for."""


ROUGH = Weather()
PATIENT = Policy(lease=60.0, max_losses=1_000_000)


class Driver:
    """A machine with a clock, in short words. The invariants are checked after every command."""

    def __init__(self, policy: Policy = TRUSTING, capacity: Mapping[str, float] = NO_RESOURCES) -> None:
        self.machine = Machine(policy, capacity)
        self.now = 1000.0
        self.history: list[Effect] = []

    def apply(self, command: do.Command) -> list[Effect]:
        """Carry out a command now, and check that the machine does not contradict itself."""
        effects = self.machine.apply(command, self.now)
        self.history += effects
        invariants.check(self.machine)
        return effects

    # -- a worker's words -------------------------------------------------------------------------------------------

    def join(
        self, worker: str, *pools: str, assistant: bool = False, capacity: Mapping[str, float] = NO_RESOURCES
    ) -> None:
        """Let a worker introduce itself."""
        self.apply(do.Join(worker, pools or ("default",), assistant, capacity))

    def register(self, worker: str, *specs: TaskSpec, run: str = "run") -> list[Effect]:
        """Let a worker describe tasks."""
        return self.apply(do.Register(worker, run, specs))

    def ask(self, worker: str, slots: int = 1) -> list[Order]:
        """Let a worker ask for work; gives the orders that are for it."""
        return self._orders(worker, self.apply(do.Exchange(worker, (), slots)))

    def start(self, worker: str) -> int:
        """Let a worker ask for one attempt, which it must get; gives the lease."""
        (order,) = self.ask(worker)
        return order.lease

    def report(self, worker: str, lease: int, outcome: Outcome, **fields: Any) -> list[Effect]:
        """Let a worker say what became of an attempt."""
        return self.apply(do.Exchange(worker, (do.Report(lease, outcome, **fields),), 0))

    def finish(self, worker: str, lease: int) -> list[Effect]:
        """Let an attempt succeed."""
        return self.report(worker, lease, Outcome.DONE)

    def fail(self, worker: str, lease: int, **fields: Any) -> list[Effect]:
        """Let an attempt fail."""
        return self.report(worker, lease, Outcome.FAILED, **fields)

    def park(self, worker: str, lease: int, *needs: str) -> list[Effect]:
        """Let an attempt ask for more tasks."""
        return self.report(worker, lease, Outcome.PARKED, needs=needs)

    def _orders(self, worker: str, effects: Iterable[Effect]) -> list[Order]:
        return [each for each in effects if isinstance(each, Assigned | Resumed) and each.worker == worker]

    # -- time and sight ---------------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> list[Effect]:
        """Let time pass, with a tick at each deadline on the way; gives all effects."""
        goal = self.now + seconds
        effects: list[Effect] = []
        while True:
            due = self.machine.deadlines.next()
            if due is None or due > goal:
                break
            self.now = max(self.now, due)
            effects += self.apply(do.Tick())
        self.now = goal
        return effects

    def record(self, id: str) -> TaskRecord:
        """What the machine knows of a task."""
        return self.machine.tasks[id]

    def state(self, id: str) -> State:
        """The state a task is in."""
        return self.machine.tasks[id].state

    def states(self) -> dict[str, str]:
        """The names of the states of all tasks."""
        return {id: each.state.name for id, each in self.machine.tasks.items()}


def snapshot(machine: Machine) -> dict[str, Any]:
    """All that a machine knows, as plain values that can be compared."""
    return {name: _plain(value) for name, value in vars(machine).items() if name not in ("_handlers", "_effects")}


def _plain(value: Any, is_inside: bool = False) -> Any:
    if isinstance(value, TaskRecord) and is_inside:
        return f"<{value.id} #{value.order}>"
    if isinstance(value, dict):
        return [(_plain(key, True), _plain(each, is_inside)) for key, each in value.items()]
    if isinstance(value, list | tuple):
        return [_plain(each, True) for each in value]
    slots = getattr(type(value), "__slots__", ())
    if slots and type(value).__module__.startswith("rumbo."):
        return {name: _plain(getattr(value, name)) for name in slots}
    return repr(value)


# -- many workers, a bad network ------------------------------------------------------------------------------------


class _Message(NamedTuple):
    at: float
    number: int
    command: do.Command


class _Attempt:
    """An attempt in a simulated worker."""

    __slots__ = ("asks", "ends", "is_parked", "lease", "tasks")

    def __init__(self, order: Assigned, ends: float, asks: tuple[str, ...]) -> None:
        self.lease = order.lease
        self.tasks = order.tasks
        self.ends = ends
        self.asks = asks
        self.is_parked = False


class SimulatedWorker:
    """A worker with some slots. It knows only what it was told, and repeats what was not acknowledged."""

    def __init__(self, site: Site, id: str, slots: int, specs: Sequence[TaskSpec]) -> None:
        self.site = site
        self.id = id
        self.slots = slots
        self.specs = specs
        self.attempts: dict[int, _Attempt] = {}
        self.reports: dict[int, do.Report] = {}
        """What it has said and nobody has acknowledged yet, by lease."""
        self.seen: set[int] = set()
        """Leases it was ever given: an order that comes twice is carried out once."""
        self.is_known = False
        self.frozen_until = 0.0

    def step(self, now: float) -> None:
        """Look at the attempts, and send what there is to say."""
        if not self.is_known:
            self.site.send(do.Join(self.id))
            self.site.send(do.Register(self.id, self.site.run, [self._as_found(spec) for spec in self.specs]))
        for attempt in list(self.attempts.values()):
            if not attempt.is_parked and attempt.ends <= now:
                self._end(attempt)
        running = sum(not attempt.is_parked for attempt in self.attempts.values())
        self.site.send(do.Exchange(self.id, tuple(self.reports.values()), max(self.slots - running, 0)))

    def _as_found(self, spec: TaskSpec) -> TaskSpec:
        return spec._replace(state=State.DONE) if spec.id in self.site.outputs else spec

    def _end(self, attempt: _Attempt) -> None:
        chance = self.site.chance
        if attempt.asks:
            attempt.is_parked = True
            self.reports[attempt.lease] = do.Report(attempt.lease, Outcome.PARKED, needs=attempt.asks)
            attempt.asks = ()
            return
        del self.attempts[attempt.lease]
        outcome = Outcome.FAILED if chance.random() < self.site.weather.failure else Outcome.DONE
        if outcome is Outcome.DONE:
            self.site.outputs.update(attempt.tasks)
        self.reports[attempt.lease] = do.Report(attempt.lease, outcome, "by chance")

    def obey(self, order: Effect, now: float) -> None:
        """Carry out an order, if it is news."""
        if isinstance(order, Assigned) and order.lease not in self.seen:
            self.seen.add(order.lease)
            asks = self.site.more_for(order.tasks)
            self.attempts[order.lease] = _Attempt(order, now + self.site.chance.uniform(1, 20), asks)
        elif isinstance(order, Resumed) and order.lease in self.attempts:
            attempt = self.attempts[order.lease]
            if attempt.is_parked:
                attempt.is_parked = False
                attempt.ends = now + self.site.chance.uniform(1, 20)
                self.reports.pop(order.lease, None)
        elif isinstance(order, StopAsked) and self.attempts.pop(order.lease, None) is not None:
            self.reports[order.lease] = do.Report(order.lease, Outcome.CANCELLED)


class Site:
    """A machine, its shell, a network and workers that all want the same tasks.

    The shell keeps the orders for a worker until it is sure that they arrived (as a server must, since a lost answer
    would be a lost attempt), and here that means: it gives all orders for leases that the worker still has with each
    answer. `wrongs` holds what must never happen.
    """

    def __init__(
        self,
        specs: Sequence[TaskSpec],
        seed: int,
        workers: int = 3,
        slots: int = 2,
        weather: Weather = ROUGH,
        policy: Policy = PATIENT,
        capacity: Mapping[str, float] = NO_RESOURCES,
        more: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.driver = Driver(policy, capacity)
        self.chance = random.Random(seed)
        self.weather = weather
        self.run = "run"
        self.specs = specs
        self.more = more or {}
        self.outputs: set[str] = set()
        """Tasks whose output exists, whether or not the machine has heard of it."""
        self.network: list[_Message] = []
        self.orders: dict[int, Order] = {}
        """The last order for each lease that is not over."""
        self.stops: dict[str, list[StopAsked]] = {}
        self.wrongs: list[str] = []
        self.late = 0
        self.crashes = 0
        self.resumed = 0
        self._sent = 0
        self._born = 0
        self.holders: dict[str, int] = {}
        self.workers = [self._new_worker(slots) for _ in range(workers)]

    def _new_worker(self, slots: int) -> SimulatedWorker:
        self._born += 1
        return SimulatedWorker(self, f"worker-{self._born}", slots, self.specs)

    def more_for(self, tasks: tuple[str, ...]) -> tuple[str, ...]:
        """What an attempt at these tasks will ask for when it runs."""
        wants = self.more.get(tasks[0], ()) if len(tasks) == 1 else ()
        return wants if wants and self.chance.random() < self.weather.parking else ()

    # -- the network ------------------------------------------------------------------------------------------------

    def send(self, command: do.Command) -> None:
        """Put a message on its way; it may be lost, late or doubled."""
        copies = 0 if self.chance.random() < self.weather.lost else 1
        copies += self.chance.random() < self.weather.doubled
        for _ in range(copies):
            self._sent += 1
            arrival = self.driver.now + self.chance.uniform(0, self.weather.delay)
            self.network.append(_Message(arrival, self._sent, command))

    def _deliver(self) -> None:
        due = sorted(message for message in self.network if message.at <= self.driver.now)
        self.network = [message for message in self.network if message.at > self.driver.now]
        for message in due:
            self._receive(message.command)

    def _receive(self, command: Any) -> None:
        worker = next((each for each in self.workers if each.id == command.worker), None)
        try:
            self.command(command)
        except CommandRejected:
            if worker is not None and not self._is_frozen(worker):
                worker.is_known = False
            return
        if worker is None or self._is_frozen(worker) or self.chance.random() < self.weather.lost:
            return  # the answer is lost; the next one says it again
        if isinstance(command, do.Register):
            worker.is_known = True
        elif isinstance(command, do.Exchange):
            for report in command.reports:
                if worker.reports.get(report.lease) is report:
                    del worker.reports[report.lease]
            for order in [*self._orders_for(worker), *self.stops.pop(worker.id, ())]:
                worker.obey(order, self.driver.now)

    def _orders_for(self, worker: SimulatedWorker) -> list[Order]:
        return [order for order in self.orders.values() if order.worker == worker.id]

    # -- the shell --------------------------------------------------------------------------------------------------

    def command(self, command: do.Command) -> list[Effect]:
        """Give the machine a command, past the network, and see to what follows."""
        held = {number: (lease.worker, lease.tasks) for number, lease in self.driver.machine.leases.items()}
        effects = self.driver.apply(command)
        self._note(effects)
        self._judge(command, held, effects)
        return effects

    def _note(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Assigned | Resumed):
                self.orders[effect.lease] = effect
            elif isinstance(effect, StopAsked):
                self.stops.setdefault(effect.worker, []).append(effect)
            elif isinstance(effect, AttemptEnded):
                self.orders.pop(effect.lease, None)
            self.late += isinstance(effect, LateReport)
            self.resumed += isinstance(effect, Resumed)

    def _judge(
        self, command: do.Command, held: Mapping[int, tuple[str, tuple[str, ...]]], effects: Sequence[Effect]
    ) -> None:
        """Whatever must never happen is written down."""
        for effect in effects:
            if isinstance(effect, Assigned):
                for id in effect.tasks:
                    if id in self.holders:
                        self.wrongs.append(f"{id} was given out under lease {effect.lease} and {self.holders[id]}")
                    self.holders[id] = effect.lease
            elif isinstance(effect, AttemptEnded) and self.holders.pop(effect.task, None) != effect.lease:
                self.wrongs.append(f"{effect.task} ended under lease {effect.lease}, which it did not hold")
        if isinstance(command, do.Exchange):
            stale = [each for each in command.reports if held.get(each.lease, ("",))[0] != command.worker]
            ended = {each.lease for each in effects if isinstance(each, AttemptEnded) and each.worker == command.worker}
            self.wrongs += [
                f"a report under the stale lease {each.lease} counted" for each in stale if each.lease in ended
            ]

    # -- the run ----------------------------------------------------------------------------------------------------

    def _is_frozen(self, worker: SimulatedWorker) -> bool:
        return worker.frozen_until > self.driver.now

    def _mishaps(self) -> None:
        weather, chance, lease = self.weather, self.chance, self.driver.machine.policy.lease or 0.0
        for place, worker in enumerate(self.workers):
            if chance.random() < weather.crash:
                self.crashes += 1
                self.workers[place] = self._new_worker(worker.slots)
            elif chance.random() < weather.freeze:
                worker.frozen_until = self.driver.now + chance.uniform(lease, 2 * lease)

    def step(self, seconds: float = 4.0) -> None:
        """Let a moment pass: mishaps, then workers speak, then messages and deadlines arrive."""
        self.driver.now += seconds
        self._mishaps()
        for worker in self.workers:
            if not self._is_frozen(worker):
                worker.step(self.driver.now)
        self._deliver()
        if self.driver.machine.deadlines.is_due(self.driver.now):
            self.command(do.Tick())

    def run_until_done(self, steps: int = 5000) -> int:
        """Let moments pass until all tasks are done; gives how many it took, and raises when that is too many."""
        for number in range(steps):
            if all(self._is_done(spec.id) for spec in self.specs):
                return number
            self.step()
        raise AssertionError(f"not done after {steps} steps: {self.driver.states()}")

    def _is_done(self, id: str) -> bool:
        record = self.driver.machine.tasks.get(id)
        return record is not None and record.state is State.DONE

    def times_done(self) -> dict[str, int]:
        """How often each task was finished."""
        found: dict[str, int] = {}
        for effect in self.driver.history:
            if isinstance(effect, StateChanged) and effect.new is State.DONE:
                found[effect.task] = found.get(effect.task, 0) + 1
        return found
