"""The scheduler alone, in memory, without workers: `machine.py SIDE (request|life|bytes) SIZE`.

`request`: one worker asks for one task, with SIZE tasks pending. `life`: describe, hand out and report every task.
`bytes`: what SIZE described tasks hold, everything included.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from typing import Any

from language import answer

side, how, size = sys.argv[1], sys.argv[2], int(sys.argv[3])


class LuigiScheduler:
    """Luigi's scheduler behind three verbs."""

    def __init__(self) -> None:
        from luigi.scheduler import Scheduler

        self.scheduler: Any = Scheduler()
        self.scheduler.add_worker("worker", {})

    def describe(self, count: int) -> None:
        for number in range(count):
            params = {"number": str(number)}
            self.scheduler.add_task(worker="worker", task_id=f"Task_{number}", family="Task", params=params)

    def hand_out(self) -> str:
        return str(self.scheduler.get_work(worker="worker")["task_id"])

    def report(self, handed_out: str) -> None:
        self.scheduler.add_task(worker="worker", task_id=handed_out, status="DONE", family="Task")


class RumboMachine:
    """Rumbo's machine behind the same three verbs. Batches are left to the shells: a request asks for one task."""

    def __init__(self) -> None:
        from rumbo.scheduler import commands, records
        from rumbo.scheduler.machine import Machine

        self.commands, self.records = commands, records
        self.machine: Any = Machine()
        self.machine.apply(commands.Join("worker"), 0.0)

    def describe(self, count: int) -> None:
        specs = [
            self.records.TaskSpec(id=f"Task_{number}", family="Task", params={"number": str(number)})
            for number in range(count)
        ]
        self.machine.apply(self.commands.Register("worker", "run", specs), 0.0)

    def hand_out(self) -> int:
        effects = self.machine.apply(self.commands.Exchange("worker", (), 1), 0.0)
        return next(effect.lease for effect in effects if type(effect).__name__ == "Assigned")

    def report(self, handed_out: int) -> None:
        report = self.commands.Report(handed_out, self.records.Outcome.DONE)
        self.machine.apply(self.commands.Exchange("worker", (report,)), 0.0)


scheduler = LuigiScheduler() if side == "luigi" else RumboMachine()
match how:
    case "request":
        requests = size // 2 if side == "rumbo" else max(5, 100_000 // size)
        scheduler.describe(size)
        scheduler.hand_out()
        start = time.process_time()
        for _ in range(requests):
            scheduler.hand_out()
        answer(time.process_time() - start, requests)
    case "life":
        start = time.process_time()
        scheduler.describe(size)
        for _ in range(size):
            scheduler.report(scheduler.hand_out())
        answer(time.process_time() - start, size)
    case "bytes":
        tracemalloc.start()
        scheduler.describe(size)
        answer(tracemalloc.get_traced_memory()[0], size)
    case _:
        sys.exit(f"nothing to measure about the machine is called {how}")
