"""Which target an address means: ``s3://bucket/key`` is in a bucket, ``data/key`` on this machine.

What is behind a scheme is looked up among the entry points of the group ``rumbo.targets``, where a package offers a
class or function under the scheme's name; it is called as ``target_at`` is. ``any`` stands for the schemes that have
no entry of their own. Ours is there too, so a stranger's store is as good as one that came with Rumbo.
"""

from __future__ import annotations

import os
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from rumbo.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rumbo.pipeline.formats import Format
    from rumbo.pipeline.target import FileSystemTarget

#: The group of entry points.
GROUP = "rumbo.targets"

# Two letters at least: C:\data is a path of Windows. A chain such as zip://a.csv::file://b.zip begins as a plain one.
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+):(?=/|:)")


def scheme_of(address: str) -> str:
    """What stands before ``://``, in small letters; empty for a path on this machine."""
    match = _SCHEME.match(address)
    return match[1].lower() if match else ""


def target_at(address: str | os.PathLike[str], format: Format | None = None, **options: Any) -> FileSystemTarget:
    """The target that an address means. With a closing slash it is a folder, which exists when its flag file does.

    Args:
        address: a URL of any scheme that fsspec knows, or a path on this machine.
        format: how its bytes are read and written; text by default.
        options: what its store wants to know beyond that, in fsspec's words: ``anon=True``, ``endpoint_url=...``.

    Raises:
        TargetError: nothing installed knows the scheme.
        MissingExtraError: a library that the scheme needs is not installed.
    """
    address = os.fspath(address)
    scheme = scheme_of(address)
    if scheme in ("", "file", "local"):
        return _local_target(address, format, options)
    if scheme == "memory":
        return _memory_target(address, format, options)
    return _maker_for(scheme)(address, format=format, **options)


def _local_target(address: str, format: Format | None, options: dict[str, Any]) -> FileSystemTarget:
    from rumbo.pipeline.local import LocalDirectoryTarget, LocalTarget

    path = re.sub(r"^(file|local):(//(localhost)?(?=/))?", "", address, flags=re.IGNORECASE)
    if path.endswith("/"):
        return LocalDirectoryTarget(path, format, **options)
    return LocalTarget(path, format, **options)


def _memory_target(address: str, format: Format | None, options: dict[str, Any]) -> FileSystemTarget:
    # Not fsspec's memory: a process that we fork must see what its parent wrote, and the other way round.
    from rumbo.pipeline.memory import MemoryTarget

    return MemoryTarget(address, format=format, **options)


@cache  # a look through all that is installed takes longer than all else that a target does
def _maker_for(scheme: str) -> Callable[..., FileSystemTarget]:
    from importlib.metadata import entry_points

    for name in (scheme, "any"):
        for entry in entry_points(group=GROUP, name=name):
            maker: Callable[..., FileSystemTarget] = entry.load()
            return maker
    raise TargetError(
        f"No installed package makes targets at {scheme}://. "
        f"Install one that offers an entry point {scheme!r} in the group {GROUP!r}, or install Rumbo anew."
    )
