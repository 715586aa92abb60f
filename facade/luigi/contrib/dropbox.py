"""Files in Dropbox, over its own library. (The service could not be tried.)"""

from __future__ import annotations

import io
import os
import tempfile
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from luigi.format import get_default_format
from luigi.target import (
    AtomicLocalFile,
    FileAlreadyExists,
    FileSystem,
    FileSystemTarget,
    NotADirectory,
)
from rumbo.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AtomicWritableDropboxFile", "DropboxClient", "DropboxTarget", "ReadableDropboxFile"]

_CHUNK = 4_000_000


def _library() -> Any:
    try:
        import_module("dropbox.common")
        return import_module("dropbox")
    except ImportError:
        raise MissingExtraError("Dropbox", "dropbox") from None


def _plain(path: str) -> str:
    """A path as the service wants it: without a slash at its end."""
    return path.rstrip("/") or "/"


class DropboxClient(FileSystem):
    """The files of an account.

    Args:
        token: an OAuth 2 token. It is shown nowhere.
        user_agent: the name of our program.
        root_namespace_id: the space of a team.
    """

    def __init__(self, token: str, user_agent: str = "Luigi", root_namespace_id: str | None = None) -> None:
        if not token:
            raise ValueError("The token parameter must contain a valid Dropbox Oauth2 Token")
        library = _library()
        conn = library.Dropbox(oauth2_access_token=token, user_agent=user_agent)
        if root_namespace_id:
            conn = conn.with_path_root(library.common.PathRoot.root(root_namespace_id))
        self.token = token
        self.conn = conn

    def _metadata(self, path: str) -> Any:
        """What the service says of a path; None if there is nothing."""
        library = _library()
        try:
            return self.conn.files_get_metadata(_plain(path))
        except library.exceptions.ApiError as error:
            if error.error.is_path() and error.error.get_path().is_not_found():
                return None
            raise

    def exists(self, path: str) -> bool:
        if path == "/":
            return True
        return self.isdir(path) if path.endswith("/") else self._metadata(path) is not None

    def isdir(self, path: str) -> bool:
        return path == "/" or isinstance(self._metadata(path), _library().files.FolderMetadata)

    def remove(self, path: str, recursive: bool = True, skip_trash: bool = True) -> bool:  # type: ignore[override]
        """Remove what is at a path; whether there was anything."""
        if not self.exists(path):
            return False
        self.conn.files_delete_v2(_plain(path))
        return True

    def mkdir(self, path: str, parents: bool = True, raise_if_exists: bool = False) -> None:
        if not self.exists(_plain(path)):
            self.conn.files_create_folder_v2(_plain(path))
        elif not self.isdir(path):
            raise NotADirectory(f"{path} is a file.")
        elif raise_if_exists:
            raise FileAlreadyExists(f"There is a folder {path} already.")

    def listdir(self, path: str, **kwargs: Any) -> list[str]:
        listing = self.conn.files_list_folder("" if path == "/" else _plain(path), recursive=True, **kwargs)
        found = list(listing.entries)
        while listing.has_more:
            listing = self.conn.files_list_folder_continue(listing.cursor)
            found += listing.entries
        return [entry.path_display for entry in found]

    def move(self, path: str, dest: str) -> None:
        self.conn.files_move_v2(from_path=_plain(path), to_path=_plain(dest))

    def copy(self, path: str, dest: str) -> None:
        self.conn.files_copy_v2(from_path=_plain(path), to_path=_plain(dest))

    def download_as_bytes(self, path: str) -> bytes:
        """A file's content."""
        _, response = self.conn.files_download(path)
        content: bytes = response.content
        return content

    def upload(self, tmp_path: str, dest_path: str) -> None:
        """Send a file of this machine, in parts; it appears whole."""
        files = _library().files
        size = os.path.getsize(tmp_path)
        with open(tmp_path, "rb") as file:
            session = self.conn.files_upload_session_start(file.read(_CHUNK)).session_id
            cursor = files.UploadSessionCursor(session_id=session, offset=file.tell())
            while size - file.tell() > _CHUNK:
                self.conn.files_upload_session_append_v2(file.read(_CHUNK), cursor)
                cursor.offset = file.tell()
            commit = files.CommitInfo(path=dest_path, mode=files.WriteMode.overwrite)
            self.conn.files_upload_session_finish(file.read(_CHUNK), cursor, commit)


class ReadableDropboxFile(io.BytesIO):
    """A file of Dropbox, to read."""

    def __init__(self, path: str, client: DropboxClient) -> None:
        super().__init__(client.download_as_bytes(path))
        self.path = path
        self.client = client


class AtomicWritableDropboxFile(AtomicLocalFile):
    """A file that is sent to Dropbox when it is closed."""

    def __init__(self, path: str, client: DropboxClient) -> None:
        self.client = client
        super().__init__(path)

    def move_to_final_destination(self) -> None:
        self.client.upload(self.tmp_path, self.path)


class DropboxTarget(FileSystemTarget):
    """A file in Dropbox.

    Args:
        path: its path; it starts with ``/``.
        token: an OAuth 2 token. It is shown nowhere.
        format: how its bytes are read and written; text by default.
        user_agent: the name of our program.
        root_namespace_id: the space of a team.
    """

    def __init__(
        self, path: str, token: str, format: Any = None, user_agent: str = "Luigi", root_namespace_id: str | None = None
    ) -> None:
        super().__init__(path)
        self.token = token
        self.client = DropboxClient(token, user_agent, root_namespace_id)
        self.format = format or get_default_format()

    @property
    def fs(self) -> DropboxClient:
        return self.client

    @contextmanager
    def temporary_path(self) -> Iterator[str]:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, os.path.basename(self.path))
            yield path
            self.client.upload(path, self.path)

    def open(self, mode: str = "r") -> Any:
        if mode == "r":
            return self.format.pipe_reader(ReadableDropboxFile(self.path, self.client))
        if mode == "w":
            return self.format.pipe_writer(AtomicWritableDropboxFile(self.path, self.client))
        raise ValueError(f"{self.path} cannot be opened with mode {mode!r}: mode must be 'r' or 'w'.")
