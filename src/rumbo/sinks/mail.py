"""Alerts by mail: to those who hear of all, and to the owners of tasks."""

from __future__ import annotations

import hashlib
import logging
import re
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate
from typing import TYPE_CHECKING, NamedTuple

from rumbo.errors import SinkError
from rumbo.sinks.message import html_of, subject_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rumbo.ports import Alert

log = logging.getLogger("rumbo.alerts")

_PORTS = {"tls": 465}
"""Where servers listen, by encryption; 25 for all others."""
_ADDRESS = re.compile(r"[^\s@,;:<>()\[\]\"\\]+(@[^\s@,;:<>()\[\]\"\\]+)?")
_LOCAL = frozenset(("localhost", "127.0.0.1", "::1"))


class MailTerms(NamedTuple):
    """Which server takes mails, and what they look like."""

    host: str
    port: int = 0
    """0: the usual one."""
    encryption: str = "auto"
    """``tls`` from the first byte, ``starttls``, ``auto`` (starttls if the server has it) or ``none``."""
    certificates: str = ""
    """File with the certificates to trust; empty: those that the system trusts."""
    user: str = ""
    password: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()
    """Who hears of everything. Owners hear of their tasks besides."""
    format: str = "plain"
    """``plain`` or ``html`` (with the plain text beside it)."""
    prefix: str = "Rumbo:"
    """Before every subject."""
    timeout: float = 10.0
    """Seconds to wait for the server at each step."""
    group_by: str = "family"


class MailSink:
    """`Sink` that hands mails to an SMTP server."""

    name = "mail"

    def __init__(self, terms: MailTerms) -> None:
        self._terms = terms

    def send(self, alerts: Sequence[Alert]) -> None:
        """Send a mail to all whom the alerts concern; those who are concerned by others get one of their own.

        Raises:
            SinkError: the server did not take one of them.
        """
        mails = list(self._mails(alerts))
        if not mails:
            return
        where = f"The mail server {self._terms.host}:{self._port}"
        try:
            with self._connect() as server:
                for mail in mails:
                    self._tell_of_refusals(server.send_message(mail))
        except smtplib.SMTPRecipientsRefused as error:
            refused = "; ".join(f"{address}: {_said(*answer)}" for address, answer in error.recipients.items())
            raise SinkError(f"{where} takes no mail for {refused}") from error
        except smtplib.SMTPResponseException as error:
            raise SinkError(f"{where} refused: {_said(error.smtp_code, error.smtp_error)}") from error
        except ssl.SSLCertVerificationError as error:
            raise SinkError(
                f"{where} shows a certificate that is not trusted ({error.verify_message}). Name it, or who signed it, "
                "in [mail] certificates"
            ) from error
        except OSError as error:  # smtplib's own errors are of this kind too
            raise SinkError(f"{where} cannot be used: {error.strerror or error}") from error

    def _tell_of_refusals(self, refused: dict[str, tuple[int, bytes]]) -> None:
        """Log who did not get a mail that others got; these would get it twice if it were sent again."""
        for address, answer in refused.items():
            log.warning("alerts: the mail server takes no mail for %s: %s", address, _said(*answer))

    @property
    def _port(self) -> int:
        return self._terms.port or _PORTS.get(self._terms.encryption, 25)

    def _connect(self) -> smtplib.SMTP:
        terms = self._terms
        if terms.encryption == "tls":
            context = ssl.create_default_context(cafile=terms.certificates or None)
            server: smtplib.SMTP = smtplib.SMTP_SSL(terms.host, self._port, timeout=terms.timeout, context=context)
        else:
            server = smtplib.SMTP(terms.host, self._port, timeout=terms.timeout)
        try:
            is_safe = self._encrypt(server) or terms.encryption in ("tls", "none") or terms.host in _LOCAL
            if terms.user:
                if not is_safe:
                    raise SinkError(
                        f"The mail server {terms.host}:{self._port} offers no encryption, so the password is not sent "
                        'to it. If that is what you want, set [mail] encryption = "none"'
                    )
                server.login(terms.user, terms.password)
        except BaseException:
            server.close()
            raise
        return server

    def _encrypt(self, server: smtplib.SMTP) -> bool:
        """Begin to encrypt, if that is wanted and possible."""
        server.ehlo_or_helo_if_needed()
        wanted = self._terms.encryption
        if wanted == "starttls" or (wanted == "auto" and server.has_extn("starttls")):
            server.starttls(context=ssl.create_default_context(cafile=self._terms.certificates or None))
            return True
        return False

    # -- mails --------------------------------------------------------------------------------------------------------

    def _mails(self, alerts: Sequence[Alert]) -> Iterator[EmailMessage]:
        concerned: dict[str, list[Alert]] = {address: list(alerts) for address in self._terms.to}
        for alert in alerts:
            for owner in dict.fromkeys(each.strip() for each in alert.owners):
                if is_address(owner) and owner not in self._terms.to:
                    concerned.setdefault(owner, []).append(alert)
        by_content: dict[tuple[str, ...], tuple[list[str], list[Alert]]] = {}
        for address, some in concerned.items():
            key = tuple(alert.id for alert in some)
            by_content.setdefault(key, ([], some))[0].append(address)
        for addresses, some in by_content.values():
            yield self._mail(addresses, some)

    def _mail(self, addresses: Sequence[str], alerts: Sequence[Alert]) -> EmailMessage:
        terms, mail = self._terms, EmailMessage()
        mail["Subject"] = f"{terms.prefix} {subject_of(alerts)}".strip()
        mail["From"] = terms.sender
        mail["To"] = ", ".join(addresses)
        mail["Date"] = formatdate(alerts[-1].at)
        # The same when it is sent again, so that mail servers may notice.
        mail["Message-ID"] = f"<{alerts[0].id}.{len(alerts)}.{_digest(addresses)}@rumbo>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text_of(alerts, terms.group_by))
        if terms.format == "html":
            mail.add_alternative(html_of(alerts, terms.group_by), subtype="html")
        return mail


def is_address(text: str) -> bool:
    """Whether mail can be sent to this; a name alone is a mailbox on the mail server itself."""
    return _ADDRESS.fullmatch(text) is not None


def _said(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"{code} {' '.join(text.split())}"


def _digest(addresses: Sequence[str]) -> str:
    return hashlib.sha256(",".join(addresses).encode()).hexdigest()[:8]
