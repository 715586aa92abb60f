"""Programs of the operating system as tasks: real processes, real signals, real files."""

from __future__ import annotations

import datetime as dt
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

import rumbo
from luigi.contrib import external_program as twin
from rumbo.errors import TaskError
from rumbo.integrations.program import (
    ExternalProgramRunError,
    ExternalProgramTask,
    ExternalPythonProgramTask,
    ShellTask,
    run_program,
    shown,
)


class Program(ExternalProgramTask):
    words: tuple[str, ...]

    def program_args(self) -> list[str]:
        return [sys.executable, *self.words]


class Commanded(ShellTask):
    say: str = "nothing"
    command = 'echo "$say"'


def failure_of(task: Any) -> ExternalProgramRunError:
    with pytest.raises(ExternalProgramRunError) as caught:
        task.run()
    return caught.value


class TestProgram:
    def test_its_output_is_shown_as_it_comes(self, capfd: pytest.CaptureFixture[str]) -> None:
        Program(words=("-c", "import sys; print('to out'); print('to err', file=sys.stderr)")).run()
        assert capfd.readouterr() == ("to out\n", "to err\n")

    def test_a_failure_tells_the_command_and_the_output(self) -> None:
        error = failure_of(Program(words=("-c", "import sys; print('half'); sys.exit('no disk')")))
        assert str(error) == (
            "Program failed with return code=1:\n"
            f"COMMAND: {sys.executable} -c 'import sys; print('\"'\"'half'\"'\"'); sys.exit('\"'\"'no disk'\"'\"')'\n"
            "STDOUT: half\n\nSTDERR: no disk\n"
        )
        assert (error.out, error.err) == ("half\n", "no disk\n")

    def test_a_failure_shows_no_value_of_the_environment(self) -> None:
        class Secretive(ExternalProgramTask):
            def program_args(self) -> list[str]:
                return ["false"]

            def program_environment(self) -> dict[str, str]:
                return {**os.environ, "PASSWORD": "hunter2"}

        error = failure_of(Secretive())
        assert str(error).endswith("ENVIRONMENT: with values of its own for PASSWORD")
        assert "hunter2" not in str(error)

    def test_what_an_option_calls_a_secret_is_not_shown(self) -> None:
        words = ["run", "--user", "me", "--password", "pw", "--api-token=t1", "-Dfs.s3a.secret.key=k", "--keys=2", "x"]
        assert shown(words) == ("run --user me --password '***' '--api-token=***' '-Dfs.s3a.secret.key=***' --keys=2 x")
        assert "hunter2" not in str(ExternalProgramRunError("failed", ["a", "--password=hunter2"]))

    def test_what_was_not_captured_is_not_in_the_error(self, capfd: pytest.CaptureFixture[str]) -> None:
        error = failure_of(Program(words=("-c", "import sys; print('seen'); sys.exit(3)"), capture_output=False))
        assert error.out is None
        assert capfd.readouterr().out == "seen\n"

    def test_a_signal_is_a_code_below_zero(self) -> None:
        error = failure_of(Program(words=("-c", "import os; os.kill(os.getpid(), 15)")))
        assert error.message == "Program failed with return code=-15:"

    def test_long_output_is_cut_in_the_message_only(self) -> None:
        error = failure_of(Program(words=("-c", "import sys; print('x' * 20_000); sys.exit(1)")))
        assert "[12001 characters, then] xxx" in str(error)
        assert error.out is not None
        assert len(error.out) == 20_001

    def test_a_program_that_does_not_exist(self) -> None:
        class Missing(ExternalProgramTask):
            def program_args(self) -> list[str]:
                return ["no-such-program"]

            def program_environment(self) -> dict[str, str]:
                return {"PATH": "/nowhere"}

        with pytest.raises(TaskError) as caught:
            Missing().run()
        assert str(caught.value) == (
            "There is no no-such-program. Install it, or give its whole path; PATH is /nowhere."
        )

    def test_a_class_that_names_no_program(self) -> None:
        class Nameless(ExternalProgramTask):
            pass

        with pytest.raises(NotImplementedError) as caught:
            Nameless().run()
        assert str(caught.value) == (
            "Nameless does not say which program to run. Give it a program_args() that returns a list."
        )

    def test_a_process_that_the_program_leaves_behind_is_not_waited_for(self) -> None:
        began = time.monotonic()
        command = "import subprocess; print(subprocess.Popen(['sleep', '30']).pid, flush=True)"
        lines: list[bytes] = []
        assert run_program([sys.executable, "-c", command], taps={"stdout": lines.append}) == 0
        assert time.monotonic() - began < 25
        os.kill(int(lines[0]), signal.SIGKILL)


class TestTrackingUrl:
    @pytest.mark.parametrize("stream", ["stdout", "stderr"])
    def test_the_address_is_told_while_the_program_runs(self, stream: str, tmp_path: Path) -> None:
        told = tmp_path / "told"

        class Job(Program):
            def build_tracking_url(self, found: str) -> str:
                return found + "/ui"

        # The program ends only when it sees that its address was told.
        words = (
            "-c",
            f"import os, sys, time\nprint('at http://job/7 now', file=sys.{stream}, flush=True)\n"
            f"while not os.path.exists({str(told)!r}): time.sleep(0.01)",
        )
        task = Job(words=words, tracking_url_pattern=r"at (http\S+)", stream_for_searching_tracking_url=stream)
        task.__dict__["set_tracking_url"] = lambda url: told.write_text(url)
        task.run()
        assert told.read_text() == "http://job/7/ui"


class TestPythonProgram:
    def test_a_virtual_environment_and_a_path_for_modules(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTHONPATH", "/before")
        monkeypatch.setenv("PYTHONHOME", "/home")
        env = ExternalPythonProgramTask(virtualenv="/venv", extra_pythonpath="/mine").program_environment()
        assert env["PYTHONPATH"] == "/mine:/before"
        assert env["PATH"].startswith("/venv/bin:")
        assert env["VIRTUAL_ENV"] == "/venv"
        assert "PYTHONHOME" not in env

    def test_without_a_python_path_the_current_folder_does_not_slip_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PYTHONPATH", raising=False)
        assert ExternalPythonProgramTask(extra_pythonpath="/mine").program_environment()["PYTHONPATH"] == "/mine"


class Words(rumbo.Task):
    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget("words")

    def run(self) -> None:
        self.output().write_text("b\na\n")


class Sorted(ShellTask):
    day: dt.date
    command = 'echo "$day"; sort "$input" > "$output"; test ! -e sorted'

    def requires(self) -> Words:
        return Words()

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget("sorted")


class Split(ShellTask):
    command = 'head -n 1 "$input_words" > "$output_first"; tail -n 1 "$input_words" > "$output_rest_0"'

    def requires(self) -> dict[str, Words]:
        return {"words": Words()}

    def output(self) -> dict[str, Any]:
        return {"first": rumbo.LocalTarget("first"), "rest": [rumbo.LocalTarget("rest")]}


class Broken(ShellTask):
    command = 'echo half > "$output"; false | true'

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget("broken")


class TestShell:
    @pytest.fixture(autouse=True)
    def _inside(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def test_parameters_inputs_and_outputs_are_variables(self, capfd: pytest.CaptureFixture[str]) -> None:
        Words().run()
        Sorted(day=dt.date(2026, 2, 3)).run()
        assert Path("sorted").read_text() == "a\nb\n"
        assert capfd.readouterr().out == "2026-02-03\n"

    def test_several_inputs_and_outputs_have_names(self) -> None:
        Words().run()
        Split().run()
        assert (Path("first").read_text(), Path("rest").read_text()) == ("b\n", "a\n")

    def test_a_value_is_never_read_as_a_command(self, capfd: pytest.CaptureFixture[str]) -> None:
        Commanded(say="$(touch evil); `touch evil`").run()
        assert capfd.readouterr().out == "$(touch evil); `touch evil`\n"
        assert os.listdir() == []

    def test_an_error_within_a_pipe_is_an_error_and_leaves_no_output(self) -> None:
        assert failure_of(Broken()).message == "Program failed with return code=1:"
        assert not Path("broken").exists()

    def test_a_task_without_a_command(self) -> None:
        class Silent(ShellTask):
            pass

        with pytest.raises(TaskError) as caught:
            Silent().run()
        assert str(caught.value) == "Silent does not say what to run. Give it a command = '...'."


STOPPABLE = """
import rumbo
from rumbo.integrations.program import ShellTask

class Long(ShellTask):
    timeout = {timeout}
    command = 'sleep 61 & echo $! > pids; sleep 62 & echo $! >> pids; echo $$ >> pids; mv pids ready; wait'

    def output(self):
        return rumbo.LocalTarget("never")
"""


def pids_of(folder: Path) -> list[int]:
    deadline = time.monotonic() + 30
    while not (folder / "ready").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return [int(line) for line in (folder / "ready").read_text().split()]


def are_gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + 10
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.slow
class TestStopping:
    @pytest.fixture(params=[["--executor", "inline"], ["--executor", "processes"]], ids=["inline", "processes"])
    def start(self, request: pytest.FixtureRequest, tmp_path: Path) -> Any:
        def start(timeout: float | None = None) -> subprocess.Popen[str]:
            (tmp_path / "long.py").write_text(STOPPABLE.format(timeout=timeout))
            command = [sys.executable, "-m", "rumbo", "run", "-m", "long", "Long", *request.param]
            return subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

        return start

    def test_a_stopped_run_ends_the_program_and_all_it_started(self, start: Any, tmp_path: Path) -> None:
        process = start()
        pids = pids_of(tmp_path)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert are_gone(pids)
        assert not (tmp_path / "never").exists()

    def test_a_timeout_ends_the_program_and_all_it_started(self, start: Any, tmp_path: Path) -> None:
        process = start(timeout=2)
        pids = pids_of(tmp_path)
        out, _ = process.communicate(timeout=30)
        assert are_gone(pids)
        assert "took longer than its timeout of 2 s" in out

    def test_a_killed_attempt_takes_the_program_along(self, tmp_path: Path) -> None:
        (tmp_path / "long.py").write_text(STOPPABLE.format(timeout=None))
        command = [sys.executable, "-m", "rumbo", "run", "-m", "long", "Long", "--executor", "processes"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        pids = pids_of(tmp_path)
        attempt = psutil.Process(pids[-1]).ppid()
        assert attempt != process.pid
        os.kill(attempt, signal.SIGKILL)
        out, _ = process.communicate(timeout=30)
        assert "was killed by signal 9" in out
        assert are_gone(pids)


class TestLuigisNames:
    def test_captured_output_is_logged_at_the_end(self, caplog: pytest.LogCaptureFixture) -> None:
        class Old(twin.ExternalProgramTask):
            def program_args(self) -> list[Any]:
                return ["sh", "-c", "echo $0; echo oh >&2", 7]

        with caplog.at_level(logging.INFO, logger="luigi-interface"):
            Old().run()
        assert caplog.messages == [
            "Running command: sh -c 'echo $0; echo oh >&2' 7",
            "Program stdout:\n7\n",
            "Program stderr:\noh\n",
        ]

    def test_the_run_context_kills_on_sigterm(self) -> None:
        process = subprocess.Popen(["sleep", "60"])
        with pytest.raises(SystemExit) as caught, twin.ExternalProgramRunContext(process):
            signal.raise_signal(signal.SIGTERM)
        assert caught.value.code == 143
        assert process.wait(timeout=10) == -signal.SIGKILL
