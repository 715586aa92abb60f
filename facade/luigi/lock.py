"""A lock that keeps a command line from running twice at the same time, by the ids of the processes that run it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def getpcmd(pid: int) -> str:
    """The command line of a process; a made-up one when it cannot be known."""
    if sys.platform.startswith("linux"):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                return file.read().replace("\0", " ").rstrip()
        except OSError:
            pass  # it is gone, or it belongs to somebody else and is hidden
    else:
        import psutil

        try:
            return " ".join(psutil.Process(pid).cmdline())
        except psutil.Error:
            pass
    return f"[PROCESS_WITH_PID={pid}]"


def get_info(pid_dir: str, my_pid: int | None = None) -> tuple[int, str, str]:
    """The process's id, its command line, and the file where the ids of its like are kept."""
    pid = os.getpid() if my_pid is None else my_pid
    command = getpcmd(pid)
    import hashlib  # slow to import, and programs that call build() need no lock

    digest = hashlib.md5(command.encode("utf8"), usedforsecurity=False).hexdigest()
    return pid, command, os.path.join(pid_dir, digest) + ".pid"


def acquire_for(pid_dir: str, num_available: int = 1, kill_signal: int | None = None) -> bool:
    """Take one of some places for processes with this very command line; False when all are taken.

    Args:
        pid_dir: where the ids are kept.
        num_available: how many may run at the same time.
        kill_signal: sent to those that run already; one more may run then, so that they can come to their end.
    """
    my_pid, my_command, pid_file = get_info(pid_dir)
    try:
        os.mkdir(pid_dir)
        os.chmod(pid_dir, 0o700)
    except FileExistsError:
        pass
    others = {pid for pid in _read_pids_file(pid_file) if getpcmd(pid) == my_command}
    if kill_signal is not None:
        for pid in others:
            os.kill(pid, kill_signal)
        print(f"Sent kill signal to Pids: {others}")
        num_available += 1
    if len(others) >= num_available:
        print(f"Pid(s) {others} already running")
        if kill_signal is not None:
            print('Another "--take-lock" process is waiting for them already, so this one is not needed.')
        return False
    _write_pids_file(pid_file, others | {my_pid})
    return True


def _read_pids_file(pid_file: str) -> set[int]:
    try:
        with open(pid_file) as file:
            return {int(line) for line in file if line.strip()}
    except FileNotFoundError:
        return set()


def _write_pids_file(pid_file: str, pids_set: Iterable[int]) -> None:
    with open(pid_file, "w") as file:
        file.writelines(f"{pid}\n" for pid in pids_set)
    if os.name != "nt":
        status = os.stat(pid_file)
        if status.st_uid == os.getuid():
            os.chmod(pid_file, status.st_mode | 0o777)  # the next one may be another user
