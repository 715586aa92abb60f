"""Targets in Azure Blob Storage, over Microsoft's own library."""

from __future__ import annotations

import io
import os
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from rumbo.errors import MissingExtraError
from rumbo.integrations.listing import common_beginning
from rumbo.integrations.parts import BytesInParts
from rumbo.pipeline.filesystem import FileAlreadyExists, FileSystem, FileSystemException, temporary_name
from rumbo.pipeline.formatted import FormattedTarget
from rumbo.pipeline.target import AtomicLocalFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rumbo.pipeline.formats import Format

_TIMEOUTS = {"connection_timeout": 20, "read_timeout": 60}  # seconds; the library tries again what may be tried again
_BLOCK = 4 << 20  # bytes in memory at once, of what is sent or read
_COPY_PAUSE = 0.1  # seconds between two looks at a copy that the store makes


class AzureBlobClient(FileSystem):
    """Azure's blobs as a file system. Paths are ``container/blob``; folders are what names begin with.

    Args:
        account_name: the storage account.
        account_key: its key. Without this, a token or a connection string, the store is asked as nobody in particular.
        sas_token: a shared access signature instead of the key.
        kwargs: ``connection_string``, which is stronger than all else; ``protocol``, ``custom_domain``,
            ``endpoint_suffix`` for clouds that are not the public one; ``token_credential`` of azure-identity; and what
            ``BlobServiceClient`` takes.
    """

    answers_in_bulk = True

    def __init__(
        self,
        account_name: str | None = None,
        account_key: str | None = None,
        sas_token: str | None = None,
        **kwargs: Any,
    ) -> None:
        protocol = kwargs.pop("protocol", "https")
        domain = kwargs.pop("custom_domain", None)
        suffix = kwargs.pop("endpoint_suffix", "core.windows.net")
        self.account_url = (
            f"{protocol}://{domain}/{account_name}" if domain else f"{protocol}://{account_name}.blob.{suffix}"
        )
        self._connection_string = kwargs.pop("connection_string", None)
        self._credential = account_key or sas_token or kwargs.pop("token_credential", None)
        self._options = {**_TIMEOUTS, "max_block_size": _BLOCK, "max_single_put_size": 2 * _BLOCK, **kwargs}
        self._options |= {"max_single_get_size": 2 * _BLOCK, "max_chunk_get_size": _BLOCK}
        self._made: tuple[int, Any] = (0, None)

    @property
    def connection(self) -> Any:
        """The library's client; a forked child gets its own."""
        owner, client = self._made
        if owner != os.getpid():
            client = self._new_connection()
            self._made = (os.getpid(), client)
        return client

    def _new_connection(self) -> Any:
        try:
            from azure.storage.blob import BlobServiceClient
        except ImportError as error:
            raise MissingExtraError("A target in Azure Blob Storage", "azure") from error
        if self._connection_string:
            return BlobServiceClient.from_connection_string(self._connection_string, **self._options)
        return BlobServiceClient(self.account_url, credential=self._credential, **self._options)

    def container_client(self, container_name: str) -> Any:
        """The library's client of a container."""
        return self.connection.get_container_client(container_name)

    def blob_client(self, container_name: str, blob_name: str) -> Any:
        """The library's client of a blob."""
        return self.connection.get_blob_client(container_name, blob_name)

    # Questions

    def exists(self, path: str) -> bool:
        container, blob = self.splitfilepath(path)
        if not blob:
            return bool(self.container_client(container).exists())
        return bool(self.blob_client(container, blob).exists())

    def exists_many(self, paths: Iterable[str]) -> set[str]:
        """Those of ``paths`` that exist; what begins alike is listed once."""
        containers: dict[str, dict[str, str]] = {}
        for path in paths:
            container, blob = self.splitfilepath(path)
            containers.setdefault(container, {})[blob or ""] = path
        found: set[str] = set()
        for container, blobs in containers.items():
            if len(blobs) < 3 or "" in blobs:
                found.update(path for path in blobs.values() if self.exists(path))
                continue
            prefix = common_beginning(list(blobs))
            names = self.container_client(container).list_blob_names(name_starts_with=prefix)
            found.update(blobs[name] for name in names if name in blobs)
        return found

    def isdir(self, path: str) -> bool:
        """Always false: Azure's blobs are in no folders."""
        return False

    def modified(self, path: str) -> float | None:
        """When the blob was written, in seconds since the epoch; None when there is none."""
        client = self.blob_client(*self._of_blob(path))
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return float(client.get_blob_properties().last_modified.timestamp())
        except ResourceNotFoundError:
            return None

    def listdir(self, path: str) -> Iterator[str]:
        container, blob = self.splitfilepath(path)
        prefix = f"{blob.rstrip('/')}/" if blob else ""
        for name in self.container_client(container).list_blob_names(name_starts_with=prefix):
            yield f"{container}/{name}"

    # Changes

    def create_container(self, container_name: str) -> Any:
        """Make a container, unless there is one."""
        connection = self.connection
        from azure.core.exceptions import ResourceExistsError

        with suppress(ResourceExistsError):
            return connection.create_container(container_name)

    def delete_container(self, container_name: str) -> None:
        """Remove a container with all in it."""
        self.container_client(container_name).delete_container()

    def mkdir(self, path: str, parents: bool = True, raise_if_exists: bool = False) -> None:
        """Make the container of the path; folders there are none."""
        if raise_if_exists and self.exists(path):
            raise FileAlreadyExists(f"Cannot make the folder {path}: it exists already.")
        self.create_container(self.splitfilepath(path)[0])

    def remove(  # type: ignore[override] # what it returns is Luigi's
        self, path: str, recursive: bool = True, skip_trash: bool = True
    ) -> bool:
        """Remove a blob; whether there was one."""
        client = self.blob_client(*self._of_blob(path))
        from azure.core.exceptions import ResourceNotFoundError

        try:
            client.delete_blob()
        except ResourceNotFoundError:
            return False
        return True

    def copy(self, path: str, dest: str) -> Any:
        """Copy a blob within the account: no byte passes through here.

        Returns:
            What the store says of the finished copy.
        """
        source = self.blob_client(*self._of_blob(path))
        target = self.blob_client(*self._of_blob(dest))
        said = target.start_copy_from_url(source.url)
        while (status := said["copy_status"]) == "pending":
            time.sleep(_COPY_PAUSE)
            properties = target.get_blob_properties().copy
            said = {"copy_status": properties.status, "copy_id": properties.id}
        if status != "success":
            raise FileSystemException(f"Cannot copy {path} to {dest}: the store ended it with {status!r}.")
        return said

    def move(self, path: str, dest: str) -> Any:
        """Copy, and then remove what was copied."""
        self.copy(path, dest)
        return self.remove(path)

    def rename_dont_move(self, path: str, dest: str) -> None:
        if self.exists(dest):
            raise FileAlreadyExists(f"Cannot move {path} to {dest}: something is there already.")
        self.move(path, dest)

    # Between here and there

    def upload(self, tmp_path: str, container: str, blob: str, **kwargs: Any) -> None:
        """Bring a local file there; it appears when it is whole. The container is made.

        Args:
            tmp_path: the file.
            container: its container.
            blob: its name there.
            kwargs: ``progress_callback``, called with the bytes sent so far and all of them.
        """
        client = self.blob_client(container, blob)
        from azure.core.exceptions import ResourceNotFoundError

        def send() -> None:
            with open(tmp_path, "rb") as data:
                client.upload_blob(data, overwrite=True, progress_hook=kwargs.get("progress_callback"))

        try:
            send()
        except ResourceNotFoundError:
            self.create_container(container)
            send()

    def download_as_bytes(self, container: str, blob: str, bytes_to_read: int | None = None) -> bytes:
        """The content of a blob, or its beginning."""
        content: bytes = self.blob_client(container, blob).download_blob(0, bytes_to_read).readall()
        return content

    def download_as_file(self, container: str, blob: str, location: str) -> Any:
        """Bring a blob here, where it appears when it is whole; gives its properties."""
        unfinished = temporary_name(location)
        try:
            with open(unfinished, "wb") as out:
                stream = self.blob_client(container, blob).download_blob()
                stream.readinto(out)
            os.replace(unfinished, location)
        except BaseException:
            with suppress(FileNotFoundError):
                os.remove(unfinished)
            raise
        return stream.properties

    def fetched(self, path: str) -> IO[bytes]:
        """The bytes of a blob, in a file here that has no name and vanishes when it is closed.

        Raises:
            FileNotFoundError: there is no such blob.
        """
        import tempfile

        client = self.blob_client(*self._of_blob(path))
        from azure.core.exceptions import ResourceNotFoundError

        spool = tempfile.TemporaryFile()  # noqa: SIM115 (whoever reads it closes it)
        try:
            client.download_blob().readinto(spool)
        except ResourceNotFoundError as error:
            spool.close()
            raise FileNotFoundError(f"There is nothing at {path}.") from error
        except BaseException:
            spool.close()
            raise
        spool.seek(0)
        return spool

    def streamed(self, path: str) -> io.RawIOBase:
        """The bytes of a blob, of which only what is read travels.

        Raises:
            FileNotFoundError: there is no such blob.
        """
        client = self.blob_client(*self._of_blob(path))
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return _BlobBytes(client, client.get_blob_properties())
        except ResourceNotFoundError as error:
            raise FileNotFoundError(f"There is nothing at {path}.") from error

    @staticmethod
    def splitfilepath(filepath: str) -> tuple[str, str | None]:
        """The container of a path, and the blob, if it names one."""
        container, slash, blob = filepath.partition("/")
        return container, blob if slash else None

    def _of_blob(self, path: str) -> tuple[str, str]:
        container, blob = self.splitfilepath(path)
        if not blob:
            raise FileSystemException(f"{path} is a container. Name a blob in it: {container}/name.")
        return container, blob


class _BlobBytes(BytesInParts):
    """A blob's bytes, all of one version of the blob."""

    def __init__(self, client: Any, properties: Any) -> None:
        super().__init__(properties.size)
        self._client = client
        self._etag: str = properties.etag

    def _read(self, length: int) -> bytes:
        from azure.core import MatchConditions

        data: bytes = self._client.download_blob(
            self._position, length, etag=self._etag, match_condition=MatchConditions.IfNotModified
        ).readall()
        return data


class ReadableAzureBlobFile(io.BufferedReader):
    """The bytes of a blob, at any place in it.

    Args:
        container: its container.
        blob: its name there.
        client: how the store is reached.
        download_when_reading: bring the whole blob here first. Otherwise only what is read travels.
        kwargs: without meaning; Luigi's programs pass options of uploads.

    Raises:
        FileNotFoundError: there is no such blob.
    """

    def __init__(
        self, container: str, blob: str, client: AzureBlobClient, download_when_reading: bool = True, **kwargs: Any
    ) -> None:
        path = f"{container}/{blob}"
        source: Any = client.fetched(path) if download_when_reading else client.streamed(path)
        super().__init__(source, _BLOCK)

    # Arguments may be named as in Luigi.

    def read(self, n: int | None = -1) -> bytes:
        return super().read(n)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return super().seek(offset, whence)


class AtomicAzureBlobFile(AtomicLocalFile):
    """A file here, to be uploaded when it is closed."""

    def __init__(self, container: str, blob: str, client: AzureBlobClient, **kwargs: Any) -> None:
        self.container = container
        self.blob = blob
        self.client = client
        self.azure_blob_options = kwargs
        super().__init__(f"{container}/{blob}")

    def move_to_final_destination(self) -> None:
        self.client.upload(self.tmp_path, self.container, self.blob, **self.azure_blob_options)


class AzureBlobTarget(FormattedTarget):
    """A blob in Azure's storage.

    Args:
        container: its container.
        blob: its name there.
        client: how the store is reached.
        format: how its bytes are read and written; text by default.
        download_when_reading: bring the whole blob here before its first byte is read. Otherwise only what is read
            travels, in parts.
        kwargs: as of ``AzureBlobClient.upload``.
    """

    def __init__(
        self,
        container: str,
        blob: str,
        client: AzureBlobClient | None = None,
        format: Format | None = None,
        download_when_reading: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(f"{container}/{blob}", format)
        self.container = container
        self.blob = blob
        self.client = client or AzureBlobClient()
        self.download_when_reading = download_when_reading
        self.azure_blob_options = kwargs

    @property
    def fs(self) -> AzureBlobClient:
        """How the store is reached."""
        return self.client

    def modified(self) -> float | None:
        """When the blob was written; None when there is none."""
        return self.fs.modified(self.path)

    def bytes_to_read(self) -> ReadableAzureBlobFile:
        container, _, blob = self.path.partition("/")
        return ReadableAzureBlobFile(container, blob, self.client, self.download_when_reading)

    def bytes_to_write(self) -> AtomicAzureBlobFile:
        container, _, blob = self.path.partition("/")
        return AtomicAzureBlobFile(container, blob, self.client, **self.azure_blob_options)
