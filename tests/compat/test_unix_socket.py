"""luigid at a socket in the file system, and the client that asks there, without Luigi's plugin for it."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

import luigi.rpc

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_a_scheduler_at_a_socket_in_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    start = "import sys; from luigi.cmdline import luigid; luigid(sys.argv[1:])"
    flags = ["--unix-socket", "s", "--state-path", str(tmp_path / "state")]
    server = subprocess.Popen([sys.executable, "-c", start, *flags], cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        scheduler = luigi.rpc.RemoteScheduler(f"http+unix://{quote('s', safe='')}")
        scheduler._rpc_retry_attempts, scheduler._rpc_retry_wait, scheduler._rpc_log_retries = 100, 0, False
        while not (tmp_path / "s").exists():
            assert server.poll() is None
            time.sleep(0.02)
        scheduler.add_task(worker="w", task_id="A")
        assert scheduler.get_work(worker="w")["task_id"] == "A"
        scheduler._rpc_retry_attempts = 1
        with pytest.raises(luigi.rpc.RPCError) as caught:
            scheduler._request("/api/nothing", {})
        assert str(caught.value.sub_exception) == "http+unix://s/api/nothing answered 404 Not Found"
    finally:
        server.terminate()
        server.wait(10)


def test_nobody_at_the_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scheduler = luigi.rpc.RemoteScheduler("http+unix://gone")
    scheduler._rpc_retry_attempts, scheduler._rpc_log_retries = 1, False
    with pytest.raises(luigi.rpc.RPCError, match="Errors \\(1 attempts\\) when connecting to remote scheduler"):
        scheduler.is_paused()
