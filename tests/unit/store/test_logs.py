"""Spools, and the logs that they become."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rumbo.store.logs import LogFolder, Spool, log_name, remove_logs, tail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def logs(tmp_path: Path) -> LogFolder:
    return LogFolder(str(tmp_path / ".rumbo"), "run-1")


@pytest.fixture
def spool(logs: LogFolder) -> Iterator[Spool]:
    spool = logs.open_spool("0")
    assert spool is not None
    yield spool
    spool.close()


def written(path: str | None) -> bytes:
    assert path is not None
    with open(path, "rb") as file:
        return file.read()


def test_what_an_attempt_prints_becomes_its_log(logs: LogFolder, spool: Spool) -> None:
    os.write(spool.fileno(), b"cleaning\n")
    first = spool.harvest("Clean_jan", 1)
    os.write(spool.fileno(), b"again\n")
    second = spool.harvest("Clean_jan", 2)

    assert (first, second) == (logs.log_path("Clean_jan", 1), logs.log_path("Clean_jan", 2))
    assert (written(first), written(second)) == (b"cleaning\n", b"again\n")


def test_a_silent_attempt_leaves_no_file(logs: LogFolder, spool: Spool) -> None:
    descriptor = spool.fileno()
    assert spool.harvest("Clean_jan", 1) is None
    assert spool.fileno() == descriptor
    assert sorted(os.listdir(logs.path)) == ["0.now", "0.spool"]


def test_redirected_descriptors_follow_from_log_to_log(spool: Spool, tmp_path: Path) -> None:
    out = os.open(tmp_path / "elsewhere", os.O_WRONLY | os.O_CREAT)
    try:
        spool.redirect(out)
        os.write(out, b"one")
        first = spool.harvest("A_1", 1)
        os.write(out, b"two")
        second = spool.harvest("A_2", 1)
    finally:
        os.close(out)
    assert (written(first), written(second)) == (b"one", b"two")


def test_an_attempt_that_goes_on_after_a_pause_adds_to_its_log(spool: Spool) -> None:
    os.write(spool.fileno(), b"before the pause\n")
    first = spool.harvest("A_1", 1)
    os.write(spool.fileno(), b"another task\n")
    spool.harvest("B_1", 1)
    os.write(spool.fileno(), b"after the pause\n")
    assert spool.harvest("A_1", 1) == first
    assert written(first) == b"before the pause\nafter the pause\n"
    os.write(spool.fileno(), b"c")
    assert written(spool.harvest("C_1", 1)) == b"c"


def test_a_running_attempt_is_found_in_its_spool(logs: LogFolder, spool: Spool) -> None:
    spool.begin("A_1", 1)
    os.write(spool.fileno(), b"so far\n")
    assert logs.find("B_1", 1) is None
    assert written(logs.find("A_1", 1)) == b"so far\n"
    path = spool.harvest("A_1", 1)
    assert logs.find("A_1", 1) == path
    spool.begin("A_long_name", 1)
    spool.begin("B", 1)
    assert logs.find("A_long_name", 1) is None
    assert logs.find("B", 1) is not None


def test_following_a_log_over_the_end_of_the_attempt(logs: LogFolder, spool: Spool) -> None:
    spool.begin("A_1", 1)
    os.write(spool.fileno(), b"one ")
    path = logs.find("A_1", 1)
    assert path is not None
    running = True
    naps = 0

    def nap() -> None:
        nonlocal running, naps
        naps += 1
        os.write(spool.fileno(), b"two " if naps == 1 else b"three")
        if naps == 2:
            spool.harvest("A_1", 1)
            os.write(spool.fileno(), b"the next attempt")
            running = False

    assert b"".join(tail(path, lambda: running, nap)) == b"one two three"


def test_reading_a_log_without_following(spool: Spool) -> None:
    os.write(spool.fileno(), b"x" * 200_000)
    path = spool.harvest("A_1", 1)
    assert path is not None
    assert [len(block) for block in tail(path)] == [65_536, 65_536, 65_536, 3_392]


def test_the_output_of_a_process_that_died_is_salvaged(logs: LogFolder) -> None:
    spool = logs.open_spool("3")
    assert spool is not None
    spool.begin("A_1", 2)
    os.write(spool.fileno(), b"last words")

    assert logs.salvage("3") == ("A_1.2.log", logs.log_path("A_1", 2))
    assert written(logs.log_path("A_1", 2)) == b"last words"
    assert logs.salvage("3") is None
    spool.close()


def test_a_process_that_died_silently_leaves_nothing(logs: LogFolder) -> None:
    silent = logs.open_spool("1")
    assert silent is not None
    silent.begin("A_1", 1)
    assert logs.salvage("1") is None
    assert os.listdir(logs.path) == []
    silent.close()


def test_what_belongs_to_no_attempt_is_kept_for_all_together(logs: LogFolder) -> None:
    shared = logs.open_spool("2")
    assert shared is not None
    os.write(shared.fileno(), b"from a program that somebody started")
    assert logs.salvage("2") is None
    assert logs.close() == [os.path.join(logs.path, "2.log")]
    assert written(os.path.join(logs.path, "2.log")) == b"from a program that somebody started"


def test_attempts_that_share_a_process_have_a_page_each(logs: LogFolder) -> None:
    one, other, silent = (logs.open_page(id, 1) for id in ("A_1", "A_2", "A_3"))
    assert one.write(b"one, ")
    assert other.write(b"other")
    assert one.write(b"and more")

    assert sorted(logs.under_way()) == [
        ("A_1.1.log", os.path.join(logs.path, "A_1.1.page")),
        ("A_2.1.log", os.path.join(logs.path, "A_2.1.page")),
    ]
    assert logs.find("A_1", 1) == os.path.join(logs.path, "A_1.1.page")
    assert (one.harvest(), other.harvest(), silent.harvest()) == (
        logs.log_path("A_1", 1),
        logs.log_path("A_2", 1),
        None,
    )
    assert written(logs.log_path("A_1", 1)) == b"one, and more"
    assert not one.write(b"too late")


def test_a_page_of_an_attempt_that_goes_on_is_added_to_its_log(logs: LogFolder) -> None:
    for stretch in (b"before ", b"after"):
        page = logs.open_page("A_1", 1)
        page.write(stretch)
        assert page.harvest() == logs.log_path("A_1", 1)
    assert written(logs.log_path("A_1", 1)) == b"before after"


def test_a_page_outlives_its_process(logs: LogFolder) -> None:
    logs.open_page("A_1", 1).write(b"last words")
    logs.open_page("A_2", 1).write(b"nobody asked for them")

    assert logs.salvage_page("A_1", 1) == logs.log_path("A_1", 1)
    assert logs.salvage_page("A_1", 2) is None
    assert logs.close() == []
    assert sorted(os.listdir(logs.path)) == ["A_1.1.log", "A_2.1.log"]


def test_a_page_that_cannot_be_written_says_so_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / ".rumbo").write_text("a file is in the way")
    page = LogFolder(str(tmp_path / ".rumbo"), "run-1").open_page("A_1", 1)
    assert not page.write(b"x")
    assert not page.write(b"x")
    assert page.harvest() is None
    assert len(caplog.records) == 1


def test_nothing_is_left_of_a_silent_run(logs: LogFolder) -> None:
    spool = logs.open_spool("0")
    assert spool is not None
    spool.close()
    logs.close()
    assert not os.path.exists(logs.path)


def test_names_of_logs_are_safe_and_different() -> None:
    assert log_name("Clean_2013_01_01_0a1b2c3d4e", 3) == "Clean_2013_01_01_0a1b2c3d4e.3.log"
    assert log_name("ns.Clean_a-b", 1) == "ns.Clean_a-b.1.log"
    odd = ["a/b", "a_b/", "../../etc/passwd", ".hidden", "año", "x" * 500, "x" * 501, "", "\udc80", "a\0b"]
    names = [log_name(id, 1) for id in odd]
    assert len(set(names)) == len(odd)
    for name in names:
        assert name.isascii()
        assert "/" not in name
        assert "\0" not in name
        assert not name.startswith(".")
        assert len(name) < 255


def test_a_folder_that_vanishes_is_told_once_and_ends_nothing(
    logs: LogFolder, caplog: pytest.LogCaptureFixture
) -> None:
    spool = logs.open_spool("0")
    assert spool is not None
    os.write(spool.fileno(), b"x")
    remove_logs(os.path.dirname(os.path.dirname(logs.path)), "run-1")
    assert spool.harvest("A_1", 1) is None
    assert spool.harvest("A_1", 1) is None
    assert logs.trouble == f"logs are incomplete: {logs.path}/0.spool: No such file or directory."
    assert [record.getMessage() for record in caplog.records] == [
        f"{logs.trouble} The tasks themselves are not affected."
    ]
    spool.close()


def test_a_folder_that_cannot_be_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / ".rumbo").write_text("a file is in the way")
    logs = LogFolder(str(tmp_path / ".rumbo"), "run-1")
    assert logs.open_spool("0") is None
    assert logs.trouble == f"logs are incomplete: {tmp_path}/.rumbo: File exists."


def test_removing_the_logs_of_a_run(tmp_path: Path, logs: LogFolder, spool: Spool) -> None:
    folder = str(tmp_path / ".rumbo")
    assert remove_logs(folder, "run-1") == 1
    assert remove_logs(folder, "run-1") == 0
    assert not os.path.exists(logs.path)
