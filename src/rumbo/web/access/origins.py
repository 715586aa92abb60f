"""Whether a browser asks on behalf of a page that is not ours.

A page from anywhere can make a browser on this machine ask a server on this machine. Two things give it away: the name
that it reached the server by, if it had a name of its own point here (DNS rebinding), and what browsers say of where
a request comes from.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping


@lru_cache(maxsize=256)
def is_own_name(host: str, names: frozenset[str]) -> bool:
    """Whether a server on this machine may be called so: by a number, ``localhost``, or one of ``names``.

    Numbers are safe: nobody can make them point elsewhere.
    """
    name = _name(host)
    if name == "localhost" or name.endswith(".localhost") or name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _name(host: str) -> str:
    """The name in a ``Host`` header, without the port, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].rstrip(".").lower()


def comes_from_elsewhere(headers: Mapping[bytes, bytes]) -> bool | None:
    """Whether another site's page asks; None: nothing is said of it, so it is no browser, or an old one."""
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site not in (b"same-origin", b"none")
    origin = headers.get(b"origin")
    if origin is None:
        return None
    return urlsplit(origin.decode("latin-1")).netloc.lower() != headers.get(b"host", b"").decode("latin-1").lower()
