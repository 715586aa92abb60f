"""The program `rumbo` as a person meets it: real processes, real terminals, real signals."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

RUMBO = [str(Path(sys.executable).parent / "rumbo")]

TASKS = '''
from __future__ import annotations

import os
import pathlib
import sys
import time

import rumbo


class Talk(rumbo.Task):
    """Says something."""

    x: int = 123
    y: int = 456

    def run(self) -> None:
        print(self.x, self.y)
        print("to the other", file=sys.stderr)
        os.system("echo from a program")
        self.done = True

    def complete(self) -> bool:
        return getattr(self, "done", False)


class Nap(rumbo.Task):
    """Sleeps until it is let go."""

    number: int = 0

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget(f"nap-{self.number}.txt")

    def run(self) -> None:
        print("good night", self.number, flush=True)
        pathlib.Path(f"asleep-{self.number}").touch()
        with self.output().open("w") as file:
            file.write("half")
            while not os.path.exists("wake"):
                time.sleep(0.01)


class Naps(rumbo.Task):
    """Several naps, one after the other."""

    def requires(self) -> list[Nap]:
        return [Nap(number=number) for number in range(3)]

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget("naps.txt")

    def run(self) -> None:
        with self.output().open("w") as file:
            file.write("x")


class Bad(rumbo.Task):
    """Fails."""

    def output(self) -> rumbo.LocalTarget:
        return rumbo.LocalTarget("bad.txt")

    def run(self) -> None:
        raise ValueError("no good")


if __name__ == "__main__":
    rumbo.run()
'''


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "naps.py").write_text(TASKS)
    return tmp_path


def environment(folder: Path, **variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    return {**kept, "HOME": str(folder), "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **variables}


def rumbo(folder: Path, *words: str, program: list[str] = RUMBO) -> Ended:
    done = subprocess.run(
        [*program, *words], cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)


# Pipes -----------------------------------------------------------------------------------------------------------


def test_what_a_task_prints_is_seen_and_kept(folder: Path) -> None:
    ended = rumbo(folder, "run", "-m", "naps", "Talk")

    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    place = lines.index("123 456")
    assert {"to the other", "from a program"} <= set(lines)
    assert " start    Talk(x=123, y=456)" in lines[place - 1] or "from a program" in lines[place - 1]
    kept = rumbo(folder, "logs", "Talk")
    assert sorted(kept.out.splitlines()) == ["123 456", "from a program", "to the other"]


@pytest.mark.parametrize("flags", [["-s"], ["--no-history"], ["--workers", "2"], ["--executor", "threads"]])
def test_what_a_task_prints_is_seen_in_every_way_of_running(flags: list[str], folder: Path) -> None:
    ended = rumbo(folder, "run", "naps:Talk", "--y", "7", *flags)

    assert ended.code == 0, ended
    assert "123 7" in ended.out.splitlines()


def test_json_is_all_there_is_on_standard_output(folder: Path) -> None:
    import json

    for flags in ([], ["-s"]):
        ended = rumbo(folder, "run", "naps:Talk", "--json", *flags)

        assert json.loads(ended.out)["status"] == "done"
        assert {"123 456", "from a program"} <= set(ended.err.splitlines())


def test_what_a_module_prints_when_imported_is_no_result(folder: Path) -> None:
    (folder / "loud.py").write_text(
        "import os\nfrom sys import stdout\nfrom naps import *\nprint('hello')\nos.system('echo from a program')\n"
        "class Loud(Talk):\n    def run(self):\n        self.done = stdout.write('to what was there\\n') > 0\n"
    )

    ended = rumbo(folder, "plan", "-m", "loud", "Loud", "--format", "mermaid")
    assert (ended.out.split()[0], ended.err) == ("flowchart", "hello\nfrom a program\n")

    ended = rumbo(folder, "run", "-m", "loud", "Loud", "-s")
    assert "to what was there" in ended.out.splitlines()


def test_python_m_rumbo_is_the_same_program(folder: Path) -> None:
    assert rumbo(folder, "version", program=[sys.executable, "-m", "rumbo"]) == rumbo(folder, "version")


def test_a_script_is_its_own_command_line(folder: Path) -> None:
    script = [sys.executable, "naps.py"]

    assert "123 9" in rumbo(folder, "Talk", "--y", "9", "--local-scheduler", program=script).out.splitlines()
    assert rumbo(folder, "Bad", program=script).code == 1
    assert "There is no task Tlak in __main__. Did you mean Talk?" in rumbo(folder, "Tlak", program=script).err
    assert "  Talk  Says something." in rumbo(folder, program=script).out


def test_a_reader_that_has_seen_enough_is_no_error(folder: Path) -> None:
    command = f"{RUMBO[0]} list naps | head -1; exit ${{PIPESTATUS[0]}}"

    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment(folder), capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")


def shell(folder: Path, command: str) -> Ended:
    """What a line of shell gives, with ``$rumbo`` for the program and the exit code of the first of a pipe."""
    done = subprocess.run(
        ["bash", "-c", f"rumbo={RUMBO[0]}\n{command}\nexit ${{PIPESTATUS[0]}}"],
        cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


def test_a_run_does_not_end_because_nobody_reads_on(folder: Path) -> None:
    (folder / "wake").touch()

    ended = shell(folder, "$rumbo run -m naps Naps | head -1")

    assert (ended.code, ended.err) == (0, "")
    assert (folder / "naps.txt").exists()


def test_a_run_goes_on_where_what_it_says_cannot_be_written(folder: Path) -> None:
    (folder / "wake").touch()

    ended = shell(folder, "$rumbo run -m naps Naps > /dev/full")

    words = "Not all of this could be shown: No space left on device. The tasks themselves are not affected.\n"
    assert ended == (0, "", words)
    assert (folder / "naps.txt").exists()


def test_a_command_whose_result_cannot_be_written_has_failed(folder: Path) -> None:
    words = "rumbo: The output of this command cannot be written: No space left on device.\n"

    assert shell(folder, "$rumbo plan -m naps Naps > /dev/full") == (1, "", words)
    assert shell(folder, "$rumbo list naps > /dev/full") == (1, "", words)


def test_a_folder_that_is_gone(folder: Path) -> None:
    ended = shell(folder, "mkdir gone; cd gone; rmdir ../gone; $rumbo history")

    assert ended == (1, "", "rumbo: The current folder is gone: go to one that is there.\n")


def test_streams_may_be_closed(folder: Path) -> None:
    assert shell(folder, "$rumbo run -m naps Talk >&- 2>&- <&-") == (0, "", "")
    assert "123 456" in rumbo(folder, "logs", "Talk").out


def test_an_encoding_that_lacks_a_letter_is_no_error(folder: Path) -> None:
    (folder / "letters.py").write_text(
        "import rumbo\n\nclass Letters(rumbo.Task):\n    name: str = 'ñ'\n"
        "    def run(self):\n        print('→', self.name)\n",
        encoding="utf-8",
    )

    ended = shell(folder, "export PYTHONIOENCODING=ascii; $rumbo run letters.py:Letters && $rumbo logs Letters")

    assert ended.code == 0
    assert "start    Letters(name=\\xf1)" in ended.out
    assert ended.out.count("\\u2192 \\xf1\n") == 2
    assert ended.err == "rumbo: Task Letters(name=\\xf1) without outputs has no custom complete() method\n"


def test_completion_by_the_shells_own_door(folder: Path) -> None:
    variables = {"_RUMBO_COMPLETE": "bash_complete", "COMP_WORDS": "rumbo run -m naps T", "COMP_CWORD": "4"}

    done = subprocess.run(RUMBO, cwd=folder, env=environment(folder, **variables), capture_output=True, text=True)

    assert done.stdout == "plain,Talk\n"


# Signals ---------------------------------------------------------------------------------------------------------


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*RUMBO, *words], cwd=folder, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_once_lets_what_runs_finish(workers: str, folder: Path) -> None:
    running = start(folder, "run", "-m", "naps", "Naps", "--workers", workers)
    wait_for((folder / "asleep-0").exists, "the first nap")

    running.send_signal(signal.SIGINT)
    time.sleep(0.1)
    (folder / "wake").touch()
    out, err = running.communicate(timeout=30)

    assert running.returncode == 130
    assert err == "Finishing what runs, and nothing more; press Ctrl-C again to stop now.\n"
    assert (folder / "nap-0.txt").exists()
    assert not (folder / "nap-2.txt").exists()
    assert "cancelled" in out


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_twice_stops_and_nothing_half_written_exists(workers: str, folder: Path) -> None:
    running = start(folder, "run", "-m", "naps", "Naps", "--workers", workers)
    wait_for((folder / "asleep-0").exists, "the first nap")

    running.send_signal(signal.SIGINT)
    time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)

    assert running.returncode == 130
    assert err.endswith("Stopping.\n")
    assert not list(folder.glob("nap-*.txt"))
    assert "stopped  Nap(number=0)" in out
    assert "cancelled" in rumbo(folder, "history").out


def test_sigterm_stops_at_once(folder: Path) -> None:
    running = start(folder, "run", "-m", "naps", "Naps")
    wait_for((folder / "asleep-0").exists, "the first nap")

    running.terminate()
    running.communicate(timeout=30)

    assert running.returncode == 130
    assert not list(folder.glob("nap-*.txt"))


def test_logs_follow_a_task_that_runs(folder: Path) -> None:
    running = start(folder, "run", "-m", "naps", "Nap")
    wait_for((folder / "asleep-0").exists, "the nap")
    wait_for(lambda: "running" in rumbo(folder, "history").out, "the history")
    following = start(folder, "logs", "Nap", "-f")
    assert following.stdout is not None
    assert following.stdout.readline() == "good night 0\n"
    assert following.poll() is None

    (folder / "wake").touch()
    running.communicate(timeout=30)

    assert following.wait(timeout=30) == 0


# Terminals -------------------------------------------------------------------------------------------------------


class Terminal:
    """A terminal with a command in it."""

    def __init__(self, folder: Path, *words: str, width: int = 80, height: int = 24, **variables: str) -> None:
        self._end, other = pty.openpty()
        self._other = other
        self.resize(width, height)
        self.process = subprocess.Popen(
            [*RUMBO, *words], cwd=folder, env=environment(folder, **variables), stdin=other, stdout=other, stderr=other,
            start_new_session=True,
        )  # fmt: skip
        self.seen = ""

    def resize(self, width: int, height: int) -> None:
        """Give it another size."""
        fcntl.ioctl(self._other, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def read_until(self, condition: Callable[[str], bool], what: str) -> None:
        """Read what is printed until that is so."""
        end = time.monotonic() + 30
        while not condition(self.seen):
            assert time.monotonic() < end, f"waited in vain for {what}:\n{self.seen}"
            self._read(0.05)

    def _read(self, timeout: float) -> None:
        if select.select([self._end], [], [], timeout)[0]:
            self.seen += os.read(self._end, 65_536).decode("utf-8", "replace")

    def finish(self) -> int:
        """Read to the end; gives the exit code."""
        while self.process.poll() is None:
            self._read(0.05)
        self._read(0.05)
        os.close(self._end)
        os.close(self._other)
        return self.process.returncode


def without_escapes(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_on_a_terminal_the_run_is_a_picture_that_gives_way_to_a_summary(folder: Path) -> None:
    terminal = Terminal(folder, "run", "-m", "naps", "Naps", "--workers", "2")
    terminal.read_until(lambda seen: "◐ Nap(number=1)" in without_escapes(seen), "the second nap")
    picture = without_escapes(terminal.seen)
    assert "0 of 4 tasks" in picture
    assert re.search(r"  Nap   ━+─+  0/3", picture)
    assert "\x1b[38;5;33m" in terminal.seen
    (folder / "wake").touch()

    assert terminal.finish() == 0
    end = without_escapes(terminal.seen)
    assert re.search(r"Run \S+: done, 4 tasks done in ", end)
    assert "good night 0" in end


def test_the_picture_follows_the_size_of_the_terminal(folder: Path) -> None:
    terminal = Terminal(folder, "run", "-m", "naps", "Naps", "--workers", "2", width=100)
    terminal.read_until(lambda seen: "◐ Nap(number=1)" in without_escapes(seen), "the second nap")
    terminal.resize(24, 10)
    already = len(terminal.seen)
    # The picture that was under way, and one more, may still have the old width.
    terminal.read_until(lambda seen: seen.count("of 4 tasks", already) >= 6, "narrow pictures")
    terminal.seen = terminal.seen[already:].split("of 4 tasks", 2)[2]

    lines = without_escapes(terminal.seen).replace("\r", "\n").split("\n")
    assert max(map(len, lines[1:-1])) < 24
    (folder / "wake").touch()
    assert terminal.finish() == 0


def test_a_terminal_of_no_known_size_is_taken_for_an_ordinary_one(folder: Path) -> None:
    terminal = Terminal(folder, "run", "-m", "naps", "Naps", "--workers", "2", width=0, height=0)
    terminal.read_until(lambda seen: "◐ Nap(number=1)" in without_escapes(seen), "the second nap")
    (folder / "wake").touch()
    assert terminal.finish() == 0


def test_no_color_gives_the_picture_without_colours(folder: Path) -> None:
    (folder / "wake").touch()
    terminal = Terminal(folder, "run", "-m", "naps", "Naps", NO_COLOR="1")

    assert terminal.finish() == 0
    assert "38;5" not in terminal.seen


def test_a_dumb_terminal_gets_lines(folder: Path) -> None:
    (folder / "wake").touch()
    terminal = Terminal(folder, "run", "-m", "naps", "Naps", TERM="dumb")

    assert terminal.finish() == 0
    assert "\x1b" not in terminal.seen
    assert "start    Nap(number=0)" in terminal.seen


def test_a_failure_on_a_terminal_stays_in_sight(folder: Path) -> None:
    terminal = Terminal(folder, "run", "-m", "naps", "Bad")

    assert terminal.finish() == 1
    text = without_escapes(terminal.seen)
    assert "✗ Bad()  failed after " in text
    assert "ValueError: no good" in text
    assert "rumbo/worker" not in text


def test_ctrl_c_at_the_terminal(folder: Path) -> None:
    terminal = Terminal(folder, "run", "-m", "naps", "Naps", "--workers", "2")
    terminal.read_until(lambda seen: "◐ Nap(number=1)" in without_escapes(seen), "the second nap")

    terminal.process.send_signal(signal.SIGINT)
    terminal.read_until(lambda seen: "press Ctrl-C again to stop now" in seen, "the sentence")
    terminal.process.send_signal(signal.SIGINT)

    assert terminal.finish() == 130
    assert not list(folder.glob("nap-*.txt"))


def test_asking_before_removing_at_the_terminal(folder: Path) -> None:
    (folder / "naps.txt").touch()
    terminal = Terminal(folder, "clean", "-m", "naps", "Naps")
    terminal.read_until(lambda seen: "Remove these? [y/N]" in seen, "the question")
    os.write(terminal._end, b"y\n")

    assert terminal.finish() == 0
    assert not (folder / "naps.txt").exists()
