"""Work that goes on elsewhere while a task waits for it: ended there when the task is ended here."""

from __future__ import annotations

import logging
import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ended_with_us"]

logger = logging.getLogger("luigi-interface")


class _Terminated(BaseException):
    """SIGTERM came. Not an ``Exception``, so that nobody takes it for an error of the work."""


@contextmanager
def ended_with_us(end: Callable[[], Any]) -> Iterator[None]:
    """End the work if the block is left by an exception, or if this process is told to end (SIGTERM).

    A process that is killed without warning can end nothing. In a pool of processes there are two seconds between the
    warning and the end.

    Args:
        end: ends the work; its own errors are logged and go no further.
    """
    takes_signal = threading.current_thread() is threading.main_thread() and (
        signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if takes_signal:
        signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    except BaseException as error:
        if takes_signal:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is being done
        try:
            end()
        except Exception:
            logger.exception("What goes on elsewhere could not be ended.")
        if isinstance(error, _Terminated):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        raise
    finally:
        if takes_signal:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _raise(number: int, frame: Any) -> NoReturn:
    raise _Terminated
