"""Real signals to real runs: once drains, twice stops, and nothing is left running or half written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
import os, subprocess, sys, time
import rumbo

class Step(rumbo.Task):
    n: int

    def output(self):
        return rumbo.LocalTarget(f"step-{self.n}")

    def run(self):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        with self.output().open("w") as out:
            out.write("half")
            out.flush()
            open(f"began-{self.n}", "w").write(str(child.pid))
            deadline = time.monotonic() + 30
            while not os.path.exists("go-on") and time.monotonic() < deadline:
                time.sleep(0.01)
        child.kill()

if __name__ == "__main__":
    from rumbo.cli.main import main
    sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(params=[1, 2])
def workers(request):
    return request.param


def start(folder, workers):
    Path(folder, "steps.py").write_text(PROGRAM)
    tasks = ["run", "-m", "steps", "Step", "--n", "1", "--workers", str(workers)]
    if workers > 1:
        tasks += ["--executor", "processes"]
    process = subprocess.Popen(
        [sys.executable, "-m", "rumbo", *tasks], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    wait_for(lambda: Path(folder, "began-1").exists() and Path(folder, "began-1").read_text())
    return process


def wait_for(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.slow
def test_one_ctrl_c_lets_what_runs_finish(workers, tmp_path):
    process = start(tmp_path, workers)
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    (tmp_path / "go-on").touch()
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130, output
    assert "Finishing what runs, and nothing more; press Ctrl-C again to stop now." in output
    assert (tmp_path / "step-1").read_text() == "half"


@pytest.mark.slow
def test_two_stop_what_runs_and_leave_nothing_half_written(workers, tmp_path):
    process = start(tmp_path, workers)
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130, output
    assert not (tmp_path / "step-1").exists()
    grandchild = int((tmp_path / "began-1").read_text())
    if workers > 1:
        wait_for(lambda: not is_running(grandchild))
    elif is_running(grandchild):
        os.kill(grandchild, signal.SIGKILL)  # in one process there is no group of its own to end


@pytest.mark.slow
def test_a_killed_run_takes_its_children_along(tmp_path):
    process = start(tmp_path, 2)
    process.kill()
    process.wait()
    grandchild = int((tmp_path / "began-1").read_text())
    wait_for(lambda: not is_running(grandchild))
    assert not (tmp_path / "step-1").exists()
