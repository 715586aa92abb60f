"""fsspec's FTP, such that servers take its TLS which want data to travel in the session of its commands."""

from __future__ import annotations

from fsspec.implementations.ftp import FTPFileSystem

from rumbo.integrations.ftp_sessions import TlsWithOneSession


class CarefulFtpFileSystem(FTPFileSystem):  # type: ignore[misc] # fsspec has no types
    """FTP; with ``tls=True`` in one session, which vsftpd and others demand unless they are told otherwise."""

    def _connect(self) -> None:
        if self.tls is not True:
            super()._connect()
            return
        self.ftp = TlsWithOneSession(timeout=self.timeout, encoding=self.encoding)
        self.ftp.connect(self.host, self.port)
        self.ftp.login(*self.cred)
        self.ftp.prot_p()
