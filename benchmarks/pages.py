"""How the web pages bear large histories, in Chromium on this machine.

    python benchmarks/pages.py [TASKS]

Makes a history with a run of so many tasks (100,000) in 40 families, and three of 10,000: a wide, a deep and a layered
one. Then a server and Chromium: first paint, the task list in many orders, each graph from the address to the first
picture, frames a second while it is moved, memory while 20 tasks a second finish, and what an open page does to the
time that an attempt takes from being asked for to being reported.

Needs Playwright (an extra of the project, `dev`) and Chromium at /usr/bin/chromium.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from playwright.sync_api import sync_playwright

from rumbo import codec
from rumbo.codec import WorkerInfo
from rumbo.ports import PlannedTask, RunEnded, RunInfo
from rumbo.scheduler.commands import Report
from rumbo.scheduler.effects import Assigned, AttemptEnded, StateChanged
from rumbo.scheduler.records import Outcome, State, TaskSpec
from rumbo.store.history import HistoryWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from rumbo.codec import Sayings

FAMILIES = 40
NODES = 10_000
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]


# What there is to look at ------------------------------------------------------------------------------------------


def wide() -> list[tuple[int, ...]]:
    """Many that need nothing, and one that needs them all."""
    return [*([()] * (NODES - 1)), tuple(range(NODES - 1))]


def deep() -> list[tuple[int, ...]]:
    """Each needs the one before."""
    return [() if not number else (number - 1,) for number in range(NODES)]


def layered() -> list[tuple[int, ...]]:
    """A hundred layers of a hundred; each task needs three of the layer before."""
    found: list[tuple[int, ...]] = []
    for number in range(NODES):
        layer, place = divmod(number, 100)
        below = (layer - 1) * 100
        found.append(tuple(below + (place * 7 + step * 31) % 100 for step in range(3)) if layer else ())
    return found


def write_run(writer: HistoryWriter, run: str, needs: list[tuple[int, ...]], at: float) -> None:
    """A run of these tasks, nine in ten of them done."""
    names = [f"Family{number % FAMILIES:02}_{run}_{number}" for number in range(len(needs))]
    writer.run_started(
        RunInfo(run, (names[-1],), "rumbo run All", socket.gethostname(), "ana", os.getpid(), "/", 4, at)
    )
    nodes = [
        PlannedTask(
            name,
            f"Family{number % FAMILIES:02}",
            "large",
            {"run": run, "number": str(number)},
            "run",
            "its output is missing",
            tuple(names[each] for each in needed),
            0,
            "",
        )
        for number, (name, needed) in enumerate(zip(names, needs, strict=True))
    ]
    for first in range(0, len(nodes), 5000):
        writer.planned(run, nodes[first : first + 5000])
        for place, node in enumerate(nodes[first : first + 5000], first):
            if place % 10 == 9:
                continue
            begins = at + place * 0.01
            outcome, state = (Outcome.FAILED, State.FAILED) if place % 100 == 7 else (Outcome.DONE, State.DONE)
            message = "ValueError: no" if outcome is Outcome.FAILED else ""
            writer.happened(
                run,
                [
                    Assigned(f"worker-{place % 4}", 1, (node.id,), 1, None, begins),
                    AttemptEnded(node.id, 1, 1, f"worker-{place % 4}", outcome, message, begins + 0.03),
                    StateChanged(node.id, State.RUNNING, state, "", begins + 0.03),
                ],
            )
    counts = {"done": len(nodes) * 89 // 100, "failed": len(nodes) // 100, "held up": len(nodes) // 10}
    writer.run_ended(RunEnded(run, at + len(nodes) * 0.01, "failed", "", counts))


def write_history(folder: str, tasks: int) -> None:
    """All of it."""
    writer = HistoryWriter(folder)
    writer.start()
    at = time.time() - 7200
    write_run(writer, "large", [()] * tasks, at)
    for number, (name, make) in enumerate((("wide", wide), ("deep", deep), ("layered", layered)), 1):
        write_run(writer, name, make(), at + number * 100)
    writer.close()


# Who works meanwhile -----------------------------------------------------------------------------------------------


class Worker:
    """Runs tasks that take no time, over one connection after the other, and measures each round."""

    def __init__(self, url: str, name: str = "bench") -> None:
        self._url = f"{url}/api/v1/work"
        self._name = name
        self._number = self._received = self._tasks = 0
        info = WorkerInfo("machine", "ana", 1, time.time(), 1, "0")
        self._says(codec.Joining(codec.PROTOCOL, info))
        run = RunInfo("live", ("Live_0",), "rumbo run", "machine", "ana", os.getpid(), "/", 1, time.time())
        self._says(codec.Beginning(run))

    def _says(self, *said: Sayings, slots: int = 0) -> list[codec.WireOrder]:
        self._number += 1
        request = codec.WorkRequest(self._name, self._number, self._received, slots, list(said))
        with urllib.request.urlopen(self._url, codec.encode(request), timeout=30) as answer:
            orders = codec.decode_reply(answer.read()).orders
        if orders:
            self._received = orders[-1].number
        return orders

    def task(self) -> float:
        """Describe a task, be given it, and report it; how long that took, in seconds."""
        begun = time.perf_counter()
        self._tasks += 1
        id = f"Live_{self._tasks}"
        spec = TaskSpec(id, family="Live", module="large", params={"number": str(self._tasks)})
        described = codec.Described(spec, "run", "its output is missing")
        for order in self._says(codec.Describing("live", [described]), slots=1):
            self._says(codec.Reporting([Report(order.lease, Outcome.DONE, "")]))
        return time.perf_counter() - begun

    def rounds(self, many: int, pause: float = 0.0) -> float:
        """The median of so many rounds, in milliseconds, with pauses of so many seconds in between."""
        found = []
        for _ in range(many):
            found.append(self.task())
            time.sleep(pause)
        return statistics.median(found) * 1000


# Measuring ---------------------------------------------------------------------------------------------------------


def asked(url: str, times: int = 7) -> float:
    """The median of the time in which an address answers, in milliseconds."""
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        with urllib.request.urlopen(url, timeout=60) as answer:
            answer.read()
        found.append(time.perf_counter() - begun)
    return statistics.median(found) * 1000


def opened(page: Page, url: str, ready: str) -> float:
    """From the address to what is looked for, in milliseconds."""
    begun = time.perf_counter()
    page.goto(url)
    page.wait_for_selector(ready, timeout=60_000)
    page.evaluate("() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")
    return (time.perf_counter() - begun) * 1000


_FRAMES = """(canvas) => new Promise((go) => {
  let frames = 0, x = 500;
  const begun = performance.now();
  const event = (kind) => {
    const about = { pointerId: 1, clientX: x, clientY: 400, buttons: 1, bubbles: true };
    canvas.dispatchEvent(new PointerEvent(kind, about));
  };
  canvas.setPointerCapture = () => {};
  event("pointerdown");
  const step = () => {
    frames++;
    x += frames % 120 < 60 ? 4 : -4;
    event("pointermove");
    const seconds = (performance.now() - begun) / 1000;
    if (seconds < 2) return requestAnimationFrame(step);
    event("pointerup");
    go(frames / seconds);
  };
  requestAnimationFrame(step);
})"""


def measure(url: str, server: int) -> Iterator[tuple[str, float, str, str]]:
    """What was measured: name, number, unit, and what it should be."""
    api = f"{url}/api/v1"
    with urllib.request.urlopen(f"{api}/families/states", timeout=60) as answer:
        total = sum(sum(states.values()) for states in json.load(answer).values())
    yield "task list", asked(f"{api}/tasks?limit=200"), "ms", "< 100"
    yield "task list, of a family", asked(f"{api}/tasks?family=Family07&limit=200"), "ms", "< 100"
    yield "task list, failed ones", asked(f"{api}/tasks?state=failed&limit=200"), "ms", "< 100"
    yield "task list, a text", asked(f"{api}/tasks?search=_4711&limit=200"), "ms", "< 100"
    yield "task list, waiting ones", asked(f"{api}/tasks?state=pending&limit=200"), "ms", "< 100"
    yield "task list, of a worker", asked(f"{api}/tasks?worker=worker-1&limit=200"), "ms", "< 100"
    yield "task list, from its middle", asked(f"{api}/tasks?skip={total // 2}&limit=200"), "ms", "< 100"
    for column in ("task", "parameters", "state", "worker", "started", "seconds", "runs"):
        yield f"task list, by {column}", asked(f"{api}/tasks?sort=-{column}&limit=200"), "ms", "< 100"
    yield "tasks of a run", asked(f"{api}/runs/large/tasks?limit=200"), "ms", "< 100"
    yield "tasks of a run, sorted", asked(f"{api}/runs/large/tasks?limit=200&sort=-seconds"), "ms", ""
    yield "counts of all families", asked(f"{api}/families/states", 1), "ms", ""
    worker = Worker(url)
    worker.rounds(50)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(url)
        page.wait_for_selector("main h1")
        for name, path, ready in (
            ("now", "/", ".numbers"),
            ("tasks", "/tasks", "[data-index='20']"),
            ("wide graph", "/runs/wide?tab=graph&by=task", ".canvas-box canvas"),
            ("deep graph", "/runs/deep?tab=graph&by=task", ".canvas-box canvas"),
            ("layered graph", "/runs/layered?tab=graph&by=task", ".canvas-box canvas"),
            ("layered graph again", "/runs/layered?tab=graph&by=task", ".canvas-box canvas"),
            ("timeline", "/runs/layered?tab=timeline", ".canvas-box canvas"),
        ):
            yield f"{name}: opens", opened(page, f"{url}{path}", ready), "ms", "< 2000" if "graph" in name else ""
            if name == "now":
                paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
                yield "first paint", page.evaluate(paint), "ms", "< 300"
            elif "again" not in name and "graph" in name:
                yield f"{name}: moves", page.eval_on_selector(".canvas-box canvas", _FRAMES), "frames/s", "> 30"
        yield from _followed(page, f"{url}/runs/live?tab=tasks", worker)
        for path in ("/", "/tasks", "/workers", "/runs/live?tab=tasks"):
            yield from _burden(page, url, path, worker, server)
        browser.close()


def _followed(page: Page, address: str, worker: Worker) -> Iterator[tuple[str, float, str, str]]:
    """What a page that follows what happens needs of memory."""
    page.goto(address)
    page.wait_for_selector("main h1")
    time.sleep(2)
    memory = [_memory(page)]
    stop = threading.Event()
    thread = threading.Thread(target=_steadily, args=(worker, stop))
    thread.start()
    for _ in range(3):
        time.sleep(10)
        memory.append(_memory(page))
    stop.set()
    thread.join()
    yield "memory of a page that follows, after 0 s", memory[0], "MB", ""
    yield "... after 30 s at 20 tasks a second", memory[-1], "MB", "no growth"


PAIRS = 12
ROUNDS = 40


def _burden(page: Page, url: str, path: str, worker: Worker, server: int) -> Iterator[tuple[str, float, str, str]]:
    """What an open page does to the rounds of a worker at 20 tasks a second, in pairs: without it, and with it.

    Others use this machine too, so each pair is compared in itself, and the middle of all counts. Chromium gives way to
    the server here, because people have it on another machine; what it asks for is the same.
    """
    _give_way()
    ratios, without, more = [], [], []
    for _ in range(PAIRS):
        found = []
        for address in ("about:blank", f"{url}{path}"):
            page.goto(address)
            time.sleep(1)
            before, begun = _cpu(server), time.perf_counter()
            milliseconds = worker.rounds(ROUNDS, 0.05)
            found.append((milliseconds, (_cpu(server) - before) / (time.perf_counter() - begun)))
        (closed, idle), (opened, busy) = found
        ratios.append(opened / closed)
        without.append(closed)
        more.append(busy - idle)
    yield f"{path}: a round of a worker without it", statistics.median(without), "ms", ""
    yield f"{path}: with it, to that", statistics.median(ratios), "times", "< 1.1"
    low, _, high = statistics.quantiles(ratios, n=4)
    yield "... half of all pairs between", low, "times", f"and {high:.2f}"
    yield f"{path}: the server's processor", statistics.median(more) * 100, "% more", ""


def _give_way() -> None:
    """Let every other process go before Chromium's, whose children take that over from it."""
    for child in psutil.Process().children(recursive=True):
        if "chrom" in child.name() and child.nice() < 19:
            child.nice(19)


def _cpu(process: int) -> float:
    times = psutil.Process(process).cpu_times()
    return float(times.user + times.system)


def _steadily(worker: Worker, stop: threading.Event) -> None:
    while not stop.wait(0.05):
        worker.task()


def _memory(page: Page) -> float:
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return float(used) / 1e6


def main() -> None:
    """Make, measure, print."""
    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        state = str(Path(folder) / ".rumbo")
        begun = time.perf_counter()
        write_history(state, tasks)
        print(f"{tasks + 3 * NODES:,} tasks written in {time.perf_counter() - begun:.0f} s", flush=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "rumbo", "serve", "--port", str(port), "--state", state]
        server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            _wait(lambda: socket.create_connection(("127.0.0.1", port), 1).close())
            for name, number, unit, goal in measure(f"http://127.0.0.1:{port}", server.pid):
                print(f"{name:45} {number:10.1f} {unit:9} {goal}", flush=True)
        finally:
            server.terminate()
            server.wait()


def _wait(probe: Callable[[], None]) -> None:
    for _ in range(200):
        try:
            probe()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("The server did not start.")


if __name__ == "__main__":
    main()
