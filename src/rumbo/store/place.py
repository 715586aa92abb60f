"""The folder that holds a history and its logs: `.rumbo` beside the data."""

from __future__ import annotations

import os


def make_folder(folder: str) -> None:
    """Make the folder if it is not there, kept out of everyone's repository: memory is of this machine.

    Raises:
        OSError: it cannot be made.
    """
    if os.path.isdir(folder):
        return
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, ".gitignore"), "w", encoding="utf-8") as file:
        file.write("*\n")


def is_usable(folder: str) -> bool:
    """Whether the folder is there, or can be made, and can be written to."""
    try:
        make_folder(folder)
    except OSError:
        return False
    return os.access(folder, os.W_OK)
