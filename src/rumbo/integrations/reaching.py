"""Reaching a database that may be away for a moment, as one that restarts."""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["reach"]

logger = logging.getLogger("luigi-interface")

T = TypeVar("T")

PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds between tries."""
_IN_VAIN = re.compile(r"password|authenti|access denied|does not exist|unknown database|unable to open", re.IGNORECASE)
"""What a database says when it has been reached and trying again cannot help."""


def reach(connect: Callable[[], T], errors: Any, address: object) -> T:
    """A connection; a database that does not answer is tried again for some seconds.

    Args:
        connect: makes the connection.
        errors: the driver's exceptions, one or a tuple.
        address: what the log calls the database; without a password.
    """
    for pause in PAUSES:
        try:
            return connect()
        except errors as error:
            if _IN_VAIN.search(str(error)):
                raise
            logger.warning("%s does not answer; trying again in %g s.", address, pause)
            time.sleep(pause)
    return connect()
