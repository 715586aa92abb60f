"""Many workers at a server, all in this process: they talk as workers do, and do nothing.

Rumbo's hold one long poll each. Luigi's ask for work every 3.5 s and say every second that they live, each time over a
new connection, as its client does when left to its defaults.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

CALM = 1.0
"""Seconds until all have come."""
WATCHED = 10.0
"""Seconds in which the server is watched."""
WORK = 0.1
"""Seconds that a task takes in a worker."""


class Told(NamedTuple):
    """What came of it."""

    server_cpu: float
    """Seconds of CPU in a second."""
    latency: float
    """Seconds from the report of a task to the order for the next one of its chain, median; 0 without chains."""


def gather(side: str, url: str, workers: int, chains: int, cpu: Callable[[], float]) -> Told:
    """Let so many workers come to a server, and watch it for a while."""
    return asyncio.run((_rumbo if side == "rumbo" else _luigi)(url, workers, chains, cpu))


class Line:
    """A connection that is kept."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self._ends: Any = None

    async def ask(self, method: str, path: str, body: bytes = b"", headers: str = "") -> bytes:
        """The body of an answer."""
        if self._ends is None:
            self._ends = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._ends
        writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode()
            + body
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = int(head.partition("content-length:")[2].split("\r\n")[0])
        return bytes(await reader.readexactly(size))

    def close(self) -> None:
        if self._ends is not None:
            self._ends[1].close()
            self._ends = None


# Rumbo -------------------------------------------------------------------------------------------------------------


async def _rumbo(url: str, workers: int, chains: int, cpu: Callable[[], float]) -> Told:
    from rumbo import codec
    from rumbo.codec import Described, WorkerInfo, WorkRequest
    from rumbo.ports import RunInfo
    from rumbo.scheduler.commands import Report
    from rumbo.scheduler.records import Outcome, TaskSpec

    reported: dict[str, float] = {}
    waits: list[float] = []

    def next_of(task: str) -> str:
        chain, _, place = task.rpartition("_")
        return f"{chain}_{int(place) + 1}"

    async def agent(number: int) -> None:
        name, speaks, listens = f"agent-{number}", Line(url), Line(url)
        joining = codec.Joining(codec.PROTOCOL, WorkerInfo("here", "me", 1, 0.0, 1, "0"), ("default",), True)
        request, received = 1, 0
        await speaks.ask("POST", "/api/v1/work", codec.encode(WorkRequest(name, 1, 0, 1, [joining])))
        while True:
            path = f"/api/v1/work/orders?worker={name}&received={received}&wait=20"
            reply = codec.decode_reply(await listens.ask("GET", path))
            for order in reply.orders:
                if order.number <= received:
                    continue
                received = order.number
                (task,) = order.tasks
                if task in reported:
                    waits.append(time.perf_counter() - reported[task])
                await asyncio.sleep(WORK)
                request += 1
                reported[next_of(task)] = time.perf_counter()
                said = codec.Reporting([Report(order.lease, Outcome.DONE, seconds=WORK)])
                await speaks.ask("POST", "/api/v1/work", codec.encode(WorkRequest(name, request, received, 1, [said])))

    agents = [asyncio.create_task(agent(number)) for number in range(workers)]
    await asyncio.sleep(CALM)
    if chains:
        length = int(2 * WATCHED / WORK)
        specs = [
            TaskSpec(f"Chain{chain}_{place}", "Chain", "m", {}, (f"Chain{chain}_{place - 1}",) if place else ())
            for chain in range(chains)
            for place in range(length)
        ]
        run = RunInfo("run", (), "", "here", "me", 1, "/", 1, 0.0)
        planner = codec.Joining(codec.PROTOCOL, WorkerInfo("here", "me", 1, 0.0, 1, "0"), ("nobody's",))
        said = [planner, codec.Beginning(run), codec.Describing("run", [Described(spec, "run", "") for spec in specs])]
        await Line(url).ask("POST", "/api/v1/work", codec.encode(WorkRequest("planner", 1, 0, 0, said)))
        await asyncio.sleep(CALM)
    told = await _watch(cpu, waits)
    for each in agents:
        each.cancel()
    await asyncio.gather(*agents, return_exceptions=True)
    return told


# Luigi -------------------------------------------------------------------------------------------------------------


async def _luigi(url: str, workers: int, chains: int, cpu: Callable[[], float]) -> Told:
    reported: dict[str, float] = {}
    waits: list[float] = []

    async def call(method: str, **arguments: Any) -> Any:
        line = Line(url)
        form = urlencode({"data": json.dumps(arguments)}).encode()
        headers = "Content-Type: application/x-www-form-urlencoded\r\n"
        try:
            return json.loads(await line.ask("POST", f"/api/{quote(method)}", form, headers))["response"]
        finally:
            line.close()

    async def live(name: str) -> None:
        while True:
            await call("ping", worker=name)
            await asyncio.sleep(1.0)

    async def agent(number: int) -> None:
        name = f"agent-{number}"
        await call("add_worker", worker=name, info={"workers": 1})
        pings = asyncio.create_task(live(name))
        try:
            while True:
                work = await call("get_work", worker=name, host="here", assistant=True, current_tasks=[])
                task = work["task_id"]
                if task is None:
                    await asyncio.sleep(3.5)
                    continue
                if task in reported:
                    waits.append(time.perf_counter() - reported[task])
                await asyncio.sleep(WORK)
                chain, _, place = task.rpartition("_")
                reported[f"{chain}_{int(place) + 1}"] = time.perf_counter()
                await call("add_task", worker=name, task_id=task, status="DONE", family="Chain", module="m", params={})
        finally:
            pings.cancel()

    agents = [asyncio.create_task(agent(number)) for number in range(workers)]
    await asyncio.sleep(CALM)
    for chain in range(chains):
        for place in range(int(2 * WATCHED / WORK)):
            needs = [f"Chain{chain}_{place - 1}"] if place else []
            about = {"family": "Chain", "module": "m", "params": {}, "deps": needs}
            await call("add_task", worker="planner", task_id=f"Chain{chain}_{place}", status="PENDING", **about)
    await asyncio.sleep(CALM)
    told = await _watch(cpu, waits)
    for each in agents:
        each.cancel()
    await asyncio.gather(*agents, return_exceptions=True)
    return told


async def _watch(cpu: Callable[[], float], waits: list[float]) -> Told:
    waits.clear()
    before, since = cpu(), time.perf_counter()
    await asyncio.sleep(WATCHED)
    spent = (cpu() - before) / (time.perf_counter() - since)
    return Told(spent, statistics.median(waits) if waits else 0.0)
