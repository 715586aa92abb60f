"""Random commands, one after the other: the machine never contradicts itself, and a refusal changes nothing."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from rumbo.errors import CommandRejected
from rumbo.scheduler import commands as do
from rumbo.scheduler import views
from rumbo.scheduler.effects import Assigned, AttemptEnded, LateReport, Resumed, StateChanged
from rumbo.scheduler.machine import Policy
from rumbo.scheduler.records import BatchKey, Outcome, RetryPolicy, State, TaskSpec
from rumbo.scheduler.transitions import HELD, TABLE, Cause
from rumbo.testing.simulation import Driver, snapshot

TASKS = [f"t{number}" for number in range(9)]
WORKERS = ["ann", "ben", "cid"]
RUNS = ["one", "two"]
POOLS = [("default",), ("gpu",), ("default", "gpu")]
RESOURCES = ["db", "memory"]
KEYS = [BatchKey("Family", (), 0), BatchKey("Family", (("x", "1"),), 2)]
RETRIES = [
    RetryPolicy(),
    RetryPolicy(retries=2, delay=3.0),
    RetryPolicy(retries=1, disable_after=2, disable_for=20.0),
    RetryPolicy(reopen_after=15.0, window=10.0, hard_timeout=12.0),
]
POLICIES = [
    Policy(lease=30.0, cooldown=5.0, forget_after=20.0, max_losses=2),
    Policy(lease=None, cooldown=0.0, forget_after=0.0),
]

workers = st.sampled_from(WORKERS)
ids = st.sampled_from(TASKS)
amounts = st.dictionaries(st.sampled_from(RESOURCES), st.sampled_from([0, 0.1, 0.5, 1, 2, 9]), max_size=2)


@st.composite
def specs(draw: st.DrawFn) -> TaskSpec:
    """A task that needs only tasks with smaller numbers, so that what is declared has no circles."""
    number = draw(st.integers(0, len(TASKS) - 1))
    return TaskSpec(
        TASKS[number],
        "Family",
        dependencies=tuple(draw(st.lists(st.sampled_from(TASKS[:number]), max_size=3))) if number else (),
        state=draw(st.sampled_from([State.PENDING] * 7 + [State.DONE, State.DISABLED, State.UNKNOWN])),
        runnable=draw(st.integers(0, 9)) > 0,
        priority=draw(st.integers(-1, 2)),
        resources=draw(amounts),
        retry=draw(st.sampled_from(RETRIES)),
        batch=draw(st.sampled_from([None, None, *KEYS])),
        pool=draw(st.sampled_from(["default", "default", "default", "gpu"])),
    )


class RandomCommands(RuleBasedStateMachine):
    """Every command with any arguments, at any moment; leases that are over are used again and again."""

    leases = Bundle("leases")

    @initialize(policy=st.sampled_from(POLICIES))
    def begin(self, policy: Policy) -> None:
        self.driver = Driver(policy, {"db": 2, "memory": 1.5})
        self.holders: dict[str, int] = {}

    def apply(self, command: do.Command) -> list:
        before = snapshot(self.driver.machine)
        try:
            effects = self.driver.apply(command)
        except CommandRejected:
            assert snapshot(self.driver.machine) == before
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

    @rule(worker=workers, pools=st.sampled_from(POOLS), assistant=st.booleans())
    def join(self, worker: str, pools: tuple[str, ...], assistant: bool) -> None:
        self.apply(do.Join(worker, pools, assistant))

    @rule(worker=workers, run=st.sampled_from(RUNS), described=st.lists(specs(), min_size=1, max_size=5))
    def register(self, worker: str, run: str, described: list[TaskSpec]) -> None:
        self.apply(do.Register(worker, run, described))

    @rule(target=leases, worker=workers, slots=st.integers(1, 4))
    def ask(self, worker: str, slots: int) -> tuple[str, int]:
        orders = [each for each in self.apply(do.Exchange(worker, (), slots)) if isinstance(each, Assigned)]
        return (worker, orders[-1].lease if orders else 1)

    @rule(
        lease=leases,
        outcome=st.sampled_from([Outcome.DONE, Outcome.DONE, *Outcome]),
        needs=st.lists(ids, max_size=2),
        retryable=st.booleans(),
        slots=st.integers(0, 2),
        worker=st.none() | workers,
    )
    def report(self, lease, outcome, needs, retryable, slots, worker) -> None:
        report = do.Report(lease[1], outcome, "by chance", retryable, tuple(needs))
        before = snapshot(self.driver.machine)["tasks"]
        effects = self.apply(do.Exchange(worker or lease[0], (report,), slots))
        if effects and isinstance(effects[0], LateReport) and len(effects) == 1:
            assert snapshot(self.driver.machine)["tasks"] == before

    @rule(lease=leases, amounts=amounts)
    def shrink(self, lease, amounts) -> None:
        self.apply(do.ShrinkResources(*lease, amounts))

    @rule(lease=leases)
    def note(self, lease) -> None:
        self.apply(do.Note(*lease, "message", "hello"))

    @rule(worker=workers)
    def leave(self, worker: str) -> None:
        self.apply(do.Leave(worker))

    @rule(worker=workers, is_banned=st.integers(0, 5))
    def beat_or_ban(self, worker: str, is_banned: int) -> None:
        self.apply(do.DisableWorker(worker) if not is_banned else do.Beat(worker))

    # -- people -----------------------------------------------------------------------------------------------------

    @rule(chosen=st.lists(ids, min_size=1, max_size=3))
    def cancel(self, chosen: list[str]) -> None:
        self.apply(do.Cancel(tuple(chosen)))

    @rule(run=st.sampled_from(RUNS))
    def cancel_run(self, run: str) -> None:
        self.apply(do.CancelRun(run))

    @rule(kind=st.sampled_from([do.Forgive, do.Enable, do.MarkDone]), id=ids)
    def ask_for_one_task(self, kind, id: str) -> None:
        self.apply(kind(id))

    @rule(is_paused=st.integers(0, 2))
    def pause_or_go_on(self, is_paused: int) -> None:
        self.apply(do.Pause() if not is_paused else do.Unpause())

    @rule(name=st.sampled_from(RESOURCES), amount=st.sampled_from([-1, 0, 1, 2, 9]))
    def set_capacity(self, name: str, amount: float) -> None:
        self.apply(do.SetCapacity(name, amount))

    # -- time -------------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.0, 1.0, 4.0, 11.0, 31.0]))
    def time_passes(self, seconds: float) -> None:
        for effect in self.driver.advance(seconds):
            self.judge(effect)

    @rule(seconds=st.sampled_from([-5.0, 2.0, 40.0]))
    def time_passes_unnoticed(self, seconds: float) -> None:
        self.driver.now += seconds

    # -- what can be seen -------------------------------------------------------------------------------------------

    @invariant()
    @precondition(lambda self: hasattr(self, "driver"))
    def questions_have_answers_and_change_nothing(self) -> None:
        machine = self.driver.machine
        before = snapshot(machine)
        assert sum(views.counts(machine).values()) == len(machine.tasks)
        for id in machine.tasks:
            assert views.why_not(machine, id).endswith((".", "..."))
            views.is_hopeless(machine, id)
        for worker in machine.workers:
            assert views.prospects(machine, worker).held == len(machine.workers[worker].leases)
        assert snapshot(machine) == before

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
            assert task.state is not State.PENDING or views.is_hopeless(driver.machine, id), views.why_not(
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
    max_examples=150,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
test_random_commands = RandomCommands.TestCase
