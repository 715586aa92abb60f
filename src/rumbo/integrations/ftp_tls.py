"""Encrypted connections to FTP servers, whose certificates are checked.

The configuration's section ``[ftp]`` says what is trusted: ``ca_file``, the certificates of authorities beside those
that the system knows, and ``verify_certificates``, which is true unless somebody says otherwise.
"""

from __future__ import annotations

import ftplib
import logging
import ssl
from typing import TYPE_CHECKING, Any

from rumbo.errors import ConfigurationError
from rumbo.pipeline.config import get_config
from rumbo.pipeline.filesystem import FileSystemException

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

__all__ = ["TlsFromTheStart", "TlsWithOneSession", "UntrustedCertificate", "connect", "context_for"]

logger = logging.getLogger("luigi-interface")


class UntrustedCertificate(FileSystemException):
    """A server's certificate is of nobody who is trusted, out of date, or another host's."""


class TlsWithOneSession(ftplib.FTP_TLS):
    """FTP over TLS whose data travels in the session of its commands, as careful servers demand."""

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> Any:
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:  # type: ignore[attr-defined]
            session = self.sock.session  # type: ignore[union-attr]
            connection = self.context.wrap_socket(connection, server_hostname=self.host, session=session)
        return connection, size

    def retrlines(self, cmd: str, callback: Callable[[str], object] | None = None) -> str:
        try:
            return super().retrlines(cmd, callback)
        except ssl.SSLError as error:
            return self._answer_after(error)

    def _answer_after(self, error: ssl.SSLError) -> str:
        """What the server says of a transfer that had nothing to send, and ended before its own beginning."""
        # A server may close the connection of an empty list at once; then TLS cannot be ended in its own way. That the
        # list was empty, and not cut off, is what the answer says.
        if error.reason != "SHUTDOWN_WHILE_IN_INIT":
            raise error
        return self.voidresp()


class TlsFromTheStart(TlsWithOneSession):
    """FTP over TLS that speaks TLS before anything else, usually at port 990: "implicit" FTPS."""

    @property
    def sock(self) -> ssl.SSLSocket | None:
        """The connection of the commands."""
        return self._sock

    @sock.setter
    def sock(self, connection: socket.socket | None) -> None:
        if connection is not None and not isinstance(connection, ssl.SSLSocket):
            connection = self.context.wrap_socket(connection, server_hostname=self.host)
        self._sock: ssl.SSLSocket | None = connection


def connect(
    connection: ftplib.FTP_TLS, host: str, port: int, timeout: float, user: str, password: str, account: str = ""
) -> None:
    """Reach a server, log in, and have its data encrypted too. A connection that fails is closed.

    Args:
        connection: what connects.
        host, port: where.
        timeout: seconds that the server may be silent.
        user, password, account: who logs in; few servers want an account.

    Raises:
        UntrustedCertificate: it cannot prove who it is.
    """
    try:
        connection.connect(host, port, timeout=timeout)
        connection.login(user, password, account)
        connection.prot_p()
    except BaseException as error:
        connection.close()
        if not isinstance(error, ssl.SSLCertVerificationError):
            raise
        raise UntrustedCertificate(
            f"The certificate of the FTP server {host}:{port} is not trusted: {error.verify_message}. If it is right, "
            "name the file with the certificate of who signed it as ca_file in the section [ftp] of the configuration."
        ) from error


def context_for(tls: bool | str | ssl.SSLContext) -> ssl.SSLContext:
    """What is trusted: a context as it is given, else as the section ``[ftp]`` says.

    Raises:
        ConfigurationError: ``ca_file`` cannot be used.
    """
    if isinstance(tls, ssl.SSLContext):
        return tls
    config = get_config()
    context = ssl.create_default_context()
    if not config.getboolean("ftp", "verify_certificates", True):
        logger.warning("Certificates of FTP servers are not checked: [ftp] verify_certificates is false.")
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    file = config.get("ftp", "ca_file", None)
    if file:
        _trust(context, file)
    return context


def _trust(context: ssl.SSLContext, file: str) -> None:
    try:
        context.load_verify_locations(file)
    except FileNotFoundError:
        raise ConfigurationError(f"[ftp] ca_file = {file}: there is no such file.") from None
    except ssl.SSLError as error:
        raise ConfigurationError(
            f"[ftp] ca_file = {file}: there is no certificate in it. It must have some in the format PEM."
        ) from error
