"""The history under real faults: full disks, locks, folders that cannot be written, kills, and two runs at once."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rumbo.scheduler.records import Outcome
from rumbo.store.history import HistoryWriter
from rumbo.store.reader import HistoryReader
from store_story import Story, node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Warnings = Callable[[], list[str]]

TESTS = str(Path(__file__).parents[1])
NOT_AFFECTED = "The tasks themselves are not affected."


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Warnings:
    """Gives the warnings on the logger `rumbo` so far."""
    return lambda: [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def process(code: str, *arguments: str, **more: object) -> subprocess.Popen[str]:
    """A Python process with the story teller at hand."""
    script = f"import sys; sys.path.insert(0, {TESTS!r})\nfrom store_story import Story, node\n" + code
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more
    )


# -- two runs, one folder -----------------------------------------------------------------------------------------

RUN = """
from rumbo.store.history import HistoryWriter
folder, run_id, many = sys.argv[1], sys.argv[2], int(sys.argv[3])
writer = HistoryWriter(folder, patience=30.0)
tasks = [f"Shared_{n:04}" for n in range(many)] + [f"Own_{run_id}_{n:04}" for n in range(many)]
story = Story(writer, run_id).plan(*map(node, tasks))
writer.start()
sys.stdin.readline()
for start in range(0, len(tasks), 50):
    story.runs(*tasks[start : start + 50])
    writer.flush()
story.ends(done=len(tasks))
writer.close()
print(writer.trouble)
"""


def test_four_runs_at_once_in_a_new_folder(tmp_path: Path) -> None:
    folder, many = str(tmp_path / ".rumbo"), 400
    runs = [process(RUN, folder, f"run-{n}", str(many), stdin=subprocess.PIPE) for n in range(4)]
    # All are let go together, and all find that there is no database yet.
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("\n")
        run.stdin.flush()
    for run in runs:
        out, err = run.communicate(timeout=60)
        assert (out, err) == ("None\n", "")

    with HistoryReader(folder) as history:
        assert sorted(run.id for run in history.runs().rows) == [f"run-{n}" for n in range(4)]
        for run in history.runs().rows:
            assert history.counts(run) == {"done": 2 * many}
            names = [task.task_id for task in history.run_tasks(run, limit=5000).rows]
            assert names == [f"Shared_{n:04}" for n in range(many)] + [f"Own_{run.id}_{n:04}" for n in range(many)]
        assert history.task("Shared_0007").runs == 4
        assert sum(row.attempts for row in history.durations("Shared")) == 4 * many


# -- a run that is killed -----------------------------------------------------------------------------------------

KILLED = """
import time
from rumbo.store.history import HistoryWriter
writer = HistoryWriter(sys.argv[1])
story = Story(writer, "killed").plan(node("A_1"), node("A_2"), node("A_3")).runs("A_1").begin("A_2")
writer.start()
writer.flush()
print("written", flush=True)
time.sleep(60)
"""


def test_a_killed_run_is_crashed_and_what_was_written_stays(tmp_path: Path) -> None:
    folder = str(tmp_path / ".rumbo")
    run = process(KILLED, folder)
    assert run.stdout is not None
    assert run.stdout.readline() == "written\n"
    with HistoryReader(folder) as history:
        assert history.run().status == "running"
        assert history.counts(history.run()) == {"done": 1, "running": 1, "pending": 1}

    run.send_signal(signal.SIGKILL)
    run.communicate()

    with HistoryReader(folder) as history:
        crashed = history.run()
        assert (crashed.status, crashed.ended) == ("crashed", None)
        assert [each.id for each in history.runs(status="crashed").rows] == ["killed"]
        assert history.runs(status="running").rows == []
        assert history.counts(crashed) == {"done": 1, "lost": 1, "pending": 1}
        (lost,) = history.run_tasks(crashed, states=["lost"]).rows
        assert (lost.task_id, lost.state, lost.outcome) == ("A_2", "lost", "lost")
        assert [attempt.outcome for attempt in history.attempts(crashed, 1)] == ["lost"]
        assert [task.id for task in history.tasks(states=["lost"]).rows] == ["A_2"]
        assert history.tasks(states=["running"]).rows == []
    with sqlite3.connect(f"{folder}/rumbo.db") as db:
        assert db.execute("SELECT status FROM runs").fetchall() == [("running",)], "reading wrote something"
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_run_killed_at_any_moment_leaves_a_sound_database(tmp_path: Path) -> None:
    folder = str(tmp_path / ".rumbo")
    for milliseconds in (0, 3, 10, 30, 60):
        run = process(RUN, folder, f"run-{milliseconds}", "2000", stdin=subprocess.PIPE)
        assert run.stdin is not None
        run.stdin.write("\n")
        run.stdin.flush()
        while not os.path.exists(f"{folder}/rumbo.db"):
            time.sleep(0.001)
        time.sleep(milliseconds / 1000)
        run.kill()
        run.communicate()
    with sqlite3.connect(f"{folder}/rumbo.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    writer = HistoryWriter(folder)
    Story(writer, "after").plan(node("A_1")).runs("A_1").ends()
    writer.close()
    assert writer.trouble is None
    with HistoryReader(folder) as history:
        assert history.run().id == "after"
        assert {run.status for run in history.runs().rows[1:]} <= {"crashed"}


# -- a database that others hold ----------------------------------------------------------------------------------


@contextlib.contextmanager
def locked(folder: str) -> Iterator[None]:
    """Another program holds the database for writing."""
    db = sqlite3.connect(f"{folder}/rumbo.db", isolation_level=None, check_same_thread=False)
    db.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        db.close()


@pytest.mark.slow
def test_a_lock_that_goes_away_costs_nothing(tmp_path: Path, warnings: Warnings) -> None:
    folder = str(tmp_path / ".rumbo")
    writer = HistoryWriter(folder)
    story = Story(writer).plan(node("A_1"), node("A_2")).runs("A_1")
    writer.start()
    writer.flush()
    with locked(folder):
        story.runs("A_2")
        assert not writer.flush(timeout=3.0)
        assert writer.trouble == f"history is held up: another program keeps {folder}/rumbo.db locked."
        writer.flush(timeout=3.0)
    story.ends(done=2)
    writer.close()

    assert writer.trouble is None
    assert warnings() == [
        f"history is held up: another program keeps {folder}/rumbo.db locked. "
        "It is tried again until the run ends; the tasks themselves are not affected."
    ]
    with HistoryReader(folder) as history:
        assert history.run().status == "done"
        assert history.counts(history.run()) == {"done": 2}


def test_a_lock_that_stays_makes_the_history_incomplete(tmp_path: Path, warnings: Warnings) -> None:
    folder = str(tmp_path / ".rumbo")
    writer = HistoryWriter(folder, patience=0.05)
    story = Story(writer).plan(node("A_1"))
    writer.flush()
    with locked(folder):
        story.runs("A_1").ends()
        writer.close()
    assert writer.trouble == f"history is incomplete: another program keeps {folder}/rumbo.db locked."
    assert warnings() == [f"{writer.trouble} {NOT_AFFECTED}"]
    with HistoryReader(folder) as history:
        assert history.counts(history.run()) == {"pending": 1}


# -- a disk that is full ------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "rumbo", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs leave to mount a small file system")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def full(story: Story, family: str) -> None:
    tasks = [f"{family}_{n:05}" for n in range(6000)]
    story.plan(*map(node, tasks)).runs(*tasks, seconds=0.01)


def test_a_full_disk_is_told_once_and_the_run_goes_on(small_disk: Path, warnings: Warnings) -> None:
    folder = str(small_disk / ".rumbo")
    writer = HistoryWriter(folder)
    story = Story(writer).plan(node("A_1")).runs("A_1")
    assert writer.flush()
    full(story, "B")
    assert not writer.flush()
    story.runs("A_1")
    writer.flush()
    story.ends()
    writer.close()

    assert writer.trouble == f"history is incomplete: the disk that holds {folder}/rumbo.db is full."
    assert warnings() == [
        f"history is held up: the disk that holds {folder}/rumbo.db is full. "
        "It is tried again until the run ends; the tasks themselves are not affected."
    ]
    with HistoryReader(folder) as history:
        assert history.counts(history.run()) == {"done": 1}


def test_a_disk_that_gets_room_again(small_disk: Path, warnings: Warnings) -> None:
    folder = str(small_disk / ".rumbo")
    ballast = small_disk / "ballast"
    writer = HistoryWriter(folder)
    story = Story(writer)
    assert writer.flush()
    with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    story.plan(*(node(f"A_{n:03}") for n in range(300))).runs("A_000")
    assert not writer.flush()
    ballast.unlink()
    story.ends()
    writer.close()
    assert writer.trouble is None
    assert len(warnings()) == 1
    with HistoryReader(folder) as history:
        assert history.counts(history.run()) == {"done": 1, "pending": 299}


LIMITED = """
import logging, resource
logging.basicConfig(format="%(message)s")
from rumbo.store.history import HistoryWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
writer = HistoryWriter(sys.argv[1])
story = Story(writer).plan(node("A_1")).runs("A_1")
writer.flush()
tasks = [f"B_{n:05}" for n in range(6000)]
story.plan(*map(node, tasks)).runs(*tasks).ends()
writer.close()
print(writer.trouble)
"""


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    folder = str(tmp_path / ".rumbo")
    out, err = process(LIMITED, folder).communicate(timeout=30)
    assert out.startswith(f"history is incomplete: {folder}/rumbo.db cannot be used (disk I/O error)")
    assert err == out.rstrip() + f" {NOT_AFFECTED}\n"
    with HistoryReader(folder) as history:
        assert history.counts(history.run()) == {"done": 1}


# -- a folder that cannot be written ------------------------------------------------------------------------------


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nobody can write below the folder, not even root."""
    bound = subprocess.run(["mount", "--bind", str(folder), str(folder)], capture_output=True)
    if bound.returncode == 0:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        return
    if os.geteuid() == 0:
        pytest.skip("root can write everywhere, and may not mount here")
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(0o755)


def test_a_read_only_folder_gives_one_warning(tmp_path: Path, warnings: Warnings) -> None:
    project = tmp_path / "project"
    project.mkdir()
    with read_only(project):
        writer = HistoryWriter(str(project / ".rumbo"))
        story = Story(writer).plan(node("A_1")).runs("A_1")
        writer.start()
        writer.flush()
        story.begin("A_1").end("A_1", Outcome.FAILED, "no").ends()
        writer.close()
    assert writer.trouble is not None
    assert writer.trouble.startswith(f"history is off: the folder {project}/.rumbo cannot be written (")
    assert warnings() == [f"{writer.trouble} {NOT_AFFECTED}"]
    assert os.listdir(project) == []


def test_a_history_in_a_read_only_folder_can_be_read_but_not_written(tmp_path: Path, warnings: Warnings) -> None:
    project = tmp_path / "project"
    project.mkdir()
    folder = str(project / ".rumbo")
    writer = HistoryWriter(folder)
    Story(writer, "before").plan(node("A_1")).runs("A_1").ends()
    writer.close()
    with read_only(project):
        with HistoryReader(folder) as history:
            assert history.run().id == "before"
        writer = HistoryWriter(folder)
        Story(writer, "after").plan(node("A_1")).ends()
        writer.close()
        assert writer.trouble is not None
        assert writer.trouble.startswith(f"history is off: {folder}/rumbo.db cannot be ")
        assert len(warnings()) == 1
    with HistoryReader(folder) as history:
        assert [run.id for run in history.runs().rows] == ["before"]


# -- other trouble ------------------------------------------------------------------------------------------------


def test_a_damaged_database_switches_the_history_off(tmp_path: Path, warnings: Warnings) -> None:
    folder = tmp_path / ".rumbo"
    folder.mkdir()
    (folder / "rumbo.db").write_bytes(b"no database at all " * 100)
    writer = HistoryWriter(str(folder))
    Story(writer).plan(node("A_1")).runs("A_1").ends()
    writer.close()
    assert writer.trouble == (
        f"history is off: {folder}/rumbo.db is damaged or is not a database (file is not a database). Move it away, "
        "with its -wal and -shm files, and the next run begins a new history."
    )
    assert warnings() == [f"{writer.trouble} {NOT_AFFECTED}"]


def test_a_fact_that_nobody_understands_switches_the_history_off(tmp_path: Path, warnings: Warnings) -> None:
    writer = HistoryWriter(str(tmp_path / ".rumbo"))
    story = Story(writer).plan(node("A_1"))
    writer.planned("run-1", [("not", "a", "node")])  # type: ignore[list-item]
    story.ends()
    writer.close()
    assert writer.trouble is not None
    assert writer.trouble.startswith("history is off: a fact could not be understood (")
    assert len(warnings()) == 1


def test_the_history_is_removed_while_a_run_goes_on(tmp_path: Path, warnings: Warnings) -> None:
    import shutil

    folder = tmp_path / ".rumbo"
    writer = HistoryWriter(str(folder))
    story = Story(writer).plan(node("A_1"))
    writer.flush()
    shutil.rmtree(folder)
    story.runs("A_1").ends()
    writer.close()
    assert not folder.exists()
    assert writer.trouble == f"history is off: {folder}/rumbo.db was removed or replaced while it was in use."
    assert warnings() == [f"{writer.trouble} {NOT_AFFECTED}"]


def test_importing_the_writer_is_cheap() -> None:
    dear = "sqlalchemy alembic asyncio dataclasses inspect tempfile shutil subprocess msgspec rich click uuid hashlib"
    code = (
        f"import sys; sys.path = {sys.path!r}\n"
        "import rumbo.store.history, rumbo.store.reader, rumbo.store.logs\n"
        f"print(sorted(set({dear.split()!r}) & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
