"""A script that runs itself in the way that its first argument names."""

from __future__ import annotations

import sys

import luigi


class Hello(luigi.Task):
    who = luigi.Parameter(default="nobody")

    def output(self):
        return luigi.LocalTarget(f"hello_{self.who}.txt")

    def run(self):
        with self.output().open("w") as out:
            out.write(f"hello {self.who}\n")


class Bad(luigi.Task):
    def run(self):
        raise ValueError("bad")


class Missing(luigi.ExternalTask):
    def output(self):
        return luigi.LocalTarget("missing.txt")


class NeedsMissing(luigi.WrapperTask):
    def requires(self):
        return Missing()


def as_words():
    return luigi.run(["Hello", "--who", "words", "--local-scheduler", "--no-lock"])


def main_task():
    return luigi.run(["--who", "main", "--no-lock"], main_task_cls=Hello, local_scheduler=True)


def detailed():
    result = luigi.run(["Hello", "--local-scheduler", "--no-lock"], detailed_summary=True)
    return [str(result), result.status.name, result.one_line_summary, result.scheduling_succeeded]


def no_list():
    return luigi.run("Hello --local-scheduler")


def unknown_task():
    return luigi.run(["Helo", "--local-scheduler"])


def built():
    return luigi.build([Hello("a"), Hello(who="b")], local_scheduler=True)


def built_bad():
    return luigi.build([Bad()], local_scheduler=True)


def built_missing():
    return luigi.build([NeedsMissing()], local_scheduler=True)


def built_quietly():
    return luigi.build([Hello("quiet")], local_scheduler=True, log_level="WARNING")


def built_twice():
    return [luigi.build([Hello("twice")], local_scheduler=True), luigi.build([Hello("twice")], local_scheduler=True)]


def built_no_task():
    return luigi.build(["Hello"], local_scheduler=True)


def remote():
    return luigi.build([Hello("far")])


def from_the_command_line():
    return luigi.run()


if __name__ == "__main__":
    print(globals()[sys.argv.pop(1)]())
