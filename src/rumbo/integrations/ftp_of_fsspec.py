"""fsspec's FTP, whose TLS checks certificates, and is such that careful servers take it."""

from __future__ import annotations

from fsspec.implementations.ftp import FTPFileSystem

from rumbo.integrations.ftp_tls import TlsFromTheStart, TlsWithOneSession, connect, context_for


class CarefulFtpFileSystem(FTPFileSystem):  # type: ignore[misc] # fsspec has no types
    """FTP; with ``tls`` in one session, which vsftpd and others demand unless they are told otherwise.

    Args:
        tls: True, or an ``ssl.SSLContext``: encrypted once the server agreed to it; a text, such as "tls": encrypted
            from the start, usually at port 990.
    """

    def _connect(self) -> None:
        if not self.tls:
            super()._connect()
            return
        kind = TlsFromTheStart if isinstance(self.tls, str) else TlsWithOneSession
        self.ftp = kind(context=context_for(self.tls), encoding=self.encoding)
        connect(self.ftp, self.host, self.port, self.timeout, *self.cred)
