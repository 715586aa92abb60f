"""A client of a file system that asks several others, one after the other."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from luigi.target import FileSystemException

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["CascadingClient", "logger"]

logger = logging.getLogger("luigi-interface")


class CascadingClient:
    """Asks each client until one answers. A refusal (`FileSystemException`) is an answer.

    Args:
        clients: whom to ask, in order.
        method_names: what can be asked.
    """

    ALL_METHOD_NAMES = (
        "exists", "rename", "remove", "chmod", "chown", "count", "copy", "get", "put", "mkdir", "list", "listdir",
        "getmerge", "isdir", "rename_dont_move", "touchz",
    )  # fmt: skip
    _ASKED_BY_TARGETS = ("glob", "modified", "move", "open", "publish")
    answers_in_bulk = False

    def __init__(self, clients: Sequence[Any], method_names: Sequence[str] | None = None) -> None:
        self.clients = clients
        names = self.ALL_METHOD_NAMES if method_names is None else method_names
        for name in dict.fromkeys([*names, *self._ASKED_BY_TARGETS]):
            setattr(self, name, self._asking(name))

    def exists_many(self, paths: Iterable[str]) -> set[str]:
        """Those of ``paths`` that exist."""
        return {path for path in paths if self._chained_call("exists", path)}

    def _asking(self, name: str) -> Any:
        def ask(*args: Any, **kwargs: Any) -> Any:
            return self._chained_call(name, *args, **kwargs)

        return ask

    def _chained_call(self, method_name: str, *args: Any, **kwargs: Any) -> Any:
        *others, last = self.clients
        for client in others:
            try:
                return getattr(client, method_name)(*args, **kwargs)
            except FileSystemException:
                raise
            except Exception as error:  # noqa: BLE001 - a stranger's error; the next client is asked
                logger.warning("%s failed to %s (%r); asking the next.", type(client).__name__, method_name, error)
        return getattr(last, method_name)(*args, **kwargs)
