"""The alerts of a server follow its journal: put into the outbox together with how far it was read."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from rumbo.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.ports import Alert, RunInfo
    from rumbo.sinks.delivery import Delivery

log = logging.getLogger("rumbo.alerts")


class AlertChronicle:
    """`Chronicle` of the alerts in a journal. Entries without alerts leave no trace: they tell nothing when told again.

    Args:
        delivery: takes alerts on; started and closed by this.
        pause: seconds between two tries while the outbox cannot be written.
    """

    def __init__(self, delivery: Delivery, pause: float = 1.0) -> None:
        self._pause = pause
        self._delivery = delivery
        self._journal = ""
        self._number = 0
        self._pending: list[Alert] = []
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread: threading.Thread | None = None

    @property
    def wanted(self) -> frozenset[str]:
        """The events that anybody wants to hear of."""
        return self._delivery.wanted

    def follow(self, journal: str) -> int:
        """Become the alerts of a journal; gives the number of the last entry whose alerts are in the outbox."""
        self._journal = journal
        return self._delivery.outbox.bookmark(journal)

    def resume(self, runs: Sequence[RunInfo]) -> None:
        """Each alert knows its run by itself."""

    def tell(self, number: int, facts: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        """All that follows from the journal up to entry ``number``; only ``alert`` is of interest."""
        alerts = [arguments[0] for name, arguments in facts if name == "alert"]
        if alerts:
            with self._changed:
                self._pending += alerts
                self._number = number
                self._changed.notify_all()

    def flush(self, timeout: float | None = None) -> bool:
        """Have all alerts so far put into the outbox. False: they are not (yet)."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._pending, timeout)

    def start(self) -> None:
        """Begin to write and to deliver."""
        self._delivery.start()
        self._thread = threading.Thread(target=self._write_for_ever, name="rumbo-alerts", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what is still to be written. What is not delivered by then is delivered after the next start."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._delivery.close()

    def _write_for_ever(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._is_closing)
                alerts, number = list(self._pending), self._number
                if not alerts:
                    return
            try:
                self._delivery.put(alerts, self._journal, number)
            except StoreError as error:
                if self._is_closing:
                    return  # the journal still has them
                log.warning("alerts: %s; it is tried again", error)
                with self._changed:
                    self._changed.wait_for(lambda: self._is_closing, self._pause)
                continue
            with self._changed:
                del self._pending[: len(alerts)]
                self._changed.notify_all()
