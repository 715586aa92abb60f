"""Tasks for command lines: a small pipeline of files, and tasks with every kind of trouble."""

from __future__ import annotations

import time

import luigi


class Greeting(luigi.Task):
    name = luigi.Parameter(default="world")
    my_count = luigi.IntParameter(default=1)
    loud = luigi.BoolParameter(default=False)

    def output(self):
        return luigi.LocalTarget(f"greeting_{self.name}.txt")

    def run(self):
        with self.output().open("w") as out:
            for _ in range(self.my_count):
                out.write(f"hello {self.name}{'!' if self.loud else ''}\n")


class Letter(luigi.Task):
    name = luigi.Parameter(default="world")
    day = luigi.DateParameter(default=None)

    def requires(self):
        return Greeting(name=self.name)

    def output(self):
        return luigi.LocalTarget(f"letter_{self.name}.txt")

    def run(self):
        with self.input().open() as source, self.output().open("w") as out:
            out.write(source.read() + f"on {self.day}\n")


class settings(luigi.Config):
    colour = luigi.Parameter(default="none")
    sizes = luigi.DictParameter(default={})
    numbers = luigi.ListParameter(default=[])


class ShowSettings(luigi.Task):
    def run(self):
        print("colour", settings().colour)
        print("sizes", sorted(settings().sizes.items()))
        print("numbers", settings().numbers)

    def complete(self):
        return False


class Show(luigi.Task):
    text = luigi.Parameter(default="nothing")

    def run(self):
        print("shown", self.text)

    def complete(self):
        return False


class Absent(luigi.ExternalTask):
    def output(self):
        return luigi.LocalTarget("absent.txt")


class NeedsAbsent(luigi.Task):
    def requires(self):
        return Absent()


class Fails(luigi.Task):
    def run(self):
        raise ValueError("it fails")


class NeedsFails(luigi.Task):
    def requires(self):
        return [Fails(), Absent()]


class Unclear(luigi.Task):
    def complete(self):
        raise ValueError("it is unclear")


class NeedsUnclear(luigi.Task):
    def requires(self):
        return Unclear()


class Spaced(luigi.Task):
    task_namespace = "my.space"
    value = luigi.IntParameter(default=0)

    def run(self):
        print("spaced", self.value)

    def complete(self):
        return False


class Sleeps(luigi.Task):
    def run(self):
        time.sleep(60)


class Flaky(luigi.Task):
    """Fails until it has been tried often enough."""

    tries = luigi.IntParameter(default=3)

    def output(self):
        return luigi.LocalTarget("flaky.txt")

    def run(self):
        with open("tries.txt", "a") as out:
            out.write("x")
        with open("tries.txt") as tried:
            if len(tried.read()) < self.tries:
                raise ValueError("not yet")
        self.output().open("w").close()


class Greedy(luigi.Task):
    resources = {"disk": 2}

    def run(self):
        print("greedy ran")

    def complete(self):
        return False
