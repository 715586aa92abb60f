"""What the machine asks for the same work in plain Python, without an orchestrator: `floor.py NAME [SHAPE] SIZE`."""

from __future__ import annotations

import hashlib
import heapq
import json
import os
import sqlite3
import sys
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from language import answer, cpu_seconds
from shapes import SHAPES


def instance_new(size: int) -> float:
    """Intern an object by its class and parameters."""
    known: dict[tuple[type, int, str, str], object] = {}

    class Plain:
        def __init__(self, number: int, day: str, name: str) -> None:
            self.number, self.day, self.name = number, day, name

    start = time.process_time()
    for number in range(size):
        key = (Plain, number, "2000-01-01", "name")
        if key not in known:
            known[key] = Plain(number, "2000-01-01", "name")
    return time.process_time() - start


def identity(size: int) -> float:
    """A task's id: sorted JSON of its parameters and md5."""
    start = time.process_time()
    for number in range(size):
        text = json.dumps({"number": str(number), "name": "name"}, separators=(",", ":"), sort_keys=True)
        hashlib.md5(text.encode()).hexdigest()
    return time.process_time() - start


def drain(name: str, size: int) -> float:
    """Count missing dependencies, and take what has none until nothing is left."""
    shape = SHAPES[name](size)
    start = time.process_time()
    dependants: list[list[int]] = [[] for _ in range(size)]
    missing = [0] * size
    for number in range(size):
        for needed in shape.needs(number):
            dependants[needed].append(number)
            missing[number] += 1
    ready = deque(number for number in range(size) if not missing[number])
    while ready:
        for dependant in dependants[ready.popleft()]:
            missing[dependant] -= 1
            if not missing[dependant]:
                ready.append(dependant)
    return time.process_time() - start


def resume(size: int) -> float:
    """Start a generator, and send it an answer."""

    def task():
        yield 1

    start = time.process_time()
    parked = [task() for _ in range(size)]
    for generator in parked:
        next(generator)
    for generator in parked:
        next(generator, None)
    return time.process_time() - start


def heap(size: int) -> float:
    """Push and pop, with `size` waiting: per 1,000 pushes and pops, given for `size` of them."""
    waiting = [(number * 7919 % size, number) for number in range(size)]
    heapq.heapify(waiting)
    start = time.process_time()
    for number in range(1000):
        heapq.heappush(waiting, heapq.heappop(waiting)[:1] + (size + number,))
    return (time.process_time() - start) * size / 1000


def stat(size: int) -> float:
    """Ask for each of `size` files whether it is there."""
    paths = made_files(size)
    start = time.process_time()
    for path in paths:
        os.stat(path)
    return time.process_time() - start


def scandir(size: int) -> float:
    """List a folder of `size` files."""
    made_files(size)
    start = time.process_time()
    names = {entry.name for entry in os.scandir("files")}
    assert len(names) == size
    return time.process_time() - start


def made_files(size: int) -> list[str]:
    os.mkdir("files")
    paths = [f"files/{number}" for number in range(size)]
    for path in paths:
        Path(path).touch()
    return paths


def rename(size: int) -> float:
    """A small file under a temporary name, then renamed."""
    os.mkdir("files")
    start = time.process_time()
    for number in range(size):
        with open(f"files/{number}.temporary", "w") as file:
            file.write("a line\n")
        os.replace(f"files/{number}.temporary", f"files/{number}")
    return time.process_time() - start


def fork(size: int) -> float:
    """Fork a child that does nothing, and wait for it."""
    start = cpu_seconds()
    for _ in range(size):
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
    return cpu_seconds() - start


def pipe(size: int) -> float:
    """Send 64 bytes to a child forked before, and wait for the same to come back."""
    start = cpu_seconds()
    down_read, down_write = os.pipe()
    up_read, up_write = os.pipe()
    child = os.fork()
    if not child:
        os.close(down_write)
        while message := os.read(down_read, 64):
            os.write(up_write, message)
        os._exit(0)
    for _ in range(size):
        os.write(down_write, b"x" * 64)
        os.read(up_read, 64)
    os.close(down_write)
    os.waitpid(child, 0)
    return cpu_seconds() - start


def sqlite(size: int) -> float:
    """Insert rows into SQLite in one batch."""
    connection = sqlite3.connect("floor.db")
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=normal")
    connection.execute("create table attempts (id text, task text, outcome text, started real, ended real)")
    start = time.process_time()
    rows = [(f"id {number}", "Task", "done", 1.0, 2.0) for number in range(size)]
    connection.executemany("insert into attempts values (?, ?, ?, ?, ?)", rows)
    connection.commit()
    return time.process_time() - start


def waits(size: int) -> float:
    """Wait 5 ms `size` times in 32 threads, by the clock on the wall."""
    start = time.perf_counter()
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda _: time.sleep(0.005), range(size)))
    return time.perf_counter() - start


def thread_hop(size: int) -> float:
    """Hand something to a waiting thread, and back."""
    there, back = threading.Semaphore(0), threading.Semaphore(0)

    def echo() -> None:
        for _ in range(size):
            there.acquire()
            back.release()

    thread = threading.Thread(target=echo)
    thread.start()
    start = time.process_time()
    for _ in range(size):
        there.release()
        back.acquire()
    thread.join()
    return time.process_time() - start


FLOORS = {
    function.__name__.replace("_", "-"): function
    for function in (
        instance_new, identity, drain, resume, heap, stat, scandir, rename, fork, pipe, sqlite, waits, thread_hop,
    )
}  # fmt: skip

if __name__ == "__main__":
    name, *arguments, last = sys.argv[1:]
    answer(FLOORS[name](*arguments, int(last)), int(last))
