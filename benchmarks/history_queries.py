"""How long the questions of the command line and of the pages take over a history of a million attempts.

    python benchmarks/history_queries.py [ATTEMPTS [TASKS]]

Makes a database of so many attempts (1,000,000) at so many different tasks (100,000) in a temporary folder: a week of
runs of 10,000 tasks, two in a hundred attempts fail and are tried again. Prints the median and the worst of several
askings in milliseconds, each on a new connection, so that nothing but the system's cache of files is warm.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from rumbo.ports import PlannedTask, RunEnded, RunInfo
from rumbo.scheduler.effects import Assigned, AttemptEnded, StateChanged
from rumbo.scheduler.records import Outcome, State
from rumbo.store.history import HistoryWriter
from rumbo.store.reader import HistoryReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from rumbo.scheduler.effects import Effect

FAMILIES = [
    f"{verb}{thing}" for verb in ("Clean", "Join", "Load", "Check") for thing in ("Flights", "Weather", "Planes")
]
TASKS_OF_A_RUN = 10_000
WEEK = 7 * 86_400.0


def task(number: int) -> PlannedTask:
    """One of the tasks that come again and again."""
    family = FAMILIES[number % len(FAMILIES)]
    day = f"2013-{number % 12 + 1:02}-{number % 28 + 1:02}"
    digest = hashlib.md5(str(number).encode()).hexdigest()[:10]
    params = {"date": day, "part": str(number)}
    id = f"{family}_{day.replace('-', '_')}_{number}_{digest}"
    return PlannedTask(id, family, "flights", params, "run", f"{day}.csv does not exist", (), 0, "")


def one_run(writer: HistoryWriter, number: int, first: int, tasks: int, total: int, at: float) -> None:
    """A run of TASKS_OF_A_RUN tasks, of which two in a hundred fail at first."""
    run_id = f"{number:06}"
    nodes = [task((first + place) % tasks) for place in range(min(TASKS_OF_A_RUN, tasks))]
    writer.run_started(RunInfo(run_id, (nodes[0].id,), "rumbo run All", "host", "ana", 1, "/project", 4, at))
    writer.planned(run_id, nodes)
    for place, node in enumerate(nodes):
        begins = at + place * (WEEK / total)
        seconds = 0.01 * (1 + place % 500)
        effects: list[Effect] = []
        if place % 50 == 7:
            effects += attempt(node.id, 1, place % 4, begins, seconds, Outcome.FAILED)
            effects += attempt(node.id, 2, place % 4, begins + seconds, seconds, Outcome.DONE)
        else:
            last = Outcome.FAILED if place % 1000 == 11 else Outcome.DONE
            effects += attempt(node.id, 1, place % 4, begins, seconds, last)
        writer.happened(run_id, effects)
    writer.run_ended(RunEnded(run_id, at + TASKS_OF_A_RUN * (WEEK / total), "done", "", {"done": len(nodes)}))


def attempt(id: str, number: int, slot: int, begins: float, seconds: float, outcome: Outcome) -> list[Effect]:
    """What the scheduler tells of one attempt."""
    worker, ends = f"worker-{slot}", begins + seconds
    after = State.DONE if outcome is Outcome.DONE else State.FAILED
    message = "" if outcome is Outcome.DONE else "Traceback (most recent call last):\n" + "  ...\n" * 40 + "ValueError"
    return [
        Assigned(worker, 1, (id,), number, None, begins),
        AttemptEnded(id, number, 1, worker, outcome, message, ends),
        StateChanged(id, State.RUNNING, after, "", ends),
    ]


def fill(folder: str, attempts: int, tasks: int) -> None:
    """Write the history of a week."""
    began, cpu = time.time(), time.process_time()
    writer = HistoryWriter(folder)
    runs = attempts // TASKS_OF_A_RUN
    for number in range(runs):
        at = began - WEEK + number * WEEK / runs
        one_run(writer, number, number * TASKS_OF_A_RUN, tasks, attempts, at)
        if not writer.flush():
            raise SystemExit(f"could not write: {writer.trouble}")
    writer.close()
    cpu = (time.process_time() - cpu) / attempts * 1e6
    size = os.path.getsize(os.path.join(folder, "rumbo.db")) / 1e6
    print(f"{attempts:,} attempts at {tasks:,} tasks in {runs} runs: {size:.0f} MB; {cpu:.1f} µs of CPU each to make")


def questions(tasks: int) -> dict[str, Callable[[HistoryReader], object]]:
    """What is asked, by what it is for."""
    last, week = task(tasks // 2), time.time() - WEEK
    return {
        "list of runs": lambda h: h.runs(),
        "one run: its counts by state": lambda h: h.counts(h.run()),
        "one run: its counts by family": lambda h: h.counts_by_family(h.run()),
        "one run: the first 100 tasks": lambda h: h.run_tasks(h.run()),
        "one run: its failed tasks": lambda h: h.run_tasks(h.run(), states=["failed"]),
        "one run: a text that nothing has": lambda h: h.run_tasks(h.run(), text="no such text"),
        "one run: what runs now": lambda h: h.running(h.run()),
        "a task by its id": lambda h: h.task(last.id),
        "a task's story": lambda h: h.story(h.task(last.id)),
        "tasks: newest 50": lambda h: h.tasks(),
        "tasks: of a family": lambda h: h.tasks(family=last.family),
        "tasks: of a family that has none": lambda h: h.tasks(family="Nobody"),
        "tasks: by two parameters": lambda h: h.tasks(params=last.params),
        "tasks: by a parameter that nothing has": lambda h: h.tasks(params={"date": "1999-01-01"}),
        "tasks: by a text": lambda h: h.tasks(text=f"_{tasks // 2}_"),
        "tasks: by a text that nothing has": lambda h: h.tasks(text="no such text"),
        "tasks: done": lambda h: h.tasks(states=["done"]),
        "tasks: failed": lambda h: h.tasks(states=["failed"]),
        "tasks: failed, of a family": lambda h: h.tasks(states=["failed"], family=last.family),
        "tasks: running": lambda h: h.tasks(states=["running"]),
        "failures, latest first": lambda h: h.failures(),
        "failures of a family": lambda h: h.failures(family=last.family),
        "slowest attempts of the week": lambda h: h.slowest(since=week),
        "durations by family and hour": lambda h: h.durations(since=week, hours=1),
        "durations by family and day": lambda h: h.durations(since=week),
    }


def main() -> None:
    """Fill, ask, print."""
    attempts, tasks = (int(word) for word in (sys.argv[1:] + ["1000000", "100000"][len(sys.argv) - 1 :])[:2])
    home = tempfile.mkdtemp(prefix="rumbo-bench-")
    try:
        folder = os.path.join(home, ".rumbo")
        fill(folder, attempts, tasks)
        print(f"{'question':42}{'median ms':>10}{'worst ms':>10}")
        for name, ask in questions(tasks).items():
            took = []
            for _ in range(7):
                with HistoryReader(folder) as history:
                    began = time.perf_counter()
                    ask(history)
                    took.append((time.perf_counter() - began) * 1000)
            print(f"{name:42}{statistics.median(took):10.1f}{max(took):10.1f}")
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
