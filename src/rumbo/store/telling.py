"""The logger of the store, imported when there is something to tell: most runs have nothing, and logging is dear."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger


def logger() -> Logger:
    """The logger `rumbo`."""
    import logging

    return logging.getLogger("rumbo")
