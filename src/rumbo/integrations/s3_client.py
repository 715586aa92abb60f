"""Amazon S3, and what speaks its language, as a file system, over boto3.

Credentials come from where boto3 always looks for them: the environment, its own files, the machine's role. The
section ``[s3]`` of the configuration adds to that what boto3's ``resource()`` takes, and a role to assume.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from rumbo.errors import MissingExtraError
from rumbo.integrations.buckets import BucketPaths
from rumbo.integrations.listing import Page, found_by_listing
from rumbo.pipeline.config import get_config
from rumbo.pipeline.filesystem import (
    FileAlreadyExists,
    FileSystem,
    FileSystemException,
    MissingParentDirectory,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

#: What marks a folder without files: the way of old Hadoop, and the way of everybody else.
S3_DIRECTORY_MARKER_SUFFIX_0 = "_$folder$"
S3_DIRECTORY_MARKER_SUFFIX_1 = "/"

_NOT_THERE = frozenset(["404", "NoSuchKey"])
_REMOVED_AT_ONCE = 1000  # S3 takes no more in one request
_OPTIONS_OF_OURS = ("aws_role_arn", "aws_role_session_name")


class InvalidDeleteException(FileSystemException):
    """A whole bucket, or a folder without ``recursive``, was to be removed."""


class FileNotFoundException(FileSystemException, FileNotFoundError):
    """There is nothing at the path."""


class DeprecatedBotoClientException(FileSystemException):
    """An argument of boto, which boto3 does not know."""


class Copied(NamedTuple):
    """What a copy was."""

    files: int
    bytes: int


class S3Client(BucketPaths, FileSystem):
    """S3 as a file system. Paths are ``s3://bucket/key``; folders are what keys begin with.

    Args:
        aws_access_key_id: with the next two, credentials; boto3 finds some itself when there are none here.
        aws_secret_access_key: the secret of the key.
        aws_session_token: the token of a session that ends by itself.
        options: what ``boto3.resource("s3")`` takes, such as ``endpoint_url`` and ``region_name``; and
            ``aws_role_arn`` with ``aws_role_session_name``, a role to act in. They are stronger than ``[s3]``.
    """

    DEFAULT_PART_SIZE = 8 << 20  # bytes
    DEFAULT_THREADS = 100

    answers_in_bulk = True

    def __init__(
        self,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        **options: Any,
    ) -> None:
        given = {
            "aws_access_key_id": aws_access_key_id,
            "aws_secret_access_key": aws_secret_access_key,
            "aws_session_token": aws_session_token,
        }
        self._options = {
            **self._get_s3_config(),
            **options,
            **{name: value for name, value in given.items() if value},
        }
        self._lock = threading.Lock()
        self._s3: Any = None
        self._owner = 0

    @property
    def s3(self) -> Any:
        """boto3's resource. A forked child gets its own, since connections cannot be shared."""
        with self._lock:
            if self._s3 is None or self._owner not in (0, os.getpid()):
                self._s3, self._owner = _resource(self._options), os.getpid()
            return self._s3

    @s3.setter
    def s3(self, resource: Any) -> None:
        self._s3, self._owner = resource, 0  # whoever brings one answers for it

    @property
    def _client(self) -> Any:
        return self.s3.meta.client

    # Questions

    def exists(self, path: str) -> bool:
        """Whether there is an object, or anything whose key begins with the path and a slash."""
        bucket, key = self._path_to_bucket_and_key(path)
        return self._is_root(key) or self._head(bucket, key) is not None or self.isdir(path)

    def isdir(self, path: str) -> bool:
        """Whether anything's key begins with the path and a slash, or a mark says that there is a folder."""
        bucket, key = self._path_to_bucket_and_key(path)
        if self._is_root(key):
            return True
        answer = self._client.list_objects_v2(Bucket=bucket, Prefix=self._add_path_delimiter(key), MaxKeys=1)
        return "Contents" in answer or self._head(bucket, key.rstrip("/") + S3_DIRECTORY_MARKER_SUFFIX_0) is not None

    is_dir = isdir

    def exists_many(self, paths: Iterable[str]) -> set[str]:
        """Those of ``paths`` that exist, by listing: a thousand neighbours are one request."""
        if type(self).exists is not S3Client.exists:  # somebody changed what "exists" means
            return super().exists_many(paths)
        buckets: dict[str, dict[str, str]] = {}
        found = set()
        for path in paths:
            bucket, key = self._path_to_bucket_and_key(path)
            if self._is_root(key):
                found.add(path)
            else:
                buckets.setdefault(bucket, {})[key] = path
        for bucket, keys in buckets.items():
            found.update(keys[key] for key in self._found(bucket, keys))
        return found

    def _found(self, bucket: str, keys: Iterable[str]) -> set[str]:
        def page_after(prefix: str, behind: str) -> Page:
            answer = self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, StartAfter=behind)
            return Page([entry["Key"] for entry in answer.get("Contents", [])], not answer["IsTruncated"])

        found = found_by_listing(keys, page_after)
        marks = {key.rstrip("/") + S3_DIRECTORY_MARKER_SUFFIX_0: key for key in keys if key not in found}
        return found | {marks[mark] for mark in found_by_listing(marks, page_after)}

    def get_key(self, path: str) -> Any:
        """boto3's summary of the object; None when there is none."""
        bucket, key = self._path_to_bucket_and_key(path)
        return self.s3.ObjectSummary(bucket, key) if self._head(bucket, key) is not None else None

    def modified(self, path: str) -> float | None:
        """When the object was written, in seconds since the epoch; None when there is none."""
        head = self._head(*self._path_to_bucket_and_key(path))
        return head["LastModified"].timestamp() if head else None

    def listdir(
        self,
        path: str,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        return_key: bool = False,
    ) -> Iterator[Any]:
        """The paths of all objects under ``path``.

        Args:
            path: the folder.
            start_time: only what was modified later; with a time zone.
            end_time: only what was modified earlier.
            return_key: give boto3's object summaries instead.
        """
        bucket, key = self._path_to_bucket_and_key(path)
        prefix = self._add_path_delimiter(key)
        for item in self.s3.Bucket(bucket).objects.filter(Prefix=prefix):
            is_early = start_time is not None and item.last_modified <= start_time
            is_late = end_time is not None and item.last_modified >= end_time
            if not is_early and not is_late:
                yield item if return_key else self._add_path_delimiter(path) + item.key[len(prefix) :]

    def list(
        self,
        path: str,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        return_key: bool = False,
    ) -> Iterator[Any]:
        """As ``listdir``, but the paths begin below ``path``."""
        length = len(self._add_path_delimiter(path))
        for item in self.listdir(path, start_time, end_time, return_key):
            yield item if return_key else item[length:]

    # Changes

    def mkdir(self, path: str, parents: bool = True, raise_if_exists: bool = False) -> None:
        """Put a mark that says that there is a folder. Nothing needs it but who looks for empty ones."""
        _, key = self._path_to_bucket_and_key(path)
        if raise_if_exists and self.isdir(path):
            raise FileAlreadyExists(f"Cannot make the folder {path}: it exists already.")
        if self._is_root(key):
            return
        if not parents and not self.isdir(path.rstrip("/").rpartition("/")[0] + "/"):
            raise MissingParentDirectory(
                f"Cannot make the folder {path}: the folder above it does not exist. Pass parents=True to make both."
            )
        self.put_string("", self._add_path_delimiter(path))

    def remove(  # type: ignore[override] # what it returns is Luigi's
        self, path: str, recursive: bool = True, skip_trash: bool = True
    ) -> bool:
        """Remove an object, or all under a path; whether there was something.

        Raises:
            InvalidDeleteException: for a whole bucket, or a folder without ``recursive``.
        """
        bucket, key = self._path_to_bucket_and_key(path)
        if self._is_root(key):
            raise InvalidDeleteException(f"Cannot remove the whole bucket at {path}. Name a folder in it.")
        if self._head(bucket, key) is not None:
            self._client.delete_object(Bucket=bucket, Key=key)
            return True
        if not self.isdir(path):
            return False
        if not recursive:
            raise InvalidDeleteException(f"{path} is a folder. Pass recursive=True to remove all in it.")
        self._remove_folder(bucket, key)
        return True

    def _remove_folder(self, bucket: str, key: str) -> None:
        keys = [item.key for item in self.s3.Bucket(bucket).objects.filter(Prefix=self._add_path_delimiter(key))]
        keys.append(key.rstrip("/") + S3_DIRECTORY_MARKER_SUFFIX_0)
        for start in range(0, len(keys), _REMOVED_AT_ONCE):
            objects = [{"Key": each} for each in keys[start : start + _REMOVED_AT_ONCE]]
            answer = self._client.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
            refused = [error for error in answer.get("Errors", []) if error.get("Code") not in _NOT_THERE]
            if refused:
                first = refused[0]
                raise FileSystemException(
                    f"Cannot remove s3://{bucket}/{first.get('Key')}: {first.get('Code')}, {first.get('Message')}"
                )

    def move(self, path: str, dest: str, **options: Any) -> None:
        """Copy, and then remove what was copied."""
        self.copy(path, dest, **options)
        self.remove(path)

    def rename_dont_move(self, path: str, dest: str) -> None:
        if self.exists(dest):
            raise FileAlreadyExists(f"Cannot move {path} to {dest}: something is there already.")
        self.move(path, dest)

    def copy(  # type: ignore[override] # what it returns is Luigi's
        self,
        path: str,
        dest: str,
        threads: int = DEFAULT_THREADS,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        part_size: int = DEFAULT_PART_SIZE,
        **options: Any,
    ) -> Copied:
        """Copy an object, or all under a path, within S3: no byte passes through here.

        Args:
            path: from where.
            dest: to where.
            threads: how much is done at the same time, at least 3.
            start_time: of a folder, only what was modified later; with a time zone.
            end_time: of a folder, only what was modified earlier.
            part_size: what is larger is copied in parts of so many bytes.
            options: boto3's ``ExtraArgs`` for a copy.

        Returns:
            How many files that was, and how many bytes.
        """
        is_folder = self.isdir(path)
        config = _transfer_config(max_concurrency=max(threads, 3), multipart_chunksize=part_size)
        if not is_folder:
            return self._copy_object(path, dest, config, options)
        return self._copy_folder(path, dest, self.listdir(path, start_time, end_time, True), config, options)

    def _copy_object(self, path: str, dest: str, config: Any, options: dict[str, Any]) -> Copied:
        bucket, key = self._path_to_bucket_and_key(path)
        dest_bucket, dest_key = self._path_to_bucket_and_key(dest)
        head = self._head(bucket, key)
        if head is None:
            raise FileNotFoundException(f"Cannot copy {path}: there is nothing at this path.")
        source = {"Bucket": bucket, "Key": key}
        self._client.copy(source, dest_bucket, dest_key, Config=config, ExtraArgs=options)
        return Copied(1, head["ContentLength"])

    def _copy_folder(self, path: str, dest: str, items: Iterable[Any], config: Any, options: dict[str, Any]) -> Copied:
        from concurrent.futures import ThreadPoolExecutor

        bucket, key = self._path_to_bucket_and_key(path)
        dest_bucket, dest_key = self._path_to_bucket_and_key(dest)
        prefix, dest_prefix = self._add_path_delimiter(key), self._add_path_delimiter(dest_key)
        client = self._client

        def copy_one(item: Any) -> None:
            source = {"Bucket": bucket, "Key": item.key}
            client.copy(source, dest_bucket, dest_prefix + item.key[len(prefix) :], Config=config, ExtraArgs=options)

        copied = [item for item in items if item.key != prefix]
        with ThreadPoolExecutor(config.max_concurrency) as pool:
            for job in [pool.submit(copy_one, item) for item in copied]:
                job.result()
        return Copied(len(copied), sum(item.size for item in copied))

    # Between here and there

    def put(self, local_path: str, destination_s3_path: str, **options: Any) -> None:
        """Bring a local file there; the options are boto3's ``ExtraArgs`` of an upload."""
        self.put_multipart(local_path, destination_s3_path, **options)

    def put_string(self, content: str | bytes, destination_s3_path: str, **options: Any) -> None:
        """Let ``content`` be the whole object; the options are those of boto3's ``put_object``."""
        self._check_deprecated_argument(**options)
        bucket, key = self._path_to_bucket_and_key(destination_s3_path)
        self._client.put_object(Bucket=bucket, Key=key, Body=content, **options)

    def put_multipart(
        self, local_path: str, destination_s3_path: str, part_size: int = DEFAULT_PART_SIZE, **options: Any
    ) -> None:
        """Bring a local file there, a large one in parts of ``part_size`` bytes; it appears when all are there."""
        self._check_deprecated_argument(**options)
        bucket, key = self._path_to_bucket_and_key(destination_s3_path)
        client = self._client
        config = _transfer_config(multipart_chunksize=part_size)
        # By its path: of an open file boto3 would keep ten parts in memory.
        with _as_s3_said():
            client.upload_file(local_path, bucket, key, Config=config, ExtraArgs=options)

    def get(self, s3_path: str, destination_local_path: str) -> None:
        """Bring an object here; the file appears when it is whole."""
        bucket, key = self._path_to_bucket_and_key(s3_path)
        self._client.download_file(bucket, key, destination_local_path)

    def get_as_bytes(self, s3_path: str) -> bytes:
        """The content of an object."""
        bucket, key = self._path_to_bucket_and_key(s3_path)
        content: bytes = self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def get_as_string(self, s3_path: str, encoding: str = "utf-8") -> str:
        """The content of an object, as text."""
        return self.get_as_bytes(s3_path).decode(encoding)

    # Paths and options

    @staticmethod
    def _get_s3_config(key: str | None = None) -> Any:
        """The section ``[s3]`` with its numbers as numbers, its truths as truths; or one of its values."""
        config = get_config()
        options = {name: _as_meant(config.get("s3", name)) for name, _ in config.items("s3")}
        return options.get(key) if key else options

    @staticmethod
    def _check_deprecated_argument(**options: Any) -> None:
        if "encrypt_key" in options:
            raise DeprecatedBotoClientException(
                "boto3 has no encrypt_key: pass ServerSideEncryption='AES256', or another of its encryption arguments."
            )
        if "host" in options:
            raise DeprecatedBotoClientException(
                "boto3 has no host: pass region_name='us-west-1', or endpoint_url for a server that is not Amazon's."
            )

    def _exists(self, bucket: str, key: str) -> bool:
        return self._head(bucket, key) is not None

    def _head(self, bucket: str, key: str) -> Any:
        client = self._client
        from botocore.exceptions import ClientError

        try:
            return client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _NOT_THERE:
                return None
            raise


def _resource(options: dict[str, Any]) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise MissingExtraError("A target in S3", "s3") from error
    options = {"config": Config(max_pool_connections=S3Client.DEFAULT_THREADS), **options}
    arn, session_name = (options.pop(name, None) for name in _OPTIONS_OF_OURS)
    session = boto3.Session()
    if arn and session_name:
        session = _session_in_role(arn, session_name, options)
    try:
        return session.resource("s3", **options)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise DeprecatedBotoClientException(
            f"boto3 does not know an option given to S3Client or in [s3]: {error}. "
            "Its documentation of Session.resource() lists those that there are."
        ) from error


def _session_in_role(arn: str, session_name: str, options: dict[str, Any]) -> Any:
    """A session that acts in a role, and asks for new credentials before the old ones end."""
    import boto3
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
    from botocore.session import get_session

    core = get_session()
    if options.get("region_name"):
        core.set_config_variable("region", options["region_name"])
    own = [options.pop(name, None) for name in ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")]
    if own[0] and own[1]:
        core.set_credentials(*own)
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=core.create_client,
        source_credentials=core.get_credentials(),
        role_arn=arn,
        extra_args={"RoleSessionName": session_name},
    )
    core._credentials = DeferredRefreshableCredentials(
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )  # botocore's way in for credentials that renew themselves is this attribute
    return boto3.Session(botocore_session=core)


@contextmanager
def _as_s3_said() -> Iterator[None]:
    """Raise S3's own error, which has its code, where an upload of a file gave boto3 another one."""
    from boto3.exceptions import S3UploadFailedError
    from botocore.exceptions import ClientError

    try:
        yield
    except S3UploadFailedError as error:
        if isinstance(error.__context__, ClientError):
            error.__context__.add_note(str(error).partition(": ")[0] + ".")
            raise error.__context__ from None
        raise


def _transfer_config(**options: Any) -> Any:
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(**options)


def _as_meant(value: Any) -> Any:
    """What a text in a configuration file stands for."""
    if not isinstance(value, str):
        return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        return int(value)
    except ValueError:
        return value


_default_clients: dict[str, S3Client] = {}


def default_client() -> S3Client:
    """The client of targets that were given none: one for each content of ``[s3]``, so that they are asked together."""
    key = repr(sorted(S3Client._get_s3_config().items()))
    if key not in _default_clients:
        _default_clients[key] = S3Client()
    return _default_clients[key]
