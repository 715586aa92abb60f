"""The pipeline behind the screenshots: a shop's orders by day, with tasks that fail and tasks that wait.

Its tasks take as many seconds as they say, times `SHOP_PACE`.
"""

from __future__ import annotations

import datetime
import os
import random
import time

import rumbo

PACE = float(os.environ.get("SHOP_PACE", "0"))


class Slow(rumbo.Task):
    """Takes its time, and tells how far it is."""

    def work(self, seconds: float) -> None:
        seconds *= PACE
        begun = time.monotonic()
        while (taken := time.monotonic() - begun) < seconds:
            self.set_progress_percentage(100 * taken / seconds)
            self.set_status_message(f"read {int(4000 * taken):,} rows")
            time.sleep(0.2)


class FetchOrders(Slow):
    """The orders of a day from the shop's database, which bears two at a time."""

    day: datetime.date
    resources = {"database": 1}
    accepts_messages = True

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"orders/{self.day}.csv")

    def run(self) -> None:
        print(f"\x1b[34mconnecting\x1b[0m to orders for {self.day}")
        self.work(random.Random(self.day.toordinal()).uniform(0.5, 3))
        rows = [f"{n},{self.day},{n * 7 % 90}" for n in range(200)]
        print(f"\x1b[32mread {len(rows)} rows\x1b[0m")
        self.output().write_text("\n".join(["order,day,amount", *rows]) + "\n")


class FetchRates(Slow):
    """The rates of a day; somebody else's service, which fails now and then."""

    day: datetime.date
    retries = 1
    backoff = (20.0 * PACE,)

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"rates/{self.day}.txt")

    def run(self) -> None:
        self.work(0.4)
        print("GET /rates", self.day)
        if self.day.day == 13:
            raise ConnectionError(f"the rates of {self.day} are not there: the service answered 503")
        self.output().write_text("1.08")


class CleanOrders(Slow):
    """Orders in one currency."""

    day: datetime.date

    def requires(self) -> dict[str, rumbo.Task]:
        return {
            "orders": FetchOrders(day=self.day),
            "rates": FetchRates(day=self.day),
        }

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"clean/{self.day}.csv")

    def run(self) -> None:
        self.work(0.8)
        print(f"\x1b[33mWARNING\x1b[0m 3 orders of {self.day} without an amount")
        head, *orders = self.input()["orders"].read_text().splitlines()
        rate = float(self.input()["rates"].read_text())
        rows = [f"{order.rpartition(',')[0]},{int(order.rpartition(',')[2]) * rate:.2f}" for order in orders]
        self.output().write_text("\n".join([head, *rows]) + "\n")


class SalesByRegion(Slow):
    """One region's sales over the days."""

    region: str
    first: datetime.date
    days: int

    def requires(self) -> list[rumbo.Task]:
        return [CleanOrders(day=self.first + datetime.timedelta(n)) for n in range(self.days)]

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"sales/{self.region}-{self.first}-{self.days}.csv")

    def run(self) -> None:
        self.work(2)
        self.output().write_text("region,amount\n")


class Report(Slow):
    """What everybody waits for."""

    first: datetime.date = datetime.date(2026, 10, 1)
    days: int = 28

    def requires(self) -> list[rumbo.Task]:
        regions = ("north", "south", "east", "west")
        return [SalesByRegion(region=each, first=self.first, days=self.days) for each in regions]

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"report-{self.first}-{self.days}.md")

    def run(self) -> None:
        self.work(1)
        self.output().write_text("# Sales\n")
