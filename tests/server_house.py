"""Real servers, workers and runs as processes, and a network between them that can be cut."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RUMBO = os.path.join(os.path.dirname(sys.executable), "rumbo")


def environment(**more: str) -> dict[str, str]:
    """That of this process without settings of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RUMBO_")}
    return {**kept, "PYTHONUNBUFFERED": "1", **more}


def free_port() -> int:
    """A port that nothing listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], object], seconds: float = 30.0, what: str = "it") -> None:
    """Wait for real processes to get somewhere; fails when they do not."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.02)


class House:
    """A folder with a server and whoever works for it. All processes end with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.server: subprocess.Popen[bytes] | None = None
        self._all: list[subprocess.Popen[bytes]] = []
        self._logs = 0

    def start(self, *words: str, name: str = "", **more: str) -> subprocess.Popen[bytes]:
        """A `rumbo` command as a process group of its own, its output in a file."""
        self._logs += 1
        with open(self.folder / f"{name or words[0]}.{self._logs}.out", "wb") as out:
            process = subprocess.Popen(
                [RUMBO, *words],
                cwd=self.folder,
                env=environment(**more),
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._all.append(process)
        return process

    def serve(self, *flags: str) -> subprocess.Popen[bytes]:
        """Start the server, and wait until it answers."""
        server = self.server = self.start("serve", "--port", str(self.port), *flags)

        def answers() -> bool:
            assert server.poll() is None, self.output("serve")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                probe.sendall(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return probe.recv(64).startswith(b"HTTP/1.1 200")
            return False

        until(answers, 20, "an answer of the server")
        return server

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """As the kernel does when memory runs out: that process alone, without a word."""
        process.kill()
        process.wait()

    def run(self, *words: str, timeout: float = 60, **more: str) -> subprocess.CompletedProcess[str]:
        """A `rumbo` command, to its end."""
        return subprocess.run(
            [RUMBO, *words], cwd=self.folder, env=environment(**more), text=True, capture_output=True, timeout=timeout
        )

    def output(self, name: str) -> str:
        """All that processes of this name have printed."""
        files = sorted(self.folder.glob(f"{name}.*.out"), key=lambda path: int(path.suffixes[-2][1:]))
        return "".join(path.read_text(errors="replace") for path in files)

    def worker_id(self, name: str = "worker") -> str:
        """The id of the worker that was started last, by its own words."""
        until(lambda: re.search(r"^Worker (\S+):", self.output(name), re.MULTILINE), what="a worker's greeting")
        return re.findall(r"^Worker (\S+):", self.output(name), re.MULTILINE)[-1]

    def close(self) -> None:
        """End whatever still runs, with its children."""
        for process in self._all:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def house_in(folder: Path) -> Iterator[House]:
    """A house whose processes end with the block."""
    house = House(folder)
    try:
        yield house
    finally:
        house.close()


class Cable:
    """What lies between a worker and the server: it can be cut, or carry nothing for a while."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._flows = threading.Event()
        self._flows.set()
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break all connections; new ones can be made at once."""
        with self._lock:
            ends, self._ends = self._ends, set()
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def block(self) -> None:
        """Carry nothing any more, and say nothing of it: packets are lost."""
        self._flows.clear()

    def unblock(self) -> None:
        """Carry again. What was under way is lost with its connections."""
        self.cut()
        self._flows.set()

    def close(self) -> None:
        """Take the cable away."""
        self._listener.close()
        self.unblock()

    def _accept(self) -> None:
        while True:
            try:
                inside, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(inside,), daemon=True).start()

    def _join(self, inside: socket.socket) -> None:
        self._flows.wait()
        try:
            outside = socket.create_connection(("127.0.0.1", self._target), 5)
        except OSError:
            inside.close()
            return
        with self._lock:
            self._ends |= {inside, outside}
        for source, sink in ((inside, outside), (outside, inside)):
            threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            with self._lock:
                self._ends.discard(end)
