"""Targets on servers that speak FTP, FTP over TLS, or SFTP.

Each operation has a connection of its own, for servers end idle ones; one that breaks is tried again from its
beginning. ``rumbo.Target("ftp://host/path")`` and ``rumbo.Target("sftp://host/path")`` are the shorter way.
"""

from __future__ import annotations

import ftplib
import os
import posixpath
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import IO, TYPE_CHECKING, Any, TypeVar

from rumbo.integrations.ftp_sessions import FtpSession, Session, SftpSession
from rumbo.pipeline.filesystem import (
    FileAlreadyExists,
    FileSystem,
    FileSystemException,
    MissingParentDirectory,
    NotADirectory,
    fixed_beginning,
    glob_expression,
    has_wildcard,
    is_temporary,
    temporary_name,
)
from rumbo.pipeline.formatted import FormattedTarget
from rumbo.pipeline.target import AtomicLocalFile, Footprint

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator

    from rumbo.pipeline.formats import Format

Answer = TypeVar("Answer")

_PAUSES = (0.5, 2.0)  # seconds before another attempt over a new connection


class RemoteFileSystem(FileSystem):
    """The files of a server.

    Args:
        host: its name or address.
        username: who to be there; nobody in particular without one.
        password: of that user.
        port: by default 21, or 22 with ``sftp``.
        tls: encrypt what travels. The server's certificate is checked against what the system trusts and the
            configuration names; an ``ssl.SSLContext`` says otherwise what is trusted.
        timeout: seconds that the server may be silent.
        sftp: speak SFTP instead of FTP.
        pysftp_conn_kwargs: with ``sftp``, more for the connection, such as ``private_key``: the path of a key's file.
    """

    answers_in_bulk = True

    def __init__(
        self,
        host: str,
        username: str | None = None,
        password: str | None = None,
        port: int | None = None,
        tls: bool | ssl.SSLContext = False,
        timeout: float = 60,
        sftp: bool = False,
        pysftp_conn_kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.host = host
        self.username = username
        self.password = password
        self.port = port or (22 if sftp else 21)
        self.tls = tls
        self.timeout = timeout
        self.sftp = sftp
        self.pysftp_conn_kwargs = pysftp_conn_kwargs or {}

    # Questions

    def exists(self, path: str, mtime: Any = None) -> bool:
        """Whether there is a file or folder; with ``mtime``, whether it was also modified later than that.

        Args:
            path: its path.
            mtime: seconds since the epoch, or a datetime: one without a time zone is UTC.
        """
        if mtime is not None:
            modified = self.modified(path)
            return modified is not None and modified > _seconds(mtime)
        return bool(self.exists_many([path]))

    def exists_many(self, paths: Iterable[str]) -> set[str]:
        """Those of ``paths`` that exist, by listing each folder once."""
        folders: dict[str, dict[str, str]] = {}
        found = set()
        for path in paths:
            folder, name = posixpath.split(path.rstrip("/"))
            if name:
                folders.setdefault(folder, {})[name] = path
            else:
                found.add(path)  # the root
        for folder, names in folders.items():
            listed = self._do(partial(_names_in, folder))
            found.update(path for name, path in names.items() if name in listed)
        return found

    def isdir(self, path: str) -> bool:
        return self._do(lambda session: session.is_folder(path))

    def modified(self, path: str) -> float | None:
        """When the file was written, in seconds since the epoch; None when there is none."""
        try:
            return self._do(lambda session: session.modified(path))
        except FileNotFoundError:
            return None

    def listdir(self, path: str = ".") -> list[str]:
        """What is in a folder, as the server says it: names, or paths. Not what is in folders below it."""
        return self._do(lambda session: session.names(path))

    def glob(self, pattern: str) -> list[str]:
        if not has_wildcard(pattern):
            return [pattern] if self.exists(pattern) else []
        matches = glob_expression(pattern).fullmatch
        files = self._do(lambda session: list(_files_under(session, fixed_beginning(pattern))))
        return sorted(path for path in files if matches(path) and not is_temporary(path))

    # Changes

    def mkdir(self, path: str, parents: bool = True, raise_if_exists: bool = False) -> None:
        def make(session: Session) -> None:
            if session.is_folder(path):
                if raise_if_exists:
                    raise FileAlreadyExists(f"Cannot make the folder {path}: it exists already.")
                return
            above = posixpath.dirname(path.rstrip("/"))
            if not parents and above and not session.is_folder(above):
                raise MissingParentDirectory(
                    f"Cannot make the folder {path}: the folder above it does not exist. "
                    "Pass parents=True to make both."
                )
            _make_folders(session, path)

        self._do(make)

    def remove(self, path: str, recursive: bool = True, skip_trash: bool = True) -> None:
        """Remove a file, or a folder; with all in it if ``recursive``."""

        def remove(session: Session) -> None:
            if not session.is_folder(path):
                session.remove_file(path)
            elif recursive:
                _remove_tree(session, path)
            else:
                session.remove_folder(path)

        self._do(remove)

    def move(self, path: str, dest: str) -> None:
        def move(session: Session) -> None:
            _make_folders(session, posixpath.dirname(dest))
            session.rename(path, dest)

        self._do(move)

    def rename_dont_move(self, path: str, dest: str) -> None:
        if self.exists(dest):
            raise FileAlreadyExists(f"Cannot move {path} to {dest}: something is there already.")
        self.move(path, dest)

    def copy(self, path: str, dest: str) -> None:
        """Copy a file. Its bytes travel through this machine, for neither FTP nor SFTP can copy."""
        with self.fetched(path) as source:
            self._store(source, dest, atomic=True)

    # Between here and there

    def put(self, local_path: str, path: str, atomic: bool = True) -> None:
        """Bring a file of this machine there. It appears when it is whole, unless ``atomic`` is false."""
        with open(local_path, "rb") as source:
            self._store(source, path, atomic)

    def get(self, path: str, local_path: str) -> None:
        """Bring a file here, where it appears when it is whole."""
        folder = os.path.dirname(local_path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        unfinished = temporary_name(local_path)
        try:
            with open(unfinished, "wb") as out:
                self._do(lambda session: _fetch_anew(session, path, out))
            os.replace(unfinished, local_path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.remove(unfinished)
            raise

    def fetched(self, path: str) -> IO[bytes]:
        """The bytes of a file, in a file here that has no name and vanishes when it is closed."""
        import tempfile

        spool = tempfile.TemporaryFile()  # noqa: SIM115 (whoever reads it closes it)
        try:
            self._do(lambda session: _fetch_anew(session, path, spool))
        except BaseException:
            spool.close()
            raise
        spool.seek(0)
        return spool

    def _store(self, source: IO[bytes], path: str, atomic: bool) -> None:
        unfinished = temporary_name(path) if atomic else path

        def store(session: Session) -> None:
            _make_folders(session, posixpath.dirname(path))
            source.seek(0)
            try:
                session.store(source, unfinished)
                if atomic:
                    session.rename(unfinished, path)
            except BaseException:
                with suppress(Exception):  # the error on its way says more
                    session.remove_file(unfinished)
                raise

        self._do(store)

    # Connections

    def _do(self, operation: Callable[[Session], Answer]) -> Answer:
        """Do something over a connection, again over another one where it broke."""
        for pause in _PAUSES:
            try:
                with self._connected() as session:
                    return operation(session)
            except (ConnectionError, TimeoutError, EOFError, ftplib.error_temp):
                time.sleep(pause)
        with self._connected() as session:
            return operation(session)

    @contextmanager
    def _connected(self) -> Iterator[Session]:
        session: Session
        if self.sftp:
            session = SftpSession(
                self.host, self.port, self.username, self.password, self.timeout, self.pysftp_conn_kwargs
            )
        else:
            session = FtpSession(self.host, self.port, self.username, self.password, self.tls, self.timeout)
        try:
            yield session
        finally:
            session.close()


def _names_in(folder: str, session: Session) -> set[str]:
    try:
        return {posixpath.basename(name) for name in session.names(folder)}
    except FileNotFoundError:
        return set()


def _files_under(session: Session, folder: str) -> Iterator[str]:
    try:
        entries = session.entries(folder)
    except FileNotFoundError:
        return
    for entry in entries:
        path = posixpath.join(folder, entry.name)
        if entry.is_folder:
            yield from _files_under(session, path)
        else:
            yield path


def _remove_tree(session: Session, folder: str) -> None:
    for entry in session.entries(folder):
        path = posixpath.join(folder, entry.name)
        if entry.is_folder:
            _remove_tree(session, path)
        else:
            session.remove_file(path)
    session.remove_folder(folder)


def _make_folders(session: Session, path: str) -> None:
    path = path.rstrip("/")
    if not path or session.is_folder(path):
        return
    _make_folders(session, posixpath.dirname(path))
    try:
        session.make_folder(path)
    except (OSError, ftplib.error_perm) as error:
        if session.is_folder(path):
            return  # somebody else made it, between our look and our making it
        if posixpath.basename(path) in _names_in(posixpath.dirname(path), session):
            raise NotADirectory(f"Cannot make the folder {path}: there is a file in its way.") from error
        raise FileSystemException(f"Cannot make the folder {path}: {error}") from error


def _fetch_anew(session: Session, path: str, out: IO[bytes]) -> None:
    out.seek(0)
    out.truncate()
    session.fetch(path, out)


def _seconds(moment: Any) -> float:
    if not isinstance(moment, datetime):
        return float(moment)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class AtomicFtpFile(AtomicLocalFile):
    """A file here, to be brought to a server when it is closed."""

    def __init__(self, fs: RemoteFileSystem, path: str) -> None:
        self._fs = fs
        super().__init__(path)

    @property
    def fs(self) -> RemoteFileSystem:
        return self._fs

    def move_to_final_destination(self) -> None:
        self._fs.put(self.tmp_path, self.path)


class RemoteTarget(FormattedTarget):
    """A file on a server.

    Args:
        path: its path there.
        host: the server.
        format: how its bytes are read and written; text by default.
        mtime: exist only when modified later than that; as of ``RemoteFileSystem.exists``.
        username, password, port, tls, timeout, sftp, pysftp_conn_kwargs: as of ``RemoteFileSystem``.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        host: str,
        format: Format | None = None,
        username: str | None = None,
        password: str | None = None,
        port: int | None = None,
        mtime: Any = None,
        tls: bool | ssl.SSLContext = False,
        timeout: float = 60,
        sftp: bool = False,
        pysftp_conn_kwargs: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(path, format)
        self.mtime = mtime
        self.tls = tls
        self.timeout = timeout
        self.sftp = sftp
        self._fs = _file_system_of(host, username, password, port, tls, timeout, sftp, pysftp_conn_kwargs)
        if mtime is not None:
            # An exists() of its own: it is then not asked together with others.
            self.exists = self._exists_since  # type: ignore[method-assign]

    @property
    def fs(self) -> RemoteFileSystem:
        """The server's files. Targets that reach it in one way have it in common."""
        return self._fs

    def _exists_since(self) -> bool:
        return self.fs.exists(self.path, self.mtime)

    def footprint(self) -> Footprint:
        """The address, without who asks."""
        return Footprint(f"{'sftp' if self.sftp else 'ftp'}://{self.fs.host}/{self.path.lstrip('/')}")

    def modified(self) -> float | None:
        """When the file was written; None when it is not there."""
        return self.fs.modified(self.path)

    def bytes_to_read(self) -> IO[bytes]:
        return self.fs.fetched(self.path)

    def bytes_to_write(self) -> AtomicFtpFile:
        return AtomicFtpFile(self.fs, self.path)

    def put(self, local_path: str, atomic: bool = True) -> None:
        """Bring a file of this machine there."""
        self.fs.put(local_path, self.path, atomic)

    def get(self, local_path: str) -> None:
        """Bring the file here."""
        self.fs.get(self.path, local_path)


_file_systems: dict[str, RemoteFileSystem] = {}


def _file_system_of(*arguments: Any) -> RemoteFileSystem:
    """The files of a server: the same object for the same way to it, so that its targets are asked together."""
    key = repr(arguments)
    if key not in _file_systems:
        _file_systems[key] = RemoteFileSystem(*arguments)
    return _file_systems[key]
