"""A task yields another one that differs, in a parameter that does not count, from one that is done."""

from __future__ import annotations

import sys

import luigi

RUNS = []


class Made(luigi.Task):
    hint = luigi.Parameter(default="first", significant=False)

    def output(self):
        return luigi.LocalTarget(f"made_{self.hint}")

    def run(self):
        self.output().open("w").close()


class Asks(luigi.Task):
    def requires(self):
        return Made("first")

    def output(self):
        return luigi.LocalTarget("asks")

    def run(self):
        RUNS.append("run")
        if len(RUNS) > 20:
            print("again and again")
            sys.stdout.flush()
            raise KeyboardInterrupt
        yield Made("other")
        self.output().open("w").close()


if __name__ == "__main__":
    luigi.build([Asks()], local_scheduler=True, log_level="CRITICAL")
    print(len(RUNS))
