"""Scripts that call `luigi.run()` and `luigi.build()` get the same answers as from Luigi."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from beside_luigi import PROGRAMS, Both

pytestmark = pytest.mark.slow

SCRIPT = str(PROGRAMS / "scripts.py")


@pytest.mark.parametrize(
    ("way", "answer"),
    [
        ("as_words", "True"),
        ("main_task", "True"),
        (
            "detailed",
            "['LuigiRunResult with status LuigiStatusCode.SUCCESS', 'SUCCESS', "
            "'This progress looks :) because there were no failed tasks or missing dependencies', True]",
        ),
        ("built", "True"),
        ("built_bad", "False"),
        ("built_missing", "True"),
        ("built_quietly", "True"),
        ("built_twice", "[True, True]"),
    ],
)
def test_the_answer_the_files_and_the_log_are_the_same(way: str, answer: str, both: Both) -> None:
    luigi, ours = both(SCRIPT, way)
    assert (ours.code, ours.stdout, ours.files) == (luigi.code, luigi.stdout, luigi.files)
    assert (ours.summary, ours.log) == (luigi.summary, luigi.log)
    assert ours.stdout == f"{answer}\n"


@pytest.mark.parametrize(
    ("way", "error"),
    [
        ("no_list", "TypeError: cmdline_args must be a list or tuple of command-line arguments, got 'str'."),
        ("unknown_task", "TaskClassNotFoundException: No task Helo. Did you mean:\nHello"),
        ("built_no_task", "TaskException: Can not schedule non-task Hello"),
        ("remote", "RPCError: Errors (1 attempts) when connecting to remote scheduler 'http://localhost:9'"),
    ],
)
def test_the_same_error_is_raised(way: str, error: str, both: Both) -> None:
    files = {"luigi.cfg": "[core]\nrpc_retry_attempts=1\nscheduler_port=9\n"}
    luigi, ours = both(SCRIPT, way, files=files)
    assert (ours.code, luigi.code) == (1, 1)
    assert error in luigi.stderr
    assert error in ours.stderr


def test_run_reads_the_words_of_the_process(both: Both) -> None:
    luigi, ours = both(SCRIPT, "from_the_command_line", "Hello", "--who", "you", "--local-scheduler")
    assert (ours.code, ours.stdout, ours.files) == (luigi.code, luigi.stdout, luigi.files)
    assert ours.files == {"hello_you.txt": "hello you\n"}


def test_a_module_of_this_folder_is_not_found_by_luigi_and_the_error_says_what_does(tmp_path: Path) -> None:
    (tmp_path / "sums.py").write_text("import luigi\n\nclass Sum(luigi.Task):\n    def run(self):\n        pass\n")
    command = Path(sys.executable).with_name("luigi")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = ["--module", "sums", "Sum", "--local-scheduler"]
    done = subprocess.run([command, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert done.stderr.endswith(
        "sums is in this folder, where `luigi` does not look: write `python -m luigi` instead.\n"
    )
    again = [sys.executable, "-m", "luigi", *words]
    assert subprocess.run(again, cwd=tmp_path, env=environment, capture_output=True, timeout=60).returncode == 0
