"""Random commands, one after the other: the machine never contradicts itself, and a refusal changes nothing."""

from __future__ import annotations

import pickle
import re
from typing import Any

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from rumbo.errors import CommandRejected
from rumbo.scheduler import commands as do
from rumbo.scheduler import memento, reasons, views
from rumbo.scheduler.effects import Assigned, AttemptEnded, LateReport, Resumed, StateChanged
from rumbo.scheduler.machine import Machine, Policy
from rumbo.scheduler.records import BatchKey, Outcome, RetryPolicy, State, TaskSpec
from rumbo.scheduler.transitions import HELD, TABLE, Cause
from rumbo.testing.simulation import Driver

TASKS = [f"t{number}" for number in range(9)]
WORKERS = ["ann", "ben", "cid"]
RUNS = ["one", "two"]
POOLS = [("default",), ("gpu",), ("default", "gpu")]
RESOURCES = ["db", "memory"]
KINDS: list[dict[str, Any]] = [
    {},
    {"resources": {"db": 1}},
    {"resources": {"db": 2, "memory": 0.5}, "retry": RetryPolicy(retries=2, delay=3.0)},
    {"resources": {"memory": 0.1}, "retry": RetryPolicy(disable_after=1, disable_for=12.0)},
    {"resources": {"memory": 9}, "retry": RetryPolicy(reopen_after=15.0, window=10.0, hard_timeout=12.0)},
    {"batch": BatchKey("Family", (), 0), "retry": RetryPolicy(retries=1, disable_after=2, disable_for=20.0)},
    {"batch": BatchKey("Family", (("x", "1"),), 2), "resources": {"db": 0}},
    {"pool": "gpu"},
    {"module": "elsewhere", "portable": False},
    {"module": "elsewhere"},
    {"runnable": False},
]
POLICIES = [
    Policy(lease=30.0, cooldown=5.0, forget_after=20.0, max_losses=2),
    Policy(lease=None, cooldown=0.0, forget_after=0.0),
]

workers = st.sampled_from(WORKERS)
ids = st.sampled_from(TASKS)
lease_numbers = st.integers(0, 11)
outcomes = st.sampled_from([Outcome.DONE, Outcome.FAILED, Outcome.FAILED, *Outcome])
amounts = st.dictionaries(st.sampled_from(RESOURCES), st.sampled_from([0, 0.1, 0.5, 1, 2, 9]), max_size=2)


@st.composite
def specs(draw: st.DrawFn) -> TaskSpec:
    """A task that needs only tasks with smaller numbers, so that what is declared has no circles."""
    number = draw(st.integers(0, len(TASKS) - 1))
    return TaskSpec(
        TASKS[number],
        "Family",
        dependencies=tuple(draw(st.lists(st.sampled_from(TASKS[:number]), max_size=1 + number % 2))) if number else (),
        state=draw(st.sampled_from([State.PENDING] * 15 + [State.DONE, State.DISABLED, State.UNKNOWN])),
        priority=draw(st.sampled_from([0, 0, 1, 2])),
        **draw(st.sampled_from([*KINDS[:7], *KINDS])),
    )


class RestartedDriver(Driver):
    """A driver whose machine was saved and restored at some moment, beside the one that just went on."""

    twin: Machine | None = None

    def apply(self, command: do.Command) -> list:
        """Both machines must answer alike."""
        if self.twin is None:
            return super().apply(command)
        try:
            expected = self.twin.apply(command, self.now)
        except CommandRejected as error:
            with pytest.raises(CommandRejected, match=re.escape(str(error).split("\n")[0])):
                super().apply(command)
            raise
        effects = super().apply(command)
        assert effects == expected
        return effects


def frozen(value: Any) -> bytes:
    """All that hangs on a value, byte for byte."""
    return pickle.dumps(value)


def state_of(machine: Machine) -> bytes:
    return frozen({name: each for name, each in vars(machine).items() if name not in ("_handlers", "_effects")})


class RandomCommands(RuleBasedStateMachine):
    """Every command with any arguments, at any moment; leases that are over are used again and again."""

    @initialize(
        policy=st.sampled_from(POLICIES),
        shared=st.lists(specs(), min_size=6, max_size=12),
        own=st.lists(specs(), max_size=5),
    )
    def begin(self, policy: Policy, shared: list[TaskSpec], own: list[TaskSpec]) -> None:
        self.driver = RestartedDriver(policy, {"db": 2, "memory": 1.5})
        self.holders: dict[str, int] = {}
        for worker in WORKERS:
            self.apply(do.Join(worker, assistant=worker == "cid"))
        for worker in WORKERS[:2]:
            self.apply(do.Register(worker, "one", shared))
        self.apply(do.Register("ann", "one", own))

    def apply(self, command: do.Command) -> list:
        before = state_of(self.driver.machine)
        try:
            effects = self.driver.apply(command)
        except CommandRejected:
            assert state_of(self.driver.machine) == before
            return []
        for effect in effects:
            self.judge(effect)
        return effects

    def judge(self, effect: object) -> None:
        """No task is held twice at once, and no change is told that is not in the table."""
        if isinstance(effect, Assigned):
            for id in effect.tasks:
                assert id not in self.holders
                self.holders[id] = effect.lease
        elif isinstance(effect, AttemptEnded):
            assert self.holders.pop(effect.task) == effect.lease
        elif isinstance(effect, StateChanged):
            assert TABLE[Cause(effect.cause)][effect.old] is effect.new

    # -- workers ----------------------------------------------------------------------------------------------------

    @rule(worker=workers, pools=st.sampled_from(POOLS), assistant=st.booleans(), capacity=amounts)
    def join(self, worker: str, pools: tuple[str, ...], assistant: bool, capacity: dict[str, float]) -> None:
        self.apply(do.Join(worker, pools, assistant, capacity))

    @rule(number=lease_numbers)
    def refuse(self, number: int) -> None:
        lease = self.lease(number)
        self.apply(do.Refuse(self.holder(lease), lease, "no such module"))

    @rule(worker=workers)
    def lose(self, worker: str) -> None:
        self.apply(do.Lose(worker))
        self.apply(do.Join(worker))

    @rule()
    def restart(self) -> None:
        """The machine is written down as JSON and made anew; from here on both must answer alike."""
        driver = self.driver
        before = driver.machine
        text = msgspec.json.encode(memento.save(before))
        driver.machine = memento.restore(msgspec.json.decode(text, type=memento.Memento), before.policy)
        driver.twin = before
        assert memento.save(driver.machine) == memento.save(before)

    @rule(worker=workers, run=st.sampled_from(RUNS), described=st.lists(specs(), min_size=1, max_size=5))
    def register(self, worker: str, run: str, described: list[TaskSpec]) -> None:
        self.apply(do.Register(worker, run, described))

    def lease(self, number: int) -> int:
        """A lease that is not over, chosen by number; for a high number one that is over or was never given."""
        leases = list(self.driver.machine.leases)
        return leases[number % len(leases)] if leases and number < 9 else number - 8

    def holder(self, lease: int) -> str:
        """The worker that holds a lease; anybody when it is over."""
        record = self.driver.machine.leases.get(lease)
        return record.worker if record is not None else WORKERS[lease % 3]

    @rule(worker=workers, slots=st.integers(1, 4))
    def ask(self, worker: str, slots: int) -> None:
        self.apply(do.Exchange(worker, (), slots))

    @rule(worker=workers, slots=st.integers(0, 4))
    def reserve(self, worker: str, slots: int) -> None:
        self.apply(do.Reserve(worker, slots))

    @rule(worker=workers, id=ids)
    def claim(self, worker: str, id: str) -> None:
        self.apply(do.Claim(worker, id))

    @rule(number=lease_numbers, outcome=outcomes, retryable=st.booleans(), slots=st.integers(0, 4))
    def report(self, number: int, outcome: Outcome, retryable: bool, slots: int) -> None:
        lease = self.lease(number)
        report = do.Report(lease, outcome, "by chance", retryable)
        self.apply(do.Exchange(self.holder(lease), (report,), slots))

    @rule(number=lease_numbers, needs=st.lists(ids, max_size=2), slots=st.integers(0, 4))
    def park(self, number: int, needs: list[str], slots: int) -> None:
        lease = self.lease(number)
        report = do.Report(lease, Outcome.PARKED, needs=tuple(needs))
        self.apply(do.Exchange(self.holder(lease), (report,), slots))

    @rule(worker=workers, numbers=st.lists(lease_numbers, min_size=1, max_size=4), outcome=outcomes)
    def report_whatever_lease(self, worker: str, numbers: list[int], outcome: Outcome) -> None:
        reports = [do.Report(self.lease(number), outcome, "by chance") for number in numbers]
        tasks = frozen(self.driver.machine.tasks)
        effects = self.apply(do.Exchange(worker, reports, 0))
        if effects and all(isinstance(effect, LateReport) for effect in effects):
            assert frozen(self.driver.machine.tasks) == tasks

    @rule(number=lease_numbers, amounts=amounts)
    def shrink(self, number: int, amounts: dict[str, float]) -> None:
        lease = self.lease(number)
        self.apply(do.ShrinkResources(self.holder(lease), lease, amounts))

    @rule(worker=workers, number=lease_numbers)
    def note(self, worker: str, number: int) -> None:
        self.apply(do.Note(worker, self.lease(number), "message", "hello"))

    @rule(worker=workers, is_final=st.integers(0, 3))
    def go_and_come_again(self, worker: str, is_final: int) -> None:
        self.apply(do.Leave(worker))
        if is_final:
            self.apply(do.Join(worker))

    @rule(worker=workers, is_banned=st.integers(0, 9))
    def beat_or_ban(self, worker: str, is_banned: int) -> None:
        self.apply(do.DisableWorker(worker) if not is_banned else do.Beat(worker))

    # -- people -----------------------------------------------------------------------------------------------------

    @rule(chosen=st.lists(ids, min_size=1, max_size=2))
    def cancel(self, chosen: list[str]) -> None:
        self.apply(do.Cancel(tuple(chosen)))

    @rule(run=st.sampled_from(RUNS))
    def cancel_run(self, run: str) -> None:
        self.apply(do.CancelRun(run))

    @rule(kind=st.sampled_from([do.Forgive, do.Enable, do.MarkDone]), id=ids)
    def ask_for_one_task(self, kind, id: str) -> None:
        self.apply(kind(id))

    @rule(is_paused=st.integers(0, 4))
    def pause_or_go_on(self, is_paused: int) -> None:
        self.apply(do.Pause() if not is_paused else do.Unpause())

    @rule(name=st.sampled_from(RESOURCES), amount=st.sampled_from([-1, 0, 1, 2, 9]))
    def set_capacity(self, name: str, amount: float) -> None:
        self.apply(do.SetCapacity(name, amount))

    # -- time -------------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.0, 1.0, 3.0, 5.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        for effect in self.driver.advance(seconds):
            self.judge(effect)

    @rule(seconds=st.sampled_from([-5.0, 2.0, 31.0]))
    def time_passes_unnoticed(self, seconds: float) -> None:
        self.driver.now += seconds

    # -- what can be seen -------------------------------------------------------------------------------------------

    @rule()
    def questions_have_answers_and_change_nothing(self) -> None:
        machine = self.driver.machine
        before = state_of(machine)
        assert sum(views.counts(machine).values()) == len(machine.tasks)
        for id in machine.tasks:
            assert reasons.why_not(machine, id).endswith(".")
            views.is_hopeless(machine, id)
        for worker in machine.workers:
            assert views.prospects(machine, worker).held == len(machine.workers[worker].leases)
        assert state_of(machine) == before

    def teardown(self) -> None:
        if hasattr(self, "driver"):
            self.all_that_has_hope_gets_done()

    def all_that_has_hope_gets_done(self) -> None:
        """With honest workers, enough of everything and time, what is not hopeless is finished: no lost wake-ups."""
        driver = self.driver
        self.apply(do.Unpause())
        for name in RESOURCES:
            self.apply(do.SetCapacity(name, 9))
        for worker in WORKERS:
            if worker in driver.machine.workers:
                self.apply(do.Leave(worker))
        self.apply(do.Join("honest", ("default", "gpu"), assistant=True))
        self.apply(do.Join("honest too", ("default", "gpu"), assistant=True))
        self.apply(do.Register("honest", "last", [task.spec for task in driver.machine.tasks.values()]))
        for _ in range(200):
            if not self.honest_round():
                break
        for id, task in driver.machine.tasks.items():
            assert task.state not in HELD
            assert task.state is not State.PENDING or views.is_hopeless(driver.machine, id), reasons.why_not(
                driver.machine, id
            )

    def honest_round(self) -> bool:
        """Both workers do all that they are given; False when nothing was left to do or to wait for."""
        driver = self.driver
        is_busy = False
        for worker in ("honest", "honest too"):
            for order in self.apply(do.Exchange(worker, (), 2)):
                if isinstance(order, Assigned | Resumed):
                    is_busy = True
                    self.apply(do.Exchange(worker, (do.Report(order.lease, Outcome.DONE),)))
        due = [task.retry_at for task in driver.machine.tasks.values() if task.retry_at is not None]
        due += [task.disabled_until for task in driver.machine.tasks.values() if task.disabled_until is not None]
        if due and not is_busy:
            driver.now = max(driver.now, min(due))
            for worker in ("honest", "honest too"):
                self.apply(do.Beat(worker))
            self.apply(do.Tick())
            return True
        return is_busy


RandomCommands.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
test_random_commands = pytest.mark.slow(RandomCommands.TestCase)
