"""What attempts print arrives at the server, each byte once, whatever happens on the way."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from rumbo.store.log_store import LogStore
from rumbo.store.logs import log_name
from rumbo.wire.connection import Connection
from rumbo.wire.shipping import LogShipper
from server_house import until
from server_inside import ServerInside
from server_talk import run_info

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerInside]:
    with ServerInside(tmp_path / ".rumbo") as server:
        yield server


class Sender:
    """A worker that runs one attempt of one task."""

    def __init__(self, server: ServerInside, folder: Path) -> None:
        self.server = server
        self.folder = folder
        folder.mkdir()
        self.spool = folder / "spool-0"
        self.log = folder / log_name("Clean_1", 1)
        self.is_running = True
        self.shipper = LogShipper(
            Connection(server.url),
            str(folder),
            log_name,
            lambda: [(self.log.name, str(self.spool))] if self.is_running else [],
            lambda: [("run-1", "Clean_1", 1)] if self.is_running else [],
        )
        self.shipper.run_started(run_info("run-1"))
        self.shipper.planned("run-1", [])
        self.shipper.happened("run-1", [])
        self.shipper.start()

    def prints(self, text: str) -> None:
        """The attempt prints something."""
        with open(self.spool, "a", encoding="utf-8") as file:
            file.write(text)

    def ends(self) -> None:
        """The attempt, or a stretch of it, is over: its output goes from the spool to the log."""
        self.is_running = False
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(self.spool.read_text())
        self.spool.write_text("")
        self.shipper.attempt_log("run-1", "Clean_1", 1, str(self.log))

    def arrived(self) -> str:
        """What the server has."""
        return LogStore(self.server.folder).read("run-1", "Clean_1", 1, 0, 1 << 20).decode()


def test_output_arrives_while_the_attempt_runs_and_when_it_is_over(server: ServerInside, tmp_path: Path) -> None:
    sender = Sender(server, tmp_path / "worker")
    sender.prints("first\n")
    until(lambda: sender.arrived() == "first\n")
    sender.prints("second\n")
    sender.ends()
    sender.shipper.close()
    assert sender.arrived() == "first\nsecond\n"
    assert not sender.folder.exists()
    kinds = [entry.kind for entry in server.journal.entries(0)]
    assert kinds == ["log"]


def test_an_attempt_that_was_parked_goes_on_printing(server: ServerInside, tmp_path: Path) -> None:
    sender = Sender(server, tmp_path / "worker")
    sender.prints("before\n")
    sender.ends()
    until(lambda: sender.arrived() == "before\n")
    sender.is_running = True
    sender.prints("after\n")
    until(lambda: sender.arrived() == "before\nafter\n")
    sender.ends()
    sender.shipper.close()
    assert sender.arrived() == "before\nafter\n"


def test_what_cannot_be_sent_is_kept(server: ServerInside, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sender = Sender(server, tmp_path / "worker")
    sender.prints("first\n")
    until(lambda: sender.arrived() == "first\n")
    server.stop()
    sender.prints("second\n")
    sender.ends()
    with caplog.at_level(logging.WARNING, "rumbo"):
        sender.shipper.close()
    assert caplog.messages == [f"The output of 1 attempts could not be sent; it is in {sender.folder}."]
    assert sender.log.read_text() == "first\nsecond\n"


def test_a_server_that_comes_back_gets_the_rest(server: ServerInside, tmp_path: Path) -> None:
    sender = Sender(server, tmp_path / "worker")
    server.stop()
    sender.prints("first\n")
    sender.ends()
    server.start()
    until(lambda: sender.arrived() == "first\n")
    sender.shipper.close()


def test_a_server_that_cannot_keep_output_says_so(server: ServerInside, tmp_path: Path) -> None:
    (tmp_path / ".rumbo" / "logs").write_text("in the way")
    sender = Sender(server, tmp_path / "worker")
    sender.prints("first\n")
    sender.ends()
    sender.shipper.close()
    assert sender.log.read_text() == "first\n"
