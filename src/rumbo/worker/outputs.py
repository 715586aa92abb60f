"""What a task has made, as one line of text for the record: where each output is, how large and how old.

The line is a JSON array with an array for each output: address, bytes or null, seconds since the epoch or null. What
is beyond `MOST` outputs is counted only, and the number ends the array. A task without outputs has an empty line.
"""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as quoted
from time import perf_counter
from typing import TYPE_CHECKING

from rumbo.pipeline.secrecy import PUBLIC, masked
from rumbo.pipeline.structure import flatten
from rumbo.pipeline.target import footprint_of
from rumbo.pipeline.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 100
"""So many outputs of a task are named."""
_SLOW = 1.0
"""Seconds. An `output()` that takes longer is not asked again for the record's sake alone."""

_PASSWORD = r"(?<=://)[^\s/?#@:]*:(?!\d+(?:[/?#]|$))\S*@|(?<=://)[^\s/?#]*@"
"""What stands before the host: name and password, or a token. A password may hold what belongs into no address."""
_QUERY = r"(?<=[?&;])([^=&;#\s'\"]*)=[^&;#\s'\"]*"
_NAMED = (
    r"(?i)(\w*(?:password|passwd|secret|token|credential|(?:api|access|private)_?key)\w*\s*[=:]\s*)"
    r"('[^']*'|\"[^\"]*\"|[^,)\s]+)"
)
"""What a `repr` may tell."""


class Recorder:
    """Writes down what tasks have made. Nothing that goes wrong here reaches the tasks: each class is complained of
    once, in a warning."""

    def __init__(self) -> None:
        self._unasked: set[type[Task]] = set()
        """Classes whose `output()` raised or took long."""
        self._has_secrets: dict[type[Task], bool] = {}

    def line_of(self, task: Task, targets: Sequence[object] | None = None) -> str:
        """The line for a task that is complete.

        Args:
            targets: its outputs, if somebody has asked for them already.
        """
        cls = type(task)
        if cls.output is Task.output or cls in self._unasked:
            return ""
        begun = perf_counter()
        try:
            if targets is None:
                targets = flatten(task.output())
            return self._line(task, targets) if targets else ""
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the user's code, or its time is over; the task is done all the same
            self._complain(task, f"raised {type(error).__name__}: {masked(str(error), task)}")
            return ""
        finally:
            if perf_counter() - begun > _SLOW and cls not in self._unasked:
                self._complain(task, f"took {perf_counter() - begun:.1f} s")

    def _line(self, task: Task, targets: Sequence[object]) -> str:
        parts = []
        for target in targets[:MOST]:
            address, size, modified = footprint_of(target)
            if address[:1] != "/":
                address = without_credentials(address)
            if self._keeps_secrets(task):
                address = masked(address, task, with_hidden=True)
            written = "null" if size is None else size
            at = "null" if modified is None else f"{modified:.3f}"
            parts.append(f"[{quoted(address)},{written},{at}]")
        if len(targets) > MOST:
            parts.append(str(len(targets) - MOST))
        return f"[{','.join(parts)}]"

    def _keeps_secrets(self, task: Task) -> bool:
        cls = type(task)
        known = self._has_secrets.get(cls)
        if known is None:
            parameters = [parameter for _, parameter in task.get_params()]
            known = self._has_secrets[cls] = any(each.visibility != PUBLIC for each in parameters)
        return known

    def _complain(self, task: Task, what: str) -> None:
        self._unasked.add(type(task))
        import logging

        logging.getLogger("rumbo").warning(
            "%s.output() %s when it was asked what %s has made: the history does not tell of its outputs.",
            type(task).__name__,
            what,
            task,
        )


def without_credentials(address: str) -> str:
    """An address in which nothing proves who somebody is: no name or password before a host, no value in a query."""
    import re  # most addresses are paths, and the patterns take a millisecond to compile

    if "://" in address:
        address = re.sub(_PASSWORD, "***@", address)
        return re.sub(_QUERY, r"\1=***", address) if "?" in address else address
    return re.sub(_NAMED, r"\1***", address)
