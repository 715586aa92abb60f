"""Names of Luigi's modules replaced from outside: each function gives what shows that the replacement holds."""

from __future__ import annotations

import sys
import warnings

import luigi
import luigi.interface
import luigi.worker

QUIET = {"local_scheduler": True, "log_level": "CRITICAL"}


class Many(luigi.Task):
    a = luigi.IntParameter(default=1)
    b = luigi.Parameter(default="a text that is rather long")
    c = luigi.Parameter(default="c")
    d = luigi.Parameter(default="d")

    def complete(self):
        return getattr(self, "has_run", False)

    def run(self):
        self.has_run = True


def parts_of_the_id():
    luigi.task.TASK_ID_INCLUDE_PARAMS = 4
    luigi.task.TASK_ID_TRUNCATE_PARAMS = 6
    return Many().task_id


def the_check():
    asked = []
    before = luigi.worker.check_complete_cached

    def check(task, completion_cache=None):
        asked.append(str(task))
        return before(task, completion_cache)

    luigi.worker.check_complete_cached = check
    return [luigi.build([Many(a=2)], **QUIET), asked]


def the_worker():
    class Counting(luigi.worker.Worker):
        added = 0

        def add(self, *args, **kwargs):
            type(self).added += 1
            return super().add(*args, **kwargs)

    class Factory:
        def create_local_scheduler(self):
            return luigi.scheduler.Scheduler(prune_on_get_work=True, record_task_history=False)

        def create_worker(self, scheduler, worker_processes, assistant=False):
            return Counting(scheduler=scheduler, worker_processes=worker_processes, assistant=assistant)

    return [luigi.build([Many(a=3)], worker_scheduler_factory=Factory(), **QUIET), Counting.added]


def a_foreign_worker():
    """A worker that has nothing of Luigi's but the attributes that results are made from."""

    class Foreign:
        def __init__(self):
            self._add_task_history = []
            self._get_work_response_history = []
            self._scheduled_tasks = {}
            self._id = "foreign"

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return False

        def add(self, task, multiprocess, processes):
            self._scheduled_tasks[task.task_id] = task
            self._add_task_history.append((task, "PENDING", True))
            return True

        def run(self):
            for task in self._scheduled_tasks.values():
                task.run()
                self._add_task_history.append((task, "DONE", None))
            return True

    class Factory:
        def create_local_scheduler(self):
            return object()

        def create_worker(self, scheduler, worker_processes, assistant=False):
            return Foreign()

    result = luigi.build([Many(a=4)], worker_scheduler_factory=Factory(), detailed_summary=True, **QUIET)
    return [result.status.name, result.summary_text]


def the_factory():
    made = []
    before = luigi.interface._WorkerSchedulerFactory.create_worker

    def create_worker(self, scheduler, worker_processes, assistant=False):
        made.append(worker_processes)
        return before(self, scheduler, worker_processes, assistant)

    luigi.interface._WorkerSchedulerFactory.create_worker = create_worker
    return [luigi.build([Many(a=5)], **QUIET), made]


def the_result():
    before = luigi.execution_summary.LuigiRunResult.__init__

    def init(self, worker, worker_add_run_status=True):
        before(self, worker, worker_add_run_status)
        self.extra = len(worker._add_task_history)

    luigi.execution_summary.LuigiRunResult.__init__ = init
    return luigi.build([Many(a=6)], detailed_summary=True, **QUIET).extra


def the_logging():
    from luigi.setup_logging import InterfaceLogging

    called = []
    InterfaceLogging._default = classmethod(lambda cls, opts: called.append(opts.log_level) or True)
    luigi.build([Many(a=7)], **QUIET)
    return called


def the_warnings():
    called = []

    class Warnings:
        @staticmethod
        def warn(text, *rest, **options):
            called.append(str(text).split(" is not of")[0])

    luigi.parameter.warnings = Warnings
    Many(b=5)
    return called


def the_parser():
    before = luigi.cmdline_parser.CmdlineParser._get_task_kwargs

    def kwargs(self):
        return {**before(self), "d": "from outside"}

    luigi.cmdline_parser.CmdlineParser._get_task_kwargs = kwargs
    seen = []
    Many.run = lambda self: seen.append(self.d)
    luigi.run(["Many", "--a", "8", "--local-scheduler", "--no-lock", "--log-level", "CRITICAL"])
    return seen


def the_configuration():
    parser = luigi.configuration.LuigiConfigParser()
    parser.read_dict({"Many": {"c": "of another parser"}})
    luigi.configuration.LuigiConfigParser._instance = parser
    return Many(a=9).c


def the_registry():
    from luigi.task_register import Register

    before = Register._get_reg()

    class Passing(luigi.Task):
        pass

    names = ["Passing" in Register.task_names()]
    Register._set_reg(before)
    return [*names, "Passing" in Register.task_names()]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(globals()[sys.argv[1]]())
