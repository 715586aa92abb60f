"""Dynamic requirements: a task that learns only while it runs what else it needs, and asks for it.

    rumbo run -m dynamic_requirements Total --workers 2

Total reads a list of shops, yields a task for each and goes on at that very line once all are done: what stands
before the `yield` runs once. The last lines of out/total.txt tell how often run() was begun.
"""

from __future__ import annotations

import json
from collections.abc import Generator

import rumbo


class Shops(rumbo.Task):
    """The list of shops, which tomorrow may be another one."""

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget("out/shops.json")

    def run(self) -> None:
        with self.output().open("w") as out:
            json.dump({"Norte": [12, 30, 5], "Sur": [7, 7], "Centro": [40, 1, 1, 1]}, out)


class Sales(rumbo.Task):
    """The sum of one shop's sales."""

    shop: str

    def requires(self) -> Shops:
        return Shops()

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"out/sales-{self.shop}.txt")

    def run(self) -> None:
        with self.input().open() as shops:
            amounts = json.load(shops)[self.shop]
        with self.output().open("w") as out:
            out.write(str(sum(amounts)))


class Total(rumbo.Task):
    """The sum of all shops' sales, whichever shops there are."""

    def requires(self) -> Shops:
        return Shops()

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget("out/total.txt")

    def run(self) -> Generator[dict[str, Sales], dict[str, rumbo.LocalTarget], None]:
        with open("out/begun.txt", "a") as begun:
            begun.write("run() begins\n")
        with self.input().open() as shops:
            names = sorted(json.load(shops))
        # The answer to the yield has the shape of the question: a mapping of tasks gives one of their outputs.
        sales = yield {name: Sales(shop=name) for name in names}
        amounts = {}
        for name, target in sales.items():
            with target.open() as file:
                amounts[name] = int(file.read())
        with open("out/begun.txt") as begun, self.output().open("w") as out:
            out.writelines(f"{name} {amount}\n" for name, amount in amounts.items())
            out.write(f"total {sum(amounts.values())}\n")
            out.write(f"run() was begun {len(begun.readlines())} time(s)\n")
