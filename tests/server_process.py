"""A server of somebody else's as a process of a test: on loopback, in a folder that is thrown away with it."""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

PATIENCE = 120.0
"""Seconds that a server may take to answer, on a busy machine."""


def program(name: str, package: str, folders: str = "") -> str:
    """The path of a program, of this environment or of the system; without it the test is skipped.

    Args:
        name: the program.
        package: how it is installed, for those who read why the test was skipped.
        folders: a pattern of further folders, of which the last by name is preferred.
    """
    places = [
        os.path.dirname(sys.executable),
        os.environ["PATH"],
        "/usr/sbin",
        *sorted(glob.glob(folders), reverse=True),
    ]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        pytest.skip(f"{name} is not installed: {package}")
    return found


@contextlib.contextmanager
def running(
    command: Sequence[str],
    folder: Path,
    is_up: Callable[[], bool],
    user: str | None = None,
    end: signal.Signals = signal.SIGKILL,
    env: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server, from its first answer to the end of the block. It dies with this process, too.

    Its data is thrown away, so it is not asked to end well unless ``end`` says so.

    Args:
        command: starts it; it must stay in the foreground.
        folder: where it runs, and writes its ``log``.
        is_up: whether it answers.
        user: who it runs as.
        end: the signal that it gets at the end.
        env: variables beside those of this process.
    """
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, user=user,
            extra_groups=None if user is None else [], env={**os.environ, **(env or {})}, start_new_session=True,
            preexec_fn=_die_with_parent,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + PATIENCE
        while not is_up():
            said = log.read_text(errors="replace")[-3000:]
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}:\n{said}"
            assert time.monotonic() < deadline, f"{command[0]} did not answer within {PATIENCE:g} s:\n{said}"
            time.sleep(0.05)
        yield process
    finally:
        process.send_signal(end)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what it started, too
        process.wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def listens(port: int) -> Callable[[], bool]:
    """Asks whether somebody answers at a port."""

    def ask() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return ask


def unused_port() -> int:
    """A free port below those that the system gives to who connects, so that it stays free while a server starts."""
    while True:
        port = random.randrange(20_000, 30_000)
        # SeaweedFS talks to itself ten thousand above.
        if _is_free(port) and _is_free(port + 10_000):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
