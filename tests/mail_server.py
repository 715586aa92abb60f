"""A real SMTP server on loopback that keeps what it is given."""

from __future__ import annotations

import contextlib
import email
import email.policy
import ssl
from typing import TYPE_CHECKING, Any, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage


class Mail(NamedTuple):
    """A mail as it came in."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def subject(self) -> str:
        """What it is about."""
        return str(self.message["Subject"])

    @property
    def body(self) -> str:
        """Its text, or its HTML if that is all it has."""
        part = self.message.get_body(("plain", "html"))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")


class _AnyPort(Controller):
    """Listens at a port that is free, and knows it before it knocks at its own door."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = int(self.server.sockets[0].getsockname()[1])
        super()._trigger_server()


class MailServer:
    """What came in, in order, and who logged in.

    Args:
        login: user and password that are asked for; None: everybody may send.
        certificate: files of a certificate and its key, to offer STARTTLS, or to speak TLS from the first byte.
        speaks_tls: from the first byte.
        refuses: answer every mail with this line.
        unknown: recipients that are refused.
    """

    def __init__(
        self,
        login: tuple[str, str] | None = None,
        certificate: tuple[str, str] | None = None,
        speaks_tls: bool = False,
        refuses: str = "",
        unknown: frozenset[str] = frozenset(),
    ) -> None:
        self.mails: list[Mail] = []
        self.was_encrypted: list[bool] = []
        self._refuses = refuses
        self._unknown = unknown
        self._login = login
        self._speaks_tls = speaks_tls
        context = None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
        more: dict[str, Any] = {}
        if login is not None:
            # The server takes only STARTTLS for encryption, and not what lies below it.
            more = {
                "auth_required": True,
                "auth_require_tls": certificate is not None and not speaks_tls,
                "authenticator": self._authenticate,
            }
        if context is not None and not speaks_tls:
            more["tls_context"] = context
        self._controller = _AnyPort(
            self, hostname="127.0.0.1", port=0, ssl_context=context if speaks_tls else None, **more
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._controller.port)

    def _authenticate(self, _server: SMTP, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        given = (data.login.decode(), data.password.decode()) if isinstance(data, LoginPassword) else None
        return AuthResult(success=given == self._login)

    async def handle_RCPT(self, _server: SMTP, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        """Take a recipient."""
        if address in self._unknown:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Any, envelope: Any) -> str:
        """Take a mail."""
        if self._refuses:
            return self._refuses
        message: Any = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.was_encrypted.append(self._speaks_tls or session.ssl is not None)
        self.mails.append(Mail(envelope.mail_from, tuple(envelope.rcpt_tos), message))
        return "250 OK"

    def start(self) -> MailServer:
        """Listen."""
        self._controller.start()
        return self

    def stop(self) -> None:
        """Listen no more."""
        self._controller.stop()


@contextlib.contextmanager
def mail_server(**how: Any) -> Iterator[MailServer]:
    """A server while the block lasts."""
    server = MailServer(**how).start()
    try:
        yield server
    finally:
        server.stop()
