"""What a worker is asked to plan goes to processes of their own, a few at a time, and their answers to the server."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from rumbo.codec import RunAnswer, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from rumbo.cli.wiring import Options
    from rumbo.ports import Message

_AT_ONCE = 2


class Requests:
    """Answers requests for runs.

    Args:
        options: of the worker: for which server it works, and with what token.
        answer: takes the id of a request and the answer; called in threads.
    """

    def __init__(self, options: Options, answer: Callable[[str, str], None]) -> None:
        self._environment = {**os.environ, "RUMBO_SCHEDULER": options.scheduler}
        if options.token:
            self._environment["RUMBO_SCHEDULER_TOKEN"] = options.token
        self._answer = answer
        self._threads = ThreadPoolExecutor(_AT_ONCE, "rumbo-request")
        self._under_way: set[subprocess.Popen[bytes]] = set()
        self._is_closing = False

    def take(self, message: Message) -> None:
        """Begin to answer a request. Does not wait."""
        self._threads.submit(self._work, message)

    def close(self) -> None:
        """End what is under way; whoever asked is not answered."""
        self._is_closing = True
        for process in tuple(self._under_way):
            process.terminate()
        self._threads.shutdown(cancel_futures=True)

    def _work(self, message: Message) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "rumbo.cli.requested"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
        )
        self._under_way.add(process)
        try:
            told, _ = process.communicate(message.content.encode())
        finally:
            self._under_way.discard(process)
        if self._is_closing:
            return
        if process.returncode or not told:
            why = f"The process that planned it ended with exit code {process.returncode}; its worker printed why."
            told = encode(RunAnswer(error=why))
        self._answer(message.id, told.decode())
