"""Scripts that call `luigi.run()` and `luigi.build()` get the same answers as from Luigi."""

from __future__ import annotations

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
