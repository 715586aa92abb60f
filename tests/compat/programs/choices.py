"""Which way a run goes, for programs that look behind `luigi.build` more or less: prints each as JSON."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager

import luigi
import luigi.interface
import luigi.worker

QUIET = {"local_scheduler": True, "log_level": "CRITICAL", "detailed_summary": True}


class Nothing(luigi.Task):
    n = luigi.IntParameter(default=0)

    def run(self):
        self.has_run = True

    def complete(self):
        return getattr(self, "has_run", False)


class Factory(luigi.interface._WorkerSchedulerFactory):
    """A factory of one's own, which makes what Luigi's makes."""


class Subclass(luigi.worker.Worker):
    """A worker of one's own, which does what Luigi's does."""


class Attempt(luigi.worker.TaskProcess):
    """An attempt of one's own, which does what Luigi's does."""


class Bringing(Factory):
    """A factory of one's own with a worker of one's own."""

    def create_worker(self, scheduler, worker_processes, assistant=False):
        return Subclass(scheduler=scheduler, worker_processes=worker_processes, assistant=assistant)


@contextmanager
def replaced(owner, name, by=None):
    """Something replaced from outside; by default by a function that calls it."""
    before = vars(owner)[name]

    def other(*args, **kwargs):
        return before(*args, **kwargs)

    setattr(owner, name, by or other)
    yield
    setattr(owner, name, before)


@contextmanager
def as_it_is():
    """Nothing is replaced."""
    yield


def handles_events():
    """A handler of events, which is no look behind anything."""
    luigi.Task.event_handler(luigi.Event.SUCCESS)(lambda task: None)
    return as_it_is()


PROGRAMS = {
    "calls build": (as_it_is, {}),
    "calls build with processes": (as_it_is, {"workers": 2}),
    "handles events": (handles_events, {}),
    "replaces how a task is asked whether it is complete": (
        lambda: replaced(luigi.worker, "check_complete_cached"),
        {},
    ),
    "replaces how results are made": (lambda: replaced(luigi.execution_summary.LuigiRunResult, "__init__"), {}),
    "brings a factory": (as_it_is, {"worker_scheduler_factory": Factory()}),
    "brings a worker": (as_it_is, {"worker_scheduler_factory": Bringing()}),
    "replaces a step of the worker": (lambda: replaced(luigi.worker.Worker, "add"), {}),
    "replaces the attempt": (lambda: replaced(luigi.worker.TaskProcess, "run"), {}),
    "replaces a class by its name": (lambda: replaced(luigi.worker, "TaskProcess", Attempt), {}),
    "replaces the thread": (lambda: replaced(luigi.worker.KeepAliveThread, "run"), {}),
    "replaces a method of the scheduler": (lambda: replaced(luigi.scheduler.Scheduler, "get_work"), {}),
    "replaces a method of the factory": (
        lambda: replaced(luigi.interface._WorkerSchedulerFactory, "create_worker"),
        {},
    ),
}


if __name__ == "__main__":
    found = {}
    for number, (program, (replacement, options)) in enumerate(PROGRAMS.items()):
        with replacement():
            worker = luigi.build([Nothing(number)], **QUIET, **options).worker
        found[program] = "engine" if worker._engine_work is not None else "Luigi's own steps"
    print(json.dumps(found), file=sys.stdout)
