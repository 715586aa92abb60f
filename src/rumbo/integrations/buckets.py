"""Paths of objects in buckets, as S3 and Google's store have them: ``s3://bucket/key``."""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["BucketPaths"]


class BucketPaths:
    """How a client reads paths."""

    @staticmethod
    def _path_to_bucket_and_key(path: str) -> tuple[str, str]:
        # A key may have a question mark in it, or a #.
        parts = urlsplit(path, allow_fragments=False)
        return parts.netloc, parts.path[1:] + (f"?{parts.query}" if parts.query else "")

    @staticmethod
    def _is_root(key: str) -> bool:
        return key in ("", "/")

    @staticmethod
    def _add_path_delimiter(key: str) -> str:
        return key if key.endswith("/") or not key else key + "/"
