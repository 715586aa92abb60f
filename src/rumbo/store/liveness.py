"""Whether the process that made a run is still there, told apart from a later one with the same number.

A process is known by its machine's boot, its namespace of pids and the moment it started. What cannot be known is
said to be alive: a run on another machine is not declared dead from here.
"""

from __future__ import annotations

import os


def identity(pid: int) -> str:
    """What tells the process ``pid`` from all others on this machine; empty when that cannot be found out."""
    return _from_proc(pid) if os.path.isdir("/proc/self") else _from_psutil(pid)


def is_gone(pid: int, process: str, host: str, this_host: str) -> bool:
    """Whether the process that gave this `identity` on ``host`` is certainly over."""
    if host != this_host or not process:
        return False
    here = identity(os.getpid())
    # Another namespace of pids (a container on the same machine with the same name): its numbers say nothing here.
    # After a reboot the boot differs, and every process from before is gone.
    boot, _, space_and_start = process.partition(" ")
    own_boot, _, own_rest = here.partition(" ")
    if boot != own_boot:
        return bool(own_boot)
    if space_and_start.partition(" ")[0] != own_rest.partition(" ")[0]:
        return False
    return identity(pid) != process


def _from_proc(pid: int) -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # The name, in parentheses, may itself contain anything.
            fields = file.read().rpartition(")")[2].split()
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
    state, start = fields[0], fields[19]
    # A zombie has ended; only its parent has not taken note.
    return f"{boot} {space} {start}" if state not in "ZX" else ""


def _from_psutil(pid: int) -> str:
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        return f"{psutil.boot_time():.0f} pids {process.create_time():.2f}"
    except psutil.Error:
        return ""
