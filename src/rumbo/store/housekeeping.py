"""Forgets old history in the background, as a local run does at its end: once when a server starts, then every hour."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rumbo.errors import StoreError
from rumbo.store.prune import prune
from rumbo.store.telling import logger

if TYPE_CHECKING:
    from rumbo.clock import Clock

_EVERY = 3600.0


class Housekeeping:
    """One thread that forgets what a policy does not keep. Trouble is told, and tried again an hour later.

    Args:
        place: the folder of the history, or the URL of its database.
        logs: the folder with the logs.
        keep_runs, keep_days: as for `prune`; with neither nothing is ever forgotten.
    """

    def __init__(self, place: str, logs: str, keep_runs: int | None, keep_days: float | None, clock: Clock) -> None:
        self._place = place
        self._logs = logs
        self._keep = (keep_runs, keep_days)
        self._clock = clock
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, if there is anything to do."""
        if self._keep == (None, None):
            return
        self._thread = threading.Thread(target=self._work, name="rumbo-housekeeping", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while True:
            self.tidy()
            if self._is_over.wait(_EVERY):
                return

    def tidy(self) -> None:
        """Forget what is not kept, now."""
        runs, days = self._keep
        try:
            gone = prune(self._place, self._clock.now(), runs, days, logs=self._logs)
        except StoreError as error:
            logger().warning("Old runs could not be forgotten: %s.", error)
            return
        if gone.runs:
            logger().info("forgot %d old runs with %d attempts", gone.runs, gone.attempts)

    def stop(self) -> None:
        """End; a run that is being forgotten is forgotten first."""
        self._is_over.set()
        if self._thread is not None:
            self._thread.join(10)
