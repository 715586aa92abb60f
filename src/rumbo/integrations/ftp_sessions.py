"""Connections to servers of files, FTP and SFTP alike to who uses them."""

from __future__ import annotations

import ftplib
import posixpath
import ssl
import stat
from contextlib import suppress
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

from rumbo.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable

_BLOCK = 1 << 20  # bytes sent or received at once


class Entry(NamedTuple):
    """What is in a folder."""

    name: str
    is_folder: bool


class Session(Protocol):
    """A connection, and what it can do. Paths that do not exist raise ``FileNotFoundError``."""

    def entries(self, folder: str) -> list[Entry]: ...
    def names(self, folder: str) -> list[str]: ...
    def is_folder(self, path: str) -> bool: ...
    def modified(self, path: str) -> float: ...
    def fetch(self, path: str, out: IO[bytes]) -> None: ...
    def store(self, source: IO[bytes], path: str) -> None: ...
    def rename(self, path: str, dest: str) -> None: ...
    def remove_file(self, path: str) -> None: ...
    def remove_folder(self, path: str) -> None: ...
    def make_folder(self, path: str) -> None: ...
    def close(self) -> None: ...


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


class FtpSession:
    """A connection to an FTP server."""

    def __init__(
        self,
        host: str,
        port: int,
        username: str | None,
        password: str | None,
        tls: bool | ssl.SSLContext,
        timeout: float,
    ) -> None:
        if tls:
            context = tls if isinstance(tls, ssl.SSLContext) else None
            self._ftp: ftplib.FTP = TlsWithOneSession(context=context, encoding="utf-8")
        else:
            self._ftp = ftplib.FTP(encoding="utf-8")
        self._ftp.connect(host, port, timeout=timeout)
        try:
            self._ftp.login(username or "", password or "")
            if isinstance(self._ftp, ftplib.FTP_TLS):
                self._ftp.prot_p()
        except BaseException:
            self._ftp.close()
            raise

    def entries(self, folder: str) -> list[Entry]:
        try:
            found = list(self._ftp.mlsd(folder or ".", ["type"]))
        except ftplib.error_perm as error:
            if error.args[0].startswith("5") and not error.args[0].startswith("55"):  # it does not know the command
                return self._entries_by_name(folder)
            raise FileNotFoundError(folder) from error
        return [Entry(name, facts["type"] == "dir") for name, facts in found if facts["type"] in ("dir", "file")]

    def _entries_by_name(self, folder: str) -> list[Entry]:
        names = [posixpath.basename(name) for name in self.names(folder)]
        return [Entry(name, self.is_folder(posixpath.join(folder, name))) for name in names if name not in (".", "..")]

    def names(self, folder: str) -> list[str]:
        """What is in a folder, as the server says it: names, or paths."""
        try:
            return self._ftp.nlst(folder) if folder else self._ftp.nlst()
        except ftplib.error_perm as error:
            raise FileNotFoundError(folder) from error

    def is_folder(self, path: str) -> bool:
        here = self._ftp.pwd()
        try:
            self._ftp.cwd(path)
        except ftplib.error_perm:
            return False
        self._ftp.cwd(here)
        return True

    def modified(self, path: str) -> float:
        try:
            answer = self._ftp.sendcmd(f"MDTM {path}")
        except ftplib.error_perm as error:
            raise FileNotFoundError(path) from error
        return datetime.strptime(answer[4:18], "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()

    def fetch(self, path: str, out: IO[bytes]) -> None:
        try:
            self._ftp.retrbinary(f"RETR {path}", out.write, _BLOCK)
        except ftplib.error_perm as error:
            raise FileNotFoundError(f"{path}: {error}") from error

    def store(self, source: IO[bytes], path: str) -> None:
        self._ftp.storbinary(f"STOR {path}", source, _BLOCK)

    def rename(self, path: str, dest: str) -> None:
        try:
            self._ftp.rename(path, dest)
        except ftplib.error_perm:
            # Some servers replace nothing.
            with suppress(ftplib.error_perm):
                self._ftp.delete(dest)
            self._ftp.rename(path, dest)

    def remove_file(self, path: str) -> None:
        try:
            self._ftp.delete(path)
        except ftplib.error_perm as error:
            raise FileNotFoundError(f"{path}: {error}") from error

    def remove_folder(self, path: str) -> None:
        self._ftp.rmd(path)

    def make_folder(self, path: str) -> None:
        self._ftp.mkd(path)

    def close(self) -> None:
        try:
            self._ftp.quit()
        except (OSError, EOFError, ftplib.Error):  # it hung up before we did
            self._ftp.close()


class SftpSession:
    """A connection to an SSH server, for files.

    Args:
        options: what paramiko's ``connect()`` takes beyond the others, and pysftp's names for some of that:
            ``private_key``, ``private_key_pass``, ``cnopts``.
    """

    def __init__(
        self, host: str, port: int, username: str | None, password: str | None, timeout: float, options: dict[str, Any]
    ) -> None:
        try:
            import paramiko
        except ImportError as error:
            raise MissingExtraError("A target at an SFTP server", "sftp") from error
        self._client = paramiko.SSHClient()
        self._client.load_system_host_keys()
        if _checks_no_host_key(options):
            self._client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self._client.connect(
            host, port, username, password, timeout=timeout, banner_timeout=timeout, **_options_of_paramiko(options)
        )
        self._sftp = self._client.open_sftp()
        self._sftp.get_channel().settimeout(timeout)

    def entries(self, folder: str) -> list[Entry]:
        return [
            Entry(each.filename, stat.S_ISDIR(each.st_mode or 0)) for each in self._sftp.listdir_attr(folder or ".")
        ]

    def names(self, folder: str) -> list[str]:
        """The names of what is in a folder."""
        names: list[str] = self._sftp.listdir(folder or ".")
        return names

    def is_folder(self, path: str) -> bool:
        try:
            return stat.S_ISDIR(self._sftp.stat(path).st_mode or 0)
        except FileNotFoundError:
            return False

    def modified(self, path: str) -> float:
        return float(self._sftp.stat(path).st_mtime or 0)

    def fetch(self, path: str, out: IO[bytes]) -> None:
        self._sftp.getfo(path, out)

    def store(self, source: IO[bytes], path: str) -> None:
        self._sftp.putfo(source, path)

    def rename(self, path: str, dest: str) -> None:
        self._sftp.posix_rename(path, dest)

    def remove_file(self, path: str) -> None:
        self._sftp.remove(path)

    def remove_folder(self, path: str) -> None:
        self._sftp.rmdir(path)

    def make_folder(self, path: str) -> None:
        self._sftp.mkdir(path)

    def close(self) -> None:
        self._client.close()


def _checks_no_host_key(options: dict[str, Any]) -> bool:
    """Whether pysftp was told, in its way, to take any host for the one that it says it is."""
    cnopts = options.get("cnopts")
    return cnopts is not None and cnopts.hostkeys is None


def _options_of_paramiko(options: dict[str, Any]) -> dict[str, Any]:
    renamed = {"private_key": "key_filename", "private_key_pass": "passphrase"}
    return {renamed.get(name, name): value for name, value in options.items() if name not in ("cnopts", "log")}
