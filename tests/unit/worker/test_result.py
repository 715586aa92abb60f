"""What a program and a person are told when a run is over."""

from __future__ import annotations

import pytest

import rumbo.pipeline.task as core
from rumbo.pipeline.parameters.scalars import IntParameter
from rumbo.ports import Ended
from rumbo.scheduler.records import Outcome
from rumbo.wording import duration
from rumbo.worker.plan import Plan
from rumbo.worker.result import RunResult


class _Missing(core.Task):
    task_namespace = "results"
    n = IntParameter(default=0)

    def complete(self):
        return False


class Step(_Missing):
    def requires(self):
        return [Step(n=self.n - 1)] if self.n else []


class Feed(_Missing):
    run = None


class Reader(_Missing):
    def requires(self):
        return Feed()


class Broken(_Missing):
    def complete(self):
        raise OSError("no disk")


class Present(core.Task):
    task_namespace = "results"

    def complete(self):
        return True


def result_of(roots, outcomes=None, interrupted=False):
    plan = Plan()
    plan.find(roots)
    ended = {task.task_id: Ended(1, outcome, message) for task, (outcome, message) in (outcomes or {}).items()}
    return RunResult("r1", plan, ended, {}, 3.14, interrupted)


def test_all_done():
    result = result_of([Step(n=1), Present()], {Step(n=0): (Outcome.DONE, ""), Step(n=1): (Outcome.DONE, "")})
    assert result
    assert result.status == "done"
    assert result.counts == {"complete": 1, "done": 2}
    assert result.summary() == "Run r1: done, 2 tasks done in 3.1s.\n  1 task was complete already."
    assert repr(result) == "<run r1: done>"


def test_a_failure_and_what_it_held_up():
    result = result_of([Step(n=2)], {Step(n=0): (Outcome.FAILED, "Traceback ...\nValueError: bad")})
    assert not result
    assert result.status == "failed"
    assert result.failures() == {Step(n=0).task_id: "Traceback ...\nValueError: bad"}
    assert result.summary() == (
        "Run r1: failed, 0 tasks done in 3.1s.\n"
        "  1 task failed:\n"
        "    results.Step(n=0): ValueError: bad\n"
        "  2 tasks held up:\n"
        "    results.Step(n=2): needs results.Step(n=1), which is held up\n"
        "    results.Step(n=1): needs results.Step(n=0), which is failed"
    )


def test_external_data_that_is_missing():
    result = result_of([Reader()])
    assert result.status == "incomplete"
    assert result.counts == {"external": 1, "held up": 1}
    assert "    results.Feed(n=0): external: somebody else must bring it about" in result.summary()


def test_what_could_not_be_asked():
    result = result_of([Broken()])
    assert result.status == "failed"
    assert "    results.Broken(n=0): complete() failed: OSError: no disk" in result.summary()
    (trace,) = result.failures().values()
    assert trace.startswith("Traceback")


def test_an_interrupted_run():
    result = result_of([Step(n=1)], {Step(n=0): (Outcome.DONE, "")}, interrupted=True)
    assert result.status == "cancelled"
    assert "  1 task not run:\n    results.Step(n=1)" in result.summary()


def test_a_cancelled_task():
    result = result_of([Step(n=0)], {Step(n=0): (Outcome.CANCELLED, "stopped")})
    assert result.status == "cancelled"
    assert "  1 task stopped:\n    results.Step(n=0)" in result.summary()


def test_a_long_list_is_cut():
    many = [Feed(n=n) for n in range(14)]
    assert "    and 4 more" in result_of(many).summary()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0s"), (0.44, "0.4s"), (9.94, "9.9s"), (9.96, "10s"), (59.4, "59s"), (124, "2m 04s"), (11220, "3h 07m")],
)
def test_durations_as_people_say_them(seconds, text):
    assert duration(seconds) == text
