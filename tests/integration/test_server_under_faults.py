"""Workers and the server are killed at random and the network between them is cut; nothing is lost or done twice."""

from __future__ import annotations

import random
import sqlite3
import textwrap
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest

from rumbo.scheduler.records import Outcome, State
from server_house import Cable, house_in, until

if TYPE_CHECKING:
    from pathlib import Path

PIPELINE = '''
import os
import time

import rumbo


def tell(*words):
    """One line, whole, whatever others write at the same time."""
    line = (" ".join(words) + "\\n").encode()
    file = os.open("deeds.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, line)
    os.close(file)


class Step(rumbo.Task):
    layer: int
    n: int

    def requires(self):
        return [Step(layer=self.layer - 1, n=(self.n * 7 + i) % 100) for i in range(3)] if self.layer else []

    def output(self):
        return rumbo.LocalTarget(f"out/{self.layer}/{self.n}")

    def run(self):
        nonce = f"{os.getpid()}.{time.monotonic_ns()}"
        tell("begin", self.task_id, nonce, repr(time.time()))
        time.sleep(0.5 if self.n == 50 else 0.03)
        with self.output().open("w") as file:
            file.write(nonce)
        tell("end", self.task_id, nonce, repr(time.time()))


class Everything(rumbo.WrapperTask):
    layers: int = 20

    def requires(self):
        return [Step(layer=self.layers - 1, n=n) for n in range(100)]
'''


@pytest.mark.slow
def test_two_thousand_tasks_among_the_ruins(tmp_path: Path) -> None:
    (tmp_path / "ruins.py").write_text(textwrap.dedent(PIPELINE))
    chance = random.Random(5)
    with house_in(tmp_path) as house:
        house.serve("--lease", "2")
        cables = [Cable(house.port) for _ in range(3)]
        workers = [house.start("worker", "--slots", "2", "--scheduler", cable.url) for cable in cables]
        run = house.start("run", "-m", "ruins", "Everything", "--deep", "--plain", "--scheduler", house.url)
        until((tmp_path / "deeds.txt").exists, what="the first deed")
        calamities = [*["cut"] * 8, *["worker"] * 6, *["server"] * 4, *["block"] * 2, *["long block"] * 2]
        chance.shuffle(calamities)
        happened = Counter[str]()
        end = time.monotonic() + 150
        while run.poll() is None:
            assert time.monotonic() < end, house.output("run")[-3000:]
            time.sleep(chance.uniform(0.1, 0.6))
            if not calamities:
                continue  # let it come to its end
            which = chance.randrange(3)
            what = calamities.pop()
            happened[what] += 1
            if what == "cut":
                cables[which].cut()
            elif what == "worker":
                house.kill(workers[which])
                workers[which] = house.start("worker", "--slots", "2", "--scheduler", cables[which].url)
            elif what == "server":
                assert house.server is not None
                house.kill(house.server)
                house.serve("--lease", "2")
            else:
                cables[which].block()
                time.sleep(0.3 if what == "block" else 3.0)
                cables[which].unblock()
        assert run.returncode == 0, (happened, house.output("run")[-3000:])
        assert len(happened) == 5, happened
        assert house.server is not None
        house.server.terminate()
        house.server.wait(20)
    nothing_ran_twice_at_once(tmp_path)
    the_history_agrees(tmp_path)


def deeds(folder: Path) -> dict[str, list[tuple[str, str, float]]]:
    """By task: what was done for it (begin or end, by whom, when), in order."""
    found = defaultdict(list)
    for line in (folder / "deeds.txt").read_text().splitlines():
        what, task, nonce, moment = line.split()
        found[task].append((what, nonce, float(moment)))
    return found


def nothing_ran_twice_at_once(folder: Path) -> None:
    """Each beginning of a task comes after the end of the one before, or that one was killed and never ended."""
    found = deeds(folder)
    assert len(found) == 2000
    for task, lines in found.items():
        begun = ""
        ended = {nonce for what, nonce, _ in lines if what == "end"}
        assert ended, f"{task} never came to its end"
        for what, nonce, _ in lines:
            if what == "begin":
                assert begun not in ended or not begun, f"{task} ran twice at once: {lines}"
                begun = nonce
            else:
                assert nonce == begun, f"{task} ran twice at once: {lines}"
                begun = ""


def the_history_agrees(folder: Path) -> None:
    """All tasks are done, each by one attempt that succeeded; a second deed was an attempt that was lost."""
    found = deeds(folder)
    with sqlite3.connect(folder / ".rumbo" / "rumbo.db") as db:
        states = Counter(state for (state,) in db.execute("SELECT state FROM run_tasks"))
        assert states == {State.DONE: 2001}
        rows = db.execute(
            "SELECT tasks.id, attempts.outcome FROM attempts JOIN run_tasks ON run_tasks.key = attempts.key >> 14 "
            "JOIN tasks ON tasks.number = run_tasks.task"
        ).fetchall()
        (status,) = db.execute("SELECT status FROM runs").fetchone()
    assert status == "done"
    outcomes = defaultdict(list)
    for task, outcome in rows:
        outcomes[task].append(outcome)
    for task, lines in found.items():
        ends = sum(what == "end" for what, _, _ in lines)
        done = outcomes[task].count(Outcome.DONE)
        assert done <= 1, f"{task} succeeded {done} times: {outcomes[task]}"
        if not done:
            # Its worker was cut off between the deed and the report, and told what it had done when it came back.
            assert Outcome.LOST in outcomes[task] or Outcome.RELEASED in outcomes[task], (task, outcomes[task], lines)
        assert ends <= len(outcomes[task]), f"{task} was done {ends} times by {outcomes[task]}"
