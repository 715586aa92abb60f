"""A storm of commands from a seed: far more of them than hypothesis has time for, with the same checks after each."""

from __future__ import annotations

import pickle
import random
from typing import Any

import pytest

from rumbo.errors import CommandRejected
from rumbo.scheduler import commands as do
from rumbo.scheduler import reasons, views
from rumbo.scheduler.effects import Assigned, AttemptEnded
from rumbo.scheduler.machine import Policy
from rumbo.scheduler.records import BatchKey, Outcome, RetryPolicy, State, TaskRecord, TaskSpec
from rumbo.testing.simulation import Driver

WORKERS = ["ann", "ben", "cid"]
TASKS = [f"t{number:02}" for number in range(14)]
KINDS: list[dict[str, Any]] = [
    {},
    {"resources": {"db": 1}},
    {"resources": {"db": 2, "memory": 0.5}, "retry": RetryPolicy(retries=2, delay=3.0)},
    {"resources": {"memory": 0.1}, "retry": RetryPolicy(disable_after=1, disable_for=12.0)},
    {"resources": {"memory": 9}, "retry": RetryPolicy(reopen_after=15.0, window=10.0, hard_timeout=12.0)},
    {"batch": BatchKey("Family", (), 0), "retry": RetryPolicy(retries=1, disable_after=2, disable_for=20.0)},
    {"batch": BatchKey("Family", (("x", "1"),), 2), "resources": {"db": 0}},
    {"pool": "gpu"},
    {"runnable": False},
]


class Storm:
    """Commands chosen by a seed, more often sensible ones than not."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        lease = self.chance.choice([30.0, None])
        policy = Policy(lease, self.chance.choice([0.0, 5.0]), self.chance.choice([0.0, 20.0]), max_losses=2)
        self.driver = Driver(policy, {"db": 2, "memory": 1.5})
        self.holders: dict[str, int] = {}
        self.kinds = {id: self.chance.choice(KINDS) for id in TASKS}

    def apply(self, command: do.Command) -> None:
        machine = self.driver.machine
        before = {name: each for name, each in vars(machine).items() if name not in ("_handlers", "_effects")}
        frozen = pickle.dumps(before)
        try:
            effects = self.driver.apply(command)
        except CommandRejected:
            after = {name: each for name, each in vars(machine).items() if name in before}
            assert pickle.dumps(after) == frozen
            return
        for effect in effects:
            if isinstance(effect, Assigned):
                for id in effect.tasks:
                    assert id not in self.holders
                    self.holders[id] = effect.lease
            elif isinstance(effect, AttemptEnded):
                assert self.holders.pop(effect.task) == effect.lease

    def spec(self) -> TaskSpec:
        chance = self.chance
        number = chance.randrange(len(TASKS))
        kind = self.kinds[TASKS[number]] if chance.random() < 0.9 else chance.choice(KINDS)
        needs = tuple(chance.choice(TASKS[:number]) for _ in range(chance.randrange(3))) if number else ()
        state = chance.choices([State.PENDING, State.DONE, State.DISABLED, State.UNKNOWN], (20, 2, 1, 1))[0]
        return TaskSpec(TASKS[number], "Family", dependencies=needs, state=state, priority=chance.randrange(3), **kind)

    def reports(self) -> list[do.Report]:
        leases = [*self.driver.machine.leases, self.chance.randrange(200)]
        outcomes = [Outcome.DONE, Outcome.FAILED, Outcome.PARKED, *Outcome]
        return [
            do.Report(
                self.chance.choice(leases),
                self.chance.choice(outcomes),
                retryable=self.chance.random() < 0.8,
                needs=tuple(self.chance.sample(TASKS, self.chance.randrange(3))),
            )
            for _ in range(self.chance.randrange(3))
        ]

    def command(self) -> do.Command:
        chance = self.chance
        worker, id, lease = chance.choice(WORKERS), chance.choice(TASKS), chance.randrange(200)
        leases = [*self.driver.machine.leases, lease]
        choices: list[tuple[float, Any]] = [
            (30, lambda: do.Exchange(worker, self.reports(), chance.randrange(4))),
            (6, lambda: do.Register(worker, chance.choice("xy"), [self.spec() for _ in range(chance.randrange(9))])),
            (3, lambda: do.Join(worker, chance.choice([("default",), ("gpu", "default")]), chance.random() < 0.4)),
            (
                2,
                lambda: do.ShrinkResources(
                    worker, chance.choice(leases), {"db": chance.choice([0, 1, 5]), "memory": 0.2}
                ),
            ),
            (1, lambda: do.Note(worker, chance.choice(leases), "message", "hello")),
            (1, lambda: do.Beat(worker)),
            (0.5, lambda: do.Leave(worker)),
            (0.2, lambda: do.DisableWorker(worker)),
            (2, lambda: do.Cancel((id, chance.choice(TASKS)))),
            (0.2, lambda: do.CancelRun(chance.choice("xy"))),
            (2, lambda: do.Forgive(id)),
            (1, lambda: do.Enable(id)),
            (1, lambda: do.MarkDone(id)),
            (0.3, do.Pause),
            (1, do.Unpause),
            (1, lambda: do.SetCapacity(chance.choice(["db", "memory"]), chance.choice([-1, 0, 1, 2, 9]))),
            (2, do.Tick),
        ]
        weights, makers = zip(*choices, strict=True)
        return chance.choices(makers, weights)[0]()

    def blow(self, commands: int) -> None:
        for _ in range(commands):
            self.apply(self.command())
            if self.chance.random() < 0.5:
                self.driver.now += self.chance.choice([0.0, 0.5, 1.0, 5.0])
            for task in self.driver.machine.tasks.values():
                assert reasons.why_not(self.driver.machine, task.id).endswith(".")

    def calm(self) -> None:
        """With honest workers, enough of everything and time, what is not hopeless gets done: no wake-up was lost."""
        driver, machine = self.driver, self.driver.machine
        for command in (do.Unpause(), do.SetCapacity("db", 9), do.SetCapacity("memory", 9)):
            self.apply(command)
        for worker in WORKERS:
            self.apply(do.Leave(worker))
            self.apply(do.Join(worker, ("default", "gpu"), assistant=True))
        self.apply(do.Register("ann", "last", [task.spec for task in machine.tasks.values()]))
        for _ in range(100):
            if not machine.leases and all(self.is_settled(task) for task in machine.tasks.values()):
                return
            for worker in WORKERS:
                self.apply(do.Exchange(worker, (), 2))
                self.apply(
                    do.Exchange(worker, [do.Report(lease, Outcome.DONE) for lease in machine.workers[worker].leases])
                )
            driver.now += 1.0
        raise AssertionError({id: reasons.why_not(machine, id) for id in machine.tasks})

    def is_settled(self, task: TaskRecord) -> bool:
        if task.state is State.PENDING:
            return views.is_hopeless(self.driver.machine, task.id)
        return task.retry_at is None and task.disabled_until is None


@pytest.mark.parametrize("seed", range(25))
def test_the_machine_weathers_a_storm(seed):
    storm = Storm(seed)
    storm.blow(120)
    storm.calm()
