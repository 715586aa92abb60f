"""Many small graphs, each run by whatever `luigi` this interpreter has; prints what came of each, as JSON."""

from __future__ import annotations

import datetime
import json
import logging
import sys
import warnings

import luigi
from luigi.util import inherits, requires

DONE: set[str] = set()
GRAPHS = {}


def graph(**options):
    """A decorator: the function gives the roots of a graph; the options go to `luigi.build`."""

    def keep(function):
        GRAPHS[function.__name__] = (function, options)
        return function

    return keep


class Base(luigi.Task):
    """Complete once it has run."""

    def complete(self):
        return self.task_id in DONE

    def run(self):
        DONE.add(self.task_id)


class Number(Base):
    n = luigi.IntParameter()


class Day(Base):
    date = luigi.DateParameter()


class Two(Base):
    a = luigi.IntParameter()
    b = luigi.Parameter(default="x")


class Flag(Base):
    flag = luigi.BoolParameter(default=False)
    ratio = luigi.FloatParameter(default=0.5)
    extra = luigi.ListParameter(default=[1, 2])


class Data(luigi.ExternalTask):
    name = luigi.Parameter(default="data")

    def complete(self):
        return self.task_id in DONE


class Failing(Base):
    n = luigi.IntParameter(default=0)

    def run(self):
        raise ValueError(f"failing {self.n}")


class BrokenComplete(Base):
    def complete(self):
        raise ValueError("complete() is broken")


class BrokenRequires(Base):
    def requires(self):
        raise ValueError("requires() is broken")


class NotBool(Base):
    def complete(self):
        return "yes"


class Needs(Base):
    """Needs whatever it is given."""

    name = luigi.Parameter()
    needed = {}

    def requires(self):
        return self.needed.get(self.name, [])


def needs(name, *tasks):
    Needs.needed[name] = list(tasks)
    return Needs(name)


class All(luigi.WrapperTask):
    name = luigi.Parameter(default="all")
    needed = {}

    def requires(self):
        return self.needed[self.name]


def wrap(name, *tasks):
    All.needed[name] = list(tasks)
    return All(name)


@graph()
def one_task():
    return [Number(1)]


@graph()
def complete_already():
    DONE.add(Number(2).task_id)
    return [Number(2)]


@graph()
def nothing():
    return []


@graph()
def chain():
    return [needs("c3", needs("c2", needs("c1")))]


@graph()
def diamond():
    bottom = Number(10)
    return [needs("top", needs("left", bottom), needs("right", bottom))]


@graph()
def range_of_numbers():
    return [wrap("range", *[Number(n) for n in range(20, 27)])]


@graph()
def numbers_with_a_gap():
    return [wrap("gap", *[Number(n) for n in (30, 31, 33, 34)])]


@graph()
def three_numbers():
    return [wrap("three", *[Number(n) for n in (40, 41, 42)])]


@graph()
def days():
    return [wrap("days", *[Day(datetime.date(2013, 1, 30) + datetime.timedelta(n)) for n in range(6)])]


@graph()
def two_parameters_one_varies():
    return [wrap("two", *[Two(n, "same") for n in range(5)])]


@graph()
def two_parameters_both_vary():
    return [wrap("both", *[Two(n + 50, str(n)) for n in range(3)])]


@graph()
def two_tasks_of_two_parameters():
    return [wrap("pair", Two(60, "p"), Two(61, "q"))]


@graph()
def long_values():
    return [wrap("long", Two(70, "v" * 300), Two(71, "w" * 90), Two(72, "w" * 90))]


@graph()
def many_families():
    return [
        wrap("families", Number(80), Day(datetime.date(2014, 1, 1)), Two(80), Flag(), Flag(flag=True), needs("f1")),
        Data("absent"),
    ]


@graph()
def missing_data():
    return [needs("m1", Data("one"), Number(90))]


@graph()
def missing_data_deep():
    return [needs("md3", needs("md2", needs("md1", Data("two")), Number(91)), Number(92))]


@graph()
def data_that_is_there():
    DONE.add(Data("there").task_id)
    return [needs("dt", Data("there"))]


@graph()
def failure():
    return [needs("f", Failing(1), Number(100))]


@graph()
def failures_and_more():
    return [
        wrap("mixed", needs("x1", Failing(2)), needs("x2", Data("three")), needs("x3", BrokenComplete()), Number(101))
    ]


@graph()
def broken_complete():
    return [needs("bc", BrokenComplete(), Number(102))]


@graph()
def broken_requires():
    return [needs("br", BrokenRequires(), Number(103))]


@graph()
def complete_is_no_bool():
    return [NotBool()]


@graph()
def failure_at_the_root():
    return [Failing(3)]


@graph()
def disabled():
    class Off(Base):
        disabled = True

    return [needs("off", Off(), Number(104))]


@graph()
def several_roots():
    return [Number(110), needs("r", Number(110), Number(111)), Failing(4), Data("four")]


@graph()
def priorities():
    class First(Number):
        priority = 10

    class Last(Number):
        priority = -10

    return [wrap("prio", Last(1), Number(120), First(1))]


@graph()
def dynamic():
    class Dynamic(Base):
        def run(self):
            yield Number(130)
            yield [Number(131), Number(132)]
            super().run()

    return [Dynamic()]


@graph()
def dynamic_with_a_failure():
    class DynamicFailing(Base):
        def run(self):
            yield Number(140)
            yield Failing(5)
            super().run()

    return [needs("df", DynamicFailing())]


@graph()
def dynamic_with_missing_data():
    class DynamicMissing(Base):
        def run(self):
            yield Data("five")
            super().run()

    return [DynamicMissing()]


@graph()
def unfulfilled():
    class Vanishing(luigi.Task):
        def complete(self):
            return False

    return [needs("u", Vanishing())]


@graph()
def batch():
    class Batched(Base):
        n = luigi.IntParameter(batch_method=max)
        kind = luigi.Parameter(default="k")

        def complete(self):
            return any(id.startswith("Batched_k_") and int(id.split("_")[2]) >= self.n for id in DONE)

    return [wrap("batch", *[Batched(n) for n in (1, 2, 3)])]


@graph()
def namespaced():
    class Spaced(Number):
        task_namespace = "far.away"

    return [wrap("spaced", Spaced(1), Spaced(2))]


@graph()
def insignificant():
    class Quiet(Base):
        n = luigi.IntParameter()
        hint = luigi.Parameter(default="h", significant=False)

    return [wrap("quiet", Quiet(1, hint="a"), Quiet(2, hint="b"), Quiet(3, hint="c"))]


@graph()
def decorated():
    @inherits(Number)
    class Child(Base):
        m = luigi.IntParameter(default=7)

        def requires(self):
            return self.clone(Number)

    @requires(Child)
    class Grandchild(Base):
        pass

    return [Grandchild(n=150)]


@graph()
def on_success_fails():
    class Proud(Base):
        def on_success(self):
            raise ValueError("on_success() is broken")

    return [needs("p", Proud())]


@graph()
def system_exit():
    class Exiting(Base):
        def run(self):
            raise SystemExit(3)

    return [needs("se", Exiting())]


@graph()
def uncompacted_list():
    return [wrap("names", *[Data(f"a-rather-long-name-number-{n}") for n in range(9)])]


@graph(workers=2)
def two_workers():
    class Slow(luigi.Task):
        n = luigi.IntParameter()

        def output(self):
            return luigi.LocalTarget(f"slow_{self.n}.txt")

        def run(self):
            with self.output().open("w") as out:
                out.write("x")

    return [wrap("slow", *[Slow(n) for n in range(4)])]


@graph(workers=2)
def death_of_a_process():
    class Dying(Base):
        def run(self):
            import os

            os._exit(7)

    return [needs("dying", Dying())]


@graph()
def timeout():
    class Sleeping(Base):
        worker_timeout = 1

        def run(self):
            import time

            time.sleep(30)

    return [needs("sleeping", Sleeping())]


class Lines(logging.Handler):
    def __init__(self):
        super().__init__(logging.DEBUG)
        self.lines = []

    def emit(self, record):
        self.lines.append(f"{record.levelname}: {record.getMessage()}")


def listen():
    heard = []
    for name in ("START", "SUCCESS", "FAILURE", "DEPENDENCY_PRESENT", "DEPENDENCY_MISSING", "BROKEN_TASK", "TIMEOUT"):
        event = getattr(luigi.Event, name)

        def hear(task, *rest, name=name):
            heard.append(f"{name} {task.task_id}")

        luigi.Task.event_handler(event)(hear)
    return heard


def main(names):
    warnings.simplefilter("ignore")
    logger = logging.getLogger("luigi-interface")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    heard = listen()
    results = {}
    for name in names or GRAPHS:
        function, options = GRAPHS[name]
        DONE.clear()
        del heard[:]
        lines = Lines()
        logger.handlers[:] = [lines]
        try:
            result = luigi.build(function(), local_scheduler=True, detailed_summary=True, **options)
        except BaseException as error:
            results[name] = {"raised": f"{type(error).__name__}: {error}", "log": lines.lines}
            continue
        results[name] = {
            "summary": result.summary_text,
            "status": result.status.name,
            "ok": result.scheduling_succeeded,
            "one_line": result.one_line_summary,
            "events": sorted(heard),
            "log": lines.lines,
        }
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    from luigi.setup_logging import InterfaceLogging

    InterfaceLogging._configured = True
    main(sys.argv[1:])
