"""Tasks whose trouble is worth a mail."""

from __future__ import annotations

import os
import sys

import luigi


class Fails(luigi.Task):
    name = luigi.Parameter(default="world")
    count = luigi.IntParameter(default=3)
    owner_email = "ana@example.org"

    def run(self):
        raise ValueError(f"no <{self.name}>")


class FailsLongly(Fails):
    owner_email = ["ana@example.org", "bo@example.org, cy@example.org"]

    def run(self):
        raise ValueError("long " * 2000)


class CannotSay(luigi.Task):
    def complete(self):
        raise OSError("the disk is away")


class CannotRequire(luigi.Task):
    def requires(self):
        raise KeyError("which")


class CannotBeScheduled(luigi.Task):
    @property
    def resources(self):
        raise RuntimeError("nobody knows")


class Dies(luigi.Task):
    def run(self):
        os._exit(3)


class NeedsWhatFails(luigi.WrapperTask):
    def requires(self):
        return [Fails(name="one"), Fails(name="two")]


class Batched(luigi.Task):
    part = luigi.IntParameter(batch_method=max)
    kind = luigi.Parameter(default="x")
    owner_email = "ana@example.org"

    def run(self):
        raise ValueError("no parts today")


class ManyKinds(luigi.WrapperTask):
    def requires(self):
        return [Batched(part=1), Batched(part=2), Batched(part=1, kind="y"), Fails(), CannotSay()]


def gather():
    """Run with a scheduler that gathers mails, and let it send them, as its end does."""
    scheduler = luigi.scheduler.Scheduler(batch_emails=True, retry_count=1)
    worker = luigi.worker.Worker(scheduler, worker_id="w")
    with worker:
        worker.add(ManyKinds())
        worker.run()
    scheduler._email_batcher.send_email()


if __name__ == "__main__":
    if sys.argv[1] == "gather":
        gather()
