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


def a_batch_system():
    """Attempts that are no processes, and end much later: how wrappers for batch systems work."""

    class Job:
        use_multiprocessing = True
        timeout_time = None
        exitcode = 0
        submitted = []

        def __init__(self, task, queue):
            self.task, self.queue, self.asked = task, queue, 0

        def start(self):
            self.submitted.append(repr(self.task))

        run = start

        def is_alive(self):
            self.asked += 1
            if self.asked == 2:
                self.task.run()
                self.queue.put((self.task.task_id, "DONE", None, [], None))
            return True

        def terminate(self):
            pass

    class Sender(luigi.worker.Worker):
        def _create_task_process(self, task):
            return Job(task, self._task_result_queue)

    class Factory:
        def create_local_scheduler(self):
            return luigi.scheduler.Scheduler(prune_on_get_work=True, record_task_history=False)

        def create_worker(self, scheduler, worker_processes, assistant=False):
            config = {"wait_interval": 0.05, "wait_jitter": 0}
            return Sender(scheduler=scheduler, worker_processes=worker_processes, assistant=assistant, **config)

    result = luigi.build(
        [Many(a=20), Many(a=21)], worker_scheduler_factory=Factory(), workers=2, detailed_summary=True, **QUIET
    )
    return [result.status.name, sorted(Job.submitted)]


def a_worker_that_drives_a_scheduler():
    """It calls the scheduler's methods by itself, and uses the parts that Luigi's worker is made of."""
    parts = luigi.worker
    found = []

    class Driver:
        def __init__(self):
            self._scheduler = luigi.scheduler.Scheduler()
            self._id, self._scheduled_tasks, self._running_tasks = "driver", {}, {}
            self._add_task_history, self._get_work_response_history = [], []
            self.messages = []

        def __enter__(self):
            self.thread = parts.KeepAliveThread(self._scheduler, self._id, 0.05, self.messages.append)
            self.thread.daemon = True
            self.thread.start()
            return self

        def __exit__(self, *error):
            self.thread.stop()
            self.thread.join()

        def add(self, task, multiprocess=False, processes=0):
            answers, pool = parts.DequeQueue(), parts.SingleProcessPool()
            pool.apply_async(parts.check_complete, [task, answers])
            task, is_complete = answers.get()
            self._scheduled_tasks[task.task_id] = task
            self._scheduler.add_task(
                worker=self._id,
                task_id=task.task_id,
                status=parts.DONE if is_complete else parts.PENDING,
                family=task.task_family,
                params=task.to_str_params(),
                module=task.task_module,
                retry_policy_dict=luigi.scheduler.RetryPolicy(1, 2, 3)._asdict(),
            )
            self._add_task_history.append((task, parts.PENDING, True))
            return True

        def run(self):
            self._scheduler.add_worker(self._id, {"workers": 1})
            while True:
                work = self._scheduler.get_work(worker=self._id, host="here", assistant=False)
                answer = parts.GetWorkResponse(
                    work["task_id"],
                    work["running_tasks"],
                    work["n_pending_tasks"],
                    work["n_unique_pending"],
                    work["n_pending_last_scheduled"],
                    work["worker_state"],
                )
                found.append([answer.n_pending_tasks, answer.worker_state == parts.WORKER_STATE_ACTIVE])
                if answer.task_id is None:
                    return True
                task = self._scheduled_tasks[answer.task_id]
                queue = parts.DequeQueue()
                reporter = parts.TaskStatusReporter(self._scheduler, task.task_id, self._id, None)
                parts.TaskProcess(task, self._id, queue, reporter).run()
                id, status, _, _, _ = queue.get()
                self._add_task_history.append((task, status, None))
                self._scheduler.add_task(worker=self._id, task_id=id, status=status)

    driver = Driver()

    class Factory:
        def create_local_scheduler(self):
            return driver._scheduler

        def create_worker(self, scheduler, worker_processes, assistant=False):
            return driver

    result = luigi.build([Many(a=30)], worker_scheduler_factory=Factory(), detailed_summary=True, **QUIET)
    statuses = [task["status"] for task in driver._scheduler.task_list("", "").values()]
    return [result.status.name, found, statuses, driver._scheduler.count_pending(worker="driver")["n_pending_tasks"]]


def the_attempt():
    ran = []
    before = luigi.worker.TaskProcess.run

    def run(self):
        ran.append(repr(self.task))
        before(self)

    luigi.worker.TaskProcess.run = run
    return [luigi.build([Many(a=40)], **QUIET), ran]


def steps_of_the_worker():
    seen = []

    def watch(name):
        before = getattr(luigi.worker.Worker, name)

        def step(self, *args, **kwargs):
            seen.append(name)
            return before(self, *args, **kwargs)

        setattr(luigi.worker.Worker, name, step)

    for name in ("_add", "_add_task", "_run_task", "_get_work", "_validate_task", "run", "__init__"):
        watch(name)
    return [luigi.build([Many(a=50)], **QUIET), seen]


def one_worker_replaced_in_part():
    told = []
    with luigi.worker.Worker(luigi.scheduler.Scheduler(), worker_id="w") as worker:
        worker._log_complete_error = lambda task, trace: told.append(trace.strip().split("\n")[-1])
        broken = Many(a=60)
        broken.complete = lambda: 1 / 0
        told.append(worker.add(broken))
        told.append(worker.run())
    return told


def the_keep_alive_thread():
    began = []
    before = luigi.worker.KeepAliveThread.run

    def run(self):
        began.append(self._worker_id)
        before(self)

    luigi.worker.KeepAliveThread.run = run
    luigi.build([Many(a=70)], **QUIET)
    return len(began)


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
