"""Folders in stores that exist when a flag file in them does: what Hadoop and Spark write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rumbo.pipeline.filesystem import FileSystemException

__all__ = ["FlagPathError", "FlaggedFolder"]


class FlagPathError(FileSystemException, ValueError):
    """The path of a target with a flag must be a folder's."""


class FlaggedFolder:
    """What makes a target a folder with a flag."""

    if TYPE_CHECKING:
        path: str

    flag: str
    """The name of the flag file."""

    @property
    def existence_path(self) -> str:
        """The flag file."""
        return self.path + self.flag

    def _check_folder(self, path: Any) -> None:
        if not str(path).endswith("/"):
            raise FlagPathError(f"{type(self).__name__}({str(path)!r}) is a folder: end its path with a slash.")
