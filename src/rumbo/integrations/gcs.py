"""Targets in Google Cloud Storage, over Google's own library.

Who you are there is found where Google's programs look: ``GOOGLE_APPLICATION_CREDENTIALS``, what ``gcloud auth`` left
behind, or the machine's own account.
"""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any

from rumbo.errors import MissingExtraError, TargetError
from rumbo.integrations.buckets import BucketPaths
from rumbo.integrations.flags import FlaggedFolder
from rumbo.integrations.listing import Page, found_by_listing
from rumbo.pipeline.filesystem import FileAlreadyExists, FileSystem, FileSystemException, MissingParentDirectory
from rumbo.pipeline.formatted import FormattedTarget
from rumbo.pipeline.target import AtomicLocalFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rumbo.pipeline.formats import Format

CHUNKSIZE = 10 * 1024 * 1024  # bytes sent in each request; a multiple of 256 KiB
DEFAULT_MIMETYPE = "application/octet-stream"

_TIMEOUT = 60  # seconds that the store may be silent; its library tries again what may be tried again


class InvalidDeleteException(FileSystemException):
    """A whole bucket, or a folder without ``recursive``, was to be removed."""


class GCSClient(BucketPaths, FileSystem):
    """Google Cloud Storage as a file system. Paths are ``gs://bucket/name``; folders are what names begin with.

    Args:
        oauth_credentials: credentials of the library google-auth; by default found in the usual places.
        descriptor: without meaning; Luigi's programs pass a description of the service in it.
        http_: without meaning; Luigi's programs pass a connection.
        chunksize: bytes sent in each request.
        options: what ``google.cloud.storage.Client`` takes, such as ``project``.
    """

    answers_in_bulk = True

    def __init__(
        self,
        oauth_credentials: Any = None,
        descriptor: str = "",
        http_: Any = None,
        chunksize: int = CHUNKSIZE,
        **options: Any,
    ) -> None:
        self.chunksize = chunksize
        self._options = {**options, "credentials": oauth_credentials}
        self._made: tuple[int, Any] = (0, None)

    @property
    def client(self) -> Any:
        """Google's client; a forked child gets its own."""
        owner, client = self._made
        if owner != os.getpid():
            client = _storage_client(self._options)
            self._made = (os.getpid(), client)
        return client

    # Questions

    def exists(self, path: str) -> bool:
        bucket, name = self._path_to_bucket_and_key(path)
        if self._is_root(name):
            return bool(self.client.bucket(bucket).exists(timeout=_TIMEOUT))
        return self._blob(path).exists(timeout=_TIMEOUT) or self.isdir(path)

    def isdir(self, path: str) -> bool:
        bucket, name = self._path_to_bucket_and_key(path)
        if self._is_root(name):
            return bool(self.client.bucket(bucket).exists(timeout=_TIMEOUT))
        return bool(self._page(bucket, self._add_path_delimiter(name), "", 1).keys)

    def exists_many(self, paths: Iterable[str]) -> set[str]:
        """Those of ``paths`` that exist, by listing: a thousand neighbours are one request."""
        buckets: dict[str, dict[str, str]] = {}
        for path in paths:
            bucket, name = self._path_to_bucket_and_key(path)
            buckets.setdefault(bucket, {})[name] = path
        found: set[str] = set()
        for bucket, names in buckets.items():
            asked = [name for name in names if not self._is_root(name)]
            found.update(path for name, path in names.items() if self._is_root(name) and self.exists(path))
            page_after = self._pages_of(bucket)
            found.update(names[name] for name in found_by_listing(asked, page_after))
        return found

    def modified(self, path: str) -> float | None:
        """When the object was written, in seconds since the epoch; None when there is none."""
        blob = self._found(path)
        return blob.updated.timestamp() if blob is not None else None

    def listdir(self, path: str) -> Iterator[str]:
        bucket, name = self._path_to_bucket_and_key(path)
        prefix = self._add_path_delimiter(name)
        for blob in self.client.list_blobs(bucket, prefix=prefix, timeout=_TIMEOUT):
            yield self._add_path_delimiter(path) + blob.name[len(prefix) :]

    def list_wildcard(self, wildcard_path: str) -> Iterator[str]:
        """The paths that match; ``*`` may stand once, behind the last slash, for anything."""
        folder, _, pattern = wildcard_path.rpartition("/")
        if "*" in folder or pattern.count("*") != 1:
            raise TargetError(f"{wildcard_path}: there must be one *, behind the last slash. glob() can do more.")
        start, end = pattern.split("*")
        for path in self.listdir(folder):
            name = path[len(folder) + 1 :]
            if len(name) >= len(start) + len(end) and name.startswith(start) and name.endswith(end):
                yield path

    # Changes

    def mkdir(self, path: str, parents: bool = True, raise_if_exists: bool = False) -> None:
        """Put a mark that says that there is a folder. Nothing needs it but who looks for empty ones."""
        if self.exists(path):
            if raise_if_exists:
                raise FileAlreadyExists(f"Cannot make the folder {path}: it exists already.")
            return
        if not parents and not self.exists(path.rstrip("/").rpartition("/")[0]):
            raise MissingParentDirectory(
                f"Cannot make the folder {path}: the folder above it does not exist. Pass parents=True to make both."
            )
        self.put_string(b"", self._add_path_delimiter(path), mimetype="text/plain")

    def remove(  # type: ignore[override] # what it returns is Luigi's
        self, path: str, recursive: bool = True, skip_trash: bool = True
    ) -> bool:
        """Remove an object, or all under a path; whether there was something.

        Raises:
            InvalidDeleteException: for a whole bucket, or a folder without ``recursive``.
        """
        if self._is_root(self._path_to_bucket_and_key(path)[1]):
            raise InvalidDeleteException(f"Cannot remove the whole bucket at {path}. Name a folder in it.")
        blob = self._found(path)
        if blob is not None:
            blob.delete(timeout=_TIMEOUT)
            return True
        if not self.isdir(path):
            return False
        if not recursive:
            raise InvalidDeleteException(f"{path} is a folder. Pass recursive=True to remove all in it.")
        for below in list(self.listdir(path)):
            self._blob(below).delete(timeout=_TIMEOUT)
        return True

    def copy(self, source_path: str, destination_path: str) -> None:
        """Copy an object, or all under a path, within the store: no byte passes through here."""
        if not self.isdir(source_path):
            self._copy_object(source_path, destination_path)
            return
        for below in list(self.listdir(source_path)):
            name = below[len(self._add_path_delimiter(source_path)) :]
            self._copy_object(below, self._add_path_delimiter(destination_path) + name)

    def _copy_object(self, path: str, dest: str) -> None:
        source, target = self._blob(path), self._blob(dest)
        token, _, _ = target.rewrite(source, timeout=_TIMEOUT)
        while token is not None:  # a large one, in pieces
            token, _, _ = target.rewrite(source, token=token, timeout=_TIMEOUT)

    def move(self, source_path: str, destination_path: str) -> None:
        """Copy, and then remove what was copied."""
        self.copy(source_path, destination_path)
        self.remove(source_path)

    def rename_dont_move(self, path: str, dest: str) -> None:
        if self.exists(dest):
            raise FileAlreadyExists(f"Cannot move {path} to {dest}: something is there already.")
        self.move(path, dest)

    # Between here and there

    def put(self, filename: str, dest_path: str, mimetype: str | None = None, chunksize: int | None = None) -> None:
        """Bring a local file there; it appears when it is whole."""
        import mimetypes

        blob = self._blob(dest_path, chunksize or self.chunksize)
        kind = mimetype or mimetypes.guess_type(dest_path)[0] or DEFAULT_MIMETYPE
        blob.upload_from_filename(filename, content_type=kind, timeout=_TIMEOUT)

    def put_multiple(
        self,
        filepaths: Sequence[str],
        remote_directory: str,
        mimetype: str | None = None,
        chunksize: int | None = None,
        num_process: int = 1,
    ) -> None:
        """Bring local files into a folder there, ``num_process`` at the same time."""
        if isinstance(filepaths, str):
            raise TargetError(f"put_multiple() takes a list of files, and not {filepaths!r}: put() takes one.")
        from concurrent.futures import ThreadPoolExecutor

        folder = self._add_path_delimiter(remote_directory)
        with ThreadPoolExecutor(max(num_process, 1)) as pool:
            jobs = [
                pool.submit(self.put, path, folder + os.path.basename(path), mimetype, chunksize) for path in filepaths
            ]
        for job in jobs:
            job.result()

    def put_string(self, contents: str | bytes, dest_path: str, mimetype: str | None = None) -> None:
        """Let ``contents`` be the whole object."""
        self._blob(dest_path).upload_from_string(contents, content_type=mimetype or DEFAULT_MIMETYPE, timeout=_TIMEOUT)

    def download(
        self, path: str, chunksize: int | None = None, chunk_callback: Callable[[IO[bytes]], Any] | None = None
    ) -> Any:
        """A stream of the bytes at ``path``, at any place in it.

        Args:
            path: the object.
            chunksize: bytes fetched at once; by default the client's.
            chunk_callback: called with a file here after each chunk that was added to it. When it returns something
                true there will be no more: the stream has the beginning of the object.

        Raises:
            FileNotFoundError: there is nothing.
        """
        blob = self._found(path)
        if blob is None:
            raise FileNotFoundError(f"There is nothing at {path}.")
        size = chunksize or self.chunksize
        source = blob.open("rb", chunk_size=size, timeout=_TIMEOUT)
        return source if chunk_callback is None else _beginning(source, size, chunk_callback)

    # Paths and pages

    def _blob(self, path: str, chunksize: int | None = None) -> Any:
        bucket, name = self._path_to_bucket_and_key(path)
        return self.client.bucket(bucket).blob(name, chunk_size=chunksize)

    def _found(self, path: str) -> Any:
        bucket, name = self._path_to_bucket_and_key(path)
        return self.client.bucket(bucket).get_blob(name, timeout=_TIMEOUT)

    def _pages_of(self, bucket: str) -> Any:
        return lambda prefix, behind: self._page(bucket, prefix, behind, 1000)

    def _page(self, bucket: str, prefix: str, start: str, size: int) -> Page:
        listing = self.client.list_blobs(
            bucket,
            prefix=prefix,
            start_offset=start or None,
            page_size=size,
            fields="items(name),nextPageToken",
            timeout=_TIMEOUT,
        )
        page = next(listing.pages, ())
        return Page([blob.name for blob in page], listing.next_page_token is None)


def _beginning(source: IO[bytes], chunksize: int, is_enough: Callable[[IO[bytes]], Any]) -> IO[bytes]:
    """What a stream gives until it is enough, in a file here that vanishes when it is closed."""
    import tempfile

    spool = tempfile.NamedTemporaryFile()  # noqa: SIM115 (whoever reads it closes it)
    with source:
        while data := source.read(chunksize):
            spool.write(data)
            if is_enough(spool):
                break
    spool.seek(0)
    return spool


def _storage_client(options: dict[str, Any]) -> Any:
    try:
        from google.cloud import storage
    except ImportError as error:
        raise MissingExtraError("A target in Google Cloud Storage", "gcs") from error
    return storage.Client(**options)


_default: list[GCSClient] = []


def default_client() -> GCSClient:
    """The client of targets that were given none: the same for all, so that they are asked together."""
    if not _default:
        _default.append(GCSClient())
    return _default[0]


class AtomicGCSFile(AtomicLocalFile):
    """A file here, to be put to Google Cloud Storage when it is closed."""

    def __init__(self, path: str, gcs_client: GCSClient) -> None:
        self.gcs_client = gcs_client
        super().__init__(path)

    def move_to_final_destination(self) -> None:
        self.gcs_client.put(self.tmp_path, self.path)


class GCSTarget(FormattedTarget):
    """An object in Google Cloud Storage.

    Args:
        path: ``gs://bucket/name``.
        format: how its bytes are read and written; text by default.
        client: how the store is reached.
    """

    fs: GCSClient = None  # type: ignore[assignment] # the constructor gives it

    def __init__(
        self, path: str | os.PathLike[str], format: Format | None = None, client: GCSClient | None = None
    ) -> None:
        super().__init__(path, format)
        self.fs = client or default_client()

    def modified(self) -> float | None:
        """When the object was written; None when there is none."""
        return self.fs.modified(self.existence_path)

    def bytes_to_read(self) -> Any:
        return self.fs.download(self.path)

    def bytes_to_write(self) -> AtomicGCSFile:
        return AtomicGCSFile(self.path, self.fs)


class GCSFlagTarget(FlaggedFolder, GCSTarget):
    """A folder in Google Cloud Storage, which exists when a flag file in it does.

    Args:
        path: the folder, with a slash at its end.
        format: as of ``GCSTarget``.
        client: as of ``GCSTarget``.
        flag: the name of the flag file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        format: Format | None = None,
        client: GCSClient | None = None,
        flag: str = "_SUCCESS",
    ) -> None:
        self._check_folder(path)
        super().__init__(path, format, client)
        self.flag = flag
