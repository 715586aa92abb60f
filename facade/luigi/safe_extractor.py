"""Unpacking of archives that may be hostile."""

from __future__ import annotations

import os
import tarfile
from typing import Any


class SafeExtractor:
    """Unpacks archives into a folder, and refuses those that reach out of it.

    Args:
        path: the folder.
    """

    def __init__(self, path: str = ".") -> None:
        self.path = path

    @staticmethod
    def _is_within_directory(directory: str, target: str) -> bool:
        """Whether a path lies in a folder, or is it."""
        folder, place = os.path.realpath(directory), os.path.realpath(target)
        return os.path.commonpath([folder, place]) == folder

    def safe_extract(self, tar_path: str, members: Any = None, *, numeric_owner: bool = False) -> None:
        """Unpack an archive.

        Args:
            tar_path: the archive.
            members: which of its members; None for all.
            numeric_owner: take owners by number and not by name.

        Raises:
            RuntimeError: a member would be put outside of the folder. Nothing has been unpacked.
        """
        with tarfile.open(tar_path, "r") as archive:
            for member in archive.getmembers():
                if not self._is_within_directory(self.path, os.path.join(self.path, member.name)):
                    raise RuntimeError(f"Attempted Path Traversal in Tar File: {tar_path} has a member {member.name!r}")
            archive.extractall(self.path, members, numeric_owner=numeric_owner)
