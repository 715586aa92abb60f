"""async def run(): many tasks that mostly wait share one event loop in one process.

    rumbo run -m async_fetch Gather --workers 8

Eight fetches wait half a second each, and the whole takes little longer than one of them. A real program would
await a client for HTTP or a database; here the answers come from a clock, so that no network is needed.
"""

from __future__ import annotations

import asyncio
import time

import rumbo


class Fetch(rumbo.Task):
    """Asks one station and writes its answer."""

    station: int

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"out/stations/{self.station}.txt")

    async def run(self) -> None:
        asked = time.time()
        await asyncio.sleep(0.5)
        with self.output().open("w") as out:
            out.write(f"{asked} {time.time()}\n")


class Gather(rumbo.Task):
    """How many fetches were under way at once."""

    stations: int = 8

    def requires(self) -> list[Fetch]:
        return [Fetch(station=number) for number in range(self.stations)]

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget("out/stations/together.txt")

    def run(self) -> None:
        spans = []
        for target in self.input():
            with target.open() as file:
                asked, answered = map(float, file.read().split())
                spans.append((asked, answered))
        most = max(sum(asked <= moment < answered for asked, answered in spans) for moment, _ in spans)
        with self.output().open("w") as out:
            out.write(f"{most} of {len(spans)} fetches were under way at the same time\n")
