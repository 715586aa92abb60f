"""Standard streams that lead to the output of the attempt whose code is running."""

from __future__ import annotations

import io
import logging
import sys
import threading
from contextlib import contextmanager

from rumbo.executors.switch import Switch, printing_to


class Sheet:
    """A page that keeps what it is given."""

    def __init__(self, takes=True):
        self.text = b""
        self._takes = takes

    def write(self, data):
        self.text += data if self._takes else b""
        return self._takes

    def harvest(self):
        return None


@contextmanager
def switched():
    """Within the block, streams of a test's own with a switch before them. No fixture: pytest has streams for those."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (io.TextIOWrapper(io.BytesIO(), "ascii", write_through=True) for _ in range(2))
    switch = Switch()
    switch.install()
    try:
        yield
    finally:
        switch.remove()
        sys.stdout, sys.stderr = before


def behind(stream):
    return stream.buffer.getvalue()


def test_each_thread_prints_to_its_own_page():
    with switched():
        sheets = [Sheet(), Sheet()]

        def work(sheet, number):
            with printing_to(sheet):
                print("page", number)
                print("trouble", number, file=sys.stderr)

        threads = [threading.Thread(target=work, args=(sheet, number)) for number, sheet in enumerate(sheets)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [sheet.text for sheet in sheets] == [b"page 0\ntrouble 0\n", b"page 1\ntrouble 1\n"]
        assert behind(sys.stdout) == behind(sys.stderr) == b""


def test_without_a_page_all_is_as_it_was():
    with switched():
        print("to the process")
        assert behind(sys.stdout) == b"to the process\n"
        assert (sys.stdout.encoding, sys.stdout.line_buffering, sys.stdout.isatty()) == ("ascii", False, False)


def test_a_page_takes_any_letter_and_bytes():
    with switched():
        sheet = Sheet()
        with printing_to(sheet):
            print("→ \udcff", end=" ", flush=True)
            sys.stdout.buffer.write(b"\xff")
            assert sys.stdout.encoding == "utf-8"
        assert sheet.text == "→ \\udcff ".encode() + b"\xff"


def test_what_a_page_does_not_take_goes_where_it_went_before():
    with switched():
        with printing_to(Sheet(takes=False)):
            print("kept all the same")
            sys.stdout.buffer.write(b"and this")
        assert behind(sys.stdout) == b"kept all the same\nand this"


def test_handlers_of_logging_follow_and_come_back(monkeypatch):
    before = io.StringIO()
    monkeypatch.setattr(sys, "stderr", before)
    handler = logging.StreamHandler()
    monkeypatch.setattr(logging.getLogger("switch"), "handlers", [handler])
    switch, sheet = Switch(), Sheet()
    switch.install()
    switch.install()  # does nothing
    with printing_to(sheet):
        logging.getLogger("switch").warning("heard")
    switch.remove()
    logging.getLogger("switch").warning("heard again")
    assert (sheet.text, before.getvalue()) == (b"heard\n", "heard again\n")
    assert sys.stderr is before
