"""Makes what tells people of trouble, as the settings want it: for a run of its own, and for a server."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from rumbo.alerts import Event, events_of
from rumbo.errors import ConfigurationError
from rumbo.settings import AlertSettings, MailSettings, WebhookSettings
from rumbo.sinks.delivery import Delivery, Route, Terms

if TYPE_CHECKING:
    from rumbo.ports import Alert, Sink
    from rumbo.settings import Settings
    from rumbo.sinks.chronicle import AlertChronicle
    from rumbo.sinks.delivery import Dress
    from rumbo.sinks.watcher import AlertWatcher
    from rumbo.store.log_store import LogStore

_LOG_BYTES = 8192
"""Of the end of an output, so many are read."""
_ON_THE_WAY = 1.0
"""Seconds for which the end of an output may be on its way to a server, after the report that its attempt is over."""
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f]")
_WITH_OUTPUT = (Event.TASK_FAILED, Event.ATTEMPT_FAILED)


class Alerting(NamedTuple):
    """The tables of the settings that say what people are told."""

    alerts: AlertSettings = AlertSettings()
    mail: MailSettings = MailSettings()
    webhook: WebhookSettings = WebhookSettings()


def wanted_by(settings: Settings) -> Alerting:
    """What the settings say."""
    return Alerting(settings.alerts, settings.mail, settings.webhook)


def routes(wanted: Alerting) -> list[Route]:
    """Every receiver that the settings name, and which alerts go there.

    Raises:
        ConfigurationError: something is missing, or there is no such event.
        MissingExtraError: a service is named, and apprise is not installed.
    """
    events = events_of(wanted.alerts.events, "[alerts] events")
    every = wanted.alerts.batch_every
    found: list[Route] = []
    if wanted.mail.host:
        found.append(Route(_mail_sink(wanted), events, every))
    for url in wanted.alerts.services.split():
        from rumbo.sinks.services import ServiceSink

        found.append(Route(ServiceSink(url, wanted.alerts.group_by), events, every))
    if wanted.webhook.url:
        own = events_of(wanted.webhook.events, "[webhook] events") if wanted.webhook.events else events
        found.append(Route(_webhook_sink(wanted.webhook), own))
    return found


def _mail_sink(wanted: Alerting) -> Sink:
    import socket

    from rumbo.sinks.mail import MailSink, MailTerms, is_address

    mail = wanted.mail
    to = tuple([address.strip() for address in mail.to.split(",") if address.strip()])
    for address in to:
        if not is_address(address):
            raise ConfigurationError(f"[mail] to: {address!r} is no address. Separate several by commas.")
    return MailSink(
        MailTerms(
            mail.host,
            mail.port,
            mail.encryption,
            mail.certificates,
            mail.user,
            mail.password,
            mail.sender or f"rumbo@{socket.gethostname()}",
            to,
            mail.format,
            mail.prefix,
            mail.timeout,
            wanted.alerts.group_by,
        )
    )


def _webhook_sink(webhook: WebhookSettings) -> Sink:
    from rumbo.sinks.webhook import WebhookSink, WebhookTerms

    if not webhook.url.startswith(("http://", "https://")):
        raise ConfigurationError("[webhook] url must begin with https:// or http://.")
    return WebhookSink(WebhookTerms(webhook.url, webhook.secret, webhook.certificates, webhook.timeout))


def dresser(logs: LogStore, lines: int, link: str) -> Dress:
    """What adds the end of the output, and the address of the page about it, to an alert that is sent.

    Args:
        logs: where output is kept.
        lines: how many of its last lines.
        link: address of the server's pages; empty if there are none.
    """

    def dress(alert: Alert, is_alone: bool) -> Alert:
        log = _end_of_output(logs, alert, lines) if is_alone and lines and alert.event in _WITH_OUTPUT else ""
        return alert._replace(log=log, link=_page(link, alert))

    return dress


def _end_of_output(logs: LogStore, alert: Alert, lines: int) -> str:
    try:
        with open(logs.path(alert.run, alert.task, alert.attempt), "rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - _LOG_BYTES, 0))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return _CONTROL.sub("", "\n".join(text.rstrip().splitlines()[-lines:]))


def _page(link: str, alert: Alert) -> str:
    base = link.rstrip("/")
    if not base:
        return ""
    if alert.task:
        return f"{base}/tasks/{quote(alert.task, safe='')}"
    return f"{base}/runs/{quote(alert.run, safe='')}" if alert.run else base


def watcher_of_run(wanted: Alerting, folder: str) -> AlertWatcher:
    """What watches a run of its own, whose output is kept in ``folder`` (the `.rumbo` itself)."""
    from rumbo.sinks.memory import MemoryOutbox
    from rumbo.sinks.watcher import AlertWatcher
    from rumbo.store.log_store import LogStore
    from rumbo.store.telling import logger

    dress = dresser(LogStore(folder), wanted.alerts.log_lines, wanted.alerts.link)
    terms = Terms(wanted.alerts.give_up_after)
    delivery = Delivery(MemoryOutbox(), routes(wanted), terms, dress, report=lambda sentence: None)
    return AlertWatcher(delivery, logger().warning, wanted.alerts.exit_wait, time.time)


def chronicle_of_server(wanted: Alerting, state: str, log_folder: str, address: str) -> AlertChronicle:
    """What follows the journal of a server.

    Args:
        state: the folder with the server's memory.
        log_folder: the folder for what attempts print; that of the state, if it is empty.
        address: where the server's pages are, unless the settings know better.
    """
    from rumbo.sinks.chronicle import AlertChronicle
    from rumbo.store.log_store import LogStore
    from rumbo.store.outbox import StateOutbox

    found = routes(wanted)
    dress = dresser(LogStore(log_folder or state), wanted.alerts.log_lines, wanted.alerts.link or address)
    terms = Terms(wanted.alerts.give_up_after, _ON_THE_WAY)
    return AlertChronicle(Delivery(StateOutbox(state), found, terms, dress))
