"""A server and its clients over loopback: `serving.py SIDE WHAT SIZE [--clients N]`.

`server`, `client`: CPU of either while wide graphs of tasks that do nothing are built, SIZE tasks for each client.
`requests`: how many the clients send a task. `rate`: seconds on the wall for all of it. `latency`: seconds from the end
of a task in one client to the beginning, in another one, of a task that waited for it. `idle`: CPU of the server in a
second in which SIZE workers wait for work; `busy` and `busy-cpu`: the latency, and that CPU, while twenty of them work.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from language import answer, cpu_seconds, load

if TYPE_CHECKING:
    from collections.abc import Iterator

PAIRS_NAP = 0.1
LUIGID = "import sys; from luigi.cmdline import luigid; luigid(sys.argv[1:])"


def server_command(side: str, port: int) -> list[str]:
    if side == "rumbo":
        return [os.path.join(os.path.dirname(sys.executable), "rumbo"), "serve", "--port", str(port)]
    return [sys.executable, "-c", LUIGID, "--port", str(port), "--address", "127.0.0.1", "--state-path", "state"]


def start_server(side: str) -> tuple[subprocess.Popen[bytes], int]:
    """A server that answers, and its port. Another port is tried when somebody else was quicker to take it."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with open("server.out", "wb") as out:
            server = subprocess.Popen(server_command(side, port), stdout=out, stderr=out)
        while server.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return server, port
            time.sleep(0.02)
    with open("server.out") as told:
        sys.exit(f"the server did not start: {told.read()}")


@contextlib.contextmanager
def serving(side: str) -> Iterator[tuple[int, str]]:
    """A server of this side in the current folder: its process and its address."""
    server, port = start_server(side)
    try:
        yield server.pid, f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def cpu_of(process: int) -> float:
    """CPU seconds of another process so far, to the nanosecond: what is counted in ticks misses what is short."""
    total = 0
    for thread in os.listdir(f"/proc/{process}/task"):
        with open(f"/proc/{process}/task/{thread}/schedstat") as file:
            total += int(file.read().split()[0])
    return total / 1e9


# What a client does ------------------------------------------------------------------------------------------------


def count_requests(side: str) -> list[int]:
    """A list that grows by one with each request from now on."""
    counted: list[int] = []
    if side == "rumbo":
        from rumbo.wire.connection import Connection as Kind

        name = "request"
    else:
        from luigi.rpc import RemoteScheduler as Kind

        name = "_fetch"
    real = getattr(Kind, name)

    def counting(self: Any, *arguments: Any, **more: Any) -> Any:
        counted.append(1)
        return real(self, *arguments, **more)

    setattr(Kind, name, counting)
    return counted


def build(language: Any, task: Any, url: str) -> None:
    if language.__name__ == "luigi":
        settings = {"scheduler_url": url, "log_level": "CRITICAL", "no_lock": True}
        is_done = language.build([task], **settings)
    else:
        is_done = language.build([task], history=False, scheduler=url, capture=False).ok
    if not is_done:
        sys.exit(f"{task} did not succeed")


def client(side: str, url: str, number: int, size: int) -> None:
    """Build a wide graph of one's own, and tell what it cost."""
    language = load(side)
    done: set[int] = set()

    class Node(language.Task):
        client = language.IntParameter()
        number = language.IntParameter()

        def complete(self) -> bool:
            return self.number in done

        def run(self) -> None:
            done.add(self.number)

    class Tops(language.WrapperTask):
        client = language.IntParameter()

        def requires(self) -> Any:
            return [Node(client=self.client, number=number) for number in range(size)]

    build(language, Node(client=number, number=size), url)  # before the clock: what happens once
    counted = count_requests(side)
    start, wall = cpu_seconds(), time.monotonic()
    build(language, Tops(client=number), url)
    told = {"cpu": cpu_seconds() - start, "wall": time.monotonic() - wall, "requests": len(counted)}
    print(json.dumps(told), flush=True)


def half(side: str, url: str, role: str, size: int) -> None:
    """Make what another waits for, or wait for it: both write down the moments."""
    language = load(side)
    os.environ.setdefault("LUIGI_CONFIG_PATH", "luigi.cfg")

    class First(language.Task):
        number = language.IntParameter()

        @property
        def priority(self) -> int:
            return -self.number

        def output(self) -> Any:
            return language.LocalTarget(f"first/{self.number}")

        def run(self) -> None:
            with open("begun", "w"):
                time.sleep(PAIRS_NAP)
            with self.output().open("w") as file:
                file.write("done")
            with open(f"ended.{self.number}", "w") as file:
                file.write(repr(time.time()))

    if role == "waits":
        First.run = None  # for who waits, it comes from elsewhere

    class Second(language.Task):
        number = language.IntParameter()

        def requires(self) -> Any:
            return First(number=self.number)

        def output(self) -> Any:
            return language.LocalTarget(f"second/{self.number}")

        def run(self) -> None:
            with open(f"began.{self.number}", "w") as file:
                file.write(repr(time.time()))
            with self.output().open("w") as file:
                file.write("done")

    class All(language.WrapperTask):
        role = language.Parameter()

        def requires(self) -> Any:
            kind = First if role == "makes" else Second
            return [kind(number=number) for number in range(size)]

    build(language, All(role=role), url)


# What is measured --------------------------------------------------------------------------------------------------


def start_client(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def work(side: str, what: str, size: int, clients: int) -> None:
    with serving(side) as (server, url):
        start = cpu_of(server)
        started = [start_client(side, "as-client", str(size), "--url", url, "--number", str(n)) for n in range(clients)]
        told = [json.loads(each.communicate()[0].splitlines()[-1]) for each in started]
        spent = cpu_of(server) - start
    many = size * clients
    if what == "server":
        answer(spent, many)
    elif what == "client":
        answer(sum(each["cpu"] for each in told), many)
    elif what == "requests":
        answer(sum(each["requests"] for each in told), many)
    else:
        answer(max(each["wall"] for each in told), many)


def latency(side: str, size: int) -> None:
    with open("luigi.cfg", "w") as file:
        file.write("[worker]\nkeep_alive=true\n")
    with serving(side) as (_, url):
        first = start_client(side, "as-maker", str(size), "--url", url)
        while not os.path.exists("begun"):
            time.sleep(0.01)
        second = start_client(side, "as-waiter", str(size), "--url", url)
        first.wait()
        second.wait()
    waits = []
    for number in range(size // 2, size):  # by then the second one is ready
        with open(f"ended.{number}") as ended, open(f"began.{number}") as began:
            waits.append(float(began.read()) - float(ended.read()))
    answer(statistics.median(waits), 1)


def crowd(side: str, what: str, size: int) -> None:
    """Many workers that wait, and in the case of `busy` twenty chains of tasks that go from one to another of them."""
    import crowds

    with serving(side) as (server, url):
        told = crowds.gather(side, url, size, 0 if what == "idle" else 20, lambda: cpu_of(server))
    answer(told.server_cpu if what != "busy" else told.latency, 1)


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("side")
    words.add_argument("what")
    words.add_argument("size", type=int)
    words.add_argument("--clients", type=int, default=1)
    words.add_argument("--url", default="")
    words.add_argument("--number", type=int, default=0)
    chosen = words.parse_args()
    match chosen.what:
        case "as-client":
            client(chosen.side, chosen.url, chosen.number, chosen.size)
        case "as-maker":
            half(chosen.side, chosen.url, "makes", chosen.size)
        case "as-waiter":
            half(chosen.side, chosen.url, "waits", chosen.size)
        case "latency":
            latency(chosen.side, chosen.size)
        case "idle" | "busy" | "busy-cpu":
            crowd(chosen.side, chosen.what, chosen.size)
        case _:
            work(chosen.side, chosen.what, chosen.size, chosen.clients)


if __name__ == "__main__":
    main()
