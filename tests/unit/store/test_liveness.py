"""Whether a process is over, told from afar."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from rumbo.store import liveness
from rumbo.store.liveness import identity, is_gone

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as child:
        yield child
        child.kill()


def test_a_process_is_there_until_it_is_killed(child: subprocess.Popen[bytes]) -> None:
    process = identity(child.pid)
    assert process
    assert identity(child.pid) == process
    assert not is_gone(child.pid, process, "here", "here")
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    # A zombie: its parent has not looked yet, and all the same it is over.
    assert is_gone(child.pid, process, "here", "here")
    child.wait()
    assert is_gone(child.pid, process, "here", "here")


def test_a_later_process_with_the_same_number_is_another() -> None:
    process = identity(os.getpid())
    earlier = process.rpartition(" ")[0] + " 1"
    assert not is_gone(os.getpid(), process, "here", "here")
    assert is_gone(os.getpid(), earlier, "here", "here")


def test_a_reboot_ends_every_process() -> None:
    _, _, rest = identity(os.getpid()).partition(" ")
    assert is_gone(os.getpid(), f"another-boot {rest}", "here", "here")


def test_what_cannot_be_known_is_alive() -> None:
    process = identity(os.getpid())
    boot, _, start = process.split()
    assert not is_gone(1, "whatever 1 2", "elsewhere", "here")
    assert not is_gone(1, "", "here", "here")
    assert not is_gone(os.getpid(), f"{boot} pid:[1] {start}", "here", "here")


def test_machines_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "_from_proc", liveness._from_psutil)
    process = identity(os.getpid())
    assert len(process.split()) == 3
    assert not is_gone(os.getpid(), process, "here", "here")
    assert identity(2**22 + 1) == ""
    assert is_gone(2**22 + 1, process, "here", "here")
