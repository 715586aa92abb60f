"""Tasks of every kind at a central scheduler: ``main(SCENARIO, URL, WORKERS)`` prints what came of them.

It is imported, not run, so that a worker can import the tasks that another one planned.
"""

import json
import os
import time

import luigi
import luigi.rpc
import luigi.worker

OUT = os.environ["SHARED_WORK_OUT"]


def note(line):
    with open(os.path.join(OUT, "log"), "a") as log:
        log.write(line + "\n")


class Noted(luigi.Task):
    """Leaves a file, and a line for each time it ran."""

    def output(self):
        return luigi.LocalTarget(os.path.join(OUT, self.task_id))

    def run(self):
        note(self.task_family)
        with self.output().open("w"):
            pass


class Leaf(Noted):
    number = luigi.IntParameter()
    secret = luigi.Parameter(default="s", significant=False, visibility=luigi.parameter.ParameterVisibility.HIDDEN)


class FailsOnce(Noted):
    """Fails the first time; the scheduler lets it be tried again."""

    def run(self):
        if not os.path.exists(os.path.join(OUT, "failed")):
            open(os.path.join(OUT, "failed"), "w").close()
            note("failure")
            raise RuntimeError("the first time always fails")
        super().run()


class FailsAlways(Noted):
    retry_count = 2

    def run(self):
        note("failure for good")
        raise RuntimeError("this never works")


class NeedsTheImpossible(Noted):
    def requires(self):
        return FailsAlways()


class Holder(Noted):
    """Only one of these may run at a time."""

    number = luigi.IntParameter()
    resources = {"db": 1}

    def run(self):
        lock = os.path.join(OUT, "lock")
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
        time.sleep(0.02)
        os.unlink(lock)
        super().run()


class Batched(Noted):
    """Up to three of these are done as one."""

    date = luigi.IntParameter(batch_method=max)
    place = luigi.Parameter()
    max_batch_size = 3

    def complete(self):
        return os.path.exists(os.path.join(OUT, f"{self.place}-{self.date}"))

    def run(self):
        note(f"batch up to {self.place}-{self.date}")
        for date in range(self.date + 1):
            open(os.path.join(OUT, f"{self.place}-{date}"), "w").close()


class Joined(Noted):
    """Done as one under a name of its own."""

    word = luigi.Parameter(batch_method=",".join)

    def complete(self):
        return all(os.path.exists(os.path.join(OUT, f"word-{word}")) for word in self.word.split(","))

    def run(self):
        note(f"joined {','.join(sorted(self.word.split(',')))}")
        for word in self.word.split(","):
            open(os.path.join(OUT, f"word-{word}"), "w").close()


class Grows(Noted):
    """Finds out at run time what it needs."""

    def run(self):
        yield Leaf(100)
        yield [Leaf(101), Leaf(102)]
        super().run()


class All(luigi.WrapperTask):
    def requires(self):
        yield FailsOnce()
        yield Grows()
        yield [Leaf(number) for number in range(4)]
        yield [Holder(number) for number in range(4)]
        yield [Batched(date, "x") for date in range(3)]
        yield [Joined(word) for word in ("a", "b", "c")]


class Holders(luigi.WrapperTask):
    def requires(self):
        return [Holder(number) for number in range(30)]


def statuses(scheduler):
    listed = scheduler.task_list("", "")
    return {task["display_name"]: task["status"] for task in listed.values() if task["status"] != "UNKNOWN"}


def build(url, workers, *tasks):
    result = luigi.build(
        tasks, scheduler_url=url, workers=workers, no_lock=True, detailed_summary=True, log_level="WARNING"
    )
    return result.status.name


def main(scenario, url, workers):
    scheduler = luigi.rpc.RemoteScheduler(url)
    told = {}
    if scenario == "all":
        told["status"] = build(url, workers, All())
    elif scenario == "hopeless":
        told["status"] = build(url, workers, NeedsTheImpossible())
        error = scheduler.fetch_error(FailsAlways().task_id)["error"]
        told["error"] = "this never works" in json.loads(error)
    elif scenario == "assistant":
        planner = luigi.worker.Worker(scheduler, worker_id="planner")
        with planner:
            planner.add(All())
            with luigi.worker.Worker(
                scheduler, "helper", worker_processes=workers, assistant=True, keep_alive=False
            ) as helper:
                while statuses(scheduler).get("All()") != "DONE":
                    helper.run()
        told["runners"] = sorted({task["worker_running"] for task in scheduler.task_list("DONE", "").values()} - {None})
    elif scenario == "forgiven":
        with luigi.worker.Worker(scheduler, "first", worker_processes=workers, keep_alive=False) as first:
            first.add(FailsOnce())
            told["first"] = first.run()
            told["before"] = statuses(scheduler)
            told["forgiven"] = scheduler.forgive_failures(FailsOnce().task_id)["status"]
            told["second"] = first.run()
    told["tasks"] = statuses(scheduler)
    told["resources"] = [(each["name"], each["num_total"], each["num_used"]) for each in scheduler.resource_list()]
    with open(os.path.join(OUT, "log")) as log:
        told["log"] = sorted(log.read().split("\n"))
    print(json.dumps(told))
