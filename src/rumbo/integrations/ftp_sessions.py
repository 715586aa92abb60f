"""Connections to servers of files, FTP and SFTP alike to who uses them."""

from __future__ import annotations

import ftplib
import posixpath
import stat
from contextlib import suppress
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

from rumbo.errors import MissingExtraError
from rumbo.integrations.ftp_tls import TlsWithOneSession, connect, context_for

if TYPE_CHECKING:
    import ssl

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


def _tell_if_missing(error: ftplib.Error, path: str) -> None:
    """Raise what a refusal means, if that is that there is nothing at a path."""
    # 450 is what RFC 959 lets a listing say, and ProFTPD does.
    if str(error)[:3] in ("550", "450"):
        raise FileNotFoundError(f"{path}: {error}") from error


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
        credentials = (username or "", password or "")
        if tls:
            secure = TlsWithOneSession(context=context_for(tls), encoding="utf-8")
            self._ftp: ftplib.FTP = secure
            connect(secure, host, port, timeout, *credentials)
            return
        self._ftp = ftplib.FTP(encoding="utf-8")
        self._ftp.connect(host, port, timeout=timeout)
        try:
            self._ftp.login(*credentials)
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
        except (ftplib.error_perm, ftplib.error_temp) as error:
            _tell_if_missing(error, folder)
            raise

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
            _tell_if_missing(error, path)
            raise

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
            _tell_if_missing(error, path)
            raise

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
