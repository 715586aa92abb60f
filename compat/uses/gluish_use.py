"""A small pipeline in the style of gluish: paths from parameters, closest dates, its formats and intervals."""

from __future__ import annotations

import datetime
import os

from gluish.format import TSV
from gluish.intervals import monthly, weekly
from gluish.parameter import ClosestDateParameter
from gluish.task import BaseTask, MockTask
from gluish.utils import date_range, shellout

import luigi


class Default(BaseTask):
    BASE = os.getcwd()
    TAG = "shop"

    def closest(self):
        return monthly(self.date)


class Prices(Default):
    date = ClosestDateParameter(default=datetime.date(2015, 3, 17))
    kind = luigi.Parameter(default="tea")

    def run(self):
        with self.output().open("w") as out:
            out.write_tsv("green", "3")
            out.write_tsv("black", "5")

    def output(self):
        return luigi.LocalTarget(path=self.path(), format=TSV)


class Sorted(Default):
    date = ClosestDateParameter(default=datetime.date(2015, 3, 17))

    def requires(self):
        return Prices(date=self.date)

    def run(self):
        made = shellout("sort {input} > {output}", input=self.input().path)
        luigi.LocalTarget(made).move(self.output().path)

    def output(self):
        return luigi.LocalTarget(path=self.path(digest=True), format=TSV)


print(luigi.build([Sorted()], local_scheduler=True, log_level="CRITICAL"))
print([list(row) for row in Sorted().output().open().iter_tsv(cols=("name", "price"))])
print(os.path.relpath(Prices().path()), os.path.relpath(Sorted().taskdir()), Prices().effective_task_id())
print([str(day) for day in date_range(datetime.date(2015, 1, 1), datetime.date(2015, 1, 4), 1, "days")])
print(weekly(datetime.date(2015, 3, 18)), MockTask(fixture=__file__).task_family)
