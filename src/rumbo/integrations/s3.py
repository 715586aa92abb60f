"""Targets in Amazon S3, and tasks for what somebody else puts there."""

from __future__ import annotations

import io
import os
import time
import warnings
from typing import TYPE_CHECKING, Any

from rumbo.integrations.flags import FlaggedFolder
from rumbo.integrations.parts import BytesInParts
from rumbo.integrations.s3_client import FileNotFoundException, S3Client, default_client
from rumbo.pipeline.formatted import FormattedTarget
from rumbo.pipeline.parameter import Parameter
from rumbo.pipeline.parameters.scalars import OptionalParameter
from rumbo.pipeline.target import AtomicLocalFile
from rumbo.pipeline.task import ExternalTask

if TYPE_CHECKING:
    from rumbo.pipeline.formats import Format

_READ_PAUSES = (0.1, 0.5, 2.0)  # seconds before going on where a connection broke


class AtomicS3File(AtomicLocalFile):
    """A file here, to be put to S3 when it is closed.

    Args:
        path: where to.
        s3_client: who puts it.
        options: as of ``S3Client.put_multipart``.
    """

    def __init__(self, path: str, s3_client: S3Client, **options: Any) -> None:
        self.s3_client = s3_client
        self.s3_options = options
        super().__init__(path)

    def move_to_final_destination(self) -> None:
        self.s3_client.put_multipart(self.tmp_path, self.path, **self.s3_options)


class _Body(BytesInParts):
    """An object's bytes as they come. After a broken connection it goes on where that broke."""

    def __init__(self, s3_key: Any) -> None:
        answer = s3_key.get()
        super().__init__(answer["ContentLength"])
        self._key = s3_key
        self._body = answer["Body"]
        self._etag = answer["ETag"]

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        before = self._position
        position = super().seek(offset, whence)
        if position != before:
            self._let_go()
        return position

    def _read(self, length: int) -> bytes:
        from botocore.exceptions import HTTPClientError, IncompleteReadError

        for pause in _READ_PAUSES:
            try:
                return self._next(length)
            except (HTTPClientError, IncompleteReadError, ConnectionError):
                self._let_go()
            time.sleep(pause)
        return self._next(length)

    def _next(self, length: int) -> bytes:
        if self._body is None:
            self._body = self._key.get(Range=f"bytes={self._position}-", IfMatch=self._etag)["Body"]
        data: bytes = self._body.read(length)
        return data

    def _let_go(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None

    def close(self) -> None:
        if not self.closed:
            self._let_go()
            super().close()


class ReadableS3File(io.BufferedReader):
    """An object to read from, at any place in it; only what is read travels.

    Args:
        s3_key: boto3's object or object summary.
    """

    def __init__(self, s3_key: Any) -> None:
        super().__init__(_Body(s3_key), 256 << 10)


class S3Target(FormattedTarget):
    """An object in S3.

    Args:
        path: ``s3://bucket/key``.
        format: how its bytes are read and written; text by default.
        client: how S3 is reached; by default as ``[s3]`` and boto3's own configuration say.
        options: as of ``S3Client.put_multipart``, such as ``StorageClass``.
    """

    fs: S3Client = None  # type: ignore[assignment] # the constructor gives it

    def __init__(
        self,
        path: str | os.PathLike[str],
        format: Format | None = None,
        client: S3Client | None = None,
        **options: Any,
    ) -> None:
        super().__init__(path, format)
        self.fs = client or default_client()
        self.s3_options = options

    def modified(self) -> float | None:
        """When the object was written; None when there is none."""
        return self.fs.modified(self.existence_path)

    def bytes_to_read(self) -> ReadableS3File:
        key = self.fs.get_key(self.path)
        if key is None:
            raise FileNotFoundException(f"There is nothing at {self.path}.")
        return ReadableS3File(key)

    def bytes_to_write(self) -> AtomicS3File:
        return AtomicS3File(self.path, self.fs, **self.s3_options)


class S3FlagTarget(FlaggedFolder, S3Target):
    """A folder in S3, which exists when a flag file in it does: what Hadoop and Spark write.

    Args:
        path: the folder, with a slash at its end.
        format: as of ``S3Target``.
        client: as of ``S3Target``.
        flag: the name of the flag file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        format: Format | None = None,
        client: S3Client | None = None,
        flag: str | None = "_SUCCESS",
    ) -> None:
        self._check_folder(path)
        super().__init__(path, format, client)
        self.flag = flag or "_SUCCESS"


class S3EmrTarget(S3FlagTarget):
    """The old name of ``S3FlagTarget``."""

    def __init__(self, *args: Any, **options: Any) -> None:
        warnings.warn("S3EmrTarget is deprecated. Please use S3FlagTarget", stacklevel=2)
        super().__init__(*args, **options)


class S3PathTask(ExternalTask):
    """An object that somebody else puts to S3."""

    path = Parameter()

    def output(self) -> S3Target:
        return S3Target(self.path)


class S3EmrTask(ExternalTask):
    """The old name of ``S3FlagTask``."""

    path = Parameter()

    def output(self) -> S3EmrTarget:
        return S3EmrTarget(self.path)


class S3FlagTask(ExternalTask):
    """A folder that somebody else fills in S3, and ends with a flag file."""

    path = Parameter()
    flag = OptionalParameter(default=None)

    def output(self) -> S3FlagTarget:
        return S3FlagTarget(self.path, flag=self.flag)
