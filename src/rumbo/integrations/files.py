"""Targets at any address that fsspec knows: s3, gs, abfs, hdfs, sftp, ftp, http, zip and many more.

What is written goes to a file on this machine, and travels when that is closed. A store in which nothing is seen of an
upload before its end (S3, Google, Azure) gets it under its name; in all others it gets a temporary name beside its
own, and is renamed.
"""

from __future__ import annotations

import base64
import os
import re
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import unquote

from rumbo.errors import MissingExtraError, TargetError
from rumbo.integrations.flags import FlaggedFolder
from rumbo.integrations.listing import Page, found_by_listing
from rumbo.pipeline.addresses import scheme_of
from rumbo.pipeline.filesystem import (
    FileAlreadyExists,
    FileSystem,
    MissingParentDirectory,
    NotADirectory,
    is_temporary,
    temporary_name,
)
from rumbo.pipeline.formatted import FormattedTarget
from rumbo.pipeline.target import AtomicLocalFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rumbo.pipeline.formats import Format

Answer = TypeVar("Answer")

_BLOCK = 8 << 20  # bytes of a file that are in memory at once: what is read ahead, what is sent in one part
_MOST_PARTS = 9_000  # S3 allows 10,000
_PAUSES = (0.5, 2.0)  # seconds before another attempt over a new connection

_S3 = frozenset(["s3", "s3a"])
#: Where an upload is nowhere to be seen before it is complete. Folders are what names begin with.
_OBJECT_STORES = _S3 | {"gs", "gcs", "abfs", "abfss", "az"}
_HTTP = frozenset(["http", "https"])
_READ_ONLY = _HTTP | frozenset(["zip", "tar", "libarchive", "github", "git", "data"])


class _Extra(NamedTuple):
    """What to install for a scheme."""

    feature: str
    name: str


_EXTRAS = {
    **dict.fromkeys(["s3", "s3a"], _Extra("s3fs", "s3")),
    **dict.fromkeys(["gs", "gcs"], _Extra("gcsfs", "gcs")),
    **dict.fromkeys(["abfs", "abfss", "az"], _Extra("adlfs", "azure")),
    **dict.fromkeys(["sftp", "ssh"], _Extra("paramiko", "sftp")),
    **dict.fromkeys(["http", "https"], _Extra("aiohttp", "http")),
    "hdfs": _Extra("requests", "hdfs"),
    "webhdfs": _Extra("requests", "hdfs"),
}
_FSSPEC = _Extra("fsspec", "files")


class FsspecFileSystem(FileSystem):
    """One store, as fsspec reaches it. Paths are whole addresses.

    Get it with ``file_system_of``. Connections are fsspec's, one for each process and, where they cannot be shared,
    for each thread; one that broke is made anew.
    """

    answers_in_bulk = True

    def __init__(self, address: str, options: dict[str, Any]) -> None:
        self.scheme = scheme_of(address)
        self._address = address
        self._options = options
        self._class = _class_for(address)
        link, chain, rest = address.partition("::")
        inner = self._inner(address).strip("/")
        before, found, _ = _HTTP_USER.sub(r"\1://", link).rpartition(inner) if inner else (link, link, "")
        self._around = (before if found else f"{self.scheme}://", chain + rest)

    def __repr__(self) -> str:
        return f"FsspecFileSystem({self._around[0]!r})"

    @property
    def is_object_store(self) -> bool:
        """Whether there are no folders, no renames, and no half of an upload."""
        return self.scheme in _OBJECT_STORES

    # Questions

    def exists(self, path: str) -> bool:
        return self._info(path) is not None

    def isdir(self, path: str) -> bool:
        info = self._info(path)
        return info is not None and info["type"] == "directory"

    def modified(self, path: str) -> float | None:
        """When the file was written, in seconds since the epoch; None when the store does not say."""
        try:
            moment = self._try(lambda store: store.modified(self._inner(path)))
        except (FileNotFoundError, NotImplementedError):
            return None
        return moment.timestamp() if moment is not None else None

    def exists_many(self, paths: Iterable[str]) -> set[str]:
        """Those of ``paths`` that exist, by listing: a page of S3 answers for a thousand of them."""
        asked = {self._inner(path): path for path in paths}
        if self.scheme in _S3:
            return {asked[inner] for inner in self._found_in_buckets(asked)}
        found: set[str] = set()
        for folder, inners in _by_folder(asked).items():
            if len(inners) < 3:
                found.update(inner for inner in inners if self.exists(asked[inner]))
            else:
                found.update(inners & self._names_in(folder))
        return {asked[inner] for inner in found}

    def listdir(self, path: str) -> Iterator[str]:
        inner = self._inner(path)
        try:
            names = self._try(lambda store: store.find(inner))
        except FileNotFoundError:
            return
        for name in names:
            yield self._outer(name)

    # Changes

    def mkdir(self, path: str, parents: bool = True, raise_if_exists: bool = False) -> None:
        if self.is_object_store:
            return  # a folder exists as soon as something is in it
        info = self._info(path)
        if info is not None:
            if raise_if_exists:
                raise FileAlreadyExists(f"Cannot make the folder {path}: it exists already.")
            if info["type"] != "directory":
                raise NotADirectory(f"Cannot make the folder {path}: there is a file in its way.")
            return
        inner = self._inner(path)
        if parents:
            try:
                self._try(lambda store: store.makedirs(inner, exist_ok=True))
            except Exception:
                if not self.isdir(path):  # else somebody else made it, between our look and our making it
                    raise
            return
        if not self.isdir(_parent(path)):
            raise MissingParentDirectory(
                f"Cannot make the folder {path}: the folder above it does not exist. Pass parents=True to make both."
            )
        self._try(lambda store: store.mkdir(inner, create_parents=False))

    def remove(self, path: str, recursive: bool = True, skip_trash: bool = True) -> None:
        self._refuse_if_read_only(path, "remove")
        inner = self._inner(path)
        if recursive and self.isdir(path):
            self._try(lambda store: store.rm(inner, recursive=True))
        else:
            self._try(lambda store: store.rm_file(inner))

    def move(self, path: str, dest: str) -> None:
        """Move a file or folder; a file at ``dest`` is replaced. In an object store it is copied, and then removed."""
        self._refuse_if_read_only(dest, "write")
        source, target = self._inner(path), self._inner(dest)
        if self.is_object_store and not self.isdir(path):
            self._try(lambda store: store.cp_file(source, target))
            self._try(lambda store: store.rm_file(source))
            return
        if self.is_object_store:
            self._try(lambda store: store.mv(source, target, recursive=True))
            return
        self._make_folder_of(dest)
        self._try(lambda store: store.mv(source, target))

    def rename_dont_move(self, path: str, dest: str) -> None:
        if self.exists(dest):
            raise FileAlreadyExists(f"Cannot move {path} to {dest}: something is there already.")
        self.move(path, dest)

    def copy(self, path: str, dest: str) -> None:
        """Copy a file. Where the store cannot do that itself, the bytes travel through this machine."""
        self._refuse_if_read_only(dest, "write")
        if self.is_object_store:
            self._try(lambda store: store.cp_file(self._inner(path), self._inner(dest)))
            return
        import shutil

        with self.open(path) as source, _Upload(dest, self) as out:
            shutil.copyfileobj(source, out, 1 << 20)

    def open(self, path: str) -> Any:
        """A stream of the bytes at ``path``.

        Raises:
            FileNotFoundError: there is nothing.
        """
        inner = self._inner(path)
        if self.scheme == "ftp":
            return self._fetched(inner)
        return self._try(lambda store: _opened(store, inner))

    def put(self, local_path: str, path: str) -> None:
        """Bring a file of this machine to ``path``, where it appears whole."""
        self._refuse_if_read_only(path, "write")
        inner = self._inner(path)
        options = self._upload_options(os.path.getsize(local_path))
        if self.is_object_store:
            self._try(lambda store: store.put_file(local_path, inner, **options))
            return
        self._make_folder_of(path)
        unfinished = temporary_name(inner)
        try:
            self._try(lambda store: store.put_file(local_path, unfinished, **options))
            self._try(lambda store: store.mv(unfinished, inner))
        except BaseException:
            with suppress(Exception):  # the error on its way says more than that nothing was there to be removed
                self.store.rm_file(unfinished)
            raise

    # What fsspec wants to know

    @property
    def store(self) -> Any:
        """fsspec's own file system, for this process and thread. It answers from the store, never from memory."""
        address, options = _login_apart(self._address, self._options)
        if "::" in address:
            from fsspec.core import url_to_fs

            store = url_to_fs(address, **options)[0]
        else:
            store = self._class(**{**self._class._get_kwargs_from_urls(address), **options})
        store.invalidate_cache()
        return store

    def _inner(self, path: str) -> str:
        inner: str = self._class._strip_protocol(path.split("::")[0])
        return _HTTP_USER.sub(r"\1://", inner)

    def _outer(self, inner: str) -> str:
        before, after = self._around
        return f"{before}{inner.lstrip('/')}{after}"

    def _info(self, path: str) -> dict[str, Any] | None:
        # Not fsspec's exists(): to that any error, of the network too, means "no".
        inner = self._inner(path)
        try:
            info: dict[str, Any] = self._try(lambda store: store.info(inner))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return info

    def _try(self, operation: Callable[[Any], Answer]) -> Answer:
        """Do something with the store, again over a new connection where the old one broke."""
        for pause in _PAUSES:
            try:
                return self._do(operation)
            except Exception as error:
                if not _is_broken_connection(error):
                    raise
            self._class.clear_instance_cache()
            time.sleep(pause)
        return self._do(operation)

    def _do(self, operation: Callable[[Any], Answer]) -> Answer:
        try:
            return operation(self.store)
        except FileNotFoundError as error:
            hidden = _hidden_in(error) if self.scheme in _HTTP else None
            if hidden is not None:
                raise hidden from None
            raise

    def _found_in_buckets(self, inners: Iterable[str]) -> Iterator[str]:
        buckets: dict[str, list[str]] = {}
        for inner in inners:
            bucket, _, key = inner.partition("/")
            buckets.setdefault(bucket, []).append(key)
        for bucket, keys in buckets.items():
            for key in found_by_listing(keys, partial(self._page, bucket)):
                yield f"{bucket}/{key}"

    def _page(self, bucket: str, prefix: str, behind: str) -> Page:
        answer = self._try(
            lambda store: store.call_s3("list_objects_v2", Bucket=bucket, Prefix=prefix, StartAfter=behind)
        )
        return Page([entry["Key"] for entry in answer.get("Contents", [])], not answer["IsTruncated"])

    def _names_in(self, folder: str) -> set[str]:
        try:
            return {entry["name"] for entry in self._try(lambda store: store.ls(folder, detail=True))}
        except (FileNotFoundError, NotADirectoryError):
            return set()

    def _make_folder_of(self, path: str) -> None:
        folder = _parent(path)
        if self._inner(folder).strip("/"):
            self.mkdir(folder)

    def _fetched(self, inner: str) -> Any:
        """The file, brought here first: FTP reads from a place in the middle by breaking a transfer off."""
        import tempfile

        if self._try(lambda store: store.info(inner))["type"] == "directory":
            raise FileNotFoundError(f"{self._outer(inner)} is a folder.")
        spool = tempfile.TemporaryFile()  # noqa: SIM115 (whoever reads it closes it)
        try:
            self._try(lambda store: _fetch(store, inner, spool))
        except BaseException:
            spool.close()
            raise
        spool.seek(0)
        return spool

    def _upload_options(self, size: int) -> dict[str, int]:
        part = max(_BLOCK, size // _MOST_PARTS + 1)
        if self.scheme in _S3:
            return {"chunksize": part, "max_concurrency": 2}
        if self.scheme in ("gs", "gcs"):
            return {"chunksize": part - part % (1 << 18)}  # whole multiples of 256 KiB, says Google
        if self.scheme == "ftp":
            return {"block_size": part}
        return {}

    def _refuse_if_read_only(self, path: str, operation: str) -> None:
        if self.scheme in _READ_ONLY:
            raise TargetError(
                f"Cannot {operation} {path}: what is at {self.scheme}:// can only be read. "
                "Let the task write somewhere else."
            )


class _Upload(AtomicLocalFile):
    """A file here, to be brought to its store when it is closed."""

    def __init__(self, path: str, fs: FsspecFileSystem) -> None:
        fs._refuse_if_read_only(path, "write")
        super().__init__(path)
        self._fs = fs

    def move_to_final_destination(self) -> None:
        self._fs.put(self.tmp_path, self.path)


class FsspecTarget(FormattedTarget):
    """A file at an address. ``rumbo.Target(address)`` makes it.

    A password in the address is taken out of it: neither ``path`` nor anything printed has it.

    Args:
        path: the address: ``s3://bucket/key``, ``sftp://user@host/path``, ``zip://member.csv::s3://bucket/a.zip``.
        format: how its bytes are read and written; text by default.
        options: what fsspec shall tell the store, beyond what it finds in the usual places of each store's own
            library: ``key``, ``secret``, ``endpoint_url`` for S3; ``username``, ``password``, ``port`` for servers.
    """

    def __init__(self, path: str | os.PathLike[str], format: Format | None = None, **options: Any) -> None:
        address, secrets = without_passwords(str(path))
        super().__init__(address, format)
        self._options = {**secrets, **options}

    @property
    def fs(self) -> FsspecFileSystem:
        """The store. Targets with one store and the same options have it in common."""
        return file_system_of(self.path, self._options)

    def bytes_to_read(self) -> Any:
        return self.fs.open(self.path)

    def bytes_to_write(self) -> _Upload:
        return _Upload(self.path, self.fs)

    def modified(self) -> float | None:
        """When the file was written; None when it is not there or the store does not say."""
        return self.fs.modified(self.existence_path)


class FsspecDirectoryTarget(FlaggedFolder, FsspecTarget):
    """A folder at an address that ends in a slash. It exists when its flag file does.

    Args:
        path: the address.
        format: the format of the files that ``file()`` gives.
        flag: the name of the flag file.
        options: as of ``FsspecTarget``.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        format: Format | None = None,
        flag: str = "_SUCCESS",
        **options: Any,
    ) -> None:
        super().__init__(str(path).rstrip("/") + "/", format, **options)
        self.flag = flag

    def file(self, name: str) -> FsspecTarget:
        """A file in the folder."""
        return FsspecTarget(self.path + name, self.format, **self._options)

    def files(self) -> list[str]:
        """The sorted addresses of all files in the folder, at any depth, but for the flag and what is unfinished."""
        flag = self.existence_path
        return sorted(path for path in self.fs.listdir(self.path) if path != flag and not is_temporary(path))

    def open(self, mode: str = "r") -> Any:
        """A folder cannot be opened.

        Raises:
            TargetError: always.
        """
        raise TargetError(
            f"{self.path} is a folder and cannot be opened. Write it file by file through file(name).open('w') and, "
            "at the end, mark_done(); read it through files()."
        )

    def seal(self, path: str) -> None:
        with _Upload(path.rstrip("/") + "/" + self.flag, self.fs):
            pass

    def mark_done(self) -> None:
        """Say that the folder is whole."""
        self.seal(self.path)

    def remove(self) -> None:
        """Remove the folder; first of all its flag, so that a part of it never counts as existing."""
        if self.exists():
            self.fs.remove(self.existence_path)
        if self.fs.exists(self.path):
            self.fs.remove(self.path)

    def _touchz(self) -> None:
        self.mark_done()


def target_at(address: str, format: Format | None = None, **options: Any) -> FsspecTarget:
    """The target at an address; one that ends in a slash is a folder."""
    if address.split("::")[0].endswith("/"):
        return FsspecDirectoryTarget(address, format, **options)
    return FsspecTarget(address, format, **options)


_file_systems: dict[str, FsspecFileSystem] = {}


def file_system_of(address: str, options: dict[str, Any]) -> FsspecFileSystem:
    """The store that an address belongs to: the same object for all its addresses.

    Raises:
        MissingExtraError: a library that the scheme needs is not installed.
        TargetError: fsspec does not know the scheme.
    """
    key = repr((_store_part(address), sorted(options.items())))
    if key not in _file_systems:
        _file_systems[key] = FsspecFileSystem(address, options)
    return _file_systems[key]


def without_passwords(address: str) -> tuple[str, dict[str, Any]]:
    """An address without the passwords in it, and these as options for fsspec."""
    found = {match[1]: unquote(match[3]) for match in _PASSWORD.finditer(address)}
    if not found:
        return address, {}
    bare = _PASSWORD.sub(r"\1://\2@", address)
    if "::" in address:
        return bare, {scheme: {"password": password} for scheme, password in found.items()}
    return bare, {"password": next(iter(found.values()))}


_PASSWORD = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://([^/@:]*):([^/@]*)@")


_HTTP_USER = re.compile(r"(https?)://([^/@:]*)@")


def _login_apart(address: str, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """An address without who asks a web server, and the options with that: its library wants it apart."""
    found = _HTTP_USER.search(address)
    if found is None:
        return address, options
    scheme = found[1]
    own = dict(options.get(scheme, {}) if "::" in address else options)
    login = base64.b64encode(f"{unquote(found[2])}:{own.pop('password', '')}".encode()).decode()
    further = own.get("client_kwargs", {})
    own["client_kwargs"] = {**further, "headers": {"Authorization": f"Basic {login}", **further.get("headers", {})}}
    bare = address.replace(found[0], f"{scheme}://", 1)
    return bare, ({**options, scheme: own} if "::" in address else own)


def _store_part(address: str) -> str:
    """What all addresses of one store have in common."""
    link, _, rest = address.partition("::")
    scheme, _, path = link.partition("://")
    if rest:  # an archive: what is in front is a path in it
        return f"{scheme}::{rest}"
    if scheme in _OBJECT_STORES and "@" not in path:  # any bucket
        return scheme
    return f"{scheme}://{path.partition('/')[0]}"


def _class_for(address: str) -> Any:
    scheme = scheme_of(address)
    extra = _EXTRAS.get(scheme, _FSSPEC)
    try:
        if scheme in ("hdfs", "webhdfs"):
            from rumbo.integrations.hdfs_of_fsspec import HdfsOverTheWeb

            return HdfsOverTheWeb
        if scheme in ("gs", "gcs"):  # the plain one: what gcsfs puts before it speaks gRPC, which no fork survives
            from gcsfs.core import GCSFileSystem

            return GCSFileSystem
        if scheme == "ftp":
            from rumbo.integrations.ftp_of_fsspec import CarefulFtpFileSystem

            return CarefulFtpFileSystem
        from fsspec.registry import get_filesystem_class

        return get_filesystem_class(scheme)
    except ValueError:
        raise TargetError(
            f"{address}: nobody knows the scheme {scheme}://. Is it misspelled? "
            "fsspec.available_protocols() lists those that there are."
        ) from None
    except ImportError as error:
        raise MissingExtraError(f"A target at {scheme}://", extra.name) from error


def _by_folder(inners: Iterable[str]) -> dict[str, set[str]]:
    folders: dict[str, set[str]] = {}
    for inner in inners:
        folders.setdefault(inner.rpartition("/")[0] or "/", set()).add(inner)
    return folders


def _parent(path: str) -> str:
    return path.rstrip("/").rpartition("/")[0]


def _hidden_in(error: FileNotFoundError) -> BaseException | None:
    """The error proper, where fsspec says "not found" of a web server that did not answer, or was in trouble."""
    cause = error.__cause__
    if cause is None or isinstance(cause, FileNotFoundError) or getattr(cause, "status", None) in (404, 410):
        return None
    return cause


def _is_broken_connection(error: Exception) -> bool:
    import ftplib

    if isinstance(error, (ConnectionError, EOFError, TimeoutError, ftplib.error_temp)):
        return True
    if isinstance(error, OSError) and "Socket is closed" in str(error):  # paramiko's, without a number
        return True
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "AuthenticationException" in kinds:
        return False
    # Of paramiko, aiohttp and requests, none of which need be installed.
    return bool(kinds & {"SSHException", "ClientConnectionError", "ConnectionError", "Timeout"})


def _opened(store: Any, inner: str) -> Any:
    stream = store.open(inner, "rb", block_size=_BLOCK)
    with suppress(AttributeError):
        stream.opened_by = store  # an archive is closed when nobody knows it any more
    return stream


def _fetch(store: Any, inner: str, spool: Any) -> None:
    spool.seek(0)
    spool.truncate()
    store.get_file(inner, spool)
