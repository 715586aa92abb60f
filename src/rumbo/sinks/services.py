"""Alerts by any service that apprise knows: chats, phones, incident tools, by an address such as ``slack://...``."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any

from rumbo.alerts import Event
from rumbo.errors import ConfigurationError, MissingExtraError, SinkError
from rumbo.sinks.message import subject_of, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.ports import Alert

_LONGEST = 3000
"""Characters of a text; apprise cuts further, or makes several of it, where a service allows less."""
_KINDS = {Event.RUN_DONE: "success", Event.TASK_DONE: "success", Event.RUN_STARTED: "info", Event.TASK_STARTED: "info"}


class ServiceSink:
    """`Sink` for one address of apprise.

    Raises:
        MissingExtraError: apprise is not installed.
        ConfigurationError: it does not know such addresses.
    """

    def __init__(self, url: str, group_by: str = "family") -> None:
        try:
            import apprise
        except ImportError:
            raise MissingExtraError("[alerts] services", "alerts") from None
        kind = url.partition(":")[0]
        self._group_by = group_by
        self._service: Any = apprise.Apprise()
        if not self._service.add(url):
            raise ConfigurationError(
                f"[alerts] services: apprise knows no service of the kind {kind}:, or the address lacks something. "
                "Its documentation lists the addresses of all services."
            )
        self.name = f"{kind}-{hashlib.sha256(url.encode()).hexdigest()[:6]}"

    def send(self, alerts: Sequence[Alert]) -> None:
        """Send one message.

        Raises:
            SinkError: the service did not take it.
        """
        subject, text = subject_of(alerts), text_of(alerts, self._group_by)
        if len(text) > _LONGEST:
            text = f"... {text[-_LONGEST:]}"
        kind = _KINDS.get(Event(alerts[-1].event), "failure")
        said = _Listener()
        logger = logging.getLogger("apprise")
        logger.addHandler(said)
        try:
            was_sent = self._service.notify(title=f"Rumbo: {subject}", body=text, notify_type=kind)
        finally:
            logger.removeHandler(said)
        if not was_sent:
            why = f" ({said.last})" if said.last else ""
            raise SinkError(f"The service {self.name} did not take a message{why}")


class _Listener(logging.Handler):
    """Keeps the last warning, since apprise gives its reasons nowhere else."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.last = record.getMessage().rstrip(".")
