"""Alerts for programs: each is a POST of JSON, signed so that the receiver knows who sent it and when."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from typing import TYPE_CHECKING, NamedTuple

import urllib3

from rumbo.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rumbo.ports import Alert


class WebhookTerms(NamedTuple):
    """Who listens."""

    url: str
    secret: str = ""
    """Shared with the receiver; empty: nothing is signed."""
    certificates: str = ""
    """File with the certificates to trust; empty: those that urllib3 trusts."""
    timeout: float = 10.0
    """Seconds to wait for an answer."""


class WebhookSink:
    """`Sink` that posts each alert to an address. Any answer from 200 to 299 means that it has arrived."""

    name = "webhook"

    def __init__(self, terms: WebhookTerms, now: Callable[[], float] = time.time) -> None:
        self._terms = terms
        self._now = now
        self._pool = urllib3.PoolManager(1, timeout=terms.timeout, retries=False, ca_certs=terms.certificates or None)

    def send(self, alerts: Sequence[Alert]) -> None:
        """Post alerts, one after the other.

        Raises:
            SinkError: the receiver did not take one. Those before it are sent again too, with the same ids.
        """
        for alert in alerts:
            self._post(alert)

    def _post(self, alert: Alert) -> None:
        terms, body = self._terms, body_of(alert)
        timestamp = str(int(self._now()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "rumbo",
            "X-Rumbo-Id": alert.id,
            "X-Rumbo-Event": alert.event,
            "X-Rumbo-Timestamp": timestamp,
        }
        if terms.secret:
            headers["X-Rumbo-Signature"] = f"sha256={signature(terms.secret, timestamp, body)}"
        try:
            reply = self._pool.request("POST", terms.url, body=body, headers=headers, redirect=False)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise SinkError(f"The webhook at {_host(terms.url)} cannot be reached: {_reason(error)}") from error
        if not 200 <= reply.status < 300:
            raise SinkError(f"The webhook at {_host(terms.url)} answered {reply.status} {reply.reason or ''}".rstrip())


def body_of(alert: Alert) -> bytes:
    """An alert as JSON: its fields by their names."""
    return json.dumps(alert._asdict(), default=dict, separators=(",", ":")).encode()


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What a receiver computes to compare: HMAC-SHA256 of the timestamp, a dot and the body, in hexadecimal."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _host(url: str) -> str:
    """The part of an address that holds no secret."""
    parts = urllib3.util.parse_url(url)
    return f"{parts.host}:{parts.port}" if parts.port else str(parts.host)


def _reason(error: Exception) -> str:
    """What went wrong, without the connection's name that urllib3 puts before it."""
    return re.sub(r"^<?\w+(\.\w+)*[( ].*?[)>]: ", "", str(error))
