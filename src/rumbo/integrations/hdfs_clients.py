"""HDFS as a file system: by its web interface, or by the ``hadoop`` command.

``[hdfs] client`` says which: ``webhdfs`` or ``hadoopcli``. The web is quicker, for the command starts a Java machine
each time.
"""

from __future__ import annotations

import getpass
import io
import os
import posixpath
import re
import subprocess
import threading
import warnings
from abc import abstractmethod
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rumbo.errors import ConfigurationError, MissingExtraError
from rumbo.integrations.hdfs_config import hadoopcli, hdfs, load_hadoop_cmd, webhdfs
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
from rumbo.pipeline.formats import InputPipeProcessWrapper

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

_TIMEOUT = 60  # seconds that a node may be silent
_REPLACE_ATTEMPTS = 3
_NOT_THERE = {"FileNotFoundException", "ParentNotDirectoryException"}


class HDFSCliError(FileSystemException):
    """The ``hadoop`` command ended badly.

    Attributes:
        returncode: how it ended.
        stdout: what it printed.
        stderr: what it complained of.
    """

    def __init__(self, command: Sequence[str], returncode: int, stdout: str, stderr: str) -> None:
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr
        super().__init__(f"{subprocess.list2cmdline(command)} ended with status {returncode}:\n{stderr or stdout}")


class HdfsFileSystem(FileSystem):
    """What every way to HDFS can do. Paths may have ``hdfs://namenode`` before them."""

    def rename(self, path: str, dest: str) -> Any:
        """The same as ``move``."""
        return self.move(path, dest)

    def rename_dont_move(self, path: str, dest: str) -> None:
        if self.exists(dest):
            raise FileAlreadyExists(f"Cannot move {path} to {dest}: something is there already.")
        self.move(path, dest)

    def open(self, path: str) -> Any:
        """A stream of the bytes at ``path``; ``FileNotFoundError`` when there is nothing.

        This default brings the file here first.
        """
        import tempfile

        if not self.exists(path):
            raise FileNotFoundError(f"There is nothing at {path}.")
        with tempfile.TemporaryDirectory() as folder:
            here = os.path.join(folder, "file")
            self.get(path, here)
            return open(here, "rb")  # what is open stays readable when its name has gone

    @abstractmethod
    def copy(self, path: str, destination: str) -> None:
        """Copy a file."""

    @abstractmethod
    def listdir(
        self,
        path: str,
        ignore_directories: bool = False,
        ignore_files: bool = False,
        include_size: bool = False,
        include_type: bool = False,
        include_time: bool = False,
        recursive: bool = False,
    ) -> Iterable[Any]:
        """What is in a folder."""

    @abstractmethod
    def put(self, local_path: str, destination: str) -> None:
        """Bring a file of this machine there."""

    @abstractmethod
    def get(self, path: str, local_destination: str) -> None:
        """Bring a file here."""

    @abstractmethod
    def chmod(self, path: str, permissions: str, recursive: bool = False) -> None:
        """Change who may do what: ``"755"``."""

    @abstractmethod
    def chown(self, path: str, owner: str | None, group: str | None, recursive: bool = False) -> None:
        """Change whose it is."""

    @abstractmethod
    def count(self, path: str) -> dict[str, int]:
        """``content_size``, ``dir_count`` and ``file_count`` of all under ``path``."""

    @abstractmethod
    def touchz(self, path: str) -> None:
        """Make an empty file."""

    def publish(self, local_path: str, path: str) -> None:
        """Bring a file of this machine there under a temporary name, and rename it; it appears whole."""
        unfinished = temporary_name(path)
        try:
            self.put(local_path, unfinished)
            self.replace(unfinished, path)
        except BaseException:
            with suppress(Exception):  # the error on its way says more
                self.remove(unfinished)
            raise

    def replace(self, path: str, dest: str) -> None:
        """Rename a file; one at ``dest`` is removed just before, also one that another writer puts there meanwhile."""
        for _ in range(_REPLACE_ATTEMPTS):
            try:
                if self.exists(dest):
                    self.remove(dest, recursive=False, skip_trash=True)
                self.move(path, dest)
                return
            except FileSystemException:
                if not self.exists(path):
                    raise
        self.move(path, dest)


class HdfsClient(HdfsFileSystem):
    """The ``hadoop fs`` command of Hadoop 2 and later."""

    recursive_listdir_cmd: Sequence[str] = ("-ls", "-R")
    _with_parents: Sequence[str] = ("-mkdir", "-p")
    _remove_recursively: Sequence[str] = ("-rm", "-r")

    @staticmethod
    def call_check(command: Sequence[str]) -> str:
        """What a command prints.

        Raises:
            HDFSCliError: it ended badly.
            ConfigurationError: there is no such command.
        """
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            raise ConfigurationError(
                f"There is no command {command[0]}, by which HDFS is asked. Install Hadoop, or name the command under "
                "[hadoop]; or ask the web interface, with client = webhdfs under [hdfs]."
            ) from None
        if done.returncode != 0:
            raise HDFSCliError(command, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def _fs(self, *words: str) -> str:
        return self.call_check([*load_hadoop_cmd(), "fs", *words])

    def exists(self, path: str) -> bool:
        try:
            self._fs("-stat", path)
        except HDFSCliError as error:
            if _says_missing(error):
                return False
            raise
        return True

    def isdir(self, path: str) -> bool:
        try:
            return self._fs("-stat", "%F", path).strip() == "directory"
        except HDFSCliError as error:
            if _says_missing(error):
                return False
            raise

    def open(self, path: str) -> Any:
        if not self.exists(path):
            raise FileNotFoundError(f"There is nothing at {path}.")
        return InputPipeProcessWrapper([*load_hadoop_cmd(), "fs", "-cat", path])

    def move(self, path: str | Sequence[str], dest: str) -> None:
        if isinstance(path, (list, tuple)):
            warnings.warn("Renaming multiple files at once is not atomic.", stacklevel=2)
        else:
            path = [str(path)]
        folder = posixpath.dirname(dest)
        if folder and not self.exists(folder):
            self.mkdir(folder)
        self._fs("-mv", *path, dest)

    def remove(self, path: str, recursive: bool = True, skip_trash: bool = False) -> None:
        words = [*self._remove_recursively] if recursive else ["-rm"]
        self._fs(*words, *(["-skipTrash"] if skip_trash else []), path)

    def chmod(self, path: str, permissions: str, recursive: bool = False) -> None:
        self._fs("-chmod", *(["-R"] if recursive else []), permissions, path)

    def chown(self, path: str, owner: str | None, group: str | None, recursive: bool = False) -> None:
        self._fs("-chown", *(["-R"] if recursive else []), f"{owner or ''}:{group or ''}", path)

    def count(self, path: str) -> dict[str, int]:
        for line in self._fs("-count", path).splitlines():
            if match := re.match(r"\s*(\d+)\s+(\d+)\s+(\d+)\s", line):
                folders, files, size = map(int, match.groups())
                return {"content_size": size, "dir_count": folders, "file_count": files}
        raise FileSystemException(f"{' '.join(load_hadoop_cmd())} fs -count {path} did not print three numbers.")

    def copy(self, path: str, destination: str) -> None:
        self._fs("-cp", path, destination)

    def put(self, local_path: str, destination: str) -> None:
        try:
            self._fs("-put", local_path, destination)
        except HDFSCliError as error:
            folder = posixpath.dirname(destination)
            if not folder or not _says_missing(error):
                raise
            self.mkdir(folder)
            self._fs("-put", local_path, destination)

    def get(self, path: str, local_destination: str) -> None:
        self._fs("-get", path, local_destination)

    def getmerge(self, path: str, local_destination: str, new_line: bool = False) -> None:
        """Bring all files of a folder here, as one; with ``new_line`` a line end after each."""
        self._fs("-getmerge", *(["-nl"] if new_line else []), path, local_destination)

    def mkdir(self, path: str, parents: bool = True, raise_if_exists: bool = False) -> None:
        if parents and raise_if_exists:
            raise NotImplementedError(f"{type(self).__name__}.mkdir() cannot raise_if_exists together with parents.")
        try:
            self._fs(*(self._with_parents if parents else ("-mkdir",)), path)
        except HDFSCliError as error:
            if "File exists" not in error.stderr:
                raise
            if raise_if_exists:
                raise FileAlreadyExists(f"Cannot make the folder {path}: it exists already.") from error

    def listdir(
        self,
        path: str,
        ignore_directories: bool = False,
        ignore_files: bool = False,
        include_size: bool = False,
        include_type: bool = False,
        include_time: bool = False,
        recursive: bool = False,
    ) -> Iterator[Any]:
        """What is in a folder: paths, or tuples of a path and what else was asked for.

        Args:
            path: the folder.
            ignore_directories: leave out folders.
            ignore_files: leave out files.
            include_size: also the number of bytes.
            include_type: also ``"d"`` for folders, ``"-"`` for files.
            include_time: also when it was modified.
            recursive: at any depth.
        """
        words = self.recursive_listdir_cmd if recursive else ("-ls",)
        for line in self._fs(*words, path or ".").splitlines():
            # drwxr-xr-x   - ana staff          0 2024-05-01 10:30 /a path with spaces
            match = re.match(r"([d-])\S+\s+\S+\s+\S+\s+\S+\s+(\d+) (\S+ \S+) (.*)", line)
            if match is None or (ignore_directories if match[1] == "d" else ignore_files):
                continue
            extra = [
                *([int(match[2])] if include_size else []),
                *([match[1]] if include_type else []),
                *([datetime.strptime(match[3], "%Y-%m-%d %H:%M")] if include_time else []),
            ]
            yield (match[4], *extra) if extra else match[4]

    def glob(self, pattern: str) -> list[str]:
        if not has_wildcard(pattern):
            return [pattern] if self.exists(pattern) else []
        folder = fixed_beginning(pattern)
        if not self.exists(folder):
            return []
        matches = glob_expression(pattern).fullmatch
        paths = self.listdir(folder, ignore_directories=True, recursive=True)
        return sorted(path for path in paths if matches(path) and not is_temporary(path))

    def touchz(self, path: str) -> None:
        self._fs("-touchz", path)


class HdfsClientCdh3(HdfsClient):
    """The ``hadoop fs`` command before Hadoop 2: it always makes the folders above."""

    _with_parents = ("-mkdir",)
    _remove_recursively = ("-rmr",)


class HdfsClientApache1(HdfsClientCdh3):
    """The ``hadoop fs`` command of Apache Hadoop 1."""

    recursive_listdir_cmd = ("-lsr",)

    def exists(self, path: str) -> bool:
        try:
            self._fs("-test", "-e", path)
        except HDFSCliError as error:
            if error.returncode != 1:
                raise
            return False
        return True


class WebHdfsClient(HdfsFileSystem):
    """The web interface of HDFS, over the library ``hdfs``.

    Args:
        host: the name node; several, of which one is active, with ``;`` between them. By default ``[hdfs]
            namenode_host``.
        port: where it listens for the web; by default ``[webhdfs] port``.
        user: who to be there; by default ``[hdfs] user``, or who runs this.
        client_type: ``insecure`` or ``kerberos``; by default ``[webhdfs] client_type``.
    """

    answers_in_bulk = True

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        user: str | None = None,
        client_type: str | None = None,
    ) -> None:
        found = host or hdfs().namenode_host
        if not found:
            raise ConfigurationError(
                "Nobody says where the name node of HDFS is: set [hdfs] namenode_host, or pass host to WebHdfsClient."
            )
        self.host: str = found
        self.port = port or webhdfs().port
        self.user = user or webhdfs().user or os.environ.get("HADOOP_USER_NAME") or getpass.getuser()
        self.client_type = client_type or webhdfs().client_type
        self._made: tuple[int, Any] = (0, None)

    @property
    def url(self) -> str:
        """The address of the web interface, or several."""
        return ";".join(f"http://{host}:{self.port}" for host in self.host.split(";"))

    @property
    def client(self) -> Any:
        """The library's client; a forked child gets its own."""
        owner, client = self._made
        if owner != os.getpid():
            client = self._new_client()
            self._made = (os.getpid(), client)
        return client

    def _new_client(self) -> Any:
        try:
            if self.client_type == "kerberos":
                from hdfs.ext.kerberos import KerberosClient

                return KerberosClient(url=self.url, timeout=_TIMEOUT, session=_patient_session())
            from hdfs import InsecureClient
        except ImportError as error:
            raise MissingExtraError("HDFS by its web interface", "hdfs") from error
        return InsecureClient(url=self.url, user=self.user, timeout=_TIMEOUT, session=_patient_session())

    def _status(self, path: str) -> Any:
        """What the name node says of a path; None when there is nothing. Any other answer is an error."""
        client = self.client
        from hdfs.util import HdfsError

        try:
            return client.status(_without_host(path))
        except HdfsError as error:
            if error.exception in _NOT_THERE or "is not a directory" in error.message:
                return None
            raise

    def exists(self, path: str) -> bool:
        return self._status(path) is not None

    def isdir(self, path: str) -> bool:
        status = self._status(path)
        return status is not None and status["type"] == "DIRECTORY"

    def modified(self, path: str) -> float | None:
        """When it was written, in seconds since the epoch; None when there is nothing."""
        status = self._status(path)
        return status["modificationTime"] / 1000 if status else None

    def exists_many(self, paths: Iterable[str]) -> set[str]:
        """Those of ``paths`` that exist; a folder that holds several of them is listed once."""
        folders: dict[str, dict[str, str]] = {}
        for path in paths:
            folder, name = posixpath.split(_without_host(path).rstrip("/"))
            folders.setdefault(folder, {})[name] = path
        found: set[str] = set()
        for folder, names in folders.items():
            if len(names) < 3:
                found.update(path for path in names.values() if self.exists(path))
            elif self._status(folder) is not None:
                found.update(names[name] for name in self.client.list(folder) if name in names)
        return found

    def open(self, path: str) -> Any:
        client = self.client  # the library is there, or an error says so
        from hdfs.util import HdfsError

        try:
            return io.BufferedReader(_WebBytes(client.read(_without_host(path))), 1 << 20)
        except HdfsError as error:
            if error.exception == "FileNotFoundException":
                raise FileNotFoundError(f"There is nothing at {path}.") from error
            raise

    def walk(self, path: str, depth: int = 1) -> Any:
        """Folders with what is in them, as the library's ``walk``."""
        return self.client.walk(path, depth=depth)

    def upload(self, hdfs_path: str, local_path: str, overwrite: bool = False) -> Any:
        """Bring a file or folder of this machine there."""
        return self.client.upload(_without_host(hdfs_path), local_path, overwrite=overwrite)

    def download(self, hdfs_path: str, local_path: str, overwrite: bool = False, n_threads: int = -1) -> Any:
        """Bring a file or folder here."""
        return self.client.download(_without_host(hdfs_path), local_path, overwrite=overwrite, n_threads=n_threads)

    def read(
        self,
        hdfs_path: str,
        offset: int = 0,
        length: int | None = None,
        buffer_size: int | None = None,
        chunk_size: int = 1024,
        buffer_char: str | None = None,
    ) -> Any:
        """As the library's ``read``: a context manager around the pieces.

        Args:
            hdfs_path: the file.
            offset: bytes to leave out at its beginning.
            length: bytes to read; by default all.
            buffer_size: bytes that the node reads at once; by default as it likes.
            chunk_size: bytes of a piece; 0 for a stream instead of pieces.
            buffer_char: where the text is cut, instead of into pieces of a size: ``"\\n"`` for lines.
        """
        pieces: dict[str, Any] = {"chunk_size": chunk_size}
        if buffer_char is not None:
            pieces = {"encoding": "utf-8", "delimiter": buffer_char}
        return self.client.read(
            _without_host(hdfs_path), offset=offset, length=length, buffer_size=buffer_size, **pieces
        )

    def remove(self, hdfs_path: str, recursive: bool = True, skip_trash: bool = False) -> Any:
        if not self.client.delete(_without_host(hdfs_path), recursive=recursive):
            raise FileNotFoundError(f"There is nothing at {hdfs_path}.")
        return True

    def move(self, path: str, dest: str) -> None:
        folder = posixpath.dirname(_without_host(dest).rstrip("/"))
        if folder and not self.exists(folder):
            self.mkdir(folder)
        self.client.rename(_without_host(path), _without_host(dest))

    def replace(self, path: str, dest: str) -> None:
        """Rename a file; one at ``dest`` is replaced, in one step."""
        # The library's own rename() never replaces.
        self.client._rename(_without_host(path), destination=_without_host(dest), renameoptions="OVERWRITE")

    def mkdir(  # type: ignore[override] # Luigi's order of arguments
        self, path: str, parents: bool = True, mode: int = 0o755, raise_if_exists: bool = False
    ) -> None:
        status = self._status(path)
        if status is not None and status["type"] != "DIRECTORY":
            raise NotADirectory(f"Cannot make the folder {path}: there is a file in its way.")
        if status is not None and raise_if_exists:
            raise FileAlreadyExists(f"Cannot make the folder {path}: it exists already.")
        if not parents and not self.exists(posixpath.dirname(_without_host(path).rstrip("/"))):
            raise MissingParentDirectory(
                f"Cannot make the folder {path}: the folder above it does not exist. Pass parents=True to make both."
            )
        self.client.makedirs(_without_host(path), permission=f"{mode:o}")

    def chmod(self, path: str, permissions: str, recursive: bool = False) -> None:
        for each in self._all(path, recursive):
            self.client.set_permission(each, permissions)

    def chown(self, path: str, owner: str | None, group: str | None, recursive: bool = False) -> None:
        for each in self._all(path, recursive):
            self.client.set_owner(each, owner=owner, group=group)

    def count(self, path: str) -> dict[str, int]:
        content = self.client.content(_without_host(path))
        return {
            "content_size": content["length"],
            "dir_count": content["directoryCount"],
            "file_count": content["fileCount"],
        }

    def copy(self, path: str, destination: str) -> None:
        """Copy a file to a path, or into a folder. Its bytes travel through this machine."""
        if self.isdir(destination):
            destination = posixpath.join(destination, posixpath.basename(path))
        unfinished = temporary_name(_without_host(destination))
        with self.open(path) as source:
            self.client.write(unfinished, data=iter(lambda: source.read(1 << 20), b""))
        self.replace(unfinished, destination)

    def put(self, local_path: str, destination: str) -> None:
        with open(local_path, "rb") as source:
            self.client.write(_without_host(destination), data=source, overwrite=True)

    def get(self, path: str, local_destination: str) -> None:
        self.download(path, local_destination)

    def listdir(
        self,
        path: str,
        ignore_directories: bool = False,
        ignore_files: bool = False,
        include_size: bool = False,
        include_type: bool = False,
        include_time: bool = False,
        recursive: bool = False,
    ) -> list[str]:
        """The names of what is in a folder, as Luigi's client gives them."""
        if recursive:
            raise NotImplementedError("WebHdfsClient.listdir() is not recursive: use walk() or glob().")
        names: list[str] = self.client.list(_without_host(path))
        return names

    def glob(self, pattern: str) -> list[str]:
        if not has_wildcard(pattern):
            return [pattern] if self.exists(pattern) else []
        folder = fixed_beginning(pattern)
        bare = _without_host(folder)
        if self._status(bare) is None:
            return []
        matches = glob_expression(pattern).fullmatch
        paths = (
            folder + posixpath.relpath(posixpath.join(above, name), bare)
            for above, _, names in self.client.walk(bare, depth=0)
            for name in names
        )
        return sorted(path for path in paths if matches(path) and not is_temporary(path))

    def touchz(self, path: str) -> None:
        self.client.write(_without_host(path), data="", overwrite=False)

    def _all(self, path: str, recursive: bool) -> list[str]:
        bare = _without_host(path)
        if not recursive:
            return [bare]
        return [bare] + [
            posixpath.join(above, name)
            for above, folders, names in self.client.walk(bare, depth=0)
            for name in [*folders, *names]
        ]


class _WebBytes(io.RawIOBase):
    """What the library reads, as a stream of ours."""

    def __init__(self, reading: AbstractContextManager[Any]) -> None:
        self._reading = reading
        self._source = reading.__enter__()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._source.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._reading.__exit__(None, None, None)


def _patient_session() -> Any:
    """Connections that are tried again: anything that did not reach a node, and questions that one left unanswered."""
    from requests import Session
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    session = Session()
    retries = Retry(
        total=3, backoff_factor=0.2, status_forcelist=(502, 503, 504), allowed_methods=("GET", "HEAD"),
        raise_on_status=False,
    )  # fmt: skip
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retries))
    return session


def _says_missing(error: HDFSCliError) -> bool:
    return "No such file or directory" in error.stderr


def _without_host(path: str) -> str:
    return urlsplit(path, allow_fragments=False).path if "://" in path else path


def create_hadoopcli_client() -> HdfsClient:
    """The client of the command that ``[hadoop] version`` names.

    Raises:
        ConfigurationError: there is none of that version.
    """
    version = hadoopcli().version.lower()
    clients = {"cdh4": HdfsClient, "cdh3": HdfsClientCdh3, "apache1": HdfsClientApache1}
    if version not in clients:
        raise ConfigurationError(f"[hadoop] version is {version!r}: it must be one of {', '.join(clients)}.")
    return clients[version]()


_of_this_thread = threading.local()


def get_autoconfig_client(client_cache: Any = _of_this_thread) -> HdfsFileSystem:
    """The client that ``[hdfs] client`` names: one for each thread.

    Raises:
        ConfigurationError: there is none of that name.
    """
    try:
        client: HdfsFileSystem = client_cache.client
    except AttributeError:
        client = client_cache.client = _configured_client()
    return client


def _configured_client() -> HdfsFileSystem:
    name = hdfs().client
    if name == "webhdfs":
        return WebHdfsClient()
    if name == "hadoopcli":
        return create_hadoopcli_client()
    raise ConfigurationError(f"[hdfs] client is {name!r}: it must be webhdfs or hadoopcli.")
