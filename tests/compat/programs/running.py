"""What happens while tasks run: each function runs some by `luigi.build` and shows what came of it as plain values."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
import time

from telling import raised, shown

import luigi
import luigi.metrics
import luigi.mock
import luigi.notifications
import luigi.scheduler
import luigi.task_history
import luigi.worker
from luigi.configuration import get_config


def prepare():
    get_config().set("worker", "wait_interval", "0.05")
    get_config().set("worker", "wait_jitter", "0")


QUIET = {"local_scheduler": True, "log_level": "CRITICAL"}
HEARD: list[str] = []


class Filed(luigi.Task):
    """Leaves a file, so that it is complete to other processes too."""

    n = luigi.IntParameter(default=0)

    def output(self):
        return luigi.LocalTarget(f"{self.task_family}/{self.n}")

    def run(self):
        with self.output().open("w") as out:
            out.write(f"{self.n}\n")


class Part(Filed):
    pass


def ran(*tasks, **options):
    """How a run ended."""
    result = luigi.build(tasks, detailed_summary=True, **{**QUIET, **options})
    return [result.status.name, result.scheduling_succeeded, result.one_line_summary]


def lines(path):
    """What a file has, line by line."""
    with open(path) as file:
        return file.read().split("\n")[:-1]


def note(text):
    """Add a line to what this folder has heard, from any process."""
    with open("heard", "a") as out:
        out.write(f"{text}\n")


def what_a_yield_gives():
    class Yields(Filed):
        def run(self):
            one = yield Part(1)
            some = yield [Part(2), Part(3)]
            named = yield {"a": Part(4), "b": [Part(5), {"c": Part(6)}]}
            nothing = yield []
            HEARD[:] = [one.path, [each.path for each in some], named["a"].path, named["b"][1]["c"].path, nothing]
            super().run()

    return [ran(Yields()), HEARD[:]]


def requirements_of_ones_own():
    asked = []

    class Asks(Filed):
        def run(self):
            def complete(check):
                asked.append("asked")
                return all(os.path.exists(path) for path in needed.paths)

            needed = luigi.DynamicRequirements([Part(11), Part(12)], custom_complete=complete)
            yield needed
            HEARD[:] = [[repr(each) for each in needed.flat_requirements], sorted(needed.paths), needed.complete()]
            super().run()

    return [ran(Asks()), HEARD[:], bool(asked), shown(luigi.DynamicRequirements(Part(1)).requirements.n)]


def a_yield_in_another_process():
    class Asking(Filed):
        def run(self):
            found = yield [Part(21), Part(22)]
            with self.output().open("w") as out:
                out.write(" ".join(each.open().read().strip() for each in found))

    return [ran(Asking(1), workers=2), lines("Asking/1") or open("Asking/1").read()]


def private_values_do_not_travel():
    class Secretive(Filed):
        secret = luigi.Parameter(default="none", visibility=luigi.parameter.ParameterVisibility.PRIVATE)

        def run(self):
            note(self.secret)
            super().run()

    class Gives(Filed):
        def run(self):
            yield Secretive(1, secret="word")
            super().run()

    return [ran(Gives(2), workers=2), lines("heard")]


def what_fires_in_which_order():
    del HEARD[:]
    for name in ("START", "SUCCESS", "FAILURE", "PROCESSING_TIME", "DEPENDENCY_DISCOVERED", "DEPENDENCY_MISSING"):
        hear(name)
    for name in ("DEPENDENCY_PRESENT", "BROKEN_TASK", "PROCESS_FAILURE", "TIMEOUT"):
        hear(name)

    class Down(Filed):
        pass

    class Up(Filed):
        def requires(self):
            return Down(self.n)

    class Breaks(Filed):
        def requires(self):
            raise ValueError("broken")

    class Bad(Filed):
        def run(self):
            raise ValueError("bad")

        def on_failure(self, error):
            HEARD.append(f"on_failure {error}")
            return "told"

        def on_success(self):
            HEARD.append("never")

    class Good(Filed):
        def on_success(self):
            HEARD.append("on_success")

    found = []
    for task in (Up(1), Up(1), Good(1), Bad(1), Breaks(1)):
        ran(task)
        found.append([task.task_family, *HEARD])
        del HEARD[:]
    for name in vars(luigi.Event):
        luigi.Task._event_callbacks.get(luigi.Task, {}).pop(getattr(luigi.Event, name), None)
    return found


def hear(name):
    """Keep what is fired under this name: the name, the task, and what kind of thing comes with it."""

    @luigi.Task.event_handler(getattr(luigi.Event, name))
    def handler(task, *rest):
        told = [each.task_family if isinstance(each, luigi.Task) else type(each).__name__ for each in rest]
        HEARD.append(" ".join([name, task.task_family, *told]))


def what_a_task_has_while_it_runs():
    class Talks(Filed):
        resources = {"db": 2}

        def run(self):
            self.set_status_message("half way")
            self.set_progress_percentage(50)
            self.set_tracking_url("http://there")
            self.decrease_running_resources({"db": 1})
            HEARD[:] = [callable(self.set_status_message), self.scheduler_messages is None]
            with self.no_unpicklable_properties():
                HEARD.append([self.set_status_message, self.set_tracking_url])
            super().run()

    get_config().set("resources", "db", "5")
    talks = Talks(1)
    scheduler = luigi.scheduler.Scheduler()
    with luigi.worker.Worker(scheduler=scheduler, worker_id="w") as worker:
        found = [worker.add(talks), worker.run()]
    told = scheduler.task_list("", "")[talks.task_id]
    return [
        *[found, HEARD[:], talks.set_status_message, talks.set_progress_percentage, talks.set_tracking_url],
        *[told["status_message"], told["progress_percentage"], told["tracking_url"], told["status"], told["resources"]],
    ]


def messages_to_a_task():
    class Listens(Filed):
        accepts_messages = True

        def run(self):
            message = self.scheduler_messages.get(timeout=20)
            HEARD[:] = [message.content, str(message), message == "how are you?"]
            message.respond("well")
            super().run()

    listens = Listens(1)
    scheduler = luigi.scheduler.Scheduler()
    with luigi.worker.Worker(scheduler=scheduler, worker_id="w", ping_interval=0.05) as worker:
        worker.add(listens)
        runs = threading.Thread(target=worker.run)
        runs.start()
        wait_for(lambda: scheduler.task_list("RUNNING", ""))
        id = scheduler.send_scheduler_message("w", listens.task_id, "how are you?")["message_id"]
        runs.join(30)
    return [HEARD[:], scheduler.get_scheduler_message_response(listens.task_id, id)]


def wait_for(what):
    """Wait until something holds, for half a minute at most."""
    for _ in range(1500):
        if what():
            return
        time.sleep(0.02)


def why_it_failed():
    class Explains(Filed):
        def run(self):
            raise ValueError("because")

        def on_failure(self, error):
            return {"why": str(error)}

    class Succeeds(Filed):
        def on_success(self):
            return "all well"

    class Plain(Filed):
        def run(self):
            raise ValueError("because")

    scheduler = luigi.scheduler.Scheduler()
    with luigi.worker.Worker(scheduler=scheduler, worker_id="w") as worker:
        found = [worker.add(each) for each in (Explains(1), Succeeds(1), Plain(1))]
        found.append(worker.run())
    errors = {each.task_family: scheduler.fetch_error(each.task_id) for each in (Explains(1), Succeeds(1), Plain(1))}
    plain = json.loads(errors["Plain"].pop("error")).strip().split("\n")
    return [found, errors, plain[0], plain[-1]]


def resources_that_a_method_tells():
    class Computes(Filed):
        def process_resources(self):
            return {"computed": self.n}

    scheduler = luigi.scheduler.Scheduler(resources={"computed": 3})
    with luigi.worker.Worker(scheduler=scheduler, worker_id="w") as worker:
        worker.add(Computes(2))
        worker.add(Computes(9))
        found = worker.run()
    return [found, sorted([task["status"], task["resources"]] for task in scheduler.task_list("", "").values())]


def another_try_in_the_same_run():
    class Flaky(Filed):
        retry_count = 3

        def run(self):
            note("try")
            if len(lines("heard")) < 3:
                raise ValueError("not yet")
            super().run()

    class Hopeless(Filed):
        retry_count = 2

        def run(self):
            note("hopeless")
            raise ValueError("never")

    options = {"keep_alive": True, "wait_interval": 0.05, "wait_jitter": 0, "max_keep_alive_idle_duration": None}
    options.pop("max_keep_alive_idle_duration")
    scheduler = luigi.scheduler.Scheduler(retry_delay=0.1, prune_on_get_work=True)
    with luigi.worker.Worker(scheduler=scheduler, worker_id="w", **options) as worker:
        found = [worker.add(Flaky(1)), worker.add(Hopeless(1)), worker.run()]
    return [found, sorted(lines("heard")), sorted(task["status"] for task in scheduler.task_list("", "").values())]


def a_check_after_the_run():
    class Forgets(Filed):
        def run(self):
            pass

    get_config().set("worker", "check_complete_on_run", "true")
    found = [ran(Forgets(1))]
    get_config().set("worker", "check_complete_on_run", "false")
    return [*found, ran(Forgets(2))]


def data_that_comes_later():
    class Later(luigi.ExternalTask):
        def output(self):
            return luigi.LocalTarget("later")

    class First(Filed):
        priority = 1

        def run(self):
            open("later", "w").close()
            super().run()

    class Waits(Filed):
        def requires(self):
            return [First(1), Later()]

    found = [ran(Waits(1))]
    os.remove("later")
    os.remove("First/1")
    get_config().set("worker", "retry_external_tasks", "true")
    found.append(ran(Waits(2)))
    get_config().set("worker", "retry_external_tasks", "false")
    return found


def what_a_child_changes():
    class Changes(Filed):
        def run(self):
            self.changed = True
            super().run()

    one, other = Changes(1), Changes(2)
    return [ran(one), hasattr(one, "changed"), ran(other, workers=2), hasattr(other, "changed")]


def a_missing_output_on_the_way():
    class Vanishes(luigi.Task):
        def complete(self):
            return False

        def run(self):
            note("vanishes")

    class Needs(Filed):
        def requires(self):
            return Vanishes()

    found = [ran(Needs(1)), lines("heard")]
    get_config().set("worker", "check_unfulfilled_deps", "false")
    found += [ran(Needs(2)), lines("heard")]
    get_config().set("worker", "check_unfulfilled_deps", "true")
    get_config().set("worker", "max_reschedules", "3")
    found += [ran(Needs(3)), lines("heard")]
    get_config().set("worker", "max_reschedules", "1")
    return found


class Around:
    """A context for each run of a task."""

    def __init__(self, process):
        self.task = process.task

    def __enter__(self):
        note(f"before {self.task.task_family}")

    def __exit__(self, *error):
        note(f"after {self.task.task_family} {error[0]}")


def a_context_around_each_run():
    get_config().set("worker", "task_process_context", f"{__name__}.Around")
    found = [ran(Filed(31)), ran(Filed(32), workers=2)]
    get_config().set("worker", "task_process_context", "")
    wait_for(lambda: len(lines("heard")) == 4)  # a child tells of its end before it leaves
    return [found, lines("heard")]


class Unclear(Filed):
    def complete(self):
        raise ValueError("unclear")


class Several(luigi.WrapperTask):
    def requires(self):
        return [Part(1), Part(2), Unclear(1)]


def completeness_is_asked_of_several():
    return [ran(Several(), parallel_scheduling=True, parallel_scheduling_processes=2), sorted(os.listdir("Part"))]


def no_more_tasks_than_allowed():
    class Few(luigi.WrapperTask):
        def requires(self):
            return [Part(n) for n in range(40, 46)]

    get_config().set("worker", "task_limit", "3")
    found = ran(Few())
    get_config().remove_option("worker", "task_limit")
    return found


def a_worker_is_asked_to_finish():
    class Stops(Filed):
        priority = 10

        def run(self):
            os.kill(os.getpid(), signal.SIGUSR1)
            super().run()

    return [ran(Stops(1), Part(51)), os.path.exists("Stops/1"), os.path.exists("Part/51")]


def a_worker_outside_of_a_block():
    worker = luigi.worker.Worker()
    return [worker.add(Part(95)), worker.run(), os.path.exists("Part/95")]


def a_worker_by_name():
    get_config().set("worker", "id", "called by name")
    with luigi.worker.Worker(scheduler=luigi.scheduler.Scheduler()) as worker:
        found = [worker._id]
    get_config().set("worker", "id", "")
    with luigi.worker.Worker(scheduler=luigi.scheduler.Scheduler(), worker_processes=3) as worker:
        named = dict(worker._worker_info)
        found += [list(named), named["workers"], named["pid"] == os.getpid(), worker._id.startswith("Worker(salt=")]
    return found


def an_assistant_works_for_others():
    scheduler = luigi.scheduler.Scheduler()
    with luigi.worker.Worker(scheduler=scheduler, worker_id="planner") as planner:
        planner.add(Part(61))
        with luigi.worker.Worker(scheduler=scheduler, worker_id="helper", assistant=True) as helper:
            found = [helper.run(), os.path.exists("Part/61")]
        return [*found, planner.run(), {id: task["status"] for id, task in scheduler.task_list("", "").items()}]


def what_build_gives():
    class Bad(Filed):
        def run(self):
            raise ValueError("bad")

    class Absent(luigi.ExternalTask):
        def output(self):
            return luigi.LocalTarget("absent")

    class Off(Filed):
        disabled = True

    class Needs(luigi.WrapperTask):
        what = luigi.TaskParameter()

        def requires(self):
            return self.what()

    found = {}
    for task in (
        Part(71),
        Part(71),
        Bad(),
        Unclear(),
        Absent(),
        Off(),
        Needs(Bad),
        Needs(Absent),
        Needs(Off),
        Needs(Unclear),
    ):
        found[f"{task} {len(found)}"] = [luigi.build([task], **QUIET), ran(task)]
    result = luigi.build([Part(72)], detailed_summary=True, **QUIET)
    return [
        found,
        repr(result).partition(",worker")[0],
        sorted(name for name in vars(result)),
        type(result.worker).__name__,
        *[[status.name for status in luigi.LuigiStatusCode], [status.value for status in luigi.LuigiStatusCode]],
        *[luigi.build([], **QUIET), luigi.build([Bad(1), Absent()], **QUIET), luigi.build([Part(73), Bad(2)], **QUIET)],
    ]


def a_summary_that_is_long():
    get_config().set("execution_summary", "summary_length", "1")

    class One(Filed):
        pass

    class Two(Filed):
        pass

    result = luigi.build([One(1), Two(1), Two(2)], detailed_summary=True, **QUIET)
    get_config().set("execution_summary", "summary_length", "5")
    return result.summary_text


def data_in_memory_in_other_processes():
    class Remembers(luigi.Task):
        n = luigi.IntParameter()

        def output(self):
            return luigi.mock.MockTarget(f"remembers {self.n}")

        def run(self):
            with self.output().open("w") as out:
                out.write(f"by {self.n}")

    return [ran(Remembers(1), Remembers(2), workers=2), luigi.mock.MockTarget("remembers 1").open().read()]


def completeness_that_is_kept():
    class Asked(Filed):
        def complete(self):
            note(f"asked {self.n}")
            return super().complete()

    class Grows(Filed):
        def run(self):
            for n in range(3):
                yield Asked(n)
            super().run()

    get_config().set("worker", "cache_task_completion", "true")
    found = ran(Grows(1))
    get_config().set("worker", "cache_task_completion", "false")
    return [found, sorted(set(lines("heard")))]


def disabled_by_its_author():
    class Needed(Filed):
        pass

    class Off(Filed):
        disabled = True

        def requires(self):
            return Needed(1)

    return [ran(Off(1)), os.path.exists("Needed/1"), os.path.exists("Off/1")]


def several_done_as_one():
    class Batched(luigi.Task):
        n = luigi.IntParameter(batch_method=max)
        kind = luigi.Parameter(default="k")
        max_batch_size = 3

        def output(self):
            return luigi.LocalTarget(f"batched/{self.kind}/{self.n}")

        def run(self):
            note(repr(self))
            for n in range(self.n + 1):
                luigi.LocalTarget(f"batched/{self.kind}/{n}").open("w").close()

    tasks = [Batched(n) for n in range(4)] + [Batched(0, kind="other")]
    return [ran(*tasks), lines("heard")]


class Told(luigi.task_history.TaskHistory):
    """A history that keeps what it is told."""

    def __init__(self):
        self.heard = []

    def task_scheduled(self, task):
        self.heard.append(["scheduled", task.id.split("_")[0]])

    def task_started(self, task, worker_host):
        self.heard.append(["started", task.id.split("_")[0], bool(worker_host)])

    def task_finished(self, task, successful):
        self.heard.append(["finished", task.id.split("_")[0], successful])


def a_history_of_ones_own():
    class Bad(Filed):
        def run(self):
            raise ValueError("bad")

    class Needs(Filed):
        def requires(self):
            return Part(81)

    history = Told()
    scheduler = luigi.scheduler.Scheduler(task_history_impl=history)
    with luigi.worker.Worker(scheduler=scheduler, worker_id="w") as worker:
        worker.add(Needs(1))
        worker.add(Bad(1))
        worker.run()
    return sorted(history.heard)


class Counts(luigi.metrics.MetricsCollector):
    """Metrics that keep what they are told."""

    heard = []

    def __init__(self):
        pass

    def handle_task_started(self, task):
        self.heard.append(["started", task.family])

    def handle_task_failed(self, task):
        self.heard.append(["failed", task.family])

    def handle_task_disabled(self, task, config):
        self.heard.append(["disabled", task.family, config.retry_count])

    def handle_task_done(self, task):
        self.heard.append(["done", task.family])


def metrics_of_ones_own():
    class Bad(Filed):
        def run(self):
            raise ValueError("bad")

    collectors = luigi.metrics.MetricsCollectors
    scheduler = luigi.scheduler.Scheduler(
        metrics_collector=collectors.custom, metrics_custom_import=f"{__name__}.Counts", retry_count=1
    )
    with luigi.worker.Worker(scheduler=scheduler, worker_id="w") as worker:
        worker.add(Part(91))
        worker.add(Bad(1))
        worker.run()
    return [sorted(Counts.heard), [each.name for each in collectors]]


def tasks_that_are_wrong():
    class Uninitialized(luigi.Task):
        def __init__(self):
            pass

    class NeedsText(luigi.Task):
        def requires(self):
            return "text"

    class NeedsTarget(luigi.Task):
        def requires(self):
            return luigi.LocalTarget("target")

    def message(*tasks):
        try:
            return luigi.build(tasks, **QUIET)
        except Exception as error:
            return [type(error).__name__, str(error)]

    return [
        message("text"),
        message(Part),
        message(5),
        raised(luigi.build, 5, **QUIET),
        message(NeedsText()),
        message(NeedsTarget()),
    ] + [message(Uninitialized())[0]]


def logs_by_level():
    class Lines(logging.Handler):
        def emit(self, record):
            HEARD.append(record.levelname)

    logger = logging.getLogger("luigi-interface")
    before = logger.handlers[:]
    found = {}
    for level in ("DEBUG", "INFO", "WARNING"):
        del HEARD[:]
        logger.handlers[:] = [Lines()]
        logger.setLevel(level)
        luigi.build([Filed(100 + len(found))], local_scheduler=True, log_level=level)
        found[level] = sorted(set(HEARD))
    logger.handlers[:] = before
    return [found, logger.name, logging.getLogger("luigi").name]
